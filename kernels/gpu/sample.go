package gpu

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"ceiling/kernels"
)

// Rules of measuring.
const (
	samplesWanted = 20
	samplesQuick  = 6
	shortest      = 5 * time.Millisecond // of a sample
	steady        = 0.01                 // by which three blocks may differ after the warm-up
	mostBlocks    = 40                   // of a warm-up
	clocksAgree   = 0.02                 // events and the constant clock
	clockHeld     = 0.05                 // by which the core's clock may move between samples
	overPeak      = 1.03                 // no measurement beats its limit by more
)

// reading is one sample of one card, on three clocks.
type reading struct {
	events float64 // seconds between the events around it
	wall   float64 // seconds from its first wave's start to its last wave's end; 0: not known
	hertz  float64 // of the core's clock in the meantime; 0: not known
	cycles float64 // of the core's clock, of the wave that took longest
}

// size is how much work a sample is: launches of a number of rounds each.
type size struct{ rounds, launches int }

func (s size) total() float64 { return float64(s.rounds) * float64(s.launches) }

// work is a probe in one variant, ready to run on one card.
type work struct {
	variant string
	unit    kernels.Unit
	bytes   int64
	// amount is what a round does: bytes, operations; or how many of what is
	// timed it holds.
	amount float64
	// host: the card's constant clock is of no use, and the host's stands in.
	host  bool
	most  int           // rounds of a launch at most; 0: any number
	least time.Duration // of a sample; 0: shortest
	limit limit
	// queue starts a sample on the card, and finish waits for it and reads its
	// clocks: with several cards all are started before one is waited for.
	queue  func(s size) error
	finish func(s size) (reading, error)
	// check looks at what the last launch, of a number of rounds, left behind.
	// reset takes away what an earlier one did. An error of check means that the
	// card computed something else; other errors are of broken.
	reset func() error
	check func(rounds int) error
}

// broken is an error of the machine in a check, as against a wrong result.
type broken struct{ error }

func (b broken) Unwrap() error { return b.error }

// limit is what the hardware can do.
type limit struct {
	fixed    float64 // whatever the core's clock is
	perClock float64 // in a cycle of it
	nominal  float64 // Hz of the core's clock; 0: not known
}

// at is the limit at a clock; nil: none is known.
func (l limit) at(hertz float64) *float64 {
	x := l.fixed
	if x == 0 {
		x = l.perClock * hertz
	}
	if x == 0 {
		return nil
	}
	return &x
}

// figure is a sample in the probe's unit.
func (w *work) figure(r reading, s size) float64 {
	n := w.amount * s.total()
	switch w.unit {
	case kernels.Cycles:
		return r.cycles / n
	case kernels.Seconds:
		return r.time() / n
	}
	return n / r.time()
}

// time is the best that is known of how long the sample took.
func (r reading) time() float64 {
	if r.wall > 0 {
		return r.wall
	}
	return r.events
}

// sampler takes a sample of all cards that take part at once.
type sampler func(size) ([]reading, error)

// together is the sampler of works that run at the same time.
func together(works []*work) sampler {
	return func(s size) ([]reading, error) {
		began := time.Now()
		for _, w := range works {
			if err := w.queue(s); err != nil {
				return nil, err
			}
		}
		out := make([]reading, len(works))
		for i, w := range works {
			var err error
			if out[i], err = w.finish(s); err != nil {
				return nil, err
			}
		}
		if works[0].host {
			byHost(out, time.Since(began).Seconds())
		}
		return out, nil
	}
}

// byHost sets the second clock of readings by the host's: it saw all of them from
// the first start to the last end, which the longest should be.
func byHost(rs []reading, seconds float64) {
	longest := 0.0
	for _, r := range rs {
		longest = max(longest, r.events)
	}
	for i := range rs {
		if longest > 0 {
			rs[i].wall = rs[i].events * seconds / longest
		}
	}
}

// series measures a probe by the rules. works has one for each card; all are of
// the same kind.
func series(ctx context.Context, works []*work, take sampler, samples int, m *kernels.Measurement) error {
	w := works[0]
	sz, err := calibrate(ctx, w, take)
	if err != nil {
		return err
	}
	settled, err := warm(ctx, w, take, sz)
	if err != nil {
		return err
	}
	var all [][]reading
	for range samples {
		if err := ctx.Err(); err != nil {
			return err
		}
		rs, err := take(sz)
		if err != nil {
			return err
		}
		all = append(all, rs)
	}
	conclude(m, works, all, sz)
	if !settled && m.Verdict == kernels.OK {
		m.Verdict, m.Reason = kernels.Unknown, fmt.Sprintf("did not settle: no three blocks in a row of %d agreed within %.0f %%", mostBlocks, 100*steady)
	}
	return nil
}

// calibrate finds how much work lasts as long as a sample should.
func calibrate(ctx context.Context, w *work, take sampler) (size, error) {
	least := w.least
	if least == 0 {
		least = shortest
	}
	s := size{1, 1}
	for range 64 {
		if err := ctx.Err(); err != nil {
			return s, err
		}
		rs, err := take(s)
		if err != nil {
			return s, err
		}
		t := math.Inf(1)
		for _, r := range rs {
			t = min(t, r.time())
		}
		if t >= least.Seconds() {
			return s, nil
		}
		s = s.grown(least.Seconds()/max(t, 1e-9), w.most)
	}
	return s, fmt.Errorf("a sample of %d launches of %d rounds is over in less than %v", s.launches, s.rounds, least)
}

// grown is the size times a factor, a little more to be safe, and at most 64
// times: short samples are mostly overhead.
func (s size) grown(factor float64, most int) size {
	factor = min(64, max(1.1, 1.1*factor))
	total := int(math.Ceil(s.total() * factor))
	if most > 0 && total > most {
		return size{most, (total + most - 1) / most}
	}
	return size{total, 1}
}

// warm goes on until three blocks in a row agree.
func warm(ctx context.Context, w *work, take sampler, s size) (bool, error) {
	var blocks []float64
	for len(blocks) < mostBlocks {
		if err := ctx.Err(); err != nil {
			return false, err
		}
		rs, err := take(s)
		if err != nil {
			return false, err
		}
		sum := 0.0
		for _, r := range rs {
			sum += w.figure(r, s)
		}
		if blocks = append(blocks, sum); len(blocks) >= 3 {
			last := blocks[len(blocks)-3:]
			if slices.Max(last) <= (1+steady)*slices.Min(last) {
				return true, nil
			}
		}
	}
	return false, nil
}

// conclude fills in what the samples say. Rates of cards that ran at once are
// added up; of times the longest counts.
func conclude(m *kernels.Measurement, works []*work, all [][]reading, s size) {
	w := works[0]
	var clocks []float64
	for _, rs := range all {
		figure, hertz := 0.0, 0.0
		for i, r := range rs {
			f := works[i].figure(r, s)
			if w.unit.LessIsBetter() {
				figure = max(figure, f)
			} else {
				figure += f
			}
			hertz += r.hertz / float64(len(rs))
		}
		m.Samples = append(m.Samples, figure)
		clocks = append(clocks, hertz)
	}
	m.Summary = kernels.Summarize(m.Samples, m.Unit)
	cards := float64(len(works))
	if w.unit.LessIsBetter() {
		cards = 1
	}
	m.Peak = times(w.limit.at(w.limit.nominal), cards)
	if hertz := kernels.Summarize(clocks, kernels.OpsPerSecond); hertz != nil && hertz.Median > 0 {
		m.ClockHz = &hertz.Median
		m.PeakAtClock = times(w.limit.at(hertz.Median), cards)
	}
	m.Verdict, m.Reason = judge(m, w, all, clocks)
}

func times(x *float64, n float64) *float64 {
	if x == nil {
		return nil
	}
	y := *x * n
	return &y
}

// judge says whether a series may be believed.
func judge(m *kernels.Measurement, w *work, all [][]reading, clocks []float64) (kernels.ProbeVerdict, string) {
	for i, rs := range all {
		for _, r := range rs {
			if r.wall == 0 {
				return kernels.Unknown, "the rate of the constant clock is not known, so nothing checks the events"
			}
			if r.wall >= 1e-3 && math.Abs(r.events-r.wall) > clocksAgree*r.wall {
				return kernels.Unknown, fmt.Sprintf("sample %d took %.3f ms by events, %.3f ms by the constant clock: they should agree within %.0f %%",
					i+1, 1e3*r.events, 1e3*r.wall, 100*clocksAgree)
			}
		}
	}
	low, high := slices.Min(clocks), slices.Max(clocks)
	if high > (1+clockHeld)*low && (w.limit.perClock > 0 || w.unit == kernels.Cycles) {
		return kernels.Unknown, fmt.Sprintf("the core's clock moved between %.0f and %.0f MHz: fix it (rocm-smi --setperflevel high), or let the card cool", low/1e6, high/1e6)
	}
	if p := m.PeakAtClock; p != nil && m.Summary.Best > overPeak*(*p) {
		return kernels.Unknown, fmt.Sprintf("the best sample, %.4g %s, is above the %.4g that the hardware can do: something else was measured", m.Summary.Best, m.Unit, *p)
	}
	return kernels.OK, ""
}
