package engine

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// slacks reads the timer slack of every thread of the process, in ns.
func slacks(t *testing.T) map[int]int {
	t.Helper()
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Fatal(err)
	}
	out := map[int]int{}
	for _, task := range tasks {
		// A thread has the file under its own number only.
		text, err := os.ReadFile(fmt.Sprintf("/proc/%s/timerslack_ns", task.Name()))
		if os.IsNotExist(err) {
			continue // it has ended
		}
		if os.IsPermission(err) && os.Getenv("CI") != "true" {
			t.Skipf("%s not run: the kernel shows other threads' slack to root only", t.Name())
		}
		if err != nil {
			t.Fatal(err)
		}
		id, err1 := strconv.Atoi(task.Name())
		ns, err2 := strconv.Atoi(strings.TrimSpace(string(text)))
		if err1 != nil || err2 != nil {
			t.Fatal(err1, err2)
		}
		out[id] = ns
	}
	return out
}

const ownSlack, longSlack = 50_000, 20_000_000 // ns

// setSlack gives the calling thread, and what it starts, a timer slack.
func setSlack(t *testing.T, ns uintptr) {
	t.Helper()
	const setTimerSlack = 29 // PR_SET_TIMERSLACK
	if _, _, errno := syscall.RawSyscall(syscall.SYS_PRCTL, setTimerSlack, ns, 0); errno != 0 {
		t.Fatal(errno)
	}
}

// TestTimerSlack: the thread that drives the engine may be one that Go's
// monitor started, with the monitor's long timer slack. It and the compute
// threads that it makes have the process's own all the same.
//
// It runs in a process of its own: other tests leave compute threads behind.
func TestTimerSlack(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	const alone = "CEILING_TEST_ALONE"
	if os.Getenv(alone) == "" {
		slacks(t) // skips here rather than unseen in the other process
		setSlack(t, ownSlack)
		cmd := exec.Command(os.Args[0], "-test.run=^TestTimerSlack$")
		cmd.Env = append(os.Environ(), alone+"=1")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	const threads = 5
	if slack := slacks(t)[os.Getpid()]; slack != ownSlack {
		t.Fatalf("the process's first thread has a slack of %d ns, want %d", slack, ownSlack)
	}
	drive := func(step string, call func()) {
		t.Helper()
		setSlack(t, longSlack)
		call()
		if slack := slacks(t)[syscall.Gettid()]; slack != ownSlack {
			t.Errorf("after %s the driving thread has a slack of %d ns, want %d", step, slack, ownSlack)
		}
	}
	var m *Model
	var s *Session
	path := synthModel(t, "q4_0")
	before := slacks(t)
	drive("loading", func() { m = load(t, path) })
	drive("opening a session", func() { s = open(t, m, SessionOptions{Sequences: 1, TokensPerSequence: 64, Threads: threads}) })
	var b Batch
	b.add(0, 0, 300, 301, 302)
	if err := s.Step(context.Background(), &b); err != nil {
		t.Fatal(err)
	}
	compute := 0
	for id, slack := range slacks(t) {
		if _, old := before[id]; !old && slack == ownSlack {
			compute++
		}
	}
	// Loading makes some of them already, to lay out weights. Go may have started
	// threads of its own meanwhile, with any slack.
	if compute < threads-1 {
		t.Errorf("%d of the threads that were made have a slack of %d ns, want %d", compute, ownSlack, threads-1)
	}
}
