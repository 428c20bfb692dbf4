// Package rccl binds the few calls of AMD's collective library that add vectors
// up over cards, found at run time.
package rccl

import (
	"fmt"

	"ceiling/hip/internal/library"
)

// From rccl.h: they are NCCL's, and the same in all releases of version 2.
const (
	float32Type = 7
	sum         = 0
)

// RCCL is a loaded RCCL.
type RCCL struct {
	Path string

	version    func(version *int32) int32
	initAll    func(comms *uintptr, devices int32, list *int32) int32
	destroy    func(comm uintptr) int32
	groupStart func() int32
	groupEnd   func() int32
	allReduce  func(send, receive uint64, count uint64, kind, operation int32, comm, stream uintptr) int32
	errorText  func(result int32) string
}

// Open loads the library at path, a file or a name for the loader's search.
func Open(path string) (*RCCL, error) {
	l := &RCCL{Path: path}
	_, err := library.Open(path, []library.Symbol{
		library.Required("ncclGetVersion", &l.version),
		library.Required("ncclCommInitAll", &l.initAll),
		library.Required("ncclCommDestroy", &l.destroy),
		library.Required("ncclGroupStart", &l.groupStart),
		library.Required("ncclGroupEnd", &l.groupEnd),
		library.Required("ncclAllReduce", &l.allReduce),
		library.Required("ncclGetErrorString", &l.errorText),
	}, "it is not RCCL")
	if err != nil {
		return nil, err
	}
	return l, nil
}

func (l *RCCL) failed(call string, result int32) error {
	if result == 0 {
		return nil
	}
	return fmt.Errorf("%s: %s (code %d) from %q", call, l.errorText(result), result, l.Path)
}

// Version is the library's, "2.22.3".
func (l *RCCL) Version() (string, error) {
	var v int32
	err := l.failed("ncclGetVersion", l.version(&v))
	return fmt.Sprintf("%d.%d.%d", v/10000, v/100%100, v%100), err
}

// InitAll makes a communicator for each device.
func (l *RCCL) InitAll(devices []int) ([]uintptr, error) {
	list := make([]int32, len(devices))
	for i, d := range devices {
		list[i] = int32(d)
	}
	comms := make([]uintptr, len(devices))
	return comms, l.failed("ncclCommInitAll", l.initAll(&comms[0], int32(len(list)), &list[0]))
}

// Destroy frees a communicator.
func (l *RCCL) Destroy(comm uintptr) error { return l.failed("ncclCommDestroy", l.destroy(comm)) }

// Group calls f, whose calls for several devices belong together.
func (l *RCCL) Group(f func() error) error {
	if err := l.failed("ncclGroupStart", l.groupStart()); err != nil {
		return err
	}
	err := f()
	if end := l.failed("ncclGroupEnd", l.groupEnd()); err == nil {
		err = end
	}
	return err
}

// AllReduce queues one device's part in a sum of n floats.
func (l *RCCL) AllReduce(send, receive uint64, n int, comm, stream uintptr) error {
	return l.failed("ncclAllReduce", l.allReduce(send, receive, uint64(n), float32Type, sum, comm, stream))
}
