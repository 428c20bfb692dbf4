// Package card stands in for MI100 cards and their kernel driver: memory,
// queues, events. It knows no ioctl numbers and no C; package preload puts it
// under an unmodified ROCm.
package card

import (
	"cmp"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// Kinds of memory, as the driver's flags have them.
const (
	VRAM     = 1 << 0
	GTT      = 1 << 1
	UserPtr  = 1 << 2
	Doorbell = 1 << 3
)

// region is an allocation: where the cards see it, and where this process does.
type region struct {
	handle uint64
	va     uint64
	host   []byte
	kind   uint32
	home   int    // the card that it is on, or was asked for by
	cards  uint64 // those that it is mapped to
	offset int64  // in the backing file
	owned  bool   // host was mapped here
}

// memory is the address space that the process and its cards share.
type memory struct {
	file int // a sparse file that stands for all memory
	mu   sync.Mutex
	next int64  // free space in the file
	last uint64 // the handle given last
	used []uint64
	all  atomic.Pointer[[]*region] // by address, never changed once stored
}

func newMemory(cards int) (*memory, error) {
	fd, err := unix.MemfdCreate("standin", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("memory for the stand-in cards: %w", err)
	}
	m := &memory{file: fd, used: make([]uint64, cards)}
	m.all.Store(new([]*region))
	return m, nil
}

// page is the granularity of offsets: a huge page, so that none is shared.
const page = 2 << 20

// take reserves space in the backing file.
func (m *memory) take(size uint64) (int64, error) {
	at := m.next
	m.next += int64((size + page - 1) &^ (page - 1))
	return at, unix.Ftruncate(m.file, m.next)
}

// add allocates memory that the cards will see at va. user is memory that the
// process has already.
func (m *memory) add(card int, va, size uint64, kind uint32, limit uint64, user []byte) (*region, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if kind&VRAM != 0 && m.used[card]+size > limit {
		return nil, unix.ENOMEM
	}
	m.last++
	r := &region{handle: m.last, va: va, kind: kind, home: card, host: user}
	if user == nil {
		at, err := m.take(size)
		if err != nil {
			return nil, err
		}
		r.offset = at
		if r.host, err = unix.Mmap(m.file, at, int(size), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED); err != nil {
			return nil, unix.ENOMEM
		}
		r.owned = true
	}
	if kind&VRAM != 0 {
		m.used[card] += size
	}
	list := slices.Clone(*m.all.Load())
	i, _ := search(list, va)
	list = slices.Insert(list, i, r)
	m.all.Store(&list)
	return r, nil
}

// search is where the allocation that begins at an address stands, or would.
func search(list []*region, va uint64) (int, bool) {
	return slices.BinarySearchFunc(list, va, func(r *region, va uint64) int { return cmp.Compare(r.va, va) })
}

// find is the allocation with the handle.
func (m *memory) find(handle uint64) *region {
	for _, r := range *m.all.Load() {
		if r.handle == handle {
			return r
		}
	}
	return nil
}

// remove frees an allocation and gives its pages back.
func (m *memory) remove(handle uint64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.find(handle)
	if r == nil {
		return unix.EINVAL
	}
	list := slices.DeleteFunc(slices.Clone(*m.all.Load()), func(o *region) bool { return o == r })
	m.all.Store(&list)
	size := uint64(len(r.host))
	if r.kind&VRAM != 0 {
		m.used[r.home] -= size
	}
	if !r.owned {
		return nil
	}
	if err := unix.Munmap(r.host); err != nil {
		return err
	}
	return unix.Fallocate(m.file, unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, r.offset, int64(size))
}

// at is the allocation that holds an address.
func (m *memory) at(address uint64) *region {
	list := *m.all.Load()
	i, found := search(list, address)
	if !found {
		i--
	}
	if i < 0 || address-list[i].va >= uint64(len(list[i].host)) {
		return nil
	}
	return list[i]
}

// view is the memory that one card can reach.
type view struct {
	m    *memory
	card int
}

// Region is the allocation around an address, where it is mapped to the card.
func (v view) Region(address uint64) ([]byte, uint64) {
	r := v.m.at(address)
	if r == nil || atomic.LoadUint64(&r.cards)>>v.card&1 == 0 {
		return nil, 0
	}
	return r.host, r.va
}

// slice is n bytes at an address that the card can reach; nil: it can't.
func (v view) slice(address uint64, n int) []byte {
	host, base := v.Region(address)
	if host == nil || address-base+uint64(n) > uint64(len(host)) {
		return nil
	}
	return host[address-base : address-base+uint64(n)]
}
