package llama

// #include <stdlib.h>
// #include "shim.h"
import "C"

import "unsafe"

// SpeculationFault says why this build can't draft; "": it can.
func SpeculationFault() string {
	why := C.ceil_spec_fault()
	if why == nil {
		return ""
	}
	return C.GoString(why) + ": make build makes it"
}

// fill turns the parameters into C's; what free releases must live until the session
// is open.
func (p *DraftParams) fill(o *C.struct_ceil_open) (free func()) {
	o.n_outputs_per_seq, o.n_rollback = C.uint32_t(p.PerSeq), C.uint32_t(p.Rollback)
	if p.Kind == "" {
		return func() {}
	}
	kind := C.CString(p.Kind)
	o.drafting = C.struct_ceil_drafting{kind: kind, max: C.int32_t(p.Max), min: C.int32_t(p.Min), p_min: C.float(p.PMin)}
	o.mtp, o.plan = C.bool(p.MTP), C.bool(p.Plan)
	if p.Model != nil {
		o.draft = p.Model.p
	}
	return func() { C.free(unsafe.Pointer(kind)) }
}

// DraftBegin tells the draft side that seq has computed a prompt and that first was
// sampled from it; false: it failed, and [LoggedErrors] says why.
func (s *NativeSession) DraftBegin(seq int32, prompt []int32, first int32) bool {
	return bool(C.ceil_draft_begin(s.p, C.int32_t(seq), ids(prompt), C.int32_t(len(prompt)), C.int32_t(first)))
}

// Draft proposes tokens to follow sequences, at most one ask for each: count[i] of
// them behind the first max[0] + … + max[i-1] of tokens. It returns 0, 2 where it was
// aborted, or [NoDrafts].
func (s *NativeSession) Draft(seq, last, pos, max, count, tokens []int32) int {
	return int(C.ceil_draft(s.p, C.int32_t(len(seq)), ids(seq), ids(last), ids(pos), ids(max), ids(count), ids(tokens)))
}

// DraftAccept tells the draft side what a step with so many drafts has given seq.
func (s *NativeSession) DraftAccept(seq int32, drafted int, tokens []int32) bool {
	return bool(C.ceil_draft_accept(s.p, C.int32_t(seq), C.int32_t(drafted), ids(tokens), C.int32_t(len(tokens))))
}

// CheckDraft is [NativeSession.CheckLogits] of the draft model's last row.
func (s *NativeSession) CheckDraft() int { return int(C.ceil_check_draft(s.p)) }

// Drafting is the time of the last Step that the draft side took, in ns.
func (s *NativeSession) Drafting() int64 { return int64(s.counts.drafting_ns) }

func ids(s []int32) *C.int32_t { return (*C.int32_t)(unsafe.Pointer(unsafe.SliceData(s))) }

// VocabType is llama_vocab_type's number.
func (m *NativeModel) VocabType() int { return int(C.llama_vocab_type(m.vocab)) }

// EOS returns the end-of-sequence id, or -1, and whether the model wants it behind
// a prompt.
func (m *NativeModel) EOS() (id int32, add bool) {
	return int32(C.llama_vocab_eos(m.vocab)), bool(C.llama_vocab_get_add_eos(m.vocab))
}

// TokenText is the token as the vocabulary spells it.
func (m *NativeModel) TokenText(token int32) string {
	return C.GoString(C.llama_vocab_get_text(m.vocab, C.llama_token(token)))
}
