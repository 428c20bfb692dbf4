package report

import (
	"strings"
	"testing"

	"ceiling/bench/result"
)

// searched is a search of concurrencies that came to c=22.
func searched() *result.Run {
	point := func(load, tpot float64, holds, clear bool) result.CapacityPoint {
		lo, hi := tpot-1, tpot+1
		return result.CapacityPoint{Load: load, Scenario: "c", Probes: 2, Requests: 200, Holds: holds, Clear: clear,
			Figures: []result.CapacityFigure{{Value: tpot, Lo: &lo, Hi: &hi}}}
	}
	to := 22.0
	return &result.Run{Capacity: &result.Capacity{Of: result.Concurrency, Bounds: []result.Bound{{Figure: "tpot", Stat: "p99", MaxMs: 60}},
		Load: 22, From: 16, To: &to, Points: []result.CapacityPoint{point(16, 40, true, true), point(22, 59.5, true, false), point(23, 63, false, true)}}}
}

// TestCapacityLines: each kind of answer says what it rests on.
func TestCapacityLines(t *testing.T) {
	for what, tc := range map[string]struct {
		change func(*result.Capacity)
		want   string
	}{
		"an answer":      {func(*result.Capacity) {}, "capacity  c=22 (c=16 to c=22); c=23 has TPOT p99 63 ms (62 ms to 64 ms) (limit 60 ms)"},
		"not sure above": {func(c *result.Capacity) { c.To = nil }, "capacity  c=22 (c=16 or more); c=23 has"},
		"no user":        {func(c *result.Capacity) { c.Load, c.Points = 0, c.Points[2:] }, "capacity  0: one request alone has TPOT p99 63 ms"},
		"fails alone":    {func(c *result.Capacity) { c.Load, c.Points = 0, []result.CapacityPoint{{Load: 1, Failed: "no memory"}} }, "capacity  0: one request alone has failed: no memory"},
		"all":            {func(c *result.Capacity) { c.AtLeast, c.Most, c.Points = true, "--max 22", c.Points[:2] }, "capacity  ≥ c=22: the largest probe keeps the limits; no larger one is made: --max 22"},
		"rates":          {func(c *result.Capacity) { c.Of, c.Alone = result.RequestRate, &c.Points[0] }, "capacity  22 req/s (16 req/s to 22 req/s); 23 req/s has"},
		"no rate": {func(c *result.Capacity) {
			c.Of, c.Load, c.Alone, c.Points = result.RequestRate, 0, &c.Points[0], c.Points[2:]
		}, "capacity  below 23 req/s, which has TPOT p99 63 ms"},
		"alone too slow": {func(c *result.Capacity) { c.Of, c.Load, c.Alone, c.Points = result.RequestRate, 0, &c.Points[2], nil }, "capacity  0: one request alone has TPOT p99 63 ms"},
		"nothing":        {func(c *result.Capacity) { c.Load, c.Points = 0, nil }, "capacity  —"},
		"unfinished":     {func(c *result.Capacity) { c.Unfinished = "interrupted" }, "the search is unfinished (interrupted)"},
		"a note":         {func(c *result.Capacity) { c.Notes = []string{"not monotone: x"} }, "note      not monotone: x"},
	} {
		r := searched()
		tc.change(r.Capacity)
		if got := strings.Join(CapacityLines(r), "\n"); !strings.Contains(got, tc.want) {
			t.Errorf("%s:\n%s\nwant %s", what, got, tc.want)
		}
	}
	head, rows := CapacityTable(searched())
	if got := strings.Join(head, ", ") + "\n" + strings.Join(rows[1], ", "); got != "Load, Probes, Requests, TPOT p99, Output tok/s, Limits, Verdict\nc=22, 2, 200, 59.5 ms (58.5 ms to 60.5 ms), —, kept, within the interval, —" {
		t.Error(got)
	}
}
