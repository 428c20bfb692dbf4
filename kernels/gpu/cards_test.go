//go:build cards

package gpu

import (
	"fmt"
	"io/fs"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"ceiling/hip/launch"
	"ceiling/kernels"
)

// TestCards runs every probe on the four stand-in cards: each alone, and all at
// once.
func TestCards(t *testing.T) {
	if !launch.StandIn() {
		t.Fatal("the cards are not known to be stand-ins: their times would be shown")
	}
	o := CardProbeOptions{Cache: t.TempDir(), Progress: func(p, v string, d []int) { t.Log(p, v, d) }}
	found, err := Run(t.Context(), []int{0, 1, 2, 3}, o)
	if err != nil {
		t.Error(err)
	}
	seen := map[string]int{}
	for _, m := range found {
		seen[m.Probe]++
		if m.Probe == "allreduce.rccl" && m.Verdict == kernels.Missing && os.Getenv("CEILING_TEST_RCCL") == "" {
			continue
		}
		if m.Verdict != kernels.NoTiming {
			t.Errorf("%s, %s on %v: %s: %s", m.Probe, m.Variant, m.Devices, m.Verdict, m.Reason)
		}
		if m.Samples != nil || m.Summary != nil || m.ClockHz != nil || m.PeakAtClock != nil || m.PowerW != nil {
			t.Errorf("%s, %s on %v has figures: %+v", m.Probe, m.Variant, m.Devices, m)
		}
	}
	for _, name := range Probes() {
		if seen[name] == 0 {
			t.Errorf("%s was not run", name)
		}
	}
	t.Logf("%d measurements of %d probes", len(found), len(seen))
}

// TestCardsFindPlanted: probes whose kernels do less than they say are found to be
// wrong.
func TestCardsFindPlanted(t *testing.T) {
	for name, c := range map[string]struct {
		file, from, to string
		probes         []string
	}{
		"dropped loads":            {"memory.hip", "i += N * step * 16", "i += 2 * N * step * 16", []string{"hbm.read"}},
		"loads of one place":       {"memory.hip", "v[k] = at(a + (u64)k * step, i);", "v[k] = at(a, i);", []string{"hbm.copy"}},
		"dropped stores":           {"memory.hip", "at(a + (u64)k * step, i) = written(", "if (k != 2) at(a + (u64)k * step, i) = written(", []string{"hbm.write"}},
		"a halved stream":          {"memory.hip", "t < times", "t < times / 2", []string{"hbm.read", "hbm.write", "hbm.copy", "hbm.triad"}},
		"a halved product":         {"gemv.hip", "t < times", "t < times / 2", []string{"hbm.gemv"}},
		"every second block":       {"gemv.hip", "b += 64", "b += 128", []string{"hbm.gemv"}},
		"a block that is off by 2": {"gemv.hip", "at<u32x4>(p->bytes + 2)", "at<u32x4>(p->bytes + 1)", []string{"hbm.gemv.q4_0"}},
		"halved caches":            {"cache.hip", "t < times", "t < times / 2", []string{"l1", "l2", "lds"}},
		"a chase with fewer steps": {"cache.hip", "i += 8)\n#pragma unroll\n    for (int k = 0; k < 8; k++)\n      p =", "i += 8)\n#pragma unroll\n    for (int k = 0; k < 7; k++)\n      p =", []string{"latency"}},
		"halved matrices":          {"matrix.hip", "i < pairs", "i < pairs / 2", []string{"mfma"}},
		"swapped operands":         {"matrix.hip", "F::mfma(back, b, c[k])", "F::mfma(b, back, c[k])", []string{"mfma"}},
		"halved vectors":           {"vector.hip", "i < rounds", "i < rounds / 2", []string{"valu"}},
	} {
		planted, err := plant(c.file, c.from, c.to)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		found, err := Run(t.Context(), []int{0}, CardProbeOptions{Only: c.probes, Quick: true, sources: planted})
		if err != nil || len(found) == 0 {
			t.Errorf("%s: %d measurements, %v", name, len(found), err)
		}
		for _, m := range found {
			if m.Verdict != kernels.Wrong && !strings.HasSuffix(m.Variant, "zeros") {
				t.Errorf("%s: %s, %s: %s", name, m.Probe, m.Variant, m.Verdict)
			}
		}
	}
}

// plant is the sources with a text replaced by another.
func plant(file, from, to string) (fs.FS, error) {
	out := fstest.MapFS{}
	files, err := fs.ReadDir(sources(), ".")
	if err != nil {
		return nil, err
	}
	for _, f := range files {
		text, err := fs.ReadFile(sources(), f.Name())
		if err != nil {
			return nil, err
		}
		if f.Name() == file {
			changed := strings.ReplaceAll(string(text), from, to)
			if changed == string(text) {
				return nil, fmt.Errorf("%s has no %q", file, from)
			}
			text = []byte(changed)
		}
		out[f.Name()] = &fstest.MapFile{Data: text}
	}
	return out, nil
}
