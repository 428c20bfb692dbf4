package llama

// #include "shim.h"
import "C"

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
