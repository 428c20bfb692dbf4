package llama

// #include "shim.h"
import "C"

import (
	"fmt"
	"runtime"
	"unsafe"
)

// What follows is for the tests of the shim's parts.

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
