package cpu

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// allowed are the CPUs that this process may use.
func allowed() ([]int, error) {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		return nil, fmt.Errorf("the CPUs that this process may use: %w", err)
	}
	var cpus []int
	for i := 0; len(cpus) < set.Count(); i++ {
		if set.IsSet(i) {
			cpus = append(cpus, i)
		}
	}
	return cpus, nil
}

// choose picks the CPUs for so many threads: one of each core first, then the
// cores' other threads, then the first ones again. sys is the file system at /.
func choose(sys fs.FS, from []int, threads int) []int {
	var first, others []int
	seen := map[string]bool{}
	for _, cpu := range from {
		core := line(sys, fmt.Sprintf("sys/devices/system/cpu/cpu%d/topology/thread_siblings_list", cpu))
		if core != "" && seen[core] {
			others = append(others, cpu)
		} else {
			first = append(first, cpu)
		}
		seen[core] = true
	}
	order := append(first, others...)
	out := make([]int, threads)
	for i := range out {
		out[i] = order[i%len(order)]
	}
	return out
}

// cache is one level of the chosen CPUs' data caches.
type cache struct {
	level     int
	perThread int64 // bytes for each of the threads
	total     int64 // bytes of all caches of the level that the threads use
}

// caches lists the levels above the first, the smallest first.
func caches(sys fs.FS, cpus []int) []cache {
	type place struct {
		level  int
		shared string
	}
	sizes := map[place]int64{}
	users := map[place]int{}
	for _, cpu := range cpus {
		dirs, _ := fs.Glob(sys, fmt.Sprintf("sys/devices/system/cpu/cpu%d/cache/index*", cpu)) // the pattern is right
		for _, dir := range dirs {
			level, _ := strconv.Atoi(line(sys, path.Join(dir, "level")))
			size := kilobytes(line(sys, path.Join(dir, "size")))
			if level < 2 || size == 0 || line(sys, path.Join(dir, "type")) == "Instruction" {
				continue
			}
			at := place{level, line(sys, path.Join(dir, "shared_cpu_list"))}
			sizes[at] = size
			users[at]++
		}
	}
	byLevel := map[int]*cache{}
	for at, size := range sizes {
		c := byLevel[at.level]
		if c == nil {
			c = &cache{level: at.level, perThread: size}
			byLevel[at.level] = c
		}
		c.total += size
		c.perThread = min(c.perThread, size/int64(users[at]))
	}
	var out []cache
	for _, c := range byLevel {
		out = append(out, *c)
	}
	slices.SortFunc(out, func(a, b cache) int { return a.level - b.level })
	return out
}

// kilobytes reads "32768K" as bytes; 0 where it is something else.
func kilobytes(text string) int64 {
	n, err := strconv.ParseInt(strings.TrimSuffix(text, "K"), 10, 40)
	if err != nil || n < 0 || !strings.HasSuffix(text, "K") {
		return 0
	}
	return n << 10
}

func line(sys fs.FS, name string) string {
	text, err := fs.ReadFile(sys, name)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}
