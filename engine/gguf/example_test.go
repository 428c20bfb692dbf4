package gguf_test

import (
	"fmt"
	"os"
	"path/filepath"

	"ceiling/engine/gguf"
)

// A file with one key and one tensor, written and read back.
func ExampleWriter() {
	dir, err := os.MkdirTemp("", "gguf")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "one.gguf")

	w := gguf.NewWriter(path)
	defer w.Abort() // does nothing after Commit
	w.Add("general.architecture", "llama")
	w.AddTensor("output_norm.weight", gguf.F32, 4)
	if err := w.Begin(); err != nil {
		fmt.Println(err)
		return
	}
	info, out, err := w.Next()
	if err != nil {
		fmt.Println(err)
		return
	}
	if _, err := out.Write(make([]byte, info.Bytes)); err != nil {
		fmt.Println(err)
		return
	}
	if err := w.Commit(); err != nil {
		fmt.Println(err)
		return
	}

	f, err := gguf.Open(path)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(f.Architecture(), f.Tensors[0].Name, f.Tensors[0].Type, f.Tensors[0].Shape(), f.Parameters())
	// Output: llama output_norm.weight F32 4 4
}
