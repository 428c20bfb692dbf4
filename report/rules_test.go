package report

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ceiling/bench"
)

// prosaic renders only the prose of a run.
func prosaic(results []bench.Result, details []bench.Detail) *writing {
	return byRules(&bench.Results{Model: "m", Hardware: "h", Results: results, Details: details})
}

// byRules is the prose that no model wrote any of.
func byRules(r *bench.Results) *writing { return newWriting(r, scenarios(r), nil) }

// base is a result with nothing remarkable in it; the cases below change what
// their rule looks at.
func base(name string, concurrency int) bench.Result {
	r := result(name, 1024, 256, concurrency, 10*concurrency, 50*math.Sqrt(float64(concurrency)),
		[3]float64{300, 290, 390}, [3]float64{20, 20, 22})
	return r
}

// with is base, changed.
func with(name string, concurrency int, change func(*bench.Result)) bench.Result {
	r := base(name, concurrency)
	change(&r)
	return r
}

// ttft, tpot and itl set mean, median and p99, in ms.
func ttft(mean, median, p99 float64) func(*bench.Result) {
	return func(r *bench.Result) { r.TTFTMeanMs, r.TTFTMedianMs, r.TTFTP99Ms = &mean, &median, &p99 }
}

func tpot(mean, median, p99 float64) func(*bench.Result) {
	return func(r *bench.Result) { r.TPOTMeanMs, r.TPOTMedianMs, r.TPOTP99Ms = &mean, &median, &p99 }
}

func itl(mean, median, p99 float64) func(*bench.Result) {
	return func(r *bench.Result) { r.ITLMeanMs, r.ITLMedianMs, r.ITLP99Ms = &mean, &median, &p99 }
}

// d is the detail of a complete, cold scenario, changed.
func d(change func(*bench.Detail)) *bench.Detail {
	d := &bench.Detail{Status: bench.StatusComplete, Cache: bench.CacheCold}
	change(d)
	return d
}

func complete(*bench.Detail) {}

// ruleCases holds one run of one scenario per line and what its rules make of
// it, thresholds from both sides.
var ruleCases = []struct {
	name    string
	result  bench.Result
	detail  *bench.Detail
	want    []string // parts of bullets that must be there
	without []string // and that must not
}{
	// TTFT: the edges are 1.10, 1.25, 2.0.
	{name: "uniform first tokens", result: with("Other", 4, ttft(100, 100, 110)),
		want: []string{"Requests wait equally long for their first token: with TTFT p99 at 1.10× the mean"}},
	{name: "just beyond uniform", result: with("Other", 4, ttft(100, 100, 110.1)),
		want: []string{"TTFT p99 is 1.10× the mean: slow first tokens exist"}, without: []string{"equally long"}},
	{name: "long tail", result: with("Other", 4, ttft(100, 100, 200)),
		want: []string{"First tokens have a long tail: where the average request waits 100.00 ms, p99 is 2.00× that."}},
	{name: "slow minority", result: with("Other", 4, ttft(125, 100, 500)),
		want: []string{"A slow minority sets the TTFT figures: half of the requests had their first token within 100.00 ms, but the mean is 1.25× that and p99 5.00×."}},
	{name: "early minority", result: with("Other", 4, ttft(100, 112, 120)),
		want: []string{"the median (112.00 ms) is 1.12× the mean"}},
	{name: "equal work, unequal time, cache not known", result: with("Single User Latency", 1, ttft(421.16, 47.44, 1118.5)),
		want: []string{"TTFT p99 (1118.50 ms) is 23.6× the median (47.44 ms): equal work took unequal time, which is consistent with a prefix cache"}},
	{name: "equal work, unequal time, cold", result: with("Single User Latency", 1, ttft(421.16, 47.44, 1118.5)), detail: d(complete),
		want: []string{"not because of a cache, since no prompt token was reused"}},
	{name: "equal work, unequal time, warm", result: with("Single User Latency", 1, ttft(421.16, 47.44, 1118.5)),
		detail: d(func(d *bench.Detail) { d.ReusedTokens = 5120 }),
		want:   []string{"the cache served some prompts in part", "Of all prompt tokens, 50% came from the KV of earlier prompts"}},
	{name: "one at a time but of varying length", result: with("Other", 1, ttft(421.16, 47.44, 1118.5)), detail: d(func(d *bench.Detail) { d.RangeRatio = 0.5 }),
		want: []string{"A slow minority"}, without: []string{"equal work"}},
	{name: "one slot but arrivals queue", result: with("Other", 1, ttft(421.16, 47.44, 1118.5)), detail: d(func(d *bench.Detail) { d.RequestRate = ptr(2.0) }),
		want: []string{"A slow minority"}, without: []string{"equal work"}},
	{name: "a missing figure makes its rule silent", result: with("Other", 4, func(r *bench.Result) { r.TTFTP99Ms = nil }),
		without: []string{"TTFT p99", "TTFT is missing"}},
	{name: "much missing", result: with("Other", 4, func(r *bench.Result) {
		r.TTFTMeanMs, r.TPOTMeanMs, r.ITLMedianMs, r.OutputThroughput = nil, nil, nil, nil
	}), want: []string{"TTFT is missing in whole or in part", "TPOT is missing", "ITL is missing", "Output throughput is missing"}},

	// TPOT: 1.05 and 1.5.
	{name: "one pace", result: with("Other", 4, tpot(20, 20, 21)),
		want: []string{"Once a stream runs it keeps its pace: TPOT p99 is 1.05× the mean."}},
	{name: "some spread", result: with("Other", 4, tpot(20, 20, 25)),
		want: []string{"The slowest streams take 1.25× the mean TPOT per token, which still is 40.0 tok/s."}},
	{name: "unequal streams", result: with("Other", 4, tpot(20, 20, 30)),
		want: []string{"at TPOT p99 a request decodes 33.3 tok/s where mean TPOT means 50.0 tok/s"}},

	// ITL: 1.10 and 3; 1.5 against TPOT.
	{name: "even stream", result: with("Other", 4, itl(20, 20, 22)),
		want: []string{"Tokens arrive evenly: up to p99 no gap is longer than 1.10× the median."}},
	{name: "stretching", result: with("Other", 4, itl(20, 20, 59)),
		want: []string{"ITL p99 is 2.95× the median: gaps stretch"}},
	{name: "pauses in a batch", result: with("Other", 4, itl(20, 20, 60)),
		want: []string{"one gap in a hundred lasts 60.00 ms or more, 3.00× the median gap", "consistent with decode steps that also carry other requests' prompts"}},
	{name: "pauses of one request", result: with("Other", 1, itl(20, 20, 60)),
		want: []string{"With one request at a time, other prompts are not the reason."}, without: []string{"carry other requests' prompts"}},
	{name: "pauses that cost", result: with("Other", 4, itl(20, 15, 60)),
		want: []string{"had all been as short as the median, decoding would have taken 75% of its time"}},
	{name: "bundles", result: with("Other", 4, itl(30, 30, 300)),
		want: []string{"Mean ITL is 1.50× mean TPOT"}, without: []string{"uneven"}},

	// Output.
	{name: "lone user", result: with("Single User Latency", 1, func(r *bench.Result) {
		// 256 tokens in 300 ms + 255 × 20 ms.
		r.OutputThroughput = ptr(256 / 5.4)
	}), want: []string{"Over whole requests a lone user gets 47.41 tok/s, 95% of the decode rate TG; the wait for first tokens accounts for the rest."}},
	{name: "lone user, time lost elsewhere", result: with("Single User Latency", 1, func(r *bench.Result) { r.OutputThroughput = ptr(25.0) }),
		want: []string{"50% of the decode rate TG."}, without: []string{"accounts for the rest"}},
	{name: "even output", result: with("Other", 4, func(r *bench.Result) { r.PeakOutputThroughput = ptr(1.15 * *r.OutputThroughput) }),
		want: []string{"Output is even over time, with the fullest second at 1.15× the mean."}},
	{name: "uneven output", result: with("Other", 4, func(r *bench.Result) { r.PeakOutputThroughput = ptr(1.5 * *r.OutputThroughput) }),
		want: []string{"Output is uneven over time: the fullest second delivered 1.50× the average."}},
	{name: "uneven because prompts interrupt", result: with("Other", 4, func(r *bench.Result) { r.PeakOutputThroughput = ptr(200.0) }),
		want: []string{"its 200.00 tok/s are about what 4 streams at the median ITL make (200.0 tok/s). Over the whole run 50% of that was kept."}},
	{name: "peak of deliveries", result: with("Other", 4, func(r *bench.Result) { r.PeakOutputThroughput = ptr(30.0) }),
		want: []string{"how it was spread over time is not known"}, without: []string{"30.00"}},
	{name: "short run", result: with("Other", 4, func(r *bench.Result) { r.DurationS = ptr(2.5) }),
		want: []string{"a run of 2.50 s is too short"}},
	{name: "peak below the mean in a run of few seconds", result: with("Other", 4, func(r *bench.Result) { r.DurationS, r.PeakOutputThroughput = ptr(5.0), ptr(70.0) }),
		want: []string{"how it was spread over time is not known"}, without: []string{"even over time"}},
	{name: "even peak of deliveries", result: with("Other", 4, func(r *bench.Result) { itl(30, 30, 300)(r); r.PeakOutputThroughput = ptr(105.0) }),
		want: []string{"how it was spread over time is not known"}, without: []string{"even over time"}},
	{name: "long gaps of single tokens", result: with("Other", 4, itl(30, 30, 300)), detail: d(complete),
		want: []string{"one gap in a hundred lasts 300.00 ms or more"}, without: []string{"gaps were counted between deliveries"}},

	// The rest.
	{name: "prefill wins", result: with("Other", 4, func(r *bench.Result) { ttft(6000, 6000, 6100)(r) }),
		want: []string{"TTFT is 54% of a request's mean duration of 11.10 s, so a shorter wait would help users more"}},
	{name: "decode wins", result: with("Other", 4, ttft(100, 100, 110)),
		want: []string{"Decoding is 98% of a request's mean duration of 5.20 s: even an instant first token would shorten it by no more than 2%."}},
	{name: "one wave", result: with("Other", 8, func(r *bench.Result) { r.NumPrompts = 8 }),
		want: []string{"All 8 prompts start together at concurrency 8 and none follows"}},
	{name: "two waves", result: with("Other", 8, func(r *bench.Result) { r.NumPrompts = 9 }),
		without: []string{"none follows"}},
	{name: "queue", result: base("Other", 4), detail: d(func(d *bench.Detail) {
		d.TTFT, d.Prefill = &bench.Dist{Count: 40, Mean: 0.3}, &bench.Dist{Count: 40, Mean: 0.15}
	}), want: []string{"Most of mean TTFT (50%) passed before the engine took the prompt up"}},
	{name: "no queue", result: base("Other", 4), detail: d(func(d *bench.Detail) {
		d.TTFT, d.Prefill = &bench.Dist{Count: 40, Mean: 0.3}, &bench.Dist{Count: 40, Mean: 0.27}
	}), want: []string{"Prompts are taken up at once (10% of mean TTFT is waiting)"}},
	{name: "distributions of different requests", result: base("Other", 4), detail: d(func(d *bench.Detail) {
		d.TTFT, d.Prefill = &bench.Dist{Count: 40, Mean: 0.3}, &bench.Dist{Count: 39, Mean: 0.15}
	}), without: []string{"took the prompt up", "taken up at once"}},
	{name: "lengths explain", result: with("Mixed Traffic", 8, ttft(100, 100, 220)),
		want: []string{"Lengths vary: prompts reach 1.50× the nominal length and TTFT p99 2.20× the median"}},
	{name: "lengths do not explain", result: with("Mixed Traffic", 8, ttft(100, 100, 230)),
		want: []string{"no prompt is longer than 1.50× the nominal one while TTFT p99 is 2.30× the median"}},
	{name: "failed requests", result: with("Other", 4, func(r *bench.Result) { r.SuccessfulRequests, r.FailedRequests = 38, 2 }),
		want: []string{"2 of 40 requests failed; every figure is of the others."}},
	{name: "few requests", result: with("Other", 4, func(r *bench.Result) { r.SuccessfulRequests = 10 }),
		want: []string{"With 10 requests, p99 of TTFT and TPOT is all but the slowest request."}},
	{name: "idle slots", result: with("Other", 4, func(r *bench.Result) {
		r.DurationS = ptr(80.0) // 40 requests of 5.4 s: 2.7 in flight
	}), want: []string{"On average 2.7 requests of 4 were in flight"}},
}

func TestRules(t *testing.T) {
	for _, tt := range ruleCases {
		t.Run(tt.name, func(t *testing.T) {
			var details []bench.Detail
			if tt.detail != nil {
				details = []bench.Detail{*tt.detail}
			}
			text := strings.Join(prosaic([]bench.Result{tt.result}, details).scenarios[0], "\n")
			for _, want := range tt.want {
				if !strings.Contains(text, want) {
					t.Errorf("lacks %q:\n%s", want, text)
				}
			}
			for _, without := range tt.without {
				if strings.Contains(text, without) {
					t.Errorf("has %q:\n%s", without, text)
				}
			}
		})
	}
}

// curve makes scaling points of (concurrency, output, TTFT p99, TPOT p99).
func curve(points ...[4]float64) []bench.Result {
	var out []bench.Result
	for _, p := range points {
		r := base(fmt.Sprintf("Concurrency Scaling (c=%d)", int(p[0])), int(p[0]))
		r.OutputThroughput, r.TTFTP99Ms, r.TPOTP99Ms = ptr(p[1]), ptr(p[2]), ptr(p[3])
		r.TPOTMeanMs, r.TPOTMedianMs = ptr(p[3]/1.01), ptr(p[3]/1.01)
		out = append(out, r)
	}
	return out
}

// What the rules make of a scaling curve: steps, roles, advice.
func TestScalingRules(t *testing.T) {
	p := prosaic(curve(
		[4]float64{2, 100, 500, 18}, // first tokens too late
		[4]float64{4, 180, 140, 21}, // sweet spot
		[4]float64{8, 290, 180, 26}, // within, but slower for a user
		[4]float64{16, 400, 250, 40},
		[4]float64{32, 400, 450, 60},
		[4]float64{64, 390, 900, 120},
	), nil)
	for i, want := range []string{
		"TTFT p99 rules it out as an interactive setting: it is 3.57× the lowest of the curve",
		"This is the interactive sweet spot: TTFT p99 and TPOT p99 are within twice the lowest of the curve (1.00× and 1.17×), and no other such point gives a user more than 45.00 tok/s.",
		"Its tails would do for interactive use, but a user gets 36.25 tok/s where the sweet spot c=4 gives 45.00 tok/s.",
		"TPOT p99 rules it out as an interactive setting: it is 2.22× the lowest of the curve, where twice is the limit. Its output is the highest of the curve.",
		"Not for interactive use: TTFT p99 is 3.21× and TPOT p99 3.33× the lowest of the curve",
		"Both tails have left the interactive range",
	} {
		if text := strings.Join(p.scenarios[i], "\n"); !strings.Contains(text, want) {
			t.Errorf("point %d lacks %q:\n%s", i, want, text)
		}
	}
	for i, want := range map[int]string{
		1: "2× the requests of c=2 give 1.80× the output, 90% of proportional growth",
		3: "Against c=8, 2× the requests give 1.38× the output (69% of proportional growth)",
		4: "The curve is flat here: 2× the requests of c=16 give 1.00× the output.",
		5: "Going from c=32 to c=64 loses output (0.97×) and each token takes longer (mean TPOT 2.00×): c=32 is better on both counts.",
	} {
		if text := strings.Join(p.scenarios[i], "\n"); !strings.Contains(text, want) {
			t.Errorf("point %d lacks %q:\n%s", i, want, text)
		}
	}
	want := []string{
		"Use c=4 (interactive-optimal by TTFT/TPOT p99; per-user 45.0 tok/s) for interactive UX.",
		"Cap interactive traffic at 4 requests in flight and queue the rest: at c=8 a user gets 36.25 tok/s instead of 45.00 tok/s, with TTFT p99 at 1.29× and TPOT p99 at 1.24× the sweet spot's.",
		"Give batch and offline work a pool of its own at c=16: 2.22× the sweet spot's output, at 1.79× its TTFT p99 and 1.90× its TPOT p99.",
		"Do not go beyond c=16 for throughput: c=64 has 0.97× its output.",
		"Alert on TTFT p99 above 280.00 ms or TPOT p99 above 36.00 ms for prompts like those of the scaling test: these are twice the lowest of the curve, the limits behind the sweet spot.",
	}
	if d := cmp.Diff(want, p.recommendations[:len(want)]); d != "" {
		t.Errorf("recommendations (-want +got):\n%s", d)
	}
}

// Advice that the curve above does not call for.
func TestAdvice(t *testing.T) {
	long := with("Long Context (16K)", 4, ttft(6000, 6000, 7000))
	long.InputLen = 16384
	slow := with("Short Context Throughput", 4, ttft(6000, 6000, 7000)) // of 1024 tokens too
	uneven := with("Mixed Traffic", 8, itl(20, 20, 200))
	rising := curve([4]float64{2, 100, 140, 18}, [4]float64{4, 150, 400, 21})
	tests := []struct {
		name    string
		results []bench.Result
		want    string
		without string
	}{
		{"sweet spot and peak are one", curve([4]float64{2, 100, 140, 18}, [4]float64{4, 90, 400, 21}),
			"Batch work gains nothing from another setting, since c=2 also has the highest output of the curve (100.00 tok/s).", "pool of its own"},
		{"still rising", rising,
			"Measure beyond c=4 if throughput matters: the curve has not turned, its last step still gave 1.50× the output for 2× the requests.", "end of the curve"},
		{"hardly rising", curve([4]float64{2, 100, 140, 18}, [4]float64{4, 109, 400, 21}),
			"Take c=4 as the end of the curve: it has 1.09× the output of c=2 for 2× the requests.", "Measure beyond"},
		{"long prompts", append(rising, long),
			"Route prompts of about 16384 tokens apart from short ones: at the same concurrency (c=4) their mean TTFT is 20.0× that of prompts of 1024 tokens.", "none"},
		{"slow but not long prompts", append([]bench.Result{slow}, rising...), "Use c=2", "Route prompts"},
		{"pauses", append(rising, uneven),
			"Watch ITL p99 beside TPOT where streams have to flow: in Mixed Traffic it is 10.0× the median gap, which TPOT does not show.", "none"},
		{"no curve", []bench.Result{uneven}, "Watch ITL p99", "No concurrency can be recommended"},
		{"a curve of points without p99", curve([4]float64{2, 0, 0, 0}, [4]float64{4, 0, 0, 0}), "No concurrency can be recommended for interactive UX", "Alert on"},
		{"small sample", []bench.Result{uneven}, "its smallest sample is 80 requests and a p99 needs 100", "none"},
	}
	for _, tt := range tests {
		text := strings.Join(prosaic(tt.results, nil).recommendations, "\n")
		if !strings.Contains(text, tt.want) || strings.Contains(text, tt.without) {
			t.Errorf("%s: want %q and not %q in:\n%s", tt.name, tt.want, tt.without, text)
		}
	}
}

// More requests in flight than there are slots can't be: the file's numbers
// are rounded or wrong, and nothing is made of them.
func TestInFlightIsBounded(t *testing.T) {
	for duration, want := range map[float64]bool{54: true, 53: false} { // 40 requests of 5.4 s in 4 slots
		r := with("Other", 4, func(r *bench.Result) { r.DurationS = &duration })
		if c := newScene(&scenario{Result: r}); c.inFlight.known() != want {
			t.Errorf("%v s: in flight %q, known %v, want %v", duration, c.inFlight.Text, c.inFlight.known(), want)
		}
	}
}

// A failed point is no one's comparison.
func TestFailedPointIsLeftOut(t *testing.T) {
	points := curve([4]float64{2, 100, 140, 18}, [4]float64{4, 180, 140, 21}, [4]float64{8, 290, 180, 26})
	points[1].Error = ptr("out of memory.")
	p := prosaic(points, nil)
	if d := cmp.Diff([]string{"Nothing was measured: out of memory. Comparisons elsewhere leave this scenario out."}, p.scenarios[1]); d != "" {
		t.Errorf("failed point (-want +got):\n%s", d)
	}
	if text := strings.Join(p.scenarios[2], "\n"); !strings.Contains(text, "Against c=2, 4× the requests") {
		t.Errorf("c=8 is not compared with c=2:\n%s", text)
	}
	if first := p.recommendations[0]; !strings.HasPrefix(first, "Use c=2 (") {
		t.Errorf("first recommendation %q", first)
	}
	if !slices.ContainsFunc(p.recommendations, func(s string) bool { return strings.Contains(s, "without full figures are: Concurrency Scaling (c=4)") }) {
		t.Errorf("no advice to run c=4 again: %q", p.recommendations)
	}
}

// Prompts that come back faster than alone are suspected, but not where the
// tokens reused were counted.
func TestCacheSuspicion(t *testing.T) {
	single, shared := base("Single User Latency", 1), base("Concurrency Scaling (c=4)", 4)
	shared.TTFTMeanMs = ptr(200.0) // 5120 tok/s against 3413.3
	results := []bench.Result{single, shared}
	const suspicion = "1.50× the rate of one request alone (Single User Latency, 3413.3 tok/s)"
	if text := strings.Join(prosaic(results, nil).scenarios[1], "\n"); !strings.Contains(text, suspicion) {
		t.Errorf("no suspicion:\n%s", text)
	}
	details := []bench.Detail{{Status: bench.StatusComplete}, {Status: bench.StatusComplete}}
	if text := strings.Join(prosaic(results, details).scenarios[1], "\n"); strings.Contains(text, "cached prompts") {
		t.Errorf("suspicion although nothing was reused:\n%s", text)
	}
	results[1].InputLen = 128 // 8 times shorter: rates can't be compared
	results[1].TTFTMeanMs = ptr(20.0)
	if text := strings.Join(prosaic(results, nil).scenarios[1], "\n"); strings.Contains(text, "cached prompts") {
		t.Errorf("suspicion across lengths:\n%s", text)
	}
}

// The summary of the December 2025 run, whose numbers are known.
func TestSummary(t *testing.T) {
	r := mustLoad(t, "december2025.json")
	got := strings.Join(byRules(r).summary, " ")
	want := "This report measures cyankiwi/Devstral-Small-2-24B-Instruct-2512-AWQ-4bit on 4× AMD Instinct MI100 (gfx908): all 10 scenarios have results. " +
		"The interactive sweet spot is c=4, where each user gets 44.7 tok/s with a TTFT p99 of 139.96 ms and a TPOT p99 of 21.38 ms. " +
		"Throughput peaks at 595.37 tok/s with c=32: 3.33× the sweet spot's output at 3.19× its TTFT p99 and 2.33× its TPOT p99. " +
		"The lowest mean TPOT, 16.67 ms, belongs to Decode Stress Test."
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("summary (-want +got):\n%s", d)
	}
}

// Scenarios with the same findings do not read as copies of each other.
func TestVoiceVaries(t *testing.T) {
	digits := regexp.MustCompile(`[0-9]+(\.[0-9]+)?`)
	for _, file := range []string{"reference/benchmark_Devstral-Small-2-24B-Instruct-INT4-INT8-Mixed-GPTQ.json", "reference/benchmark_Qwen3.6-27B-GPTQ-8bit.json"} {
		r := mustLoad(t, file)
		var before []map[string]bool // sentences without their numbers, per scenario
		copies, all := 0, 0
		for i, bullets := range byRules(r).scenarios {
			mine := map[string]bool{}
			for _, b := range bullets {
				mine[digits.ReplaceAllString(b, "#")] = true
			}
			anywhere := map[string]bool{}
			for j, other := range before {
				shared := 0
				for b := range mine {
					if other[b] {
						shared++
						anywhere[b] = true
					}
				}
				if shared*2 > len(mine) {
					t.Errorf("%s: %d of %d bullets of %s are those of %s", file, shared, len(mine), r.Results[i].Name, r.Results[j].Name)
				}
			}
			before = append(before, mine)
			copies += len(anywhere)
			all += len(mine)
		}
		if copies*4 > all {
			t.Errorf("%s: %d of %d bullets differ from an earlier one in numbers only", file, copies, all)
		}
	}
}
