package importer

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"ceiling/bench/result"
	"ceiling/internal/oneline"
)

// maxSweepDepth is how many folders below the given one a sweep's files may
// lie: time / combination.
const maxSweepDepth = 3

// summaryFile is the table that a sweep leaves of all its runs.
const summaryFile = "summary.csv"

// openDir reads a run's folder, a sweep's, or one that holds the result files
// of one tool, a load each.
func openDir(dir string) ([]*ToolRun, error) {
	if _, err := os.Stat(filepath.Join(dir, result.ResultsFile)); err == nil {
		runs, err := openFile(filepath.Join(dir, result.ResultsFile))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", result.ResultsFile, err)
		}
		return runs, nil
	}
	files, failed, err := sweepFiles(dir)
	if _, errSummary := os.Stat(filepath.Join(dir, summaryFile)); err == nil && len(files) == 0 && errSummary == nil {
		files = []string{summaryFile}
	}
	if err == nil && len(files) == 0 {
		files, err = resultFiles(dir)
	}
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("neither %s of a run, nor run=N.json, summary.json or summary.csv of `vllm bench sweep`, nor JSON files in it", result.ResultsFile)
	}
	runs, err := openAll(dir, files)
	for _, r := range runs {
		if failed > 0 {
			r.addNotes(fmt.Sprintf("%d runs of the sweep failed and left no result", failed))
		}
	}
	return runs, err
}

// openAll reads files of one tool and puts their loads together.
func openAll(dir string, files []string) ([]*ToolRun, error) {
	var parts []part
	for _, name := range files {
		runs, err := openFile(filepath.Join(dir, name))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		for _, r := range runs {
			if len(parts) > 0 && r.Tool != parts[0].run.Tool {
				return nil, fmt.Errorf("%s: written by %s, but %s by %s: give the files themselves", name, r.Tool, files[0], parts[0].run.Tool)
			}
			r.set(CondServer, serverOptions(name))
			loads := r.Loads
			r.Loads = nil // gather puts them together anew
			for _, l := range loads {
				parts = append(parts, part{*r, l})
			}
		}
	}
	return gather(parts), nil
}

// resultFiles lists the JSON files that lie in dir itself, by name. vLLM can
// put a second file for PyTorch's database beside each of its own.
func resultFiles(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, oneline.Cause(err)
	}
	var files []string
	for _, e := range entries {
		name := e.Name()
		if ext := filepath.Ext(name); !e.IsDir() && (ext == ".json" || ext == ".jsonl") && !strings.HasSuffix(name, ".pytorch.json") && !isFailure(name) {
			files = append(files, name)
		}
	}
	return files, nil
}

// sweepFiles finds the run=N.json files below dir, by combination and then by
// number, and the summary.json of a combination that has nothing else left. It
// counts the runs that failed.
func sweepFiles(dir string) (files []string, failed int, err error) {
	var summaries []string
	err = filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if strings.Count(rel, string(filepath.Separator)) >= maxSweepDepth {
				return fs.SkipDir
			}
			return nil
		}
		name := entry.Name()
		switch {
		case isFailure(name):
			failed++
		case strings.HasPrefix(name, "run=") && strings.HasSuffix(name, ".json"):
			files = append(files, rel)
		case name == "summary.json" && rel != name:
			summaries = append(summaries, rel)
		}
		return nil
	})
	if err != nil {
		var p *fs.PathError
		if errors.As(err, &p) {
			err = fmt.Errorf("%s: %w", filepath.Base(p.Path), p.Err)
		}
		return nil, 0, err
	}
	for _, s := range summaries {
		if !slices.ContainsFunc(files, func(f string) bool { return filepath.Dir(f) == filepath.Dir(s) }) {
			files = append(files, s)
		}
	}
	slices.SortFunc(files, func(a, b string) int {
		// run=10 comes after run=9.
		return cmp.Or(strings.Compare(filepath.Dir(a), filepath.Dir(b)), len(a)-len(b), strings.Compare(a, b))
	})
	return files, failed, nil
}

// isFailure tells whether a sweep wrote the file in place of a run's, or of all
// runs of a server that did not start.
func isFailure(name string) bool {
	return strings.HasSuffix(name, ".failure.json") || strings.HasPrefix(name, "SERVE-") && strings.HasSuffix(name, "-failure.json")
}

// serverOptions is the part of a combination's folder that varies the server:
// "SERVE--max_num_seqs=32-BENCH--max_concurrency=8" gives "max_num_seqs=32".
// A sweep over workloads adds its own part, WL.
func serverOptions(file string) string {
	folder := filepath.Base(filepath.Dir(file))
	_, rest, ok := strings.Cut(folder, "SERVE--")
	if !ok {
		return ""
	}
	options, _, _ := strings.Cut(rest, "-BENCH--")
	options, _, _ = strings.Cut(options, "-WL--")
	return options
}
