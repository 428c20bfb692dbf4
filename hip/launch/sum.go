package launch

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"ceiling/hip"
)

// ErrWrongSum: RCCL added up, and what came out is not the sum.
var ErrWrongSum = errors.New("RCCL adds up wrongly")

// sumLengths are the vectors that CheckSum has added up, in floats: a token's and a
// prompt's of a large model, which RCCL sends in two ways.
var sumLengths = []int{5 << 10, 1 << 20}

// CheckSum adds known vectors up over devices by RCCL, and compares every number on
// every device with its sum. It returns RCCL's version, or ErrNoRCCL, ErrWrongSum or
// what failed. The calling goroutine must be locked to its thread.
func CheckSum(r *hip.Runtime, devices []int) (version string, err error) {
	return checkSum(r, devices, collectiveFiles())
}

func checkSum(r *hip.Runtime, indices []int, files []string) (version string, err error) {
	rt, err := Open(r)
	if err != nil {
		return "", err
	}
	var devices []*OpenDevice
	for _, i := range indices {
		d, err := rt.Device(i)
		if err != nil {
			return "", err
		}
		defer d.Close()
		devices = append(devices, d)
	}
	c, err := newCollective(devices, files)
	if err != nil {
		return "", err
	}
	defer c.Close()
	for _, n := range sumLengths {
		if err := c.check(devices, n); err != nil {
			return c.Version, err
		}
	}
	return c.Version, nil
}

// summand is number k of device i: sums of such are exact in whichever order.
func summand(i, k int) float32 { return float32((k+37*i)%1021 + 1) }

// check adds up vectors of n floats.
func (c *Collective) check(devices []*OpenDevice, n int) error {
	want := make([]float32, n)
	var send, receive []Buffer
	var streams []*Stream
	for i, d := range devices {
		part := make([]byte, 0, 4*n)
		for k := range want {
			want[k] += summand(i, k)
			part = binary.LittleEndian.AppendUint32(part, math.Float32bits(summand(i, k)))
		}
		in, out, s, err := d.vectors(part)
		if err != nil {
			return err
		}
		send, receive, streams = append(send, in), append(receive, out), append(streams, s)
	}
	if err := c.Sum(send, receive, streams); err != nil {
		return err
	}
	for i, s := range streams {
		if err := s.Sync(); err != nil {
			return err
		}
		if err := receive[i].holds(want); err != nil {
			return fmt.Errorf("%w: device %d of %d: %w", ErrWrongSum, i, len(devices), err)
		}
	}
	return nil
}

// vectors are a buffer with data, one as long that is full of NaN, and a stream.
func (d *OpenDevice) vectors(data []byte) (in, out Buffer, s *Stream, err error) {
	if in, err = d.Alloc(len(data), Cached); err != nil {
		return in, out, nil, err
	}
	if out, err = d.Alloc(len(data), Cached); err != nil {
		return in, out, nil, err
	}
	if err = errors.Join(in.Upload(data), out.Set(0xff)); err != nil {
		return in, out, nil, err
	}
	s, err = d.NewStream()
	return in, out, s, err
}

// holds compares a buffer's floats with what they should be.
func (b Buffer) holds(want []float32) error {
	got := make([]byte, 4*len(want))
	if err := b.Download(got); err != nil {
		return err
	}
	for k, w := range want {
		if v := math.Float32frombits(binary.LittleEndian.Uint32(got[4*k:])); v != w {
			return fmt.Errorf("number %d of %d is %g, not %g", k, len(want), v, w)
		}
	}
	return nil
}
