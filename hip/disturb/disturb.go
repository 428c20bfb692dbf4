// Package disturb measures what kept the engine from its cores while a scenario
// ran: threads that waited for a CPU, other processes, a hypervisor, a quota,
// a process that was stopped. It reads procfs and sysfs only, below a root
// that the caller names, from a thread of its own.
//
// Sums come from one reading at the start of a scenario and one at its end.
// Between them, threads are read once a second, which tells a load for a part
// of the time from one for all of it, and the clock four times a second, which
// tells that the process stood still.
package disturb

import (
	"fmt"
	"runtime"
	"sync"
	"time"

	"ceiling/internal/machine"

	"golang.org/x/sys/unix"
)

const (
	// lookEvery is how often the clock is looked at, and threadsEvery how often
	// the threads are.
	lookEvery    = 250 * time.Millisecond
	threadsEvery = time.Second
	// standstill is how late a look must be, its own wait for a core left out,
	// before the process itself must have stood still. A timer of an idle
	// machine is late by less than a millisecond.
	standstill = 200 * time.Millisecond
	// wanted is the share of a window that a thread must have run or waited to
	// count: others of the process, such as a runtime's, hardly ever run.
	wanted = 0.05
)

// ProcessMeter watches the process it is in.
type ProcessMeter struct {
	files files
	cards func() []string // names of other processes on the cards; nil: not known
	began chan struct{}   // the first look at the clock is made
	quit  chan struct{}
	done  chan struct{}

	mu   sync.Mutex
	w    *window       // nil between scenarios
	cost time.Duration // CPU time of the meter's thread
	seen int           // looks so far
}

// window is a scenario's.
type window struct {
	from    snapshot
	last    snapshot // threads only
	cards   []string
	cost    time.Duration
	stopped time.Duration
	seconds []float64 // share of waiting, slice by slice
}

// New makes a meter of the tree at root, "/" for this machine. cards names the
// other processes that use the cards that the model runs on; nil: nobody knows.
func New(root string, cards func() []string) (*ProcessMeter, error) {
	f, err := openFiles(root)
	if err != nil {
		return nil, err
	}
	m := &ProcessMeter{files: f, cards: cards, began: make(chan struct{}), quit: make(chan struct{}), done: make(chan struct{})}
	go m.watch()
	<-m.began // a stop before the first look would go unseen
	return m, nil
}

// Close ends the meter; nil is none.
func (m *ProcessMeter) Close() {
	if m == nil {
		return
	}
	close(m.quit)
	<-m.done
	m.files.close()
}

// Start begins a scenario's window.
func (m *ProcessMeter) Start() {
	w := &window{cards: m.others()}
	w.from = m.files.all()
	w.last = w.from
	m.mu.Lock()
	defer m.mu.Unlock()
	w.cost = m.cost
	m.w = w
}

// Stop ends the window, and tells what was seen in it; nil without a Start.
func (m *ProcessMeter) Stop() *machine.Disturbance {
	now := m.files.all()
	m.mu.Lock()
	defer m.mu.Unlock()
	w := m.w
	if w == nil {
		return nil
	}
	m.w = nil
	w.slice(now)
	d := between(&w.from, &now)
	stopped := w.stopped.Seconds()
	d.StoppedS = &stopped
	d.SampledS = (m.cost - w.cost).Seconds()
	if d.Threads != nil {
		count(d.Threads, w.seconds)
	}
	d.CardProcesses = union(w.cards, m.others())
	return d
}

func (m *ProcessMeter) others() []string {
	if m.cards == nil {
		return nil
	}
	return m.cards()
}

// watch looks at the clock and the threads until the end.
func (m *ProcessMeter) watch() {
	runtime.LockOSThread() // its own wait for a core is told from a standstill
	defer close(m.done)
	self := fmt.Sprintf("proc/self/task/%d/schedstat", unix.Gettid())
	before, waited := time.Now(), m.files.thread(self).wait
	close(m.began)
	looks := 0
	for {
		nap(lookEvery)
		select {
		case <-m.quit:
			return
		default:
		}
		now, wait := time.Now(), m.files.thread(self).wait
		m.look(now.Sub(before)-lookEvery, wait-waited)
		if looks++; looks%int(threadsEvery/lookEvery) == 0 {
			m.lookAtThreads()
		}
		before, waited = now, wait
	}
}

// look books a standstill: what a look is late, less its own wait for a core.
func (m *ProcessMeter) look(late, waited time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.cost = threadTime()
	m.seen++
	if stood := late - waited; m.w != nil && stood >= standstill {
		m.w.stopped += stood
	}
}

func (m *ProcessMeter) lookAtThreads() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.w != nil {
		m.w.slice(m.files.threads())
	}
}

// slice adds the share of waiting since the slice before.
func (w *window) slice(now snapshot) {
	long := now.at.Sub(w.last.at)
	if load := loadBetween(&w.last, &now); load != nil && long >= threadsEvery/2 {
		w.seconds = append(w.seconds, load.WaitShare())
	}
	w.last = now
}

// nap sleeps in the kernel: a timer of Go's wakes by way of other threads,
// whose wait would look like a standstill.
func nap(d time.Duration) {
	left := unix.NsecToTimespec(int64(d))
	for unix.Nanosleep(&left, &left) == unix.EINTR {
	}
}

// threadTime is the CPU time of the calling thread.
func threadTime() time.Duration {
	var t unix.Timespec
	if unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t) != nil {
		return 0
	}
	return time.Duration(t.Nano())
}
