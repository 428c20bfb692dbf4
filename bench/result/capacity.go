package result

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Bound is the most that one statistic of a latency may be: "TTFT p99 within
// 2 s".
type Bound struct {
	Figure string  `json:"figure"` // ttft, tpot or e2el
	Stat   string  `json:"stat"`   // mean, or a percentile: p50, p90, p99.9
	MaxMs  float64 `json:"max_ms"`
}

// Bounded are the figures that a bound can be on.
func Bounded() []string { return []string{"ttft", "tpot", "e2el"} }

// Percentile is the bound's percentile; ok is false for the mean.
func (b Bound) Percentile() (p float64, ok bool) {
	number, ok := strings.CutPrefix(b.Stat, "p")
	if !ok {
		return 0, false
	}
	p, err := strconv.ParseFloat(number, 64)
	return p, err == nil
}

// leastRequests is the least sample of a mean or a median here.
const leastRequests = 10

// Needs is how many requests the statistic takes, so that one of them can lie
// beyond a percentile.
func (b Bound) Needs() int {
	p, ok := b.Percentile()
	if !ok {
		return leastRequests
	}
	return max(leastRequests, int(math.Ceil(100/(100-p)-1e-9)))
}

// Title names the figure: "TTFT p99".
func (b Bound) Title() string { return strings.ToUpper(b.Figure) + " " + b.Stat }

// String is "TTFT p99 ≤ 2 s".
func (b Bound) String() string { return b.Title() + " ≤ " + Millis(b.MaxMs) }

// Millis prints a time given in ms with its unit, in three digits: "0.92 ms",
// "60 ms", "2 s".
func Millis(ms float64) string {
	unit := " ms"
	if math.Abs(ms) >= 999.5 {
		ms, unit = ms/1000, " s"
	}
	digits := 3
	if a := math.Abs(ms); a >= 100 {
		return strconv.FormatFloat(ms, 'f', 0, 64) + unit
	}
	v, _ := strconv.ParseFloat(strconv.FormatFloat(ms, 'g', digits, 64), 64) // what FormatFloat wrote
	return strconv.FormatFloat(v, 'f', -1, 64) + unit
}

// Of is the statistic of values in seconds, in ms; nil without any.
func (b Bound) Of(values []float64) *float64 {
	var v float64
	var ok bool
	if p, of := b.Percentile(); of {
		v, ok = Percentile(slices.Sorted(slices.Values(values)), p)
	} else {
		v, ok = Mean(values)
	}
	if !ok {
		return nil
	}
	v *= 1000
	return &v
}

// Value is a request's value in seconds. In an open loop TTFT and E2EL begin at
// the intended start: who comes to a full machine waits, and the wait counts. ok
// is false for a request that has none.
func (b Bound) Value(r *Record, openLoop bool) (seconds float64, ok bool) {
	if !r.OK() {
		return 0, false
	}
	wait := 0.0
	if openLoop {
		wait = r.Admitted - r.Intended
	}
	switch b.Figure {
	case "ttft":
		return wait + r.TTFT(), true
	case "e2el":
		return wait + r.E2EL(), true
	}
	return r.TPOT()
}

// SLO are the bounds as far as a report's limits can hold them: p99 of TTFT and
// TPOT; nil for none of these.
func SLOOf(bounds []Bound) *SLO {
	slo := &SLO{}
	for _, b := range bounds {
		switch {
		case b.Stat != "p99":
		case b.Figure == "ttft":
			slo.TTFTMs = b.MaxMs
		case b.Figure == "tpot":
			slo.TPOTMs = b.MaxMs
		}
	}
	if !slo.Given() {
		return nil
	}
	return slo
}

// Capacity is the highest load that keeps limits, and how it was found.
type Capacity struct {
	Of     string  `json:"of"` // concurrency, or request_rate in requests/s
	Bounds []Bound `json:"bounds"`
	// Load is the answer: the highest load that keeps all bounds while every
	// lower one that was probed keeps them too; 0: not even one request alone.
	Load float64 `json:"load"`
	// From and To enclose it: From keeps the bounds with all of its figures'
	// intervals, and what lies next above To misses one with all of its; nil: no
	// probe above is that sure.
	From float64  `json:"from"`
	To   *float64 `json:"to"`
	// AtLeast says that the largest load that was probed keeps the bounds.
	AtLeast bool `json:"at_least,omitempty"`
	// Most says why no larger load was probed, with AtLeast.
	Most string `json:"most,omitempty"`
	// Unfinished says that the search was ended before it was done, and why.
	Unfinished string          `json:"unfinished,omitempty"`
	Points     []CapacityPoint `json:"points"` // by rising load
	// Alone is one request at a time, which a search of rates begins with.
	Alone *CapacityPoint `json:"alone,omitempty"`
	Notes []string       `json:"notes,omitempty"` // what does not fit one limit between two loads
}

// CapacityPoint is one load with what was measured of it in all its probes.
type CapacityPoint struct {
	Load     float64          `json:"load"`
	Scenario string           `json:"scenario"` // its name in the results; each probe is one of its passes
	Probes   int              `json:"probes"`
	Requests int              `json:"requests"`
	Figures  []CapacityFigure `json:"figures"` // one for each bound; empty where it failed
	Holds    bool             `json:"holds"`
	// Clear says that the intervals of the figures say the same.
	Clear  bool   `json:"clear"`
	Failed string `json:"failed,omitempty"` // why it counts as a miss without figures
}

// CapacityFigure is a bounded figure over all requests of a load, in ms. Its
// interval, with 95 %, is from drawing groups of requests that ran at a time
// again; nil: there are too few groups.
type CapacityFigure struct {
	Value float64  `json:"value_ms"`
	Lo    *float64 `json:"lo_ms"`
	Hi    *float64 `json:"hi_ms"`
}

// Noun is what the load counts, with its value: "c=8", "2.5 req/s".
func (c *Capacity) Noun(load float64) string {
	if c.Of == RequestRate {
		return strconv.FormatFloat(load, 'g', 3, 64) + " req/s"
	}
	return fmt.Sprintf("c=%.0f", load)
}

// The loads that a capacity can be of.
const (
	Concurrency = "concurrency"
	RequestRate = "request_rate"
)

// Above is the lowest load above the answer that misses a bound; nil for none.
func (c *Capacity) Above() *CapacityPoint {
	for i := range c.Points {
		if p := &c.Points[i]; p.Load > c.Load && !p.Holds {
			return p
		}
	}
	return nil
}
