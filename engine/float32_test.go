package engine

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"testing"

	"ceiling/engine/gguf"
)

// float32Model writes a model's weights, decoded, as 32-bit floats: the same
// numbers, in a form for which the engine does not round what it multiplies
// them with. layers > 0 keeps only the first of its layers.
func float32Model(t testing.TB, path string, layers int) string {
	t.Helper()
	return rewritten(t, path, "f32", layers)
}

// firstLayers writes a model's first layers as they are stored.
func firstLayers(t testing.TB, path string, layers int) string {
	t.Helper()
	return rewritten(t, path, "first", layers)
}

// rewritten writes a model again: "f32" or "first", as the functions above say.
func rewritten(t testing.TB, path, how string, layers int) string {
	t.Helper()
	in, err := gguf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	src, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	out := filepath.Join(t.TempDir(), how+"-"+filepath.Base(path))
	w := gguf.NewWriter(out)
	defer w.Abort()
	for _, kv := range in.KVs {
		switch {
		case kv.Key == "general.file_type" && how == "f32":
			kv.Value = uint32(0) // all F32
		case layers > 0 && kv.Key == in.Architecture()+".block_count":
			kv.Value = uint32(layers)
		}
		w.Add(kv.Key, kv.Value)
	}
	var keep []*gguf.Tensor
	for i := range in.Tensors {
		tensor := &in.Tensors[i]
		var layer int
		if n, _ := fmt.Sscanf(tensor.Name, "blk.%d.", &layer); n == 1 && layers > 0 && layer >= layers {
			continue
		}
		keep = append(keep, tensor)
		kind := tensor.Type
		if how == "f32" {
			kind = gguf.F32
		}
		w.AddTensor(tensor.Name, kind, tensor.Dims...)
	}
	if err := w.Begin(); err != nil {
		t.Fatal(err)
	}
	for _, tensor := range keep {
		_, to, err := w.Next()
		if err == nil {
			err = copyTensor(to, src, tensor, how == "f32")
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Commit(); err != nil {
		t.Fatal(err)
	}
	return out
}

// copyTensor writes a tensor's values as they are stored, or decoded.
func copyTensor(to io.Writer, from io.ReaderAt, t *gguf.Tensor, decoded bool) error {
	raw := make([]byte, t.Bytes)
	if _, err := from.ReadAt(raw, t.Start); err != nil {
		return err
	}
	if !decoded {
		_, err := to.Write(raw)
		return err
	}
	values := make([]float32, t.Elements())
	if err := gguf.Dequantize(t.Type, raw, values); err != nil {
		return err
	}
	bytes := make([]byte, 4*len(values))
	for i, v := range values {
		binary.LittleEndian.PutUint32(bytes[4*i:], math.Float32bits(v))
	}
	_, err := to.Write(bytes)
	return err
}
