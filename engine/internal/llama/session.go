package llama

// #include "shim.h"
import "C"

import (
	"unsafe"
)

// NativeSession owns a llama_context, its batch arrays and its samplers.
type NativeSession struct {
	p      *C.struct_ceil_session
	ctx    *C.struct_llama_context
	mem    C.llama_memory_t      // the target's
	counts *C.struct_ceil_counts // C's memory
	size   int                   // vocabulary
}

// OpenSession returns nil where the library can't make the context;
// [LoggedErrors] then says why.
func (m *NativeModel) OpenSession(p OpenParams) *NativeSession {
	o := C.struct_ceil_open{
		n_ctx: C.uint32_t(p.Context), n_batch: C.uint32_t(p.Batch), n_ubatch: C.uint32_t(p.UBatch),
		n_seq_max: C.uint32_t(p.Sequences), n_outputs_max: C.uint32_t(p.Outputs),
		n_threads: C.int32_t(p.Threads), n_threads_batch: C.int32_t(p.ThreadsBatch),
		n_threads_argmax: C.int32_t(p.ThreadsArgmax),
		flash_attn:       C.int32_t(p.FlashAttn), type_k: C.int32_t(p.TypeK), type_v: C.int32_t(p.TypeV),
		kv_unified: C.bool(p.Unified), offload_kqv: C.bool(p.OffloadKQV), backend_greedy: C.bool(p.BackendGreedy),
		swa_full: C.bool(p.SWAFull), time_ops: C.bool(p.TimeOps),
	}
	defer p.Draft.fill(&o)()
	s := C.ceil_session_open(m.p, &o)
	if s == nil {
		return nil
	}
	ctx := C.ceil_session_context(s)
	return &NativeSession{p: s, ctx: ctx, mem: C.llama_get_memory(ctx), counts: C.ceil_session_counts(s), size: m.VocabSize()}
}

// Free releases the context and everything made for it.
func (s *NativeSession) Free() {
	if s.p != nil {
		C.ceil_session_free(s.p)
		s.p, s.ctx, s.counts = nil, nil, nil
	}
}

// Limits returns the context's real sizes: tokens per sequence, tokens per
// decode call, sequences.
func (s *NativeSession) Limits() (perSequence, batch, sequences int) {
	return int(C.llama_n_ctx_seq(s.ctx)), int(C.llama_n_batch(s.ctx)), int(C.llama_n_seq_max(s.ctx))
}

// Memory lists what the session and its model take; ok is false where the
// library does not tell.
func (s *NativeSession) Memory() (list []NativeMemory, ok bool) {
	var out [64]C.struct_ceil_memory
	n := C.ceil_session_memory(s.p, &out[0], C.int32_t(len(out)))
	if n < 0 {
		return nil, false
	}
	for _, m := range out[:n] {
		list = append(list, NativeMemory{Device: C.GoString(&m.device[0]), Buffer: C.GoString(&m.buffer[0]), Model: uint64(m.model),
			Context: uint64(m.context), Compute: uint64(m.compute)})
	}
	return list, true
}

// Step decodes len(token) tokens and writes one greedy id into out for each
// want[i] != 0, in order. The slices must be as long as the caller has
// checked; it returns llama_decode's code, [NoLogits], [NaNLogits] or
// [BadToken].
func (s *NativeSession) Step(token, pos, seq []int32, want []int8, out []int32) int {
	var o *C.int32_t
	if len(out) > 0 {
		o = (*C.int32_t)(unsafe.Pointer(&out[0]))
	}
	return int(C.ceil_step(s.p, C.int32_t(len(token)), (*C.int32_t)(unsafe.Pointer(&token[0])),
		(*C.int32_t)(unsafe.Pointer(&pos[0])), (*C.int32_t)(unsafe.Pointer(&seq[0])),
		(*C.int8_t)(unsafe.Pointer(&want[0])), o))
}

// Decode is Step without sampling.
func (s *NativeSession) Decode(token, pos, seq []int32, want []int8) int {
	return int(C.ceil_decode(s.p, C.int32_t(len(token)), (*C.int32_t)(unsafe.Pointer(&token[0])),
		(*C.int32_t)(unsafe.Pointer(&pos[0])), (*C.int32_t)(unsafe.Pointer(&seq[0])),
		(*C.int8_t)(unsafe.Pointer(&want[0]))))
}

// BackendToken is what the back end sampled at batch position i, or [BadToken];
// for its tests.
func (s *NativeSession) BackendToken(i int) int { return int(C.ceil_sampled(s.p, C.int32_t(i))) }

// Settle ends the copying of the first sequence's logits to the host where the
// back end samples; the step after it makes the library reserve anew.
func (s *NativeSession) Settle() { C.ceil_settle(s.p) }

// CheckLogits looks at the logits that Step sampled batch position i from; where
// the back end samples, of the first sequence before [NativeSession.Settle]. It
// returns 0, [NoLogits], [NaNLogits] (or infinite) or [FlatLogits].
func (s *NativeSession) CheckLogits(i int) int { return int(C.ceil_check_logits(s.p, C.int32_t(i))) }

// Logits copies the logits of batch position i of the last Decode, or
// returns nil where it asked for none. Length: the vocabulary.
func (s *NativeSession) Logits(i int) []float32 {
	p := C.ceil_logits(s.p, C.int32_t(i))
	if p == nil {
		return nil
	}
	return append([]float32(nil), unsafe.Slice((*float32)(unsafe.Pointer(p)), s.size)...)
}

// Abort makes a running step stop early on back ends that look at the flag.
// It may be called from any goroutine while the session is open.
func (s *NativeSession) Abort(on bool) { C.ceil_session_abort(s.p, C.bool(on)) }

// Sampled counts the tokens sampled by the back end and by the CPU argmax.
func (s *NativeSession) Sampled() (backend, argmax uint64) {
	return uint64(s.counts.backend), uint64(s.counts.argmax)
}

// Copies is zero: logits are read in place.
func (s *NativeSession) Copies() NativeCopies { return NativeCopies{} }

// Graphs is the number of compute graphs that the last Step or Decode became;
// 0: not known.
func (s *NativeSession) Graphs() int { return int(s.counts.graphs) }

// Tally must be called on the thread that calls Step. Reused is since the session
// was opened, the rest since the thread began.
func (s *NativeSession) Tally() NativeTally {
	t := C.ceil_tally()
	return NativeTally{Graphs: uint64(t.graphs), Reused: uint64(C.llama_perf_context(s.ctx).n_reused),
		Splits: uint64(t.splits), Plans: uint64(t.plans), Buffers: uint64(t.buffers)}
}

// Nodes is the number of nodes of the session's first graph that compute
// something; 0: not known.
func (s *NativeSession) Nodes() int { return int(s.counts.nodes) }

// RemoveSeq drops the cells of seq in [from, to); to < 0: to the end. It and the next
// two hold for the draft side too.
func (s *NativeSession) RemoveSeq(seq, from, to int32) bool {
	return bool(C.ceil_seq_rm(s.p, C.int32_t(seq), C.int32_t(from), C.int32_t(to)))
}

// CopySeq lets dst share the cells of src in [from, to).
func (s *NativeSession) CopySeq(src, dst, from, to int32) {
	C.ceil_seq_cp(s.p, C.int32_t(src), C.int32_t(dst), C.int32_t(from), C.int32_t(to))
}

// SeqEnd returns the largest position that the sequence holds, or -1.
func (s *NativeSession) SeqEnd(seq int32) int32 {
	return int32(C.llama_memory_seq_pos_max(s.mem, C.llama_seq_id(seq)))
}

// Clear empties the KV cache.
func (s *NativeSession) Clear() { C.ceil_clear(s.p) }
