package compare

import (
	"strings"
	"testing"

	"ceiling/bench/result"
	"ceiling/report/importer"
	"ceiling/report/metric"
)

func judged(r *importer.ToolRun, state result.State, text string) *importer.ToolRun {
	v := &result.Verdict{State: state}
	if text != "" {
		v.Findings = []result.Finding{{State: state, Text: text}}
	}
	for i := range r.Loads {
		r.Loads[i].Verdict = v
	}
	return r
}

func text(t *testing.T, c *Comparison) string {
	t.Helper()
	var b strings.Builder
	if err := c.Document().Markdown(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// That a run is disturbed stands before any ratio, nothing of it is bold, and a
// rule over it tells.
func TestDisturbedIsToldFirst(t *testing.T) {
	const why = "engine threads waited 38 % of the time for a core"
	a := judged(fakeRun(1, single(6, 20, 0.01, 0.004)), result.StateDisturbed, why)
	b := judged(fakeRun(2, single(6, 40, 0.01, 0.004)), result.StateValid, "")
	c := compared(t, ComparisonOptions{}, a, b)
	got := text(t, c)
	said, ratio := strings.Index(got, "A is disturbed: "+why+" in Single User Latency"), strings.Index(got, "2.00")
	if said < 0 || ratio < said {
		t.Errorf("disturbance at %d, the first ratio at %d:\n%s", said, ratio, got)
	}
	if strings.Contains(got, "**2.0") || strings.Contains(got, "**−5") || !strings.Contains(got, "disturbed (A)") {
		t.Errorf("bold, or no word beside the ratio:\n%s", got)
	}
	for _, state := range []result.State{result.StateDisturbed, result.StateUnsettled, result.StateShort} {
		c := compared(t, ComparisonOptions{}, judged(a, state, why), b)
		g := gated(t, c, "tpot_mean > 3x")
		if len(g.Notices) != 1 || !strings.Contains(g.Notices[0], "A is "+string(state)+": "+why) || len(g.Violations)+len(g.Errors) > 0 {
			t.Errorf("%s: %+v", state, g)
		}
	}
	if g := gated(t, compared(t, ComparisonOptions{}, judged(a, result.StateValid, ""), b), "tpot_mean > 3x"); len(g.Notices) > 0 {
		t.Errorf("valid: %+v", g)
	}
	// Wrong output is not judged by its speed.
	c = compared(t, ComparisonOptions{}, b, judged(a, result.StateInvalid, "the output is wrong"))
	g := gated(t, c, "tpot_mean > 3x")
	if len(g.Errors) != 1 || !strings.Contains(g.Errors[0], "B is invalid: the output is wrong") {
		t.Errorf("invalid: %+v", g)
	}
}

// With one pass a side nothing stands out, however far the two are apart, and no
// rule takes it for significant.
func TestTwoRunsOnly(t *testing.T) {
	c := compared(t, ComparisonOptions{EqualWithin: 0.02}, fakeRun(1, single(1, 20, 0.01, 0)), fakeRun(2, single(1, 40, 0.01, 0)))
	got := text(t, c)
	if !strings.Contains(got, "**These two runs only:** one pass a side") || !strings.Contains(got, "about these two runs only") {
		t.Errorf("not told:\n%s", got)
	}
	for _, bold := range []string{"**2.0", "**−", "**+"} {
		if strings.Contains(got, bold) {
			t.Errorf("bold: %q in\n%s", bold, got)
		}
	}
	g := gated(t, c, "tpot_mean > 1.05x significantly")
	if len(g.Errors) != 1 || !strings.Contains(g.Errors[0], "one pass a side does not tell whether the next would; it takes 4 passes of each side") || len(g.Violations) != 0 {
		t.Errorf("%+v", g)
	}
	if g := gated(t, c, "tpot_mean > 1.05x"); len(g.Violations) != 1 {
		t.Errorf("by size alone: %+v", g)
	}
}

// The margin decides between the same and different; what neither shows stays
// undecided.
func TestMargin(t *testing.T) {
	for _, c := range []struct {
		name   string
		tpot   float64
		drift  float64
		margin float64
		want   Significance
		says   string
	}{
		{"the same", 20, 0.002, 0.02, Same, "Same within 2 %."},
		{"certainly 1 % off, which is within", 20.2, 0.0002, 0.02, Same, "Same within 2 %."},
		{"certainly 1 % off, without a margin", 20.2, 0.0002, 0, Differs, "Different."},
		{"certainly 1 % off, which is too much", 20.2, 0.0002, 0.005, Differs, "Different."},
		{"noise hides all", 20, 0.05, 0.02, Undecided, "more passes of each side would decide, if what is seen is what is."},
		{"noise hides all, without a margin", 20, 0.05, 0, Undecided, "(--equal-within 2% asks whether they are the same)"},
	} {
		for _, assume := range []Assumption{Nothing, Normal} {
			a, b := fakeRun(1, single(8, 20, 0, c.drift)), fakeRun(2, single(8, c.tpot, 0, c.drift))
			o := compared(t, ComparisonOptions{Assume: assume, EqualWithin: c.margin}, a, b).Pairs[0].Overall
			f := o.Figures[1] // TPOT; throughput has the prefill in it
			if f.Metric != metric.TPOTMean || f.Verdict() != c.want {
				t.Errorf("%s, assume %s: %s %s, interval %+v, equal %+v", c.name, assume, f.Metric, f.Verdict(), f.Interval, f.Equal)
			}
			if c.want == o.Verdict && !strings.Contains(o.Sentence, c.says) {
				t.Errorf("%s: %s", c.name, o.Sentence)
			}
		}
	}
}

// One value per process, of however many passes, where both sides have several.
func TestProcesses(t *testing.T) {
	run := func(seed uint64) *importer.ToolRun {
		r := fakeRun(seed, single(10, 20, 0, 0.01))
		for i := range r.Loads {
			r.Loads[i].Process = r.Loads[i].Repeat / 2
		}
		return r
	}
	c := compared(t, ComparisonOptions{}, run(1), run(2))
	f := c.Pairs[0].Scenarios[0].figure(metric.TPOTMean)
	if f.Interval.Basis != Processes || f.Interval.NA != 5 || f.Interval.NB != 5 {
		t.Errorf("%+v", f.Interval)
	}
	if got := c.Pairs[0].Overall.Sentence; !strings.Contains(got, "Over 5 + 5 processes") {
		t.Error(got)
	}
	// The other side's passes are of one process: so is what can be said.
	mixed := compared(t, ComparisonOptions{}, run(1), fakeRun(2, single(10, 20, 0, 0.01)))
	if f := mixed.Pairs[0].Scenarios[0].figure(metric.TPOTMean); f.Interval.Basis != Passes {
		t.Errorf("%+v", f.Interval)
	}
}

func TestChangeText(t *testing.T) {
	for ratio, want := range map[float64]string{1: "0.0 %", 0.72: "−28 %", 1.043: "+4.3 %", 0.9951: "−0.5 %", 1.0994: "+9.9 %", 1.0996: "+10 %",
		1.99: "+99 %", 2: "2.000×", 42.2: "42.2×", 0.01: "−99 %"} {
		if got := changeText(ratio); got != want {
			t.Errorf("%v: %q, want %q", ratio, got, want)
		}
	}
}
