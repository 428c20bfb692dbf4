package host

import (
	"math"
	"path"
	"strconv"
	"strings"
)

// limits are a control group's, the tightest of its ancestors included. 0 is
// no limit.
type limits struct {
	memory int64   // bytes
	cpus   float64 // CPU time per wall time
}

// cgroupLimits reads the limits of both cgroup versions: a machine can mount
// the two side by side and set a limit in either.
func cgroupLimits(t tree) limits {
	var l limits
	groups := parseCgroup(t.text("proc/self/cgroup"))
	for dir := range ancestors(groups[""]) {
		// Version 2 is mounted at the top, or under unified beside version 1.
		for _, mount := range []string{"sys/fs/cgroup", "sys/fs/cgroup/unified"} {
			base := path.Join(mount, dir)
			l.tighten(parseMemoryLimit(t.text(path.Join(base, "memory.max"))), parseCPUMax(t.text(path.Join(base, "cpu.max"))))
		}
	}
	for dir := range ancestors(groups["memory"]) {
		l.tighten(parseMemoryLimit(t.text(path.Join("sys/fs/cgroup/memory", dir, "memory.limit_in_bytes"))), 0)
	}
	for dir := range ancestors(groups["cpu"]) {
		base := path.Join("sys/fs/cgroup/cpu", dir)
		quota := t.line(path.Join(base, "cpu.cfs_quota_us"))
		l.tighten(0, parseCPUMax(quota+" "+t.line(path.Join(base, "cpu.cfs_period_us"))))
	}
	return l
}

func (l *limits) tighten(memory int64, cpus float64) {
	if memory > 0 && (l.memory == 0 || memory < l.memory) {
		l.memory = memory
	}
	if cpus > 0 && (l.cpus == 0 || cpus < l.cpus) {
		l.cpus = cpus
	}
}

// parseCgroup maps each version 1 controller to its group's path, and "" to
// the version 2 path. Lines are "hierarchy:controllers:path".
func parseCgroup(text string) map[string]string {
	groups := map[string]string{}
	for line := range strings.Lines(text) {
		f := strings.SplitN(strings.TrimRight(line, "\n"), ":", 3)
		if len(f) != 3 {
			continue
		}
		for controller := range strings.SplitSeq(f[1], ",") {
			groups[controller] = f[2]
		}
	}
	return groups
}

// ancestors yields the group's path and those above it, to the mount's top,
// without leading slashes. In a container the path can be the host's, which
// its own mount does not have: those files are then missing, and the top,
// which is the container's group, tells.
func ancestors(group string) func(yield func(string) bool) {
	const longest = 4096 // PATH_MAX: the kernel prints none longer
	if len(group) > longest {
		group = ""
	}
	return func(yield func(string) bool) {
		dir := path.Clean("/" + group)
		for {
			if !yield(strings.TrimPrefix(dir, "/")) || dir == "/" {
				return
			}
			dir = path.Dir(dir)
		}
	}
}

// parseMemoryLimit returns a limit in bytes, or 0 for "max", for version 1's
// "no limit" (the largest multiple of the page size) and for anything else.
func parseMemoryLimit(text string) int64 {
	const unlimited = math.MaxInt64 &^ 0xffff // below it for any page size up to 64 KiB
	v, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
	if err != nil || v <= 0 || v >= unlimited {
		return 0
	}
	return v
}

// parseCPUMax returns "quota period" (both in µs) as CPUs, or 0 for no quota
// ("max", or -1 in version 1) and for anything else.
func parseCPUMax(text string) float64 {
	f := strings.Fields(text)
	if len(f) != 2 {
		return 0
	}
	quota, errq := strconv.ParseInt(f[0], 10, 64)
	period, errp := strconv.ParseInt(f[1], 10, 64)
	if errq != nil || errp != nil || quota <= 0 || period <= 0 {
		return 0
	}
	return float64(quota) / float64(period)
}
