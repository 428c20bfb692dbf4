package result

import (
	"ceiling/internal/machine"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// entries lists a folder, temporary files included.
func entries(t *testing.T, dir string) []string {
	t.Helper()
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	names := []string{}
	for _, e := range list {
		names = append(names, e.Name())
	}
	return names
}

// saved is a run with something of everything, and a figure that is missing.
func saved(t *testing.T) *Run {
	t.Helper()
	r, err := Load("../../report/testdata/reference/benchmark_Qwen3.6-27B-GPTQ-8bit.json")
	if err != nil {
		t.Fatal(err)
	}
	r.Results[0].TTFTMeanMs, r.Results[1].TPOTMeanMs = nil, ptr(0.0)
	r.Planned, r.Partial, r.PartialReason = []string{"Single User Latency", "<b>"}, true, "interrupted"
	r.Engine = &EngineInfo{Name: "llama.cpp", TensorTypes: []TensorTypeCount{{Type: "Q4_0", Tensors: 57, Bytes: 1 << 40}}, Seed: 1 << 63}
	r.System = &machine.System{Cores: 2, Cards: []machine.Card{{PCI: "a", PowerCapW: ptr(200.0)}}}
	r.Details = make([]Detail, len(r.Results))
	for i := range r.Details {
		r.Details[i] = Detail{Name: r.Results[i].Name, Status: StatusComplete, Cache: CacheCold, RequestRate: ptr(2.5), TTFT: &Dist{Count: 20, Mean: 0.25}}
	}
	return r
}

func TestSaveLoad(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "results.json")
	want := saved(t)
	if err := Save(path, want); err != nil {
		t.Fatal(err)
	}
	got, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("results after a round trip (-saved +loaded):\n%s", d)
	}
	if d := cmp.Diff([]string{"results.json"}, entries(t, dir)); d != "" {
		t.Errorf("folder (-want +got):\n%s", d)
	}
	if text := readFile(t, path); !strings.Contains(text, "\n      \"ttft_mean_ms\": null,\n") || strings.Contains(text, `\u003`) {
		t.Error("results.json is not in the reference's form")
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if perm := info.Mode().Perm(); perm&0o400 == 0 || perm&0o133 != 0 {
		t.Errorf("permissions %v, want those of a plain file", perm)
	}
}

// results carries exactly the reference's fields, under its names.
func TestResultFieldsAreTheReferences(t *testing.T) {
	keys := func(text []byte) map[string]bool {
		var file struct {
			Results []map[string]any `json:"results"`
		}
		if err := json.Unmarshal(text, &file); err != nil {
			t.Fatal(err)
		}
		out := map[string]bool{}
		for key := range file.Results[0] {
			out[key] = true
		}
		return out
	}
	path := filepath.Join(t.TempDir(), "results.json")
	if err := Save(path, saved(t)); err != nil {
		t.Fatal(err)
	}
	want := keys([]byte(readFile(t, "../../report/testdata/reference/benchmark_Qwen3.6-27B-GPTQ-8bit.json")))
	if d := cmp.Diff(want, keys([]byte(readFile(t, path)))); d != "" || len(want) != 26 {
		t.Errorf("fields (-reference +ours), %d in the reference:\n%s", len(want), d)
	}
}

func TestSaveManifest(t *testing.T) {
	path := filepath.Join(t.TempDir(), "manifest.json")
	want := Manifest{
		CommandLine: []string{"ceiling", "run", "--model", "m.gguf"}, Start: "2026-11-03T08:05:09+01:00", Seed: 1 << 63,
		Suite:    Suite{Name: "smoke", Scenarios: []Scenario{{Name: "x", Input: 8, Output: 4, Concurrency: 1, Prompts: 2}}},
		Model:    ManifestModel{Path: "/m.gguf", Bytes: 5, SHA256: "00", Metadata: map[string]any{"general.architecture": "llama"}},
		Versions: Versions{Ceiling: "v0.1.0", Go: "go1.26", Platform: "linux/amd64"},
	}
	if err := SaveManifest(path, &want); err != nil {
		t.Fatal(err)
	}
	var got Manifest
	if err := json.Unmarshal([]byte(readFile(t, path)), &got); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("manifest after a round trip (-saved +loaded):\n%s", d)
	}
	if _, err := Load(path); err == nil || !strings.Contains(err.Error(), "manifest.json") {
		t.Errorf("error %v when a manifest is taken for results", err)
	}
}

// A result that can't be written leaves the file as it was.
func TestSaveFails(t *testing.T) {
	path := filepath.Join(t.TempDir(), "results.json")
	if err := os.WriteFile(path, []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	broken := saved(t)
	broken.Results[0].TTFTMeanMs = ptr(math.NaN())
	if err := Save(path, broken); err == nil || !strings.Contains(err.Error(), "NaN") {
		t.Errorf("error %v for a NaN", err)
	}
	if got := readFile(t, path); got != "old" {
		t.Errorf("file holds %q", got)
	}
}
