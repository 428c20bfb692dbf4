package importer

import (
	"bufio"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"ceiling/report/metric"
)

// expected is one row of testdata/figures.txt.
type expected struct {
	line             int
	file, run, load  string
	metric           metric.Key
	value            float64
	same             bool
	note             string
	headerOfLoadOnly bool // a load without figures
}

func readFigures(t *testing.T) []expected {
	t.Helper()
	f, err := os.Open("testdata/figures.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var out []expected
	at := expected{}
	lines := bufio.NewScanner(f)
	for number := 1; lines.Scan(); number++ {
		word, rest, _ := strings.Cut(lines.Text(), " ")
		switch word {
		case "", "#":
			continue
		case "file":
			at = expected{file: rest}
			continue
		case "run":
			at.run = rest
			continue
		case "load":
			at.load = rest
			header := at
			header.headerOfLoadOnly = true
			out = append(out, header)
			continue
		}
		parts := strings.SplitN(rest, " ", 3)
		if len(parts) < 2 || parts[1] != "same" && parts[1] != "differs" {
			t.Fatalf("figures.txt:%d: not a row: %q", number, lines.Text())
		}
		row := at
		row.line, row.metric, row.same = number, metric.Key(word), parts[1] == "same"
		if row.value, err = strconv.ParseFloat(parts[0], 64); err != nil {
			t.Fatalf("figures.txt:%d: %v", number, err)
		}
		if len(parts) == 3 {
			row.note = parts[2]
		}
		out = append(out, row)
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

// opener opens each file once for many rows.
func opener(t *testing.T) func(file string) []*ToolRun {
	cache := map[string][]*ToolRun{}
	return func(file string) []*ToolRun {
		t.Helper()
		if _, ok := cache[file]; !ok {
			runs, err := Open(file)
			if err != nil {
				t.Fatalf("Open: %v", err)
			}
			cache[file] = runs
		}
		return cache[file]
	}
}

func findLoad(t *testing.T, runs []*ToolRun, model, name string) ToolLoad {
	t.Helper()
	for _, r := range runs {
		for _, l := range r.Loads {
			if r.Model == model && l.Name == name {
				return l
			}
		}
	}
	t.Fatalf("no load %q of model %q", name, model)
	return ToolLoad{}
}

// TestFigures holds every imported figure against the one read off the file.
func TestFigures(t *testing.T) {
	open := opener(t)
	seen := map[string]map[metric.Key]bool{}
	for _, row := range readFigures(t) {
		l := findLoad(t, open(row.file), row.run, row.load)
		if seen[row.file] == nil {
			seen[row.file] = map[metric.Key]bool{}
		}
		if row.headerOfLoadOnly {
			continue
		}
		seen[row.file][row.metric] = true
		v, ok := l.Values[row.metric]
		if !ok {
			t.Errorf("figures.txt:%d: %s: %s: no %s", row.line, row.file, row.load, row.metric)
			continue
		}
		if math.Abs(v.V-row.value) > 1e-12*row.value {
			t.Errorf("figures.txt:%d: %s: %s: %s is %v, want %v", row.line, row.file, row.load, row.metric, v.V, row.value)
		}
		if v.Same != row.same || !strings.Contains(v.Note, row.note) || (row.note == "") != (v.Note == "") {
			t.Errorf("figures.txt:%d: %s: %s: %s: same %v, note %q; want %v, %q", row.line, row.file, row.load, row.metric, v.Same, v.Note, row.same, row.note)
		}
		if info := row.metric.Info(); v.Unit != info.Unit || v.Unit == "" && row.metric != metric.OverheadRatio {
			t.Errorf("figures.txt:%d: %s has unit %q, its metric %q", row.line, row.metric, v.Unit, info.Unit)
		}
		if v.Origin == "" {
			t.Errorf("figures.txt:%d: %s has no origin", row.line, row.metric)
		}
	}
	for file, metrics := range seen {
		for _, r := range open(file) {
			for _, l := range r.Loads {
				for m := range l.Values {
					if !metrics[m] {
						t.Errorf("%s: %s is imported (%q) and has no row in figures.txt", file, m, l.Name)
						metrics[m] = true
					}
				}
			}
		}
	}
}

// sampleFiles are all files that must import.
func sampleFiles(t *testing.T) []string {
	t.Helper()
	var files []string
	for _, pattern := range []string{"testdata/*/*", "../testdata/reference/*"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, found...)
	}
	if len(files) < 21 {
		t.Fatalf("only %d sample files", len(files))
	}
	return files
}

// TestEverySampleHasFigures keeps a sample from being there unchecked.
func TestEverySampleHasFigures(t *testing.T) {
	rows := map[string]bool{}
	for _, row := range readFigures(t) {
		rows[row.file] = true
	}
	for _, file := range sampleFiles(t) {
		if !rows[filepath.ToSlash(file)] {
			t.Errorf("%s has no row in figures.txt", file)
		}
	}
}
