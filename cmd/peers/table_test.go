package main

import (
	"bytes"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write the golden files")

// twoRounds are samples whose ratios are plain: prefill 0.95 and 0.99 of
// llama-batched-bench (median 0.97), decode 1.25 and 1.5 of llama-server.
func twoRounds() []sample {
	small, large := 0.002, 0.004
	return []sample{
		{Tool: toolCeiling, Round: 0, Prefill: 950, Decode: 100, PeakRSS: 300e6, Overhead: &small},
		{Tool: toolBatched, Round: 0, Prefill: 1000, Decode: 100, PeakRSS: 250e6},
		{Tool: toolServer, Round: 0, Prefill: 500, Decode: 80, PeakRSS: 290e6},
		{Tool: toolBatched, Round: 1, Prefill: 2000, Decode: 100, PeakRSS: 250e6},
		{Tool: toolServer, Round: 1, Prefill: 1000, Decode: 80, PeakRSS: 270e6},
		{Tool: toolCeiling, Round: 1, Prefill: 1980, Decode: 120, PeakRSS: 310e6, Overhead: &large, Others: 0.5},
	}
}

func tableRows() (*settings, []row, []sample) {
	s := testSettings()
	s.quiet.cores = 0.1
	samples := twoRounds()
	for i := range samples {
		samples[i].Model, samples[i].Sequences = "m.gguf", 2
	}
	return s, summarise(s, samples), samples
}

func TestTable(t *testing.T) {
	s, rows, samples := tableRows()
	var got bytes.Buffer
	if err := writeTable(&got, s, rows, samples); err != nil {
		t.Fatal(err)
	}
	golden := filepath.Join("testdata", "table.golden")
	if *update {
		if err := os.WriteFile(golden, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got.String() != string(want) {
		t.Errorf("got\n%s\nwant\n%s", &got, want)
	}
}

// TestSlicedTable: what stops would falsify is left out, and the table says how
// it was measured.
func TestSlicedTable(t *testing.T) {
	s, _, samples := tableRows()
	s.slice = 250 * time.Millisecond
	rows := summarise(s, samples)
	var names []string
	for _, r := range rows {
		names = append(names, r.Figure)
	}
	if want := []string{"prefill tok/s", "decode tok/s", "peak RSS MB"}; !slices.Equal(names, want) {
		t.Errorf("rows %q, want %q", names, want)
	}
	var got bytes.Buffer
	if err := writeTable(&got, s, rows, samples); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"2 measurements, slices of 250ms", slicesDefinition} {
		if !strings.Contains(got.String(), want) {
			t.Errorf("no %q in\n%s", want, &got)
		}
	}
}

func TestBounds(t *testing.T) {
	// Prefill of batched-bench is 0.95 and 0.99 in the two rounds.
	const open = "open: 0.970 of llama-batched-bench, must be 0.98"
	for _, c := range []struct {
		name   string
		change func([]sample)
		open   int      // rows
		want   []string // lines of the error
	}{
		{"the median alone misses", func([]sample) {}, 1, nil},
		{"all met", func(s []sample) { s[0].Prefill = 980 }, 0, nil},
		{"prefill of batched-bench", func(s []sample) { s[5].Prefill = 1940 }, 0,
			[]string{"peers: m.gguf, 2 sequences: prefill tok/s: 0.960 of llama-batched-bench, must be 0.98"}},
		{"decode at the bound", func(s []sample) { s[0].Prefill, s[2].Decode, s[4].Decode = 980, 100, 120 }, 0, nil},
		{"decode of the server", func(s []sample) { s[0].Prefill, s[2].Decode, s[4].Decode = 980, 101, 121 }, 0,
			[]string{"peers: m.gguf, 2 sequences: decode tok/s: 0.991 of llama-server, must be 1.00"}},
		{"memory once", func(s []sample) { s[0].Prefill, s[0].PeakRSS, s[5].PeakRSS = 980, 350e6, 360e6 }, 1, nil},
		{"memory", func(s []sample) { s[0].Prefill, s[0].PeakRSS, s[5].PeakRSS = 980, 360e6, 360e6 }, 0,
			[]string{"peers: m.gguf, 2 sequences: peak RSS MB: 80.0 above llama-server, may be 64.0"}},
		{"overhead", func(s []sample) { large := 0.05; s[0].Prefill, s[0].Overhead = 980, &large }, 0,
			[]string{"peers: m.gguf, 2 sequences: overhead ratio: 0.0270, may be 0.0100"}},
		{"nothing measured", func(s []sample) {
			for i := range s {
				s[i].Sequences = 9
			}
		}, 0, []string{"not measured", "not measured", "not measured", "not measured", "not measured", "not measured"}},
		{"never in the same round", func(s []sample) { s[0].Round, s[5].Round = 7, 8 }, 0,
			[]string{"prefill tok/s: not measured", "not measured", "decode tok/s: not measured", "not measured", "RSS MB: not measured"}},
	} {
		s, _, samples := tableRows()
		c.change(samples)
		rows := summarise(s, samples)
		undecided := 0
		for _, r := range rows {
			if cells := r.cells(nil); strings.HasPrefix(cells[len(cells)-1], "open: ") {
				undecided++
			}
		}
		if undecided != c.open {
			t.Errorf("%s: %d rows are open, want %d", c.name, undecided, c.open)
		}
		err := checkBounds(rows)
		var got []string
		var e *boundError
		if errors.As(err, &e) {
			got = e.lines
		}
		if len(got) != len(c.want) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
			continue
		}
		for i := range got {
			if !strings.Contains(got[i], c.want[i]) {
				t.Errorf("%s: %q, want %q", c.name, got[i], c.want[i])
			}
		}
	}
	_, rows, _ := tableRows()
	if cells := rows[0].cells(nil); cells[len(cells)-1] != open {
		t.Errorf("got %q, want %q", cells[len(cells)-1], open)
	}
}

func TestParse(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{toolCeiling, toolBatched, toolServer, "m.gguf"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	model := filepath.Join(dir, "m.gguf")
	good := []string{"--bin", dir, "--model", model}
	s, err := parse(append(good, "--sequences", "1, 4", "--prompt", "300"), io.Discard)
	if err != nil || len(s.Sequences) != 2 || s.Sequences[1] != 4 || s.perSequence() != 512 {
		t.Errorf("%+v, %v", s, err)
	}
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"--bin", dir}, "no --model"},
		{append(good, "--sequences", "1,0"), `"0" is no number`},
		{append(good, "--sequences", "1,,2"), `"" is no number`},
		{append(good, "--output", "1"), "--output is too small"},
		{append(good, "--rounds", "0"), "--rounds is too small"},
		{append(good, "--flash-attn", "maybe"), `"maybe"; use auto, on or off`},
		{append(good, "--slice", "49ms"), "--slice 49ms; at least 50ms"},
		{append(good, "--slice", "-1s"), "--slice -1s; at least 50ms"},
		{append(good, "--slice", "1s", "--llama-bench"), "--slice with --llama-bench"},
		{append(good, "more"), `unexpected "more"`},
		{append(good, "--nonsense"), "nonsense"},
	} {
		if _, err := parse(c.args, io.Discard); !errors.Is(err, errUsage) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q gave %v, want %q", c.args, err, c.want)
		}
	}
	if _, err := parse(append(good, "--llama-bench"), io.Discard); err == nil || !strings.Contains(err.Error(), "make build peers") {
		t.Errorf("a peer that is not built gave %v", err)
	}
}

// Behind a context only ceiling and llama-bench measure: the bounds of the others
// don't hold there.
func TestBoundsAtDepth(t *testing.T) {
	s, _, samples := tableRows()
	s.Depth = 4096
	ours := slices.DeleteFunc(samples, func(x sample) bool { return x.Tool != toolCeiling })
	if err := checkBounds(summarise(s, ours)); err != nil {
		t.Error(err)
	}
	ours[0].Overhead = new(float64)
	*ours[0].Overhead = 0.5
	if err := checkBounds(summarise(s, ours)); err == nil || strings.Contains(err.Error(), "not measured") {
		t.Error(err)
	}
}
