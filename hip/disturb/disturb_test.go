package disturb

import (
	"bufio"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"ceiling/bench/result"
	"ceiling/internal/machine"
)

// fakeRoot writes a tree of path → content.
func fakeRoot(t *testing.T, content map[string]string) files {
	t.Helper()
	root := t.TempDir()
	for name, text := range content {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	f, err := openFiles(root)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.close)
	return f
}

const ownStat = "4711 (a) b (c) R 1 2 3 4 5 6 7 8 %d 10 %d %d 0 0 20 0 5 0 100 0 0\n"

// early and late are a machine of two CPUs, ten seconds apart: the engine's two
// threads had 6 and 5 s, and waited 2 and 3 s; a third thread hardly ran.
var (
	early = map[string]string{
		"proc/stat":                                                           "cpu  1000 100 200 5000 50 10 20 30 7 0\ncpu0 500 50 100 2500 25 5 10 15 0 0\ncpu1 500 50 100 2500 25 5 10 15 0 0\nintr 5 6\n",
		"proc/self/stat":                                                      fmt.Sprintf(ownStat, 2, 300, 100),
		"proc/self/task/4711/schedstat":                                       "1000000000 500000000 40\n",
		"proc/self/task/4712/schedstat":                                       "2000000000 0 40\n",
		"proc/self/task/4713/schedstat":                                       "9000000 9000000 40\n",
		"proc/self/task/4711/status":                                          "Name:\tx\nvoluntary_ctxt_switches:\t9\nnonvoluntary_ctxt_switches:\t100\n",
		"proc/pressure/cpu":                                                   "some avg10=1.00 avg60=0.00 avg300=0.00 total=4000000\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n",
		"proc/self/cgroup":                                                    "4:cpu,cpuacct:/box/engine\n0::/box/engine\n",
		"sys/fs/cgroup/box/cpu.stat":                                          "usage_usec 5\nnr_periods 100\nnr_throttled 10\nthrottled_usec 2000000\n",
		"sys/fs/cgroup/cpu/box/engine/cpu.stat":                               "nr_periods 0\nnr_throttled 0\nthrottled_time 0\n",
		"sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq":                "3000000\n",
		"sys/devices/system/cpu/cpu1/cpufreq/scaling_cur_freq":                "3400000\n",
		"sys/devices/system/cpu/cpu0/thermal_throttle/core_throttle_count":    "5\n",
		"sys/devices/system/cpu/cpuidle/thermal_throttle/core_throttle_count": "500\n",
	}
	late = map[string]string{
		"proc/stat":                                                        "cpu  1900 150 350 5600 70 20 30 130 7 0\ncpu0 1 1 1 1 1 1 1 1 0 0\ncpu1 1 1 1 1 1 1 1 1 0 0\n",
		"proc/self/stat":                                                   fmt.Sprintf(ownStat, 5, 900, 200),
		"proc/self/task/4711/schedstat":                                    "7000000000 2500000000 90\n",
		"proc/self/task/4712/schedstat":                                    "7000000000 3000000000 90\n",
		"proc/self/task/4713/schedstat":                                    "10000000 9500000 41\n",
		"proc/self/task/4711/status":                                       "nonvoluntary_ctxt_switches:\t160\n",
		"proc/pressure/cpu":                                                "some avg10=1.00 avg60=0.00 avg300=0.00 total=9500000\n",
		"proc/self/cgroup":                                                 early["proc/self/cgroup"],
		"sys/fs/cgroup/box/cpu.stat":                                       "usage_usec 5\nnr_periods 200\nnr_throttled 60\nthrottled_usec 7000000\n",
		"sys/fs/cgroup/cpu/box/engine/cpu.stat":                            "nr_periods 0\nnr_throttled 0\nthrottled_time 0\n",
		"sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq":             "2000000\n",
		"sys/devices/system/cpu/cpu1/cpufreq/scaling_cur_freq":             "2400000\n",
		"sys/devices/system/cpu/cpu0/thermal_throttle/core_throttle_count": "8\n",
	}
)

// Two readings give what happened in between, by hand: 9 + 0.5 + 1.5 + 0.1 + 0.1
// = 11.2 s were busy, of which 7 were the process's own.
func TestBetween(t *testing.T) {
	a, b := fakeRoot(t, early).all(), fakeRoot(t, late).all()
	b.at = a.at.Add(10 * time.Second)
	p := func(v float64) *float64 { return &v }
	n := func(v int64) *int64 { return &v }
	want := &machine.Disturbance{
		WallS: 10, CPUs: 2, Threads: &machine.ThreadLoad{Threads: 2, RunS: 11, WaitS: 5},
		OwnCPUS: p(7), OtherCPUS: p(4.2), StealS: p(1), PressureS: p(5.5), InvoluntarySwitches: n(60), MajorFaults: n(3),
		ThermalThrottles: n(3), CPUClockMHz: []float64{3200, 2200}, Quota: &machine.Quota{Periods: 100, Throttled: 50, ThrottledS: 5},
	}
	if diff := cmp.Diff(want, between(&a, &b), cmpopts.EquateApprox(0, 1e-9)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Of a machine that tells nothing, nothing is known: no zero stands for it.
func TestNothingToRead(t *testing.T) {
	for _, content := range []map[string]string{
		nil,
		{"proc/stat": "cpu x y\n", "proc/self/stat": "7 (", "proc/self/task/1/schedstat": "a b\n", "proc/pressure/cpu": "some total=\n",
			"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.stat": "nr_periods\nnr_periods x\n", "sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq": "?"},
	} {
		f := fakeRoot(t, content)
		a, b := f.all(), f.all()
		b.at = a.at.Add(time.Second)
		if diff := cmp.Diff(&machine.Disturbance{WallS: 1}, between(&a, &b)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}

// A counter that began anew tells nothing either, and a thread that took over
// another's number is left out.
func TestCountersThatBeginAnew(t *testing.T) {
	a, b := fakeRoot(t, late).all(), fakeRoot(t, early).all()
	b.at = a.at.Add(10 * time.Second)
	if diff := cmp.Diff(&machine.Disturbance{WallS: 10, CPUs: 2, Threads: &machine.ThreadLoad{}, CPUClockMHz: []float64{2200, 3200}}, between(&a, &b)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Seconds in which threads waited much are told from the sum, and the meter's
// own wait for a core from a standstill.
func TestLooks(t *testing.T) {
	m := &ProcessMeter{w: &window{}}
	m.look(150*time.Millisecond, 0)                    // a timer that is late
	m.look(900*time.Millisecond, 850*time.Millisecond) // it waited for a core
	m.look(5*time.Second, 100*time.Millisecond)        // stopped
	if m.w.stopped != 4900*time.Millisecond {
		t.Errorf("stood still for %v", m.w.stopped)
	}
	at := time.Now()
	reading := func(second int, run, wait time.Duration) snapshot {
		return snapshot{at: at.Add(time.Duration(second) * time.Second), threads: map[string]times{"7": {run, wait}}}
	}
	m.w.last = reading(0, 0, 0)
	m.w.slice(reading(1, 900*time.Millisecond, 100*time.Millisecond))
	m.w.slice(reading(2, 1300*time.Millisecond, 700*time.Millisecond))
	load := &machine.ThreadLoad{}
	count(load, m.w.seconds)
	if load.Seconds != 2 || load.BusySeconds != 1 || math.Abs(load.Worst-0.6) > 1e-9 {
		t.Errorf("%+v", load)
	}
}

func TestNewRefuses(t *testing.T) {
	if _, err := New(filepath.Join(t.TempDir(), "none"), nil); err == nil || !strings.Contains(err.Error(), "system root") {
		t.Errorf("err = %v", err)
	}
	m, err := New(t.TempDir(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if d := m.Stop(); d != nil {
		t.Errorf("a window without a start: %+v", d)
	}
	m.Close()
	(*ProcessMeter)(nil).Close()
}

// The process's own work is seen, however busy the machine is, and what used the
// cards at the start or at the end.
func TestMeterOnThisMachine(t *testing.T) {
	calls := 0
	m, err := New("/", func() []string { calls++; return []string{fmt.Sprintf("process %d", calls)} })
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	m.Start()
	before := cpuTime(t)
	for cpuTime(t)-before < 300*time.Millisecond {
	}
	d := m.Stop()
	if d.OwnCPUS == nil || *d.OwnCPUS < 0.2 || d.WallS <= 0 || d.CPUs < 1 {
		t.Errorf("%+v", d)
	}
	// A kernel without schedstat tells nothing of threads.
	told := m.files.thread("proc/self/schedstat") != (times{})
	if (d.Threads != nil) != told || told && (d.Threads.Threads < 1 || d.Threads.RunS < 0.2) {
		t.Errorf("threads %+v, schedstat %v", d.Threads, told)
	}
	if diff := cmp.Diff([]string{"process 1", "process 2"}, d.CardProcesses); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func cpuTime(t *testing.T) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// A process that was stopped says so. A machine under load makes the stop
// longer, not shorter.
func TestStoppedProcess(t *testing.T) {
	if os.Getenv("DISTURB_CHILD") != "" {
		beStopped()
		return
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestStoppedProcess$")
	cmd.Env = append(os.Environ(), "DISTURB_CHILD=1")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	lines.Scan()
	if lines.Text() != "ready" {
		t.Fatalf("the child says %q", lines.Text())
	}
	const long = 1500 * time.Millisecond
	for _, s := range []syscall.Signal{syscall.SIGSTOP, syscall.SIGCONT} {
		if err := cmd.Process.Signal(s); err != nil {
			t.Fatal(err)
		}
		if s == syscall.SIGSTOP {
			time.Sleep(long)
		}
	}
	fmt.Fprintln(in)
	lines.Scan()
	var d machine.Disturbance
	if err := json.Unmarshal(lines.Bytes(), &d); err != nil {
		t.Fatalf("%v: %q", err, lines.Text())
	}
	_ = in.Close()
	_ = cmd.Wait()
	if d.StoppedS == nil || *d.StoppedS < (long-lookEvery).Seconds()/2 || *d.StoppedS > d.WallS {
		t.Errorf("stopped for %v of %.1f s, want about %v", *d.StoppedS, d.WallS, long)
	}
	if got := result.Judge(&result.Summary{SuccessfulRequests: 50}, &result.Detail{Status: result.StatusComplete, Disturbance: &d}); got.State != result.StateDisturbed {
		t.Errorf("the verdict is %q", got)
	}
}

// beStopped measures until a line comes, and then until the meter has looked at
// the clock twice more.
func beStopped() {
	m, err := New("/", nil)
	if err != nil {
		panic(err)
	}
	m.Start()
	fmt.Println("ready")
	bufio.NewReader(os.Stdin).ReadString('\n')
	looks := func() int { m.mu.Lock(); defer m.mu.Unlock(); return m.seen }
	for until := looks() + 2; looks() < until; {
		nap(lookEvery)
	}
	json.NewEncoder(os.Stdout).Encode(m.Stop())
	os.Exit(0)
}
