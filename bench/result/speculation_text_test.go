package result

import "testing"

func TestSpecText(t *testing.T) {
	for want, s := range map[string]*SpecSettings{
		"none": nil, "ngram-simple": {Kind: "ngram-simple"},
		"draft, m.gguf, at most 3, at least 1, p ≥ 0.5": {Kind: "draft", DraftModel: "m.gguf", DraftMax: 3, DraftMin: 1, DraftPMin: 0.5},
		"mtp, at most 2, SYNTHETIC acceptance 0.9/0.5":  {Kind: "mtp", DraftMax: 2, Synthetic: true, SynthRates: []float64{0.9, 0.5}},
		"kind not told, at most 1":                      {DraftMax: 1},
		"kind not told, SYNTHETIC acceptance":           {Synthetic: true},
	} {
		if got := s.String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if (&SpecSettings{Kind: SpecNone}).String() != "none" || (&SpecSettings{Kind: SpecNone}).Speculates() {
		t.Error("none is something")
	}
}
