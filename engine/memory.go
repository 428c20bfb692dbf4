package engine

import (
	"fmt"
	"io/fs"
	"math"
	"os"
	"path"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"ceiling/internal/cgroup"
	"ceiling/internal/figure"
)

// room is how much memory this process may still take on the host.
type room struct {
	bytes int64
	by    string // what sets it; "": nothing is known
}

// hostRoom is this process's room on this machine.
func hostRoom() room {
	addresses := int64(math.MaxInt64)
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_AS, &limit); err == nil && limit.Cur < math.MaxInt64 {
		addresses = int64(limit.Cur)
	}
	return roomIn(os.DirFS("/"), addresses)
}

// roomIn is the least of what the machine has available, what each control
// group of the process has left below its limit, and what the limit on
// addresses (RLIMIT_AS) leaves. A file's pages in the cache are no one's: the
// kernel gives them back.
func roomIn(root fs.FS, addresses int64) room {
	var r room
	if free := field(root, "proc/meminfo", "MemAvailable:") << 10; free > 0 {
		r.tighten(free, "what the machine has available")
	}
	groups := cgroup.Groups(text(root, "proc/self/cgroup"))
	for dir := range cgroup.Ancestors(groups[""]) {
		// Version 2 is mounted at the top, or under unified beside version 1.
		for _, mount := range []string{"sys/fs/cgroup", "sys/fs/cgroup/unified"} {
			r.group(root, path.Join(mount, dir), "memory.max", "memory.current", "inactive_file", "active_file")
		}
	}
	for dir := range cgroup.Ancestors(groups["memory"]) {
		r.group(root, path.Join("sys/fs/cgroup/memory", dir), "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file", "total_active_file")
	}
	if addresses < math.MaxInt64 {
		pages, _, _ := strings.Cut(text(root, "proc/self/statm"), " ")
		used, _ := strconv.ParseInt(pages, 10, 64)
		r.tighten(addresses-used*int64(os.Getpagesize()), fmt.Sprintf("of the address space limit of %s", figure.GiB(addresses)))
	}
	return r
}

// group counts in what a control group has left; one without a limit has none.
func (r *room) group(root fs.FS, dir, max, current string, cached ...string) {
	limit := cgroup.Bytes(text(root, path.Join(dir, max)))
	if limit == 0 {
		return
	}
	used := cgroup.Bytes(text(root, path.Join(dir, current)))
	for _, key := range cached {
		used -= field(root, path.Join(dir, "memory.stat"), key)
	}
	r.tighten(limit-used, fmt.Sprintf("of its control group's limit of %s", figure.GiB(limit)))
}

// tighten takes a lower bound. One byte is the least, as 0 stands for not
// known.
func (r *room) tighten(bytes int64, by string) {
	if r.by == "" || bytes < r.bytes {
		r.bytes, r.by = max(1, bytes), by
	}
}

func text(root fs.FS, name string) string {
	content, err := fs.ReadFile(root, name)
	if err != nil {
		return ""
	}
	return string(content)
}

// field reads the number behind a word that begins a line; 0 where there is
// none.
func field(root fs.FS, name, word string) int64 {
	for line := range strings.Lines(text(root, name)) {
		if f := strings.Fields(line); len(f) > 1 && f[0] == word {
			n, _ := strconv.ParseInt(f[1], 10, 64)
			return n
		}
	}
	return 0
}
