package llama

// #include "shim.h"
import "C"

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ollama/ollama/llama"

	"ceiling/engine/gguf"
)

// NativeModel is a model of the package, with the file's header for what that does
// not tell.
type NativeModel struct {
	m    *llama.Model
	file *gguf.File
	plan bool // no weights: sessions are sizes
	kind []int32
	// idle are contexts that nobody uses. The package can't free one, so the next
	// session of the same size gets it.
	idle map[OpenParams][]*llama.Context
}

// LoadModel returns nil where the library refuses the file; [LoggedErrors]
// then says why.
func LoadModel(p LoadParams) *NativeModel {
	file, err := gguf.Open(p.Path)
	if err != nil {
		logError(err.Error())
		return nil
	}
	params, err := modelParams(p)
	if err != nil {
		logError(err.Error())
		return nil
	}
	stopped := false
	if p.Progress != nil {
		// The package goes on whatever its callback answers.
		params.Progress = func(share float32) { stopped = !p.Progress(share) || stopped }
	}
	m, err := llama.LoadModelFromFile(p.Path, params)
	if err != nil {
		return nil
	}
	n := &NativeModel{m: m, file: file, plan: p.NoAlloc, idle: map[OpenParams][]*llama.Context{}}
	n.kind, _, _ = gguf.Get[[]int32](file, "tokenizer.ggml.token_type")
	if stopped {
		n.Free()
		return nil
	}
	return n
}

// modelParams are the package's: no split mode, which is then by layers.
func modelParams(p LoadParams) (llama.ModelParams, error) {
	out := llama.ModelParams{NumGpuLayers: p.GPULayers, MainGpu: p.MainGPU, UseMmap: p.LoadMode != LoadRead,
		TensorSplit: p.TensorSplit, VocabOnly: p.VocabOnly || p.NoAlloc}
	if p.GPULayers < 0 {
		out.NumGpuLayers = 1 << 10 // all: no model has as many
	}
	if p.CPUOnly {
		out.NumGpuLayers = 0
	}
	all := Devices()
	for _, name := range p.Devices {
		at := slices.IndexFunc(all, func(d NativeDevice) bool { return strings.EqualFold(d.Name, name) })
		if at < 0 {
			return out, fmt.Errorf("no device %q", name)
		}
		out.Devices = append(out.Devices, uint64(at))
	}
	return out, nil
}

// Free releases the model. The package frees no context: those of its sessions stay.
func (m *NativeModel) Free() {
	if m.m != nil {
		llama.FreeModel(m.m)
		m.m = nil
	}
}

// Meta returns a scalar metadata value as text.
func (m *NativeModel) Meta(key string) (string, bool) {
	switch v, ok := m.file.Value(key); v.(type) {
	case string, bool, uint8, int8, uint16, int16, uint32, int32, uint64, int64, float32, float64:
		return fmt.Sprint(v), ok
	}
	return "", false
}

// number is an integer of the architecture's own; of a list the largest. 0 without one.
func (m *NativeModel) number(key string) int {
	most := 0
	for _, n := range m.list(key, 1) {
		most = max(most, n)
	}
	return most
}

// list is an integer for each layer, or one for all n of them.
func (m *NativeModel) list(key string, n int) []int {
	v, _ := m.file.Value(m.file.Architecture() + "." + key)
	switch v := v.(type) {
	case uint32:
		return slices.Repeat([]int{int(v)}, n)
	case []uint32:
		return ints(v)
	case []int32:
		return ints(v)
	}
	return nil
}

func ints[T uint32 | int32](list []T) []int {
	out := make([]int, len(list))
	for i, v := range list {
		out[i] = int(v)
	}
	return out
}

// Description is a short name of the model, "llama ?B Q4_1": architecture and
// the type that most tensors have, norms in F32 aside. The package does not hand out
// the library's.
func (m *NativeModel) Description() string {
	kind, most := "F32", 0
	for _, t := range m.file.TensorTypes() {
		if t.Tensors > most && t.Type != gguf.F32 {
			kind, most = strings.ToUpper(t.Type.String()), t.Tensors
		}
	}
	return m.file.Architecture() + " ?B " + kind
}

// Shape returns layer count, KV heads, trained context and embedding length.
func (m *NativeModel) Shape() (layers, kvHeads, context, embedding int) {
	kvHeads = m.number("attention.head_count_kv")
	if kvHeads == 0 {
		kvHeads = m.Heads()
	}
	return m.number("block_count"), kvHeads, m.number("context_length"), m.number("embedding_length")
}

// Heads returns the number of attention heads.
func (m *NativeModel) Heads() int { return m.number("attention.head_count") }

// Window returns the positions that the layers with a sliding window attend to;
// 0: there are none.
func (m *NativeModel) Window() int { return m.number("attention.sliding_window") }

// Params returns the number of parameters.
func (m *NativeModel) Params() int64 { return m.file.Parameters() }

// Bytes returns the size of all tensors.
func (m *NativeModel) Bytes() int64 {
	var sum int64
	for i := range m.file.Tensors {
		sum += m.file.Tensors[i].Bytes
	}
	return sum
}

// HasDecoder tells whether the model generates text.
func (m *NativeModel) HasDecoder() bool { return m.file.Architecture() != "t5encoder" }

// HasEncoder tells whether an encoder must run first.
func (m *NativeModel) HasEncoder() bool { return strings.HasPrefix(m.file.Architecture(), "t5") }

// Recurrent tells whether the model, or a part of its layers, keeps a state
// instead of a cache.
func (m *NativeModel) Recurrent() bool {
	return m.number("ssm.inner_size")+m.number("wkv.head_size")+m.number("shortconv.l_cache") > 0
}

// ChatTemplate returns the model's own template, or "".
func (m *NativeModel) ChatTemplate() string {
	t, _ := m.Meta("tokenizer.chat_template")
	return t
}

// ApplyTemplate is not in the package.
func ApplyTemplate(string, []string, []string, bool) (text string, ok bool) { return "", false }

// VocabSize returns the number of tokens.
func (m *NativeModel) VocabSize() int { return m.m.NumVocab() }

// BOS returns the beginning-of-sequence id, or -1, and whether the model
// wants it in front of a prompt.
func (m *NativeModel) BOS() (id int32, add bool) {
	n, ok, err := gguf.Get[uint32](m.file, "tokenizer.ggml.bos_token_id")
	if !ok || err != nil {
		return -1, m.m.AddBOSToken()
	}
	return int32(n), m.m.AddBOSToken()
}

// EndsGeneration tells whether the token ends a text (EOS, EOT …).
func (m *NativeModel) EndsGeneration(token int32) bool { return m.m.TokenIsEog(int(token)) }

// AttrSpecial are the attribute bits of tokens that are not plain text.
const AttrSpecial = C.LLAMA_TOKEN_ATTR_UNKNOWN | C.LLAMA_TOKEN_ATTR_UNUSED |
	C.LLAMA_TOKEN_ATTR_CONTROL | C.LLAMA_TOKEN_ATTR_USER_DEFINED

// attributes are those of the kinds of tokens that a file has.
var attributes = map[int32]int{
	C.LLAMA_TOKEN_TYPE_UNKNOWN: C.LLAMA_TOKEN_ATTR_UNKNOWN, C.LLAMA_TOKEN_TYPE_UNUSED: C.LLAMA_TOKEN_ATTR_UNUSED,
	C.LLAMA_TOKEN_TYPE_CONTROL: C.LLAMA_TOKEN_ATTR_CONTROL, C.LLAMA_TOKEN_TYPE_USER_DEFINED: C.LLAMA_TOKEN_ATTR_USER_DEFINED,
	C.LLAMA_TOKEN_TYPE_BYTE: C.LLAMA_TOKEN_ATTR_BYTE,
}

// Attributes returns the token's bits by what the file says of it.
func (m *NativeModel) Attributes(token int32) int {
	if int(token) >= len(m.kind) {
		return 0
	}
	return attributes[m.kind[token]]
}

// Tokenize turns text into ids. ok is false where the library fails.
func (m *NativeModel) Tokenize(text string, addSpecial, parseSpecial bool) (ids []int32, ok bool) {
	list, err := m.m.Tokenize(text, addSpecial, parseSpecial)
	if err != nil {
		return nil, false
	}
	ids = make([]int32, len(list))
	for i, id := range list {
		ids[i] = int32(id)
	}
	return ids, true
}

// Detokenize turns ids into text. special shows control tokens too.
func (m *NativeModel) Detokenize(ids []int32, special bool) (string, bool) {
	var b strings.Builder
	for _, id := range ids {
		if special || m.Attributes(id)&(C.LLAMA_TOKEN_ATTR_CONTROL|C.LLAMA_TOKEN_ATTR_UNKNOWN) == 0 {
			b.WriteString(m.m.TokenToPiece(int(id)))
		}
	}
	return b.String(), true
}

// NativeSampler is none: the package applies no chat template, so nothing is
// written by a model here.
type NativeSampler struct{}

// NewSampler returns nil.
func (m *NativeModel) NewSampler(SamplerParams) *NativeSampler {
	logError("this engine draws no texts")
	return nil
}

// Sample is never called.
func (s *NativeSampler) Sample(*NativeSession, int) int32 { return NoToken }

// Draw is never called.
func (s *NativeSampler) Draw([]float32) int32 { return NoToken }

// Free does nothing.
func (s *NativeSampler) Free() {}
