package gpu

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"ceiling/hip/codeobject"
	"ceiling/hip/launch"
	"ceiling/kernels"
)

// card is a device that probes run on.
type card struct {
	*launch.OpenDevice
	stream      *launch.Stream
	start, stop *launch.StreamEvent
	kernels     map[string]kernel
	stamps      launch.Buffer
	found       launch.Buffer // what checks count
	power       func() (float64, bool)
}

// kernel is a kernel on a card, with what it needs.
type kernel struct {
	launch.LoadedKernel
	needs codeobject.Kernel
}

const stampBytes = 32

// prepare loads the kernels, and makes what every probe uses.
func (c *card) prepare(objects map[string][]byte, stampBuffer int) error {
	var err error
	if c.stream, err = c.NewStream(); err != nil {
		return err
	}
	if c.start, err = c.NewEvent(); err != nil {
		return err
	}
	if c.stop, err = c.NewEvent(); err != nil {
		return err
	}
	if c.stamps, err = c.Alloc(stampBuffer, launch.Cached); err != nil {
		return err
	}
	if c.found, err = c.Alloc(8, launch.Cached); err != nil {
		return err
	}
	c.kernels = map[string]kernel{}
	for name, code := range objects {
		if err := c.load(code); err != nil {
			return fmt.Errorf("%s.hip: %w", name, err)
		}
	}
	return nil
}

func (c *card) load(code []byte) error {
	needs, err := codeobject.Kernels(bytes.NewReader(code))
	if err != nil {
		return err
	}
	module, err := c.Load(code)
	if err != nil {
		return err
	}
	for _, n := range needs {
		k, err := module.Kernel(n.Name)
		if err != nil {
			return err
		}
		c.kernels[n.Name] = kernel{k, n}
	}
	return nil
}

// kernel finds a kernel. A name that no source has is a mistake of this package.
func (c *card) kernel(name string) kernel {
	k, ok := c.kernels[name]
	if !ok {
		panic("no source has a kernel " + name)
	}
	return k
}

// do runs a kernel to its end.
func (c *card) do(name string, g launch.Grid, arguments ...any) error {
	if err := c.stream.Launch(c.kernel(name).LoadedKernel, g, launch.Arguments(arguments...)); err != nil {
		return err
	}
	return c.stream.Sync()
}

// timed makes a work out of a kernel that leaves stamps. arguments are those of a
// launch of a number of rounds, without the stamps, which come last.
func (c *card) timed(w work, name string, g launch.Grid, arguments func(rounds int) []any) *work {
	k := c.kernel(name).LoadedKernel
	each := g.Groups * ((g.Threads + 63) / 64) * stampBytes
	w.queue = func(s size) error {
		if s.launches*each > c.stamps.Bytes {
			return fmt.Errorf("kernel %s: the stamps of %d launches need %d bytes, there are %d", name, s.launches, s.launches*each, c.stamps.Bytes)
		}
		if err := c.start.Record(c.stream); err != nil {
			return err
		}
		for i := range s.launches {
			args := append(arguments(s.rounds), c.stamps.Part(i*each, each))
			if err := c.stream.Launch(k, g, launch.Arguments(args...)); err != nil {
				return err
			}
		}
		return c.stop.Record(c.stream)
	}
	w.finish = func(s size) (reading, error) { return c.finish(s.launches * each) }
	return &w
}

// finish waits for a sample whose stamps have a number of bytes, and reads its
// clocks.
func (c *card) finish(stamps int) (reading, error) {
	seconds, err := c.stop.Since(c.start)
	if err != nil {
		return reading{}, err
	}
	raw := make([]byte, stamps)
	if err := c.stamps.Part(0, stamps).Download(raw); err != nil {
		return reading{}, err
	}
	r, err := readStamps(raw, c.WallHz)
	r.events = seconds
	return r, err
}

// readStamps makes a reading of the stamps of waves.
func readStamps(raw []byte, wallHz float64) (reading, error) {
	var r reading
	first, last := ^uint64(0), uint64(0)
	var rates []float64
	for i := 0; i+stampBytes <= len(raw); i += stampBytes {
		var s [4]uint64 // constant clock at start and end, core's clock at start and end
		for k := range s {
			s[k] = binary.LittleEndian.Uint64(raw[i+8*k:])
		}
		if s[1] < s[0] || s[3] < s[2] || s[1] == 0 {
			return r, fmt.Errorf("wave %d was there from %d to %d, in cycles from %d to %d: its clocks run backwards, or it left no stamp", i/stampBytes, s[0], s[1], s[2], s[3])
		}
		first, last = min(first, s[0]), max(last, s[1])
		cycles := float64(s[3] - s[2])
		r.cycles = max(r.cycles, cycles)
		if s[1] > s[0] {
			rates = append(rates, cycles/float64(s[1]-s[0]))
		}
	}
	if wallHz == 0 || last <= first {
		return r, nil
	}
	r.wall = float64(last-first) / wallHz
	if len(rates) > 0 {
		slices.Sort(rates)
		r.hertz = rates[len(rates)/2] * wallHz
	}
	return r, nil
}

// counted runs a check kernel, which counts words seen and words that differ.
func (c *card) counted(name string, a launch.Buffer, mask uint32, first, second uint64, t int) error {
	if err := c.found.Set(0); err != nil {
		return broken{err}
	}
	err := c.do(name, launch.Grid{Groups: c.checkGroups(a.Bytes), Threads: 256}, a, uint32(a.Bytes), mask, first, second, uint32(t), c.found)
	if err != nil {
		return broken{err}
	}
	found := make([]byte, 8)
	if err := c.found.Download(found); err != nil {
		return broken{err}
	}
	seen, wrong := binary.LittleEndian.Uint32(found), binary.LittleEndian.Uint32(found[4:])
	if int(seen) != a.Bytes/4 || wrong != 0 {
		return fmt.Errorf("%d of %d words are wrong, %d were seen", wrong, a.Bytes/4, seen)
	}
	return nil
}

// checkGroups is a grid that is large enough for a check, and small for little.
func (c *card) checkGroups(bytes int) int { return max(1, min(4*c.CUs, bytes/(16*256*8))) }

// words32 downloads a buffer as numbers.
func words32(b launch.Buffer) ([]uint32, error) {
	raw := make([]byte, b.Bytes)
	if err := b.Download(raw); err != nil {
		return nil, broken{err}
	}
	out := make([]uint32, len(raw)/4)
	for i := range out {
		out[i] = binary.LittleEndian.Uint32(raw[4*i:])
	}
	return out, nil
}

// upload32 makes a buffer of numbers.
func (c *card) upload32(values []uint32) (launch.Buffer, error) {
	raw := make([]byte, 0, 4*len(values))
	for _, v := range values {
		raw = binary.LittleEndian.AppendUint32(raw, v)
	}
	b, err := c.Alloc(len(raw), launch.Cached)
	if err != nil {
		return b, err
	}
	return b, b.Upload(raw)
}

// wrongOr sorts an error of a check into a verdict: a wrong result, or an error
// of the machine, which it returns.
func wrongOr(err error, m *kernels.Measurement) error {
	var b broken
	if err == nil || errors.As(err, &b) {
		return err
	}
	m.Verdict, m.Reason = kernels.Wrong, err.Error()
	return nil
}
