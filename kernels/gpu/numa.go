package gpu

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"ceiling/hip/host"
)

// numaNode is where host memory comes from. The zero value: wherever the thread
// is.
type numaNode struct {
	text string // ", near node 0"
	cpus *unix.CPUSet
}

// nodes are the NUMA node that a card hangs on and another one; one without a
// name where the machine has no two.
func (c *card) nodes() []numaNode {
	near, err := readInt(filepath.Join("/sys/bus/pci/devices", c.PCI(), "numa_node"))
	if err != nil || near < 0 {
		return []numaNode{{}}
	}
	list, err := filepath.Glob("/sys/devices/system/node/node[0-9]*")
	if err != nil || len(list) < 2 {
		return []numaNode{{}}
	}
	out := make([]numaNode, 1, 2)
	for _, dir := range list {
		number, err := strconv.Atoi(strings.TrimPrefix(filepath.Base(dir), "node"))
		if err != nil {
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, "cpulist"))
		cpus := cpuSet(string(text))
		switch {
		case err != nil || cpus.Count() == 0:
		case number == near:
			out[0] = numaNode{fmt.Sprintf(", near node %d", number), &cpus}
		case len(out) < 2:
			out = append(out, numaNode{fmt.Sprintf(", far node %d", number), &cpus})
		}
	}
	if len(out) < 2 || out[0].cpus == nil {
		return []numaNode{{}}
	}
	return out
}

func readInt(file string) (int, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.TrimSpace(string(text)))
}

// cpuSet reads a list of the kernel's, "0-3,8"; it is empty for anything else.
func cpuSet(list string) (set unix.CPUSet) {
	for _, cpu := range host.CPUList(list) {
		set.Set(cpu)
	}
	return set
}

// here calls f on the node's CPUs. The calling goroutine is locked to its thread.
func (n numaNode) here(f func() error) error {
	if n.cpus == nil {
		return f()
	}
	var before unix.CPUSet
	if err := unix.SchedGetaffinity(0, &before); err != nil {
		return err
	}
	if err := unix.SchedSetaffinity(0, n.cpus); err != nil {
		return err
	}
	err := f()
	if back := unix.SchedSetaffinity(0, &before); err == nil {
		err = back
	}
	return err
}
