package report

import (
	"ceiling/internal/machine"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ceiling/bench/result"
)

func TestGPURow(t *testing.T) {
	cpu := machine.DeviceInfo{Name: "CPU", Description: "AMD EPYC", Type: "cpu"}
	blas := machine.DeviceInfo{Name: "BLAS", Description: "OpenBLAS", Type: "accel"}
	gpu := machine.DeviceInfo{Name: "ROCm0", Description: "AMD Instinct MI100", Type: "gpu"}
	rpc := machine.DeviceInfo{Name: "RPC0[127.0.0.1:50052]", Type: "gpu"}
	engine := func(d ...machine.DeviceInfo) *result.EngineInfo { return &result.EngineInfo{Devices: d} }
	tests := []struct {
		name string
		run  result.Run
		want string
	}{
		{"reference file", result.Run{Hardware: "4xMI100 gfx908"}, "4xMI100 gfx908"},
		{"no GPU", result.Run{System: &machine.System{}, Engine: engine(cpu, blas)}, "none used: the model ran on the CPU"},
		{"idle GPU", result.Run{System: &machine.System{GPUs: "1× AMD Radeon"}, Engine: engine(cpu)}, "1× AMD Radeon, not used: the model ran on the CPU"},
		{"GPUs known to the system", result.Run{System: &machine.System{GPUs: "4× AMD Instinct MI100 (gfx908)"}, Engine: engine(gpu, gpu, gpu, gpu)}, "4× AMD Instinct MI100 (gfx908)"},
		{"GPUs known to the engine only", result.Run{System: &machine.System{}, Engine: engine(gpu, gpu, rpc, cpu)}, "2× AMD Instinct MI100, RPC0[127.0.0.1:50052]"},
		{"no device recorded", result.Run{System: &machine.System{}, Engine: engine()}, "—"},
	}
	for _, tt := range tests {
		if got := gpus(&tt.run); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestBasis(t *testing.T) {
	pp := func(v float64) result.Summary {
		return result.Summary{InputLen: 1000, PPSpeed: &v, TTFTMeanMs: ptr(500.0), TTFTMedianMs: ptr(400.0)}
	}
	tests := []struct {
		name string
		of   []result.Summary
		want ppBasis
	}{
		{"mean", []result.Summary{pp(2000), {}}, ppMean},
		{"mean, rounded", []result.Summary{pp(2001.9)}, ppMean},
		{"median", []result.Summary{pp(2500)}, ppMedian},
		{"one of each", []result.Summary{pp(2000), pp(2500)}, ppOther},
		{"neither", []result.Summary{pp(2100)}, ppOther},
		{"no PP", []result.Summary{{}}, ppOther},
	}
	for _, tt := range tests {
		if got := basisOf(scenarios(&result.Run{Results: tt.of})); got != tt.want {
			t.Errorf("%s: basis %q, want %q", tt.name, got, tt.want)
		}
	}
	// The reference changed its formula between December 2025 and 2026.
	for file, want := range map[string]ppBasis{
		"december2025.json": ppMean,
		"reference/benchmark_Qwen3.6-27B-GPTQ-8bit.json":      ppMedian,
		"reference/benchmark_Qwen3.8-27B-GPTQ-4bit_mtp3.json": ppMedian,
	} {
		if got := basisOf(scenarios(mustLoad(t, file))); got != want {
			t.Errorf("%s: basis %q, want %q", file, got, want)
		}
	}
}

// What bench warns of and what Validity finds itself is said once.
func TestValiditySaysThingsOnce(t *testing.T) {
	sc := result.Scenario{Name: "Burst", Category: "Other", Purpose: "p", Input: 8, Output: 3, Concurrency: 4, Prompts: 4}
	var records []result.Record
	for i := range 4 {
		start, first := 0.0, 1.0
		rec := result.Record{Name: sc.Name, Request: i, PrefillStart: &start, FirstToken: &first, InputTokens: 8}
		if i == 3 {
			rec.Error, rec.End = "no room in the KV cache", 1
		} else {
			rec.TokenTimes, rec.OutputTokens, rec.End = []float64{1, 2, 3}, 3, 3
		}
		records = append(records, rec)
	}
	summed, detail := result.Summarize(sc, records, result.Measured{Status: result.StatusComplete, Cache: result.CacheCold, EndS: 3, Steps: 3, EngineS: 3, OutsideS: 0.003,
		Notes: []string{"something else"}})
	if len(detail.Warnings) < 4 {
		t.Fatalf("bench warns of %q only; the test needs more", detail.Warnings)
	}
	r := &result.Run{Results: []result.Summary{summed}, Details: []result.Detail{detail}}
	got := text(t, validitySection(r, scenarios(r))...)
	for part, want := range map[string]int{
		"ne burst only":              1,
		"TTFT p99":                   1,
		"ITL p99":                    1,
		"100 needed":                 0,
		"1 of 4 requests failed":     1,
		"no room in the KV cache ×1": 1,
		"Burst: something else.":     1,
		"| Burst | unknown | complete | 3 / 1 | cold (0) | ": 1,
		" | 0.0010 |": 1,
	} {
		if n := strings.Count(got, part); n != want {
			t.Errorf("%q is there %d times, want %d:\n%s", part, n, want, got)
		}
	}
}

// The limits of the notes: 100 values carry a p99, a peak may be below the
// mean in a short run.
func TestNotesKeepTheirLimits(t *testing.T) {
	notes := func(requests int, duration, peak float64) string {
		r := result.Summary{Name: "x", NumPrompts: requests, SuccessfulRequests: float64(requests), Concurrency: 2, DurationS: &duration,
			OutputThroughput: ptr(100.0), PeakOutputThroughput: &peak, TTFTP99Ms: ptr(1.0)}
		return text(t, validitySection(&result.Run{}, []scenario{{Summary: r}})...)
	}
	for _, tt := range []struct {
		name           string
		text           string
		sample, counts bool
	}{
		{"99 requests", notes(99, 20, 100), true, false},
		{"100 requests", notes(100, 20, 100), false, false},
		{"peak below the mean", notes(100, 10, 79), false, true},
		{"peak little below the mean", notes(100, 10, 80), false, false},
		{"peak below the mean of a short run", notes(100, 9.9, 79), false, false},
	} {
		if got := strings.Contains(tt.text, "TTFT p99 and TPOT p99 of fewer than 100"); got != tt.sample {
			t.Errorf("%s: sample note %v, want %v", tt.name, got, tt.sample)
		}
		if got := strings.Contains(tt.text, "Deliveries of several tokens count as one in ITL and in peak output throughput of x"); got != tt.counts {
			t.Errorf("%s: peak note %v, want %v", tt.name, got, tt.counts)
		}
	}
}

func TestMissingNotes(t *testing.T) {
	whole := result.Summary{Name: "whole", TTFTMeanMs: ptr(1.0), TPOTMeanMs: ptr(1.0), ITLMeanMs: ptr(1.0), OutputThroughput: ptr(1.0)}
	lacking := whole
	lacking.Name, lacking.TTFTMeanMs = "lacking", nil
	failed := result.Summary{Name: "failed", Error: ptr("no")}
	got := missingNotes(scenarios(&result.Run{Results: []result.Summary{whole, lacking, failed}}))
	want := []string{"Not measured: TTFT of lacking.", "Not measured in any scenario: peak output throughput."}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("notes (-want +got):\n%s", d)
	}
	got = missingNotes(scenarios(&result.Run{Results: []result.Summary{whole}}))
	if d := cmp.Diff([]string{"Not measured in any scenario: peak output throughput."}, got); d != "" {
		t.Errorf("notes (-want +got):\n%s", d)
	}
}

func TestCompleteness(t *testing.T) {
	ok, lost := result.Summary{Name: "a", SuccessfulRequests: 2}, result.Summary{Name: "b", SuccessfulRequests: 1, FailedRequests: 1}
	bad := result.Summary{Name: "c", Error: ptr("out of memory")}
	tests := []struct {
		run  result.Run
		want string
	}{
		{result.Run{Results: []result.Summary{ok}}, "The one scenario ran to its end and no request failed."},
		{result.Run{}, "No scenario has a result."},
		{result.Run{Results: []result.Summary{ok, lost}}, "All 2 scenarios ran to their end; 1 request failed."},
		{result.Run{Results: []result.Summary{ok, bad}}, "1 of 2 scenarios failed; all others ran to their end."},
		{result.Run{Results: []result.Summary{ok, bad}, Partial: true, PartialReason: "interrupted", Planned: []string{"a", "c", "d"}},
			"**This run is partial:** interrupted; 1 of 3 scenarios complete. What is below covers only what was measured."},
	}
	for _, tt := range tests {
		if got := text(t, completeness(&tt.run, scenarios(&tt.run))); got != tt.want {
			t.Errorf("%q, want %q", got, tt.want)
		}
	}
}
