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

	"ceiling/bench"
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
	scenario := func(name string, output, prompts int) {
		fmt.Fprintf(&b, "  - {name: %s, input: %d, output: %d, concurrency: %d, prompts: %d}\n",
			name, s.Prompt, output, sequences, prompts)
	}
	scenario(prefillScenario, 1, sequences*(s.Waves+1))
	for wave := range s.Waves {
		scenario(fmt.Sprintf("%s %d", decodeScenario, wave+1), s.Output, sequences)
	}
	return b.String()
}

// runCeiling measures with a run of ceiling's own, in a process of its own.
func runCeiling(ctx context.Context, s *settings, model string, sequences int) (out sample, err error) {
	dir, err := os.MkdirTemp("", "ceiling-peers-*")
	if err != nil {
		return sample{}, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	suite, folder := filepath.Join(dir, "suite.yaml"), filepath.Join(dir, "run")
	if err := os.WriteFile(suite, []byte(suiteText(s, sequences)), 0o644); err != nil {
		return sample{}, err
	}
	args := append([]string{"run", "--model", model, "--suite", suite, "--out", folder,
		"--threads", strconv.Itoa(s.Threads), "--batch", strconv.Itoa(s.Batch), "--ubatch", strconv.Itoa(s.UBatch),
		"--flash-attn", s.FlashAttn, "--kv-unified", "off", "--prose", "off"}, s.deviceArgs("--devices")...)
	c, err := start(ctx, s, s.ceiling, args...)
	if err != nil {
		return sample{}, err
	}
	end, err := c.finish()
	if err != nil {
		return sample{}, err
	}
	if out, err = readRun(folder, s, sequences); err != nil {
		return sample{}, fmt.Errorf("%s: %w", toolCeiling, err)
	}
	out.PeakRSS, out.Others = end.peakRSS, end.others
	return out, nil
}

// readRun takes the rates from a run's journal, and the overhead from its
// results.
func readRun(folder string, s *settings, sequences int) (sample, error) {
	journal, err := bench.ReadJournalFile(filepath.Join(folder, "requests.jsonl"))
	if err != nil {
		return sample{}, err
	}
	scenarios := make([][]bench.Record, 1+s.Waves)
	for _, r := range journal.Records {
		if !r.OK() {
			return sample{}, fmt.Errorf("request %d of %q failed: %s", r.Request, r.Name, r.Error)
		}
		if r.Scenario >= len(scenarios) {
			return sample{}, fmt.Errorf("unexpected scenario %q", r.Name)
		}
		scenarios[r.Scenario] = append(scenarios[r.Scenario], r)
	}
	prefill, err := recordedPrefill(scenarios[0], sequences, s.Waves)
	if err != nil {
		return sample{}, err
	}
	var decode []float64
	for i, records := range scenarios[1:] {
		if len(records) != sequences {
			return sample{}, fmt.Errorf("%s %d has %d requests, asked for %d", decodeScenario, i+1, len(records), sequences)
		}
		rate, err := decodeRate(recordedStreams(records))
		if err != nil {
			return sample{}, err
		}
		decode = append(decode, rate)
	}
	overhead, err := readOverhead(filepath.Join(folder, "results.json"))
	return sample{Tool: toolCeiling, Prefill: prefill, Decode: mean(decode), Overhead: overhead}, err
}

// recordedPrefill is the mean prefill rate of all waves but the first: from
// the first engine call that held a token of the wave's prompts to its last
// first token.
func recordedPrefill(records []bench.Record, sequences, waves int) (float64, error) {
	if len(records) != sequences*(waves+1) {
		return 0, fmt.Errorf("%s has %d requests, asked for %d", prefillScenario, len(records), sequences*(waves+1))
	}
	slices.SortFunc(records, func(a, b bench.Record) int { return a.Request - b.Request })
	var rates []float64
	for wave := range slices.Chunk(records[sequences:], sequences) {
		begin, tokens := math.Inf(1), 0
		firsts := make([]float64, len(wave))
		for i, r := range wave {
			begin = min(begin, *r.PrefillStart)
			firsts[i] = *r.FirstToken
			tokens += r.InputTokens
		}
		rate, err := prefillRate(begin, firsts, tokens)
		if err != nil {
			return 0, err
		}
		rates = append(rates, rate)
	}
	return mean(rates), nil
}

func recordedStreams(records []bench.Record) []stream {
	out := make([]stream, len(records))
	for i, r := range records {
		out[i].At = r.TokenTimes
		for n := range r.TokenTimes {
			out[i].Tokens = append(out[i].Tokens, n+1)
		}
	}
	return out
}

// readOverhead is the mean overhead_ratio of the decode scenarios.
func readOverhead(path string) (*float64, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var results bench.Results
	if err := json.Unmarshal(text, &results); err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Base(path), err)
	}
	var ratios []float64
	for _, d := range results.Details {
		if strings.HasPrefix(d.Name, decodeScenario) && d.OverheadRatio != nil {
			ratios = append(ratios, *d.OverheadRatio)
		}
	}
	if len(ratios) == 0 {
		return nil, fmt.Errorf("%s: no overhead_ratio", filepath.Base(path))
	}
	overhead := mean(ratios)
	return &overhead, nil
}
