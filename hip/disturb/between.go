package disturb

import (
	"math"
	"slices"

	"ceiling/internal/machine"
)

// between is what happened from one reading to the next.
func between(a, b *snapshot) *machine.Disturbance {
	d := &machine.Disturbance{WallS: b.at.Sub(a.at).Seconds(), CPUs: b.cpus, Threads: loadBetween(a, b)}
	d.OwnCPUS, d.StealS = grown(a.own, b.own), grown(a.steal, b.steal)
	if busy := grown(a.busy, b.busy); busy != nil && d.OwnCPUS != nil {
		// Both are counted in hundredths of a second, each at its own instant.
		others := max(0, *busy-*d.OwnCPUS)
		d.OtherCPUS = &others
	}
	d.PressureS = grown(a.pressure, b.pressure)
	d.InvoluntarySwitches = whole(grown(a.switches, b.switches))
	d.MajorFaults = whole(grown(a.faults, b.faults))
	d.ThermalThrottles = whole(grown(a.hot, b.hot))
	d.Quota = quotaBetween(a, b)
	if !math.IsNaN(a.clock) && !math.IsNaN(b.clock) {
		d.CPUClockMHz = []float64{a.clock, b.clock}
	}
	return d
}

// loadBetween sums up the threads that wanted a core; nil where the kernel does
// not tell. A thread that began in between counts from its begin, one that has
// ended is lost.
func loadBetween(a, b *snapshot) *machine.ThreadLoad {
	if len(b.threads) == 0 {
		return nil
	}
	load := &machine.ThreadLoad{}
	least := wanted * b.at.Sub(a.at).Seconds()
	for id, now := range b.threads {
		then := a.threads[id]
		run, wait := (now.run - then.run).Seconds(), (now.wait - then.wait).Seconds()
		if run < 0 || wait < 0 { // another thread of the same number
			continue
		}
		if run+wait >= least {
			load.Threads++
			load.RunS += run
			load.WaitS += wait
		}
	}
	return load
}

// quotaBetween is that of the control group whose quota took the most; nil
// where there is none.
func quotaBetween(a, b *snapshot) *machine.Quota {
	var worst *machine.Quota
	for name, now := range b.quotas {
		then := a.quotas[name]
		periods, throttles, seconds := grown(then.periods, now.periods), grown(then.throttles, now.throttles), grown(then.seconds, now.seconds)
		if periods == nil || throttles == nil || seconds == nil || *periods == 0 {
			continue
		}
		if worst == nil || *throttles > float64(worst.Throttled) {
			worst = &machine.Quota{Periods: int64(*periods), Throttled: int64(*throttles), ThrottledS: *seconds}
		}
	}
	return worst
}

// grown is b − a; nil where one is missing or the counter began anew.
func grown(a, b float64) *float64 {
	if v := b - a; v >= 0 {
		return &v
	}
	return nil
}

func whole(v *float64) *int64 {
	if v == nil {
		return nil
	}
	n := int64(*v)
	return &n
}

// union is a, and of b what a has not.
func union(a, b []string) []string {
	out := slices.Clone(a)
	for _, name := range b {
		if !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return out
}

// count tells the seconds in which threads waited much.
func count(load *machine.ThreadLoad, shares []float64) {
	for _, share := range shares {
		load.Seconds++
		load.Worst = max(load.Worst, share)
		if share >= machine.WaitInASecond {
			load.BusySeconds++
		}
	}
}
