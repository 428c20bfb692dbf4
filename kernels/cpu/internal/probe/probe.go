// Package probe runs the CPU's probes, which are in C: loops of loads,
// multiplications and additions, on pinned threads that start together. What
// they measure and whether their results are right is for package cpu to say.
package probe

/*
#cgo CFLAGS: -std=gnu11 -O2
#cgo LDFLAGS: -lpthread
#include <stdlib.h>
#include "probe.h"
*/
import "C"

import (
	"fmt"
	"runtime"
	"syscall"
	"unsafe"
)

// Pages is memory that no garbage collector moves, in large pages where the
// system has them.
type Pages struct {
	p     unsafe.Pointer
	bytes int
}

// Map takes memory, and nothing where there is none.
func Map(bytes int) (Pages, error) {
	p := C.probe_map(C.size_t(bytes))
	if p == nil {
		return Pages{}, fmt.Errorf("%d MiB of memory for a probe: %w", bytes>>20, syscall.ENOMEM)
	}
	return Pages{p, bytes}, nil
}

// Free gives it back.
func (m Pages) Free() { C.probe_unmap(m.p, C.size_t(m.bytes)) }

// Write fills its beginning.
func (m Pages) Write(data []byte) { copy(unsafe.Slice((*byte)(m.p), m.bytes), data) }

// Part is what one thread works on: Size bytes, or words of 8 bytes for a
// kernel that reads, from byte Offset of the memory on.
type Part struct {
	CPU          int // that the thread is pinned to
	Offset, Size int
}

// Time is what came of one thread. Times are in seconds.
type Time struct {
	Sum        uint64  // checksum
	Start, End float64 // on the monotonic clock
	CPUTime    float64 // that it got in between
	ClockHz    float64 // right behind it; 0: not known
	Pinned     bool
}

// Has tells whether this build has a kernel of that name.
func Has(kernel string) bool { return find(kernel) != nil }

func find(kernel string) C.probe_kernel {
	name := C.CString(kernel)
	defer C.free(unsafe.Pointer(name))
	return C.probe_find(name)
}

// Run lets a thread for each part run the kernel, all at once. Parts lie within
// the memory.
func Run(kernel string, m Pages, parts []Part, rounds uint64) ([]Time, error) {
	k := find(kernel)
	if k == nil {
		return nil, fmt.Errorf("this build has no kernel %q for %s", kernel, runtime.GOARCH)
	}
	threads := make([]C.struct_probe_thread, len(parts))
	for i, p := range parts {
		threads[i].cpu, threads[i].data, threads[i].n = C.int(p.CPU), unsafe.Add(m.p, p.Offset), C.size_t(p.Size)
	}
	var pin runtime.Pinner
	defer pin.Unpin()
	pin.Pin(&threads[0])
	if errno := C.probe_run(k, &threads[0], C.int(len(threads)), C.uint64_t(rounds)); errno != 0 {
		return nil, fmt.Errorf("%d threads for a probe: %w", len(parts), syscall.Errno(errno))
	}
	out := make([]Time, len(parts))
	for i := range threads {
		t := &threads[i]
		out[i] = Time{uint64(t.sum), float64(t.start), float64(t.end), float64(t.cpu_time), float64(t.clock_hz), bool(t.pinned)}
	}
	return out, nil
}
