package gpu

import (
	"errors"
	"fmt"
	"math"
	"math/bits"

	"ceiling/hip/launch"
	"ceiling/internal/figure"
	"ceiling/kernels"
)

func reduceProbes() []probe {
	files := []string{"link"}
	return []probe{
		{name: "allreduce.rccl", files: files, itself: func(s *session, p probe) error { return s.reduces(p, collective) }},
		{name: "allreduce.butterfly", files: files, itself: func(s *session, p probe) error { return s.reduces(p, butterfly) }},
		{name: "allreduce.push", files: files, itself: func(s *session, p probe) error { return s.reduces(p, push) }},
	}
}

// mostCards is how many the kernel's arguments have room for.
const mostCards = 8

// group is cards that add up vectors of n floats: each has its own, and gets the
// sum.
type group struct {
	cards  []*card
	n      int
	vector []launch.Buffer
	result []launch.Buffer
	close  func() error // nil: there is nothing to close
}

// indices are the cards as the runtime numbers them.
func indices(cards []*card) []int {
	var out []int
	for _, c := range cards {
		out = append(out, c.Index)
	}
	return out
}

// reduction makes the works of an all-reduce, one for each card; the first
// queues on all. variants are in a stream, or in a graph.
type reduction func(g *group, sc scale) (works [][]*work, err error)

// reduces measures an all-reduce at several sizes.
func (s *session) reduces(p probe, make reduction) error {
	n := len(s.cards)
	if n < 2 || n > mostCards || bits.OnesCount(uint(n)) != 1 {
		s.out = append(s.out, kernels.Measurement{Probe: p.name, Devices: []int{s.cards[0].Index}, Unit: kernels.Seconds,
			Verdict: kernels.Missing, Reason: fmt.Sprintf("%s: it is written for 2, 4 and 8", figure.Count(n, "card"))})
		return nil
	}
	// 5120 floats and half of them are a token's of a 24B model; 2 to 2048 tokens.
	for _, bytes := range s.scale.sizes(10<<10, 20<<10, 40<<10, 160<<10, 640<<10, 2560<<10, 10<<20, 40<<20) {
		if err := s.reduce(p, make, bytes); err != nil {
			return err
		}
	}
	return nil
}

func (s *session) reduce(p probe, make reduction, bytes int) (err error) {
	for _, c := range s.cards {
		mark := c.Mark()
		defer func() { err = errors.Join(err, c.Release(mark)) }()
	}
	g, err := newGroup(s.cards, bytes/4)
	if err != nil {
		return err
	}
	variants, err := make(g, s.scale)
	if errors.Is(err, launch.ErrNoRCCL) {
		s.out = append(s.out, kernels.Measurement{Probe: p.name, Devices: indices(s.cards), Bytes: int64(bytes), Unit: kernels.Seconds,
			Verdict: kernels.Missing, Reason: err.Error()})
		return nil
	}
	if err != nil {
		return err
	}
	if g.close != nil {
		defer func() { err = errors.Join(err, g.close()) }()
	}
	for _, works := range variants {
		for i, w := range works {
			w.bytes, w.unit, w.host = int64(bytes), kernels.Seconds, true
			w.variant = fmt.Sprintf("%s, %s", bytesText(bytes), works[0].variant)
			w.reset = chain(w.reset, func() error { return g.result[i].Set(0x5a) })
			w.check = both(w.check, func() error { return g.check(i) })
		}
		if err := s.one(p.name, s.cards, works); err != nil {
			return err
		}
	}
	return nil
}

func chain(first, then func() error) func() error {
	return func() error {
		if first != nil {
			if err := first(); err != nil {
				return err
			}
		}
		return then()
	}
}

func both(first func(int) error, then func() error) func(int) error {
	return func(rounds int) error {
		if first != nil {
			if err := first(rounds); err != nil {
				return err
			}
		}
		return then()
	}
}

func newGroup(cards []*card, n int) (*group, error) {
	g := &group{cards: cards, n: n}
	for i, c := range cards {
		v, err := c.Alloc(4*n, launch.Cached)
		if err != nil {
			return nil, err
		}
		r, err := c.Alloc(4*n, launch.Cached)
		if err != nil {
			return nil, err
		}
		if err := c.do("fill_numbers", launch.Grid{Groups: 4, Threads: 256}, v, uint32(n), uint32(i)); err != nil {
			return nil, err
		}
		g.vector, g.result = append(g.vector, v), append(g.result, r)
	}
	return g, nil
}

// check compares a card's result with the sum of what fill_numbers made.
func (g *group) check(card int) error {
	values, err := words32(g.result[card])
	if err != nil {
		return err
	}
	n := len(g.cards)
	for i, bits := range values {
		want := n*int(mix(uint32(i))>>4&1023) + n*(n-1)/2*4096
		if got := math.Float32frombits(bits); got != float32(want) {
			return fmt.Errorf("device %d: element %d of the sum is %v, it should be %d", g.cards[card].Index, i, got, want)
		}
	}
	return nil
}

// works has all cards' work queued by the first: queue puts one all-reduce onto
// every card's lane.
func (g *group) works(variant string, lanes []lane, amount float64, queue func() error) []*work {
	var out []*work
	for _, l := range lanes {
		w := l.queued(work{amount: amount}, nil)
		w.queue = func(size) error { return nil }
		out = append(out, w)
	}
	out[0].variant = variant
	out[0].queue = func(s size) error {
		for _, l := range lanes {
			if err := l.start.Record(l.stream); err != nil {
				return err
			}
		}
		for range s.rounds * s.launches {
			if err := queue(); err != nil {
				return err
			}
		}
		for _, l := range lanes {
			if err := l.stop.Record(l.stream); err != nil {
				return err
			}
		}
		return nil
	}
	return out
}

func (g *group) lanes() ([]lane, error) {
	var out []lane
	for _, c := range g.cards {
		l, err := c.lane()
		if err != nil {
			return nil, err
		}
		out = append(out, l)
	}
	return out, nil
}

// collective is RCCL's, where its library is found.
func collective(g *group, _ scale) ([][]*work, error) {
	lanes, err := g.lanes()
	if err != nil {
		return nil, err
	}
	var devices []*launch.OpenDevice
	var streams []*launch.Stream
	for i, c := range g.cards {
		devices, streams = append(devices, c.OpenDevice), append(streams, lanes[i].stream)
	}
	all, err := launch.NewCollective(devices)
	if err != nil {
		return nil, err
	}
	g.close = all.Close
	return [][]*work{g.works("in a stream", lanes, 1, func() error { return all.Sum(g.vector, g.result, streams) })}, nil
}

// butterfly is what llama.cpp does without RCCL: in step k each card copies what it
// has to the card whose number differs in bit k, and adds what comes from there.
func butterfly(g *group, _ scale) ([][]*work, error) {
	lanes, err := g.lanes()
	if err != nil {
		return nil, err
	}
	b := &exchange{group: g, lanes: lanes, steps: bits.Len(uint(len(g.cards))) - 1}
	for _, c := range g.cards {
		var in []launch.Buffer
		var sent, added []*launch.StreamEvent
		for range b.steps {
			m, err := c.Alloc(4*g.n, launch.Cached)
			if err != nil {
				return nil, err
			}
			s, err := c.NewEvent()
			if err != nil {
				return nil, err
			}
			a, err := c.NewEvent()
			if err != nil {
				return nil, err
			}
			in, sent, added = append(in, m), append(sent, s), append(added, a)
		}
		b.in, b.sent, b.added = append(b.in, in), append(b.sent, sent), append(b.added, added)
	}
	return [][]*work{g.works("in a stream", lanes, 1, b.round)}, nil
}

// exchange is a butterfly: by card and step, where the other's numbers arrive, and
// the events that say so and that they were added.
type exchange struct {
	*group
	lanes       []lane
	steps       int
	in          [][]launch.Buffer
	sent, added [][]*launch.StreamEvent
}

// round queues one all-reduce on all cards.
func (b *exchange) round() error {
	for k := range b.steps {
		for i := range b.cards {
			if err := b.send(i, k); err != nil {
				return err
			}
		}
		for i := range b.cards {
			if err := b.add(i, k); err != nil {
				return err
			}
		}
	}
	return nil
}

// has is what a card holds at a step: its own vector, then sums.
func (b *exchange) has(card, step int) launch.Buffer {
	if step == 0 {
		return b.vector[card]
	}
	return b.result[card]
}

func (b *exchange) send(card, step int) error {
	to := card ^ 1<<step
	s := b.lanes[card].stream
	// The other has added what came the last time: an event that was never
	// recorded is no obstacle.
	return errors.Join(s.Wait(b.added[to][step]), s.Copy(b.in[to][step], b.has(card, step)), b.sent[card][step].Record(s))
}

func (b *exchange) add(card, step int) error {
	s := b.lanes[card].stream
	grid := launch.Grid{Groups: max(1, min(480, b.n/1024)), Threads: 256}
	return errors.Join(s.Wait(b.sent[card^1<<step][step]),
		s.Launch(b.cards[card].kernel("add").LoadedKernel, grid,
			launch.Arguments(b.result[card], b.has(card, step), b.in[card][step], uint32(b.n/4))),
		b.added[card][step].Record(s))
}

// graphLength is how many all-reduces a graph holds.
const graphLength = 64

// push is one kernel a card, which writes to all others (src/link.hip), in a stream
// and in a graph.
func push(g *group, sc scale) ([][]*work, error) {
	lanes, err := g.lanes()
	if err != nil {
		return nil, err
	}
	p := &pushing{group: g, lanes: lanes, grid: launch.Grid{Groups: (g.n/4 + 255) / 256, Threads: 256}}
	if err := p.alloc(); err != nil {
		return nil, err
	}
	length := sc.pick(graphLength, 2)
	var graphs []*launch.Graph
	for i, l := range lanes {
		captured, err := l.stream.Capture(func() error {
			for range length {
				if err := p.launch(i); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		graphs = append(graphs, captured)
	}
	stream := g.works("in a stream", lanes, 1, func() error {
		p.count++
		return p.each(p.launch)
	})
	graph := g.works("in a graph", lanes, float64(length), func() error {
		p.count += length
		return p.each(func(i int) error { return lanes[i].stream.LaunchGraph(graphs[i]) })
	})
	for _, works := range [][]*work{stream, graph} {
		for i, w := range works {
			w.check = func(int) error { return p.checkCount(i) }
		}
	}
	return [][]*work{stream, graph}, nil
}

type pushing struct {
	*group
	lanes  []lane
	grid   launch.Grid
	slots  []launch.Buffer
	flags  []launch.Buffer
	epochs []launch.Buffer
	failed []launch.Buffer
	count  int // all-reduces so far
}

func (p *pushing) each(f func(card int) error) error {
	for i := range p.cards {
		if err := f(i); err != nil {
			return err
		}
	}
	return nil
}

func (p *pushing) alloc() error {
	n := len(p.cards)
	for _, c := range p.cards {
		for _, m := range []struct {
			to    *[]launch.Buffer
			bytes int
			kind  launch.MemoryKind
		}{
			{&p.slots, 2 * n * 4 * p.n, launch.Uncached},
			{&p.flags, 4 * n * p.grid.Groups, launch.Uncached},
			{&p.epochs, 4 * p.grid.Groups, launch.Cached},
			{&p.failed, 4, launch.Cached},
		} {
			b, err := c.Alloc(m.bytes, m.kind)
			if err != nil {
				return err
			}
			if err := b.Set(0); err != nil {
				return err
			}
			*m.to = append(*m.to, b)
		}
	}
	return nil
}

func (p *pushing) launch(card int) error {
	args := []any{p.vector[card], p.result[card], p.epochs[card], p.failed[card]}
	for _, list := range [][]launch.Buffer{p.slots, p.flags} {
		for i := range mostCards {
			if i < len(list) {
				args = append(args, list[i])
			} else {
				args = append(args, uint64(0))
			}
		}
	}
	args = append(args, uint32(card), uint32(len(p.cards)), uint32(p.n/4), uint32(patience))
	return p.lanes[card].stream.Launch(p.cards[card].kernel("push").LoadedKernel, p.grid, launch.Arguments(args...))
}

// checkCount: every group of threads was there each time, and nobody waited in
// vain.
func (p *pushing) checkCount(card int) error {
	epochs, err := words32(p.epochs[card])
	if err != nil {
		return err
	}
	failed, err := words32(p.failed[card])
	if err != nil {
		return err
	}
	for g, e := range epochs {
		if int(e) != p.count {
			return fmt.Errorf("device %d: group %d took part in %d sums of %d", p.cards[card].Index, g, e, p.count)
		}
	}
	if failed[0] != 0 {
		return fmt.Errorf("device %d: %d flags of other cards did not come", p.cards[card].Index, failed[0])
	}
	return nil
}
