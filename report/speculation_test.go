package report

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"ceiling/bench/result"
	"ceiling/kernels"
)

// draftRun is a run of one scenario without drafts, with them, and with acceptance that
// was drawn. Without, a step takes 10 ms; with, 12 ms and 2 ms of drafting, and gives
// 2 tokens: break-even is at 1.4 tokens, 0.4 of 3 drafts.
func draftRun() *result.Run {
	p := func(v float64) *float64 { return &v }
	plain := result.Summary{Name: "Code", InputLen: 64, OutputLen: 32, Concurrency: 1, NumPrompts: 8, SuccessfulRequests: 8, OutputThroughput: p(100), TPOTMeanMs: p(10)}
	with, drawn := plain, plain
	with.Name, with.OutputThroughput, with.TPOTMeanMs = "Code draft", p(140), p(7)
	drawn.Name = result.SyntheticMark + "Code"
	detail := func(name string) result.Detail {
		return result.Detail{Name: name, Category: "Latency", Purpose: "p", Status: result.StatusComplete, Cache: result.CacheCold}
	}
	r := &result.Run{Model: "m", Engine: &result.EngineInfo{Name: "llama.cpp"}, Results: []result.Summary{plain, with, drawn}}
	for i := range r.Results {
		r.Details = append(r.Details, detail(r.Results[i].Name))
	}
	r.Details[0].Mix = &kernels.Mix{Decode: kernels.MixPart{Steps: 100, Seconds: 1, Sum: kernels.Work{Decode: 100}, SeenSeconds: 1}}
	s := result.SpecSettings{Kind: "draft", DraftModel: "small.gguf", DraftMax: 3}
	r.Details[1].Settings = []result.Setting{{Name: "spec", Value: "draft"}}
	r.Details[1].Speculation = &result.Speculation{SpecSettings: s, Verifications: 50, Drafted: 150, Accepted: 50,
		DraftedAt: []int64{50, 50, 50}, AcceptedAt: []int64{30, 15, 5}, Steps: 50, VerifyS: 0.6, DraftS: 0.1,
		Decode: result.SpecDecode{Steps: 50, Sequences: 50, Drafted: 150, Tokens: 100, DraftS: 0.1, StepS: 0.6, SeenS: 0.7}}
	s.Synthetic, s.SynthRates = true, []float64{1, 1, 0}
	r.Details[2].Speculation = &result.Speculation{SpecSettings: s, Verifications: 10, Drafted: 30, Accepted: 20, DraftedAt: []int64{10, 10, 10}, AcceptedAt: []int64{10, 10, 0}}
	return r
}

func TestSpeculationSection(t *testing.T) {
	page := render(t, draftRun(), DocumentOptions{})
	for _, want := range []string{
		"| Code draft | draft, small.gguf, at most 3 | 50 | 150 | 50 | 33.3 % | 2.00 | 2.00 | 12.00 |",
		"| SYNTHETIC: Code | draft, small.gguf, at most 3, SYNTHETIC acceptance 1/1/0 | 10 | 30 | 20 | 66.7 % | 3.00 | — | — |",
		"| Code draft | 60.0 % | 30.0 % | 10.0 % |",
		"| Code draft | 10.00 | 14.00 | 2.00 | 1.40 | 33.3 % | 13.3 % |",
		"| Code draft | 1.429 (no interval) | 1.429 (no interval) | 1.400 (no interval) |",
		"| Speculation | none; draft, small.gguf, at most 3; draft, small.gguf, at most 3, SYNTHETIC acceptance 1/1/0 |",
		"in 1 of 3 scenarios it was drawn by lot which drafts are accepted",
		"33 % of the drafted tokens were accepted, and decode is 1.43× as fast as without drafts (Code)",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("no %q in the report", want)
		}
	}
	for _, line := range strings.Split(page, "\n") {
		if strings.Contains(line, "| Code |") && strings.Contains(line, "3.00 |") {
			t.Errorf("synthetic figures without the word: %q", line)
		}
	}
	if t.Failed() {
		t.Log(page)
	}
}

// Results of an earlier version have no times of decoding alone: the report says so, and
// speaks of no table that it lacks.
func TestSpeculationOfOldFile(t *testing.T) {
	r := draftRun()
	for i := range r.Details[1:] {
		r.Details[i+1].Speculation.Decode.SeenS = 0
	}
	page := render(t, r, DocumentOptions{})
	if !strings.Contains(page, "Decoding alone is not known here. TPOT") || !strings.Contains(page, "| Code draft | — | 1.429 (no interval) |") ||
		!strings.Contains(page, "the 95 % interval") || strings.Contains(page, "break-even") {
		t.Error(page)
	}
}

// near compares numbers to the last few bits.
var near = cmpopts.EquateApprox(1e-9, 0)

// A scenario is compared with the one that differs by its drafts alone.
func TestSpecGain(t *testing.T) {
	r := draftRun()
	want := &result.SpecGain{Output: &result.SpeedRatio{Value: 1.4}, TPOT: &result.SpeedRatio{Value: 10.0 / 7},
		Alone: &result.SpecAlone{PlainStepS: 0.01, StepS: 0.014, Length: 2, EvenLength: 1.4, EvenAcceptance: 0.4 / 3, Speed: result.SpeedRatio{Value: 2 / 1.4}}}
	if diff := cmp.Diff(want, r.SpecGain(1), near); diff != "" {
		t.Error("gain (-want +got):\n" + diff)
	}
	for name, change := range map[string]func(*result.Run){
		"concurrency":      func(r *result.Run) { r.Results[0].Concurrency = 2 },
		"output":           func(r *result.Run) { r.Results[0].OutputLen = 33 },
		"a setting":        func(r *result.Run) { r.Details[0].Settings = []result.Setting{{Name: "ubatch", Value: "64"}} },
		"requests":         func(r *result.Run) { r.Results[0].NumPrompts = 9 },
		"another's drafts": func(r *result.Run) { r.Details[0].Speculation = r.Details[1].Speculation },
		"a failure":        func(r *result.Run) { r.Details[0].Status = result.StatusFailed },
	} {
		r := draftRun()
		change(r)
		if g := r.SpecGain(1); g != nil {
			t.Errorf("%s: compared all the same: %+v", name, g)
		}
	}
	for name, change := range map[string]func(*result.Run){
		"no steps":        func(r *result.Run) { r.Details[0].Mix = nil },
		"nothing drafted": func(r *result.Run) { r.Details[1].Speculation.Decode.Drafted = 0 },
		"an older file":   func(r *result.Run) { r.Details[1].Speculation.Decode.SeenS = 0 },
	} {
		r := draftRun()
		change(r)
		if g := r.SpecGain(1); g.Alone != nil || g.TPOT == nil {
			t.Errorf("%s: %+v", name, g)
		}
	}
}

// Steps count as the sequences saw them: that of four sequences four times.
func TestDecodingAlone(t *testing.T) {
	r := draftRun()
	// A step of four sequences of 40 ms, and one of a single sequence of 10 ms.
	r.Details[0].Mix.Decode = kernels.MixPart{Steps: 2, Seconds: 0.05, Sum: kernels.Work{Decode: 5}, SeenSeconds: 0.17}
	if a := r.SpecGain(1).Alone; cmp.Diff([]float64{0.034, 0.014 / 0.034, 2 * 0.034 / 0.014}, []float64{a.PlainStepS, a.EvenLength, a.Speed.Value}, near) != "" || evenText(a.EvenAcceptance) != "any pays" {
		t.Errorf("%+v", a)
	}
}

// Ratios are of the passes that both have whole, in pairs, whatever the results show;
// what the passes do not tell is not said.
func TestSpecGainOverPasses(t *testing.T) {
	r := draftRun()
	passes := func(i int, speeds ...float64) {
		for k, v := range speeds {
			s, ms := r.Results[i], 1000/v
			s.OutputThroughput, s.TPOTMeanMs = &v, &ms
			r.Details[i].Passes = append(r.Details[i].Passes, result.Pass{Pass: k, Result: s, Detail: r.Details[i]})
		}
		r.Details[i].Repeat = len(speeds)
	}
	passes(0, 100, 50, 200, 100)
	passes(1, 80, 41, 156, 1000)
	r.Details[1].Passes[3].Result.FailedRequests = 1
	g := r.SpecGain(1)
	// By hand: logs of 0.8, 0.82, 0.78 are −0.22314, −0.19845, −0.24846; mean −0.22335,
	// deviation 0.025006, × 4.30265 / √3 = 0.062118.
	lo, hi := 0.75167, 0.85112
	want := &result.SpeedRatio{Value: 0.79983, Lo: &lo, Hi: &hi}
	if diff := cmp.Diff(want, g.TPOT, cmpopts.EquateApprox(1e-4, 0)); diff != "" {
		t.Error("TPOT (-want +got):\n" + diff)
	}
	if a := g.Alone.Speed; a.Lo == nil || !a.Faster() || a.Slower() {
		t.Errorf("decoding alone %+v", a)
	}
	lines := func() string {
		var out []string
		for _, c := range analyse(r, scenarios(r))[1].claims() {
			out = append(out, c.Phrases[0])
		}
		return strings.Join(out, "\n")
	}
	for _, want := range []string{"which does not pay: decode is 0.8× (0.752× to 0.851×) as fast", "nothing but decoding happens, drafts make decode 1.43× (1.43× to 1.43×) as fast", "drafts cost output: it is 0.8× (0.752× to 0.851×) as high as without"} {
		if !strings.Contains(lines(), want) {
			t.Errorf("no %q in\n%s", want, lines())
		}
	}
	// Passes that lie further apart than the gain.
	r.Details[1].Passes[0].Result.TPOTMeanMs = r.Results[1].TPOTMeanMs
	if !strings.Contains(lines(), "no clear difference") {
		t.Errorf("an interval that contains 1:\n%s", lines())
	}
}
