package prose

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// fileVersion is the form of prose.json that this package writes and reads.
const fileVersion = 2

// How the writing ended.
const (
	EndedDone  = "done"
	EndedLimit = "time limit"
	EndedError = "error"
)

// ChoicesFile is prose.json: what a model chose, without any text. The claims are
// computed again when a report is rendered, and the choices looked up among
// them. Times are in seconds.
type ChoicesFile struct {
	Version      int              `json:"version"`
	Model        string           `json:"model"` // as in results.json
	Seed         uint64           `json:"seed"`
	LimitSeconds float64          `json:"limit_seconds"` // 0: none
	Ended        string           `json:"ended"`         // EndedDone, EndedLimit or EndedError
	Error        string           `json:"error,omitempty"`
	Totals       Totals           `json:"totals"`
	Sections     []SectionChoices `json:"sections"`
}

// Totals are over all sections.
type Totals struct {
	Seconds      float64 `json:"seconds"`
	Chosen       int     `json:"chosen"`        // claims
	PromptTokens int     `json:"prompt_tokens"` // computed
	Reused       int     `json:"reused_tokens"` // of prompts, not computed again
	Tokens       int     `json:"tokens"`        // written
}

// SectionChoices are those of one section, in their order.
type SectionChoices struct {
	ID      string   `json:"id"`
	Choices []Choice `json:"choices"`
}

func newFile(opt WritingOptions) *ChoicesFile {
	return &ChoicesFile{Version: fileVersion, Model: opt.Model, Seed: opt.Seed, LimitSeconds: opt.Limit.Seconds(), Sections: []SectionChoices{}}
}

// Choices are those of a section, nil for none. A nil ChoicesFile has none.
func (f *ChoicesFile) Choices(id string) []Choice {
	if f == nil {
		return nil
	}
	for _, s := range f.Sections {
		if s.ID == id {
			return s.Choices
		}
	}
	return nil
}

// Load reads prose.json. Its error is one line; fs.ErrNotExist where there is
// no such file.
func Load(path string) (*ChoicesFile, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		var p *fs.PathError
		if errors.As(err, &p) {
			err = p.Err
		}
		return nil, fmt.Errorf("read %q: %w", path, err)
	}
	f := &ChoicesFile{}
	err = json.Unmarshal(data, f)
	if err == nil && f.Version != fileVersion {
		err = fmt.Errorf("version %d, this program reads %d", f.Version, fileVersion)
	}
	if err != nil {
		return nil, fmt.Errorf("%q is no prose.json: %w; remove it, and the rules write the report", path, err)
	}
	return f, nil
}
