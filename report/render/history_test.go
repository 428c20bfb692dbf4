package render

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"ceiling/bench/result"
)

// runIn makes the folder of a run.
func runIn(t *testing.T, dir, name string) {
	t.Helper()
	v := 10.0
	r := &result.Run{Model: "m", Hardware: "box", Date: "2026-03-01T10:00:00", Planned: []string{"Chat"}, Engine: &result.EngineInfo{Name: "llama.cpp"},
		Results: []result.Summary{{Name: "Chat", InputLen: 64, OutputLen: 16, Concurrency: 2, NumPrompts: 8, SuccessfulRequests: 8, TPOTMeanMs: &v}},
		Details: []result.Detail{{Name: "Chat", Status: result.StatusComplete, Cache: result.CacheCold}}}
	if err := os.Mkdir(filepath.Join(dir, name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := result.Save(filepath.Join(dir, name, result.ResultsFile), r); err != nil {
		t.Fatal(err)
	}
}

// Runs that end at the same time all are on the page, whichever was the last to
// write it, and nothing else is left in the folder.
func TestUpdateHistory(t *testing.T) {
	dir := t.TempDir()
	const runs = 4 // fewer than the page is made anew
	var all sync.WaitGroup
	for i := range runs {
		all.Go(func() {
			runIn(t, dir, fmt.Sprintf("run-%d", i))
			if err := UpdateHistory(dir, "v1"); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	page, err := os.ReadFile(HistoryFile(dir))
	if err != nil {
		t.Fatal(err)
	}
	for i := range runs {
		if name := fmt.Sprintf("run-%d", i); !strings.Contains(string(page), name) {
			t.Errorf("no %s on the page", name)
		}
	}
	if entries, _ := os.ReadDir(dir); len(entries) != runs+1 {
		t.Errorf("%v in the folder", entries)
	}
}

// Of many runs the page has the last, and says so.
func TestManyRuns(t *testing.T) {
	dir := t.TempDir()
	for i := range mostRecent + 2 {
		name := fmt.Sprintf("run-%02d", i)
		runIn(t, dir, name)
		at := time.Date(2026, 3, 1, 10, i, 0, 0, time.UTC)
		if err := os.Chtimes(filepath.Join(dir, name, result.ResultsFile), at, at); err != nil {
			t.Fatal(err)
		}
	}
	if err := UpdateHistory(dir, "v1"); err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(HistoryFile(dir))
	if err != nil {
		t.Fatal(err)
	}
	text := string(page)
	if !strings.Contains(text, "2 older runs are left out") || strings.Contains(text, "run-01") || !strings.Contains(text, "run-02") {
		t.Error("not the last runs")
	}
}
