package disturb

import (
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path"
	"strconv"
	"strings"
	"syscall"
	"time"

	"ceiling/internal/cgroup"
)

// times are a thread's, since it began.
type times struct{ run, wait time.Duration }

// snapshot holds counters at one instant. What can't be read is missing from
// the maps, and NaN elsewhere.
type snapshot struct {
	at      time.Time
	threads map[string]times // by thread id
	cpus    int
	// Seconds since boot, of all CPUs: busy is all but idle, waiting for a disk,
	// and steal.
	busy, steal float64
	own, faults float64 // of this process: CPU seconds, and pages read from a disk
	pressure    float64 // seconds
	switches    float64
	quotas      map[string]quota // by folder of the control group
	clock       float64          // MHz, the mean of all CPUs
	hot         float64          // times that a CPU lowered its clock for its heat
}

// quota counts the periods of a CPU quota.
type quota struct{ periods, throttles, seconds float64 }

// files reads a tree.
type files struct {
	root   *os.Root
	quotas []string // cpu.stat of the process's control groups and their ancestors
}

func openFiles(root string) (files, error) {
	if root == "" {
		root = "/"
	}
	dir, err := os.OpenRoot(root)
	if err != nil {
		return files{}, fmt.Errorf("system root %q: %w: name the root of a machine", root, unwrap(err))
	}
	f := files{root: dir}
	f.quotas = f.quotaFiles()
	return f, nil
}

func unwrap(err error) error {
	var pe *os.PathError
	if errors.As(err, &pe) {
		return pe.Err
	}
	return err
}

func (f files) close() { _ = f.root.Close() } // read only

// longest is the most that is read of a file. /proc/stat has a line of 60 bytes
// for each CPU, and one of some KiB for all interrupts, which is not needed.
const longest = 1 << 20

// text is a file's content, "" where it can't be read. It does not wait for the
// writer of a FIFO.
func (f files) text(name string) string {
	file, err := f.root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return ""
	}
	defer file.Close()
	b, err := io.ReadAll(io.LimitReader(file, longest))
	if err != nil {
		return ""
	}
	return string(b)
}

func (f files) names(dir string) []string {
	d, err := f.root.Open(dir)
	if err != nil {
		return nil
	}
	defer d.Close()
	names, _ := d.Readdirnames(-1) // those that came
	return names
}

// all reads every counter.
func (f files) all() snapshot {
	s := f.threads()
	s.cpus, s.busy, s.steal = parseStat(f.text("proc/stat"))
	s.own, s.faults = parseOwn(f.text("proc/self/stat"))
	s.pressure = parsePressure(f.text("proc/pressure/cpu"))
	s.switches = f.switches(s.threads)
	s.quotas = map[string]quota{}
	for _, name := range f.quotas {
		if q, ok := parseQuota(f.text(name)); ok {
			s.quotas[name] = q
		}
	}
	s.clock, s.hot = f.cpus()
	return s
}

// threads reads those of this process.
func (f files) threads() snapshot {
	const tasks = "proc/self/task"
	s := snapshot{at: time.Now(), threads: map[string]times{}}
	for _, id := range f.names(tasks) {
		if t := f.thread(path.Join(tasks, id, "schedstat")); t != (times{}) {
			s.threads[id] = t
		}
	}
	return s
}

// thread reads a schedstat file: nanoseconds on a core, nanoseconds ready
// without one, times put on a core.
func (f files) thread(name string) times {
	fields := strings.Fields(f.text(name))
	if len(fields) < 2 {
		return times{}
	}
	run, err1 := strconv.ParseInt(fields[0], 10, 64)
	wait, err2 := strconv.ParseInt(fields[1], 10, 64)
	if err1 != nil || err2 != nil || run < 0 || wait < 0 {
		return times{}
	}
	return times{time.Duration(run), time.Duration(wait)}
}

// switches is how often a thread was taken off its core.
func (f files) switches(threads map[string]times) float64 {
	sum, any := 0.0, false
	for id := range threads {
		for line := range strings.Lines(f.text("proc/self/task/" + id + "/status")) {
			if rest, ok := strings.CutPrefix(line, "nonvoluntary_ctxt_switches:"); ok {
				if v := number(strings.TrimSpace(rest)); !math.IsNaN(v) {
					sum, any = sum+v, true
				}
			}
		}
	}
	if !any {
		return math.NaN()
	}
	return sum
}

// userHz is the unit of times in /proc/stat and /proc/PID/stat, which Linux
// keeps at 100 for programs on every architecture that Go runs on.
const userHz = 100

// parseStat sums up the line of all CPUs, and counts the lines of each:
// user, nice, system, idle, iowait, irq, softirq, steal, and guest times, which
// user and nice contain.
func parseStat(text string) (cpus int, busy, steal float64) {
	busy, steal = math.NaN(), math.NaN()
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		switch {
		case len(f) == 0 || !strings.HasPrefix(f[0], "cpu"):
		case f[0] != "cpu":
			cpus++
		case len(f) >= 9:
			busy = (number(f[1]) + number(f[2]) + number(f[3]) + number(f[6]) + number(f[7])) / userHz
			steal = number(f[8]) / userHz
		}
	}
	return cpus, busy, steal
}

// parseOwn reads /proc/self/stat, of which the name in brackets may hold
// anything.
func parseOwn(text string) (cpu, faults float64) {
	const majflt, utime, stime = 12 - 3, 14 - 3, 15 - 3 // fields of proc(5), counted behind the name
	f := strings.Fields(text[strings.LastIndexByte(text, ')')+1:])
	if len(f) <= stime {
		return math.NaN(), math.NaN()
	}
	return (number(f[utime]) + number(f[stime])) / userHz, number(f[majflt])
}

// parsePressure is the total of "some avg10=… total=µs".
func parsePressure(text string) float64 {
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(line, "some "); ok {
			_, total, _ := strings.Cut(rest, "total=")
			return number(strings.TrimSpace(total)) / 1e6
		}
	}
	return math.NaN()
}

// parseQuota reads cpu.stat of either version, which has no periods where no
// quota is set.
func parseQuota(text string) (q quota, ok bool) {
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) != 2 {
			continue
		}
		switch v := number(f[1]); f[0] {
		case "nr_periods":
			q.periods, ok = v, !math.IsNaN(v)
		case "nr_throttled":
			q.throttles = v
		case "throttled_usec":
			q.seconds = v / 1e6
		case "throttled_time":
			q.seconds = v / 1e9
		}
	}
	return q, ok
}

// quotaFiles are those of the process's control groups and their ancestors,
// any of which may have a quota.
func (f files) quotaFiles() []string {
	groups := cgroup.Groups(f.text("proc/self/cgroup"))
	var out []string
	for _, g := range []struct{ mount, group string }{
		{"sys/fs/cgroup", groups[""]}, {"sys/fs/cgroup/unified", groups[""]}, {"sys/fs/cgroup/cpu", groups["cpu"]},
	} {
		for dir := range cgroup.Ancestors(g.group) {
			name := path.Join(g.mount, dir, "cpu.stat")
			if f.text(name) != "" {
				out = append(out, name)
			}
		}
	}
	return out
}

// cpus reads clocks and thermal counters; a package's stands at each of its
// CPUs.
func (f files) cpus() (clock, hot float64) {
	const dir = "sys/devices/system/cpu"
	var kHz, throttles float64
	clocks, counters := 0, 0
	for _, name := range f.names(dir) {
		if _, err := strconv.Atoi(strings.TrimPrefix(name, "cpu")); err != nil {
			continue
		}
		if v := number(strings.TrimSpace(f.text(path.Join(dir, name, "cpufreq/scaling_cur_freq")))); v > 0 {
			kHz, clocks = kHz+v, clocks+1
		}
		for _, counter := range []string{"core_throttle_count", "package_throttle_count"} {
			if v := number(strings.TrimSpace(f.text(path.Join(dir, name, "thermal_throttle", counter)))); v >= 0 {
				throttles, counters = throttles+v, counters+1
			}
		}
	}
	clock, hot = math.NaN(), math.NaN()
	if clocks > 0 {
		clock = kHz / float64(clocks) / 1000
	}
	if counters > 0 {
		hot = throttles
	}
	return clock, hot
}

// number is NaN for what is none.
func number(text string) float64 {
	v, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return math.NaN()
	}
	return float64(v)
}
