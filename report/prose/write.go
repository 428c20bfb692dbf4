package prose

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"strings"
	"time"
)

// BulletRequest is one bullet that a model is asked for.
type BulletRequest struct {
	// Instructions and Prompt are the messages of the system and of the user, for
	// the model's own chat template. The instructions are the same in every one.
	Instructions, Prompt string

	Begun       string // of the answer: the bullets so far
	Grammar     string // GBNF with the rule "root"
	Seed        uint32
	Temperature float32
	MinP        float32 // tokens less likely than this × the likeliest are never drawn
	MaxTokens   int     // of the bullet
	Room        int     // tokens that the section's further bullets may take, this one included
}

// BulletReply is what a model wrote.
type BulletReply struct {
	Text         string
	PromptTokens int
	Reused       int // prompt tokens that were not computed for this text alone
	Tokens       int // of the text
}

// BulletWriter writes texts. The implementation owns batching and memory.
type BulletWriter interface {
	// Write answers all requests, as many side by side as it can. done gets
	// each reply as it comes, with the index of its request, on the calling
	// goroutine; the request that it returns, if any, takes the place of the
	// one that was answered. When ctx ends, done gets what was begun.
	Write(ctx context.Context, requests []BulletRequest, done func(i int, r BulletReply) *BulletRequest) error
}

// WritingOptions say how a model writes.
type WritingOptions struct {
	Model string // its name as in results.json
	Seed  uint64 // of the run
	// Limit is the time for all of it; 0: none. When it is over, what was
	// chosen stays.
	Limit time.Duration
	// Progress, if not nil, is told after each bullet how many sections are
	// done of how many.
	Progress func(done, sections int)
}

// Statements are to be copied, and equal lists should still not all be cut
// alike.
const (
	temperature = 0.3
	minP        = 0.05
)

// Write lets the model choose the sections' bullets, all sections side by side
// and each bullet by bullet.
//
// The file is whole whatever happens: an end of the time limit or an error of
// the model leaves bullets to the ranks and is named in the file; the error is
// then returned too. Where ctx ends, nothing is returned but its error.
func Write(ctx context.Context, model BulletWriter, sections []ProseSection, opt WritingOptions) (*ChoicesFile, error) {
	w := &writer{opt: opt, start: time.Now(), file: newFile(opt)}
	var requests []BulletRequest
	for i := range sections {
		d := &draft{section: &sections[i], text: newComposition(&sections[i])}
		d.offered, d.standing = d.text.open(), len(d.text.lines)
		if r := w.next(d); r != nil {
			w.drafts = append(w.drafts, d)
			requests = append(requests, *r)
		}
	}
	limited := ctx
	if opt.Limit > 0 {
		var cancel context.CancelFunc
		limited, cancel = context.WithTimeout(ctx, opt.Limit)
		defer cancel()
	}
	var err error
	if len(requests) > 0 {
		err = model.Write(limited, requests, func(i int, r BulletReply) *BulletRequest {
			again := w.take(w.drafts[i], r)
			if again != nil && limited.Err() != nil {
				w.cut = true
				return nil
			}
			return again
		})
	}
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case (err != nil || w.cut) && errors.Is(limited.Err(), context.DeadlineExceeded):
		return w.finish(EndedLimit, nil), nil
	case err != nil:
		return w.finish(EndedError, err), err
	default:
		return w.finish(EndedDone, nil), nil
	}
}

// writer is a call of Write.
type writer struct {
	opt    WritingOptions
	start  time.Time
	drafts []*draft
	done   int  // sections
	cut    bool // a section would have gone on
	file   *ChoicesFile
}

// draft is a section that the model is writing.
type draft struct {
	section  *ProseSection
	text     *composition
	offered  []*Claim // to the model, in its prompt
	standing int      // bullets that need no model
	step     step     // that it is asked for
	choices  []Choice
	begun    strings.Builder // the answer so far
}

// next asks for the next bullet, nil where the section is done.
func (w *writer) next(d *draft) *BulletRequest {
	var ok bool
	if d.step, ok = d.text.next(); !ok {
		return nil
	}
	longest, room := 0, 0
	for _, claim := range d.step.claims {
		n := 0
		for _, phrase := range claim.Phrases {
			n = max(n, len(phrase))
		}
		longest, room = max(longest, n), room+n
	}
	// A token has a byte at least; two claims may share a bullet.
	return &BulletRequest{Instructions: instructions, Prompt: prompt(d.section, d.offered, d.standing), Begun: d.begun.String(), Grammar: d.step.grammar(),
		Seed: seedOf(w.opt.Seed, d.section.ID, len(d.choices)), Temperature: temperature, MinP: minP,
		MaxTokens: 2*longest + 16, Room: room + 16*len(d.step.claims)}
}

// seedOf makes every bullet its own seed out of the run's.
func seedOf(seed uint64, id string, choices int) uint32 {
	h := fnv.New32a()
	fmt.Fprintf(h, "%d %s %d", seed, id, choices)
	return h.Sum32()
}

// take keeps a bullet and asks for the next. A text that is cut off or empty
// ends its section.
func (w *writer) take(d *draft, r BulletReply) *BulletRequest {
	t := &w.file.Totals
	t.PromptTokens += r.PromptTokens - r.Reused
	t.Reused += r.Reused
	t.Tokens += r.Tokens
	choices, ok := d.step.parse(r.Text)
	var again *BulletRequest
	if ok && len(choices) > 0 {
		for _, choice := range choices {
			d.text.choose(choice)
		}
		d.choices = append(d.choices, choices...)
		d.begun.WriteString(strings.TrimSpace(r.Text) + "\n")
		again = w.next(d)
	}
	if again == nil {
		w.done++
	}
	if w.opt.Progress != nil {
		w.opt.Progress(w.done, len(w.drafts))
	}
	return again
}

// finish closes the file.
func (w *writer) finish(ended string, err error) *ChoicesFile {
	f := w.file
	f.Ended = ended
	if err != nil {
		f.Error = err.Error()
	}
	for _, d := range w.drafts {
		if len(d.choices) > 0 {
			f.Sections = append(f.Sections, SectionChoices{d.section.ID, d.choices})
			f.Totals.Chosen += len(d.choices)
		}
	}
	f.Totals.Seconds = time.Since(w.start).Seconds()
	return f
}
