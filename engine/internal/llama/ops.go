package llama

// #include "shim.h"
import "C"

import "unsafe"

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
