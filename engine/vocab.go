package engine

import (
	"fmt"

	"ceiling/engine/gguf"
	"ceiling/engine/internal/llama"
)

// LoadVocab reads a model file's vocabulary and metadata, and none of its
// weights: its ids, texts and special tokens are those of the loaded model,
// because the same code reads them. The model can be asked but not opened. It
// takes no device and needs no Init; the library's log goes nowhere from here
// on.
//
// Errors: ErrModelFile, ErrLoad.
func LoadVocab(path string) (*Model, error) {
	file, err := gguf.Open(path)
	if err == nil {
		err = file.Check()
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrModelFile, firstProblem(err))
	}
	if err := llama.OpenLog(""); err != nil {
		return nil, err
	}
	llama.ResetLogged()
	native := llama.LoadModel(llama.LoadParams{Path: path, CPUOnly: true, VocabOnly: true, LoadMode: llama.LoadAuto})
	if native == nil {
		return nil, fmt.Errorf("%w: %s%s", ErrLoad, modelName(path), logged())
	}
	return &Model{native: native, file: file, path: path, vocabOnly: true}, nil
}

// EOS is the id of the token that ends a text, -1 if the model names none.
func (m *Model) EOS() int32 {
	id, ok, err := gguf.Get[uint32](m.file, "tokenizer.ggml.eos_token_id")
	if !ok || err != nil || int64(id) >= int64(m.VocabSize()) {
		return -1
	}
	return int32(id)
}
