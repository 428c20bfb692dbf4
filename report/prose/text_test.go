package prose

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// composed is a section with one prescribed sentence and four of the rules,
// each about figures of its own.
func composed() *Section {
	ttft, tpot, out := Figure{Metric: TTFT, Stat: P99}, Figure{Metric: TPOT, Stat: Mean}, Figure{Metric: Output}
	median := Figure{Metric: TTFT, Stat: Median}
	facts := []Fact{
		{Value: 140, Unit: "ms", Text: "140.00 ms", Of: ttft},
		{Value: 20, Unit: "ms", Text: "20.00 ms", Of: tpot},
		{Value: 44.7, Unit: "tok/s", Text: "44.70 tok/s", Of: out},
		{Value: 120, Unit: "ms", Text: "120.00 ms", Of: median},
		{Value: 4, Text: "4", Of: Figure{Metric: Concurrency}},
	}
	values := map[Figure]float64{}
	for _, f := range facts {
		values[f.Of] = f.Value
	}
	return &Section{
		ID: "summary", Kind: Summary, Title: "Executive Summary", Min: 4, Max: 5, Facts: facts,
		Evidence: Evidence{Points: []Point{{Scenario: "Other", Concurrency: 4, Own: true, Values: values}}, Closed: true},
		Fixed:    []string{"Here TPOT mean is 20.00 ms."},
		Rules: []string{"TTFT p99 is 140.00 ms.", "The mean TPOT is 20.00 ms.",
			"Output throughput is 44.70 tok/s.", "The median TTFT is 120.00 ms."},
	}
}

func byModel(texts ...string) []Sentence {
	out := make([]Sentence, len(texts))
	for i, text := range texts {
		out[i] = Sentence{text, ByModel}
		if text == "" {
			out[i].Author = ByRules
		}
	}
	return out
}

func TestCompose(t *testing.T) {
	const (
		first, second = "TTFT at p99 is 140.00 ms here.", "The output throughput is 44.70 tok/s."
		third, fourth = "Output throughput comes to 44.70 tok/s.", "TTFT median is 120.00 ms."
		both          = "TTFT p99 is 140.00 ms and TTFT median is 120.00 ms."
		foreign       = "TTFT p99 is 150.00 ms."
	)
	tests := []struct {
		name   string
		stored []Sentence
		want   string // F prescribed, 0 to 3 a rule's, a to d the model's
	}{
		{"nothing stored", nil, "F0123"},
		{"nothing stands", byModel(foreign, "", foreign), "F0123"},
		{"in the places of two rules", byModel(first, "", second, ""), "Fa1b3"},
		{"a foreign number in its place", byModel(first, foreign, "", ""), "Fa123"},
		{"the model says it twice", byModel(first, first, "", ""), "Fa123"},
		{"the model repeats what is prescribed", byModel("Here TPOT mean is 20.00 ms.", first, "", ""), "F0a23"},
		{"by the rules, whatever the text", []Sentence{{first, ByModel}, {foreign, ByRules}, {second, ByRules}, {"", ByModel}}, "Fa123"},
		{"fewer slots: filled up to Min", byModel(first), "Fa23"},
		{"fewer slots: what says something new first", byModel(first, ""), "Fa23"},
		{"fewer slots: what comes later is not said before", byModel("", first), "F2a3"},
		{"nothing new to fill up with", byModel(both, second), "Feb0"},
		{"more sentences than fit", byModel(first, second, third, "", fourth, "TTFT median comes to 120.00 ms."), "Fabcd"},
		{"more slots than there is to say", byModel(first, second, "", "", "", ""), "Fab3"},
		{"white space and characters that do not show", byModel(" TTFT at\np99\u200b is 140.00\u00a0ms  here. ", "", "", ""), "Fa123"},
	}
	for _, tt := range tests {
		s := composed()
		text := &Text{Model: "m", Sections: map[string][]Sentence{s.ID: tt.stored, "interpretation 2": byModel("Not of this section.")}}
		names := map[string]string{s.Fixed[0]: "F", first: "a", second: "b", third: "c", fourth: "d", both: "e"}
		for i, rule := range s.Rules {
			names[rule] = string(rune('0' + i))
		}
		var got strings.Builder
		for _, sentence := range text.Compose(s) {
			name := names[sentence.Text]
			if name == "" {
				t.Errorf("%s: unexpected %q", tt.name, sentence.Text)
			}
			if want := map[bool]Author{true: ByModel, false: ByRules}[name >= "a"]; sentence.Author != want {
				t.Errorf("%s: %q is said to be by the %s", tt.name, sentence.Text, sentence.Author)
			}
			got.WriteString(name)
		}
		if got.String() != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got.String(), tt.want)
		}
	}
	var none *Text
	if d := cmp.Diff(5, len(none.Compose(composed()))); d != "" {
		t.Errorf("no text (-want +got sentences):\n%s", d)
	}
}
