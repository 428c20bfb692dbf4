package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

func pathBase(path string) string { return filepath.Base(path) }

// batchedLine is what we read of a line of llama-batched-bench's jsonl.
type batchedLine struct {
	PP      int     `json:"pp"`
	TG      int     `json:"tg"`
	PL      int     `json:"pl"`
	TimePP  float64 `json:"t_pp"` // s
	TimeTG  float64 `json:"t_tg"`
	SpeedPP float64 `json:"speed_pp"` // tokens/s
	SpeedTG float64 `json:"speed_tg"`

	number int // of the line in the output, from 0
}

// runBatched measures with llama-batched-bench. Its own warm-up is 16 tokens,
// so it runs the shape once more than is counted.
func runBatched(ctx context.Context, s *settings, model string, sequences int, l *lane) (sample, error) {
	list := strings.TrimSuffix(strings.Repeat(strconv.Itoa(sequences)+",", s.Waves+1), ",")
	args := append([]string{"--model", model, "--output-format", "jsonl", "-npp", strconv.Itoa(s.Prompt),
		"-ntg", strconv.Itoa(s.Output), "-npl", list}, s.contextArgs(sequences)...)
	c, err := l.start(ctx, s, s.peer(toolBatched), args...)
	if err != nil {
		return sample{}, err
	}
	end, err := c.finish()
	if err != nil {
		return sample{}, err
	}
	lines, err := parseBatched(end.stdout, s, sequences)
	if err != nil {
		return sample{}, fmt.Errorf("%w; its last lines:\n%s", err, c.stderr.String())
	}
	out := end.sample(toolBatched)
	out.prefills, out.decodes = batchedWaves(l, lines, c.stdout.ends)
	return out, nil
}

// batchedWaves takes the stops out of the times that the tool printed as each
// measurement ended. A line that came as its process was continued may have
// waited for that since the stop: where its measurement lay is unknown.
func batchedWaves(l *lane, lines []batchedLine, ends []time.Time) (prefills, decodes []wave) {
	for _, line := range lines {
		end := ends[line.number]
		turn := after(end, -line.TimeTG)
		begin := after(turn, -line.TimePP)
		pp, tg := line.SpeedPP, line.SpeedTG
		if l != nil {
			if !l.steady(end) {
				continue
			}
			pp = float64(line.PL*line.PP) / (l.ran(turn) - l.ran(begin))
			tg = float64(line.PL*line.TG) / (l.ran(end) - l.ran(turn))
		}
		prefills, decodes = append(prefills, wave{begin, turn, pp}), append(decodes, wave{turn, end, tg})
	}
	return prefills, decodes
}

// contextArgs are llama.cpp's own options for the context that ceiling opens.
func (s *settings) contextArgs(sequences int) []string {
	threads := strconv.Itoa(s.Threads)
	args := []string{"--ctx-size", strconv.Itoa(sequences * s.perSequence()), "--batch-size", strconv.Itoa(s.Batch),
		"--ubatch-size", strconv.Itoa(s.UBatch), "--threads", threads, "--threads-batch", threads,
		"--flash-attn", s.FlashAttn, "--no-kv-unified", "--fit", "off"}
	return append(args, s.deviceArgs("--device")...)
}

// parseBatched returns the lines of every measurement but the first.
func parseBatched(stdout []byte, s *settings, sequences int) (out []batchedLine, err error) {
	number := -1
	for line := range bytes.Lines(stdout) {
		number++
		if !bytes.HasPrefix(line, []byte("{")) {
			continue
		}
		l := batchedLine{number: number}
		if err := json.Unmarshal(line, &l); err != nil {
			return nil, fmt.Errorf("%s: %w in %q", toolBatched, err, line)
		}
		if l.PP != s.Prompt || l.TG != s.Output || l.PL != sequences || !(l.SpeedPP > 0) || !(l.SpeedTG > 0) || !(l.TimePP > 0) || !(l.TimeTG > 0) {
			return nil, fmt.Errorf("%s: unexpected line %q", toolBatched, line)
		}
		out = append(out, l)
	}
	if len(out) != s.Waves+1 {
		return nil, fmt.Errorf("%s: %d measurements, asked for %d", toolBatched, len(out), s.Waves+1)
	}
	return out[1:], nil
}

// runLlamaBench measures one sequence with llama-bench, which decodes from an
// empty cache.
func runLlamaBench(ctx context.Context, s *settings, model string, _ int, l *lane) (sample, error) {
	args := append([]string{"--model", model, "--output", "json", "--n-prompt", strconv.Itoa(s.Prompt),
		"--n-gen", strconv.Itoa(s.Output), "--n-depth", strconv.Itoa(s.Depth), "--repetitions", strconv.Itoa(s.Waves), "--threads", strconv.Itoa(s.Threads),
		"--batch-size", strconv.Itoa(s.Batch), "--ubatch-size", strconv.Itoa(s.UBatch), "--flash-attn", s.FlashAttn},
		s.deviceArgs("--device")...)
	c, err := l.start(ctx, s, s.peer(toolLlamaBench), args...)
	if err != nil {
		return sample{}, err
	}
	end, err := c.finish()
	if err != nil {
		return sample{}, err
	}
	out := end.sample(toolLlamaBench)
	out.Prefill, out.Decode, err = parseLlamaBench(end.stdout)
	return out, err
}

func parseLlamaBench(stdout []byte) (pp, tg float64, err error) {
	var tests []struct {
		Prompt int     `json:"n_prompt"`
		Gen    int     `json:"n_gen"`
		Rate   float64 `json:"avg_ts"`
	}
	if err := json.Unmarshal(stdout, &tests); err != nil {
		return 0, 0, fmt.Errorf("%s: %w", toolLlamaBench, err)
	}
	for _, t := range tests {
		switch {
		case t.Prompt > 0 && t.Gen == 0:
			pp = t.Rate
		case t.Gen > 0 && t.Prompt == 0:
			tg = t.Rate
		}
	}
	if !(pp > 0) || !(tg > 0) {
		return 0, 0, fmt.Errorf("%s: prefill %g and decode %g tokens/s in %q", toolLlamaBench, pp, tg, stdout)
	}
	return pp, tg, nil
}
