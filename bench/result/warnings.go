package result

import (
	"fmt"
	"strings"
)

// P99Needs is how many values a 99th percentile needs before one of them can
// lie beyond it. With fewer it is an interpolation towards the maximum.
const P99Needs = 100

// warnings are the sentences that qualify a scenario's figures, what to do
// about it included where something can be done.
func warnings(sc Scenario, m Measured, d *Detail, s *sample) []string {
	var out []string
	add := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	if m.Status == StatusPartial {
		add("partial: %d of %d requests finished", len(s.good), sc.Requests())
	}
	if n := len(s.bad); n > 0 {
		add("%d of %d requests failed", n, sc.Requests())
	}
	if d.Dropped > 0 {
		add("%d of %d requests were never started", d.Dropped, sc.Requests())
	}
	if sc.Requests() <= sc.Concurrency && sc.Concurrency > 1 && !sc.OpenLoop() {
		add("one burst only: %d prompts at concurrency %d", sc.Prompts, sc.Concurrency)
	}
	if d.LateRequests > 0 {
		add("%d of %d requests started late: more arrive than concurrency %d takes, lower request_rate or raise concurrency",
			d.LateRequests, sc.Requests(), sc.Concurrency)
	}
	out = append(out, serverWarnings(d)...)
	out = append(out, shortTails(d)...)
	return append(out, m.Notes...)
}

// shortTails names the p99 figures that their samples can't carry, those of
// one size in one sentence.
func shortTails(d *Detail) []string {
	var out []string
	var names []string
	count := 0
	flush := func() {
		if len(names) > 0 {
			out = append(out, fmt.Sprintf("p99 of %s from %d values: %d needed", strings.Join(names, " and "), count, P99Needs))
		}
		names = nil
	}
	for _, t := range []struct {
		name string
		dist *Dist
	}{{"TTFT", d.TTFT}, {"TPOT", d.TPOT}, {"ITL", d.ITL}} {
		if t.dist == nil || t.dist.Count >= P99Needs {
			continue
		}
		if t.dist.Count != count {
			flush()
		}
		names, count = append(names, t.name), t.dist.Count
	}
	flush()
	return out
}
