package result

import (
	"fmt"
	"slices"
	"strings"

	"ceiling/internal/machine"
)

// Thresholds of the verdict. docs/measuring.md has the experiments that set
// those of disturbance and steadiness.
const (
	// shortSeconds is what the report asks for to print a peak: one fullest
	// second among two. shortRequests is the least sample whose median has two
	// values on either side.
	shortSeconds, shortRequests = 2.0, 5

	waitDisturbs    = 0.09 // run-queue wait / (run + wait) of the engine's threads
	busyDisturbs    = 0.10 // busy seconds / all seconds
	fewSeconds      = 10   // below which a busy second is no share of them
	stealDisturbs   = 0.05 // steal / (steal + the process's own CPU time)
	leastSteal      = 0.1  // seconds: the kernel counts it in hundredths
	quotaDisturbs   = 0.02 // periods in which a quota throttled / all periods
	stoppedDisturbs = 0.01 // of the scenario
	coolingDisturbs = 0.05 // readings of a card that had lowered its clocks, not for its power alone / all readings; not tried on a card
	othersDisturb   = 0.10 // CPU time of others / that of all CPUs, where waiting can't be read
	takenDisturbs   = 0.90 // CPU time of all / that of all CPUs: none is free

	driftUnsettles = 0.20 // see Steadiness
	tailUnsettles  = 4.0
)

// Judge gives the verdict on a scenario, from its result and what is known
// beyond it.
func Judge(r *Summary, d *Detail) *Verdict {
	v := &Verdict{State: StateValid}
	v.failures(r, d)
	if v.State == StateInvalid && r.SuccessfulRequests == 0 {
		return v
	}
	v.length(r, d)
	v.disturbance(d.Disturbance)
	v.cooling(d.Energy)
	v.steadiness(d)
	v.unseen(d)
	return v
}

// JudgeForeign gives the verdict on a load in another tool's file: what can be
// judged from counts and seconds, and at best unknown, as no such file tells what
// else ran. nil is what the file does not say.
func JudgeForeign(successful, failed *int, seconds *float64) *Verdict {
	v := &Verdict{State: StateValid}
	r := &Summary{DurationS: seconds}
	if failed != nil {
		r.FailedRequests = float64(*failed)
	}
	switch {
	case successful != nil:
		r.SuccessfulRequests = float64(*successful)
		v.failures(r, nil)
		v.length(r, &Detail{})
	case r.FailedRequests > 0:
		v.add(StateInvalid, "%s failed", requests(r.FailedRequests))
	case seconds != nil:
		r.SuccessfulRequests = shortRequests // how many there were is not known
		v.length(r, &Detail{})
	}
	v.unseen(&Detail{})
	return v
}

func (v *Verdict) failures(r *Summary, d *Detail) {
	switch {
	case Failed(r, d):
		reason := "it could not be measured"
		if r.Error != nil {
			reason = *r.Error
		}
		v.add(StateInvalid, "%s", reason)
	case r.SuccessfulRequests == 0:
		v.add(StateInvalid, "no request succeeded")
	case r.FailedRequests > 0:
		v.add(StateInvalid, "%.0f of %.0f requests failed", r.FailedRequests, r.FailedRequests+r.SuccessfulRequests)
	}
}

func (v *Verdict) length(r *Summary, d *Detail) {
	if d.Status == StatusPartial {
		v.add(StateShort, "the run stopped after %.0f of %d requests", r.SuccessfulRequests+r.FailedRequests, r.NumPrompts)
	}
	if r.DurationS != nil && *r.DurationS < shortSeconds {
		v.add(StateShort, "%.1f s; %g s are needed", *r.DurationS, shortSeconds)
	}
	if n := r.SuccessfulRequests; n < shortRequests {
		v.add(StateShort, "%s; %d are needed", requests(n), shortRequests)
	}
}

// NeverValid says why no run of a suite can have the verdict valid, whatever the
// machine does: scenarios with fewer requests than are needed. "": it can.
func (s Suite) NeverValid() string {
	var names []string
	for _, sc := range s.Scenarios {
		if sc.Prompts < shortRequests {
			names = append(names, fmt.Sprintf("%q (%d)", sc.Name, sc.Prompts))
		}
	}
	if names == nil {
		return ""
	}
	return fmt.Sprintf("%d requests are needed, and suite %s has fewer in %s", shortRequests, s.Name, strings.Join(names, ", "))
}

func requests(n float64) string {
	if n == 1 {
		return "1 request"
	}
	return fmt.Sprintf("%.0f requests", n)
}

// disturbance finds what others did. A stop and a quota come first: they say
// what the waiting is from.
func (v *Verdict) disturbance(d *machine.Disturbance) {
	if d == nil || d.WallS <= 0 {
		return
	}
	if s := d.StoppedS; s != nil && *s >= stoppedDisturbs*d.WallS {
		v.add(StateDisturbed, "the process stood still for %.1f of %.1f s (stopped, or the machine asleep)", *s, d.WallS)
	}
	if q := d.Quota; q != nil && q.Periods > 0 && float64(q.Throttled) >= quotaDisturbs*float64(q.Periods) {
		v.add(StateDisturbed, "a CPU quota held the process back in %s of its periods", percentOf(float64(q.Throttled), float64(q.Periods)))
	}
	if d.StealS != nil && d.OwnCPUS != nil && *d.StealS >= leastSteal && *d.StealS >= stealDisturbs*(*d.StealS+*d.OwnCPUS) {
		v.add(StateDisturbed, "the hypervisor gave away %.1f s of CPU time (steal) beside %.1f s that the process got", *d.StealS, *d.OwnCPUS)
	}
	v.waiting(d)
	if n := d.ThermalThrottles; n != nil && *n > 0 {
		v.add(StateDisturbed, "a CPU lowered its clock for its heat %d times", *n)
	}
	if n := len(d.CardProcesses); n > 0 {
		v.add(StateDisturbed, "other processes were on the cards: %s", d.CardProcesses[0])
	}
}

// cooling finds cards that the model ran on and that lowered their clocks. At
// its power limit a card always does, which is how fast it is.
func (v *Verdict) cooling(e *machine.Energy) {
	if e == nil {
		return
	}
	for i := range e.Devices {
		d := &e.Devices[i]
		hot := slices.ContainsFunc(d.Throttled, func(reason string) bool { return reason != "power" })
		if d.Used && hot && float64(d.ThrottleReadings) >= coolingDisturbs*float64(d.ThrottleChecks) {
			v.add(StateDisturbed, "%s lowered its clocks in %d of %d readings (%s)", d.Name, d.ThrottleReadings, d.ThrottleChecks, strings.Join(d.Throttled, ", "))
		}
	}
}

// waiting is the wait for a core: over all the scenario, or for a part of it.
func (v *Verdict) waiting(d *machine.Disturbance) {
	t := d.Threads
	switch {
	case t == nil:
		v.taken(d)
	case t.WaitShare() >= waitDisturbs:
		v.add(StateDisturbed, "engine threads waited %s of the time for a core%s", percentOf(t.WaitS, t.RunS+t.WaitS), others(d))
	case t.Seconds >= fewSeconds && float64(t.BusySeconds) >= busyDisturbs*float64(t.Seconds):
		v.add(StateDisturbed, "in %d of %d seconds engine threads waited %.0f %% of the time or more for a core%s", t.BusySeconds, t.Seconds, 100*machine.WaitInASecond, others(d))
	}
}

// taken stands in for waiting on a kernel that does not tell it.
func (v *Verdict) taken(d *machine.Disturbance) {
	if d.OtherCPUS == nil || d.OwnCPUS == nil || d.CPUs == 0 {
		return
	}
	all := float64(d.CPUs) * d.WallS
	if *d.OtherCPUS >= othersDisturb*all && *d.OtherCPUS+*d.OwnCPUS >= takenDisturbs*all {
		v.add(StateDisturbed, "no CPU was free%s", others(d))
	}
}

// others says how much of the machine they took; "" for next to nothing.
func others(d *machine.Disturbance) string {
	const hardly = 0.05 // CPUs
	if d.OtherCPUS == nil || d.CPUs == 0 || *d.OtherCPUS < hardly*d.WallS {
		return ""
	}
	return fmt.Sprintf(" (others used %.1f of %d CPUs)", *d.OtherCPUS/d.WallS, d.CPUs)
}

func (v *Verdict) steadiness(d *Detail) {
	if w := d.Warmup; w != nil && !w.Settled() {
		if w.Spread != nil {
			v.add(StateUnsettled, "the warm-up's last two rounds differ by %.0f %% after %.0f s", 100**w.Spread, w.TookS)
		} else {
			v.add(StateUnsettled, "one round of warm-up took %.0f s, so that there is none to compare it with", w.TookS)
		}
	}
	s := d.Steadiness
	if s == nil {
		return
	}
	if s.Drift != nil && (*s.Drift >= driftUnsettles || *s.Drift <= -driftUnsettles) {
		v.add(StateUnsettled, "steps of equal batches took %+.0f %% at the end against the start", 100**s.Drift)
	}
	if s.P99 != nil && *s.P99 >= tailUnsettles {
		v.add(StateUnsettled, "1 %% of the steps took %.1f× the median of equal batches or more", *s.P99)
	}
}

// unseen says what was not looked at: that is not valid.
func (v *Verdict) unseen(d *Detail) {
	switch {
	case d.Disturbance == nil:
		v.add(StateUnknown, "nobody measured what else ran")
	case d.Server != nil:
		v.add(StateUnknown, "the server's threads can't be seen from here")
	case d.Disturbance.Threads == nil:
		v.add(StateUnknown, "the kernel does not tell how long threads waited for a core")
	case len(d.Disturbance.Unread) > 0:
		v.add(StateUnknown, "not looked at: %s", strings.Join(d.Disturbance.Unread, ", "))
	}
}

func percentOf(part, whole float64) string { return fmt.Sprintf("%.0f %%", 100*part/whole) }

// JudgeRun is the worst verdict of a run's scenarios. For each state it has one
// finding: the first scenario's, and how many others have the state. It is nil
// where no scenario has a verdict.
func JudgeRun(r *Run) *Verdict {
	first, count := map[State]string{}, map[State]int{}
	seen := false
	for i := range r.Results {
		d := r.Detail(i)
		state := StateUnknown
		if d != nil && d.Verdict != nil {
			seen, state = true, d.Verdict.State
		}
		if count[state]++; count[state] == 1 && d != nil {
			first[state] = r.Results[i].Name + ": " + d.Verdict.why()
		}
	}
	if !seen {
		return nil
	}
	out := &Verdict{State: StateValid}
	for state, text := range first {
		if state == StateValid {
			continue
		}
		switch n, others := count[state]-1, len(r.Results)-1; {
		case n == 0:
		case others == 1:
			text += "; and the other scenario"
		case n == others:
			text += fmt.Sprintf("; and all %d others", others)
		default:
			text += fmt.Sprintf("; and %d of the other %d scenarios", n, others)
		}
		out.add(state, "%s", text)
	}
	return out
}
