package host

import (
	"path"
	"strconv"
	"strings"

	"ceiling/internal/cgroup"
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
	groups := cgroup.Groups(t.text("proc/self/cgroup"))
	for dir := range cgroup.Ancestors(groups[""]) {
		// Version 2 is mounted at the top, or under unified beside version 1.
		for _, mount := range []string{"sys/fs/cgroup", "sys/fs/cgroup/unified"} {
			base := path.Join(mount, dir)
			l.tighten(cgroup.Bytes(t.text(path.Join(base, "memory.max"))), parseCPUMax(t.text(path.Join(base, "cpu.max"))))
		}
	}
	for dir := range cgroup.Ancestors(groups["memory"]) {
		l.tighten(cgroup.Bytes(t.text(path.Join("sys/fs/cgroup/memory", dir, "memory.limit_in_bytes"))), 0)
	}
	for dir := range cgroup.Ancestors(groups["cpu"]) {
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
