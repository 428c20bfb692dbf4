package prose

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"
)

// fileVersion is the form of prose.json that this package writes and reads.
const fileVersion = 1

// How the writing ended.
const (
	EndedDone  = "done"
	EndedLimit = "time limit"
	EndedError = "error"
)

// File is prose.json: what a model was asked, what it wrote, and what became
// of it. Times are in seconds.
type File struct {
	Version      int             `json:"version"`
	Model        string          `json:"model"` // as in results.json
	Seed         uint64          `json:"seed"`
	LimitSeconds float64         `json:"limit_seconds"` // 0: none
	Ended        string          `json:"ended"`         // EndedDone, EndedLimit or EndedError
	Error        string          `json:"error,omitempty"`
	Totals       Totals          `json:"totals"`
	Sections     []SectionRecord `json:"sections"`
}

// Totals are over all sections.
type Totals struct {
	Seconds      float64 `json:"seconds"`
	Asked        int     `json:"asked"`         // sentences that the model was to write
	Written      int     `json:"written"`       // that it wrote, over all attempts
	Accepted     int     `json:"accepted"`      // that passed every check
	PromptTokens int     `json:"prompt_tokens"` // computed
	Reused       int     `json:"reused_tokens"` // of prompts, shared between texts
	Tokens       int     `json:"tokens"`        // written
}

// SectionRecord is what became of one section.
type SectionRecord struct {
	ID       string    `json:"id"`
	Kind     Kind      `json:"kind"`
	Title    string    `json:"title"`
	Rules    int       `json:"rules"` // sentences of the rules behind the fixed ones
	Attempts []Attempt `json:"attempts"`
	// Final are the sentences of the report, those that stand first whoever
	// writes among them.
	Final []Sentence `json:"final"`
}

// Attempt is one text.
type Attempt struct {
	Messages     []Message `json:"messages"`
	Prompt       string    `json:"prompt"` // after the model's chat template; "": never begun
	Grammar      string    `json:"grammar"`
	Seed         uint32    `json:"seed"`
	Text         string    `json:"text"`
	Ended        bool      `json:"ended"` // else cut off by a limit
	PromptTokens int       `json:"prompt_tokens"`
	Reused       int       `json:"reused_tokens"`
	Tokens       int       `json:"tokens"`
	Seconds      float64   `json:"seconds"` // from the start of the writing to this text's end
	Sentences    []Verdict `json:"sentences"`
}

// Verdict is a sentence of the model and whether it was kept.
type Verdict struct {
	Topic      int         `json:"topic"` // among the section's topics
	Rule       int         `json:"rule"`  // the rule's sentence that it stands for, −1: none
	Text       string      `json:"text"`
	Kept       bool        `json:"kept"`
	Violations []Violation `json:"violations,omitempty"`
	// ReplacedBy is the rules' sentence in the place of one that failed for good.
	ReplacedBy string `json:"replaced_by,omitempty"`
}

// file closes the books.
func (w *writer) file(ended string, err error) *File {
	f := &File{Version: fileVersion, Model: w.opt.Model, Seed: w.opt.Seed, LimitSeconds: w.opt.Limit.Seconds(), Ended: ended}
	if err != nil {
		f.Error = err.Error()
	}
	for _, d := range w.drafts {
		d.replace()
		f.Sections = append(f.Sections, SectionRecord{
			ID: d.section.ID, Kind: d.section.Kind, Title: d.section.Title, Rules: len(d.section.Rules), Attempts: d.attempts,
		})
	}
	text := f.Text()
	for i, d := range w.drafts {
		f.Sections[i].Final = text.Compose(d.section)
		for _, a := range d.attempts {
			f.Totals.Written += len(a.Sentences)
			f.Totals.PromptTokens += a.PromptTokens - a.Reused
			f.Totals.Reused += a.Reused
			f.Totals.Tokens += a.Tokens
			for _, v := range a.Sentences {
				if v.Kept {
					f.Totals.Accepted++
				}
			}
		}
	}
	f.Totals.Seconds, f.Totals.Asked = time.Since(w.start).Seconds(), w.asked
	return f
}

// replace notes in the last verdict on a topic which rule stands in for it.
func (d *draft) replace() {
	last := map[int]*Verdict{}
	for i := range d.attempts {
		for k := range d.attempts[i].Sentences {
			v := &d.attempts[i].Sentences[k]
			last[v.Topic] = v
		}
	}
	for _, v := range last {
		if !v.Kept && v.Rule >= 0 {
			v.ReplacedBy = d.section.Rules[v.Rule]
		}
	}
}

// Text are the model's sentences that were kept, each in the slot of the rule
// that it stands for.
func (f *File) Text() *Text {
	t := &Text{Model: f.Model, Sections: map[string][]Sentence{}}
	for _, s := range f.Sections {
		slots := make([]Sentence, s.Rules)
		for i := range slots {
			slots[i].Author = ByRules
		}
		kept := 0
		for _, a := range s.Attempts {
			for _, v := range a.Sentences {
				if !v.Kept {
					continue
				}
				kept++
				if v.Rule >= 0 {
					slots[v.Rule] = Sentence{Text: v.Text, Author: ByModel}
				} else {
					slots = append(slots, Sentence{Text: v.Text, Author: ByModel})
				}
			}
		}
		if kept > 0 {
			t.Sections[s.ID] = slots
		}
	}
	return t
}

// Load reads prose.json. Its error is one line; fs.ErrNotExist where there is
// no such file.
func Load(path string) (*File, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		var p *fs.PathError
		if errors.As(err, &p) {
			err = p.Err
		}
		return nil, fmt.Errorf("read %q: %w", path, err)
	}
	f := &File{}
	if err := json.Unmarshal(data, f); err != nil {
		return nil, fmt.Errorf("%q is no prose.json: %w; remove it, and the rules write the report", path, err)
	}
	if err := f.check(); err != nil {
		return nil, fmt.Errorf("%q is no prose.json: %w; remove it, and the rules write the report", path, err)
	}
	return f, nil
}

// check finds what Text would stumble over.
func (f *File) check() error {
	if f.Version != fileVersion {
		return fmt.Errorf("version %d, this program reads %d", f.Version, fileVersion)
	}
	seen := map[string]bool{}
	for _, s := range f.Sections {
		if s.ID == "" || seen[s.ID] {
			return fmt.Errorf("section %q is there twice or has no name", s.ID)
		}
		seen[s.ID] = true
		if s.Rules < 0 || s.Rules > mostSentences {
			return fmt.Errorf("section %q counts %d sentences", s.ID, s.Rules)
		}
		for _, a := range s.Attempts {
			for _, v := range a.Sentences {
				if v.Rule < -1 || v.Rule >= s.Rules {
					return fmt.Errorf("section %q has a sentence for rule %d of %d", s.ID, v.Rule, s.Rules)
				}
				if strings.ContainsAny(v.Text, "\r\n") {
					return fmt.Errorf("section %q has a sentence of several lines", s.ID)
				}
			}
		}
	}
	return nil
}

// mostSentences is far beyond any section's limits.
const mostSentences = 100
