package chart

import (
	"ceiling/internal/machine"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"ceiling/bench/result"
)

// folder makes a folder with the files.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func recordLine(t *testing.T, n int) string {
	t.Helper()
	b, err := json.Marshal(request("R", n, 1, 1, 2, 3))
	if err != nil {
		t.Fatal(err)
	}
	return string(b) + "\n"
}

func TestRead(t *testing.T) {
	reading := `{"t":1.5,"device":"0000:83:00.0","kind":"gpu","power_w":36,"sclk_mhz":300,"edge_c":53,"junction_c":55}` + "\n"
	own := &result.Run{Details: []result.Detail{{}}, Telemetry: &machine.TelemetryInfo{}}
	for _, c := range []struct {
		name             string
		files            map[string]string
		results          *result.Run
		records, samples int
		notes            []string
	}{
		{"both", map[string]string{result.JournalFile: recordLine(t, 0) + recordLine(t, 1), result.TelemetryFile: reading}, own, 2, 1, nil},
		{"a reference's file has neither", nil, &result.Run{}, 0, 0, nil},
		{"a run without them", nil, own, 0, 0, []string{"requests.jsonl: no such file or directory", "telemetry.jsonl: no such file or directory"}},
		{"a torn journal", map[string]string{result.JournalFile: recordLine(t, 0) + recordLine(t, 1)[:40], result.TelemetryFile: reading}, own, 1, 1,
			[]string{"requests.jsonl: the last line is cut short and was left out"}},
		{"a damaged journal", map[string]string{result.JournalFile: recordLine(t, 0) + "{\n\x00\xff\n" + recordLine(t, 1) + "\n", result.TelemetryFile: reading}, own, 2, 1,
			[]string{"requests.jsonl: 2 of 4 lines can't be read and were left out"}},
		{"damaged telemetry", map[string]string{result.JournalFile: recordLine(t, 0), result.TelemetryFile: reading + "[]\n{}\nnull\n" + reading[:30]}, own, 1, 1,
			[]string{"telemetry.jsonl: 4 of 5 lines can't be read and were left out"}},
		{"empty files", map[string]string{result.JournalFile: "", result.TelemetryFile: ""}, own, 0, 0, nil},
		{"binary files", map[string]string{result.JournalFile: "\x1f\x8b\x00", result.TelemetryFile: "\x1f\x8b\x00"}, own, 0, 0,
			[]string{"requests.jsonl: the last line is cut short and was left out", "telemetry.jsonl: 1 of 1 lines can't be read and were left out"}},
	} {
		in, notes := Read(folder(t, c.files), c.results)
		if len(in.Records) != c.records || len(in.Telemetry) != c.samples || in.Results != c.results {
			t.Errorf("%s: %d records, %d samples", c.name, len(in.Records), len(in.Telemetry))
		}
		if !slices.Equal(notes, c.notes) {
			t.Errorf("%s: notes %q, want %q", c.name, notes, c.notes)
		}
		if _, err := Figures(in); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestReadSamples(t *testing.T) {
	dir := folder(t, map[string]string{result.TelemetryFile: `{"t":1,"device":"a","kind":"gpu","power_w":0,"edge_c":53,"junction_c":55,"mem_c":60}
{"t":2,"device":"a","kind":"gpu","sclk_mhz":1502,"mem_c":60}
{"t":3,"device":"package-0","kind":"cpu","energy_j":7}
`})
	in, notes := Read(dir, nil)
	if len(notes) != 0 || len(in.Telemetry) != 3 {
		t.Fatalf("notes %q, %d samples", notes, len(in.Telemetry))
	}
	for i, want := range []Sample{{1, "a", "gpu", 0, nan, 55}, {2, "a", "gpu", nan, 1502, 60}, {3, "package-0", "cpu", nan, nan, nan}} {
		got := in.Telemetry[i]
		same := func(a, b float64) bool { return a == b || math.IsNaN(a) && math.IsNaN(b) }
		if got.T != want.T || got.Device != want.Device || got.Kind != want.Kind || !same(got.PowerW, want.PowerW) || !same(got.ClockMHz, want.ClockMHz) || !same(got.TempC, want.TempC) {
			t.Errorf("sample %d: %+v, want %+v", i, got, want)
		}
	}
}

// TestReadOddNames: names out of a damaged file end up in charts.
func TestReadOddNames(t *testing.T) {
	in, _ := Read(folder(t, map[string]string{result.TelemetryFile: `{"t":1,"device":"<b>\u0000\ufffe\"&","power_w":3}` + "\n" + `{"t":2,"device":"` + strings.Repeat("x", 300) + `","power_w":3}`}), &result.Run{})
	if fs := figures(t, in); fs["power"] == nil {
		t.Error("no chart")
	}
}
