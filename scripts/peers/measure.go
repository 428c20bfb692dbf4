package main

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
)

// The tools, by the names of their programs.
const (
	toolCeiling    = "ceiling"
	toolBatched    = "llama-batched-bench"
	toolServer     = "llama-server"
	toolLlamaBench = "llama-bench"
)

// sample is what one process gave.
type sample struct {
	Tool      string   `json:"tool"`
	Model     string   `json:"model"`
	Sequences int      `json:"sequences"`
	Round     int      `json:"round"` // from 0
	Prefill   float64  `json:"prefill_tokens_per_s"`
	Decode    float64  `json:"decode_tokens_per_s"`
	PeakRSS   int64    `json:"peak_rss_bytes"`
	Overhead  *float64 `json:"overhead_ratio,omitempty"`
	Others    float64  `json:"cores_used_by_others"` // while the process ran
}

// tool is a program and how it is measured.
type tool struct {
	name string
	run  func(ctx context.Context, s *settings, model string, sequences int) (sample, error)
}

// tools lists who takes part with that many sequences.
func (s *settings) tools(sequences int) []tool {
	out := []tool{{toolCeiling, runCeiling}, {toolBatched, runBatched}, {toolServer, runServer}}
	if s.llamaBench && sequences == 1 {
		out = append(out, tool{toolLlamaBench, runLlamaBench})
	}
	return out
}

// measure lets the tools take turns. The order changes from round to round, so
// that none always runs on what another one left behind: a warm page cache, a
// hot CPU.
func measure(ctx context.Context, s *settings, progress io.Writer) ([]sample, error) {
	var out []sample
	for round := range s.Rounds {
		for _, model := range s.Models {
			for _, n := range s.Sequences {
				tools := s.tools(n)
				for i := range tools {
					t := tools[(i+round)%len(tools)]
					got, err := s.quiet.keepLeast(ctx,
						func() (sample, error) { return t.run(ctx, s, model, n) },
						func(text string) { fmt.Fprintln(progress, text) })
					if err != nil {
						return nil, fmt.Errorf("%s, %d sequences: %w", filepath.Base(model), n, err)
					}
					got.Model, got.Sequences, got.Round = model, n, round
					out = append(out, got)
					fmt.Fprintf(progress, "round %d/%d  %s  %d sequences  %-19s  prefill %8.1f  decode %8.1f tok/s  %s, others %.2f cores\n",
						round+1, s.Rounds, filepath.Base(model), n, t.name, got.Prefill, got.Decode, megabytes(float64(got.PeakRSS)), got.Others)
				}
			}
		}
	}
	return out, nil
}

func megabytes(bytes float64) string { return fmt.Sprintf("%.0f MB", bytes/1e6) }
