package llama

// #include <stdlib.h>
// #include "shim.h"
import "C"

import (
	"unsafe"
)

// NativeSampler owns llama_samplers: a grammar and a chain.
type NativeSampler struct{ p *C.struct_ceil_sampler }

// NewSampler returns nil where the grammar does not parse.
func (m *NativeModel) NewSampler(p SamplerParams) *NativeSampler {
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
	return &NativeSampler{p: s}
}

// Sample draws a token from the logits at batch position i of the last Decode
// and remembers that it was taken. It returns the id, [NoLogits], [NaNLogits]
// or [NoToken].
func (s *NativeSampler) Sample(from *NativeSession, i int) int32 {
	return int32(C.ceil_sampler_sample(s.p, from.p, C.int32_t(i)))
}

// Draw is Sample from the caller's logits, one for each token of the
// vocabulary.
func (s *NativeSampler) Draw(logits []float32) int32 {
	return int32(C.ceil_sampler_draw(s.p, (*C.float)(unsafe.Pointer(&logits[0]))))
}

// Free releases the samplers.
func (s *NativeSampler) Free() {
	C.ceil_sampler_free(s.p)
	s.p = nil
}
