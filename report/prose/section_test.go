package prose

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// small is a section with a required claim, two tones, two wordings and a
// filler.
func small(kind SectionKind) *ProseSection {
	return &ProseSection{ID: "interpretation 1", Kind: kind, Title: "Mixed Traffic", Min: 2, Max: 3, Claims: []Claim{
		{Key: "failed", Rank: 0, Tone: Worse, Required: true, Phrases: []string{"2 of 16 requests failed"}},
		{Key: "ttft.tail", Rank: 3, Tone: Worse, Phrases: []string{"TTFT has a long tail", "the slowest first tokens are late"}},
		{Key: "tpot.even", Rank: 2, Tone: Better, Phrases: []string{"decode is even"}},
		{Key: "step", Rank: 1, Tone: Better, Phrases: []string{"c=8 delivers 8 % more"}},
		{Key: "output.mean", Rank: Filler, Phrases: []string{`output averages "7" \ tok/s × 日本`}},
	}}
}

func texts(lines []Line) []string {
	var out []string
	for _, l := range lines {
		mark := ""
		if l.ByModel {
			mark = "M "
		}
		out = append(out, mark+l.Text)
	}
	return out
}

func TestLines(t *testing.T) {
	const failed, output = "2 of 16 requests failed.", `Output averages "7" \ tok/s × 日本.`
	tests := map[string]struct {
		choices []Choice
		want    []string
	}{
		"by rank":                   {nil, []string{failed, "c=8 delivers 8 % more.", "Decode is even."}},
		"chosen":                    {[]Choice{{Key: "ttft.tail", Wording: 1}, {Key: "output.mean"}}, []string{failed, "M The slowest first tokens are late.", "M " + output}},
		"joined by but":             {[]Choice{{Key: "ttft.tail"}, {Key: "tpot.even", Joint: But}}, []string{failed, "M TTFT has a long tail, but decode is even."}},
		"joined by and":             {[]Choice{{Key: "step"}, {Key: "tpot.even", Joint: And}}, []string{failed, "M c=8 delivers 8 % more; decode is even."}},
		"a joint that does not fit": {[]Choice{{Key: "ttft.tail"}, {Key: "tpot.even", Joint: And}}, []string{failed, "M TTFT has a long tail.", "M Decode is even."}},
		"an unknown joint":          {[]Choice{{Key: "ttft.tail"}, {Key: "tpot.even", Joint: "because"}}, []string{failed, "M TTFT has a long tail.", "M Decode is even."}},
		"three in a line":           {[]Choice{{Key: "step"}, {Key: "tpot.even", Joint: And}, {Key: "ttft.tail", Joint: But}}, []string{failed, "M c=8 delivers 8 % more; decode is even.", "M TTFT has a long tail."}},
		"a joint at the beginning":  {[]Choice{{Key: "ttft.tail", Joint: And}}, []string{failed, "M TTFT has a long tail."}},
		"too many":                  {[]Choice{{Key: "step"}, {Key: "tpot.even"}, {Key: "ttft.tail"}}, []string{failed, "M c=8 delivers 8 % more.", "M Decode is even."}},
		"a claim that has gone":     {[]Choice{{Key: "ttft.steady"}, {Key: "ttft.tail"}}, []string{failed, "M TTFT has a long tail."}},
		"all gone":                  {[]Choice{{Key: "ttft.steady"}, {}}, []string{failed, "c=8 delivers 8 % more.", "Decode is even."}},
		"the required one, twice":   {[]Choice{{Key: "failed"}, {Key: "step"}, {Key: "step"}}, []string{failed, "M c=8 delivers 8 % more."}},
		"a wording that is not":     {[]Choice{{Key: "step", Wording: 1}, {Key: "tpot.even", Wording: -1}, {Key: "ttft.tail", Wording: 2}}, []string{failed, "c=8 delivers 8 % more.", "Decode is even."}},
	}
	for name, test := range tests {
		if d := cmp.Diff(test.want, texts(small(Interpretation).Lines(test.choices))); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
	}
	// Fillers come only where a section would be too short.
	short := small(Interpretation)
	short.Claims = append(short.Claims[:1], short.Claims[4])
	if d := cmp.Diff([]string{failed, output}, texts(short.Lines(nil))); d != "" {
		t.Errorf("short (-want +got):\n%s", d)
	}
	short.Min = 1
	if d := cmp.Diff([]string{failed}, texts(short.Lines(nil))); d != "" {
		t.Errorf("not short (-want +got):\n%s", d)
	}
}

// options are all texts that a step allows, as the list of claims has them: it
// knows nothing of grammars.
func options(st step) []string {
	var out []string
	if st.end {
		out = append(out, "")
	}
	for _, a := range st.claims {
		for _, first := range a.Phrases {
			begun := "- " + strings.TrimSuffix(sentence(first), ".")
			out = append(out, begun+".")
			for _, b := range st.claims {
				for _, second := range b.Phrases {
					switch {
					case !st.joints || a.Topic() == b.Topic():
					case a.Tone == b.Tone:
						out = append(out, begun+"; "+second+".")
					case a.Tone+b.Tone == 0:
						out = append(out, begun+", but "+second+".")
					}
				}
			}
		}
	}
	slices.Sort(out)
	return out
}

// All that a grammar can produce is the list, no more and no less; each text
// parses back to what it says.
func TestGrammarIsTheList(t *testing.T) {
	steps := map[string]step{}
	for _, kind := range []SectionKind{Interpretation, Summary} {
		c := newComposition(small(kind))
		for i := 0; ; i++ {
			st, ok := c.next()
			if !ok {
				break
			}
			steps[fmt.Sprintf("%s %d", kind, i)] = st
			c.choose(Choice{Key: st.claims[0].Key})
		}
	}
	if len(steps) != 4 {
		t.Fatalf("steps %v", steps)
	}
	for name, st := range steps {
		got := language(t, st.grammar())
		slices.Sort(got)
		want := options(st)
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s: what the grammar says (-list +grammar):\n%s\n%s", name, d, st.grammar())
		}
		for _, text := range want {
			choices, ok := st.parse(text)
			if !ok || rendered(st, choices) != text {
				t.Errorf("%s: %q became %v", name, text, choices)
			}
		}
		for _, text := range []string{"TTFT has a long tail.", "- TTFT has a long tail", "- TTFT has a long tail; TTFT has a long tail.", "- Decode is even; TTFT has a long tail.",
			"- TTFT has a long tail, but 2 of 16 requests failed.", "- 2 of 16 requests failed.", "- Decode is uneven."} {
			if choices, ok := st.parse(text); ok {
				t.Errorf("%s: %q became %v", name, text, choices)
			}
		}
	}
	if st := steps["interpretation 0"]; st.end || !st.joints || len(options(st)) < 12 {
		t.Errorf("the first step is %+v", st)
	}
	if st := steps["interpretation 1"]; !st.end {
		t.Errorf("the second step does not allow an end")
	}
}

// rendered is the text of one bullet.
func rendered(st step, choices []Choice) string {
	if len(choices) == 0 {
		return ""
	}
	s := &ProseSection{Max: 1}
	for _, c := range st.claims {
		s.Claims = append(s.Claims, *c)
	}
	return "- " + s.Lines(choices)[0].Text
}

// Joints are only offered where the section still reaches its Min.
func TestJointsLeaveEnough(t *testing.T) {
	for seed := range uint64(500) {
		rng := rand.New(rand.NewPCG(seed, 1))
		s := &ProseSection{Kind: Interpretation, Min: 2 + rng.IntN(3), Max: 5}
		for i := range s.Min + rng.IntN(5) {
			s.Claims = append(s.Claims, Claim{Key: fmt.Sprint("k", i), Tone: Tone(rng.IntN(3) - 1), Required: i == 0 && rng.IntN(2) == 0, Phrases: []string{fmt.Sprint("phrase ", i)}})
		}
		c := newComposition(s)
		var choices []Choice
		for {
			st, ok := c.next()
			if !ok || st.end && rng.IntN(4) == 0 {
				break
			}
			all := options(st)
			picked, _ := st.parse(all[rng.IntN(len(all))])
			if picked == nil {
				break
			}
			for _, choice := range picked {
				c.choose(choice)
			}
			choices = append(choices, picked...)
		}
		lines := s.Lines(choices)
		if len(lines) < s.Min || len(lines) > s.Max {
			t.Fatalf("seed %d: %d lines, want %d to %d", seed, len(lines), s.Min, s.Max)
		}
		for i, line := range lines {
			if !line.ByModel && !s.Claims[0].Required || line.ByModel != (i > 0 || !s.Claims[0].Required) {
				t.Fatalf("seed %d: the rules filled up: %v", seed, texts(lines))
			}
		}
	}
}
