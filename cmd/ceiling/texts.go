package main

import (
	"context"
	"fmt"

	"ceiling/bench/suite"
	"ceiling/engine"
	"ceiling/internal/oneline"
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
	r.tellTexts(most)
	return unfit, nil
}

// tellTexts tells what datasets do to scenarios, what is the same of several once.
func (r *runner) tellTexts(most int) {
	told := map[string]bool{}
	var notes oneline.SaidOf
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
			notes.Add(fmt.Sprintf("%d of %d requests are longer than the model's context of %d tokens, and will fail", d.Lengths.TooLong, sc.Requests(), most), sc.Name)
		}
		if d.Lengths != nil && d.Lengths.Continued > 0 {
			notes.Add(fmt.Sprintf("%d of %d conversations have fewer than %d questions, and go on with those of the lines behind them", d.Lengths.Continued, sc.Prompts, sc.Turns), sc.Name)
		}
	}
	for _, text := range notes.Texts {
		who := fmt.Sprintf("scenario %q", notes.Names[text][0])
		if more := len(notes.Names[text]) - 1; more > 0 {
			who += fmt.Sprintf(" and %d more", more)
		}
		r.show.line("note: %s: %s", who, text)
	}
}
