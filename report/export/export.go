// Package export writes the results of a run in the forms of other tools:
// what they read, they can then be used on.
package export

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"ceiling/bench/result"
)

// ExportSource is a run: its results and the records of its requests.
type ExportSource struct {
	Results *result.Run
	// Records are those of the journal; nil: there is none, and only summaries
	// can be exported.
	Records []result.Record
	Start   *time.Time // nil: not known with its time zone
}

// ExportedFile is one exported file.
type ExportedFile struct {
	Name string // without a folder
	Data []byte
}

// Formats names the formats.
func Formats() []string { return []string{"vllm", "benchfmt", "csv", "llama-bench"} }

// InFolder tells whether a format is several files.
func InFolder(format string) bool { return format == "vllm" }

// Place is where a format lies in the run's folder: the name of its file, or of
// the folder of its files.
func Place(format string) string {
	return map[string]string{"vllm": "vllm", "benchfmt": "benchfmt.txt", "csv": "results.csv", "llama-bench": "llama-bench.json"}[format]
}

// Format writes a run in one of the Formats. notes say what was left out and
// why, one sentence each. It is an error if nothing is left.
func Format(name string, s *ExportSource) (files []ExportedFile, notes []string, err error) {
	switch name {
	case "vllm":
		files, notes, err = vllm(s)
	case "benchfmt":
		files, notes, err = benchLines(s)
	case "csv":
		files, notes, err = csvTable(s)
	case "llama-bench":
		files, notes, err = llamaBench(s)
	default:
		return nil, nil, fmt.Errorf("format %q is not known", name)
	}
	if err == nil && len(files) == 0 {
		err = errors.New("nothing to export: no scenario has figures in this form")
	}
	return files, notes, err
}

// Open reads a run's folder or its results.json, with the journal and the
// manifest beside it where they are.
func Open(path string) (*ExportSource, error) {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		path = filepath.Join(path, result.ResultsFile)
	}
	results, err := result.Load(path)
	if err != nil {
		return nil, err
	}
	s := &ExportSource{Results: results}
	content, err := result.ReadJournalFile(filepath.Join(filepath.Dir(path), result.JournalFile))
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, err
	default:
		s.Records = content.Records
	}
	s.Start = start(filepath.Join(filepath.Dir(path), result.ManifestFile))
	return s, nil
}

// unit is one pass over one scenario.
type unit struct {
	index   int // of the scenario
	planned int // passes
	result.Pass
	detailed bool // Detail is set
	records  []result.Record
}

// units are all passes over all scenarios. Records are in the order of their
// requests.
func (s *ExportSource) units() []unit {
	var out []unit
	for i := range s.Results.Results {
		u := unit{index: i, planned: 1, Pass: result.Pass{Result: s.Results.Results[i]}}
		if i < len(s.Results.Details) {
			u.Detail, u.detailed = s.Results.Details[i], true
		}
		passes := u.Detail.Passes
		if u.planned = max(1, u.Detail.Repeat); len(passes) == 0 {
			passes = []result.Pass{u.Pass}
		}
		for _, p := range passes {
			u.Pass = p
			u.records = s.of(i, p.Pass)
			out = append(out, u)
		}
	}
	return out
}

func (s *ExportSource) of(scenario, pass int) []result.Record {
	var out []result.Record
	for _, r := range s.Records {
		if r.Scenario == scenario && r.Pass == pass {
			out = append(out, r)
		}
	}
	slices.SortStableFunc(out, func(a, b result.Record) int { return a.Request - b.Request })
	return out
}

// label names the unit in notes.
func (u *unit) label() string {
	if u.planned > 1 {
		return fmt.Sprintf("%s, pass %d", u.Result.Name, u.Pass.Pass+1)
	}
	return u.Result.Name
}

// measured says whether any request succeeded.
func (u *unit) measured() bool { return u.Result.SuccessfulRequests > 0 }
