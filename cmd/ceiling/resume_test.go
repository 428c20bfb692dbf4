package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"ceiling/bench/result"
)

// What only one of two programs records is a difference, and many differences
// are counted.
func TestResumeDifferences(t *testing.T) {
	e := &earlierRun{recorded: map[string]any{"engine": map[string]any{"of_tomorrow": json.Number("7")}}}
	err := e.sameRun(&result.Manifest{}, "engine")
	if err == nil || !strings.Contains(err.Error(), "another of tomorrow: 7 then, none now\n") {
		t.Errorf("error %v", err)
	}
	many := map[string]any{}
	for i := range 100 {
		many[fmt.Sprintf("GGML_%d", i)] = "1"
	}
	e.recorded = map[string]any{"environment": many}
	if lines := strings.Split(e.sameRun(&result.Manifest{}, "environment").Error(), "\n"); len(lines) != mostDifferences+2 || lines[mostDifferences] != "--resume: 80 differences more" {
		t.Errorf("%d lines: %q", len(lines), lines)
	}
}
