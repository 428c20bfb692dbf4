package prose_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"ceiling/engine"
	"ceiling/engine/synth"
	"ceiling/report/prose"
)

// nasty are texts that a grammar could trip over.
var nasty = []string{
	`7"`, `\`, `5\n`, `[8]`, `]-[9`, `"1" ::= x`, "less than 0.1%", "more than 99.9%", "3 µs", "½", "٣٤", "Ⅷ", "x²", "1·10⁻³ s", "a|b(2)",
	"12", "12.5 ms", "12.50 ms", "1", "1.", "-4 ms", "0", "00", "1,000", "9.99×", "9.9×", "99%", "日本 5", "5 \U0001D7D9", "{1,2}", "c=8", "1 2",
}

// unusable are texts that must never reach a grammar.
var unusable = []string{"", " 5 ms", "5\nms", "5\x00ms", "5\xff ms", strings.Repeat("9", 200), "5\u202e ms", "5 "}

// randomSection makes a section of up to 100 facts.
func randomSection(rng *rand.Rand, i int) *prose.Section {
	metrics := []prose.Metric{prose.TTFT, prose.TPOT, prose.ITL, prose.Output, prose.PerUser, prose.E2EL, prose.InFlight, prose.Concurrency, prose.PP}
	stats := []prose.Stat{"", prose.Mean, prose.Median, prose.P99}
	names := []string{"", "Mixed Traffic", "Scaling (c=4)", `Odd "name" \ [16K]`, "日本語 ٣", "Concurrency Scaling (c=32)", "v2 – ½ load"}
	kinds := []prose.Kind{prose.Interpretation, prose.Recommendations, prose.Summary}
	s := &prose.Section{ID: fmt.Sprint(i), Kind: kinds[i%3], Title: "Scaling (c=2)", Min: 1, Max: 1 + rng.IntN(3)}
	figure := func() prose.Figure {
		return prose.Figure{Metric: metrics[rng.IntN(len(metrics))], Stat: stats[rng.IntN(len(stats))], Scenario: names[rng.IntN(len(names))]}
	}
	n := 1 + rng.IntN(12)
	if i%10 == 0 {
		n = 100
	}
	for range n {
		f := prose.Fact{Unit: []string{"ms", "×", "%", "tok/s", "s"}[rng.IntN(5)], Of: figure()}
		switch rng.IntN(4) {
		case 0:
			f.Text = nasty[rng.IntN(len(nasty))]
		case 1:
			f.Text = unusable[rng.IntN(len(unusable))]
		default:
			f.Text = fmt.Sprintf("%.*f %s", rng.IntN(3), rng.ExpFloat64()*100, f.Unit)
		}
		if f.Unit == "×" || f.Unit == "%" {
			f.Against = figure()
		}
		s.Facts = append(s.Facts, f)
	}
	for range rng.IntN(4) {
		var b strings.Builder
		for range 1 + rng.IntN(3) {
			b.WriteString("so " + s.Facts[rng.IntN(n)].Text + ", ")
		}
		s.Rules = append(s.Rules, b.String())
	}
	for _, name := range names[1 : 1+rng.IntN(len(names)-1)] {
		s.Evidence.Points = append(s.Evidence.Points, prose.Point{Scenario: name, Concurrency: rng.IntN(40), Scaling: rng.IntN(2) == 0})
	}
	return s
}

// dice draws texts from a grammar: of the tokens that it allows each is as
// likely as another of its kind, but whatever could spell a number is tried
// first, and so is what ends a sentence. Of the longer words, which tell a
// grammar no more than the shorter ones, it knows every sixteenth.
type dice struct {
	model *engine.Model
	rng   *rand.Rand
	noise []float32
	ids   []int32   // the tokens that it draws
	bias  []float32 // of each of them
	row   []float32 // logits of the vocabulary
}

func newDice(t *testing.T, model *engine.Model) *dice {
	d := &dice{model: model, rng: rand.New(rand.NewPCG(3, 4)), noise: make([]float32, 1<<20), row: make([]float32, model.VocabSize())}
	for i := range d.noise {
		d.noise[i] = float32(1.5 * d.rng.NormFloat64())
	}
	for id := range int32(model.VocabSize()) {
		d.row[id] = float32(math.Inf(-1))
		text, err := model.Detokenize([]int32{id}, false)
		if err != nil {
			t.Fatal(err)
		}
		bias := float32(0)
		switch {
		case strings.ContainsFunc(text, func(r rune) bool { return unicode.IsNumber(r) || r >= utf8.RuneSelf || strings.ContainsRune("×%=", r) }):
			bias = 5
		case text == "." || text == "\n" || model.EndsGeneration(id):
			bias = 7
		case len(text) == 1: // spells names and facts, whatever they hold
			bias = 5
		case id%16 != 0:
			continue
		}
		d.ids = append(d.ids, id)
		d.bias = append(d.bias, bias)
	}
	return d
}

// mostDraws ends a text that does not end by itself.
const mostDraws = 300

// text is one text, and whether it came to its end.
func (d *dice) text(t *testing.T, grammar string) (string, bool) {
	p, err := d.model.NewSampler(engine.SamplerOptions{Grammar: grammar})
	if err != nil {
		t.Fatalf("%v in\n%s", err, grammar)
	}
	defer p.Close()
	var ids []int32
	for range mostDraws {
		at := d.rng.IntN(len(d.noise) - len(d.row))
		for i, id := range d.ids {
			d.row[id] = d.noise[at+i] + d.bias[i]
		}
		id, err := p.Draw(d.row)
		if err != nil {
			t.Fatalf("%v after %v in\n%s", err, ids, grammar)
		}
		if d.model.EndsGeneration(id) {
			return d.string(t, ids), true
		}
		ids = append(ids, id)
	}
	return d.string(t, ids), false
}

func (d *dice) string(t *testing.T, ids []int32) string {
	text, err := d.model.Detokenize(ids, false)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// foreign looks for a digit or a sign of a ratio that is no part of an allowed
// text standing by itself. It knows nothing of grammars: it marks every place
// of every allowed text whose neighbours leave it what it is, and whatever
// counts as a number in Unicode must be marked.
func foreign(line string, allowed []string) string {
	runes := []rune(line)
	mark := make([]bool, len(runes))
	solid := func(i int) bool {
		return i >= 0 && i < len(runes) && (unicode.IsLetter(runes[i]) || unicode.IsNumber(runes[i]) || unicode.IsMark(runes[i]) || strings.ContainsRune("×%_=/", runes[i]))
	}
	number := func(i int) bool { return i >= 0 && i < len(runes) && unicode.IsNumber(runes[i]) }
	for _, text := range allowed {
		want := []rune(text)
		for i := 0; i+len(want) <= len(runes); i++ {
			end := i + len(want)
			if !slices.Equal(runes[i:end], want) || solid(i-1) || solid(end) {
				continue
			}
			if i > 0 && strings.ContainsRune(".,", runes[i-1]) { // "3.12.5 ms"
				continue
			}
			if end < len(runes) && strings.ContainsRune(".,", runes[end]) && number(end+1) {
				continue
			}
			// "12 12.5 ms" reads as one number in some places of the world.
			if number(i) && i > 1 && runes[i-1] == ' ' && number(i-2) {
				continue
			}
			for k := i; k < end; k++ {
				mark[k] = true
			}
		}
	}
	for i, r := range runes {
		if (unicode.IsNumber(r) || r == '×' || r == '%') && !mark[i] {
			return fmt.Sprintf("%q at %d", r, i)
		}
	}
	return ""
}

// allowedTexts are what may hold digits in a section's text.
func allowedTexts(s *prose.Section) []string {
	out := []string{"p99", "P99"}
	for _, f := range s.Facts {
		if !slices.Contains(unusable, f.Text) {
			out = append(out, f.Text)
		}
	}
	for _, p := range s.Evidence.Points {
		out = append(out, p.Scenario, fmt.Sprintf("c=%d", p.Concurrency))
	}
	return out
}

func TestForeignFindsNumbers(t *testing.T) {
	allowed := []string{"p99", "12", "12.5 ms", "3×", "Scaling (c=4)"}
	for line, found := range map[string]bool{
		"TTFT p99 is 12.5 ms.": false, "TTFT (12.5 ms), 12, 3×.": false, "in Scaling (c=4), 12.": false, "12.": false,
		"TTFT is 13 ms.": true, "TTFT is 12.5 mst": true, "TTFT is 112.5 ms": true, "TTFT is 12.5.": true, "12 12.5 ms": true, "p999": true, "ap99": true,
		"x²": true, "٣": true, "Ⅷ": true, "×": true, "12%": true, "3.12.5 ms": true, "12,5": true, "5": true, "½": true,
	} {
		if got := foreign(line, allowed); (got != "") != found {
			t.Errorf("%q: found %q", line, got)
		}
	}
}

// vocabulary loads the vocabulary of the synthetic demo model.
func vocabulary(t *testing.T) *engine.Model {
	t.Helper()
	g, err := synth.Find("demo")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "demo.gguf")
	if _, err := synth.Write(context.Background(), synth.Options{Geometry: g, Type: "q4_0", Out: path}); err != nil {
		t.Fatal(err)
	}
	model, err := engine.LoadVocab(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { model.Close() })
	return model
}

// TestGrammar draws 20 texts from the grammars of 200 random fact lists in
// llama.cpp, and looks for a digit that is not a fact's or a name's.
func TestGrammar(t *testing.T) {
	d := newDice(t, vocabulary(t))
	rng := rand.New(rand.NewPCG(1, 2))
	texts, whole, figures := 0, 0, 0
	for i := range 200 {
		s := randomSection(rng, i)
		for len(prose.Topics(s)) == 0 {
			s = randomSection(rng, i)
		}
		topics := prose.Topics(s)
		topics = topics[:min(2, len(topics))]
		allowed := allowedTexts(s)
		for k := range 20 {
			grammar := prose.GrammarOf(s, topics, k%3)
			text, ended := d.text(t, grammar)
			texts++
			lines := strings.Split(text, "\n")
			if ended {
				whole++
				if len(lines) != len(topics) {
					t.Errorf("%d lines for %d topics: %q", len(lines), len(topics), text)
				}
			} else {
				lines = lines[:len(lines)-1] // its last number may be cut off
			}
			for _, line := range lines {
				sentence, ok := strings.CutPrefix(line, "- ")
				if !ok || !strings.HasSuffix(sentence, ".") || strings.ContainsAny(sentence, "*_`#<>") && !slices.ContainsFunc(allowed, func(a string) bool { return strings.ContainsAny(a, "*_`#<>") }) {
					t.Errorf("not a plain sentence: %q", line)
				}
				if what := foreign(sentence, allowed); what != "" {
					t.Errorf("section %d: foreign %s in %q; allowed %q", i, what, sentence, allowed)
				}
				if strings.ContainsFunc(sentence, unicode.IsNumber) {
					figures++
				}
			}
		}
		if t.Failed() {
			t.Fatalf("%s", prose.Grammar(s, topics))
		}
	}
	t.Logf("%d texts, %d came to their end, %d sentences with a figure", texts, whole, figures)
	if texts != 4000 || whole < texts*9/10 || figures < texts {
		t.Errorf("%d texts, %d whole, %d sentences with figures: too few to tell", texts, whole, figures)
	}

	// The same look at grammars with a hole must find what comes through.
	s := &prose.Section{Kind: prose.Summary, Max: 2, Facts: []prose.Fact{
		{Unit: "ms", Text: "12.5 ms", Of: prose.Figure{Metric: prose.TTFT, Stat: prose.P99}}}}
	sound := prose.Grammar(s, prose.Topics(s))
	for _, hole := range []struct{ what, by string }{
		{"w ::= [a-zA-Z]{1,18}", "w ::= [a-zA-Z0-9]{1,18}"}, {"w ::= [a-zA-Z]{1,18}", "w ::= [^ .]{1,18}"},
		{`("12.5 ms")`, `("12." [0-9] " ms")`}, {`"."`, `[0-9]? "."`},
	} {
		grammar := strings.ReplaceAll(sound, hole.what, hole.by)
		if grammar == sound {
			t.Fatalf("%q is no part of\n%s", hole.what, sound)
		}
		found := false
		for range 60 {
			text, _ := d.text(t, grammar)
			found = found || foreign(strings.TrimPrefix(text, "- "), allowedTexts(s)) != ""
		}
		if !found {
			t.Errorf("nothing found behind %q", hole.by)
		}
	}
}
