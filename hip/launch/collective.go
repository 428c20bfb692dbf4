package launch

import (
	"errors"
	"fmt"

	"ceiling/hip"
	"ceiling/hip/internal/library"
	"ceiling/hip/internal/rccl"
)

// ErrNoRCCL: no librccl was found.
var ErrNoRCCL = errors.New("no RCCL")

// Collective is RCCL over several devices.
type Collective struct {
	lib     *rccl.RCCL
	comms   []uintptr
	Version string
}

// NewCollective loads RCCL, and joins devices. It returns ErrNoRCCL where there is
// none.
func NewCollective(devices []*OpenDevice) (*Collective, error) {
	return newCollective(devices, collectiveFiles())
}

// collectiveFiles are the files to try for RCCL.
func collectiveFiles() []string { return append(hip.Libraries("librccl.so"), "librccl.so.1") }

func newCollective(devices []*OpenDevice, files []string) (*Collective, error) {
	lib, err := library.First(files, rccl.Open)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoRCCL, err)
	}
	c := &Collective{lib: lib}
	if c.Version, err = lib.Version(); err != nil {
		return nil, err
	}
	var list []int
	for _, d := range devices {
		list = append(list, d.Index)
	}
	if c.comms, err = lib.InitAll(list); err != nil {
		return nil, err
	}
	return c, nil
}

// Sum queues a sum of vectors of floats over all devices, whose parts are in the
// order of NewCollective. All have the size of the first.
func (c *Collective) Sum(send, receive []Buffer, streams []*Stream) error {
	return c.lib.Group(func() error {
		for i, comm := range c.comms {
			if err := c.lib.AllReduce(send[i].Address, receive[i].Address, send[0].Bytes/4, comm, streams[i].handle); err != nil {
				return err
			}
		}
		return nil
	})
}

// Close leaves.
func (c *Collective) Close() error {
	var err error
	for _, comm := range c.comms {
		err = errors.Join(err, c.lib.Destroy(comm))
	}
	return err
}
