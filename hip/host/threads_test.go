package host

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ceiling/internal/machine"
)

// TestPhysicalCores: machines by the siblings of each CPU, and what the process
// may use of them.
func TestPhysicalCores(t *testing.T) {
	paired := map[int]string{} // 24 CPUs, 12 cores: n and n + 12 are one
	for cpu := range 24 {
		paired[cpu] = fmt.Sprintf("%d,%d", cpu%12, cpu%12+12)
	}
	adjacent := map[int]string{} // 8 CPUs, 4 cores: 2n and 2n + 1 are one
	for cpu := range 8 {
		adjacent[cpu] = fmt.Sprintf("%d-%d", cpu&^1, cpu|1)
	}
	for _, c := range []struct {
		name, allowed, quota string
		siblings             map[int]string
		want                 int
	}{
		{"two threads a core", "0-23", "", paired, 12},
		{"one thread of every core", "0-11", "", paired, 12},
		{"one thread of some cores", "12-17", "", paired, 6},
		{"both threads of some cores", "0-3,12-15", "", paired, 4},
		{"both of one core, one of another", "0,1,12", "", paired, 2},
		{"threads side by side", "0-3", "", adjacent, 2},
		{"every second thread", "0,2,4,6", "", adjacent, 4},
		{"a quota below the cores", "0-23", "800000 100000", paired, 8},
		{"a quota above the cores", "0-23", "2000000 100000", paired, 12},
		{"a quota and a cpuset", "0-3,12-15", "800000 100000", paired, 4},
		{"a part of a CPU", "0-23", "250000 100000", paired, 3},
		{"no hyper-threading", "0-7", "", map[int]string{0: "0", 1: "1", 2: "2", 3: "3", 4: "4", 5: "5", 6: "6", 7: "7"}, 8},
		{"one CPU of a core", "3", "", adjacent, 1},
		{"no topology", "0-3", "", nil, 4},
		{"only a quota", "", "400000 100000", nil, 4},
		{"nothing known", "", "", nil, 0},
	} {
		files := map[string]string{"proc/self/status": "Cpus_allowed_list:\t" + c.allowed + "\n",
			"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": c.quota + "\n"}
		for cpu, list := range c.siblings {
			files[fmt.Sprintf("sys/devices/system/cpu/cpu%d/topology/thread_siblings_list", cpu)] = list + "\n"
		}
		root := t.TempDir()
		for path, text := range files {
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
	busy := warnings(machine.System{OS: "o", Kernel: "k", CPU: "c", MemoryBytes: 1, LoadAverage: "3.10"})
	if len(busy) != 1 || !strings.Contains(busy[0], "3.10") {
		t.Errorf("a busy machine gives %q", busy)
	}
}
