package prose

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
	"time"
)

// Options say how a model writes.
type Options struct {
	Model string // its name as in results.json
	Seed  uint64 // of the run
	// Limit is the time for all of it; 0: none. When it is over, sentences that
	// were taken stay.
	Limit time.Duration
	// Strict leaves a weak model no free words from its first attempt on; others
	// have them in the first.
	Strict bool
	// Check finds what is wrong with a sentence; nil: the package's Check.
	Check func(s *Section, sentence string) []Violation
	// Progress, if not nil, is told after each text how many sentences are
	// settled of how many that the model is asked for.
	Progress func(settled, asked int)
}

// Repetition is a sentence that uses the same facts as one that was kept.
const Repetition Fault = "repetition"

// How the model writes.
const (
	// mostAttempts is the first one and two more.
	mostAttempts = 3
	// temperature is modest: facts are to be copied, and sentences of one kind
	// should still not read as copies of each other.
	temperature = 0.3
	warmer      = 0.2 // with each attempt, so that it does not say the same again
	minP        = 0.05
	// tokensPerSentence is generous: a number is a token per digit in some
	// vocabularies.
	tokensPerSentence = 72
)

// Write lets the model write the sections, all of them side by side. Each
// sentence is checked as its text ends; those that fail are asked for again,
// twice at most, and the rest is left to the rules.
//
// The file is whole whatever happens: an end of the time limit or an error of
// the model leaves sentences to the rules and says so in the file; the error
// is then returned too. Where ctx ends, nothing is returned but its error.
func Write(ctx context.Context, model Model, sections []Section, opt Options) (*File, error) {
	if opt.Check == nil {
		opt.Check = Check
	}
	w := &writer{opt: opt, start: time.Now()}
	requests := make([]Request, 0, len(sections))
	for i := range sections {
		d := &draft{section: &sections[i], topics: Topics(&sections[i])}
		w.drafts = append(w.drafts, d)
		if len(d.topics) == 0 {
			continue
		}
		d.verdicts = make([]*Verdict, len(d.topics))
		w.asked += len(d.topics)
		w.open = append(w.open, d)
		requests = append(requests, *w.next(d))
	}
	limited := ctx
	if opt.Limit > 0 {
		var cancel context.CancelFunc
		limited, cancel = context.WithTimeout(ctx, opt.Limit)
		defer cancel()
	}
	w.over = func() bool { return limited.Err() != nil }
	var err error
	if len(requests) > 0 {
		err = model.Write(limited, requests, func(i int, r Reply) *Request { return w.take(w.open[i], r) })
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	end := EndedDone
	switch {
	case err != nil && errors.Is(limited.Err(), context.DeadlineExceeded):
		end, err = EndedLimit, nil
	case err != nil:
		end = EndedError
	}
	return w.file(end, err), err
}

// writer is a Write on its way.
type writer struct {
	opt            Options
	start          time.Time
	drafts         []*draft
	open           []*draft    // those that the model is asked for, by request
	over           func() bool // the time is
	asked, settled int         // sentences
}

// draft is a section on its way.
type draft struct {
	section  *Section
	topics   []Topic
	pending  []int      // topics of the text that is being written
	verdicts []*Verdict // the last one on each topic; nil: none
	attempts []Attempt
}

// next asks for the sentences that are missing.
func (w *writer) next(d *draft) *Request {
	d.pending = d.pending[:0]
	var faults []Fault
	var topics []Topic
	for i, t := range d.topics {
		v := d.verdicts[i]
		if v != nil && v.Kept {
			continue
		}
		d.pending = append(d.pending, i)
		topics = append(topics, t)
		if v != nil && len(v.Violations) > 0 && !slices.Contains(faults, v.Violations[0].Kind) {
			faults = append(faults, v.Violations[0].Kind)
		}
	}
	attempt := len(d.attempts)
	a := Attempt{
		Messages: prompt(d.section, topics, faults), Grammar: grammarOf(d.section, topics, w.freedom(attempt)),
		Seed: seedOf(w.opt.Seed, d.section.ID, attempt),
	}
	d.attempts = append(d.attempts, a)
	return &Request{Messages: a.Messages, Grammar: a.Grammar, Seed: a.Seed, Temperature: temperature + warmer*float32(attempt), MinP: minP,
		MaxTokens: tokensPerSentence * len(topics)}
}

// freedom shrinks from attempt to attempt.
func (w *writer) freedom(attempt int) freedom {
	if w.opt.Strict {
		attempt++
	}
	return max(freeWords-freedom(attempt), oneClaim)
}

// seedOf makes every text its own seed out of the run's.
func seedOf(seed uint64, id string, attempt int) uint32 {
	h := fnv.New32a()
	fmt.Fprintf(h, "%d %s %d", seed, id, attempt)
	return h.Sum32()
}

// take checks a text, sentence by sentence, and asks again for what failed.
func (w *writer) take(d *draft, r Reply) *Request {
	a := &d.attempts[len(d.attempts)-1]
	a.Prompt, a.Text, a.Ended = r.Prompt, r.Text, r.Ended
	a.PromptTokens, a.Reused, a.Tokens = r.PromptTokens, r.Reused, r.Tokens
	a.Seconds = time.Since(w.start).Seconds()
	lines := sentences(r.Text, r.Ended)
	failed := 0
	for k, topic := range d.pending {
		if k >= len(lines) {
			failed++
			continue
		}
		v := w.judge(d, topic, lines[k])
		a.Sentences = append(a.Sentences, v)
		d.verdicts[topic] = &v
		if v.Kept {
			w.settled++
		} else {
			failed++
		}
	}
	var again *Request
	if failed > 0 && len(d.attempts) < mostAttempts && !w.over() {
		again = w.next(d)
	} else {
		w.settled += failed
	}
	if w.opt.Progress != nil {
		w.opt.Progress(w.settled, w.asked)
	}
	return again
}

// sentences are the lines of a text. The last one of a text that was cut off
// counts only where it is a whole sentence.
func sentences(text string, ended bool) []string {
	var lines []string
	for line := range strings.Lines(text) {
		if line = strings.TrimPrefix(strings.TrimSpace(line), "- "); line != "" {
			lines = append(lines, line)
		}
	}
	if n := len(lines); n > 0 && !ended && !strings.HasSuffix(lines[n-1], ".") {
		lines = lines[:n-1]
	}
	return lines
}

// judge decides on one sentence.
func (w *writer) judge(d *draft, topic int, line string) Verdict {
	v := Verdict{Topic: topic, Rule: d.topics[topic].Rule, Text: line}
	v.Violations = w.opt.Check(d.section, line)
	if earlier := d.saidBefore(line); earlier != "" {
		v.Violations = append(v.Violations, Violation{Kind: Repetition, Text: fmt.Sprintf("it says again what %q says", earlier)})
	}
	v.Kept = len(v.Violations) == 0
	return v
}

// saidBefore is a sentence that was kept and uses the same facts.
func (d *draft) saidBefore(line string) string {
	texts := func(sentence string) []string {
		var out []string
		for _, f := range factsIn(sentence, usable(d.section.Facts)) {
			out = append(out, fmt.Sprint(f.Text, f.Of, f.Against)) // one text may be of two facts
		}
		slices.Sort(out)
		return out
	}
	used := texts(line)
	for _, v := range d.verdicts {
		if v != nil && v.Kept && (v.Text == line || slices.Equal(texts(v.Text), used)) {
			return v.Text
		}
	}
	return ""
}
