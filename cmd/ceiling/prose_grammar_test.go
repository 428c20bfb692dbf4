package main

import (
	"context"
	"math"
	"math/rand/v2"
	"path/filepath"
	"testing"

	"ceiling/bench/result"
	"ceiling/engine"
	"ceiling/report"
	"ceiling/report/prose"
)

// drawing answers requests by random choices among what a grammar allows, of
// tokens of one byte and what ends a text.
type drawing struct {
	t     *testing.T
	model *engine.Model
	rng   *rand.Rand
	ids   []int32
	row   []float32
	texts int
}

func newDrawing(t *testing.T, model *engine.Model) *drawing {
	d := &drawing{t: t, model: model, rng: rand.New(rand.NewPCG(1, 2)), row: make([]float32, model.VocabSize())}
	for id := range int32(model.VocabSize()) {
		d.row[id] = float32(math.Inf(-1))
		if text, err := model.Detokenize([]int32{id}, false); err == nil && len(text) == 1 || model.EndsGeneration(id) {
			d.ids = append(d.ids, id)
		}
	}
	return d
}

func (d *drawing) Write(_ context.Context, requests []prose.BulletRequest, done func(i int, r prose.BulletReply) *prose.BulletRequest) error {
	for i := range requests {
		for r := &requests[i]; r != nil; {
			text, err := d.text(r)
			if err != nil {
				return err
			}
			r = done(i, prose.BulletReply{Text: text, Tokens: 1})
		}
	}
	return nil
}

func (d *drawing) text(r *prose.BulletRequest) (string, error) {
	p, err := d.model.NewSampler(engine.SamplerOptions{Grammar: r.Grammar})
	if err != nil {
		return "", err
	}
	defer p.Close()
	d.texts++
	var ids []int32
	for range r.MaxTokens {
		for _, id := range d.ids {
			d.row[id] = float32(d.rng.NormFloat64())
		}
		id, err := p.Draw(d.row)
		if err != nil || d.model.EndsGeneration(id) {
			text, _ := d.model.Detokenize(ids, false)
			return text, err
		}
		ids = append(ids, id)
	}
	d.t.Errorf("no end within %d tokens", r.MaxTokens)
	return "", nil
}

// Every grammar of the reference's reports compiles in llama.cpp, and each text
// that is drawn from it is a choice: sections become as long as they have to be
// without the rules.
func TestGrammarsOfReports(t *testing.T) {
	d := newDrawing(t, demoModel(t))
	files, err := filepath.Glob("../../report/testdata/reference/*.json")
	if err != nil || len(files) != 3 {
		t.Fatalf("%d results files, %v", len(files), err)
	}
	for _, path := range append(files, "../../report/testdata/december2025.json", "testdata/demo/results.json") {
		results, err := result.Load(path)
		if err != nil {
			t.Fatal(err)
		}
		sections := report.Sections(results)
		file, err := prose.Write(context.Background(), d, sections, prose.WritingOptions{Model: results.Model})
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		for _, s := range sections {
			required, byModel := 0, 0
			for _, c := range s.Claims {
				if c.Required {
					required++
				}
			}
			for _, line := range s.Lines(file.Choices(s.ID)) {
				if line.ByModel {
					byModel++
				}
			}
			if n := required + byModel; n < s.Min || n > s.Max {
				t.Errorf("%s, %s: %d required and %d chosen, want %d to %d", path, s.ID, required, byModel, s.Min, s.Max)
			}
		}
	}
	if d.texts < 200 {
		t.Errorf("only %d texts were drawn", d.texts)
	}
}
