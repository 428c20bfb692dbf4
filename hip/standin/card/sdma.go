package card

import "fmt"

// copyEngine executes the packets of a copy engine's queue until there are no
// more, or one has to wait. Indices count bytes. The formats are those of SDMA 4
// as the runtime writes them.
func (q *queue) copyEngine() (bool, error) {
	at, end := le.Uint64(q.read), le.Uint64(q.write)
	if at >= end {
		return false, nil
	}
	for at < end && !q.stopped.Load() {
		p := sdmaPacket{q: q, at: at}
		words, err := p.execute()
		if err != nil {
			return false, err
		}
		if words == 0 {
			return false, nil
		}
		at += 4 * uint64(words)
		le.PutUint64(q.read, at)
	}
	return true, nil
}

type sdmaPacket struct {
	q   *queue
	at  uint64
	err error
}

// word is the i-th of the packet.
func (p *sdmaPacket) word(i int) uint32 {
	return le.Uint32(p.q.ring[(p.at+4*uint64(i))%uint64(len(p.q.ring)):])
}

func (p *sdmaPacket) address(i int) uint64 { return uint64(p.word(i)) | uint64(p.word(i+1))<<32 }

// memory is n bytes that the engine may touch; after an error an empty slice
// of that length.
func (p *sdmaPacket) memory(address uint64, n int) []byte {
	b := p.q.mem.slice(address, n)
	if b == nil {
		if p.err == nil {
			p.err = fmt.Errorf("a copy engine touches %d bytes at %#x, where this card has no memory", n, address)
		}
		return make([]byte, n)
	}
	return b
}

// execute does one packet and returns its length in words; 0: it has to wait.
func (p *sdmaPacket) execute() (words int, err error) {
	h := p.word(0)
	op, sub := h&255, h>>8&255
	switch {
	case op == 0:
		words = 1 + int(h>>16&0x3fff)
	case op == 1 && sub == 0:
		n := int(p.word(1)&0x3fffffff) + 1
		copy(p.memory(p.address(5), n), p.memory(p.address(3), n))
		words = 7
	case op == 1 && sub == 4:
		p.rectangle(h)
		words = 13
	case op == 5: // fence
		le.PutUint32(p.memory(p.address(1), 4), p.word(3))
		words = 4
	case op == 6: // trap
		p.q.d.events.signal(p.word(1) & 0xfffffff)
		words = 2
	case op == 8:
		if !p.polled(h) {
			return 0, p.err
		}
		words = 6
	case op == 10 && h>>25 == 47: // 64-bit add
		b := p.memory(p.address(1), 8)
		le.PutUint64(b, le.Uint64(b)+p.address(3))
		words = 8
	case op == 11: // constant fill
		n := int(p.word(4)&0x3fffff) + 1
		b := p.memory(p.address(1), n)
		for i := 0; i+4 <= n; i += 4 {
			le.PutUint32(b[i:], p.word(3))
		}
		words = 5
	case op == 13: // timestamp
		le.PutUint64(p.memory(p.address(1), 8), Clock())
		words = 3
	default:
		return 0, fmt.Errorf("a copy engine's packet %d.%d is not known to the stand-in", op, sub)
	}
	return words, p.err
}

// rectangle copies x bytes of y rows of z slices.
func (p *sdmaPacket) rectangle(h uint32) {
	size := h >> 29
	side := func(i int) (base, x, y, z, pitch, slice uint64) {
		return p.address(i), uint64(p.word(i+2) & 0x3fff), uint64(p.word(i+2) >> 16 & 0x3fff), uint64(p.word(i+3) & 0x7ff),
			uint64(p.word(i+3)>>13) + 1, uint64(p.word(i+4)&0xfffffff) + 1
	}
	sb, sx, sy, sz, sp, ss := side(1)
	db, dx, dy, dz, dp, ds := side(6)
	nx, ny, nz := int(p.word(11)&0x3fff)+1, uint64(p.word(11)>>16&0x3fff)+1, uint64(p.word(12)&0x7ff)+1
	for z := range nz {
		for y := range ny {
			from := sb + (sx+sp*(sy+y)+ss*(sz+z))<<size
			to := db + (dx+dp*(dy+y)+ds*(dz+z))<<size
			copy(p.memory(to, nx<<size), p.memory(from, nx<<size))
		}
	}
}

// polled looks whether memory has the value that a packet waits for.
func (p *sdmaPacket) polled(h uint32) bool {
	if h>>26&1 != 0 || h>>31 == 0 { // a flush of the host's path: nothing to flush
		return true
	}
	got, want := le.Uint32(p.memory(p.address(1), 4))&p.word(4), p.word(3)
	switch h >> 28 & 7 {
	case 1:
		return got < want
	case 2:
		return got <= want
	case 3:
		return got == want
	case 4:
		return got != want
	case 5:
		return got >= want
	case 6:
		return got > want
	}
	return true
}
