package card

import (
	"fmt"
	"io"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// Driver is the kernel's side of all cards.
type Driver struct {
	ids    []uint32 // KFD's numbers of the cards
	vram   []uint64 // bytes
	mem    *memory
	events events
	log    *logger

	planted planted

	mu     sync.Mutex
	queues []*queue
	doors  []int64 // each card's doorbell page in the backing file
}

// DriverOptions say which cards a driver has.
type DriverOptions struct {
	IDs  []uint32  // KFD's numbers of the cards, in order
	VRAM []uint64  // bytes of each
	Log  io.Writer // faults
	// Counters gets every kernel's counts, a line of JSON each; nil: nobody.
	Counters io.Writer
	// Planted are faults that cards are to have; all but Short come once there
	// is a file with the name PlantedWhen.
	Planted     []Planted
	PlantedWhen string
}

// New makes cards.
func New(o DriverOptions) (*Driver, error) {
	m, err := newMemory(len(o.IDs))
	if err != nil {
		return nil, err
	}
	for _, f := range o.Planted {
		if f.Card >= len(o.IDs) {
			return nil, fmt.Errorf("a fault of card %d is asked for, there are %d cards, from 0", f.Card, len(o.IDs))
		}
	}
	d := &Driver{ids: o.IDs, vram: o.VRAM, mem: m, doors: make([]int64, len(o.IDs)), log: &logger{out: o.Log, counters: o.Counters}}
	d.planted.list, d.planted.when = o.Planted, o.PlantedWhen
	d.events.init()
	for i := range d.doors {
		if d.doors[i], err = m.take(doorbellBytes); err != nil {
			return nil, err
		}
	}
	return d, nil
}

// doorbellBytes are those of one process on one card.
const doorbellBytes = 8192

// File is the backing file of all memory: what is mapped from it at an
// allocation's offset is the allocation.
func (d *Driver) File() int { return d.mem.file }

// IDs are KFD's numbers of the cards.
func (d *Driver) IDs() []uint32 { return d.ids }

// card is the index of a card by KFD's number.
func (d *Driver) card(id uint32) (int, error) {
	if i := slices.Index(d.ids, id); i >= 0 {
		return i, nil
	}
	return 0, unix.EINVAL
}

// Alloc allocates memory for a card, to be seen at va. It returns a handle and
// the offset to map from File. user is the process's own memory of UserPtr.
func (d *Driver) Alloc(id uint32, va, size uint64, kind uint32, user []byte) (handle, offset uint64, err error) {
	card, err := d.present(id)
	if err != nil {
		return 0, 0, err
	}
	if kind&Doorbell != 0 {
		r, err := d.mem.add(card, va, doorbellBytes, kind, 0, nil)
		if err != nil {
			return 0, 0, err
		}
		return r.handle, uint64(d.doors[card]), nil
	}
	r, err := d.mem.add(card, va, size, kind, d.planted.limit(card, d.vram[card]), user)
	if err != nil {
		return 0, 0, err
	}
	return r.handle, uint64(r.offset), nil
}

// Free gives an allocation back.
func (d *Driver) Free(handle uint64) error { return d.mem.remove(handle) }

// Available is what is left of a card's memory, in bytes.
func (d *Driver) Available(id uint32) (uint64, error) {
	card, err := d.present(id)
	if err != nil {
		return 0, err
	}
	d.mem.mu.Lock()
	defer d.mem.mu.Unlock()
	return d.vram[card] - d.mem.used[card], nil
}

// Map makes an allocation visible to cards; mapped false takes it away.
func (d *Driver) Map(handle uint64, ids []uint32, mapped bool) error {
	r := d.mem.find(handle)
	if r == nil {
		return unix.EINVAL
	}
	for _, id := range ids {
		card, err := d.card(id)
		if err != nil {
			return err
		}
		if mapped {
			atomic.OrUint64(&r.cards, 1<<card)
		} else {
			atomic.AndUint64(&r.cards, ^uint64(1<<card))
		}
	}
	return nil
}

// Export is a file of its own that stands for an allocation.
func (d *Driver) Export(handle uint64) (int, error) {
	if d.mem.find(handle) == nil {
		return -1, unix.EINVAL
	}
	return unix.FcntlInt(uintptr(d.mem.file), unix.F_DUPFD_CLOEXEC, 0)
}

// QueueSpec is a user-mode queue as the runtime asks for it. Addresses are the
// process's.
type QueueSpec struct {
	ID    uint32 // the card's
	AQL   bool   // kernels; else the packets of a copy engine
	Ring  uint64
	Size  uint64 // bytes of the ring
	Read  uint64 // address of the index of the packet to be read next
	Write uint64 // address of the index behind the last packet
}

// CreateQueue starts a queue, and returns its number and its doorbell's offset
// in File.
func (d *Driver) CreateQueue(s QueueSpec) (number uint32, doorbell uint64, err error) {
	card, err := d.present(s.ID)
	if err != nil {
		return 0, 0, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	number = uint32(len(d.queues))
	q, err := newQueue(d, card, number, s)
	if err != nil {
		return 0, 0, err
	}
	d.queues = append(d.queues, q)
	go q.serve()
	return number, uint64(d.doors[card]) + 8*uint64(number), nil
}

// DestroyQueue stops a queue, and waits until it has stopped.
func (d *Driver) DestroyQueue(number uint32) error {
	d.mu.Lock()
	if int(number) >= len(d.queues) {
		d.mu.Unlock()
		return unix.EINVAL
	}
	q := d.queues[number]
	d.mu.Unlock()
	q.stop()
	return nil
}

// Clock counts on the cards' clock.
func Clock() uint64 { return uint64(time.Since(began)) / (1e9 / ClockHz) }

// ClockHz is the rate of Clock.
const ClockHz = 25_000_000

var began = time.Now()

// memoryFault ends a queue as the hardware does: the runtime is told by an
// event, and aborts the process.
func (d *Driver) memoryFault(q *queue, err error) {
	d.log.printf("card %d, queue %d: %s", q.card, q.number, err)
	d.events.raiseAll(MemoryEvent, d.ids[q.card])
}

type logger struct {
	mu       sync.Mutex
	out      io.Writer
	counters io.Writer
}

func (l *logger) printf(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	fmt.Fprintf(l.out, "standin: "+format+"\n", args...)
}
