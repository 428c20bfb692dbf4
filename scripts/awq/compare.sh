#!/usr/bin/env bash
# Compares the conversion of small random checkpoints with llama.cpp's own
# converter, for the formats that it reads: every dequantised value and every
# hyperparameter must be equal. llama.cpp's converter runs from the pinned
# source, in a Python environment that this script makes (about 6 GB; PyPI must
# be reachable the first time).
#
# usage: [CEILING_AWQ_VENV=FOLDER] scripts/awq/compare.sh [--only TEXT]
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cache=${CEILING_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/ceiling}
venv=${CEILING_AWQ_VENV:-$cache/awq-venv}

source=$("$root/third_party/fetch-llama.sh")
if ! "$venv/bin/python" -c 'import torch, numpy, transformers' 2>/dev/null; then
    python3 -m venv "$venv"
    # The versions that the source's own requirements name.
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check \
        numpy~=2.2.6 transformers==4.57.6 sentencepiece protobuf torch==2.11.0
fi
# The source is checked by its tree: Python must not leave byte code in it.
export PYTHONDONTWRITEBYTECODE=1 HF_HUB_OFFLINE=1
exec go run -C "$root" ./scripts/awq/compare --python "$venv/bin/python" --script "$root/scripts/awq/upstream.py" --source "$source" "$@"
