package gguf

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// raw builds a file from parts that Writer would refuse.
type raw struct{ bytes.Buffer }

func newRaw(tensors, kvs uint64) *raw {
	r := &raw{}
	r.WriteString(magic)
	put(&r.Buffer, uint32(3), tensors, kvs)
	return r
}

func (r *raw) kv(key string, parts ...any) *raw {
	putString(&r.Buffer, key)
	for _, p := range parts {
		if s, ok := p.(string); ok {
			putString(&r.Buffer, s)
		} else {
			put(&r.Buffer, p)
		}
	}
	return r
}

func (r *raw) tensor(name string, kind uint32, offset uint64, dims ...int64) *raw {
	putString(&r.Buffer, name)
	put(&r.Buffer, uint32(len(dims)), dims, kind, offset)
	return r
}

// data pads the header and appends n bytes.
func (r *raw) data(n int) *raw {
	r.Write(make([]byte, pad(int64(r.Len()), 32)-int64(r.Len())+int64(n)))
	return r
}

func TestOpenDamaged(t *testing.T) {
	long := strings.Repeat("n", 64)
	for _, c := range []struct {
		name string
		file *raw
		want string
	}{
		{"kv count", newRaw(0, 1<<60), "an absurd count of 1152921504606846976 metadata entries"},
		{"kv count beyond the file", newRaw(0, 9).kv("a", uint32(4), uint32(1)), "an absurd count of 9 metadata entries"},
		{"tensor count", newRaw(1<<63, 0), "an absurd count of 9223372036854775808 tensors"},
		{"key length", newRaw(0, 1).kv("a", uint32(4), uint32(1), uint64(0)).cut(24, uint64(1)<<62), "absurd length"},
		{"key length beyond the file", newRaw(0, 1).kv("a", uint32(4), uint32(1), uint64(0)).cut(24, uint64(1000)), "the file ends at byte 49, inside metadata key 0"},
		{"empty key", newRaw(0, 1).kv("", uint32(4), uint32(1)), "is empty"},
		{"key with a control character", newRaw(0, 1).kv("a\nb", uint32(4), uint32(1)), "byte 0x0a"},
		{"duplicate key", newRaw(0, 2).kv("a", uint32(4), uint32(1)).kv("a", uint32(4), uint32(1)), `key "a" appears twice`},
		{"value type", newRaw(0, 1).kv("a", uint32(13), uint32(1)), "type 13, which does not exist"},
		{"element type", newRaw(0, 1).kv("a", uint32(9), uint32(99), uint64(0)), "elements of type 99, which does not exist"},
		{"array of arrays", newRaw(0, 1).kv("a", uint32(9), uint32(9), uint64(0)), "array of arrays"},
		{"array count", newRaw(0, 1).kv("a", uint32(9), uint32(4), uint64(1)<<31), "absurd count"},
		{"number array beyond the file", newRaw(0, 1).kv("a", uint32(9), uint32(4), uint64(1<<20)), "truncated"},
		{"string array beyond the file", newRaw(0, 1).kv("a", uint32(9), uint32(8), uint64(1<<20)), "truncated"},
		{"string element length", newRaw(0, 1).kv("a", uint32(9), uint32(8), uint64(1), uint64(1)<<40), "element 0 of \"a\" has an absurd length"},
		{"string element beyond the file", newRaw(0, 1).kv("a", uint32(9), uint32(8), uint64(1), uint64(99)), "truncated"},
		{"string beyond the file", newRaw(0, 1).kv("a", uint32(8), uint64(99)), "truncated"},
		{"alignment type", newRaw(0, 1).kv(keyAlignment, uint32(10), uint64(32)), "must be uint32"},
		{"alignment 0", newRaw(0, 1).kv(keyAlignment, uint32(4), uint32(0)), "must be a power of two"},
		{"alignment 48", newRaw(0, 1).kv(keyAlignment, uint32(4), uint32(48)), "must be a power of two"},
		{"alignment 2^31", newRaw(1, 1).kv(keyAlignment, uint32(4), uint32(1<<31)).tensor("t", 0, 0, 8).data(32), "truncated"},
		{"tensor name length", newRaw(1, 0).tensor(long, 0, 0, 8).data(32), "has 64 bytes, at most 63"},
		{"tensor name empty", newRaw(1, 0).tensor("", 0, 0, 8).data(32), "is empty"},
		{"tensor name with NUL", newRaw(1, 0).tensor("a\x00b", 0, 0, 8).data(32), "byte 0x00"},
		{"no dimensions", newRaw(1, 0).tensor("t", 0, 0).data(32), "has 0 dimensions"},
		{"five dimensions", newRaw(1, 0).tensor("t", 0, 0, 1, 1, 1, 1, 1).data(32), "has 5 dimensions"},
		{"dimension 0", newRaw(1, 0).tensor("t", 0, 0, 8, 0).data(32), "impossible shape 8x0"},
		{"dimension negative", newRaw(1, 0).tensor("t", 0, 0, -8).data(32), "impossible shape -8"},
		{"elements overflow", newRaw(1, 0).tensor("t", 0, 0, 1<<32, 1<<31, 2).data(32), "impossible shape"},
		{"elements wrap to 0", newRaw(1, 0).tensor("t", 0, 0, 1<<32, 1<<32).data(32), "impossible shape"},
		{"bytes overflow", newRaw(1, 0).tensor("t", 0, 0, 1<<62).data(32), "too large"},
		{"row not whole blocks", newRaw(1, 0).tensor("t", 2, 0, 48).data(64), "not whole blocks of 32"},
		{"type given up", newRaw(1, 0).tensor("t", 4, 0, 32).data(32), "type 4, which llama.cpp v0.5.0 does not know: Q4_2 was removed, convert the model again"},
		{"a layout given up", newRaw(1, 0).tensor("t", 31, 0, 32).data(32), "type 31, which llama.cpp v0.5.0 does not know: Q4_0_4_4 was removed, use a Q4_0 file"},
		{"the last layout given up", newRaw(1, 0).tensor("t", 33, 0, 32).data(32), "Q4_0_8_8 was removed, use a Q4_0 file"},
		{"BitNet's number", newRaw(1, 0).tensor("t", 36, 0, 32).data(32), "IQ4_NL_4_4 was removed, use an IQ4_NL file, which is laid out so while it is loaded; or it is BitNet's own"},
		{"ik_llama.cpp's number", newRaw(1, 0).tensor("t", 138, 0, 32).data(32), "type 138, which llama.cpp v0.5.0 does not know: perhaps one of ik_llama.cpp's own"},
		{"type unknown", newRaw(1, 0).tensor("t", 43, 0, 32).data(32), "type 43, which llama.cpp"},
		{"type huge", newRaw(1, 0).tensor("t", math.MaxUint32, 0, 32).data(32), "type 4294967295"},
		{"duplicate tensor", newRaw(2, 0).tensor("t", 0, 0, 8).tensor("t", 0, 32, 8).data(64), `tensor "t" appears twice`},
		{"offset not 0", newRaw(1, 0).tensor("t", 0, 32, 8).data(64), "starts at offset 32 of the data, expected 0"},
		{"gap", newRaw(2, 0).tensor("t", 0, 0, 8).tensor("u", 0, 64, 8).data(128), "starts at offset 64 of the data, expected 32"},
		{"overlap", newRaw(2, 0).tensor("t", 0, 0, 16).tensor("u", 0, 32, 8).data(128), "starts at offset 32 of the data, expected 64"},
		{"data missing", newRaw(1, 0).tensor("t", 0, 0, 1000).data(3000), "1000 bytes are missing"},
		{"infos missing", newRaw(2, 0).tensor("t", 0, 0, 8), "an absurd count of 2 tensors"},
		{"infos cut", newRaw(2, 0).tensor("tttttttttttttttttt", 0, 0, 8), "truncated"},
	} {
		path := filepath.Join(t.TempDir(), "x.gguf")
		if err := os.WriteFile(path, c.file.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		f, err := Open(path)
		if f != nil || err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want an error with %q", c.name, err, c.want)
		}
		if strings.Contains(c.want, "truncated") && !errors.Is(err, ErrTruncated) {
			t.Errorf("%s: %v is not ErrTruncated", c.name, err)
		}
	}
}

// cut overwrites 8 bytes at an offset.
func (r *raw) cut(at int, v uint64) *raw {
	binary.LittleEndian.PutUint64(r.Bytes()[at:], v)
	return r
}

func TestLastPaddingMayBeMissing(t *testing.T) {
	f, err := read(bytes.NewReader(newRaw(1, 0).tensor("t", 0, 0, 3).data(12).Bytes()), 24+8+1+4+8+4+8+7+12, 0)
	if err != nil || f.Tensors[0].Bytes != 12 {
		t.Errorf("%v, %+v", err, f)
	}
}

func TestVersion2(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m.gguf")
	smallModel(t, path, nil)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	data[4] = 2 // the layout is the same
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := Check(path); err != nil {
		t.Error(err)
	}
}

// A header's counts can promise far more than the file holds. Reading must not
// believe them.
func TestBoundedAllocation(t *testing.T) {
	for name, file := range map[string]*raw{
		"numbers":  newRaw(0, 1).kv("a", uint32(9), uint32(12), uint64(1<<30)),
		"strings":  newRaw(0, 1).kv("a", uint32(9), uint32(8), uint64(1<<30)),
		"string":   newRaw(0, 1).kv("a", uint32(8), uint64(1<<30)),
		"kvs":      newRaw(0, 1<<40),
		"tensors":  newRaw(1<<40, 0),
		"few left": newRaw(0, 1).kv("a", uint32(9), uint32(8), uint64(1<<20)).data(1 << 20),
	} {
		size := int64(file.Len())
		got := allocated(func() {
			if _, err := read(bytes.NewReader(file.Bytes()), size, 0); err == nil {
				t.Errorf("%s: no error", name)
			}
		})
		if limit := uint64(1<<18 + 8*size); got > limit {
			t.Errorf("%s: reading %d bytes allocated %d, more than %d", name, size, got, limit)
		}
	}
}

// allocated returns the bytes that f allocates.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// A valid file with bits flipped in its header is refused or accepted, never
// worse. What is accepted keeps the promises that callers rely on.
func TestBitFlips(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m.gguf")
	smallModel(t, path, nil)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	good, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	head := int(good.Tensors[0].Start)
	r := rand.New(rand.NewPCG(1, 2))
	refused := 0
	for i := range 2000 {
		damaged := bytes.Clone(data)
		for range 1 + i%20 {
			damaged[r.IntN(head)] ^= 1 << r.IntN(8)
		}
		f, err := read(bytes.NewReader(damaged), int64(len(damaged)), 0)
		if err != nil {
			refused++
			continue
		}
		f.Paths = []string{path}
		if f.Check() != nil {
			refused++
		}
		for _, tensor := range f.Tensors {
			if tensor.Bytes < 1 || tensor.Start < 0 || tensor.Start+tensor.Bytes > int64(len(data)) {
				t.Fatalf("round %d: tensor %+v is outside the file", i, tensor)
			}
		}
	}
	if refused < 1000 || refused == 2000 {
		t.Errorf("%d of 2000 damaged files were refused", refused)
	}
}

func FuzzOpen(f *testing.F) {
	path := filepath.Join(f.TempDir(), "m.gguf")
	smallModel(f, path, func(m *model) {
		// Small, since the fuzzer tries to shorten what it finds.
		m.remove("output.weight")
		m.tensor("token_embd.weight").Type = Q4_0
		m.set(m3+"block_count", uint32(1))
		m.tensors = slices.DeleteFunc(m.tensors, func(t Tensor) bool { return strings.HasPrefix(t.Name, "blk.1.") })
	})
	if err := Check(path); err != nil {
		f.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add(newRaw(2, 1).kv(keyAlignment, uint32(4), uint32(64)).tensor("t", 0, 0, 8).tensor("u", 8, 64, 32, 2).data(200).Bytes())
	f.Add(newRaw(0, 2).kv("a", uint32(9), uint32(8), uint64(2), "x", "y").kv("b", uint32(9), uint32(6), uint64(1), float32(1)).Bytes())
	f.Fuzz(func(t *testing.T, data []byte) {
		var file *File
		got := allocated(func() {
			var err error
			if file, err = read(bytes.NewReader(data), int64(len(data)), 0); err != nil && file != nil {
				t.Error("a file beside an error")
			}
		})
		// 64 KiB are the read buffer; other goroutines of the fuzzer allocate too.
		if limit := uint64(8<<20 + 64*len(data)); got > limit {
			t.Errorf("reading %d bytes allocated %d", len(data), got)
		}
		if file != nil {
			file.Paths = []string{"fuzz"}
			_ = file.Check()
			_ = file.TensorTypes()
		}
	})
}
