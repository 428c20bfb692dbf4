package card

import (
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Types of events, as the driver's interface numbers them.
const (
	SignalEvent = 0
	ResetEvent  = 3 // a card was reset, or lost
	MemoryEvent = 8
)

// event is what a process waits for.
type event struct {
	kind      uint32
	auto      bool // waking somebody resets it
	set       bool
	age       uint64 // rises with each time that it is raised
	waiters   int
	faultCard uint32 // of a memory exception or a reset
}

type events struct {
	mu   sync.Mutex
	cond *sync.Cond
	all  map[uint32]*event
	last uint32
}

func (e *events) init() {
	e.cond = sync.NewCond(&e.mu)
	e.all = map[uint32]*event{}
}

// CreateEvent returns the number of a new event.
func (d *Driver) CreateEvent(kind uint32, auto bool) uint32 {
	e := &d.events
	e.mu.Lock()
	defer e.mu.Unlock()
	e.last++
	e.all[e.last] = &event{kind: kind, auto: auto, age: 1}
	return e.last
}

// DestroyEvent wakes whoever waits for the event, and forgets it.
func (d *Driver) DestroyEvent(id uint32) error {
	e := &d.events
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.all[id] == nil {
		return unix.EINVAL
	}
	delete(e.all, id)
	e.cond.Broadcast()
	return nil
}

// SetEvent raises an event, ResetEvent takes it back.
func (d *Driver) SetEvent(id uint32) error {
	e := &d.events
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.all[id] == nil {
		return unix.EINVAL
	}
	e.raise(e.all[id])
	return nil
}

// ResetEvent makes an event not set.
func (d *Driver) ResetEvent(id uint32) error {
	e := &d.events
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.all[id] == nil {
		return unix.EINVAL
	}
	e.all[id].set = false
	return nil
}

// raise wakes all who wait at this moment. An event stays set only where
// nobody did, or where it is reset by hand.
func (e *events) raise(x *event) {
	x.age++
	x.set = !(x.auto && x.waiters > 0)
	e.cond.Broadcast()
}

func (e *events) signal(id uint32) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if x := e.all[id]; x != nil {
		e.raise(x)
	}
}

// raiseAll raises the events that wait for a fault of a kind.
func (e *events) raiseAll(kind, card uint32) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, x := range e.all {
		if x.kind == kind {
			x.faultCard = card
			e.raise(x)
		}
	}
}

// Waited is one event of a wait: its number, and the age that the caller has
// seen last; 0: it does not care.
type Waited struct {
	ID  uint32
	Age uint64
	// Set by Wait:
	Happened  bool
	Kind      uint32
	FaultCard uint32 // of MemoryEvent and ResetEvent
}

// Forever is a wait without an end.
const Forever = time.Duration(-1)

// Wait returns when one of the events happens, or all of them, or the time is
// over (false).
func (d *Driver) Wait(list []Waited, all bool, timeout time.Duration) (bool, error) {
	e := &d.events
	e.mu.Lock()
	defer e.mu.Unlock()
	xs := make([]*event, len(list))
	seen := make([]uint64, len(list))
	for i := range list {
		x := e.all[list[i].ID]
		if x == nil {
			return false, unix.EINVAL
		}
		xs[i], seen[i] = x, x.age
		x.waiters++
		w := &list[i]
		w.Happened = x.set || x.kind == SignalEvent && w.Age != 0 && w.Age != x.age
		if x.set && x.auto {
			x.set = false
		}
	}
	over := timeout == 0
	if timeout > 0 {
		timer := time.AfterFunc(timeout, func() {
			e.mu.Lock()
			over = true
			e.mu.Unlock()
			e.cond.Broadcast()
		})
		defer timer.Stop()
	}
	for !enough(list, xs, seen, all) && !over {
		e.cond.Wait()
	}
	for i, x := range xs {
		x.waiters--
		list[i].Kind, list[i].FaultCard = x.kind, x.faultCard
		if list[i].Happened {
			list[i].Age = x.age
		}
	}
	return enough(list, xs, seen, all), nil
}

func enough(list []Waited, xs []*event, seen []uint64, all bool) bool {
	n := 0
	for i, x := range xs {
		list[i].Happened = list[i].Happened || x.age != seen[i]
		if list[i].Happened {
			n++
		}
	}
	return all && n == len(list) || !all && n > 0
}
