"""Converts a checkpoint to F32 with llama.cpp's own converter.

usage: upstream.py LLAMA_CPP_SOURCE CHECKPOINT OUT.gguf

The vocabulary is left out: the converter knows tokenizers by a hash of what
they do to one text, and refuses those of small test checkpoints. Tensors and
hyperparameters do not depend on it.
"""

import runpy
import sys
from pathlib import Path

source, checkpoint, out = Path(sys.argv[1]).resolve(), sys.argv[2], sys.argv[3]
sys.path[:0] = [str(source), str(source / "gguf-py")]

from conversion.llama import LlamaModel  # noqa: E402

LlamaModel.set_vocab = lambda self: None

script = source / "convert_hf_to_gguf.py"
sys.argv = [str(script), checkpoint, "--outfile", out, "--outtype", "f32"]
runpy.run_path(str(script), run_name="__main__")
