// Package cgroup reads the files of control groups, both versions: a machine
// can mount the two side by side and set a limit in either.
package cgroup

import (
	"math"
	"path"
	"strconv"
	"strings"
)

// Groups maps, of /proc/self/cgroup, each version 1 controller to its group's
// path, and "" to
// the version 2 path. Lines are "hierarchy:controllers:path".
func Groups(text string) map[string]string {
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

// Ancestors yields the group's path and those above it, to the mount's top,
// without leading slashes. In a container the path can be the host's, which
// its own mount does not have: those files are then missing, and the top,
// which is the container's group, tells.
func Ancestors(group string) func(yield func(string) bool) {
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

// Bytes returns a memory limit in bytes, or 0 for "max", for version 1's
// "no limit" (the largest multiple of the page size) and for anything else.
func Bytes(text string) int64 {
	const unlimited = math.MaxInt64 &^ 0xffff // below it for any page size up to 64 KiB
	v, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
	if err != nil || v <= 0 || v >= unlimited {
		return 0
	}
	return v
}
