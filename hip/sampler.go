package hip

import (
	"fmt"
	"math"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"ceiling/internal/machine"
)

const (
	// DefaultHz is how often devices are read where nothing else is asked for:
	// a card's firmware renews its figures about as often.
	DefaultHz = 10
	// MaxHz is the fastest that makes sense.
	MaxHz = 100
	// metricsEvery is the least time between two reads of gpu_metrics.
	metricsEvery = time.Second
	// flushEvery is how long readings may stay in memory.
	flushEvery = time.Second
)

// TelemetryOptions say what a sampler does beside reading.
type TelemetryOptions struct {
	Hz   float64 // rounds per second, above 0 and at most MaxHz
	File string  // telemetry.jsonl; "": none
	// Resume goes on with the file of an earlier part of the run, whose
	// readings after this instant of the clock are dropped; nil: a new file.
	Resume *time.Duration
	// Used are the PCI addresses of the GPUs that the model runs on, and
	// CPUUsed says that it runs on the CPU.
	Used    []string
	CPUUsed bool
	// NVIDIA's cards are read beside the machine's. The sampler must stop
	// before it is closed.
	NVIDIA *NVIDIA
}

// TelemetrySampler reads the devices' sensors in a goroutine and thread of its own,
// off the engine's. It holds the readings since the last scenario.
type TelemetrySampler struct {
	tree    tree
	now     func() time.Duration // on the run's clock
	period  time.Duration
	devices []device
	used    []bool
	notes   []string
	file    *telemetryFile // nil: none

	ask  chan chan struct{} // asks for a round at once
	quit chan struct{}
	done chan struct{}

	mu      sync.Mutex
	samples []sample
	tick    int
	begin   time.Duration
	last    time.Duration // end of the last round
	reading time.Duration // Σ of the rounds
	longest time.Duration
	cpu     time.Duration // of the thread
	err     error         // the file's first

	metricsAt, flushAt time.Duration
	buf                [4096]byte
}

// NewSampler opens the sensors of the machine below root and starts to read
// them. nil without an error means that there is nothing to read; notes then
// say what would have been.
func NewSampler(root string, m Machine, now func() time.Duration, o TelemetryOptions) (s *TelemetrySampler, notes []string, err error) {
	if !(o.Hz > 0 && o.Hz <= MaxHz) {
		return nil, nil, fmt.Errorf("telemetry at %v Hz: use a rate above 0 and at most %d", o.Hz, MaxHz)
	}
	t, err := openTree(root)
	if err != nil {
		return nil, nil, err
	}
	s = &TelemetrySampler{tree: t, now: now, period: time.Duration(float64(time.Second) / o.Hz),
		ask: make(chan chan struct{}), quit: make(chan struct{}), done: make(chan struct{})}
	s.openDevices(m, o)
	if len(s.devices) == 0 {
		t.close()
		return nil, s.notes, nil
	}
	if o.File != "" {
		if s.file, err = openTelemetry(o.File, o.Resume); err != nil {
			s.closeSensors()
			return nil, nil, err
		}
	}
	s.samples = make([]sample, 0, 64*len(s.devices))
	go s.run()
	return s, s.notes, nil
}

func (s *TelemetrySampler) openDevices(m Machine, o TelemetryOptions) {
	add := func(d device, card string, can int, missing []string) {
		if len(missing) == can {
			s.notes = append(s.notes, fmt.Sprintf("%s (%s): no sensor can be read", d.name, card))
			d.close()
			return
		}
		if len(missing) > 0 {
			s.notes = append(s.notes, fmt.Sprintf("%s (%s): unknown: %s", d.name, card, strings.Join(missing, ", ")))
		}
		s.devices, s.used = append(s.devices, d), append(s.used, d.name != "" && slices.Contains(o.Used, d.name))
	}
	for _, g := range m.GPUs {
		d, missing := s.tree.openGPU(g)
		add(d, g.Name, len(d.sensors)+len(missing), missing)
	}
	if o.NVIDIA != nil {
		for _, c := range o.NVIDIA.Cards {
			d, missing := o.NVIDIA.openCard(c)
			add(d, c.Name, len(nvidiaQuantities), missing)
		}
	}
	packages, notes := s.tree.openPackages()
	s.notes = append(s.notes, notes...)
	for _, d := range packages {
		s.devices, s.used = append(s.devices, d), append(s.used, o.CPUUsed)
	}
}

func (s *TelemetrySampler) closeSensors() {
	for i := range s.devices {
		s.devices[i].close()
	}
	s.tree.close()
}

// run reads until Stop. It keeps a thread to itself, so that the thread's CPU
// time is what the sampling costs.
func (s *TelemetrySampler) run() {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer close(s.done)
	before := threadTime()
	s.begin = s.now()
	ticker := time.NewTicker(s.period)
	defer ticker.Stop()
	s.round(before)
	for {
		select {
		case <-ticker.C:
			s.round(before)
		case answer := <-s.ask:
			s.round(before)
			s.flush()
			close(answer)
		case <-s.quit:
			s.round(before)
			s.flush()
			return
		}
	}
}

// round reads every device once. It allocates only where the list of samples
// has to grow.
func (s *TelemetrySampler) round(cpuBefore time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	start := s.now()
	metrics := s.tick == 0 || start-s.metricsAt >= metricsEvery
	if metrics {
		s.metricsAt = start
	}
	for i := range s.devices {
		s.samples = append(s.samples, sample{})
		out := &s.samples[len(s.samples)-1]
		out.tick, out.device = s.tick, i
		s.devices[i].read(out, s.now().Seconds(), s.buf[:])
		if metrics {
			s.devices[i].readMetrics(out, s.buf[:])
		}
		if s.file != nil {
			s.file.add(&s.devices[i], out)
		}
	}
	s.tick++
	s.last = s.now()
	s.reading += s.last - start
	s.longest = max(s.longest, s.last-start)
	if s.last-s.flushAt >= flushEvery {
		s.flushLocked()
	}
	s.cpu = threadTime() - cpuBefore
}

func (s *TelemetrySampler) flush() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.flushLocked()
}

func (s *TelemetrySampler) flushLocked() {
	s.flushAt = s.last
	if s.file == nil {
		return
	}
	if err := s.file.flush(); err != nil && s.err == nil {
		s.err = err
	}
}

// Observe tells what the devices drew from start to end, in seconds on the run's
// clock, in which so many tokens were generated at so many a second (nil: not
// known), and what qualifies it. It forgets the readings up to the end.
func (s *TelemetrySampler) Observe(start, end, tokens float64, rate *float64) (*machine.Energy, []string) {
	// A reading after the window's end bounds its last piece.
	answer := make(chan struct{})
	select {
	case s.ask <- answer:
		<-answer
	case <-s.done:
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	w := newWindow(s.samples, s.devices, start, end)
	energy := w.summary(s.used, tokens, rate)
	// The last readings bound the next window's first pieces: of an accumulator
	// that is not one of each round.
	keep := slices.IndexFunc(s.samples, func(p sample) bool { return p.t >= s.last.Seconds()-longestGap })
	s.samples = append(s.samples[:0], s.samples[max(0, keep):]...)
	return energy, w.warnings(energy, s.used)
}

// Info says how the devices were sampled so far.
func (s *TelemetrySampler) Info() *machine.TelemetryInfo {
	s.mu.Lock()
	defer s.mu.Unlock()
	info := &machine.TelemetryInfo{Hz: 1 / s.period.Seconds(), Rounds: s.tick, Notes: s.notes}
	for i := range s.devices {
		info.Devices = append(info.Devices, s.devices[i].name)
	}
	if ran := (s.last - s.begin).Seconds(); ran > 0 && s.tick > 1 {
		achieved, share := float64(s.tick-1)/ran, s.cpu.Seconds()/ran
		mean, longest := s.reading.Seconds()/float64(s.tick), s.longest.Seconds()
		info.AchievedHz, info.CPUShare, info.ReadMeanS, info.ReadMaxS = &achieved, &share, &mean, &longest
		if s.cpu <= 0 {
			info.CPUShare = nil
		}
	}
	return info
}

// Stop ends the sampling and closes the file. Its error is the file's first:
// then telemetry.jsonl ends before the run did.
func (s *TelemetrySampler) Stop() error {
	close(s.quit)
	<-s.done
	s.closeSensors()
	if s.file != nil {
		if err := s.file.close(); err != nil && s.err == nil {
			s.err = err
		}
	}
	return s.err
}

// threadTime is the calling thread's CPU time, 0 where the kernel does not
// tell.
func threadTime() time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &ts); err != nil {
		return 0
	}
	return time.Duration(ts.Nano())
}

// finite tells whether a reading holds the quantity.
func (s *sample) finite(q quantity) bool { return !math.IsNaN(s.v[q]) && !math.IsInf(s.v[q], 0) }

// PowerSensors tells which devices' power can be sampled, and why others'
// can't be. nv may be nil.
func PowerSensors(root string, m Machine, nv *NVIDIA) (names, notes []string) {
	t, err := openTree(root)
	if err != nil {
		return nil, []string{err.Error()}
	}
	defer t.close()
	for _, g := range m.Cards() {
		d, missing := t.openGPU(g)
		if slices.Contains(missing, quantityNames[powerW]) {
			notes = append(notes, fmt.Sprintf("%s (%s): no power sensor", d.name, g.Name))
		} else {
			names = append(names, d.name)
		}
		d.close()
	}
	if nv != nil {
		for _, c := range nv.Cards {
			if _, missing := nv.openCard(c); slices.Contains(missing, quantityNames[powerW]) {
				notes = append(notes, fmt.Sprintf("%s (%s): no power sensor", c.PCI, c.Name))
			} else {
				names = append(names, c.PCI)
			}
		}
	}
	packages, more := t.openPackages()
	for i := range packages {
		names = append(names, packages[i].name)
		packages[i].close()
	}
	return names, append(notes, more...)
}
