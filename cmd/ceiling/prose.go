package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/urfave/cli/v3"

	"ceiling/bench/result"
	"ceiling/engine"
	"ceiling/internal/oneline"
	"ceiling/internal/outfile"
	"ceiling/report"
	"ceiling/report/prose"
)

// The words of --prose.
const (
	proseAuto  = "auto"
	proseModel = "model"
	proseRules = "rules"
	proseOff   = "off"
)

func proseFlag() cli.Flag {
	return choice("prose", "who chooses the report's sentences; auto: the model, if it can", []string{proseAuto, proseModel, proseRules, proseOff})
}

func proseLimitFlag() cli.Flag {
	return &cli.DurationFlag{Name: "prose-limit", Value: time.Minute, Usage: "after `TIME` the rules choose what is left",
		Validator: func(d time.Duration) error {
			if d <= 0 {
				return fmt.Errorf("%v is too short; use something like 60s, or --prose rules", d)
			}
			return nil
		}}
}

// writeProse lets the loaded model choose the sentences of a finished run's
// report. Nothing that goes wrong here fails the run: results and a report by
// the rules are on disk before it begins, and the rules choose what the model
// does not.
func (r *runner) writeProse(ctx context.Context, model *engine.Model, results *result.Run) {
	// What an earlier part of the run may have left is of other results.
	os.Remove(r.dir.File(result.ProseFile))
	if r.prose == proseRules || r.prose == proseOff {
		return
	}
	sections := report.Sections(results)
	if reason := r.noProse(model, results, len(sections)); reason != "" {
		r.show.line("prose: by the rules: %s", reason)
		return
	}
	if err := errors.Join(result.Save(r.dir.File(result.ResultsFile), results), r.saveText(results, r.reportOptions())); err != nil {
		return // conclude meets it again, and says so
	}
	writer := &writer{model: model, options: r.session}
	r.writing.Store(true)
	defer r.writing.Store(false)
	file, err := prose.Write(ctx, writer, sections, prose.WritingOptions{
		Model: results.Model, Seed: r.seed, Limit: r.proseLimit,
		Progress: func(done, sections int) {
			r.show.update("the model writes the report", share(int64(done), int64(sections)), fmt.Sprintf(" (%d of %d sections)", done, sections))
		},
	})
	if ctx.Err() != nil {
		r.show.line("prose: by the rules: interrupted; all scenarios are measured")
		return
	}
	if err != nil {
		r.show.line("warning: prose: %s; the rules choose the rest", oneline.Of(err.Error()))
	}
	if file == nil {
		return
	}
	if err := saveProse(r.dir.File(result.ProseFile), file); err != nil {
		r.show.line("warning: prose: %s; the rules write the report", oneline.Of(err.Error()))
		return
	}
	r.choices = file
	end := ""
	if file.Ended == prose.EndedLimit {
		end = fmt.Sprintf(", ended by --prose-limit %v", r.proseLimit)
	}
	r.show.line("prose: statements chosen and worded by the model: %d, the rest by the rules (%d tokens, %.1f s%s)",
		file.Totals.Chosen, file.Totals.Tokens, file.Totals.Seconds, end)
}

// noProse is why the model does not write; "" where it does.
func (r *runner) noProse(model *engine.Model, results *result.Run, sections int) string {
	switch {
	case results.Partial:
		return "the run is partial"
	case sections == 0:
		return "no scenario has a figure"
	case r.prose == proseAuto && synthetic(model):
		return "the model's weights are synthetic"
	}
	if _, err := model.Chat([]engine.Message{{Role: "user", Content: "?"}}, true); err != nil {
		return err.Error()
	}
	return ""
}

// synthetic says whether the weights are random numbers, as engine/synth
// marks the files it writes.
func synthetic(model *engine.Model) bool {
	kind, _ := model.Meta("general.finetune")
	return kind == "synthetic"
}

func saveProse(path string, f *prose.ChoicesFile) error {
	var b bytes.Buffer
	if err := writeJSON(&b, f); err != nil {
		return fmt.Errorf("write %q: %w", path, err)
	}
	return outfile.Write(path, b.Bytes())
}

// writer gives the engine the interface that prose needs.
type writer struct {
	model   *engine.Model
	options engine.SessionOptions // all but the sizes
}

// mostWriting is the number of texts that are written side by side at most:
// beyond it, more at once is hardly faster.
const mostWriting = 32

// Write opens a session for the texts, with fewer side by side where memory
// is short.
func (w *writer) Write(ctx context.Context, requests []prose.BulletRequest, done func(i int, r prose.BulletReply) *prose.BulletRequest) error {
	texts := make([]engine.TextRequest, len(requests))
	longest := 0
	for i := range requests {
		var err error
		if texts[i], err = w.text(&requests[i]); err != nil {
			return err
		}
		// A token of a sentence has two bytes or more on average.
		longest = max(longest, len(texts[i].Prompt)+requests[i].Room/2)
	}
	session, err := w.open(ctx, min(len(requests), mostWriting), min(longest, w.model.Context()))
	if err != nil {
		return err
	}
	defer session.Close()
	var failed error
	err = session.Generate(ctx, texts, func(i int, t engine.GeneratedText) *engine.TextRequest {
		again, err := w.next(i, t, &texts[i], done)
		if err != nil {
			failed = err
			return nil
		}
		if again == nil || len(again.Prompt) >= session.TokensPerSequence() {
			return nil // the rules choose what there is no room for
		}
		texts[i] = *again
		return &texts[i]
	})
	return errors.Join(err, failed)
}

// next hands text i over and is what is asked for in its place.
func (w *writer) next(i int, t engine.GeneratedText, asked *engine.TextRequest, done func(i int, r prose.BulletReply) *prose.BulletRequest) (*engine.TextRequest, error) {
	text, err := w.model.Detokenize(t.Tokens, false)
	if err != nil {
		return nil, err
	}
	r := done(i, prose.BulletReply{Text: text, PromptTokens: len(asked.Prompt), Reused: t.Reused, Tokens: len(t.Tokens)})
	if r == nil {
		return nil, nil
	}
	again, err := w.text(r)
	return &again, err
}

// text is a request in the engine's terms: the prompt ends with what the model
// has answered so far.
func (w *writer) text(r *prose.BulletRequest) (engine.TextRequest, error) {
	prompt, err := w.model.Chat([]engine.Message{{Role: "system", Content: r.Instructions}, {Role: "user", Content: r.Prompt}}, true)
	if err != nil {
		return engine.TextRequest{}, err
	}
	ids, err := w.model.Tokenize(prompt+r.Begun, true, true)
	if err != nil {
		return engine.TextRequest{}, err
	}
	return engine.TextRequest{Prompt: ids, MaxTokens: r.MaxTokens, Sampling: engine.SamplerOptions{
		Temperature: r.Temperature, MinP: r.MinP, Seed: r.Seed, Grammar: r.Grammar}}, nil
}

// open makes a session of up to n sequences.
func (w *writer) open(ctx context.Context, n, tokens int) (*engine.Session, error) {
	o := w.options
	// On the CPU a step over many long sequences takes half as long with one
	// KV buffer as with one for each.
	o.Greedy, o.Unified, o.TokensPerSequence = false, true, tokens
	o.FullWindow = true // texts share a prompt's beginning
	for {
		o.Sequences = n
		session, err := w.model.Open(ctx, o)
		if err == nil || n == 1 || !(errors.Is(err, engine.ErrOutOfMemory) || errors.Is(err, engine.ErrSession)) {
			return session, err
		}
		n /= 2
	}
}
