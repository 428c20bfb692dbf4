// Package host reads what the machine is from procfs and sysfs: the rows of
// the report's System Configuration and the conditions beside it.
//
// It opens files only, below a root that the caller names, so a tree copied
// from another machine reads the same as the machine itself. A file that is
// missing or holds something unexpected leaves its field empty; nothing here
// fails a run.
package host

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"syscall"

	"ceiling/internal/machine"
	"ceiling/internal/oneline"
)

// maxFile bounds one read, in bytes. /proc/cpuinfo is the longest file wanted
// here: about 1.5 KiB per logical CPU, so 8 MiB covers more than 5000.
const maxFile = 8 << 20

// Read returns the machine below root ("/" or "" for this one, else a copied
// tree) and one warning for each thing that makes a measurement on it harder
// to trust or that could not be read. Links that lead out of root are not
// followed. Fields that the tree does not tell stay empty.
func Read(root string) (machine.System, []string) {
	dir, err := openFolder(root)
	if err != nil {
		return machine.System{}, []string{fmt.Sprintf("system root %q cannot be read: %v", root, err)}
	}
	defer dir.Close()
	return read(dir)
}

// folder is a file system whose files open without waiting: a FIFO in a
// copied tree has no writer. Links that lead out of it are not followed.
type folder struct{ *os.Root }

// openFolder opens the tree at root; "" stands for "/".
func openFolder(root string) (folder, error) {
	if root == "" {
		root = "/"
	}
	info, err := os.Stat(root)
	if err == nil && !info.IsDir() {
		err = errors.New("not a folder")
	}
	if err != nil {
		return folder{}, err
	}
	dir, err := os.OpenRoot(root)
	return folder{dir}, err
}

// Open is the way of fs.FS.
func (f folder) Open(name string) (fs.File, error) {
	return f.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
}

// read is Read on any file system whose paths are relative to the root.
func read(fsys fs.FS) (machine.System, []string) {
	t := tree{fsys}
	cpuinfo := parseCPUInfo(t.text("proc/cpuinfo"))
	s := machine.System{
		OS:          osName(t),
		Kernel:      kernelRelease(t),
		CPU:         cpuName(cpuinfo, t.deviceTreeModel()),
		MemoryBytes: parseMemTotal(t.text("proc/meminfo")),
		Governor:    governors(t),
		Hypervisor:  hypervisor(t, cpuinfo),
		LoadAverage: loadAverage(t.line("proc/loadavg")),
	}
	limits := cgroupLimits(t)
	s.Cores = usableCores(t, cpuinfo, limits.cpus)
	// A limit at or above the machine's memory limits nothing.
	if limits.memory > 0 && (s.MemoryBytes == 0 || limits.memory < s.MemoryBytes) {
		s.MemoryLimit = limits.memory
	}
	return s, warnings(s)
}

// warnings says what of s is unknown, and what of it distorts measurements.
func warnings(s machine.System) []string {
	var w []string
	for _, f := range []struct {
		missing bool
		what    string
	}{
		{s.OS == "", "operating system unknown: no PRETTY_NAME in etc/os-release"},
		{s.Kernel == "", "kernel release unknown: no proc/sys/kernel/osrelease"},
		{s.CPU == "", "CPU model unknown: proc/cpuinfo names none"},
		{s.MemoryBytes == 0, "system RAM unknown: no MemTotal in proc/meminfo"},
	} {
		if f.missing {
			w = append(w, f.what)
		}
	}
	if s.Governor != "" && s.Governor != "performance" {
		w = append(w, fmt.Sprintf("CPU governor is %q: clocks may change during the run; \"performance\" holds them", s.Governor))
	}
	if load, err := strconv.ParseFloat(s.LoadAverage, 64); err == nil && load >= BusyLoad(s.Cores) {
		w = append(w, fmt.Sprintf("load average %s before the run: other work is using this machine, and the figures will show it", s.LoadAverage))
	}
	return w
}

// BusyLoad is the load average from which on a machine with that many usable
// logical CPUs counts as busy: a twentieth of them, and half of one at least.
// An idle machine shows a few hundredths.
func BusyLoad(cores int) float64 { return max(0.5, float64(cores)/20) }

// loadAverage is the one-minute figure of /proc/loadavg, or "".
func loadAverage(line string) string {
	first, _, _ := strings.Cut(line, " ")
	if v, err := strconv.ParseFloat(first, 64); err != nil || !(v >= 0 && v < 1e6) {
		return ""
	}
	return first
}

// tree reads small files below the root and treats an unreadable one as empty.
type tree struct{ fs.FS }

// text returns a file's content, at most maxFile bytes, or "".
func (t tree) text(name string) string {
	f, err := t.Open(name)
	if err != nil {
		return ""
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return ""
	}
	b, err := io.ReadAll(io.LimitReader(f, maxFile))
	if err != nil {
		return ""
	}
	return string(b)
}

// line returns a file's first line, cleaned for printing.
func (t tree) line(name string) string {
	first, _, _ := strings.Cut(strings.TrimLeft(t.text(name), "\n"), "\n")
	return clean(first)
}

// clean makes text from a file safe in one table cell: no control
// characters, no runs of blanks, valid UTF-8, and no longer than a model name
// has reason to be.
func clean(s string) string {
	const longest = 200 // runes
	s = oneline.Of(strings.ReplaceAll(oneline.Visible(s), "�", " "))
	if r := []rune(s); len(r) > longest {
		s = strings.TrimSpace(string(r[:longest]))
	}
	return s
}
