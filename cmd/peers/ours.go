package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"ceiling/bench/result"
	"ceiling/bench/suite"
)

const (
	prefillScenario = "prefill"
	decodeScenario  = "decode"
)

// suiteText is a suite of the shape under test: first a scenario whose
// requests end with their first token, with one wave of sequences more than is
// counted, because the first one touches the context's memory for the first
// time; then scenarios that decode, one a wave.
func suiteText(s *settings, sequences int) string {
	var b strings.Builder
	b.WriteString("name: peers\nscenarios:\n")
	input, depth := s.Prompt, ""
	if s.Depth > 0 {
		input, depth = suite.MinInput, fmt.Sprintf(", depth: %d", s.Depth) // llama-bench decodes from the depth on
	}
	scenario := func(name string, input, output, prompts int) {
		fmt.Fprintf(&b, "  - {name: %s, input: %d, output: %d, concurrency: %d, prompts: %d%s}\n",
			name, input, output, sequences, prompts, depth)
	}
	scenario(prefillScenario, s.Prompt, 1, sequences*(s.Waves+1))
	for wave := range s.Waves {
		scenario(fmt.Sprintf("%s %d", decodeScenario, wave+1), input, s.Output, sequences)
	}
	return b.String()
}

// runCeiling measures with a run of ceiling's own, in a process of its own.
func runCeiling(ctx context.Context, s *settings, model string, sequences int, l *lane) (out sample, err error) {
	dir, err := os.MkdirTemp("", "ceiling-peers-*")
	if err != nil {
		return sample{}, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	file, folder := filepath.Join(dir, "suite.yaml"), filepath.Join(dir, "run")
	if err := os.WriteFile(file, []byte(suiteText(s, sequences)), 0o644); err != nil {
		return sample{}, err
	}
	args := append([]string{"run", "--model", model, "--suite", file, "--out", folder,
		"--threads", strconv.Itoa(s.Threads), "--step-tokens", strconv.Itoa(s.Batch), "--ubatch", strconv.Itoa(s.UBatch),
		"--flash-attn", s.FlashAttn, "--kv-unified", "off", "--prose", "off"}, s.deviceArgs("--devices")...)
	c, err := l.start(ctx, s, s.ceiling, append(args, s.Spec.ceiling()...)...)
	if err != nil {
		return sample{}, err
	}
	end, err := c.finish()
	if err != nil {
		return sample{}, err
	}
	out = end.sample(toolCeiling)
	if err := readRun(folder, s, sequences, l, &out); err != nil {
		return sample{}, fmt.Errorf("%s: %w", toolCeiling, err)
	}
	return out, nil
}

// readRun takes the waves from a run's journal, and the overhead from its
// results, whose date is second 0 of the journal.
func readRun(folder string, s *settings, sequences int, l *lane, out *sample) error {
	scenarios, err := readScenarios(folder, s, sequences)
	if err != nil {
		return err
	}
	results, err := readResults(folder)
	if err != nil {
		return err
	}
	zero, err := time.ParseInLocation(result.DateLayout, results.Date, time.Local)
	if err != nil {
		return fmt.Errorf("results.json: %w", err)
	}
	slices.SortFunc(scenarios[0], func(a, b result.Record) int { return a.Request - b.Request })
	for records := range slices.Chunk(scenarios[0][sequences:], sequences) {
		w, err := recorded(records, zero).prefill(l, sequences*s.Prompt)
		if err != nil {
			return err
		}
		out.prefills = append(out.prefills, w)
	}
	for _, records := range scenarios[1:] {
		w, err := recorded(records, zero).decode(l)
		if err != nil {
			return err
		}
		out.decodes = append(out.decodes, w)
	}
	out.Overhead, err = recordedOverhead(results)
	return err
}

// recorded are the streams of requests in the journal, from the first engine
// call that held a token of theirs.
func recorded(records []result.Record, zero time.Time) replies {
	out := replies{zero: zero, begin: math.Inf(1)}
	for _, r := range records {
		out.begin = min(out.begin, *r.PrefillStart)
		s := stream{At: r.TokenTimes}
		for n := range r.TokenTimes {
			s.Tokens = append(s.Tokens, n+1)
		}
		out.streams = append(out.streams, s)
	}
	return out
}

// readScenarios returns the records of a run by scenario: the first, and one
// for each wave.
func readScenarios(folder string, s *settings, sequences int) ([][]result.Record, error) {
	journal, err := result.ReadJournalFile(filepath.Join(folder, "requests.jsonl"))
	if err != nil {
		return nil, err
	}
	scenarios := make([][]result.Record, 1+s.Waves)
	for _, r := range journal.Records {
		if !r.OK() {
			return nil, fmt.Errorf("request %d of %q failed: %s", r.Request, r.Name, r.Error)
		}
		if r.Scenario >= len(scenarios) {
			return nil, fmt.Errorf("unexpected scenario %q", r.Name)
		}
		scenarios[r.Scenario] = append(scenarios[r.Scenario], r)
	}
	if n := len(scenarios[0]); n != sequences*(s.Waves+1) {
		return nil, fmt.Errorf("%s has %d requests, asked for %d", prefillScenario, n, sequences*(s.Waves+1))
	}
	for i, records := range scenarios[1:] {
		if len(records) != sequences {
			return nil, fmt.Errorf("%s %d has %d requests, asked for %d", decodeScenario, i+1, len(records), sequences)
		}
	}
	return scenarios, nil
}

func readResults(folder string) (*result.Run, error) {
	text, err := os.ReadFile(filepath.Join(folder, "results.json"))
	if err != nil {
		return nil, err
	}
	var results result.Run
	if err := json.Unmarshal(text, &results); err != nil {
		return nil, fmt.Errorf("results.json: %w", err)
	}
	return &results, nil
}

// recordedOverhead is the mean overhead_ratio of the decode scenarios.
func recordedOverhead(results *result.Run) (*float64, error) {
	var ratios []float64
	for _, d := range results.Details {
		if strings.Contains(d.Name, decodeScenario) && d.OverheadRatio != nil {
			ratios = append(ratios, *d.OverheadRatio)
		}
	}
	if len(ratios) == 0 {
		return nil, errors.New("results.json: no overhead_ratio")
	}
	overhead := mean(ratios)
	return &overhead, nil
}
