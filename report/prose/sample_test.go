package prose

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"ceiling/engine"
	"ceiling/engine/synth"
)

// nasty are names and figures that a grammar could trip over.
var nasty = []string{
	`7"`, `\`, `5\n`, `[8]`, `]-[9`, `"1" ::= x`, "under 1 %", "3 µs", "½", "٣٤", "Ⅷ", "x²", "1·10⁻³ s", "a|b(2)", "-4 ms", "1,000", "9.99×", "日本 5", "5 \U0001D7D9", "{1,2}",
	"c=8", "; 1", ", but 2", "a. b", "<|im_end|>", "\u202e5\u200b", "p99", "'", "#", "\u00a0",
}

// randomSection has claims of all kinds, many with a common beginning.
func randomSection(rng *rand.Rand) *ProseSection {
	s := &ProseSection{ID: "x", Kind: Interpretation, Title: nasty[rng.IntN(len(nasty))], Min: 2, Max: 3}
	for i := range 2 + rng.IntN(7) {
		c := Claim{Key: fmt.Sprintf("k%d.x", i), Rank: rng.IntN(9), Tone: Tone(rng.IntN(3) - 1), Required: rng.IntN(6) == 0}
		for w := range 1 + rng.IntN(3) {
			begin := []string{"TTFT ", "tokens ", "output of "}[rng.IntN(3)]
			c.Phrases = append(c.Phrases, fmt.Sprintf("%s%d%d %s %s", begin, i, w, nasty[rng.IntN(len(nasty))], nasty[rng.IntN(len(nasty))]))
		}
		s.Claims = append(s.Claims, c)
	}
	return s
}

// vocabularies are that of the synthetic demo model and, where there is one, the
// real test model's.
func vocabularies(t *testing.T) []*engine.Model {
	t.Helper()
	g, err := synth.Find("demo")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "demo.gguf")
	if _, err := synth.Write(context.Background(), synth.FileOptions{Geometry: g, Type: "q4_0", Out: path}); err != nil {
		t.Fatal(err)
	}
	var models []*engine.Model
	for _, path := range []string{path, os.Getenv("CEILING_TEST_MODEL")} {
		if path == "" {
			continue
		}
		model, err := engine.LoadVocab(path)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { model.Close() })
		models = append(models, model)
	}
	return models
}

// dice draws texts of a grammar by random logits: of the tokens that it knows,
// each is as likely as another. These are the short ones, which spell
// everything, and of the longer ones, which tell a grammar no more, a few.
type dice struct {
	model *engine.Model
	rng   *rand.Rand
	ids   []int32
	row   []float32 // logits of the vocabulary
}

func newDice(t *testing.T, model *engine.Model) *dice {
	d := &dice{model: model, rng: rand.New(rand.NewPCG(3, 4)), row: make([]float32, model.VocabSize())}
	for id := range int32(model.VocabSize()) {
		d.row[id] = float32(math.Inf(-1))
		text, err := model.Detokenize([]int32{id}, false)
		if err != nil {
			t.Fatal(err)
		}
		if len(text) == 1 || strings.ContainsFunc(text, func(r rune) bool { return r >= utf8.RuneSelf }) && id%8 == 0 || model.EndsGeneration(id) || id%64 == 0 {
			d.ids = append(d.ids, id)
		}
	}
	return d
}

func (d *dice) text(t *testing.T, grammar string) string {
	t.Helper()
	p, err := d.model.NewSampler(engine.SamplerOptions{Grammar: grammar})
	if err != nil {
		t.Fatalf("%v in\n%s", err, grammar)
	}
	defer p.Close()
	var ids []int32
	for range 400 {
		for _, id := range d.ids {
			d.row[id] = float32(d.rng.NormFloat64())
		}
		id, err := p.Draw(d.row)
		if err != nil {
			t.Fatalf("%v after %v in\n%s", err, ids, grammar)
		}
		if d.model.EndsGeneration(id) {
			return d.string(t, ids)
		}
		ids = append(ids, id)
	}
	t.Fatalf("no end in\n%s", grammar)
	return ""
}

func (d *dice) string(t *testing.T, ids []int32) string {
	text, err := d.model.Detokenize(ids, false)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// Grammars compile in llama.cpp, and what it draws from them parses back to
// choices that print the same text.
func TestGrammarInLlamaCpp(t *testing.T) {
	for _, model := range vocabularies(t) {
		drawSections(t, newDice(t, model))
	}
}

func drawSections(t *testing.T, d *dice) {
	rng := rand.New(rand.NewPCG(1, 2))
	drawn, joined, ended := 0, 0, 0
	for i := range 8 {
		s := randomSection(rng)
		for range 20 {
			c := newComposition(s)
			for {
				st, ok := c.next()
				if !ok {
					break
				}
				text := d.text(t, st.grammar())
				choices, ok := st.parse(text)
				if !ok || rendered(st, choices) != text {
					t.Fatalf("section %d: %q became %v\n%s", i, text, choices, st.grammar())
				}
				drawn++
				if len(choices) == 0 {
					ended++
					break
				}
				if len(choices) == 2 {
					joined++
				}
				for _, choice := range choices {
					c.choose(choice)
				}
			}
		}
	}
	t.Logf("%d texts, %d with a joint, %d ends", drawn, joined, ended)
	if drawn < 200 || joined < 20 || ended < 20 {
		t.Errorf("%d texts, %d with a joint, %d ends: too few to tell", drawn, joined, ended)
	}

	// A hole in the grammar is seen.
	st, _ := newComposition(small(Interpretation)).next()
	broken := strings.Replace(st.grammar(), `(".")`, `[.!]`, 1)
	broken = strings.Replace(broken, `"."`, `[.!]`, 1)
	found := false
	for range 40 {
		_, ok := st.parse(d.text(t, broken))
		found = found || !ok
	}
	if !found {
		t.Error("texts of another grammar parse")
	}
}
