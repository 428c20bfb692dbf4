package main

import (
	"context"

	"ceiling/bench/suite"
	"ceiling/engine"
)

// tokenizer is a model's, for the texts of a suite.
type tokenizer struct{ *engine.Model }

// Chat formats messages by the model's own template.
func (t tokenizer) Chat(messages []suite.ChatMessage) (string, error) {
	chat := make([]engine.Message, len(messages))
	for i, m := range messages {
		chat[i] = engine.Message(m)
	}
	return t.Model.Chat(chat, true)
}

// readTexts turns the suite's datasets into a model's tokens, sizes the scenarios
// by them, and tells what of them will not fit into a context of so many tokens;
// 0: not known. unfit are the scenarios without prompts, with the reasons.
func (r *runner) readTexts(ctx context.Context, model *engine.Model, most int) (unfit map[int]error, err error) {
	if r.texts, err = suite.Tokenize(ctx, r.suite, r.seed, tokenizer{model}); err != nil {
		if ctx.Err() != nil {
			return nil, err
		}
		return nil, codedError{exitUsage, err}
	}
	r.suite, unfit = r.texts.Measure(r.suite, vocabOf(model), r.seed, most)
	told := map[string]bool{}
	for _, sc := range r.suite.Scenarios {
		d := sc.Dataset
		if d == nil {
			continue
		}
		if d.LeftOut > 0 && !told[d.Name] {
			told[d.Name] = true
			r.show.line("note: dataset %s: %d conversations left out, which don't begin with a question and its answer", d.Name, d.LeftOut)
		}
		if d.Lengths != nil && d.Lengths.TooLong > 0 {
			r.show.line("note: scenario %q: %d of %d requests are longer than the model's context of %d tokens, and will fail", sc.Name, d.Lengths.TooLong, sc.Requests(), most)
		}
		if d.Lengths != nil && d.Lengths.Continued > 0 {
			r.show.line("note: scenario %q: %d of %d conversations have fewer than %d questions, and go on with those of the lines behind them", sc.Name, d.Lengths.Continued, sc.Prompts, sc.Turns)
		}
	}
	return unfit, nil
}
