package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"time"
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

	prefills, decodes []wave  // that were counted
	cpu               float64 // seconds
}

// wave is one measurement inside a process.
type wave struct {
	from, to time.Time
	rate     float64 // tokens/s
}

// average takes the rates from the waves, of a tool that tells them.
func (x *sample) average() {
	if len(x.prefills) > 0 {
		x.Prefill = meanRate(x.prefills)
	}
	if len(x.decodes) > 0 {
		x.Decode = meanRate(x.decodes)
	}
}

func meanRate(waves []wave) float64 {
	var rates []float64
	for _, w := range waves {
		rates = append(rates, w.rate)
	}
	return mean(rates)
}

// sample is what is known of every tool's process alike.
func (e stopped) sample(tool string) sample {
	return sample{Tool: tool, PeakRSS: e.peakRSS, Others: e.others, cpu: e.cpu}
}

// tool is a program and how it is measured.
type tool struct {
	name string
	run  func(ctx context.Context, s *settings, model string, sequences int, l *lane) (sample, error)
}

// tools lists who takes part with that many sequences.
func (s *settings) tools(sequences int) []tool {
	out := []tool{{toolCeiling, runCeiling}}
	if s.Spec.Kind != "" {
		return append(out, tool{toolServer, runServer})
	}
	if s.Depth == 0 { // the others begin with an empty cache
		out = append(out, tool{toolBatched, runBatched}, tool{toolServer, runServer})
	}
	if s.llamaBench && sequences == 1 {
		out = append(out, tool{toolLlamaBench, runLlamaBench})
	}
	return out
}

// measure lets the tools take turns, in a new order each time, so that none
// always runs on what another one left behind: a warm page cache, a hot CPU.
func measure(ctx context.Context, s *settings, progress io.Writer) ([]sample, error) {
	var out []sample
	for round := range s.Rounds {
		for _, model := range s.Models {
			for _, n := range s.Sequences {
				for _, tools := range s.turns(n) {
					got, err := s.quiet.keepLeast(ctx,
						func() ([]sample, error) { return s.together(ctx, tools, model, n) },
						func(text string) { fmt.Fprintln(progress, text) })
					if err != nil {
						return nil, fmt.Errorf("%s, %d sequences: %w", filepath.Base(model), n, err)
					}
					for _, x := range got {
						x.Model, x.Sequences, x.Round = model, n, round
						out = append(out, x)
						fmt.Fprintf(progress, "round %d/%d  %s\n", round+1, s.Rounds, x)
					}
				}
			}
		}
	}
	return out, nil
}

// turns are the tools that run one after the other, or all of them at once
// where they are stopped and continued.
func (s *settings) turns(sequences int) [][]tool {
	tools := s.tools(sequences)
	if s.slice > 0 {
		return [][]tool{tools}
	}
	rand.Shuffle(len(tools), func(a, b int) { tools[a], tools[b] = tools[b], tools[a] })
	return slices.Collect(slices.Chunk(tools, 1))
}

// String is the sample's line of progress.
func (x sample) String() string {
	text := fmt.Sprintf("%s  %d sequences  %-19s  prefill %8.1f  decode %8.1f tok/s  %s, others %.2f cores",
		filepath.Base(x.Model), x.Sequences, x.Tool, x.Prefill, x.Decode, megabytes(float64(x.PeakRSS)), x.Others)
	if len(x.decodes) > 0 {
		text += fmt.Sprintf(", %d + %d waves", len(x.prefills), len(x.decodes))
	}
	return text
}

func megabytes(bytes float64) string { return fmt.Sprintf("%.0f MB", bytes/1e6) }
