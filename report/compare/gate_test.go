package compare

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ceiling/bench/result"
	"ceiling/report/importer"
	"ceiling/report/metric"
)

func TestParseRule(t *testing.T) {
	for _, tc := range []struct {
		text string
		want Rule
	}{
		{"tpot_mean > 1.05x", Rule{Metric: metric.TPOTMean, Op: ">", Limit: 1.05, Ratio: true}},
		{"tpot_mean_ms>=1.05x", Rule{Metric: metric.TPOTMean, Op: ">=", Limit: 1.05, Ratio: true}},
		{" c=8 : ttft_p99 > 0.8 s", Rule{Metric: metric.TTFTP99, Op: ">", Limit: 800, Where: []Selector{{Key: "c", Count: 8}}}},
		{"e2el_mean > 500us", Rule{Metric: metric.E2ELMean, Op: ">", Limit: 0.5}},
		{"c=8, in=1024: output_throughput < 0.95x", Rule{Metric: metric.OutputThroughput, Op: "<", Limit: 0.95, Ratio: true,
			Where: []Selector{{Key: "c", Count: 8}, {Key: "in", Count: 1024}}}},
		{"name=Mixed Traffic: request_throughput <= 1.2req/s", Rule{Metric: metric.RequestThroughput, Op: "<=", Limit: 1.2,
			Where: []Selector{{Key: "name", Name: "Mixed Traffic"}}}},
		{`name="Chat: turns, short": ttft_mean > 2x`, Rule{Metric: metric.TTFTMean, Op: ">", Limit: 2, Ratio: true,
			Where: []Selector{{Key: "name", Name: "Chat: turns, short"}}}},
		{`name = 'a "b": c' , c=8: ttft_mean > 2x`, Rule{Metric: metric.TTFTMean, Op: ">", Limit: 2, Ratio: true,
			Where: []Selector{{Key: "name", Name: `a "b": c`}, {Key: "c", Count: 8}}}},
		{"name=Bob's chat: ttft_mean > 2x", Rule{Metric: metric.TTFTMean, Op: ">", Limit: 2, Ratio: true,
			Where: []Selector{{Key: "name", Name: "Bob's chat"}}}},
		{"ttft_mean > 1.05x significantly", Rule{Metric: metric.TTFTMean, Op: ">", Limit: 1.05, Ratio: true, Significant: true}},
		{"failed > 0.5%", Rule{Metric: metric.FailedShare, Op: ">", Limit: 0.5}},
		{"overhead_ratio > 2x", Rule{Metric: metric.OverheadRatio, Op: ">", Limit: 2, Ratio: true}},
		{"duration > 90s", Rule{Metric: metric.Duration, Op: ">", Limit: 90}},
	} {
		got, err := ParseRule(tc.text)
		tc.want.Text = strings.TrimSpace(tc.text)
		if err != nil {
			t.Errorf("%q: %v", tc.text, err)
		} else if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%q:\n%s", tc.text, diff)
		}
	}
	for text, want := range map[string]string{
		"":                       `rule "": no <, <=, > or >= in it`,
		"tpot_mean":              "no <, <=, > or >= in it",
		"tpot > 1x":              `figure "tpot" is not known: use ttft_mean`,
		"tpot_mean > 1.05":       `limit "1.05": tpot_mean_ms is in ms; write that, or a ratio such as 1.05x`,
		"tpot_mean > 5tok/s":     `limit "5tok/s": tpot_mean_ms is in ms`,
		"tpot_mean > x":          `limit "x" is not a number with a unit`,
		"tpot_mean > -1x":        `limit "-1x" is not a number with a unit`,
		"tpot_mean > 0x":         `limit "0x": no ratio is below 0`,
		"tpot_mean > NaNx":       `limit "NaNx" is not a number with a unit`,
		"tpot_mean == 1x":        "no <, <=, > or >= in it",
		"tpot_mean >> 1x":        `limit "> 1x" is not a number`,
		"overhead_ratio > 0.5":   `limit "0.5": overhead_ratio takes a ratio to the base`,
		"q=8: tpot_mean > 1x":    `selector "q=8": use c, in, out, n, name`,
		"c=: tpot_mean > 1x":     `selector "c=": use c, in, out, n, name`,
		"c=many: tpot_mean > 1x": `selector "c=many": "many" is not a count`,
		": tpot_mean > 1x":       `selector "": use c, in, out, n, name`,

		"name=Chat: turns, short: ttft_mean > 2x": `figure "turns, short: ttft_mean" is not known: a name with : or , in it takes quotes`,
		"name=turns, short: ttft_mean > 2x":       `selector "short": use c, in, out, n, name, each with = and a value; a name with : or , in it takes quotes`,
		`name="Chat: ttft_mean > 2x`:              `a quote that does not end: close it with "`,
		`name="Chat" x: ttft_mean > 2x`:           "the name is the whole of what is in quotes",
		`name="": ttft_mean > 2x`:                 "the name is the whole of what is in quotes",
		"ttft_mean > 800ms significantly":         `"significantly" goes with a ratio to the base`,
		"ttft_mean > 2x surely":                   `limit "2x surely": ttft_mean_ms is in ms`,
	} {
		if _, err := ParseRule(text); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: %v, want …%s", text, err, want)
		}
	}
}

func TestGate(t *testing.T) {
	four := single(1, 40, 0, 0)
	four.name, four.conc = "Four", 4
	five := four
	five.tpot = 50
	lone := four
	lone.name, lone.conc = "Eight", 8
	warm := single(1, 20, 0, 0)
	warm.cache = result.CacheWarm
	base := fakeRun(1, single(1, 20, 0, 0), four)
	slower := fakeRun(2, single(1, 21, 0, 0), five)
	missing := fakeRun(3, single(1, 20, 0, 0), four)
	delete(missing.Loads[1].Values, metric.TPOTMean)

	for _, tc := range []struct {
		name   string
		a, b   *importer.ToolRun
		rule   string
		breaks string // "": none
		errs   string
	}{
		{"within the limit", base, slower, "tpot_mean > 1.3x", "", ""},
		{"exactly on it", base, slower, "tpot_mean > 1.25x", "", ""},
		{"exactly on it, and that is too much", base, slower, "tpot_mean >= 1.25x",
			`gate "tpot_mean >= 1.25x" on B: violated in 1 of 2 scenarios, most in Four: 1.250x (50.00 against 40.00 ms)`, ""},
		{"over it in two, the worst is named", base, slower, "tpot_mean > 1.01x",
			`gate "tpot_mean > 1.01x" on B: violated in 2 of 2 scenarios, most in Four: 1.250x (50.00 against 40.00 ms)`, ""},
		{"a scenario is picked", base, slower, "c=1: tpot_mean > 1.01x",
			`gate "c=1: tpot_mean > 1.01x" on B: violated in 1 of 1 scenarios, most in Single User Latency: 1.050x (21.00 against 20.00 ms)`, ""},
		{"by name", base, slower, "name=four: tpot_mean > 49ms",
			`gate "name=four: tpot_mean > 49ms" on B: violated in 1 of 1 scenarios, most in Four: 50.00 ms`, ""},
		{"throughput falls", base, slower, "output_throughput < 0.95x",
			`gate "output_throughput < 0.95x" on B: violated in 1 of 2 scenarios, most in Four: 0.824x (18.82 against 22.86 tok/s)`, ""},
		{"nothing matches", base, slower, "c=99: tpot_mean > 1x", "",
			`gate "c=99: tpot_mean > 1x" on B: no scenario matches it; nothing was checked`},
		{"a figure that no run has", base, slower, "goodput < 1x", "",
			`gate "goodput < 1x" on B: 2 of 2 scenarios can't be judged; Single User Latency: B has no goodput_req_s`},
		{"a figure that one scenario lacks", base, missing, "tpot_mean > 1.05x", "",
			`gate "tpot_mean > 1.05x" on B: 1 of 2 scenarios can't be judged; Four: B has no tpot_mean_ms`},
		{"a scenario that only the base has", fakeRun(1, single(1, 20, 0, 0), lone), base, "tpot_mean > 1.05x", "",
			`gate "tpot_mean > 1.05x" on B: 1 of 2 scenarios can't be judged; Eight: only A has it`},
		{"one that only the other has is none of its business", base, fakeRun(2, single(1, 20, 0, 0), four, lone), "tpot_mean > 1.05x", "", ""},
		{"another cache state", fakeRun(1, single(1, 20, 0, 0)), fakeRun(2, warm), "ttft_mean > 1.05x", "",
			`gate "ttft_mean > 1.05x" on B: 1 of 1 scenarios can't be judged; Single User Latency: the cache state differs, so a ratio means nothing; compare runs of one state`},
		{"whose value may be judged all the same", fakeRun(1, single(1, 20, 0, 0)), fakeRun(2, warm), "ttft_mean > 200ms", "", ""},
	} {
		rule, err := ParseRule(tc.rule)
		if err != nil {
			t.Fatal(err)
		}
		got := compared(t, ComparisonOptions{}, tc.a, tc.b).Gate([]Rule{rule})
		if broken := strings.Join(got.Violations, "|"); broken != tc.breaks {
			t.Errorf("%s: violations %q, want %q", tc.name, broken, tc.breaks)
		}
		if errs := strings.Join(got.Errors, "|"); errs != tc.errs {
			t.Errorf("%s: errors %q, want %q", tc.name, errs, tc.errs)
		}
	}
}

// Two runs that differ by noise break a rule about size, and none that asks for
// significance as well.
func TestGateOfNoise(t *testing.T) {
	c := compared(t, ComparisonOptions{}, open(t, "testdata/noise/a", "testdata/noise/b")...)
	const by = `name="Chat: turns, short": ttft_mean > 1.05x`
	f := c.Pairs[0].Scenarios[0].figure(metric.TTFTMean)
	if *f.Ratio < 1.5 || f.Verdict() != Undecided {
		t.Fatalf("the files are of something else: %v, %v", *f.Ratio, f.Interval)
	}
	for rule, violations := range map[string]int{by: 1, by + " significantly": 0, "c=2: ttft_mean > 1.05x significantly": 0, "ttft_mean > 1.05x": 1} {
		got := gated(t, c, rule)
		if len(got.Violations) != violations || len(got.Errors) > 0 || len(got.Notices) > 0 {
			t.Errorf("%s: %+v", rule, got)
		}
	}
	// Throughput has no interval over one pass: no pass of the rule either.
	if got := gated(t, c, "output_throughput < 0.99x significantly"); len(got.Errors) != 1 || !strings.Contains(got.Errors[0], "can't be tested (one pass each)") {
		t.Errorf("without an interval: %+v", got)
	}
	// A name with its quotes, of a run against itself.
	self := open(t, "testdata/noise/a")
	if got := gated(t, compared(t, ComparisonOptions{}, self[0], self[0]), `name='Chat: turns, short': ttft_mean > 1000x`); len(got.Violations)+len(got.Errors) > 0 {
		t.Errorf("a quoted name: %+v", got)
	}
}

// gated judges one rule.
func gated(t *testing.T, c *Comparison, text string) GateOutcome {
	t.Helper()
	r, err := ParseRule(text)
	if err != nil {
		t.Fatal(err)
	}
	return c.Gate([]Rule{r})
}

// A difference that is more than noise and beyond the limit violates a rule
// that asks for both; one within the limit does not.
func TestGateSignificantly(t *testing.T) {
	c := compared(t, ComparisonOptions{}, fakeRun(1, single(6, 20, 0.01, 0.004)), fakeRun(2, single(6, 21, 0.01, 0.004)))
	if got := gated(t, c, "tpot_mean > 1.02x significantly"); len(got.Violations) != 1 {
		t.Errorf("5 %% slower: %+v", got)
	}
	if got := gated(t, c, "tpot_mean > 1.2x significantly"); len(got.Violations) != 0 || len(got.Errors) != 0 {
		t.Errorf("within the limit: %+v", got)
	}
}

// Failed requests are a figure of their own, and told beside every other rule.
func TestGateOfFailures(t *testing.T) {
	count := func(r *importer.ToolRun, failed int) *importer.ToolRun {
		good := 20 - failed
		r.Loads[0].Failed, r.Loads[0].Successful = &failed, &good
		return r
	}
	c := compared(t, ComparisonOptions{}, count(fakeRun(1, single(1, 20, 0, 0)), 0), count(fakeRun(2, single(1, 20, 0, 0)), 3))
	for rule, want := range map[string]GateOutcome{
		"tpot_mean > 1.05x": {Notices: []string{`gate "tpot_mean > 1.05x" on B: 1 of 1 scenarios are not beyond doubt; Single User Latency: B: 3 of 20 requests failed; its figures are of the others`}},
		"failed > 15%":      {},
		"failed > 10%":      {Violations: []string{`gate "failed > 10%" on B: violated in 1 of 1 scenarios, most in Single User Latency: 15.00 %`}},
		"failed > 2x":       {Errors: []string{`gate "failed > 2x" on B: 1 of 1 scenarios can't be judged; Single User Latency: failed_percent is 0 in A and has no ratio`}},
	} {
		if diff := cmp.Diff(want, gated(t, c, rule)); diff != "" {
			t.Errorf("%s:\n%s", rule, diff)
		}
	}
	base := count(fakeRun(1, single(1, 20, 0, 0)), 1)
	if got := gated(t, compared(t, ComparisonOptions{}, base, count(fakeRun(2, single(1, 20, 0, 0)), 4)), "failed > 3x"); len(got.Violations) != 1 {
		t.Errorf("four times as many: %+v", got)
	}
	// A file that does not say how many failed can't pass.
	if got := gated(t, compared(t, ComparisonOptions{}, base, fakeRun(2, single(1, 20, 0, 0))), "failed > 0%"); len(got.Errors) != 1 || len(got.Violations) != 0 {
		t.Errorf("not known: %+v", got)
	}
	// Completed without a token: a failure that the tool did not call one.
	empty := fakeRun(2, single(1, 20, 0, 0))
	empty.Loads[0].Tokenless = 2
	if got := gated(t, compared(t, ComparisonOptions{}, fakeRun(1, single(1, 20, 0, 0)), empty), "tpot_mean > 1.05x"); len(got.Notices) != 1 || !strings.Contains(got.Notices[0], "B: 2 completed requests without a token") {
		t.Errorf("without a token: %+v", got)
	}
}

// Every run is judged against the base, each on a line of its own.
func TestGateOfThreeRuns(t *testing.T) {
	rule, err := ParseRule("tpot_mean > 1.05x")
	if err != nil {
		t.Fatal(err)
	}
	c := compared(t, ComparisonOptions{}, fakeRun(1, single(1, 20, 0, 0)), fakeRun(2, single(1, 22, 0, 0)), fakeRun(3, single(1, 30, 0, 0)))
	got := c.Gate([]Rule{rule})
	if len(got.Violations) != 2 || !strings.Contains(got.Violations[0], "on B") || !strings.Contains(got.Violations[1], "on C: violated in 1 of 1 scenarios, most in Single User Latency: 1.500x") {
		t.Errorf("%q", got.Violations)
	}
}

// Whatever is written as a rule, it is read or refused in one line.
func FuzzParseRule(f *testing.F) {
	for _, s := range []string{"tpot_mean > 1.05x", "c=8, in=1024: ttft_p99 >= 800 ms", "name=a:b < 1x", `name="a:,": failed > 1%`, `name="`, "ttft_mean > 2x significantly", ":::<<>>", "duration > 1e3s", "e2el_mean < 5µs"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r, err := ParseRule(text)
		switch {
		case err != nil && strings.Contains(err.Error(), "\n"):
			t.Errorf("%q: an error of several lines: %q", text, err)
		case err == nil && (r.Metric.Info().Title == "" || r.Op == "" || r.Limit < 0 || r.Ratio && r.Limit == 0):
			t.Errorf("%q: %+v", text, r)
		}
	})
}
