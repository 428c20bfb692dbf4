package gpu

import (
	"encoding/binary"
	"errors"
	"fmt"

	"ceiling/hip/launch"
	"ceiling/internal/figure"
	"ceiling/kernels"
)

func launchProbes() []probe {
	files := []string{"link"}
	return []probe{
		{name: "launch.sync", files: files, alone: true, on: func(c *card, sc scale) ([]*work, error) {
			t, err := newTicks(c, sc)
			if err != nil {
				return nil, err
			}
			return []*work{t.work("one kernel and a wait", 1, func(rounds int) error {
				for i := range rounds {
					if err := errors.Join(t.launch(i), c.stream.Sync()); err != nil {
						return err
					}
				}
				return nil
			})}, nil
		}},
		{name: "launch.stream", files: files, alone: true, on: func(c *card, sc scale) ([]*work, error) {
			t, err := newTicks(c, sc)
			if err != nil {
				return nil, err
			}
			n := sc.pick(1000, 10)
			return []*work{t.work(fmt.Sprintf("%d kernels and a wait", n), n, func(rounds int) error {
				for range rounds {
					for i := range n {
						if err := t.launch(i); err != nil {
							return err
						}
					}
					if err := c.stream.Sync(); err != nil {
						return err
					}
				}
				return nil
			})}, nil
		}},
		{name: "launch.graph", files: files, itself: graphs},
	}
}

// mostNodes of a graph.
const mostNodes = 1024

// ticks are kernels that do nearly nothing: each counts itself, and notes the
// constant clock.
type ticks struct {
	c       *card
	counter launch.Buffer
	times   launch.Buffer // start and end of each node
	nodes   int           // that times has room for; two more are for what stands around a sample
}

func newTicks(c *card, sc scale) (*ticks, error) {
	t := &ticks{c: c, nodes: sc.pick(1<<16, mostNodes)}
	var err error
	if t.counter, err = c.Alloc(4, launch.Cached); err != nil {
		return nil, err
	}
	t.times, err = c.Alloc(16*(t.nodes+2), launch.Cached)
	return t, err
}

// launch queues the kernel of a node.
func (t *ticks) launch(node int) error {
	return t.c.stream.Launch(t.c.kernel("tick").LoadedKernel, launch.Grid{Groups: 1, Threads: 64}, launch.Arguments(t.counter, t.times, uint32(node)))
}

// work is a way to run kernels, n in a round. Its two clocks are the host's, or
// events, and the card's: a kernel before and one behind the sample note it.
func (t *ticks) work(variant string, n int, run func(rounds int) error) *work {
	w := &work{variant: variant, unit: kernels.Seconds, amount: float64(n), most: t.nodes / n}
	ran := 0
	w.queue = func(s size) error {
		err := errors.Join(t.c.start.Record(t.c.stream), t.launch(t.nodes))
		for range s.launches {
			err = errors.Join(err, run(s.rounds))
			ran += n * s.rounds
		}
		ran += 2
		return errors.Join(err, t.launch(t.nodes+1), t.c.stop.Record(t.c.stream))
	}
	w.finish = func(size) (reading, error) {
		r := reading{}
		var err error
		if r.events, err = t.c.stop.Since(t.c.start); err != nil {
			return r, err
		}
		around := make([]byte, 32)
		if err := t.times.Part(16*t.nodes, 32).Download(around); err != nil {
			return r, err
		}
		first, last := binary.LittleEndian.Uint64(around), binary.LittleEndian.Uint64(around[24:])
		if last <= first {
			return r, fmt.Errorf("the last kernel ended at %d, the first began at %d", last, first)
		}
		if t.c.WallHz > 0 {
			r.wall = float64(last-first) / t.c.WallHz
		}
		return r, nil
	}
	w.reset = func() error {
		ran = 0
		return t.counter.Set(0)
	}
	w.check = func(int) error {
		got, err := words32(t.counter)
		if err != nil {
			return err
		}
		if int(got[0]) != ran {
			return fmt.Errorf("%d kernels ran, %d were launched", got[0], ran)
		}
		return nil
	}
	return w
}

// graphs times chains of kernels in a graph, and what one more node costs.
func graphs(s *session, p probe) error {
	for _, c := range s.cards[:s.scale.pick(len(s.cards), 1)] {
		if err := graphsOf(s, p, c); err != nil {
			return err
		}
	}
	return nil
}

func graphsOf(s *session, p probe, c *card) (err error) {
	mark := c.Mark()
	defer func() { err = errors.Join(err, c.Release(mark)) }()
	t, err := newTicks(c, s.scale)
	if err != nil {
		return err
	}
	lengths := []int{1, 16, 256, mostNodes}
	first := len(s.out)
	for _, n := range lengths {
		g, err := c.stream.Capture(func() error {
			for i := range n {
				if err := t.launch(i); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		w := t.work(fmt.Sprintf("graph of %s", figure.Count(n, "node")), n, func(rounds int) error {
			for range rounds {
				if err := c.stream.LaunchGraph(g); err != nil {
					return err
				}
			}
			return nil
		})
		w.amount, w.most = 1, 0
		if s.scale.standin {
			w.most = 1
		}
		if err := s.one(p.name, []*card{c}, []*work{w}); err != nil {
			return err
		}
	}
	s.out = append(s.out, line(p.name, lengths, s.out[first:])...)
	return nil
}

// line fits a line through the times of graphs, sample by sample:
// T = start + node × length.
func line(name string, lengths []int, graphs []kernels.Measurement) []kernels.Measurement {
	node := kernels.Measurement{Probe: name, Variant: kernels.EachNode, Devices: graphs[0].Devices, Unit: kernels.Seconds, Verdict: kernels.OK}
	samples := len(graphs[0].Samples)
	for _, g := range graphs {
		if g.Verdict != kernels.OK {
			node.Verdict, node.Reason = g.Verdict, g.Variant+": "+g.Reason
		}
		samples = min(samples, len(g.Samples))
	}
	itself := node
	itself.Variant = "the graph itself"
	if node.Verdict == kernels.OK {
		for i := range samples {
			slope, start := fit(lengths, func(k int) float64 { return graphs[k].Samples[i] })
			node.Samples, itself.Samples = append(node.Samples, slope), append(itself.Samples, start)
		}
		node.Summary, itself.Summary = kernels.Summarize(node.Samples, node.Unit), kernels.Summarize(itself.Samples, itself.Unit)
	}
	return []kernels.Measurement{node, itself}
}

// fit is the line of least squares through points.
func fit(xs []int, y func(i int) float64) (slope, start float64) {
	var sx, sy, sxx, sxy float64
	for i, n := range xs {
		x, y := float64(n), y(i)
		sx, sy, sxx, sxy = sx+x, sy+y, sxx+x*x, sxy+x*y
	}
	n := float64(len(xs))
	slope = (n*sxy - sx*sy) / (n*sxx - sx*sx)
	return slope, (sy - slope*sx) / n
}
