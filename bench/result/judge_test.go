package result

import (
	"strings"
	"testing"

	"ceiling/internal/machine"
)

// seen is a quiet scenario on two CPUs, as measured, changed.
func seen(change func(d *machine.Disturbance)) *machine.Disturbance {
	f := func(v float64) *float64 { return &v }
	n := int64(0)
	d := &machine.Disturbance{WallS: 12, CPUs: 2, Threads: &machine.ThreadLoad{Threads: 2, RunS: 23.2, WaitS: 0.72, Worst: 0.04, Seconds: 12},
		OwnCPUS: f(23.2), OtherCPUS: f(1.2), StealS: f(0), PressureS: f(11.6), StoppedS: f(0), MajorFaults: &n, ThermalThrottles: &n}
	if change != nil {
		change(d)
	}
	return d
}

// judged is the verdict on a scenario of twenty requests in twelve seconds,
// changed.
func judged(change func(r *Summary, d *Detail)) *Verdict {
	duration, spread := 12.0, 0.01
	r := Summary{Name: "s", Concurrency: 2, NumPrompts: 20, SuccessfulRequests: 20, DurationS: &duration}
	d := Detail{Name: "s", Status: StatusComplete, Disturbance: seen(nil), Warmup: &Warmup{Rounds: 2, Spread: &spread}}
	if change != nil {
		change(&r, &d)
	}
	return Judge(&r, &d)
}

func disturbedBy(change func(d *machine.Disturbance)) *Verdict {
	return judged(func(_ *Summary, d *Detail) { d.Disturbance = seen(change) })
}

// throttled is a card that lowered its clocks in a tenth of the readings.
func throttled(reasons ...string) *machine.Energy {
	return &machine.Energy{Devices: []machine.DeviceEnergy{{Name: "0000:83:00.0", Kind: machine.EnergyGPU, Used: true, Throttled: reasons, ThrottleReadings: 6, ThrottleChecks: 60}}}
}

// What was measured under planted loads is told from a quiet machine, and for
// what it was. docs/measuring.md has the experiment.
func TestJudge(t *testing.T) {
	f := func(v float64) *float64 { return &v }
	for _, tc := range []struct {
		name string
		got  *Verdict
		want string
	}{
		{"quiet", judged(nil), "valid"},
		{"the loudest of twenty quiet ones", disturbedBy(func(d *machine.Disturbance) { d.Threads.RunS, d.Threads.WaitS = 22, 1.99 }), "valid"},
		{"two busy loops", disturbedBy(func(d *machine.Disturbance) { d.Threads.RunS, d.Threads.WaitS, *d.OtherCPUS = 11.3, 12, 12.2 }),
			"disturbed: engine threads waited 52 % of the time for a core (others used 1.0 of 2 CPUs)"},
		{"busy loops for a third of it", disturbedBy(func(d *machine.Disturbance) { d.Threads.RunS, d.Threads.WaitS, *d.OtherCPUS = 18.7, 4, 4.2 }),
			"disturbed: engine threads waited 18 % of the time for a core (others used 0.4 of 2 CPUs)"},
		{"one that wakes every 100 ms", disturbedBy(func(d *machine.Disturbance) { d.Threads.RunS, d.Threads.WaitS, *d.OtherCPUS = 20, 2.33, 3.6 }),
			"disturbed: engine threads waited 10 % of the time for a core (others used 0.3 of 2 CPUs)"},
		{"a short load in a long scenario", disturbedBy(func(d *machine.Disturbance) { d.Threads.Seconds, d.Threads.BusySeconds = 20, 2 }),
			"disturbed: in 2 of 20 seconds engine threads waited 30 % of the time or more for a core (others used 0.1 of 2 CPUs)"},
		{"SIGSTOP", disturbedBy(func(d *machine.Disturbance) { d.StoppedS = f(4.85) }),
			"disturbed: the process stood still for 4.8 of 12.0 s (stopped, or the machine asleep)"},
		{"a quota", disturbedBy(func(d *machine.Disturbance) { d.Quota = &machine.Quota{Periods: 120, Throttled: 118, ThrottledS: 40} }),
			"disturbed: a CPU quota held the process back in 98 % of its periods"},
		{"steal", disturbedBy(func(d *machine.Disturbance) { d.StealS = f(4) }),
			"disturbed: the hypervisor gave away 4.0 s of CPU time (steal) beside 23.2 s that the process got"},
		{"a tick of steal in a moment's work", disturbedBy(func(d *machine.Disturbance) { d.StealS, d.OwnCPUS = f(0.02), f(0.1) }), "valid"},
		{"heat", disturbedBy(func(d *machine.Disturbance) { n := int64(3); d.ThermalThrottles = &n }), "disturbed: a CPU lowered its clock for its heat 3 times"},
		{"a hot card", judged(func(_ *Summary, d *Detail) { d.Energy = throttled("power", "temperature") }),
			"disturbed: 0000:83:00.0 lowered its clocks in 6 of 60 readings (power, temperature)"},
		{"a card at its power limit", judged(func(_ *Summary, d *Detail) { d.Energy = throttled("power") }), "valid"},
		{"a hot card that was not used", judged(func(_ *Summary, d *Detail) { d.Energy = throttled("temperature"); d.Energy.Devices[0].Used = false }), "valid"},
		{"another on the cards", disturbedBy(func(d *machine.Disturbance) { d.CardProcesses = []string{"vllm (process 7, 30.0 GB)"} }),
			"disturbed: other processes were on the cards: vllm (process 7, 30.0 GB)"},
		{"no schedstat, nothing free", disturbedBy(func(d *machine.Disturbance) { d.Threads = nil; d.OwnCPUS, d.OtherCPUS = f(12), f(11) }),
			"disturbed: no CPU was free (others used 0.9 of 2 CPUs)"},
		{"no schedstat, CPUs free", disturbedBy(func(d *machine.Disturbance) { d.Threads = nil; d.OwnCPUS, d.OtherCPUS = f(12), f(6) }),
			"unknown: the kernel does not tell how long threads waited for a core"},
		{"cards that nobody read", disturbedBy(func(d *machine.Disturbance) { d.Unread = []string{"the clocks of the cards"} }),
			"unknown: not looked at: the clocks of the cards"},
		{"nobody measured", judged(func(_ *Summary, d *Detail) { d.Disturbance = nil }), "unknown: nobody measured what else ran"},
		{"through a server", judged(func(_ *Summary, d *Detail) { d.Server = &ServerDetail{} }), "unknown: the server's threads can't be seen from here"},
		{"drift", judged(func(_ *Summary, d *Detail) { d.Steadiness = &Steadiness{Drift: f(-0.25)} }),
			"unsettled: steps of equal batches took -25 % at the end against the start"},
		{"long steps", judged(func(_ *Summary, d *Detail) { d.Steadiness = &Steadiness{P99: f(4.2)} }),
			"unsettled: 1 % of the steps took 4.2× the median of equal batches or more"},
		{"a warm-up without rest", judged(func(_ *Summary, d *Detail) { d.Warmup = &Warmup{Rounds: 9, TookS: 10.2, Spread: f(0.31)} }),
			"unsettled: the warm-up's last two rounds differ by 31 % after 10 s"},
		{"few requests", judged(func(r *Summary, _ *Detail) { r.SuccessfulRequests, r.NumPrompts = 1, 1 }), "short: 1 request; 5 are needed"},
		{"few seconds", judged(func(r *Summary, _ *Detail) { *r.DurationS = 1.94 }), "short: 1.9 s; 2 s are needed"},
		{"cut", judged(func(r *Summary, d *Detail) { r.SuccessfulRequests, d.Status = 7, StatusPartial }), "short: the run stopped after 7 of 20 requests"},
		{"failed requests", judged(func(r *Summary, _ *Detail) { r.SuccessfulRequests, r.FailedRequests = 18, 2 }), "invalid: 2 of 20 requests failed"},
		{"failed", judged(func(r *Summary, d *Detail) {
			r.SuccessfulRequests = 0
			d.Status = StatusFailed
			e := "no room"
			r.Error = &e
		}), "invalid: no room"},
	} {
		if got := tc.got.String(); got != tc.want {
			t.Errorf("%s: %q, want %q", tc.name, got, tc.want)
		}
	}
}

// A run is as good as its worst scenario, and what nobody judged is not valid.
func TestJudgeRun(t *testing.T) {
	run := func(verdicts ...*Verdict) *Run {
		r := &Run{}
		for i, v := range verdicts {
			name := string(rune('A' + i))
			r.Results, r.Details = append(r.Results, Summary{Name: name}), append(r.Details, Detail{Name: name, Verdict: v})
		}
		return r
	}
	valid, short := judged(nil), judged(func(r *Summary, _ *Detail) { *r.DurationS = 1 })
	loud := disturbedBy(func(d *machine.Disturbance) { d.Threads.WaitS = 12 })
	for _, tc := range []struct {
		r    *Run
		want string
	}{
		{run(valid, valid), "valid"},
		{run(valid, nil), "unknown: B: nobody looked"},
		{run(valid, short, loud, short), "disturbed: C: engine threads waited 34 % of the time for a core (others used 0.1 of 2 CPUs)"},
		{run(loud, loud, short), "disturbed: A: engine threads waited 34 % of the time for a core (others used 0.1 of 2 CPUs); and 1 of the other 2 scenarios"},
		{run(short, short), "short: A: 1.0 s; 2 s are needed; and the other scenario"},
		{run(short, short, short), "short: A: 1.0 s; 2 s are needed; and all 2 others"},
		{run(nil, nil), "unknown"},
		{&Run{Results: []Summary{{Name: "of another tool"}}}, "unknown"},
	} {
		v := JudgeRun(tc.r)
		if got := v.String(); got != tc.want {
			t.Errorf("%q, want %q", got, tc.want)
		}
		if v.Valid() != (tc.want == "valid") {
			t.Errorf("%q is valid: %v", tc.want, v.Valid())
		}
	}
	if all := JudgeRun(run(short, loud, valid)).Findings; len(all) != 2 || !strings.HasPrefix(all[1].Text, "A: 1.0 s") {
		t.Errorf("findings %v", all)
	}
}

// A file of another tool is judged by what it tells, and is never valid.
func TestJudgeForeign(t *testing.T) {
	n := func(v int) *int { return &v }
	s := func(v float64) *float64 { return &v }
	for _, tc := range []struct {
		name               string
		successful, failed *int
		seconds            *float64
		want               string
	}{
		{"nothing is told", nil, nil, nil, "unknown: nobody measured what else ran"},
		{"enough of all", n(20), n(0), s(60), "unknown: nobody measured what else ran"},
		{"seconds alone", nil, nil, s(60), "unknown: nobody measured what else ran"},
		{"too few seconds, requests not told", nil, nil, s(1.5), "short: 1.5 s; 2 s are needed"},
		{"too few requests", n(4), nil, s(60), "short: 4 requests; 5 are needed"},
		{"one failed of twenty", n(19), n(1), s(60), "invalid: 1 of 20 requests failed"},
		{"none succeeded", n(0), nil, nil, "invalid: no request succeeded"},
		{"failures alone", nil, n(3), s(60), "invalid: 3 requests failed"},
	} {
		if got := JudgeForeign(tc.successful, tc.failed, tc.seconds).String(); got != tc.want {
			t.Errorf("%s: %q, want %q", tc.name, got, tc.want)
		}
	}
}
