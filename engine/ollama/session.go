package llama

// #include "shim.h"
import "C"

import (
	"errors"
	"fmt"
	"math"
	"time"
	"unsafe"

	"github.com/ollama/ollama/llama"
	"github.com/ollama/ollama/ml"
)

// NativeSession is a context of the package with its batch, or the plan of one.
type NativeSession struct {
	model  *NativeModel
	params OpenParams
	ctx    *llama.Context // nil: a plan
	batch  *llama.Batch
	order  struct {
		seen      []uint32 // by sequence: the last decode that had it
		at, token []int32  // at[i] is where the caller's token i is in the batch; token is the other way round
		decodes   uint32
	}
	n    int     // tokens of the last decode
	ends []int32 // by sequence: the largest position that it holds, or -1
	cost NativeCopies
}

// kvNames are the package's words for what a KV cache stores.
var kvNames = map[int]string{TypeF16: "f16", TypeQ80: "q8_0", TypeQ40: "q4_0"}

// OpenSession returns nil where the library can't make the context;
// [LoggedErrors] then says why.
func (m *NativeModel) OpenSession(p OpenParams) *NativeSession {
	s := &NativeSession{model: m, params: p}
	kv, known := kvNames[p.TypeK]
	for _, no := range []struct {
		asked bool
		what  string
	}{{!known, "this type of the KV cache"}, {p.Unified, "one KV buffer for all sequences"}, {p.BackendGreedy, "sampling in the back end"},
		{!p.OffloadKQV, "a KV cache off the GPUs"}, {p.TimeOps, "timing of nodes"}} {
		if no.asked {
			logError("the engine ollama has no " + no.what)
			return nil
		}
	}
	if m.plan {
		return s
	}
	if list := m.idle[p]; len(list) > 0 {
		s.ctx, m.idle[p] = list[0], list[1:]
		s.ctx.KvCacheClear()
	} else if s.ctx = newContext(m.m, p, kv); s.ctx == nil {
		return nil
	}
	var err error
	if s.batch, err = llama.NewBatch(p.UBatch, p.Sequences, 0); err != nil {
		logError(err.Error())
		s.Free()
		return nil
	}
	s.order.seen = make([]uint32, p.Sequences)
	s.order.at, s.order.token = make([]int32, s.room()), make([]int32, s.room())
	s.ends = make([]int32, p.Sequences)
	s.forget()
	return s
}

func newContext(m *llama.Model, p OpenParams, kv string) *llama.Context {
	c, err := llama.NewContextWithModel(m, llama.NewContextParams(p.Context, p.UBatch, p.Sequences, p.Threads, ml.FlashAttentionType(p.FlashAttn), kv))
	if err != nil {
		return nil
	}
	return c
}

// room is the most tokens of one decode: the package makes a context's logical
// batch of the physical one and the sequences.
func (s *NativeSession) room() int { return s.params.UBatch * s.params.Sequences }

// Free keeps the context for a session of the same size: the package can't free it.
func (s *NativeSession) Free() {
	if s.batch != nil {
		s.batch.Free()
		s.batch = nil
	}
	if s.ctx != nil {
		s.model.idle[s.params] = append(s.model.idle[s.params], s.ctx)
		s.ctx = nil
	}
}

// Limits returns the context's real sizes: tokens per sequence, tokens per
// decode call, sequences.
func (s *NativeSession) Limits() (perSequence, batch, sequences int) {
	return s.params.Context / s.params.Sequences, s.room(), s.params.Sequences
}

// Memory estimates what a session of a plan takes on the CPU by its shape, with the
// logits of a physical batch for the compute buffers; the library does not tell. ok
// is false for any other.
func (s *NativeSession) Memory() (list []NativeMemory, ok bool) {
	if !s.model.plan {
		return nil, false
	}
	for _, d := range Devices() {
		if d.Type != DeviceCPU {
			return nil, false
		}
	}
	return []NativeMemory{{Device: "CPU", Buffer: "CPU", Model: uint64(s.model.Bytes()), Context: s.model.cache(s.params),
		Compute: 4 * uint64(s.params.UBatch) * uint64(s.model.VocabSize())}}, true
}

// cache is the size of a context's KV cache in bytes.
func (m *NativeModel) cache(p OpenParams) uint64 {
	layers, kvHeads, _, embedding := m.Shape()
	head := embedding / max(1, m.Heads())
	length := func(key string) int {
		if n := m.number(key); n > 0 {
			return n
		}
		return head
	}
	heads := 0
	for _, n := range m.list("attention.head_count_kv", layers) {
		heads += n
	}
	if heads == 0 {
		heads = layers * kvHeads
	}
	values := heads * (length("attention.key_length") + length("attention.value_length")) * p.Context
	bytes := map[int]int{TypeF16: 64, TypeQ80: 34, TypeQ40: 18} // of 32 values
	return uint64(values / 32 * bytes[p.TypeK])
}

// forget takes every sequence as empty.
func (s *NativeSession) forget() {
	for i := range s.ends {
		s.ends[i] = -1
	}
}

// Step decodes len(token) tokens and writes one greedy id into out for each
// want[i] != 0, in order. It returns llama_decode's code, [NoLogits] or [NaNLogits].
func (s *NativeSession) Step(token, pos, seq []int32, want []int8, out []int32) int {
	begun := time.Now()
	defer func() { s.cost.StepSeconds += time.Since(begun).Seconds() }()
	if code := s.Decode(token, pos, seq, want); code != 0 {
		return code
	}
	decoded := time.Now()
	defer func() { s.cost.Seconds += time.Since(decoded).Seconds() }()
	k := 0
	for i := range token {
		if want[i] == 0 {
			continue
		}
		logits := s.Logits(i)
		if logits == nil {
			return NoLogits
		}
		if out[k] = Argmax(logits); out[k] < 0 {
			return NaNLogits
		}
		s.cost.Rows++
		k++
	}
	return 0
}

// Decode is Step without sampling.
func (s *NativeSession) Decode(token, pos, seq []int32, want []int8) int {
	o := &s.order
	o.decodes++
	s.n = 0
	if len(token) > s.room() || !bool(C.ceil_order(C.int32_t(len(seq)), (*C.int32_t)(unsafe.Pointer(&seq[0])), C.int32_t(len(s.ends)),
		C.uint32_t(o.decodes), (*C.uint32_t)(unsafe.Pointer(&o.seen[0])), (*C.int32_t)(unsafe.Pointer(&o.at[0])))) {
		return -1
	}
	for i := range token {
		o.token[o.at[i]] = int32(i)
	}
	s.batch.Clear()
	for _, i := range o.token[:len(token)] {
		s.batch.Add(int(token[i]), nil, int(pos[i]), want[i] != 0, int(seq[i]))
	}
	code := decodeCode(s.ctx.Decode(s.batch))
	s.ctx.Synchronize()
	if code != 0 {
		return code
	}
	s.n = len(token)
	for i, q := range seq {
		s.ends[q] = max(s.ends[q], pos[i])
	}
	return 0
}

// decodeCode is llama_decode's, as far as the package lets it through: it calls every
// positive one a full cache.
func decodeCode(err error) int {
	code := -2
	switch {
	case err == nil:
		return 0
	case errors.Is(err, llama.ErrKvCacheFull):
		return 1
	}
	fmt.Sscanf(err.Error(), "llama_decode failed with code %d", &code)
	return code
}

// BackendToken is always [BadToken]: the back end samples nothing.
func (s *NativeSession) BackendToken(int) int { return BadToken }

// Settle does nothing: the back end samples nothing.
func (s *NativeSession) Settle() {}

// CheckLogits looks at the logits of batch position i of the last Step. It returns 0,
// [NoLogits], [NaNLogits] (or infinite) or [FlatLogits].
func (s *NativeSession) CheckLogits(i int) int {
	logits := s.Logits(i)
	if logits == nil {
		return NoLogits
	}
	equal := true
	for _, v := range logits {
		if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
			return NaNLogits
		}
		equal = equal && v == logits[0]
	}
	if equal {
		return FlatLogits
	}
	return 0
}

// Logits copies the logits of batch position i of the last Decode, or
// returns nil where it asked for none. Length: the vocabulary.
func (s *NativeSession) Logits(i int) []float32 {
	if i < 0 || i >= s.n {
		return nil
	}
	return s.ctx.GetLogitsIth(int(s.order.at[i]))
}

// Abort does nothing: the package has no way to end a running step.
func (s *NativeSession) Abort(bool) {}

// Sampled counts the tokens sampled by the back end, which are none, and by the
// CPU's argmax.
func (s *NativeSession) Sampled() (backend, argmax uint64) { return 0, s.cost.Rows }

// Copies is what handing out logits has taken up to now.
func (s *NativeSession) Copies() NativeCopies { return s.cost }

// Graphs is not known.
func (s *NativeSession) Graphs() int { return 0 }

// Tally is not known.
func (s *NativeSession) Tally() NativeTally { return NativeTally{} }

// Nodes is not known.
func (s *NativeSession) Nodes() int { return 0 }

// Ops is empty: nodes are not timed.
func (s *NativeSession) Ops() []NativeOp { return nil }

// RemoveSeq drops the cells of seq in [from, to); to < 0: to the end.
func (s *NativeSession) RemoveSeq(seq, from, to int32) bool {
	if !s.ctx.KvCacheSeqRm(int(seq), int(from), int(to)) {
		return false
	}
	if to < 0 || to > s.ends[seq] {
		s.ends[seq] = min(s.ends[seq], from-1)
	}
	return true
}

// CopySeq lets dst, which is empty, have the cells of src in [from, to). Between
// sequences the library copies all of them: see engine.Session.CopySeq.
func (s *NativeSession) CopySeq(src, dst, from, to int32) {
	s.ctx.KvCacheSeqCp(int(src), int(dst), int(from), int(to))
	s.ends[dst] = s.ends[src]
	if to >= 0 {
		s.ends[dst] = min(s.ends[dst], to-1)
	}
}

// SeqEnd returns the largest position that the sequence holds, or -1.
func (s *NativeSession) SeqEnd(seq int32) int32 { return s.ends[seq] }

// Clear empties the KV cache.
func (s *NativeSession) Clear() {
	s.ctx.KvCacheClear()
	s.forget()
}
