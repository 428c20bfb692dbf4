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
	r.Details[0].Mix = &kernels.Mix{Decode: kernels.MixPart{Steps: 100, Seconds: 1}}
	s := result.SpecSettings{Kind: "draft", DraftModel: "small.gguf", DraftMax: 3}
	r.Details[1].Settings = []result.Setting{{Name: "spec", Value: "draft"}}
	r.Details[1].Speculation = &result.Speculation{SpecSettings: s, Verifications: 50, Drafted: 150, Accepted: 50,
		DraftedAt: []int64{50, 50, 50}, AcceptedAt: []int64{30, 15, 5}, Steps: 50, VerifyS: 0.6, DraftS: 0.1,
		Decode: result.SpecDecode{Steps: 50, Sequences: 50, Drafted: 150, Tokens: 100, DraftS: 0.1, StepS: 0.6}}
	s.Synthetic, s.SynthRates = true, []float64{1, 1, 0}
	r.Details[2].Speculation = &result.Speculation{SpecSettings: s, Verifications: 10, Drafted: 30, Accepted: 20, DraftedAt: []int64{10, 10, 10}, AcceptedAt: []int64{10, 10, 0}}
	return r
}

func TestSpeculationSection(t *testing.T) {
	d, err := Document(draftRun(), DocumentOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := d.Markdown(&out); err != nil {
		t.Fatal(err)
	}
	page := out.String()
	for _, want := range []string{
		"| Code draft | draft, small.gguf, at most 3 | 50 | 150 | 50 | 33.3 % | 2.00 | 2.00 | 12.00 |",
		"| SYNTHETIC: Code | draft, small.gguf, at most 3, SYNTHETIC acceptance 1/1/0 | 10 | 30 | 20 | 66.7 % | 3.00 | — | — |",
		"| Code draft | 60.0 % | 30.0 % | 10.0 % |",
		"| Code draft | 10.00 | 14.00 | 2.00 | 1.40 | 33.3 % | 13.3 % | 1.40× | 1.43× |",
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

// near compares numbers to the last few bits.
var near = cmpopts.EquateApprox(1e-9, 0)

// A scenario is compared with the one that differs by its drafts alone.
func TestSpecGain(t *testing.T) {
	r := draftRun()
	if g := r.SpecGain(1); g == nil || g.Plain != 0 || cmp.Diff([]float64{0.01, 0.014, 2, 1.4}, []float64{g.PlainStepS, g.StepS, g.Length, g.EvenLength}, near) != "" || cmp.Diff(0.4/3, g.EvenAcceptance, near) != "" {
		t.Errorf("gain %+v", g)
	}
	for name, change := range map[string]func(*result.Run){
		"concurrency":      func(r *result.Run) { r.Results[0].Concurrency = 2 },
		"output":           func(r *result.Run) { r.Results[0].OutputLen = 33 },
		"a setting":        func(r *result.Run) { r.Details[0].Settings = []result.Setting{{Name: "ubatch", Value: "64"}} },
		"requests":         func(r *result.Run) { r.Results[0].NumPrompts = 9 },
		"another's drafts": func(r *result.Run) { r.Details[0].Speculation = r.Details[1].Speculation },
		"a failure":        func(r *result.Run) { r.Details[0].Status = result.StatusFailed },
		"no steps":         func(r *result.Run) { r.Details[0].Mix = nil },
		"nothing drafted":  func(r *result.Run) { r.Details[1].Speculation.Decode.Drafted = 0 },
	} {
		r := draftRun()
		change(r)
		if g := r.SpecGain(1); g != nil {
			t.Errorf("%s: compared all the same: %+v", name, g)
		}
	}
}
