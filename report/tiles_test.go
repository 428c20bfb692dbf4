package report

import (
	"ceiling/internal/machine"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ceiling/bench/result"
	"ceiling/report/doc"
)

// The head says what the report says: each value is in the Markdown as it
// is printed there.
func TestTiles(t *testing.T) {
	paths, err := filepath.Glob("testdata/reference/*.json")
	if err != nil || len(paths) != 3 {
		t.Fatalf("%d results files, %v", len(paths), err)
	}
	for _, path := range append(paths, "testdata/december2025.json") {
		r, err := result.Load(path)
		if err != nil {
			t.Fatal(err)
		}
		all := tiles(r)
		if len(all) != 4 {
			t.Fatalf("%s: %d tiles", path, len(all))
		}
		user, _, _ := strings.Cut(all[2].Note, " ")
		md := render(t, r, DocumentOptions{})
		for _, want := range []string{
			" / " + all[0].Value + " tok/s", "- TTFT mean/median/p99: " + all[1].Value + " / ",
			"**Interactive sweet spot:** " + all[2].Value + " (interactive-optimal by TTFT/TPOT p99; per-user " + user + " tok/s)",
			"**Peak throughput (scaling):** " + strings.TrimPrefix(all[3].Note, "at ") + " (" + all[3].Value + " tok/s)",
			"Decode is fastest in " + all[0].Note + ": ",
		} {
			if !strings.Contains(md, want) {
				t.Errorf("%s: the report lacks %q", path, want)
			}
		}
	}
}

func TestTilesMissing(t *testing.T) {
	v := func(f float64) *float64 { return &f }
	failed := "no room"
	energy := func(kind string, j float64) *machine.Energy {
		return &machine.Energy{Groups: []machine.EnergyGroup{{Name: "1 " + kind, Kind: kind, JPerToken: &j}}}
	}
	r := &result.Run{Results: []result.Summary{
		{Name: "Failed", Concurrency: 1, TPOTMeanMs: v(1), TGSpeed: v(1000), Error: &failed},
		{Name: "Slow", Concurrency: 1, TPOTMeanMs: v(9), TGSpeed: v(111.1)},
		{Name: "Fast", Concurrency: 1, TPOTMeanMs: v(8), TGSpeed: v(125)},
		{Name: "Many", Concurrency: 2, InputLen: 9, TPOTMeanMs: v(4), TGSpeed: v(250)},
	}, Details: []result.Detail{{Status: result.StatusFailed}, {Energy: energy(machine.EnergyCPU, 0.1)}, {Energy: energy(machine.EnergyGPU, 3)}, {Energy: energy(machine.EnergyGPU, 2)}}}
	want := []doc.Tile{
		{Label: "Decode speed of one user", Value: "125.0", Unit: "tok/s", Note: "Fast"},
		{Label: "Lowest energy per output token", Value: "2.000", Unit: "J", Note: "1 gpu, Many"},
	}
	if diff := cmp.Diff(want, tiles(r)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := tiles(&result.Run{}); len(got) != 0 {
		t.Errorf("tiles of nothing: %v", got)
	}
}
