package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// quietRule says how much of the machine other programs may use while
// something is measured. Engines with as many threads as cores wait for their
// slowest thread at every layer, so one busy core of another program can cost
// them far more than its share.
type quietRule struct {
	cores   float64
	wait    time.Duration
	retries int
}

// cpuTime is the time in seconds that all CPUs have been busy, that of a
// hypervisor's other guests included. ok is false where the system does not
// tell.
func cpuTime() (busy float64, ok bool) {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, false
	}
	return parseCPUTime(string(text))
}

// parseCPUTime reads the first line of /proc/stat: user, nice, system, idle,
// iowait, irq, softirq, steal in hundredths of a second; what follows is
// counted in user already.
func parseCPUTime(stat string) (busy float64, ok bool) {
	line, _, _ := strings.Cut(stat, "\n")
	fields := strings.Fields(line)
	if len(fields) < 9 || fields[0] != "cpu" {
		return 0, false
	}
	for i, text := range fields[1:9] {
		n, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return 0, false
		}
		if i != 3 && i != 4 {
			busy += n / 100
		}
	}
	return busy, true
}

// usage is the CPU time of a process in seconds.
func usage(r *syscall.Rusage) float64 {
	return float64(r.Utime.Nano()+r.Stime.Nano()) / 1e9
}

// disturbance measures the cores that other programs use, from its creation
// on.
type disturbance struct {
	at   time.Time
	busy float64
	self float64
	ok   bool
}

func watchOthers() disturbance {
	d := disturbance{at: time.Now(), self: ownTime()}
	d.busy, d.ok = cpuTime()
	return d
}

// cores is the number of cores in use by neither this process nor the child
// whose usage is given; 0 where the system does not tell.
func (d disturbance) cores(child float64) float64 {
	busy, ok := cpuTime()
	wall := time.Since(d.at).Seconds()
	if !ok || !d.ok || wall <= 0 {
		return 0
	}
	return max(0, (busy-d.busy-child-(ownTime()-d.self))/wall)
}

func ownTime() float64 {
	var r syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &r) != nil {
		return 0
	}
	return usage(&r)
}

// quietLook is how long the machine is watched before a measurement: long
// enough for the kernel to count in hundredths of a second, short enough that
// the tools are compared at the same clock speed.
const quietLook = 300 * time.Millisecond

// await returns when other programs have left the cores alone for a moment,
// or after the rule's wait.
func (q quietRule) await(ctx context.Context) error {
	deadline := time.Now().Add(q.wait)
	for time.Now().Before(deadline) {
		w := watchOthers()
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(quietLook):
		}
		if w.cores(0) <= q.cores {
			break
		}
	}
	return ctx.Err()
}

// keepLeast measures until a measurement was not disturbed, or the rule's
// retries are used up, and returns the least disturbed one: the samples of the
// tools that ran at once, which were disturbed alike.
func (q quietRule) keepLeast(ctx context.Context, measure func() ([]sample, error), note func(string)) ([]sample, error) {
	var best []sample
	for try := 0; ; try++ {
		if err := q.await(ctx); err != nil {
			return nil, err
		}
		got, err := measure()
		if err != nil {
			return nil, err
		}
		if try == 0 || got[0].Others < best[0].Others {
			best = got
		}
		if best[0].Others <= q.cores || try == q.retries {
			return best, nil
		}
		note(fmt.Sprintf("%s was disturbed: other programs used %.2f cores; once more", got[0].Tool, got[0].Others))
	}
}
