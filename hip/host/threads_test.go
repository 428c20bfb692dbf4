package host

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ceiling/bench"
)

func TestPhysicalCores(t *testing.T) {
	for _, c := range []struct {
		name, allowed, siblings string
		want                    int
	}{
		{"two threads a core", "0-23", "0,12", 12},
		{"half of the machine", "0-11", "0,12", 6},
		{"no hyper-threading", "0-7", "0", 8},
		{"one CPU of a core", "3", "0,1", 1},
		{"no topology", "0-3", "", 4},
		{"nothing known", "", "", 0},
	} {
		root := t.TempDir()
		for path, text := range map[string]string{
			"proc/self/status": "Cpus_allowed_list:\t" + c.allowed + "\n",
			"sys/devices/system/cpu/cpu0/topology/thread_siblings_list": c.siblings + "\n",
		} {
			full := filepath.Join(root, path)
			if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(full, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if got := PhysicalCores(root); got != c.want {
			t.Errorf("%s: %d cores, want %d", c.name, got, c.want)
		}
	}
}

func TestLoadAverage(t *testing.T) {
	for line, want := range map[string]string{
		"0.15 0.30 0.20 1/345 6789": "0.15", "7.42 1 1 2/3 4": "7.42", "": "", "x 1 2": "", "-1 0 0": "", "NaN 0 0": "",
	} {
		if got := loadAverage(line); got != want {
			t.Errorf("%q: %q, want %q", line, got, want)
		}
	}
	busy := warnings(bench.System{OS: "o", Kernel: "k", CPU: "c", MemoryBytes: 1, LoadAverage: "3.10"})
	if len(busy) != 1 || !strings.Contains(busy[0], "3.10") {
		t.Errorf("a busy machine gives %q", busy)
	}
}
