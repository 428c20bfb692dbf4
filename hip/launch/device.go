package launch

import (
	"errors"
	"fmt"

	"ceiling/hip"
	"ceiling/hip/internal/amdhip"
)

// Launcher is the HIP runtime for those who run kernels. What is asked of it
// must come from one goroutine that is locked to its thread: the current device
// is the thread's.
type Launcher struct {
	lib  *amdhip.HIPRuntime
	call *amdhip.Compute
	path string
}

// Open prepares a runtime for running kernels.
func Open(r *hip.Runtime) (*Launcher, error) {
	lib := r.Library()
	call, err := lib.Compute()
	if err != nil {
		return nil, err
	}
	return &Launcher{lib, call, r.Path()}, nil
}

// StandIn says whether the cards are those of hip/standin, on which no time
// means anything.
func StandIn() bool { return amdhip.StandIn() }

func (r *Launcher) failed(call string, s amdhip.ErrorCode) error {
	if s == amdhip.Success {
		return nil
	}
	return fmt.Errorf("%s: %s (code %d) from %q", call, r.lib.ErrorName(s), s, r.path)
}

// OpenDevice is a card with all that was made on it.
type OpenDevice struct {
	Index int
	Arch  string // "gfx908:sramecc+:xnack-"
	CUs   int
	// ClockHz is the core's highest clock, WallHz the rate of the constant one.
	// 0: not known.
	ClockHz float64
	WallHz  float64

	r     *Launcher
	frees []func() error
}

// Device describes a card. Close frees what is made on it.
func (r *Launcher) Device(index int) (*OpenDevice, error) {
	d := &OpenDevice{Index: index, Arch: r.lib.Arch(index), r: r}
	if d.Arch == "" {
		return nil, fmt.Errorf("device %d: the runtime tells no architecture", index)
	}
	for _, a := range []struct {
		of amdhip.Attribute
		to func(v int)
	}{
		{amdhip.Multiprocessors, func(v int) { d.CUs = v }},
		{amdhip.ClockRate, func(v int) { d.ClockHz = 1e3 * float64(v) }},
		{amdhip.WallClockRate, func(v int) { d.WallHz = 1e3 * float64(v) }},
	} {
		if v, s := r.lib.Attribute(a.of, index); s == amdhip.Success {
			a.to(v)
		}
	}
	if d.CUs <= 0 {
		return nil, fmt.Errorf("device %d has %d compute units", index, d.CUs)
	}
	return d, nil
}

// PCI is the device's address, "0000:83:00.0"; "" where the runtime does not tell.
func (d *OpenDevice) PCI() string {
	pci, s := d.r.lib.PCI(d.Index)
	if s != amdhip.Success {
		return ""
	}
	return pci
}

// use makes the device the thread's.
func (d *OpenDevice) use() error { return d.r.failed("hipSetDevice", d.r.lib.SetDevice(d.Index)) }

// do makes one call on the device.
func (d *OpenDevice) do(name string, call func(c *amdhip.Compute) amdhip.ErrorCode) error {
	if err := d.use(); err != nil {
		return err
	}
	if err := d.r.failed(name, call(d.r.call)); err != nil {
		return fmt.Errorf("device %d: %w", d.Index, err)
	}
	return nil
}

// made remembers how to free something.
func (d *OpenDevice) made(name string, free func(c *amdhip.Compute) amdhip.ErrorCode) {
	d.frees = append(d.frees, func() error { return d.do(name, free) })
}

// Mark is a state of a device to go back to.
func (d *OpenDevice) Mark() int { return len(d.frees) }

// Release waits for the device, and frees what was made since a mark, the last
// first.
func (d *OpenDevice) Release(mark int) error {
	err := d.Sync()
	for len(d.frees) > mark {
		last := len(d.frees) - 1
		err = errors.Join(err, d.frees[last]())
		d.frees = d.frees[:last]
	}
	return err
}

// Close frees all that was made on the device.
func (d *OpenDevice) Close() error { return d.Release(0) }

// Sync waits for all that was queued on the device.
func (d *OpenDevice) Sync() error {
	return d.do("hipDeviceSynchronize", func(c *amdhip.Compute) amdhip.ErrorCode { return c.DeviceSync() })
}

// EnablePeer lets the device reach another's memory.
func (d *OpenDevice) EnablePeer(other *OpenDevice) error {
	return d.do("hipDeviceEnablePeerAccess", func(c *amdhip.Compute) amdhip.ErrorCode { return c.EnablePeer(other.Index) })
}

// CanReach says whether the device can address another's memory.
func (d *OpenDevice) CanReach(other *OpenDevice) (bool, error) {
	can, s := d.r.lib.CanAccessPeer(d.Index, other.Index)
	return can, d.r.failed("hipDeviceCanAccessPeer", s)
}
