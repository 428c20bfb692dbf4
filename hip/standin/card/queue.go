package card

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"ceiling/hip/standin/cu"
)

// queue executes the packets that a program writes into a ring.
type queue struct {
	QueueSpec
	d       *Driver
	card    int
	number  uint32
	mem     view
	ring    []byte
	read    []byte // 8 bytes each
	write   []byte
	kernels map[uint64]kernel // by the address of a descriptor
	stopped atomic.Bool
	ended   chan struct{}
	lastEnd uint64 // of a kernel, on the cards' clock
}

// kernel is one that was compiled.
type kernel struct {
	*cu.Program
	name string
}

func newQueue(d *Driver, card int, number uint32, s QueueSpec) (*queue, error) {
	q := &queue{QueueSpec: s, d: d, card: card, number: number, mem: view{d.mem, card},
		kernels: map[uint64]kernel{}, ended: make(chan struct{})}
	q.ring, q.read, q.write = d.shared(s.Ring, int(s.Size)), d.shared(s.Read, 8), d.shared(s.Write, 8)
	if q.ring == nil || q.read == nil || q.write == nil {
		return nil, fmt.Errorf("a queue at %#x, its indices at %#x and %#x: not in memory that was allocated", s.Ring, s.Read, s.Write)
	}
	return q, nil
}

// shared is memory that process and cards have in common.
func (d *Driver) shared(address uint64, n int) []byte {
	r := d.mem.at(address)
	if r == nil || address-r.va+uint64(n) > uint64(len(r.host)) {
		return nil
	}
	return r.host[address-r.va:][:n]
}

var le = binary.LittleEndian

// serve executes packets until the queue is destroyed. Doorbells are not
// looked at: the index that is written before one rings says the same.
func (q *queue) serve() {
	defer close(q.ended)
	const shortest, longestPause = 5 * time.Microsecond, 400 * time.Microsecond
	pause := shortest
	step := q.copyEngine
	if q.AQL {
		step = q.packet
	}
	for !q.stopped.Load() {
		if q.d.planted.kind(q.card) == Vanish {
			q.d.vanish(q.card)
			return
		}
		busy, err := step()
		if errors.Is(err, errStopped) {
			return
		}
		if err != nil {
			q.d.memoryFault(q, err)
			return // as a wave that faulted: the queue does not go on
		}
		if busy {
			pause = shortest
			continue
		}
		time.Sleep(pause)
		pause = min(2*pause, longestPause)
	}
}

// errStopped: the queue was destroyed while a kernel hung.
var errStopped = errors.New("the queue was destroyed")

func (q *queue) stop() {
	q.stopped.Store(true)
	<-q.ended
}

// Packet types of AQL.
const (
	vendorPacket   = 0
	invalidPacket  = 1
	dispatchPacket = 2
	andPacket      = 3
	orPacket       = 5
)

const packetBytes = 64

// packet executes the next packet, if it is there and may go.
func (q *queue) packet() (bool, error) {
	at := le.Uint64(q.read)
	if at >= le.Uint64(q.write) {
		return false, nil
	}
	offset := at * packetBytes % uint64(len(q.ring))
	p := q.ring[offset : offset+packetBytes]
	kind := le.Uint16(p) & 0xff
	done := le.Uint64(p[56:])
	start := max(Clock(), q.lastEnd)
	switch kind {
	case invalidPacket:
		return false, nil
	case dispatchPacket:
		if err := q.dispatch(p, q.Ring+offset); err != nil {
			return false, err
		}
	case andPacket, orPacket:
		if ready, err := q.signalsReady(p, kind == andPacket); err != nil || !ready {
			return false, err
		}
	case vendorPacket:
		if ready, err := q.vendor(p); err != nil || !ready {
			return false, err
		}
	default:
		return false, fmt.Errorf("a packet of type %d, which no runtime sends", kind)
	}
	le.PutUint16(p, invalidPacket)
	le.PutUint64(q.read, at+1)
	q.lastEnd = max(Clock(), start+1)
	return true, q.complete(done, start, q.lastEnd)
}

// The layout of a signal: value, mailbox, event, start and end of the kernel.
const (
	signalValue   = 8
	signalMailbox = 16
	signalEvent   = 24
	signalStart   = 32
	signalEnd     = 40
	signalBytes   = 64
)

// complete decrements a signal and wakes who waits for it.
func (q *queue) complete(address, start, end uint64) error {
	if address == 0 {
		return nil
	}
	s := q.d.shared(address, signalBytes)
	if s == nil {
		return fmt.Errorf("a completion signal at %#x, where no memory is", address)
	}
	le.PutUint64(s[signalStart:], start)
	le.PutUint64(s[signalEnd:], end)
	le.PutUint64(s[signalValue:], le.Uint64(s[signalValue:])-1)
	event := le.Uint32(s[signalEvent:])
	if mailbox := le.Uint64(s[signalMailbox:]); mailbox != 0 {
		if b := q.d.shared(mailbox, 8); b != nil {
			le.PutUint64(b, uint64(event))
		}
	}
	if event != 0 {
		q.d.events.signal(event)
	}
	return nil
}

// signalsReady looks at the five signals of a barrier.
func (q *queue) signalsReady(p []byte, and bool) (bool, error) {
	any, met := false, and
	for i := range 5 {
		address := le.Uint64(p[8+8*i:])
		if address == 0 {
			continue
		}
		s := q.d.shared(address, signalBytes)
		if s == nil {
			return false, fmt.Errorf("a barrier on a signal at %#x, where no memory is", address)
		}
		zero := le.Uint64(s[signalValue:]) == 0
		any = true
		if and {
			met = met && zero
		} else {
			met = met || zero
		}
	}
	return !any || met, nil
}

// Formats of AMD's own packets.
const barrierValue = 2

// vendor executes a packet of AMD's own: a barrier on a signal's value, or
// commands that concern caches, which there are none of.
func (q *queue) vendor(p []byte) (bool, error) {
	if p[2] != barrierValue {
		return true, nil
	}
	address := le.Uint64(p[8:])
	s := q.d.shared(address, signalBytes)
	if s == nil {
		return false, fmt.Errorf("a barrier on a signal at %#x, where no memory is", address)
	}
	got := int64(le.Uint64(s[signalValue:]) & le.Uint64(p[24:]))
	want := int64(le.Uint64(p[16:]))
	switch le.Uint32(p[32:]) {
	case 0:
		return got == want, nil
	case 1:
		return got != want, nil
	case 2:
		return got < want, nil
	}
	return got >= want, nil
}

// dispatch executes a kernel.
func (q *queue) dispatch(p []byte, address uint64) error {
	d := cu.Dispatch{
		Object: le.Uint64(p[32:]), Kernarg: le.Uint64(p[40:]),
		Private: int(le.Uint32(p[24:])), LDS: int(le.Uint32(p[28:])),
		Packet: address, Queue: q.Read - amdQueueRead,
	}
	for i := range 3 {
		d.Workgroup[i], d.Grid[i] = int(le.Uint16(p[4+2*i:])), int(le.Uint32(p[12+4*i:]))
	}
	k, err := q.kernel(d.Object)
	if err != nil {
		return err
	}
	d.Name = k.name
	switch q.d.planted.kind(q.card) {
	case Hang:
		q.d.log.printf("card %d, kernel %s: hangs, as was asked for", q.card, k.name)
		for !q.stopped.Load() {
			time.Sleep(time.Millisecond)
		}
		return errStopped
	case Stray:
		d.Kernarg = 0
	}
	counts, err := k.Run(d, Clock)
	if err != nil {
		return err
	}
	q.d.log.kernel(q.card, &d, &counts)
	return nil
}

// amdQueueRead is where the index of packets read lies in a queue's structure.
const amdQueueRead = 128

// kernel is the one of a descriptor.
func (q *queue) kernel(object uint64) (kernel, error) {
	if k, ok := q.kernels[object]; ok && !k.Stale() {
		return k, nil
	}
	p, err := cu.NewProgram(q.mem, object)
	if err != nil {
		return kernel{}, err
	}
	p.ListForms = q.d.log.counters != nil
	k := kernel{p, kernelName(q.mem, object)}
	q.kernels[object] = k
	return k, nil
}
