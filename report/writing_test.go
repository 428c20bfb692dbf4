package report

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ceiling/bench/result"
	"ceiling/report/prose"
)

// choose makes a file in which a model chose claims at random, n a section.
func choose(r *result.Run, rng *rand.Rand, n int) *prose.ChoicesFile {
	f := &prose.ChoicesFile{Model: r.Model}
	for _, s := range Sections(r) {
		var choices []prose.Choice
		for _, i := range rng.Perm(len(s.Claims))[:min(n, len(s.Claims))] {
			c := s.Claims[i]
			choices = append(choices, prose.Choice{Key: c.Key, Wording: rng.IntN(len(c.Phrases)), Joint: []prose.Joint{"", prose.And, prose.But}[rng.IntN(3)]})
		}
		f.Sections = append(f.Sections, prose.SectionChoices{ID: s.ID, Choices: choices})
	}
	return f
}

// Header and footer say who chose.
func TestAuthors(t *testing.T) {
	r := mustLoad(t, "december2025.json")
	rules := render(t, r, DocumentOptions{})
	footer := func(by string) string { return "*Report generated December 14, 2025 at 23:11 by ceiling (" + by + ")*" }
	byRules := []string{"Note: The prose of this report was written by fixed rules from the measured numbers; no model wrote any of it.", footer("rule-based prose")}
	one := &prose.ChoicesFile{Model: r.Model, Sections: []prose.SectionChoices{{ID: "summary", Choices: []prose.Choice{{Key: "fastest"}}}}}
	foreign := *one
	foreign.Model = "another"
	tests := []struct {
		name string
		opt  DocumentOptions
		want []string // lines that are there
	}{
		{"no choices", DocumentOptions{}, byRules},
		{"rules although there are choices", DocumentOptions{Prose: ProseRules, Choices: one}, byRules},
		{"choices of nothing", DocumentOptions{Choices: &prose.ChoicesFile{Model: r.Model}}, byRules},
		{"choices of another model", DocumentOptions{Choices: &foreign}, byRules},
		{"model without choices", DocumentOptions{Prose: ProseModel}, byRules},
		{"one choice", DocumentOptions{Choices: one}, []string{
			"Note: Of the 66 sentences of this report's prose (a bullet counts as one), 1 chosen and worded by the model being benchmarked, from statements that hold for the measured numbers; the others by fixed rules.",
			footer("prose chosen and worded by the model being benchmarked, from statements that hold"),
		}},
		{"none wanted", DocumentOptions{Prose: ProseOff, Choices: one}, []string{"Note: This report holds measured numbers only, no prose.", footer("no prose")}},
	}
	for _, tt := range tests {
		md := render(t, r, tt.opt)
		for _, line := range tt.want {
			if !strings.Contains(md, "\n"+line+"\n") {
				t.Errorf("%s: no line %q in\n%s", tt.name, line, md[:900])
			}
		}
		if tt.want[0] == byRules[0] && md != rules {
			t.Errorf("%s: not the rules' report (-rules +got):\n%s", tt.name, cmp.Diff(rules, md))
		}
	}
}

// Whatever is in prose.json, a report says nothing but its claims: each
// part of each line is one of their wordings, and the tables stay.
func TestChoicesAddNothing(t *testing.T) {
	r, other := mustLoad(t, "december2025.json"), mustLoad(t, "reference/benchmark_Qwen3.8-27B-GPTQ-4bit_mtp3.json")
	rules := extract(t, render(t, r, DocumentOptions{}))
	allowed := map[string]bool{}
	for _, s := range Sections(r) {
		for _, c := range s.Claims {
			for _, phrase := range c.Phrases {
				allowed[strings.ToLower(phrase)] = true
			}
		}
	}
	for seed := range uint64(60) {
		rng := rand.New(rand.NewPCG(seed, 5))
		f := choose(r, rng, 9)
		if seed%3 == 0 { // of another run
			f = choose(other, rng, 9)
			f.Model = r.Model
		}
		f.Sections[1].Choices = append(f.Sections[1].Choices, prose.Choice{Key: "output.uneven", Wording: 99}, prose.Choice{Key: "output", Wording: -1}, prose.Choice{Joint: "because"})
		f.Sections = append(f.Sections, prose.SectionChoices{ID: "poem", Choices: []prose.Choice{{Key: "fastest"}}})
		w := newWriting(r, scenarios(r), f)
		for _, line := range slices.Concat(append(slices.Clone(w.scenarios), w.recommendations, w.summary)...) {
			if rest := cut(strings.ToLower(strings.TrimSuffix(line, ".")), allowed); rest != "" {
				t.Errorf("seed %d: %q is in no claim: %q", seed, rest, line)
			}
		}
		if d := cmp.Diff(rules, extract(t, render(t, r, DocumentOptions{Choices: f}))); d != "" {
			t.Fatalf("seed %d: the reference's blocks changed:\n%s", seed, d)
		}
		if first := w.recommendations[0]; first != "Use c=4 (interactive-optimal by TTFT/TPOT p99; per-user 44.7 tok/s) for interactive UX." {
			t.Errorf("seed %d: first recommendation %q", seed, first)
		}
	}
}

// cut is what of a line is not a wording, or two of them and a joint.
func cut(line string, allowed map[string]bool) string {
	if allowed[line] {
		return ""
	}
	for _, joint := range []string{"; ", ", but "} {
		for at := 0; ; {
			i := strings.Index(line[at:], joint)
			if i < 0 {
				break
			}
			at += i + len(joint)
			if allowed[line[:at-len(joint)]] && allowed[line[at:]] {
				return ""
			}
		}
	}
	return line
}

// The counts are of what is printed, a failed scenario's bullet included.
func TestCountsAreOfTheDocument(t *testing.T) {
	r := smallRun()
	choices := &prose.ChoicesFile{Model: r.Model, Sections: []prose.SectionChoices{{ID: "interpretation 1", Choices: []prose.Choice{{Key: "split"}}}}}
	md := render(t, r, DocumentOptions{Choices: choices})
	w := newWriting(r, scenarios(r), choices)
	printed := len(w.summary)
	_, rest, _ := strings.Cut(md, "\n## Scenario Results\n")
	inProse := false
	for line := range strings.Lines(rest) {
		switch {
		case strings.HasPrefix(line, "**Interpretation:**") || line == "## Recommendations\n":
			inProse = true
		case strings.HasPrefix(line, "###") || line == "---\n":
			inProse = false
		case inProse && strings.HasPrefix(line, "- "):
			printed++
		}
	}
	if want := fmt.Sprintf("\nNote: Of the %d sentences of this report's prose (a bullet counts as one), 1 chosen and", printed); !strings.Contains(md, want) {
		t.Errorf("no %q", want)
	}
}
