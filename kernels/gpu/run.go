// Package gpu measures what AMD cards can do at most: memory, caches, matrix and
// vector units, launches, links and sums over cards. The probes are HIP sources in
// src, compiled by hipRTC when they are first needed; every one checks its own
// result, and is timed by events and by the card's constant clock. They are written
// for gfx908 (MI100).
package gpu

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"runtime"
	"slices"
	"strings"
	"time"

	"ceiling/hip"
	"ceiling/hip/launch"
	"ceiling/kernels"
)

// CardProbeOptions say what a run measures.
type CardProbeOptions struct {
	// Only are probes to run, by name or by the first part of it ("hbm", "mfma.f16").
	// None: all.
	Only []string
	// Quick takes fewer samples, and of each probe the variants that matter most.
	Quick bool
	// Cache is a folder for compiled kernels; "" for none.
	Cache string
	// Power tells what a device draws, in watts. nil: nobody knows.
	Power func(device int) (watts float64, ok bool)
	// Progress is told what is measured next. nil: nobody is.
	Progress func(probe, variant string, devices []int)

	sources fs.FS // in place of the embedded ones, for tests
}

// Arch is the architecture that the probes are written for.
const Arch = "gfx908"

// ErrArch: the probes know nothing of this architecture.
var ErrArch = errors.New("no probes for this architecture")

// Probes are the names of all probes.
func Probes() []string {
	var out []string
	for _, p := range all() {
		out = append(out, p.name)
	}
	return out
}

// probe is one thing to be measured.
type probe struct {
	name  string
	files []string // of src
	// on prepares it on one card, in all variants. nil: it is one of several
	// cards, or of the host, and does all by itself.
	on func(c *card, s scale) ([]*work, error)
	// pick measures only the variant that is fastest in a short trial.
	pick bool
	// alone: the host waits for the card in the middle of a sample, so several can't
	// be measured at once.
	alone bool
	// itself measures.
	itself func(s *session, p probe) error
}

// scale is how large the probes are.
type scale struct {
	standin bool
	quick   bool
	several bool // cards at once: the host has memory for all of them
}

// pick is a size for a card, or for a stand-in, which is slow.
func (s scale) pick(real, standin int) int {
	if s.standin {
		return standin
	}
	return real
}

func all() []probe {
	return slices.Concat(memoryProbes(), gemvProbes(), cacheProbes(), matrixProbes(), vectorProbes(), launchProbes(), linkProbes(), reduceProbes())
}

// Known says of names whether probes have them, or begin with them; the error names
// the first that none has.
func Known(names []string) error {
	_, err := chosen(names)
	return err
}

// chosen are the probes that are wanted. A name that none has is an error.
func chosen(only []string) ([]probe, error) {
	probes := all()
	if len(only) == 0 {
		return probes, nil
	}
	var out []probe
	for _, want := range only {
		if !slices.ContainsFunc(probes, func(p probe) bool { return p.matches(want) }) {
			return nil, fmt.Errorf("unknown probe %q: there are %s", want, strings.Join(Probes(), ", "))
		}
	}
	for _, p := range probes {
		if slices.ContainsFunc(only, p.matches) {
			out = append(out, p)
		}
	}
	return out, nil
}

func (p probe) matches(want string) bool {
	return p.name == want || strings.HasPrefix(p.name, want+".")
}

// session is a run.
type session struct {
	ctx     context.Context
	o       CardProbeOptions
	scale   scale
	cards   []*card
	objects map[string][]byte
	out     []kernels.Measurement
}

// Run measures devices, each alone and, where there are several, all at once. On
// stand-in cards results are checked, with small sizes, and no figure is given.
// Measurements that were finished are returned beside an error too. Errors: no
// runtime, no compiler, ErrArch, an unknown probe, a card that fails.
func Run(ctx context.Context, devices []int, o CardProbeOptions) ([]kernels.Measurement, error) {
	probes, err := chosen(o.Only)
	if err != nil {
		return nil, err
	}
	r, err := hip.OpenRuntime()
	if err != nil {
		return nil, err
	}
	rt, err := launch.Open(r)
	if err != nil {
		return nil, err
	}
	// The current device is the thread's.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if o.sources == nil {
		o.sources = sources()
	}
	s := &session{ctx: ctx, o: o, scale: scale{standin: launch.StandIn(), quick: o.Quick}}
	err = s.open(rt, devices, probes)
	for i := 0; i < len(probes) && err == nil; i++ {
		err = s.measure(probes[i])
	}
	for _, c := range s.cards {
		err = errors.Join(err, c.Close())
	}
	return s.out, err
}

// open compiles what the probes need, and loads it onto the devices.
func (s *session) open(rt *launch.Launcher, devices []int, probes []probe) error {
	for _, i := range devices {
		d, err := rt.Device(i)
		if err != nil {
			return err
		}
		if arch, _, _ := strings.Cut(d.Arch, ":"); arch != Arch {
			return fmt.Errorf("device %d is %s: %w: they are written for %s", i, d.Arch, ErrArch, Arch)
		}
		c := &card{OpenDevice: d}
		if s.o.Power != nil {
			c.power = func() (float64, bool) { return s.o.Power(i) }
		}
		s.cards = append(s.cards, c)
	}
	if len(s.cards) == 0 {
		return errors.New("no device to measure")
	}
	if err := s.compile(probes); err != nil {
		return err
	}
	for _, c := range s.cards {
		if err := c.prepare(s.objects, s.scale.pick(64<<20, 1<<20)); err != nil {
			return err
		}
	}
	return s.connect()
}

// connect lets every card reach every other that it can.
func (s *session) connect() error {
	for _, a := range s.cards {
		for _, b := range s.cards {
			if a == b {
				continue
			}
			can, err := a.CanReach(b.OpenDevice)
			if err != nil {
				return err
			}
			if !can {
				continue
			}
			if err := a.EnablePeer(b.OpenDevice); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *session) compile(probes []probe) error {
	compiler, err := launch.OpenCompiler(s.o.Cache)
	if err != nil {
		return err
	}
	s.objects = map[string][]byte{}
	for _, p := range probes {
		for _, name := range p.files {
			if s.objects[name] != nil {
				continue
			}
			text, err := source(s.o.sources, name)
			if err != nil {
				return err
			}
			if s.objects[name], _, err = compiler.Compile(path.Base(name)+".hip", text, s.cards[0].Arch); err != nil {
				return err
			}
		}
	}
	return nil
}

// measure runs one probe: on each card alone, then on all.
func (s *session) measure(p probe) error {
	if p.itself != nil {
		return p.itself(s, p)
	}
	best := -1 // variant
	alone := s.cards
	if s.scale.standin {
		alone = alone[:1] // they are all the same
	}
	for _, c := range alone {
		if err := s.variants(p, []*card{c}, &best); err != nil {
			return err
		}
	}
	if len(s.cards) > 1 && !p.alone {
		return s.variants(p, s.cards, &best)
	}
	return nil
}

// variants measures a probe on cards that run at once, in all its variants or in
// the best one, which the first call finds.
func (s *session) variants(p probe, cards []*card, best *int) (err error) {
	works := make([][]*work, len(cards)) // by card and variant
	sc := s.scale
	sc.several = len(cards) > 1
	for i, c := range cards {
		mark := c.Mark()
		defer func() { err = errors.Join(err, c.Release(mark)) }()
		if works[i], err = p.on(c, sc); err != nil {
			return fmt.Errorf("%s on device %d: %w", p.name, c.Index, err)
		}
	}
	if p.pick && *best < 0 && !s.scale.standin {
		if *best, err = fastest(s.ctx, works[0]); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
	}
	for v := range works[0] {
		if p.pick && *best >= 0 && v != *best {
			continue
		}
		column := make([]*work, len(cards))
		for i := range column {
			column[i] = works[i][v]
		}
		if err := s.one(p.name, cards, column); err != nil {
			return err
		}
	}
	return nil
}

// fastest is the variant that a short trial finds best.
func fastest(ctx context.Context, works []*work) (int, error) {
	best, most := 0, 0.0
	for v, w := range works {
		take := together([]*work{w})
		sz, err := calibrate(ctx, w, take)
		if err != nil {
			return 0, err
		}
		for range 3 {
			rs, err := take(sz)
			if err != nil {
				return 0, err
			}
			f := w.figure(rs[0], sz)
			if w.unit.LessIsBetter() {
				f = 1 / f
			}
			if f > most {
				best, most = v, f
			}
		}
	}
	return best, nil
}

// one measures one variant on cards that run at once.
func (s *session) one(name string, cards []*card, works []*work) error {
	w := works[0]
	m := kernels.Measurement{Probe: name, Variant: w.variant, Devices: indices(cards), Bytes: w.bytes, Unit: w.unit, Verdict: kernels.OK}
	if s.o.Progress != nil {
		s.o.Progress(name, w.variant, m.Devices)
	}
	if err := s.fill(&m, cards, works); err != nil {
		return fmt.Errorf("%s (%s) on devices %v: %w", name, w.variant, m.Devices, err)
	}
	s.out = append(s.out, m)
	return nil
}

// fill proves the result, and takes the samples of a card that is one.
func (s *session) fill(m *kernels.Measurement, cards []*card, works []*work) error {
	take := together(works)
	sz := size{rounds: 3, launches: 2}
	if err := prove(works, take, sz, m); err != nil || m.Verdict != kernels.OK {
		return err
	}
	if s.scale.standin {
		m.Verdict, m.Reason = kernels.NoTiming, "the results are right; a stand-in's times mean nothing"
		return nil
	}
	n := samplesWanted
	if s.o.Quick || works[0].least >= sustained {
		n = samplesQuick
	}
	stop := watch(cards)
	err := series(s.ctx, works, take, n, m)
	m.PowerW = stop()
	if err != nil {
		return err
	}
	verdict, reason := m.Verdict, m.Reason
	m.Verdict = kernels.OK
	if err := prove(works, take, sz, m); err != nil || m.Verdict != kernels.OK {
		return err
	}
	m.Verdict, m.Reason = verdict, reason
	return nil
}

// prove runs the works from a clean state, and looks at what they leave.
func prove(works []*work, take sampler, sz size, m *kernels.Measurement) error {
	for _, w := range works {
		if w.reset != nil {
			if err := w.reset(); err != nil {
				return err
			}
		}
	}
	if w := works[0]; w.most > 0 {
		sz.rounds = min(sz.rounds, w.most)
	}
	if _, err := take(sz); err != nil {
		return err
	}
	for _, w := range works {
		if err := wrongOr(w.check(sz.rounds), m); err != nil || m.Verdict != kernels.OK {
			return err
		}
	}
	return nil
}

// watch asks for the cards' power until its result is called, which is the mean
// of all at once; nil: nobody knows.
func watch(cards []*card) (stop func() *float64) {
	ctx, cancel := context.WithCancel(context.Background())
	mean := make(chan *float64, 1)
	go func() {
		sum, n := 0.0, 0
		for ctx.Err() == nil {
			if w, ok := draw(cards); ok {
				sum, n = sum+w, n+1
			}
			select {
			case <-ctx.Done():
			case <-time.After(10 * time.Millisecond):
			}
		}
		if n == 0 {
			mean <- nil
			return
		}
		sum /= float64(n)
		mean <- &sum
	}()
	return func() *float64 {
		cancel()
		return <-mean
	}
}

// draw is what cards draw together.
func draw(cards []*card) (watts float64, ok bool) {
	for _, c := range cards {
		if c.power == nil {
			return 0, false
		}
		w, ok := c.power()
		if !ok {
			return 0, false
		}
		watts += w
	}
	return watts, true
}
