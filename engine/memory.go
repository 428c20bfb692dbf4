package engine

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// freeMemory returns the bytes free where a session's KV cache would lie, and
// the place's name; 0 where nothing is known. used are the model's devices.
func freeMemory(used []Device, onHost bool) (free int64, where string) {
	if !onHost && len(used) > 0 {
		for _, d := range Devices() {
			if slices.ContainsFunc(used, func(u Device) bool { return u.Name == d.Name }) {
				free += int64(d.MemoryFree)
			}
		}
		if free > 0 {
			return free, "the GPUs together"
		}
	}
	return hostMemory("/"), "the machine"
}

// hostMemory is MemAvailable, or less under a cgroup limit, in bytes.
func hostMemory(root string) int64 {
	free := meminfo(filepath.Join(root, "proc/meminfo"))
	limit := number(filepath.Join(root, "sys/fs/cgroup/memory.max"))
	used := number(filepath.Join(root, "sys/fs/cgroup/memory.current"))
	if limit > 0 && limit-used < free {
		return max(1, limit-used)
	}
	return free
}

func meminfo(path string) int64 {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "MemAvailable:"); ok {
			kb, _ := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
			return kb << 10
		}
	}
	return 0
}

// number reads a file that holds one number; 0 where it does not ("max").
func number(path string) int64 {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0
	}
	n, _ := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	return n
}
