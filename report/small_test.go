package report

import (
	"ceiling/internal/machine"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ceiling/bench/result"
)

var update = flag.Bool("update", false, "write the golden files anew")

func readFile(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// golden compares with a file under testdata. Where they differ, what came
// out is left beside it as NAME.got.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want := readFile(t, path)
	if want == got {
		return
	}
	if err := os.WriteFile(path+".got", []byte(got), 0o644); err != nil {
		t.Error(err)
	}
	t.Errorf("%s (-want +got), see %s.got:\n%s", path, path, cmp.Diff(want, got))
}

func ptr[T any](v T) *T { return &v }

// summary makes a complete one from the figures that vary; TTFT and TPOT
// are mean, median, p99 in ms.
func summary(name string, input, output, concurrency, prompts int, out float64, ttft, tpot [3]float64) result.Summary {
	n := float64(prompts)
	duration := n * float64(output) / out
	return result.Summary{
		Name: name, InputLen: input, OutputLen: output, Concurrency: concurrency, NumPrompts: prompts,
		SuccessfulRequests: n, DurationS: ptr(duration),
		TotalInputTokens: n * float64(input), TotalOutputTokens: n * float64(output),
		RequestThroughput: ptr(n / duration), OutputThroughput: ptr(out), PeakOutputThroughput: ptr(1.1 * out),
		TotalThroughput: ptr(n * float64(input+output) / duration),
		TTFTMeanMs:      ptr(ttft[0]), TTFTMedianMs: ptr(ttft[1]), TTFTP99Ms: ptr(ttft[2]),
		TPOTMeanMs: ptr(tpot[0]), TPOTMedianMs: ptr(tpot[1]), TPOTP99Ms: ptr(tpot[2]),
		ITLMeanMs: ptr(tpot[0]), ITLMedianMs: ptr(tpot[1]), ITLP99Ms: ptr(1.05 * tpot[1]),
		PPSpeed: ptr(1000 * float64(input) / ttft[0]), TGSpeed: ptr(1000 / tpot[0]),
	}
}

// smallRun is a run that ended badly in most of the ways there are.
func smallRun() *result.Run {
	single := summary("Single User Latency", 128, 32, 1, 2, 41.5, [3]float64{96.2, 96.2, 97.1}, [3]float64{21.7, 21.6, 21.9})
	long := result.Summary{Name: "Long Context (16K)", InputLen: 1024, OutputLen: 64, Concurrency: 4, NumPrompts: 8,
		Error: ptr("context of 512 tokens is too small for 1088; load the model with a longer one")}
	mixed := summary("Mixed Traffic", 128, 32, 8, 16, 88.25, [3]float64{410.5, 350.25, 990.75}, [3]float64{70.1, 69.4, 92.3})
	mixed.SuccessfulRequests, mixed.FailedRequests = 14, 2
	two := summary("Concurrency Scaling (c=2)", 64, 16, 2, 4, 61.9, [3]float64{80.4, 80.1, 84.9}, [3]float64{27.9, 27.7, 28.4})
	// Missing values: no gap between tokens was recorded, nor a peak.
	two.ITLMeanMs, two.ITLMedianMs, two.ITLP99Ms, two.PeakOutputThroughput = nil, nil, nil, nil
	four := summary("Concurrency Scaling (c=4)", 64, 16, 4, 8, 90.3, [3]float64{122.2, 120.9, 150.6}, [3]float64{36.1, 36.0, 37.2})
	eight := summary("Concurrency Scaling (c=8)", 64, 16, 8, 16, 99.9, [3]float64{301.5, 280.2, 480.9}, [3]float64{58.3, 58.1, 61.7})
	eight.SuccessfulRequests, eight.Error = 9, ptr("interrupted")

	detail := func(r result.Summary, category, purpose string) result.Detail {
		return result.Detail{Name: r.Name, Category: category, Purpose: purpose, Status: result.StatusComplete, Cache: result.CacheCold,
			Waves: float64(r.NumPrompts) / float64(r.Concurrency), EnginePrefill: ptr(*r.PPSpeed * (1 + 0.25*min(1, float64(r.Concurrency-1)))), OverheadRatio: ptr(0.0041),
			TTFT:    &result.Dist{Count: int(r.SuccessfulRequests), Mean: 0.1},
			Prefill: &result.Dist{Count: int(r.SuccessfulRequests), Mean: 0.08},
			ITL:     &result.Dist{Count: int(r.SuccessfulRequests) * (r.OutputLen - 1)}}
	}
	details := []result.Detail{
		detail(single, "Latency", "Best-case latency with no batching"),
		{Name: long.Name, Category: "Long Context", Purpose: "Extended context performance", Status: result.StatusFailed, Cache: result.CacheCold, Waves: 2},
		detail(mixed, "Mixed", "Variable request sizes (±50%)"),
		detail(two, categoryScaling, "Scaling test at concurrency 2"),
		detail(four, categoryScaling, "Scaling test at concurrency 4"),
		detail(eight, categoryScaling, "Scaling test at concurrency 8"),
	}
	details[2].RangeRatio = 0.5
	details[2].Failures = []result.Failure{{Reason: "no room in the KV cache", Count: 2}}
	details[4].Warnings = []string{"CPU governor changed during the scenario"}
	details[5].Status = result.StatusPartial
	return &result.Run{
		Model: "demo.gguf", Hardware: "AMD EPYC, 2 cores", Date: "2026-11-03T08:05:09.123456",
		Results: []result.Summary{single, long, mixed, two, four, eight},
		Partial: true, PartialReason: "interrupted",
		Planned: []string{"Single User Latency", "Short Context Throughput", "Long Context (16K)", "Mixed Traffic",
			"Concurrency Scaling (c=2)", "Concurrency Scaling (c=4)", "Concurrency Scaling (c=8)", "Concurrency Scaling (c=16)"},
		Details: details,
		System: &machine.System{OS: "Debian GNU/Linux 12 (bookworm)", Kernel: "6.1.0-18-amd64", CPU: "AMD EPYC", Cores: 2,
			MemoryBytes: 25276514304, MemoryLimit: 8 << 30, Governor: "performance", Hypervisor: "QEMU/KVM", Instructions: "AVX2, AVX-512"},
		Engine: &result.EngineInfo{Name: "llama.cpp", Release: "v0.5.0", Tree: "fd570ef54b10ec5fecb739e7e04c8ce44a6f415a", TreeState: "verified",
			Build: "preset cpu, gcc 12.2.0", Backends: []string{"CPU", "RPC"},
			Devices:   []machine.DeviceInfo{{Name: "CPU", Description: "AMD EPYC", Type: "cpu", MemoryTotal: 25276514304}},
			ModelFile: "demo.gguf", ModelBytes: 91234567, Architecture: "mistral3", Description: "mistral3 ?B Q4_1", Parameters: 145000000,
			TensorTypes: []result.TensorTypeCount{{Type: "Q4_1", Tensors: 57, Bytes: 90000000}, {Type: "F32", Tensors: 17, Bytes: 40000}},
			Threads:     2, UBatch: 512, StepTokens: 2048, FlashAttn: "on", KVType: "f16", SplitMode: "layer", LoadMode: "mmap",
			Sampling: "greedy, in the backend", Seed: 42, LoadSeconds: 0.213, PeakRSSBytes: 345678901,
			Environment: map[string]string{"GGML_OP_OFFLOAD_MIN_BATCH": "32"}},
	}
}

func TestSmallReport(t *testing.T) {
	golden(t, "small.md", render(t, smallRun(), DocumentOptions{Version: "v0.1.0"}))
}

// What the golden file shows in passing, said outright.
func TestSmallReportContents(t *testing.T) {
	md := render(t, smallRun(), DocumentOptions{Version: "v0.1.0"})
	for _, want := range []string{
		"Generated by: ceiling v0.1.0\n",
		"Note: The prose of this report was written by fixed rules",
		"**Partial run:** interrupted; 4 of 8 scenarios complete.",
		"| GPU(s) | none used: the model ran on the CPU |",
		"| System RAM | 23.5 GiB |",
		"| Memory limit | 8.0 GiB (control group) |",
		"| Bits per weight | 5.03 |",
		"| Long Context (16K) | Long Context | 1024 | 64 | 4 | — | — | — | — |",
		"| Long Context (16K) | — | — |",
		"- Output throughput: 61.90 tok/s (peak —)",
		"- ERROR: context of 512 tokens is too small for 1088; load the model with a longer one",
		"- Nothing was measured: context of 512 tokens is too small",
		"Mixed Traffic: 2 of 16 requests failed (no room in the KV cache ×2)",
		"- Not run: Short Context Throughput, Concurrency Scaling (c=16).",
		"Concurrency Scaling (c=8) was cut short",
		"CPU governor changed during the scenario",
		"*Report generated November 03, 2026 at 08:05 by ceiling (rule-based prose)*\n",
	} {
		if !strings.Contains(md, want) {
			t.Errorf("report lacks %q", want)
		}
	}
	if strings.Contains(md, " 0.00 ") || strings.Contains(md, "NaN") || strings.Contains(md, "%!") {
		t.Error("a missing number was printed as one")
	}
}

func TestProseOff(t *testing.T) {
	md := render(t, smallRun(), DocumentOptions{Prose: ProseOff})
	for _, gone := range []string{"## Executive Summary", "**Interpretation:**", "## Recommendations"} {
		if strings.Contains(md, gone) {
			t.Errorf("report without prose has %q", gone)
		}
	}
	for _, kept := range []string{"## Performance Summary", "## Validity", "- ERROR: context", "by ceiling (no prose)*"} {
		if !strings.Contains(md, kept) {
			t.Errorf("report without prose lacks %q", kept)
		}
	}
	if _, err := Document(smallRun(), DocumentOptions{Prose: "poem"}); err == nil || !strings.Contains(err.Error(), `"poem"`) {
		t.Errorf("error %v, want one that quotes the unknown prose", err)
	}
}

// A report is of the results alone: rendering changes nothing in them and
// twice gives the same.
func TestMarkdownIsPure(t *testing.T) {
	r := smallRun()
	first := render(t, r, DocumentOptions{})
	if d := cmp.Diff(smallRun(), r); d != "" {
		t.Errorf("rendering changed the results:\n%s", d)
	}
	if second := render(t, r, DocumentOptions{}); first != second {
		t.Error("two renderings differ")
	}
}

// Text from files and errors can't break out of its cell, line or comment.
func TestHostileText(t *testing.T) {
	r := smallRun()
	r.Model, r.Hardware = "a --> b\n## X", "two|parts\nof it"
	r.Results[0].Name = "na|me\n### Y"
	r.Results[1].Error = ptr("first line\nsecond line")
	r.PartialReason = "bro\nken"
	md := render(t, r, DocumentOptions{})
	if header, _, _ := strings.Cut(md, "\n# LLM"); strings.Count(header, "-->") != 1 {
		t.Error("the model's name ends the comment")
	}
	for line := range strings.Lines(md) {
		if strings.HasPrefix(line, "## X") || strings.HasPrefix(line, "### Y") || strings.HasPrefix(line, "second line") {
			t.Errorf("text became a line of its own: %q", line)
		}
	}
	if !strings.Contains(md, `| na\|me \#\#\# Y | Latency |`) {
		t.Error("a bar in a name was not escaped")
	}
}

func TestEmptyResults(t *testing.T) {
	md := render(t, &result.Run{}, DocumentOptions{})
	for _, want := range []string{"**Model:** —", "**Date:** —", "No concurrency sweep: ", "(No scenario has a result.)"} {
		if !strings.Contains(md, want) {
			t.Errorf("report of nothing lacks %q", want)
		}
	}
	for _, without := range []string{"curve", "sweet spot", "Peak throughput"} {
		if strings.Contains(md, without) {
			t.Errorf("report of nothing speaks of %q", without)
		}
	}
}
