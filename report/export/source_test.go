package export

import (
	"encoding/json"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"ceiling/bench/result"
)

// fakeRun writes a run of three scenarios in the given number of passes, with
// one failed request, and returns its folder. Figures are those that bench
// computes from the records.
func fakeRun(t *testing.T, passes int, seed uint64, slower float64) string {
	t.Helper()
	dir := t.TempDir()
	rng := rand.New(rand.NewPCG(seed, 1))
	suite := []result.Scenario{
		{Name: "Single User Latency", Category: "Latency", Input: 64, Output: 12, Concurrency: 1, Prompts: 12},
		{Name: "Concurrency Scaling (c=4)", Category: "Concurrency Scaling", Input: 32, Output: 8, Concurrency: 4, Prompts: 9,
			SLO: result.SLO{TTFTMs: 40}},
		{Name: "mixed/open", Category: "Mixed", Input: 40, Output: 10, Concurrency: 3, Prompts: 11, RangeRatio: 0.5, RequestRate: 5},
	}
	results := result.Run{Model: "m", Hardware: "h", Date: "2026-11-23T14:11:26.169278",
		Engine: &result.EngineInfo{Name: "llama.cpp", Release: "v0.5.0", Tree: "fd570ef54b10", Description: "llama 1B Q4_0",
			ModelFile: "m.gguf", ModelBytes: 1000, Parameters: 2000, KVType: "f16", FlashAttn: "auto", SplitMode: "none", UBatch: 512, StepTokens: 2048, Threads: 2}}
	journal, err := result.CreateJournal(filepath.Join(dir, "requests.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	at := 10.0
	all := make([][]result.Pass, len(suite))
	for pass := range passes {
		for i, sc := range suite {
			records := fakeRecords(rng, sc, i, pass, at, slower*(1+0.01*rng.Float64()))
			if err := journal.Append(records); err != nil {
				t.Fatal(err)
			}
			r, d := result.Summarize(sc, records, result.Measured{Status: result.StatusComplete, Cache: result.CacheCold, StartS: at})
			all[i] = append(all[i], result.Pass{Pass: pass, Result: r, Detail: d})
			at += 100
		}
	}
	for i := range suite {
		r, d := result.Combine(passes, all[i])
		results.Results, results.Details = append(results.Results, r), append(results.Details, d)
		results.Planned = append(results.Planned, suite[i].Name)
	}
	if err := journal.Close(); err != nil {
		t.Fatal(err)
	}
	if err := result.Save(filepath.Join(dir, "results.json"), &results); err != nil {
		t.Fatal(err)
	}
	manifest := result.Manifest{Start: "2026-11-23T14:11:26+01:00"}
	text, err := json.Marshal(manifest)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "manifest.json"), text, 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

// micro rounds to the resolution of the journal.
func micro(s float64) float64 { return float64(int64(s*1e6+0.5)) / 1e6 }

// fakeRecords are the requests of one pass. The last one of a scenario with
// several at a time failed.
func fakeRecords(rng *rand.Rand, sc result.Scenario, index, pass int, at, slower float64) []result.Record {
	var out []result.Record
	slots := make([]float64, sc.Concurrency)
	for k := range slots {
		slots[k] = at
	}
	for i := range sc.Prompts {
		slot := i % sc.Concurrency
		input, output := sc.Input, sc.Output
		if sc.RangeRatio > 0 {
			input, output = 20+rng.IntN(41), 1+rng.IntN(15)
		}
		r := result.Record{Scenario: index, Name: sc.Name, Pass: pass, Request: i, Intended: slots[slot], Admitted: slots[slot],
			InputTokens: input, PromptHash: "x"}
		start := micro(r.Admitted + 0.0001)
		next := micro(start + slower*float64(input)*(0.0004+0.0001*rng.Float64()))
		r.PrefillStart, r.FirstToken = &start, &next
		for range output {
			r.TokenTimes = append(r.TokenTimes, next)
			next = micro(next + slower*(0.004+0.002*rng.Float64()))
		}
		r.OutputTokens, r.End = output, r.TokenTimes[output-1]
		if sc.Concurrency > 1 && i == sc.Prompts-1 {
			r.Error = "no KV slot"
		}
		slots[slot] = r.End
		out = append(out, r)
	}
	return out
}

func opened(t *testing.T, dir string) *ExportSource {
	t.Helper()
	s, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return s
}
