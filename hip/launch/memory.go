package launch

import (
	"fmt"

	"golang.org/x/sys/unix"

	"ceiling/hip/internal/amdhip"
)

// Buffer is memory of a device.
type Buffer struct {
	Address uint64
	Bytes   int
	device  *OpenDevice
}

// MemoryKind is how a device's memory is cached.
type MemoryKind int

// The kinds. What cards tell each other in the middle of a kernel has to lie in
// Uncached memory.
const (
	Cached   MemoryKind = amdhip.MallocDefault
	Uncached MemoryKind = amdhip.MallocUncached
)

// Alloc allocates memory, to be freed with the device.
func (d *OpenDevice) Alloc(bytes int, kind MemoryKind) (Buffer, error) {
	b := Buffer{Bytes: bytes, device: d}
	err := d.do("hipMalloc", func(c *amdhip.Compute) (s amdhip.ErrorCode) {
		b.Address, s = c.Malloc(bytes, int(kind))
		return s
	})
	if err != nil {
		return Buffer{}, fmt.Errorf("%d bytes: %w", bytes, err)
	}
	d.made("hipFree", func(c *amdhip.Compute) amdhip.ErrorCode { return c.Free(b.Address) })
	return b, nil
}

// Part is n bytes of a buffer from an offset on. It panics where they are not
// all in it: device memory has no bounds of its own.
func (b Buffer) Part(offset, n int) Buffer {
	if offset < 0 || n < 0 || offset+n > b.Bytes {
		panic(fmt.Sprintf("%d bytes at %d of a buffer of %d", n, offset, b.Bytes))
	}
	return Buffer{b.Address + uint64(offset), n, b.device}
}

// Upload copies data to the start of the buffer.
func (b Buffer) Upload(data []byte) error {
	b = b.Part(0, len(data))
	return b.device.do("hipMemcpy", func(c *amdhip.Compute) amdhip.ErrorCode { return c.CopyIn(b.Address, data) })
}

// Download copies the whole buffer into data, which has its length.
func (b Buffer) Download(data []byte) error {
	b = b.Part(0, len(data))
	return b.device.do("hipMemcpy", func(c *amdhip.Compute) amdhip.ErrorCode { return c.CopyOut(data, b.Address) })
}

// Set fills the buffer with a byte, and waits until it is.
func (b Buffer) Set(value byte) error {
	err := b.device.do("hipMemset", func(c *amdhip.Compute) amdhip.ErrorCode { return c.Set(b.Address, value, b.Bytes) })
	if err != nil {
		return err
	}
	return b.device.Sync()
}

// Host is memory of the process outside Go's heap, which copies may use while
// the program goes on.
type Host []byte

// AllocHost allocates such memory, to be freed with the device. Its pages come
// from the calling thread's NUMA node. pinned makes devices reach it directly.
func (d *OpenDevice) AllocHost(bytes int, pinned bool) (Host, error) {
	h, err := unix.Mmap(-1, 0, bytes, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err != nil {
		return nil, fmt.Errorf("%d bytes of host memory: %w", bytes, err)
	}
	for i := 0; i < len(h); i += unix.Getpagesize() {
		h[i] = 1 // the page is there from now on
	}
	d.frees = append(d.frees, func() error { return unix.Munmap(h) })
	if !pinned {
		return h, nil
	}
	if err := d.do("hipHostRegister", func(c *amdhip.Compute) amdhip.ErrorCode { return c.HostRegister(h) }); err != nil {
		return nil, err
	}
	d.made("hipHostUnregister", func(c *amdhip.Compute) amdhip.ErrorCode { return c.HostUnregister(h) })
	return h, nil
}
