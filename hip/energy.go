package hip

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"ceiling/internal/machine"
)

const (
	kindGPU = machine.EnergyGPU
	kindCPU = machine.EnergyCPU
)

// coverage is the share of a window that readings must cover for its energy
// to be told.
const coverage = 0.9

// longestGap is the time between two readings, in seconds, up to which the
// power between them is taken to be on the line from one to the other. A window
// with a longer one has no energy.
const longestGap = 3

// A card's own accumulator must agree with the integral of its power to this
// share, where the two can be compared over so many seconds: firmware averages
// power over up to a second.
const (
	agreement     = 0.05
	leastCompared = 10
)

// point is one reading of one quantity.
type point struct{ t, v float64 }

// series is one device's readings of a quantity in order of time, without the
// missing ones.
func series(samples []sample, dev int, q quantity) []point {
	var out []point
	for i := range samples {
		if s := &samples[i]; s.device == dev && !math.IsNaN(s.v[q]) {
			out = append(out, point{s.t, s.v[q]})
		}
	}
	return out
}

// integral is ∫ v dt over the part of [from, to] that the readings cover, by
// the trapezoidal rule with straight lines between readings, and that part's
// length. Gaps longer than gap are left out of both.
func integral(p []point, from, to, gap float64) (area, covered float64) {
	for i := 1; i < len(p); i++ {
		a, b := p[i-1], p[i]
		lo, hi := max(a.t, from), min(b.t, to)
		if b.t-a.t > gap || hi <= lo {
			continue
		}
		slope := (b.v - a.v) / (b.t - a.t)
		left, right := a.v+slope*(lo-a.t), a.v+slope*(hi-a.t)
		area += (left + right) / 2 * (hi - lo)
		covered += hi - lo
	}
	return area, covered
}

// at is the value at an instant on the line between the readings around it;
// ok is false outside them.
func at(p []point, t float64) (v float64, ok bool) {
	i, found := slices.BinarySearchFunc(p, t, func(a point, t float64) int { return cmp.Compare(a.t, t) })
	if found {
		return p[i].v, true
	}
	if i == 0 || i == len(p) {
		return 0, false
	}
	a, b := p[i-1], p[i]
	return a.v + (b.v-a.v)*(t-a.t)/(b.t-a.t), true
}

// extremes are the smallest and largest reading inside the window.
func extremes(p []point, from, to float64) (low, high *float64) {
	for i := range p {
		if p[i].t < from || p[i].t > to {
			continue
		}
		if v := &p[i].v; low == nil || *v < *low {
			low = v
		}
		if v := &p[i].v; high == nil || *v > *high {
			high = v
		}
	}
	return low, high
}

// window is a scenario's part of the telemetry.
type window struct {
	samples  []sample
	devices  []device
	from, to float64 // seconds
}

func newWindow(samples []sample, devices []device, from, to float64) window {
	return window{samples: samples, devices: devices, from: from, to: to}
}

// device summarises one device.
func (w window) device(dev int) machine.DeviceEnergy {
	d := machine.DeviceEnergy{Name: w.devices[dev].name, Kind: w.devices[dev].kind}
	power := series(w.samples, dev, powerW)
	for _, p := range power {
		if p.t >= w.from && p.t <= w.to {
			d.Samples++
		}
	}
	_, d.PeakW = extremes(power, w.from, w.to)
	w.energy(dev, power, &d)
	if length := w.to - w.from; d.EnergyJ != nil && length > 0 {
		mean := *d.EnergyJ / length
		d.MeanW = &mean
	}
	d.MinClockMHz, _ = extremes(series(w.samples, dev, sclkMHz), w.from, w.to)
	for q, label := range map[quantity]string{edgeC: "edge", junctionC: "junction", memC: "mem"} {
		_, high := extremes(series(w.samples, dev, q), w.from, w.to)
		if high != nil && (d.MaxTempC == nil || *high > *d.MaxTempC || *high == *d.MaxTempC && label < d.MaxTempAt) {
			d.MaxTempC, d.MaxTempAt = high, label
		}
	}
	_, d.PeakVRAM = extremes(series(w.samples, dev, vramBytes), w.from, w.to)
	if area, covered := integral(series(w.samples, dev, busyPercent), w.from, w.to, longestGap); covered > 0 {
		mean := area / covered
		d.MeanBusy = &mean
	}
	w.throttling(dev, &d)
	return d
}

// energy is the device's energy in the window: the difference of its counter
// where it has one, else the integral of its power. Where readings begin late
// or end early by a little, the mean power of the rest is taken for that. Where
// they leave more out, or disagree with the card's own accumulator, there is
// none, and d says why.
func (w window) energy(dev int, power []point, d *machine.DeviceEnergy) {
	if w.to <= w.from {
		d.Why = "the scenario took no time"
		return
	}
	if w.devices[dev].counter != nil {
		w.counted(dev, d)
	} else {
		w.integrated(power, d)
	}
	if d.EnergyJ != nil && d.Kind == kindGPU {
		w.check(dev, power, d)
	}
}

// counted is the difference of the device's counter.
func (w window) counted(dev int, d *machine.DeviceEnergy) {
	count := series(w.samples, dev, energyJ)
	if len(count) == 0 {
		d.Why = "its counter was not read"
		return
	}
	begin, ok1 := nearby(count, w.from)
	end, ok2 := nearby(count, w.to)
	if !ok1 || !ok2 {
		d.Why = fmt.Sprintf("its counter was not read within %d s of the scenario's start and end", longestGap)
		return
	}
	used := end - begin
	d.EnergyJ, d.Method = &used, machine.EnergyByCounter
}

// nearby is at, from readings that lie no gap apart.
func nearby(p []point, t float64) (v float64, ok bool) {
	i, _ := slices.BinarySearchFunc(p, t, func(a point, t float64) int { return cmp.Compare(a.t, t) })
	if i > 0 && i < len(p) && p[i].t-p[i-1].t > longestGap {
		return 0, false
	}
	return at(p, t)
}

// integrated is the integral of the power.
func (w window) integrated(power []point, d *machine.DeviceEnergy) {
	gap, begin := widest(power, w.from, w.to)
	switch area, covered := integral(power, w.from, w.to, longestGap); {
	case len(power) == 0:
		d.Why = "its power was not read"
	case gap > longestGap:
		d.Why = fmt.Sprintf("its power was not read for %.1f s from second %.1f of the scenario on", gap, begin-w.from)
	case covered < coverage*(w.to-w.from):
		d.Why = fmt.Sprintf("readings of its power cover %.1f of %.1f s", covered, w.to-w.from)
	default:
		area *= (w.to - w.from) / covered
		d.EnergyJ, d.Method = &area, machine.EnergyByTrapezoid
	}
}

// widest is the longest time between two readings of which a part is in the
// window, or from its edge to the nearest reading where there is none beyond;
// begin is where that starts in the window.
func widest(p []point, from, to float64) (gap, begin float64) {
	longer := func(a, b float64) {
		if b > from && a < to && b-a > gap {
			gap, begin = b-a, max(a, from)
		}
	}
	for i := range p {
		if i > 0 {
			longer(p[i-1].t, p[i].t)
		}
	}
	if n := len(p); n > 0 {
		longer(from, min(p[0].t, to))
		longer(max(p[n-1].t, from), to)
	}
	return gap, begin
}

// check compares the integral of the power with what the card's accumulator
// counted, from the first to the last reading of that in the window. Cards whose
// accumulator stands still do not count.
func (w window) check(dev int, power []point, d *machine.DeviceEnergy) {
	count := slices.DeleteFunc(series(w.samples, dev, energyJ), func(p point) bool { return p.t < w.from || p.t > w.to })
	if len(count) < 2 {
		return
	}
	first, last := count[0], count[len(count)-1]
	counted := last.v - first.v
	area, covered := integral(power, first.t, last.t, longestGap)
	length := last.t - first.t
	if length < leastCompared || counted <= 0 || covered < coverage*length {
		return
	}
	area *= length / covered
	ratio := area / counted
	if d.AccumulatorRatio = &ratio; math.Abs(ratio-1) > agreement {
		d.EnergyJ, d.Method = nil, ""
		d.Why = fmt.Sprintf("its power adds up to %.0f J in %.1f s, of which its own accumulator counted %.0f J", area, length, counted)
	}
}

func (w window) throttling(dev int, d *machine.DeviceEnergy) {
	for i := range w.samples {
		s := &w.samples[i]
		if s.device != dev || !s.throttled || s.t < w.from || s.t > w.to {
			continue
		}
		d.ThrottleChecks++
		reasons := s.throttle.Reasons()
		if len(reasons) > 0 {
			d.ThrottleReadings++
		}
		for _, r := range reasons {
			if !slices.Contains(d.Throttled, r) {
				d.Throttled = append(d.Throttled, r)
			}
		}
	}
}

// summary is the whole scenario: devices, and groups of them. used tells by
// device whether the model ran on it.
func (w window) summary(used []bool, tokens float64, rate *float64) *machine.Energy {
	e := &machine.Energy{}
	ticks := map[int]bool{}
	for i := range w.samples {
		if s := &w.samples[i]; s.t >= w.from && s.t <= w.to {
			ticks[s.tick] = true
		}
	}
	e.Rounds = len(ticks)
	for dev := range w.devices {
		d := w.device(dev)
		d.Used = used[dev]
		e.Devices = append(e.Devices, d)
	}
	for _, g := range []struct {
		kind string
		used bool
	}{{kindGPU, true}, {kindGPU, false}, {kindCPU, true}, {kindCPU, false}} {
		var members []int
		for dev := range w.devices {
			if w.devices[dev].kind == g.kind && used[dev] == g.used {
				members = append(members, dev)
			}
		}
		if len(members) > 0 {
			e.Groups = append(e.Groups, w.group(e.Devices, members, g.used, tokens, rate))
		}
	}
	return e
}

// group adds up devices of one kind. One without a power sensor leaves the
// sums missing: a part would pass for the whole.
func (w window) group(all []machine.DeviceEnergy, members []int, used bool, tokens float64, rate *float64) machine.EnergyGroup {
	g := machine.EnergyGroup{Kind: w.devices[members[0]].kind, Used: used}
	g.Name = groupName(g.Kind, len(members), used)
	var joules, watts float64
	known := true
	for _, dev := range members {
		d := &all[dev]
		if d.EnergyJ == nil || d.MeanW == nil {
			known = false
		} else {
			joules += *d.EnergyJ
			watts += *d.MeanW
		}
		if d.MinClockMHz != nil && (g.MinClockMHz == nil || *d.MinClockMHz < *g.MinClockMHz) {
			g.MinClockMHz = d.MinClockMHz
		}
		if d.MaxTempC != nil && (g.MaxTempC == nil || *d.MaxTempC > *g.MaxTempC) {
			g.MaxTempC = d.MaxTempC
		}
	}
	if !known {
		return g
	}
	g.EnergyJ, g.MeanW, g.PeakW = &joules, &watts, w.peak(members)
	if used && tokens > 0 {
		perToken := joules / tokens
		g.JPerToken = &perToken
	}
	if used && rate != nil && watts > 0 {
		perKW := *rate / (watts / 1000)
		g.TokPerSPerKW = &perKW
	}
	return g
}

func groupName(kind string, n int, used bool) string {
	what := "GPU"
	if kind == kindCPU {
		what = "CPU package"
	}
	if n != 1 {
		what += "s"
	}
	name := fmt.Sprintf("%d %s", n, what)
	if !used && kind == kindGPU {
		name += " (not used)"
	}
	return name
}

// peak is the largest sum of the members' power in one round; nil where no
// round has a reading of each.
func (w window) peak(members []int) *float64 {
	sum, count := map[int]float64{}, map[int]int{}
	var best *float64
	for i := range w.samples {
		s := &w.samples[i]
		if s.t < w.from || s.t > w.to || math.IsNaN(s.v[powerW]) || !slices.Contains(members, s.device) {
			continue
		}
		sum[s.tick] += s.v[powerW]
		if count[s.tick]++; count[s.tick] == len(members) {
			if total := sum[s.tick]; best == nil || total > *best {
				best = &total
			}
		}
	}
	return best
}

// warnings say what of the energy qualifies the scenario's figures.
func (w window) warnings(e *machine.Energy, used []bool) []string {
	var out []string
	for dev := range w.devices {
		d, have := &w.devices[dev], &e.Devices[dev]
		if !used[dev] {
			continue
		}
		if len(have.Throttled) > 0 {
			out = append(out, fmt.Sprintf("%s lowered its clocks in %d of %d readings (%s): improve cooling or power, and measure again",
				d.name, have.ThrottleReadings, have.ThrottleChecks, strings.Join(have.Throttled, ", ")))
		}
		if have.Why != "" {
			out = append(out, fmt.Sprintf("no energy of %s: %s", d.name, have.Why))
		}
		if d.capW != nil && d.capDefaultW != nil && *d.capW < *d.capDefaultW {
			out = append(out, fmt.Sprintf("%s is capped at %.0f W, its default is %.0f W: figures are of the capped card",
				d.name, *d.capW, *d.capDefaultW))
		}
	}
	return out
}
