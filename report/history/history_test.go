package history

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ceiling/bench/result"
	"ceiling/report/compare"
	"ceiling/report/metric"
)

// write makes the folder of a run of one scenario with passes of that mean TPOT.
func write(t *testing.T, dir, name, date, model string, tpot float64, passes int, noise float64) {
	t.Helper()
	rng := rand.New(rand.NewPCG(1, uint64(len(name))))
	var all []result.Pass
	for p := range passes {
		v := tpot * (1 + noise*rng.NormFloat64())
		s := result.Summary{Name: "Chat", InputLen: 64, OutputLen: 16, Concurrency: 2, NumPrompts: 8, SuccessfulRequests: 8, TPOTMeanMs: &v, OutputThroughput: &v}
		d := result.Detail{Name: "Chat", Status: result.StatusComplete, Cache: result.CacheCold, Pass: p, Verdict: &result.Verdict{State: result.StateValid}}
		all = append(all, result.Pass{Pass: p, Result: s, Detail: d})
	}
	s, d := result.Combine(passes, all)
	r := &result.Run{Model: model, Hardware: "box", Date: date, Results: []result.Summary{s}, Details: []result.Detail{d}, Planned: []string{"Chat"}}
	r.Engine = &result.EngineInfo{Name: "llama.cpp"}
	r.Verdict = result.JudgeRun(r)
	folder := filepath.Join(dir, name)
	if err := os.Mkdir(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := result.Save(filepath.Join(folder, result.ResultsFile), r); err != nil {
		t.Fatal(err)
	}
}

// TestRead: runs stand by date in groups of one model, and a planted change is
// found where it is, and nowhere else.
func TestRead(t *testing.T) {
	dir := t.TempDir()
	for i, tpot := range []float64{10, 10, 12, 12} {
		write(t, dir, fmt.Sprintf("z%d", 9-i), fmt.Sprintf("2026-03-0%dT10:00:00.000000", i+1), "m", tpot, 6, 0.01)
	}
	write(t, dir, "other", "2026-03-02T10:00:00.000000", "n", 50, 1, 0)
	if err := os.Symlink("z6", filepath.Join(dir, "latest")); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "notes"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "broken"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "broken", result.ResultsFile), []byte(`{"results": [`), 0o644); err != nil {
		t.Fatal(err)
	}
	files, err := Files(dir)
	if err != nil {
		t.Fatal(err)
	}
	h, err := Read(dir, files, metric.TPOTMean)
	if err != nil || len(h.Groups) != 2 || len(h.Notes) != 1 || !strings.Contains(h.Notes[0], "broken is left out") {
		t.Fatalf("%+v, %v", h, err)
	}
	g := &h.Groups[1]
	if g.Model != "m" || len(g.Runs) != 4 {
		t.Fatalf("%+v", g)
	}
	for i, want := range []bool{false, false, true, false} {
		r := &g.Runs[i]
		if r.Name != fmt.Sprintf("z%d", 9-i) || r.Loads[0].Changed() != want || i > 0 && r.Loads[0].Ratio == nil {
			t.Errorf("run %d: %s, %+v", i, r.Name, r.Loads[0])
		}
	}
	if c := g.Runs[2].Loads[0]; c.Change != compare.Differs || c.Interval.Lo < 1.17 || c.Interval.Hi > 1.23 {
		t.Errorf("%+v, %+v", c, c.Interval)
	}
	_, rows := h.Rows(g)
	if rows[0][3] != "—" || rows[0][2] != "valid" || !strings.HasPrefix(rows[2][4], "Chat +20.") || rows[3][4] != "—" || rows[2][1] != "2026-03-03 10:00" {
		t.Errorf("rows %q", rows)
	}
	checkPage(t, h)
}

// checkPage: both groups are on the page, and the one with several runs has a
// chart with the change.
func checkPage(t *testing.T, h *History) {
	t.Helper()
	var b bytes.Buffer
	if err := h.Document("v1").HTML(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"m on box", "n on box", "z7", "Left out", h.Metric.Info().Text(h.Groups[1].Runs[2].Loads[0].Value)} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q on the page", want)
		}
	}
	charts, undrawn := h.Charts()
	if len(charts) != 1 || len(undrawn) != 0 {
		t.Fatalf("%d charts, %q", len(charts), undrawn)
	}
	c := charts[0]
	if string(c.Place) != "m on box" || c.Alt != "TPOT mean of run after run of 1 load in 4 runs; 1 change marked." || !strings.Contains(c.Rows[0][3], "(+20.") || !strings.Contains(string(c.SVG), ">+20.") {
		t.Errorf("%q: %q, %q", c.Place, c.Alt, c.Rows)
	}
}

// A folder without runs, or none, is an error that says what to name.
func TestReadNothing(t *testing.T) {
	if _, err := Files(t.TempDir()); err == nil || !strings.Contains(err.Error(), "no run in") {
		t.Error(err)
	}
	if _, err := Files("no/such"); err == nil || !strings.Contains(err.Error(), "name one that holds") {
		t.Error(err)
	}
}

// Last are the newest of the files, in the order of all.
func TestLast(t *testing.T) {
	at := func(hour int) time.Time { return time.Date(2026, 3, 1, hour, 0, 0, 0, time.UTC) }
	files := []RunFile{{"a", at(3)}, {"b", at(1)}, {"c", at(4)}, {"d", at(2)}}
	if got := Last(files, 2); len(got) != 2 || got[0].Folder != "a" || got[1].Folder != "c" {
		t.Errorf("%v", got)
	}
	if got := Last(files, 4); len(got) != 4 {
		t.Errorf("%v", got)
	}
}
