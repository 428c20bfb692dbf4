package llama

// #include "shim.h"
import "C"

import "unsafe"

// NativeOp is one node of a graph, computed by itself.
type NativeOp struct {
	Op, Name, Type    string // "MUL_MAT", "ffn_down-3", "q4_0"
	Device            string // that its result lies on
	Shape             [4]int64
	Inner             int64 // length of the sums of a matrix product
	Seconds           float64
	Bytes, Operations uint64
}

// Ops are the nodes of the last Step or Decode, where the session times them.
func (s *NativeSession) Ops() []NativeOp {
	var n C.size_t
	p := C.ceil_ops(s.p, &n)
	out := make([]NativeOp, int(n))
	for i, o := range unsafe.Slice(p, int(n)) {
		out[i] = NativeOp{Op: C.GoString(&o.op[0]), Name: C.GoString(&o.name[0]), Type: C.GoString(&o._type[0]), Device: C.GoString(&o.device[0]),
			Inner: int64(o.inner), Seconds: float64(o.seconds), Bytes: uint64(o.bytes), Operations: uint64(o.operations)}
		for k := range out[i].Shape {
			out[i].Shape[k] = int64(o.ne[k])
		}
	}
	return out
}

// Chain computes a graph of n nodes on the CPU back end, each of which adds 1 to
// the one before. ok is false where the back end could not.
func Chain(threads, n int) (seconds, end float64, ok bool) {
	var s C.double
	var e C.float
	ok = bool(C.ceil_chain(C.int32_t(threads), C.int32_t(n), &s, &e))
	return float64(s), float64(e), ok
}

// CPUFeatures are the instruction sets that the CPU back end uses, by the
// library's names.
func CPUFeatures() []string {
	var out []string
	var buf [64]C.char
	for bool(C.ceil_cpu_feature(C.size_t(len(out)), &buf[0], C.size_t(len(buf)))) {
		out = append(out, C.GoString(&buf[0]))
	}
	return out
}
