// Package llama is the only place of ceiling's engine that sees C. It turns
// llama.h, through the shim, into Go types; package engine checks arguments
// and gives the results their meaning.
//
// Nothing here is safe for concurrent use except [Session.Abort].
//
// Linking it changes the whole process before main starts (process.c): Go's
// monitor thread gets a long timer slack, malloc maps every block of 128 KiB
// and more, and a broken pipe is an error of the write instead of a signal. And
// libllama finds the program's ggml_backend_sched_graph_compute_async before
// ggml's own (graphs.c).
package llama

/*
#cgo CPPFLAGS: -I${SRCDIR}/../../../build/include
#cgo CFLAGS: -std=gnu11 -O2
#cgo CXXFLAGS: -std=c++17 -O2
#cgo LDFLAGS: -L${SRCDIR}/../../../build/bin -lllama -lggml -lggml-base -ldl -lm -lpthread
#cgo LDFLAGS: -Wl,-rpath,$ORIGIN -Wl,-rpath,${SRCDIR}/../../../build/bin
#include <stdlib.h>
#include "shim.h"
#include "ggml-backend.h"
*/
import "C"

import (
	"fmt"
	"runtime"
	"runtime/cgo"
	"strings"
	"sync"
	"syscall"
	"unsafe"
)

// Values of the C enumerations that package engine maps its own onto.
const (
	SplitNone   = C.LLAMA_SPLIT_MODE_NONE
	SplitLayer  = C.LLAMA_SPLIT_MODE_LAYER
	SplitRow    = C.LLAMA_SPLIT_MODE_ROW
	SplitTensor = C.LLAMA_SPLIT_MODE_TENSOR

	LoadAuto     = C.LLAMA_LOAD_MODE_AUTO
	LoadRead     = C.LLAMA_LOAD_MODE_NONE
	LoadMmap     = C.LLAMA_LOAD_MODE_MMAP
	LoadDirectIO = C.LLAMA_LOAD_MODE_DIRECT_IO

	FlashAuto = C.LLAMA_FLASH_ATTN_TYPE_AUTO
	FlashOff  = C.LLAMA_FLASH_ATTN_TYPE_DISABLED
	FlashOn   = C.LLAMA_FLASH_ATTN_TYPE_ENABLED

	TypeF32  = C.GGML_TYPE_F32
	TypeF16  = C.GGML_TYPE_F16
	TypeBF16 = C.GGML_TYPE_BF16
	TypeQ80  = C.GGML_TYPE_Q8_0
	TypeQ51  = C.GGML_TYPE_Q5_1
	TypeQ50  = C.GGML_TYPE_Q5_0
	TypeQ41  = C.GGML_TYPE_Q4_1
	TypeQ40  = C.GGML_TYPE_Q4_0

	DeviceCPU   = C.GGML_BACKEND_DEVICE_TYPE_CPU
	DeviceGPU   = C.GGML_BACKEND_DEVICE_TYPE_GPU
	DeviceIGPU  = C.GGML_BACKEND_DEVICE_TYPE_IGPU
	DeviceAccel = C.GGML_BACKEND_DEVICE_TYPE_ACCEL

	// NoLogits is Step's code when the engine gave no logits for a wanted token.
	NoLogits = C.CEIL_NO_LOGITS
	// NaNLogits is Step's code when one of a wanted token's logits is NaN.
	NaNLogits = C.CEIL_NAN_LOGITS
	// BadToken is Step's code when the back end's sampler gave no id of the
	// vocabulary.
	BadToken = C.CEIL_BAD_TOKEN
	// FlatLogits is CheckLogits' code when all logits are equal.
	FlatLogits = C.CEIL_FLAT_LOGITS
	// NoToken is a draw's code when no token may follow.
	NoToken = C.CEIL_NO_TOKEN
)

// The first thread runs all init functions. By now the monitor thread has
// started and has what it needed from it (see slow_monitor in process.c).
func init() { C.ceil_restore_timer_slack() }

// Sleep blocks the calling thread for ns nanoseconds.
func Sleep(ns int64) { C.ceil_sleep(C.int64_t(ns)) }

var loadOnce sync.Once

// LoadBackends initialises the library once and loads the back ends that lie
// in dir; "" means the folder of libllama itself.
func LoadBackends(dir string) {
	loadOnce.Do(func() {
		if dir == "" {
			dir = LibraryDir()
		}
		p := C.CString(dir)
		defer C.free(unsafe.Pointer(p))
		C.ceil_load_backends(p)
	})
}

// LibraryDir returns the folder that libllama was loaded from, or "".
func LibraryDir() string {
	var buf [4096]C.char
	if !C.ceil_library_dir(&buf[0], C.size_t(len(buf))) {
		return ""
	}
	return C.GoString(&buf[0])
}

// Version returns the library's own version text.
func Version() string { return C.GoString(C.llama_version()) }

// OpenLog appends the library's log to the file at path; "" discards it.
func OpenLog(path string) error {
	var p *C.char
	if path != "" {
		p = C.CString(path)
		defer C.free(unsafe.Pointer(p))
	}
	if errno := C.ceil_log_open(p); errno != 0 {
		return syscall.Errno(errno)
	}
	return nil
}

// ResetErrors forgets the error and warning lines that the library has logged.
func ResetErrors() { C.ceil_log_reset() }

// LoggedErrors returns the error lines logged since [ResetErrors].
func LoggedErrors() []string { return logged(false) }

// LoggedWarnings returns the warning lines logged since [ResetErrors].
func LoggedWarnings() []string { return logged(true) }

func logged(warnings bool) []string {
	var buf [4096]C.char
	n := C.ceil_log_kept(C.bool(warnings), &buf[0], C.size_t(len(buf)))
	return strings.FieldsFunc(C.GoStringN(&buf[0], C.int(n)), func(r rune) bool { return r == '\n' })
}

// LoadParams are llama_model_params' fields that ceiling sets.
type LoadParams struct {
	Path         string
	GPULayers    int // < 0: all
	SplitMode    int
	LoadMode     int
	MainGPU      int
	Devices      []string // nil: every GPU
	CPUOnly      bool
	TensorSplit  []float32
	CheckTensors bool
	VocabOnly    bool // no weights: the model can't be opened
	NoAlloc      bool // only add up what the buffers would take
	// Progress gets 0…1 while the model loads; returning false stops it.
	Progress func(float32) bool
}

// Model owns a llama_model.
type Model struct {
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
func LoadModel(p LoadParams) *Model {
	path := C.CString(p.Path)
	defer C.free(unsafe.Pointer(path))
	l := C.struct_ceil_load{
		path: path, gpu_layers: C.int32_t(p.GPULayers), split_mode: C.int32_t(p.SplitMode),
		load_mode: C.int32_t(p.LoadMode), main_gpu: C.int32_t(p.MainGPU),
		cpu_only: C.bool(p.CPUOnly), check_tensors: C.bool(p.CheckTensors), vocab_only: C.bool(p.VocabOnly), no_alloc: C.bool(p.NoAlloc),
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
	return &Model{p: m, vocab: C.llama_model_get_vocab(m)}
}

// Free releases the model. Its sessions and samplers must be freed before.
func (m *Model) Free() {
	if m.p != nil {
		C.ceil_model_free(m.p)
		m.p, m.vocab = nil, nil
	}
}

// Meta returns a scalar metadata value as text.
func (m *Model) Meta(key string) (string, bool) {
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
func (m *Model) Description() string {
	var buf [256]C.char
	C.llama_model_desc(m.p, &buf[0], C.size_t(len(buf)))
	return C.GoString(&buf[0])
}

// Shape returns layer count, KV heads, trained context and embedding length.
func (m *Model) Shape() (layers, kvHeads, context, embedding int) {
	return int(C.llama_model_n_layer(m.p)), int(C.llama_model_n_head_kv(m.p)),
		int(C.llama_model_n_ctx_train(m.p)), int(C.llama_model_n_embd(m.p))
}

// Heads returns the number of attention heads.
func (m *Model) Heads() int { return int(C.llama_model_n_head(m.p)) }

// Window returns the positions that the layers with a sliding window attend to;
// 0: there are none.
func (m *Model) Window() int { return int(C.llama_model_n_swa(m.p)) }

// Params returns the number of parameters.
func (m *Model) Params() int64 { return int64(C.llama_model_n_params(m.p)) }

// Bytes returns the size of all tensors.
func (m *Model) Bytes() int64 { return int64(C.llama_model_size(m.p)) }

// HasDecoder tells whether the model generates text.
func (m *Model) HasDecoder() bool { return bool(C.llama_model_has_decoder(m.p)) }

// HasEncoder tells whether llama_encode must run first.
func (m *Model) HasEncoder() bool { return bool(C.llama_model_has_encoder(m.p)) }

// Recurrent tells whether the model, or a part of its layers, keeps a state
// instead of a cache.
func (m *Model) Recurrent() bool {
	return bool(C.llama_model_is_recurrent(m.p)) || bool(C.llama_model_is_hybrid(m.p))
}

// MaxSequences is the library's limit on the sequences of a context.
func MaxSequences() int { return int(C.llama_max_parallel_sequences()) }

// ChatTemplate returns the model's own template, or "".
func (m *Model) ChatTemplate() string {
	p := C.llama_model_chat_template(m.p, nil)
	if p == nil {
		return ""
	}
	return C.GoString(p)
}

// VocabSize returns the number of tokens.
func (m *Model) VocabSize() int { return int(C.llama_vocab_n_tokens(m.vocab)) }

// BOS returns the beginning-of-sequence id, or -1, and whether the model
// wants it in front of a prompt.
func (m *Model) BOS() (id int32, add bool) {
	return int32(C.llama_vocab_bos(m.vocab)), bool(C.llama_vocab_get_add_bos(m.vocab))
}

// EndsGeneration tells whether the token ends a text (EOS, EOT …).
func (m *Model) EndsGeneration(token int32) bool {
	return bool(C.llama_vocab_is_eog(m.vocab, C.llama_token(token)))
}

// Attributes returns the token's llama_token_attr bits.
func (m *Model) Attributes(token int32) int {
	return int(C.llama_vocab_get_attr(m.vocab, C.llama_token(token)))
}

// AttrSpecial are the attribute bits of tokens that are not plain text.
const AttrSpecial = C.LLAMA_TOKEN_ATTR_UNKNOWN | C.LLAMA_TOKEN_ATTR_UNUSED |
	C.LLAMA_TOKEN_ATTR_CONTROL | C.LLAMA_TOKEN_ATTR_USER_DEFINED

// Tokenize turns text into ids. ok is false where the library fails.
func (m *Model) Tokenize(text string, addSpecial, parseSpecial bool) (ids []int32, ok bool) {
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
func (m *Model) Detokenize(ids []int32, special bool) (string, bool) {
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

// OpenParams are llama_context_params' fields that ceiling sets.
type OpenParams struct {
	Context, Batch, UBatch, Sequences, Outputs int
	Threads, ThreadsBatch                      int
	FlashAttn, TypeK, TypeV                    int
	Unified, OffloadKQV, BackendGreedy         bool
	SWAFull                                    bool // layers with a sliding window keep all positions
}

// Session owns a llama_context, its batch arrays and its samplers.
type Session struct {
	p      *C.struct_ceil_session
	ctx    *C.struct_llama_context
	mem    C.llama_memory_t
	counts *C.struct_ceil_counts // C's memory
	size   int                   // vocabulary
}

// OpenSession returns nil where the library can't make the context;
// [LoggedErrors] then says why.
func (m *Model) OpenSession(p OpenParams) *Session {
	o := C.struct_ceil_open{
		n_ctx: C.uint32_t(p.Context), n_batch: C.uint32_t(p.Batch), n_ubatch: C.uint32_t(p.UBatch),
		n_seq_max: C.uint32_t(p.Sequences), n_outputs_max: C.uint32_t(p.Outputs),
		n_threads: C.int32_t(p.Threads), n_threads_batch: C.int32_t(p.ThreadsBatch),
		flash_attn: C.int32_t(p.FlashAttn), type_k: C.int32_t(p.TypeK), type_v: C.int32_t(p.TypeV),
		kv_unified: C.bool(p.Unified), offload_kqv: C.bool(p.OffloadKQV), backend_greedy: C.bool(p.BackendGreedy),
		swa_full: C.bool(p.SWAFull),
	}
	s := C.ceil_session_open(m.p, &o)
	if s == nil {
		return nil
	}
	ctx := C.ceil_session_context(s)
	return &Session{p: s, ctx: ctx, mem: C.llama_get_memory(ctx), counts: C.ceil_session_counts(s), size: m.VocabSize()}
}

// Free releases the context and everything made for it.
func (s *Session) Free() {
	if s.p != nil {
		C.ceil_session_free(s.p)
		s.p, s.ctx, s.counts = nil, nil, nil
	}
}

// Limits returns the context's real sizes: tokens per sequence, tokens per
// decode call, sequences.
func (s *Session) Limits() (perSequence, batch, sequences int) {
	return int(C.llama_n_ctx_seq(s.ctx)), int(C.llama_n_batch(s.ctx)), int(C.llama_n_seq_max(s.ctx))
}

// Memory is what a buffer type's buffers take, in bytes.
type Memory struct {
	Device                  string
	Model, Context, Compute uint64
}

// Memory lists what the session and its model take; ok is false where the
// library does not tell.
func (s *Session) Memory() (list []Memory, ok bool) {
	var out [64]C.struct_ceil_memory
	n := C.ceil_session_memory(s.p, &out[0], C.int32_t(len(out)))
	if n < 0 {
		return nil, false
	}
	for _, m := range out[:n] {
		list = append(list, Memory{Device: C.GoString(&m.device[0]), Model: uint64(m.model),
			Context: uint64(m.context), Compute: uint64(m.compute)})
	}
	return list, true
}

// Step decodes len(token) tokens and writes one greedy id into out for each
// want[i] != 0, in order. The slices must be as long as the caller has
// checked; it returns llama_decode's code, [NoLogits], [NaNLogits] or
// [BadToken].
func (s *Session) Step(token, pos, seq []int32, want []int8, out []int32) int {
	var o *C.int32_t
	if len(out) > 0 {
		o = (*C.int32_t)(unsafe.Pointer(&out[0]))
	}
	return int(C.ceil_step(s.p, C.int32_t(len(token)), (*C.int32_t)(unsafe.Pointer(&token[0])),
		(*C.int32_t)(unsafe.Pointer(&pos[0])), (*C.int32_t)(unsafe.Pointer(&seq[0])),
		(*C.int8_t)(unsafe.Pointer(&want[0])), o))
}

// Decode is Step without sampling.
func (s *Session) Decode(token, pos, seq []int32, want []int8) int {
	return int(C.ceil_decode(s.p, C.int32_t(len(token)), (*C.int32_t)(unsafe.Pointer(&token[0])),
		(*C.int32_t)(unsafe.Pointer(&pos[0])), (*C.int32_t)(unsafe.Pointer(&seq[0])),
		(*C.int8_t)(unsafe.Pointer(&want[0]))))
}

// BackendToken is what the back end sampled at batch position i, or [BadToken];
// for its tests.
func (s *Session) BackendToken(i int) int { return int(C.ceil_sampled(s.p, C.int32_t(i))) }

// Settle ends the copying of the first sequence's logits to the host where the
// back end samples; the step after it makes the library reserve anew.
func (s *Session) Settle() { C.ceil_settle(s.p) }

// CheckLogits looks at the logits that Step sampled batch position i from; where
// the back end samples, of the first sequence before [Session.Settle]. It
// returns 0, [NoLogits], [NaNLogits] (or infinite) or [FlatLogits].
func (s *Session) CheckLogits(i int) int { return int(C.ceil_check_logits(s.p, C.int32_t(i))) }

// Logits copies the logits of batch position i of the last Decode, or
// returns nil where it asked for none. Length: the vocabulary.
func (s *Session) Logits(i int) []float32 {
	p := C.ceil_logits(s.p, C.int32_t(i))
	if p == nil {
		return nil
	}
	return append([]float32(nil), unsafe.Slice((*float32)(unsafe.Pointer(p)), s.size)...)
}

// Abort makes a running step stop early on back ends that look at the flag.
// It may be called from any goroutine while the session is open.
func (s *Session) Abort(on bool) { C.ceil_session_abort(s.p, C.bool(on)) }

// Sampled counts the tokens sampled by the back end and by the CPU argmax.
func (s *Session) Sampled() (backend, argmax uint64) {
	return uint64(s.counts.backend), uint64(s.counts.argmax)
}

// Graphs is the number of compute graphs that the last Step or Decode became;
// 0: not known.
func (s *Session) Graphs() int { return int(s.counts.graphs) }

// RemoveSeq drops the cells of seq in [from, to); to < 0: to the end.
func (s *Session) RemoveSeq(seq, from, to int32) bool {
	return bool(C.llama_memory_seq_rm(s.mem, C.llama_seq_id(seq), C.llama_pos(from), C.llama_pos(to)))
}

// CopySeq lets dst share the cells of src in [from, to).
func (s *Session) CopySeq(src, dst, from, to int32) {
	C.llama_memory_seq_cp(s.mem, C.llama_seq_id(src), C.llama_seq_id(dst), C.llama_pos(from), C.llama_pos(to))
}

// SeqEnd returns the largest position that the sequence holds, or -1.
func (s *Session) SeqEnd(seq int32) int32 {
	return int32(C.llama_memory_seq_pos_max(s.mem, C.llama_seq_id(seq)))
}

// Clear empties the KV cache.
func (s *Session) Clear() { C.llama_memory_clear(s.mem, C.bool(false)) }

// Sampler owns llama_samplers: a grammar and a chain.
type Sampler struct{ p *C.struct_ceil_sampler }

// SamplerParams configure a chain: grammar, then top-k, top-p, min-p and
// temperature, then a seeded draw; greedy at temperature 0.
type SamplerParams struct {
	Temperature, TopP, MinP float32
	TopK                    int
	Seed                    uint32
	Grammar                 string
}

// NewSampler returns nil where the grammar does not parse.
func (m *Model) NewSampler(p SamplerParams) *Sampler {
	c := C.struct_ceil_sampling{
		temperature: C.float(p.Temperature), top_k: C.int32_t(p.TopK), top_p: C.float(p.TopP),
		min_p: C.float(p.MinP), seed: C.uint32_t(p.Seed),
	}
	if p.Grammar != "" {
		c.grammar = C.CString(p.Grammar)
		defer C.free(unsafe.Pointer(c.grammar))
	}
	s := C.ceil_sampler_new(m.vocab, &c)
	if s == nil {
		return nil
	}
	return &Sampler{p: s}
}

// Sample draws a token from the logits at batch position i of the last Decode
// and remembers that it was taken. It returns the id, [NoLogits], [NaNLogits]
// or [NoToken].
func (s *Sampler) Sample(from *Session, i int) int32 {
	return int32(C.ceil_sampler_sample(s.p, from.p, C.int32_t(i)))
}

// Draw is Sample from the caller's logits, one for each token of the
// vocabulary.
func (s *Sampler) Draw(logits []float32) int32 {
	return int32(C.ceil_sampler_draw(s.p, (*C.float)(unsafe.Pointer(&logits[0]))))
}

// Free releases the samplers.
func (s *Sampler) Free() {
	C.ceil_sampler_free(s.p)
	s.p = nil
}

// Order is where the shim puts the tokens of a batch, for its tests; ok is false
// where one is of a sequence beyond the given number. seq is not empty.
func Order(seq []int32, sequences int) (at []int32, ok bool) {
	at = make([]int32, len(seq))
	seen := make([]uint32, sequences)
	ok = bool(C.ceil_order(C.int32_t(len(seq)), (*C.int32_t)(unsafe.Pointer(&seq[0])), C.int32_t(sequences), 1,
		(*C.uint32_t)(unsafe.Pointer(&seen[0])), (*C.int32_t)(unsafe.Pointer(&at[0]))))
	return at, ok
}

// Rows are the threads that take the argmax of several rows, for their tests.
type Rows struct{ p *C.struct_ceil_rows }

// NewRows makes them, the caller's thread counted.
func NewRows(threads int) Rows { return Rows{C.ceil_rows_new(C.int(threads))} }

// Free ends them.
func (r Rows) Free() { C.ceil_rows_free(r.p) }

// Argmax is [Argmax] of each row of n values.
func (r Rows) Argmax(x []float32, n int, out []int32) {
	var pin runtime.Pinner
	defer pin.Unpin()
	pin.Pin(&x[0])
	rows := make([]*C.float, len(x)/n)
	for i := range rows {
		rows[i] = (*C.float)(unsafe.Pointer(&x[i*n]))
	}
	C.ceil_rows_argmax(r.p, &rows[0], C.int32_t(len(rows)), C.int32_t(n), (*C.int32_t)(unsafe.Pointer(&out[0])))
}

// Argmax is the shim's vectorised argmax, for its tests. x is not empty.
func Argmax(x []float32) int32 {
	if len(x) == 0 {
		panic(fmt.Sprintf("llama: argmax of %d values", len(x)))
	}
	return int32(C.ceil_argmax((*C.float)(unsafe.Pointer(&x[0])), C.int32_t(len(x))))
}
