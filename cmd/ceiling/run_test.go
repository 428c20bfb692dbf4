package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ceiling/bench/folder"
	"ceiling/bench/result"
	"ceiling/engine/gguf"
)

// TestHowEnded: the exit code and the sentence of a run by what its scenarios
// came to.
func TestHowEnded(t *testing.T) {
	reason := "no memory"
	scenario := func(good, bad float64) result.Summary {
		return result.Summary{Name: "S", NumPrompts: 4, SuccessfulRequests: good, FailedRequests: bad}
	}
	dead := scenario(0, 0)
	dead.Error = &reason
	for _, tc := range []struct {
		name    string
		results []result.Summary
		partial bool
		err     error
		code    int
		text    string
	}{
		{"all is well", []result.Summary{scenario(4, 0), scenario(4, 0)}, false, nil, 0, ""},
		{"one request of four failed in each", []result.Summary{scenario(3, 1), scenario(3, 1)}, false, nil, exitInvalid, "1 of 4 requests failed"},
		{"one scenario failed", []result.Summary{scenario(4, 0), dead}, false, nil, exitInvalid, "no memory"},
		{"nothing succeeded", []result.Summary{scenario(0, 4), dead}, false, nil, exitFailed, "every scenario failed"},
		{"interrupted", []result.Summary{scenario(4, 0)}, true, fmt.Errorf("x: %w", context.Canceled), exitInterrupted, "interrupted after 1 of 2 scenarios"},
		{"the disk is full", []result.Summary{scenario(4, 0)}, true, fmt.Errorf("full"), exitFailed, "full"},
	} {
		r := &runner{dir: &folder.Folder{Path: "out"}}
		r.suite.Scenarios = []result.Scenario{{Name: "S", Prompts: 4}, {Name: "T", Prompts: 4}}
		results := &result.Run{Results: tc.results, Partial: tc.partial}
		for range tc.results {
			results.Details = append(results.Details, result.Detail{Status: result.StatusComplete})
		}
		err := r.howEnded(results, tc.err)
		if code := exitCode(err); code != tc.code || (err != nil && !strings.Contains(err.Error(), tc.text)) {
			t.Errorf("%s: exit code %d, %v; want %d, %q", tc.name, code, err, tc.code, tc.text)
		}
		if tc.code == exitInvalid && strings.Contains(err.Error(), "every") {
			t.Errorf("%s: %v", tc.name, err)
		}
	}
}

// TestHashInterrupted: the hash of a large model ends with the run.
func TestHashInterrupted(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m.gguf")
	if err := os.WriteFile(path, make([]byte, 5<<20), 0o644); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	calls := 0
	_, err := gguf.Hash(ctx, []string{path}, func(done, total int64) {
		if calls++; done >= 2<<20 {
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) || calls != 2 {
		t.Errorf("%v after %d megabytes", err, calls)
	}
	if got := orInterrupted(ctx, err); got.Error() != "interrupted" {
		t.Errorf("a user reads %q", got)
	}
}
