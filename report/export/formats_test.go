package export

import (
	"encoding/csv"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/perf/benchfmt"

	"ceiling/internal/figure"
	"ceiling/report/importer"
)

// write exports a run in a format of one file.
func write(t *testing.T, s *ExportSource, format string) (path string, notes []string) {
	t.Helper()
	files, notes, err := Format(format, s)
	if err != nil || len(files) != 1 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	path = filepath.Join(t.TempDir(), files[0].Name)
	if err := os.WriteFile(path, files[0].Data, 0o644); err != nil {
		t.Fatal(err)
	}
	return path, notes
}

// Go's own reader takes the file without a complaint, and finds our figures.
func TestBenchfmt(t *testing.T) {
	s := opened(t, fakeRun(t, 2, 1, 1))
	path, _ := write(t, s, "benchfmt")
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r := benchfmt.NewReader(f, path)
	lines, units := 0, 0
	for r.Scan() {
		switch rec := r.Result().(type) {
		case *benchfmt.SyntaxError:
			t.Error(rec)
		case *benchfmt.UnitMetadata:
			units++
		case *benchfmt.Result:
			lines++
			if v, ok := rec.Value("tpot-sec"); lines == 1 && (!ok || v != *s.units()[0].Result.TPOTMeanMs/1000 || rec.Iters != 12) {
				t.Errorf("%s: TPOT %v s, %d requests", rec.Name, v, rec.Iters)
			}
			if lines == 1 && (rec.GetConfig("engine") != "llama.cpp v0.5.0" || rec.GetConfig("kv-type") != "f16") {
				t.Errorf("configuration %v", rec.Config)
			}
			if want := "Mixed/open"; lines == 5 && rec.Name.String() != "Mixed_open/in=40/out=10/c=3/n=11/rate=5/cache=cold" {
				t.Errorf("%s: name %s", want, rec.Name)
			}
		}
	}
	if r.Err() != nil || lines != 6 || units != len(benchUnits) {
		t.Errorf("%d lines, %d units, %v", lines, units, r.Err())
	}
}

// benchstat compares two exports: decode is 10 % slower in one, which six
// passes are enough to show.
func TestBenchstat(t *testing.T) {
	a, _ := write(t, opened(t, fakeRun(t, 6, 1, 1)), "benchfmt")
	b, _ := write(t, opened(t, fakeRun(t, 6, 2, 1.1)), "benchfmt")
	out, err := exec.Command("go", "tool", "benchstat", "-filter", ".unit:tpot-sec", a, b).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	line := regexp.MustCompile(`(?m)^Single_User_Latency/in=64/out=12/c=1/n=12/cache=cold .* \+(\d+\.\d+)% \(p=0\.002 n=6\)$`).FindSubmatch(out)
	if line == nil {
		t.Fatalf("benchstat does not find the difference:\n%s", out)
	}
	if v, err := strconv.ParseFloat(string(line[1]), 64); err != nil || v < 8 || v > 12 {
		t.Errorf("benchstat sees +%s %%, made were 10 %%\n%s", line[1], out)
	}
	out, err = exec.Command("go", "tool", "benchstat", "-filter", ".unit:out-tok/s", a, a).CombinedOutput()
	if err != nil || strings.Count(string(out), "~ (p=1.000 n=6)") != 3 {
		t.Errorf("a run against itself: %v\n%s", err, out)
	}
}

func TestBenchName(t *testing.T) {
	for name, want := range map[string]string{"Chat": "Chat", "chat": "Chat", "": "X", "8 users": "X8 users", "ärger": "Xärger"} {
		if got := upper(name); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
	for name, want := range map[string]string{"Mixed Traffic": "mixed-traffic", "A/../b": "a-b", "(c=4)": "c-4", "äß": "scenario"} {
		if got := fileName(name); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}

func TestCSV(t *testing.T) {
	s := opened(t, fakeRun(t, 2, 1, 1))
	path, _ := write(t, s, "csv")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(strings.NewReader(string(text))).ReadAll()
	if err != nil || len(rows) != 7 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	at := map[string]int{}
	for i, name := range rows[0] {
		if _, twice := at[name]; twice || name == "" {
			t.Errorf("column %d: %q", i, name)
		}
		at[name] = i
	}
	first := s.units()[1]
	p95 := 1000 * first.Detail.E2EL.P95
	for name, want := range map[string]string{
		"pass": "2", "name": "Single User Latency", "input_len": "64", "successful_requests": "12", "error": "", "request_rate": "", "goodput_req_s": "",
		"ttft_mean_ms": figure.Shortest(first.Result.TTFTMeanMs), "e2el_p95_ms": figure.Shortest(&p95), "cache": "cold", "status": "complete",
	} {
		if _, there := at[name]; !there {
			t.Errorf("no column %s", name)
		}
		if got := rows[2][at[name]]; got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if got := rows[5][at["request_rate"]]; got != "5" {
		t.Errorf("request rate %q", got)
	}
}

func TestLlamaBench(t *testing.T) {
	s := opened(t, fakeRun(t, 1, 1, 1))
	path, notes := write(t, s, "llama-bench")
	if len(notes) != 2 || notes[0] != "Concurrency Scaling (c=4): llama-bench has no form for 4 requests in flight, left out" {
		t.Errorf("notes %q", notes)
	}
	runs, err := importer.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if runs[0].Tool != importer.ToolLlamaBench || len(runs[0].Loads) != 2 {
		t.Fatalf("%s with %d loads", runs[0].Tool, len(runs[0].Loads))
	}
	// By hand, from the records: 64 tokens over each prefill, 11 over each
	// decode.
	var pp, tg float64
	for _, r := range s.of(0, 0) {
		pp += 64 / (r.TokenTimes[0] - *r.PrefillStart) / 12
		tg += 11 / (r.End - r.TokenTimes[0]) / 12
	}
	for i, want := range map[int]struct {
		prompt, output, depth int
		rate                  float64
	}{0: {64, 0, 0, pp}, 1: {0, 11, 64, tg}} {
		l := runs[0].Loads[i]
		found := false
		for _, v := range l.Values {
			found = found || math.Abs(v.V-want.rate) < 1e-3*want.rate && len(v.Samples) == 12
		}
		if !found || l.Input != want.prompt || l.Output != want.output || l.Depth != want.depth {
			t.Errorf("test %d: %+v, want %+v", i, l, want)
		}
	}
	text, err := os.ReadFile(path)
	if err != nil || !strings.Contains(string(text), `"test_time": "2026-11-23T13:11:26Z"`) || !strings.Contains(string(text), `"flash_attn": -1`) {
		t.Errorf("%v\n%s", err, text)
	}
}
