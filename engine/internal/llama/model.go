package llama

// #include <stdlib.h>
// #include "shim.h"
import "C"

import (
	"runtime"
	"runtime/cgo"
	"strings"
	"unsafe"
)

// NativeModel owns a llama_model.
type NativeModel struct {
	p     *C.struct_llama_model
	vocab *C.struct_llama_vocab
}

//export ceilProgress
func ceilProgress(progress C.float, handle C.uintptr_t) C.bool {
	f := cgo.Handle(handle).Value().(func(float32) bool)
	return C.bool(f(float32(progress)))
}

// LoadModel returns nil where the library refuses the file; [LoggedErrors]
// then says why.
func LoadModel(p LoadParams) *NativeModel {
	path := C.CString(p.Path)
	defer C.free(unsafe.Pointer(path))
	l := C.struct_ceil_load{
		path: path, gpu_layers: C.int32_t(p.GPULayers), split_mode: C.int32_t(p.SplitMode),
		load_mode: C.int32_t(p.LoadMode), main_gpu: C.int32_t(p.MainGPU),
		cpu_only: C.bool(p.CPUOnly), check_tensors: C.bool(p.CheckTensors), vocab_only: C.bool(p.VocabOnly), no_alloc: C.bool(p.NoAlloc), heads: C.bool(p.Heads),
	}
	if p.Devices != nil {
		l.devices = C.CString(strings.Join(p.Devices, "\n"))
		defer C.free(unsafe.Pointer(l.devices))
	}
	var pin runtime.Pinner
	defer pin.Unpin()
	if len(p.TensorSplit) > 0 {
		pin.Pin(&p.TensorSplit[0])
		l.tensor_split = (*C.float)(unsafe.Pointer(&p.TensorSplit[0]))
		l.n_tensor_split = C.int32_t(len(p.TensorSplit))
	}
	if p.Progress != nil {
		h := cgo.NewHandle(p.Progress)
		defer h.Delete()
		l.progress = C.uintptr_t(h)
	}
	m := C.ceil_model_load(&l)
	if m == nil {
		return nil
	}
	return &NativeModel{p: m, vocab: C.llama_model_get_vocab(m)}
}

// Free releases the model. Its sessions and samplers must be freed before.
func (m *NativeModel) Free() {
	if m.p != nil {
		C.ceil_model_free(m.p)
		m.p, m.vocab = nil, nil
	}
}

// Meta returns a scalar metadata value as text.
func (m *NativeModel) Meta(key string) (string, bool) {
	k := C.CString(key)
	defer C.free(unsafe.Pointer(k))
	n := C.llama_model_meta_val_str(m.p, k, nil, 0)
	if n < 0 {
		return "", false
	}
	buf := make([]byte, int(n)+1)
	C.llama_model_meta_val_str(m.p, k, (*C.char)(unsafe.Pointer(&buf[0])), C.size_t(len(buf)))
	return string(buf[:n]), true
}

// Description is the library's short name of the model, "llama 1B Q4_1".
func (m *NativeModel) Description() string {
	var buf [256]C.char
	C.llama_model_desc(m.p, &buf[0], C.size_t(len(buf)))
	return C.GoString(&buf[0])
}

// Shape returns layer count, KV heads, trained context and embedding length.
func (m *NativeModel) Shape() (layers, kvHeads, context, embedding int) {
	return int(C.llama_model_n_layer(m.p)), int(C.llama_model_n_head_kv(m.p)),
		int(C.llama_model_n_ctx_train(m.p)), int(C.llama_model_n_embd(m.p))
}

// Heads returns the number of attention heads.
func (m *NativeModel) Heads() int { return int(C.llama_model_n_head(m.p)) }

// Window returns the positions that the layers with a sliding window attend to;
// 0: there are none.
func (m *NativeModel) Window() int { return int(C.llama_model_n_swa(m.p)) }

// Params returns the number of parameters.
func (m *NativeModel) Params() int64 { return int64(C.llama_model_n_params(m.p)) }

// Bytes returns the size of all tensors.
func (m *NativeModel) Bytes() int64 { return int64(C.llama_model_size(m.p)) }

// HasDecoder tells whether the model generates text.
func (m *NativeModel) HasDecoder() bool { return bool(C.llama_model_has_decoder(m.p)) }

// HasEncoder tells whether llama_encode must run first.
func (m *NativeModel) HasEncoder() bool { return bool(C.llama_model_has_encoder(m.p)) }

// Recurrent tells whether the model, or a part of its layers, keeps a state
// instead of a cache.
func (m *NativeModel) Recurrent() bool {
	return bool(C.llama_model_is_recurrent(m.p)) || bool(C.llama_model_is_hybrid(m.p))
}

// MaxSequences is the library's limit on the sequences of a context.
func MaxSequences() int { return int(C.llama_max_parallel_sequences()) }

// ChatTemplate returns the model's own template, or "".
func (m *NativeModel) ChatTemplate() string {
	p := C.llama_model_chat_template(m.p, nil)
	if p == nil {
		return ""
	}
	return C.GoString(p)
}

// VocabSize returns the number of tokens.
func (m *NativeModel) VocabSize() int { return int(C.llama_vocab_n_tokens(m.vocab)) }

// BOS returns the beginning-of-sequence id, or -1, and whether the model
// wants it in front of a prompt.
func (m *NativeModel) BOS() (id int32, add bool) {
	return int32(C.llama_vocab_bos(m.vocab)), bool(C.llama_vocab_get_add_bos(m.vocab))
}

// EndsGeneration tells whether the token ends a text (EOS, EOT …).
func (m *NativeModel) EndsGeneration(token int32) bool {
	return bool(C.llama_vocab_is_eog(m.vocab, C.llama_token(token)))
}

// Attributes returns the token's llama_token_attr bits.
func (m *NativeModel) Attributes(token int32) int {
	return int(C.llama_vocab_get_attr(m.vocab, C.llama_token(token)))
}

// AttrSpecial are the attribute bits of tokens that are not plain text.
const AttrSpecial = C.LLAMA_TOKEN_ATTR_UNKNOWN | C.LLAMA_TOKEN_ATTR_UNUSED |
	C.LLAMA_TOKEN_ATTR_CONTROL | C.LLAMA_TOKEN_ATTR_USER_DEFINED

// Tokenize turns text into ids. ok is false where the library fails.
func (m *NativeModel) Tokenize(text string, addSpecial, parseSpecial bool) (ids []int32, ok bool) {
	p := C.CString(text)
	defer C.free(unsafe.Pointer(p))
	ids = make([]int32, len(text)+8)
	call := func() C.int32_t {
		return C.llama_tokenize(m.vocab, p, C.int32_t(len(text)), (*C.llama_token)(unsafe.Pointer(&ids[0])),
			C.int32_t(len(ids)), C.bool(addSpecial), C.bool(parseSpecial))
	}
	n := call()
	if n < 0 && n > -(1<<31-1) {
		ids = make([]int32, -n)
		n = call()
	}
	if n < 0 {
		return nil, false
	}
	return ids[:n], true
}

// Detokenize turns ids into text. special shows control tokens too.
func (m *NativeModel) Detokenize(ids []int32, special bool) (string, bool) {
	if len(ids) == 0 {
		return "", true
	}
	buf := make([]byte, 16*len(ids)+64)
	call := func() C.int32_t {
		return C.llama_detokenize(m.vocab, (*C.llama_token)(unsafe.Pointer(&ids[0])), C.int32_t(len(ids)),
			(*C.char)(unsafe.Pointer(&buf[0])), C.int32_t(len(buf)), C.bool(false), C.bool(special))
	}
	n := call()
	if n < 0 {
		buf = make([]byte, -n)
		n = call()
	}
	if n < 0 {
		return "", false
	}
	return string(buf[:n]), true
}

// ApplyTemplate formats a chat. ok is false where the library does not know
// the template's form.
func ApplyTemplate(template string, roles, contents []string, assistant bool) (text string, ok bool) {
	t := C.CString(template)
	defer C.free(unsafe.Pointer(t))
	n := len(roles)
	msgs := (*C.llama_chat_message)(C.calloc(C.size_t(n+1), C.size_t(unsafe.Sizeof(C.llama_chat_message{}))))
	defer C.free(unsafe.Pointer(msgs))
	size := 256
	list := unsafe.Slice(msgs, n+1)
	for i := range roles {
		list[i].role, list[i].content = C.CString(roles[i]), C.CString(contents[i])
		defer C.free(unsafe.Pointer(list[i].role))
		defer C.free(unsafe.Pointer(list[i].content))
		size += 2 * (len(roles[i]) + len(contents[i]))
	}
	for {
		buf := make([]byte, size)
		got := int(C.llama_chat_apply_template(t, msgs, C.size_t(n), C.bool(assistant),
			(*C.char)(unsafe.Pointer(&buf[0])), C.int32_t(size)))
		switch {
		case got < 0:
			return "", false
		case got <= size:
			return string(buf[:got]), true
		}
		size = got
	}
}
