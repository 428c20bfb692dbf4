package card

import (
	"bytes"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

const (
	codeAt   = 0x100000
	dataAt   = 0x200000
	ringAt   = 0x300000
	indexAt  = 0x400000
	signalAt = 0x500000
)

// twoCards are cards of 1 MiB with memory at the addresses above.
func twoCards(t *testing.T, log *safeBuffer) *Driver {
	t.Helper()
	d, err := New(DriverOptions{IDs: []uint32{11, 22}, VRAM: []uint64{1 << 20, 1 << 20}, Log: log, Counters: log})
	if err != nil {
		t.Fatal(err)
	}
	giveMemory(t, d)
	return d
}

// giveMemory allocates memory at the addresses above, for the first card.
func giveMemory(t *testing.T, d *Driver) {
	t.Helper()
	for _, at := range []uint64{codeAt, dataAt, ringAt, indexAt, signalAt} {
		h, _, err := d.Alloc(11, at, 4096, GTT, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := d.Map(h, []uint32{11}, true); err != nil {
			t.Fatal(err)
		}
	}
}

type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// putKernel writes a kernel whose lanes store their number at its argument:
//
//	s_load_dwordx2 s[2:3], s[0:1], 0x0
//	v_lshlrev_b32 v1, 2, v0
//	s_waitcnt lgkmcnt(0)
//	global_store_dword v1, v0, s[2:3]
//	s_endpgm
func putKernel(d *Driver, argument uint64) {
	code := d.shared(codeAt, 4096)
	le.PutUint64(code[16:], 256)   // the entry, from the descriptor
	le.PutUint32(code[48:], 3<<18) // denormals of 16- and 64-bit floats
	le.PutUint16(code[56:], 1<<3)  // wants the address of its arguments
	for i, w := range []uint32{0xc0060080, 0, 0x24020082, 0xbf8cc07f, 0xdc708000, 0x00020001, 0xbf810000} {
		le.PutUint32(code[256+4*i:], w)
	}
	le.PutUint64(d.shared(dataAt, 8), argument)
}

// launch puts a dispatch packet into the ring.
func launch(d *Driver, n uint64) {
	p := d.shared(ringAt+64*n, 64)
	le.PutUint16(p[4:], 64)
	le.PutUint16(p[6:], 1)
	le.PutUint16(p[8:], 1)
	for i, size := range []uint32{100, 1, 1} {
		le.PutUint32(p[12+4*i:], size)
	}
	le.PutUint64(p[32:], codeAt)
	le.PutUint64(p[40:], dataAt)
	le.PutUint64(p[56:], signalAt)
	le.PutUint16(p, dispatchPacket)
	le.PutUint64(d.shared(indexAt+8, 8), n+1)
}

func queueOf(t *testing.T, d *Driver, id uint32) uint32 {
	t.Helper()
	n, _, err := d.CreateQueue(QueueSpec{ID: id, AQL: true, Ring: ringAt, Size: 4096, Read: indexAt, Write: indexAt + 8})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestDispatch(t *testing.T) {
	var log safeBuffer
	d := twoCards(t, &log)
	putKernel(d, dataAt+64)
	s := d.shared(signalAt, signalBytes)
	event := d.CreateEvent(SignalEvent, true)
	le.PutUint64(s[signalValue:], 1)
	le.PutUint32(s[signalEvent:], event)
	q := queueOf(t, d, 11)
	launch(d, 0)
	if ok, err := d.Wait([]Waited{{ID: event}}, false, 10*time.Second); err != nil || !ok {
		t.Fatalf("the kernel's event: %v, %v; %s", ok, err, log.String())
	}
	if err := d.DestroyQueue(q); err != nil {
		t.Fatal(err)
	}
	data := d.shared(dataAt+64, 404)
	if le.Uint32(data) != 0 || le.Uint32(data[4*63:]) != 63 || le.Uint32(data[4*64:]) != 0 || le.Uint32(data[400:]) != 0 {
		t.Errorf("lanes wrote %d … %d, second group %d, beyond the grid %d", le.Uint32(data), le.Uint32(data[4*63:]), le.Uint32(data[4*64:]), le.Uint32(data[400:]))
	}
	if v := le.Uint64(s[signalValue:]); v != 0 {
		t.Errorf("signal %d", v)
	}
	if le.Uint64(s[signalStart:]) >= le.Uint64(s[signalEnd:]) {
		t.Error("the kernel ended before it began")
	}
	// 100 items are a wave of 64 and one of 36, five instructions each; 4 bytes
	// stored a lane, 8 loaded a wave.
	if want := `"waves":2,"instructions":10,`; !strings.Contains(log.String(), want) || !strings.Contains(log.String(), `"loaded_bytes":16,"stored_bytes":400`) {
		t.Errorf("counted: %s", log.String())
	}
}

// A kernel that reaches memory of another card's, or none, raises the memory
// event and ends its queue.
func TestFaultOfKernel(t *testing.T) {
	for name, argument := range map[string]uint64{"nowhere": 0xdead0000, "not mapped to this card": 0x900000} {
		var log safeBuffer
		d := twoCards(t, &log)
		h, _, err := d.Alloc(22, 0x900000, 4096, VRAM, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := d.Map(h, []uint32{22}, true); err != nil {
			t.Fatal(err)
		}
		putKernel(d, argument)
		event := d.CreateEvent(MemoryEvent, true)
		q := queueOf(t, d, 11)
		launch(d, 0)
		list := []Waited{{ID: event}}
		if ok, err := d.Wait(list, false, 10*time.Second); err != nil || !ok || list[0].FaultCard != 11 {
			t.Errorf("%s: %v, %v, %+v", name, ok, err, list)
		}
		if err := d.DestroyQueue(q); err != nil {
			t.Error(err)
		}
		if !strings.Contains(log.String(), "global_store_dword v1, v0, s[2:3], lane 0") {
			t.Errorf("%s: %s", name, log.String())
		}
	}
}

func TestMemoryRunsOut(t *testing.T) {
	d := twoCards(t, &safeBuffer{})
	h, _, err := d.Alloc(11, 0xa00000, 700<<10, VRAM, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := d.Alloc(11, 0xb00000, 700<<10, VRAM, nil); !errors.Is(err, unix.ENOMEM) {
		t.Errorf("more than the card has: %v", err)
	}
	if _, _, err := d.Alloc(22, 0xb00000, 700<<10, VRAM, nil); err != nil {
		t.Errorf("on the other card: %v", err)
	}
	if n, err := d.Available(11); err != nil || n != 324<<10 {
		t.Errorf("%d available, %v", n, err)
	}
	if err := d.Free(h); err != nil {
		t.Fatal(err)
	}
	if n, err := d.Available(11); err != nil || n != 1<<20 {
		t.Errorf("%d available after all was freed, %v", n, err)
	}
	if d.shared(0xa00000, 1) != nil {
		t.Error("freed memory is still there")
	}
	if err := d.Free(h); err == nil {
		t.Error("freed twice")
	}
}

// A handle that another process could open is made, of what is there.
func TestExport(t *testing.T) {
	d := twoCards(t, &safeBuffer{})
	h, _, err := d.Alloc(11, 0x600000, 4096, VRAM, nil)
	if err != nil {
		t.Fatal(err)
	}
	fd, err := d.Export(h)
	if err != nil || fd == d.File() {
		t.Fatalf("file %d beside %d, %v", fd, d.File(), err)
	}
	if err := unix.Close(fd); err != nil {
		t.Error(err)
	}
	if fd, err := d.Export(h + 1); !errors.Is(err, unix.EINVAL) {
		t.Errorf("of nothing: file %d, %v", fd, err)
	}
}

func TestCopyEngine(t *testing.T) {
	d := twoCards(t, &safeBuffer{})
	from := d.shared(dataAt, 4096)
	for i := range 100 {
		from[i] = byte(i)
	}
	ring := d.shared(ringAt, 4096)
	words := []uint32{
		1, 99, 0, dataAt, 0, dataAt + 512, 0, // copy 100 bytes
		11, dataAt + 1024, 0, 0x55555555, 15, // fill 16 bytes
		5, dataAt + 2048, 0, 77, // fence
	}
	for i, w := range words {
		le.PutUint32(ring[4*i:], w)
	}
	n, _, err := d.CreateQueue(QueueSpec{ID: 11, Ring: ringAt, Size: 4096, Read: indexAt, Write: indexAt + 8})
	if err != nil {
		t.Fatal(err)
	}
	le.PutUint64(d.shared(indexAt+8, 8), uint64(4*len(words)))
	for deadline := time.Now().Add(10 * time.Second); le.Uint32(from[2048:]) != 77 && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
	if err := d.DestroyQueue(n); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(from[512:612], from[:100]) || from[612] != 0 || le.Uint32(from[1024:]) != 0x55555555 || from[1040] != 0 {
		t.Errorf("copied % x …, filled % x", from[512:520], from[1024:1044])
	}
}

// An event wakes who waits for it, and stays set for who comes later only
// where nobody did.
func TestEvents(t *testing.T) {
	d := twoCards(t, &safeBuffer{})
	e := d.CreateEvent(SignalEvent, true)
	if ok, _ := d.Wait([]Waited{{ID: e}}, false, time.Millisecond); ok {
		t.Error("an event that nobody raised")
	}
	if err := d.SetEvent(e); err != nil {
		t.Fatal(err)
	}
	if ok, _ := d.Wait([]Waited{{ID: e}}, false, 0); !ok {
		t.Error("raised before, and gone")
	}
	if ok, _ := d.Wait([]Waited{{ID: e}}, false, 0); ok {
		t.Error("an event that resets itself did not")
	}
	if ok, _ := d.Wait([]Waited{{ID: e, Age: 1}}, false, 0); !ok {
		t.Error("raised since the age that was seen")
	}
	if _, err := d.Wait([]Waited{{ID: 99}}, false, 0); err == nil {
		t.Error("an event that is not there")
	}
}
