package verify

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"

	"ceiling/internal/outfile"
)

// format is the version of the file of a reference.
const format = 1

// Reference is what configurations are compared with: texts, their logits and
// how far rounding moves those. As a file it is what another machine, build or
// day must give.
type Reference struct {
	Format     int          `json:"format"`
	Model      string       `json:"model"`             // file name
	Library    string       `json:"library,omitempty"` // that computed it; "": llama.cpp
	Engine     string       `json:"engine"`            // its release
	Device     string       `json:"device"`            // that the texts were made on
	Vocabulary int          `json:"vocabulary"`
	Prompts    [][]int32    `json:"prompts"`
	Texts      []ScoredText `json:"texts"`
	Noise      Noise        `json:"noise"`
}

// Save writes the reference whole or not at all.
func (r *Reference) Save(path string) error {
	r.Format = format
	data, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("%q: %w", path, err)
	}
	return outfile.Write(path, append(data, '\n'))
}

// Read reads a reference, and refuses one that can't be compared with.
func Read(path string) (*Reference, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	r := new(Reference)
	if err := json.Unmarshal(data, r); err != nil {
		return nil, fmt.Errorf("%q: %w; name a file that `ceiling verify --write-expect` has written", path, err)
	}
	if err := r.check(); err != nil {
		return nil, fmt.Errorf("%q: %w; name a file that `ceiling verify --write-expect` has written", path, err)
	}
	return r, nil
}

func (r *Reference) check() error {
	if r.Format != format {
		return fmt.Errorf("format %d is not %d", r.Format, format)
	}
	if len(r.Prompts) == 0 || len(r.Texts) != len(r.Prompts) || !(r.Noise.RMS >= 0) || !(r.Noise.Worst >= 0) {
		return fmt.Errorf("%d prompts and %d texts", len(r.Prompts), len(r.Texts))
	}
	for i, t := range r.Texts {
		if len(r.Prompts[i]) < 2 || len(t.Tokens) == 0 || len(t.Scores) != len(t.Tokens) || len(t.Tokens) != len(r.Texts[0].Tokens) {
			return fmt.Errorf("text %d has a prompt of %d tokens, %d tokens and logits of %d", i, len(r.Prompts[i]), len(t.Tokens), len(t.Scores))
		}
		for k, p := range t.Scores {
			if len(p.Best) == 0 || !r.known(t.Tokens[k]) || slices.ContainsFunc(p.Best, func(l Logit) bool { return !r.known(l.Token) }) {
				return fmt.Errorf("text %d, token %d is none of a vocabulary of %d", i, k, r.Vocabulary)
			}
		}
	}
	return nil
}

func (r *Reference) known(token int32) bool { return token >= 0 && int(token) < r.Vocabulary }

// engine is what has computed the reference: "llama.cpp v0.5.0".
func (r *Reference) engine() string { return cmp.Or(r.Library, "llama.cpp") + " " + r.Engine }

// Tokens are the texts without their logits.
func (r *Reference) Tokens() [][]int32 {
	out := make([][]int32, len(r.Texts))
	for i := range r.Texts {
		out[i] = r.Texts[i].Tokens
	}
	return out
}

// Same says why another model, or another set of prompts, can't be compared with
// the reference; nil where it can.
func (r *Reference) Same(c *Checker) error {
	if n := c.Model.VocabSize(); n != r.Vocabulary {
		return fmt.Errorf("the model has a vocabulary of %d tokens, that of %s had %d: it is another model", n, r.Model, r.Vocabulary)
	}
	if !slices.EqualFunc(r.Prompts, c.Prompts, slices.Equal[[]int32]) {
		return errors.New("its prompts are of another vocabulary, or of another version of ceiling: write the reference anew")
	}
	return nil
}
