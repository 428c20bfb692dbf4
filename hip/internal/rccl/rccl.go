// Package rccl binds the few calls of AMD's collective library that add vectors
// up over cards, found at run time.
package rccl

import (
	"fmt"

	"github.com/ebitengine/purego"
)

// From rccl.h: they are NCCL's, and the same in all releases of version 2.
const (
	float32Type = 7
	sum         = 0
)

// Library is a loaded RCCL.
type Library struct {
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
func Open(path string) (*Library, error) {
	handle, err := purego.Dlopen(path, purego.RTLD_NOW|purego.RTLD_GLOBAL)
	if err != nil {
		return nil, fmt.Errorf("%q can't be loaded: %w", path, err)
	}
	l := &Library{Path: path}
	for _, s := range []struct {
		name     string
		function any
	}{
		{"ncclGetVersion", &l.version},
		{"ncclCommInitAll", &l.initAll},
		{"ncclCommDestroy", &l.destroy},
		{"ncclGroupStart", &l.groupStart},
		{"ncclGroupEnd", &l.groupEnd},
		{"ncclAllReduce", &l.allReduce},
		{"ncclGetErrorString", &l.errorText},
	} {
		address, err := purego.Dlsym(handle, s.name)
		if err != nil {
			return nil, fmt.Errorf("%q has no %s: it is not RCCL", path, s.name)
		}
		purego.RegisterFunc(s.function, address)
	}
	return l, nil
}

func (l *Library) failed(call string, result int32) error {
	if result == 0 {
		return nil
	}
	return fmt.Errorf("%s: %s (code %d) from %q", call, l.errorText(result), result, l.Path)
}

// Version is the library's, "2.22.3".
func (l *Library) Version() (string, error) {
	var v int32
	err := l.failed("ncclGetVersion", l.version(&v))
	return fmt.Sprintf("%d.%d.%d", v/10000, v/100%100, v%100), err
}

// InitAll makes a communicator for each device.
func (l *Library) InitAll(devices []int) ([]uintptr, error) {
	list := make([]int32, len(devices))
	for i, d := range devices {
		list[i] = int32(d)
	}
	comms := make([]uintptr, len(devices))
	return comms, l.failed("ncclCommInitAll", l.initAll(&comms[0], int32(len(list)), &list[0]))
}

// Destroy frees a communicator.
func (l *Library) Destroy(comm uintptr) error { return l.failed("ncclCommDestroy", l.destroy(comm)) }

// Group calls f, whose calls for several devices belong together.
func (l *Library) Group(f func() error) error {
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
func (l *Library) AllReduce(send, receive uint64, n int, comm, stream uintptr) error {
	return l.failed("ncclAllReduce", l.allReduce(send, receive, uint64(n), float32Type, sum, comm, stream))
}
