package suite

import (
	"fmt"
	"path/filepath"

	"github.com/goccy/go-yaml/ast"

	"ceiling/bench/result"
)

// inFile says whether a dataset gives what a field would, which may then be left
// out.
func (f *scenarioReader) inFile(field string) bool {
	switch field {
	case "input", "output", "prompts":
		return f.fields.nodes["dataset"] != nil || f.fields.meant["dataset"] || f.fields.nodes["trace"] != nil || f.fields.meant["trace"]
	}
	return false
}

func setDataset(f *scenarioReader, n ast.Node, key string, sc *result.Scenario) bool {
	return f.fromFile(n, key, false, sc)
}

// fromFile reads the file of prompts, or of a trace, that a field names.
func (f *scenarioReader) fromFile(n ast.Node, key string, trace bool, sc *result.Scenario) bool {
	name, ok := f.r.text(n, key)
	if !ok {
		return false
	}
	d, err := f.r.dataset(name, trace)
	if err != nil {
		f.r.problem(lineOf(n), "%s: %v", key, err)
	}
	if d == nil {
		return false
	}
	own := d.Dataset
	sc.Dataset = &own
	return true
}

// dataset reads a dataset once, and reports what is wrong in its lines; nil: it
// can't be used.
func (r *yamlReader) dataset(name string, trace bool) (*dataset, error) {
	key := fmt.Sprint(trace, " ", name)
	if d, read := r.data[key]; read {
		return d, nil
	}
	d, problems, err := readDataset(name, filepath.Dir(r.file), trace)
	if err != nil {
		return nil, err
	}
	r.err.Problems = append(r.err.Problems, problems...)
	if len(problems) > 0 {
		d = nil
	}
	if r.data == nil {
		r.data = map[string]*dataset{}
	}
	r.data[key] = d
	return d, nil
}

func setSample(f *scenarioReader, n ast.Node, key string, sc *result.Scenario) bool {
	yes, ok := f.r.boolean(n, key)
	switch {
	case !ok:
		return false
	case f.fields.nodes["dataset"] == nil && !f.fields.meant["dataset"]:
		f.r.problem(lineOf(n), "%s: without a dataset there is nothing to take prompts from: add dataset, or leave it out", key)
		return false
	}
	if sc.Dataset != nil {
		sc.Dataset.Sample = yes
	}
	return true
}

func setIgnoreEOS(f *scenarioReader, n ast.Node, key string, sc *result.Scenario) bool {
	ignore, ok := f.r.boolean(n, key)
	sc.UntilEnd = ok && !ignore
	return ok
}

func (r *yamlReader) boolean(n ast.Node, key string) (yes, ok bool) {
	if v, is := n.(*ast.BoolNode); is {
		return v.Value, true
	}
	r.problem(lineOf(n), "%s: %s is not true or false: write one of them, without quotes", key, shown(n))
	return false, false
}

// fromDataset fills in what the scenario leaves to its dataset: each prompt once.
func (f *scenarioReader) fromDataset(sc *result.Scenario) {
	if _, given := f.lines["prompts"]; !given && sc.Dataset != nil {
		sc.Prompts = sc.Dataset.Entries
	}
}

// checkDataset reports lengths that neither the scenario nor its dataset gives. A
// length that is written is no 0.
func (f *scenarioReader) checkDataset(sc result.Scenario) {
	if sc.Dataset == nil {
		for _, field := range []string{"input", "output", "prompts"} {
			if _, given := f.lines[field]; !given && f.inFile(field) {
				f.bad[field] = true // it is the dataset that has to be mended
			}
		}
		return
	}
	for field, n := range map[string]int{"input": sc.Input, "output": sc.Output} {
		if line, given := f.lines[field]; given && n == 0 && !f.bad[field] {
			f.bad[field] = true
			f.r.problem(line, "%s: %s: \"0\" is out of range: use more, or leave it out for the dataset's lengths", f.label, field)
		}
	}
	if sc.Output != 0 || f.bad["output"] || sc.Dataset.Trace {
		return
	}
	d, _ := f.r.dataset(sc.Dataset.Name, false) // which has been read
	for i := range d.entries {
		if !d.entries[i].sizes(sc.Turns) {
			f.r.err.Problems = append(f.r.err.Problems, Problem{File: d.Name, Line: d.entries[i].line,
				Text: "output_tokens: missing, and " + f.label + " has no output: add one of them"})
		}
	}
}
