package gguf

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// smallModel writes a loadable model of architecture mistral3 with a
// vocabulary of 276 tokens. edit may change the writer before it begins.
func smallModel(t testing.TB, path string, edit func(m *model)) {
	t.Helper()
	m := newModel()
	if edit != nil {
		edit(m)
	}
	w := m.writer(path)
	defer w.Abort()
	if err := w.Begin(); err != nil {
		t.Fatal(err)
	}
	fill(t, w)
	if err := w.Commit(); err != nil {
		t.Fatal(err)
	}
}

// fill writes every tensor with bytes that count up.
func fill(t testing.TB, w *Writer) {
	t.Helper()
	for {
		info, out, err := w.Next()
		if err == io.EOF {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		data := make([]byte, info.Bytes)
		for i := range data {
			data[i] = byte(i + len(info.Name))
		}
		if _, err := out.Write(data); err != nil {
			t.Fatal(err)
		}
	}
}

// model is metadata and tensors that tests change before writing.
type model struct {
	kvs     []KV
	tensors []Tensor
}

func (m *model) writer(path string) *Writer {
	w := NewWriter(path)
	for _, kv := range m.kvs {
		w.Add(kv.Key, kv.Value)
	}
	for _, t := range m.tensors {
		w.AddTensor(t.Name, t.Type, t.Dims...)
	}
	return w
}

// set replaces or adds a metadata value; nil removes the key.
func (m *model) set(key string, v any) {
	i := slices.IndexFunc(m.kvs, func(kv KV) bool { return kv.Key == key })
	switch {
	case v == nil && i >= 0:
		m.kvs = slices.Delete(m.kvs, i, i+1)
	case i >= 0:
		m.kvs[i].Value = v
	default:
		m.kvs = append(m.kvs, KV{key, v})
	}
}

// tensor returns the named tensor for changing.
func (m *model) tensor(name string) *Tensor {
	i := slices.IndexFunc(m.tensors, func(t Tensor) bool { return t.Name == name })
	return &m.tensors[i]
}

func (m *model) remove(name string) {
	m.tensors = slices.DeleteFunc(m.tensors, func(t Tensor) bool { return t.Name == name })
}

func (m *model) add(name string, t Type, dims ...int64) {
	m.tensors = append(m.tensors, Tensor{Name: name, Type: t, Dims: dims})
}

func newModel() *model {
	m := &model{}
	var tokens, merges []string
	var kinds []int32
	for _, s := range []string{"<unk>", "<s>", "</s>"} {
		tokens, kinds = append(tokens, s), append(kinds, TokenControl)
	}
	for i := range 256 {
		tokens, kinds = append(tokens, string(rune(0x100+i))), append(kinds, TokenNormal)
	}
	for i := range 17 {
		a, b := string(rune(0x100+i)), string(rune(0x101+i))
		tokens, kinds = append(tokens, a+b), append(kinds, TokenNormal)
		merges = append(merges, a+" "+b)
	}
	for _, kv := range []KV{
		{"general.architecture", "mistral3"},
		{"general.name", "small"},
		{"general.file_type", uint32(2)},
		{"mistral3.vocab_size", uint32(len(tokens))},
		{"mistral3.context_length", uint32(4096)},
		{"mistral3.embedding_length", uint32(64)},
		{"mistral3.block_count", uint32(2)},
		{"mistral3.feed_forward_length", uint32(96)},
		{"mistral3.attention.head_count", uint32(4)},
		{"mistral3.attention.head_count_kv", uint32(2)},
		{"mistral3.attention.key_length", uint32(32)},
		{"mistral3.attention.value_length", uint32(32)},
		{"mistral3.attention.layer_norm_rms_epsilon", float32(1e-5)},
		{"mistral3.attention.temperature_scale", float32(0.1)},
		{"mistral3.rope.dimension_count", uint32(32)},
		{"mistral3.rope.freq_base", float32(1e6)},
		{"mistral3.rope.scaling.type", "yarn"},
		{"mistral3.rope.scaling.factor", float32(4)},
		{"mistral3.rope.scaling.original_context_length", uint32(1024)},
		{"mistral3.rope.scaling.yarn_log_multiplier", float32(1)},
		{"tokenizer.ggml.model", "gpt2"},
		{"tokenizer.ggml.pre", "tekken"},
		{"tokenizer.ggml.tokens", tokens},
		{"tokenizer.ggml.token_type", kinds},
		{"tokenizer.ggml.merges", merges},
		{"tokenizer.ggml.bos_token_id", uint32(1)},
		{"tokenizer.ggml.eos_token_id", uint32(2)},
		{"tokenizer.ggml.add_bos_token", true},
	} {
		m.set(kv.Key, kv.Value)
	}
	m.add("token_embd.weight", F16, 64, int64(len(tokens)))
	for _, blk := range []string{"blk.0.", "blk.1."} {
		m.add(blk+"attn_norm.weight", F32, 64)
		m.add(blk+"attn_q.weight", Q4_0, 64, 128)
		m.add(blk+"attn_k.weight", Q4_0, 64, 64)
		m.add(blk+"attn_v.weight", Q8_0, 64, 64)
		m.add(blk+"attn_output.weight", Q4_0, 128, 64)
		m.add(blk+"ffn_norm.weight", F32, 64)
		m.add(blk+"ffn_gate.weight", Q4_1, 64, 96)
		m.add(blk+"ffn_up.weight", Q5_0, 64, 96)
		m.add(blk+"ffn_down.weight", Q4_0, 96, 64)
	}
	m.add("output_norm.weight", F32, 64)
	m.add("output.weight", F16, 64, int64(len(tokens)))
	return m
}

func TestRoundTrip(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m.gguf")
	m := newModel()
	for key, v := range map[string]any{
		"test.u8": uint8(200), "test.i8": int8(-3), "test.u16": uint16(60000), "test.i16": int16(-30000),
		"test.i32": int32(-1 << 30), "test.u64": uint64(1 << 60), "test.i64": int64(-1 << 60),
		"test.f64": math.Pi, "test.no": false,
		"test.u8s": []uint8{1, 2}, "test.i8s": []int8{-1}, "test.u16s": []uint16{1}, "test.i16s": []int16{-1, 1},
		"test.u32s": []uint32{7, 8}, "test.u64s": []uint64{1 << 63}, "test.i64s": []int64{-1},
		"test.f32s": []float32{0.5, -0.5}, "test.f64s": []float64{1e300}, "test.bools": []bool{true, false, true},
		"test.strings": []string{"", "a", "\x00b", strings.Repeat("long ", 30000)},
	} {
		m.set(key, v)
	}
	smallModel(t, path, func(c *model) { *c = *m })
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(m.kvs, f.KVs); diff != "" {
		t.Errorf("metadata differs (-written +read):\n%s", diff)
	}
	if len(f.Tensors) != len(m.tensors) {
		t.Fatalf("%d tensors, wrote %d", len(f.Tensors), len(m.tensors))
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var parameters int64
	for i, got := range f.Tensors {
		want := m.tensors[i]
		if got.Name != want.Name || got.Type != want.Type || !slices.Equal(got.Dims, want.Dims) {
			t.Errorf("tensor %d is %+v, wrote %+v", i, got, want)
		}
		if got.Start%32 != 0 || raw[got.Start] != byte(len(got.Name)) || raw[got.Start+1] != byte(len(got.Name)+1) {
			t.Errorf("the data of %q is not at byte %d", got.Name, got.Start)
		}
		parameters += got.Elements()
	}
	if f.Parameters() != parameters || parameters != 2*64*276+2*(64+64*128+64*64*2+128*64+64+64*96*2+96*64)+64 {
		t.Errorf("%d parameters, the tensors have %d", f.Parameters(), parameters)
	}
	if f.Size != int64(len(raw)) || len(raw)%32 != 0 || f.Architecture() != "mistral3" || f.Version != 3 {
		t.Errorf("size %d of %d, architecture %q, version %d", f.Size, len(raw), f.Architecture(), f.Version)
	}
	if err := f.Check(); err != nil {
		t.Error(err)
	}
	want := []TypeTotal{
		{F16, 2, 35328, 70656}, {Q4_0, 8, 53248, 29952}, {Q8_0, 2, 8192, 8704},
		{Q5_0, 2, 12288, 8448}, {Q4_1, 2, 12288, 7680}, {F32, 5, 320, 1280},
	}
	if diff := cmp.Diff(want, f.TensorTypes()); diff != "" {
		t.Errorf("types differ (-want +got):\n%s", diff)
	}
	again := filepath.Join(t.TempDir(), "m.gguf")
	smallModel(t, again, func(c *model) { *c = *m })
	if second, _ := os.ReadFile(again); !bytes.Equal(raw, second) {
		t.Error("writing twice gives different bytes")
	}
}

func TestGet(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m.gguf")
	smallModel(t, path, nil)
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if v, ok, err := Get[uint32](f, "mistral3.block_count"); v != 2 || !ok || err != nil {
		t.Errorf("block_count: %d %v %v", v, ok, err)
	}
	if v, ok, err := Get[uint32](f, "no.such"); v != 0 || ok || err != nil {
		t.Errorf("absent key: %d %v %v", v, ok, err)
	}
	_, ok, err := Get[int32](f, "mistral3.block_count")
	if want := `metadata key "mistral3.block_count" is of type uint32, must be int32`; !ok || err == nil || err.Error() != want {
		t.Errorf("wrong type: %v %v, want %s", ok, err, want)
	}
	if v, _, err := Get[[]string](f, "tokenizer.ggml.tokens"); len(v) != 276 || v[1] != "<s>" || err != nil {
		t.Errorf("tokens: %d, %v", len(v), err)
	}
	if f.Tensor("output.weight") == nil || f.Tensor("nothing") != nil {
		t.Error("Tensor finds the wrong tensors")
	}
}

func TestTypes(t *testing.T) {
	// Bytes of 256 elements, from the type's name: the quantised types say
	// their bits, and the rest is scales.
	for _, c := range []struct {
		t     Type
		name  string
		bytes int64
	}{
		{0, "F32", 1024}, {1, "F16", 512}, {30, "BF16", 512}, {28, "F64", 2048},
		{24, "I8", 256}, {25, "I16", 512}, {26, "I32", 1024}, {27, "I64", 2048},
		{2, "Q4_0", 128 + 16}, {3, "Q4_1", 128 + 32}, {6, "Q5_0", 160 + 16}, {7, "Q5_1", 160 + 32},
		{8, "Q8_0", 256 + 16}, {9, "Q8_1", 256 + 32}, {15, "Q8_K", 256 + 36},
		{10, "Q2_K", 64 + 20}, {11, "Q3_K", 96 + 14}, {12, "Q4_K", 128 + 16}, {13, "Q5_K", 160 + 16}, {14, "Q6_K", 192 + 18},
		{16, "IQ2_XXS", 66}, {17, "IQ2_XS", 74}, {22, "IQ2_S", 82}, {18, "IQ3_XXS", 98}, {21, "IQ3_S", 110},
		{19, "IQ1_S", 50}, {29, "IQ1_M", 56}, {20, "IQ4_NL", 128 + 16}, {23, "IQ4_XS", 128 + 8},
		{34, "TQ1_0", 54}, {35, "TQ2_0", 66}, {39, "MXFP4", 128 + 8}, {40, "NVFP4", 128 + 16},
		{41, "Q1_0", 32 + 4}, {42, "Q2_0", 64 + 8},
	} {
		got, err := c.t.RowBytes(256)
		if err != nil || got != c.bytes || c.t.String() != c.name {
			t.Errorf("type %d is %s with %d bytes (%v), want %s with %d", c.t, c.t, got, err, c.name, c.bytes)
		}
	}
	for _, gone := range []Type{4, 5, 31, 32, 33, 36, 37, 38, 43, 1 << 31} {
		if _, ok := gone.Info(); ok {
			t.Errorf("type %d exists", uint32(gone))
		}
		if _, err := gone.RowBytes(256); err == nil {
			t.Errorf("type %d has rows", uint32(gone))
		}
	}
	for _, n := range []int64{0, -32, 33, math.MaxInt64 - 31} {
		if b, err := Q4_0.RowBytes(n); err == nil && n < 1<<40 {
			t.Errorf("a row of %d elements has %d bytes", n, b)
		}
	}
}

func TestOpenNotAModel(t *testing.T) {
	dir := t.TempDir()
	write := func(name, data string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(data), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for _, c := range []struct {
		path string
		is   error
		want string
	}{
		{filepath.Join(dir, "absent.gguf"), fs.ErrNotExist, "does not exist"},
		{dir, ErrNotGGUF, "is a directory"},
		{"/dev/null", ErrNotGGUF, "not a regular file"},
		{write("empty", ""), ErrNotGGUF, "it is empty"},
		{write("other", "RIFF and more"), ErrNotGGUF, `it starts with "RIFF" (52 49 46 46)`},
		{write("zip", "PK\x03\x04 and more"), ErrNotGGUF, "a zip archive, as PyTorch's checkpoints are"},
		{write("page", "<!DOCTYPE html><html>"), ErrNotGGUF, "a web page: the download failed"},
		{write("old", "tjgg\x03\x00\x00\x00"), ErrNotGGUF, "a GGML file"},
		{write("tensors", "\x40\x00\x00\x00\x00\x00\x00\x00{\"a\":{}}"), ErrNotGGUF, "a safetensors file: name the folder"},
		{write("m.gguf-split-a", "GGUF"), ErrTruncated, "a piece of a file by its name: join all pieces in order with cat"},
		{write("m.gguf.part2of2", "\x01\x02\x03\x04\x05"), ErrNotGGUF, "a piece of a file by its name"},
		{write("short", "PK"), ErrNotGGUF, `it starts with "PK"`},
		{write("lfs", "version https://git-lfs.github.com/spec/v1\noid"), ErrNotGGUF, "Git LFS pointer"},
		{write("magic only", "GGUF"), ErrTruncated, "the file ends at byte 4, inside the version"},
		{write("v1", "GGUF\x01\x00\x00\x00"), ErrNotGGUF, "version 1, need 2 or 3"},
		{write("v4", "GGUF\x04\x00\x00\x00"), ErrNotGGUF, "version 4, need 2 or 3"},
		{write("big", "GGUF\x00\x00\x00\x03"), ErrNotGGUF, "big-endian version 3"},
		{write("counts", "GGUF\x03\x00\x00\x00\x01\x00\x00\x00"), ErrTruncated, "inside the tensor count"},
	} {
		f, err := Open(c.path)
		if f != nil || !errors.Is(err, c.is) || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), c.path) {
			t.Errorf("Open(%q) = %v, want an error with %q", c.path, err, c.want)
		}
		if got := Check(c.path); got == nil || got.Error() != err.Error() {
			t.Errorf("Check(%q) = %v, Open says %v", c.path, got, err)
		}
	}
}
