package cu

import (
	"encoding/binary"
	"math"
	"math/bits"
	"strings"
	"sync"

	"ceiling/hip/standin/gcn"
)

// access is what a memory instruction moves: bytes of one lane, and what
// becomes of fewer than four.
type access struct {
	store  bool
	bytes  int  // of a lane
	signed bool // sign-extended to 32 bits
	d16    bool // into a half of the register
	high   bool // the upper half: of a load's register, or a store's data
}

// accessOf reads the end of a name such as global_load_sbyte_d16_hi.
func accessOf(name string) (a access, ok bool) {
	_, rest, ok := strings.Cut(name, "_load_")
	if !ok {
		if _, rest, ok = strings.Cut(name, "_store_"); !ok {
			return a, false
		}
		a.store = true
	}
	rest, a.high = strings.CutSuffix(rest, "_hi")
	rest, a.d16 = strings.CutSuffix(rest, "_d16")
	sizes := map[string]int{"ubyte": 1, "sbyte": 1, "byte": 1, "ushort": 2, "sshort": 2, "short": 2, "dword": 4, "dwordx2": 8, "dwordx3": 12, "dwordx4": 16, "dwordx8": 32, "dwordx16": 64}
	a.bytes = sizes[rest]
	a.signed = rest == "sbyte" || rest == "sshort"
	return a, a.bytes > 0
}

// move loads or stores the bytes of one lane; mem holds them, reg is the first
// register. As on a card, 8 bytes go at once: RCCL sends 4 of data with 4 that
// say that they are there, and whoever waits for those must not see the old data.
func (a access) move(w *wave, mem []byte, reg, lane int) {
	if a.bytes < 4 {
		a.movePart(w, mem, reg, lane)
		return
	}
	i := 0
	for ; i+8 <= a.bytes; i += 8 {
		low, high := &w.v[reg+i/4][lane], &w.v[reg+i/4+1][lane]
		if a.store {
			binary.LittleEndian.PutUint64(mem[i:], uint64(*low)|uint64(*high)<<32)
		} else {
			x := binary.LittleEndian.Uint64(mem[i:])
			*low, *high = uint32(x), uint32(x>>32)
		}
	}
	switch {
	case i == a.bytes:
	case a.store:
		binary.LittleEndian.PutUint32(mem[i:], w.v[reg+i/4][lane])
	default:
		w.v[reg+i/4][lane] = binary.LittleEndian.Uint32(mem[i:])
	}
}

// moveAll loads or stores the bytes of all active lanes, of each 8 at once where
// there are as many. They are in mem, from at on.
func (a access) moveAll(w *wave, mem []byte, at *places, reg int) {
	active := w.exec()
	if a.bytes < 4 {
		for m := active; m != 0; m &= m - 1 {
			l := bits.TrailingZeros64(m)
			a.movePart(w, mem[at[l]:][:a.bytes], reg, l)
		}
		return
	}
	for i := 0; i < a.bytes; i += 8 {
		low := &w.v[reg+i/4]
		if i+4 == a.bytes {
			a.moveWords(low, mem[i:], at, active)
		} else {
			a.movePairs(low, &w.v[reg+i/4+1], mem[i:], at, active)
		}
	}
}

func (a access) moveWords(r *vec, mem []byte, at *places, active uint64) {
	switch {
	case a.store:
		for m := active; m != 0; m &= m - 1 {
			l := bits.TrailingZeros64(m) & 63
			binary.LittleEndian.PutUint32(mem[at[l]:], r[l])
		}
	case active == ^uint64(0):
		for l := range r {
			r[l] = binary.LittleEndian.Uint32(mem[at[l]:])
		}
	default:
		for m := active; m != 0; m &= m - 1 {
			l := bits.TrailingZeros64(m) & 63
			r[l] = binary.LittleEndian.Uint32(mem[at[l]:])
		}
	}
}

func (a access) movePairs(low, high *vec, mem []byte, at *places, active uint64) {
	switch {
	case a.store:
		for m := active; m != 0; m &= m - 1 {
			l := bits.TrailingZeros64(m) & 63
			binary.LittleEndian.PutUint64(mem[at[l]:], uint64(low[l])|uint64(high[l])<<32)
		}
	case active == ^uint64(0):
		for l := range low {
			x := binary.LittleEndian.Uint64(mem[at[l]:])
			low[l], high[l] = uint32(x), uint32(x>>32)
		}
	default:
		for m := active; m != 0; m &= m - 1 {
			l := bits.TrailingZeros64(m) & 63
			x := binary.LittleEndian.Uint64(mem[at[l]:])
			low[l], high[l] = uint32(x), uint32(x>>32)
		}
	}
}

func (a access) movePart(w *wave, mem []byte, reg, lane int) {
	r := &w.v[reg][lane]
	if a.store {
		x := *r
		if a.high {
			x >>= 16
		}
		store(mem, x)
		return
	}
	x := load(mem)
	if a.signed {
		up := 32 - 8*a.bytes
		x = uint32(int32(x<<up) >> up)
	}
	switch {
	case a.d16 && a.high:
		x = x<<16 | *r&0xffff
	case a.d16:
		x = x&0xffff | *r&0xffff0000
	}
	*r = x
}

// places are the addresses of all lanes, or their offsets.
type places = [Lanes]uint64

// addresses returns a flat, global or scratch instruction's addresses. Those of
// lanes that are not active mean nothing.
func (c *compiler) addresses() func(w *wave, at *places) {
	in := c.in
	imm := uint64(int64(in.Imm))
	n, s := in.Src[0].Reg, in.Base.Reg
	switch {
	case in.Format == gcn.Scratch && in.Src[0].Kind == gcn.None:
		return func(w *wave, at *places) {
			for l := range at {
				at[l] = PrivateAperture + uint64(w.s[s]) + imm
			}
		}
	case in.Format == gcn.Scratch:
		return func(w *wave, at *places) { w.offsets(n, PrivateAperture+imm, at) }
	case in.Base.Kind != gcn.None:
		return func(w *wave, at *places) { w.offsets(n, w.s64(s)+imm, at) }
	}
	return func(w *wave, at *places) {
		low, high := &w.v[n], &w.v[n+1]
		for l := range at {
			at[l] = (uint64(low[l]) | uint64(high[l])<<32) + imm
		}
	}
}

// offsets adds a register to an address.
func (w *wave) offsets(reg int, base uint64, at *places) {
	for l, x := range &w.v[reg] {
		at[l] = base + uint64(x)
	}
}

// flat compiles FLAT, GLOBAL and SCRATCH.
func (c *compiler) flat() (run, error) {
	in := c.in
	address := c.addresses()
	find := (*wave).bytes
	if in.Format != gcn.Global {
		find = (*wave).flat
	}
	if strings.Contains(in.Name, "_atomic_") {
		return c.atomic(in.Src[1], in.Dst, address, find)
	}
	a, ok := accessOf(in.Name)
	if !ok || in.LDS {
		return nil, c.unknown()
	}
	reg := in.Dst.Reg
	if a.store {
		reg = in.Src[1].Reg
	}
	return func(w *wave) {
		var at places
		address(w, &at)
		w.countMoved(a, &at)
		if w.inRegion(&at, uint64(a.bytes)) {
			a.moveAll(w, w.host, &at, reg)
			return
		}
		for m := w.exec(); m != 0; m &= m - 1 {
			l := bits.TrailingZeros64(m)
			a.move(w, find(w, at[l], a.bytes, l), reg, l)
		}
	}, nil
}

// inRegion makes the addresses of the active lanes offsets into the region that
// it makes the one used last, if n bytes at each are in it; else it changes none.
func (w *wave) inRegion(at *places, n uint64) bool {
	if first := at[firstLane(w.exec())]; first-w.base >= uint64(len(w.host)) {
		host, base := w.mem.Region(first)
		if host == nil {
			return false
		}
		w.host, w.base = host, base
	}
	size := uint64(len(w.host))
	if size < n {
		return false
	}
	for m := w.exec(); m != 0; m &= m - 1 {
		if at[bits.TrailingZeros64(m)&63]-w.base > size-n {
			return false
		}
	}
	for l := range at {
		at[l] -= w.base
	}
	return true
}

// countMoved counts the bytes and lines of the active lanes.
func (w *wave) countMoved(a access, at *places) {
	lines := lineCounter{last: math.MaxUint64}
	active := w.exec()
	for m := active; m != 0; m &= m - 1 {
		lines.touch(at[bits.TrailingZeros64(m)&63], a.bytes)
	}
	w.count.moved(a.store, bits.OnesCount64(active)*a.bytes, lines.n)
}

// lineCounter counts 64-byte lines: those of a lane that follow the lane
// before count once.
type lineCounter struct {
	last uint64
	n    int
}

func (c *lineCounter) touch(address uint64, n int) {
	for line := address / 64; line <= (address+uint64(n)-1)/64; line++ {
		if line != c.last {
			c.n++
			c.last = line
		}
	}
}

// resource is the 128 bits of a buffer's description.
type resource struct {
	base              uint64
	stride, records   uint64
	swizzled, scratch bool
}

// scratchTag marks, in the base, the resource that a kernel is given for its
// private memory.
const scratchTag = 0xffff_0000_0000

func (w *wave) resource(s int) resource {
	w0, w1, w2, w3 := w.s[s], w.s[s+1], w.s[s+2], w.s[s+3]
	r := resource{base: uint64(w0) | uint64(w1&0xffff)<<32, stride: uint64(w1 >> 16 & 0x3fff), records: uint64(w2)}
	r.swizzled = w1>>31 == 1
	r.scratch = w3>>23&1 == 1 // adds the lane's number
	return r
}

// buffer compiles MUBUF: buffers in global memory, and a kernel's scratch.
func (c *compiler) buffer() (run, error) {
	in := c.in
	if strings.HasPrefix(in.Name, "buffer_wb") {
		return func(*wave) {}, nil
	}
	soffset, err := c.scalar(in.Offset)
	if err != nil {
		return nil, err
	}
	at := c.bufferAddress(soffset)
	if strings.Contains(in.Name, "_atomic_") {
		return c.bufferAtomic(at)
	}
	a, ok := accessOf(in.Name)
	if !ok || in.LDS {
		return nil, c.unknown()
	}
	reg, base := in.Dst.Reg, in.Base.Reg
	return func(w *wave) {
		r := w.resource(base)
		var where places
		for m := w.exec(); m != 0; m &= m - 1 {
			l := bits.TrailingZeros64(m)
			where[l] = at(w, &r, l)
		}
		w.countMoved(a, &where)
		if w.inBuffer(a, &r, &where) {
			a.moveAll(w, w.host, &where, reg)
			return
		}
		for m := w.exec(); m != 0; m &= m - 1 {
			l := bits.TrailingZeros64(m)
			w.moveBuffer(a, &r, where[l], reg, l)
		}
	}, nil
}

// inBuffer makes the offsets of the active lanes into a buffer offsets into
// the region used last, if all are within both; else it changes none.
func (w *wave) inBuffer(a access, r *resource, at *places) bool {
	if r.scratch {
		return false
	}
	limit, n := r.limit(), uint64(a.bytes)
	in := *at
	for m := w.exec(); m != 0; m &= m - 1 {
		if in[bits.TrailingZeros64(m)&63]+n > limit {
			return false
		}
	}
	for l := range in {
		in[l] += r.base
	}
	if !w.inRegion(&in, n) {
		return false
	}
	*at = in
	return true
}

// moveBuffer moves a lane's bytes. Beyond a buffer's end loads are 0 and stores
// nothing.
func (w *wave) moveBuffer(a access, r *resource, at uint64, reg, lane int) {
	if r.scratch {
		a.move(w, w.scratchAt(int(at), a.bytes, lane), reg, lane)
		return
	}
	for i := 0; i < a.bytes; i += 4 {
		part, n := a, min(4, a.bytes-i)
		part.bytes = n
		if at+uint64(i+n) <= r.limit() {
			part.move(w, w.bytes(r.base+at+uint64(i), n, lane), reg+i/4, lane)
		} else if !a.store {
			var zero [4]byte
			part.move(w, zero[:n], reg+i/4, lane)
		}
	}
}

// limit is the bytes of a buffer.
func (r *resource) limit() uint64 {
	if r.stride == 0 {
		return r.records
	}
	return r.records * r.stride
}

// bufferAddress returns the offset of a lane from the buffer's base; of scratch
// the offset within the lane's own.
func (c *compiler) bufferAddress(soffset func(w *wave) uint32) func(w *wave, r *resource, l int) uint64 {
	in := c.in
	n, imm := in.Src[0].Reg, uint64(in.Imm)
	return func(w *wave, r *resource, l int) uint64 {
		at := imm
		index := uint64(0)
		switch {
		case in.Idxen && in.Offen:
			index = uint64(w.v[n][l])
			at += uint64(w.v[n+1][l])
		case in.Idxen:
			index = uint64(w.v[n][l])
		case in.Offen:
			at += uint64(w.v[n][l])
		}
		if r.scratch && !in.Idxen {
			return uint64(uint32(at) + w.laneOffset(soffset(w), l))
		}
		if r.swizzled {
			w.fail(l, "a swizzled buffer that is not the kernel's scratch")
		}
		return at + index*r.stride + uint64(soffset(w))
	}
}

// laneOffset makes an offset into the scratch of a wave, which a stack pointer is,
// one into a lane's own: four bytes of each lane lie side by side.
func (w *wave) laneOffset(offset uint32, lane int) uint32 {
	if offset%(4*Lanes) != 0 {
		w.fail(lane, "an offset of %#x into the wave's scratch, which is no whole word of each lane", offset)
	}
	return offset / Lanes
}

func (c *compiler) bufferAtomic(at func(w *wave, r *resource, l int) uint64) (run, error) {
	base := c.in.Base.Reg
	where := func(w *wave, to *places) {
		r := w.resource(base)
		for m := w.exec(); m != 0; m &= m - 1 {
			l := bits.TrailingZeros64(m)
			to[l] = at(w, &r, l)
		}
	}
	return c.atomic(c.in.Dst, c.in.Dst, where, func(w *wave, at uint64, n, l int) []byte {
		r := w.resource(base)
		if at+uint64(n) > r.limit() {
			return nil
		}
		return w.bytes(r.base+at, n, l)
	})
}

// atomicLock makes atomics of all cards and waves exclude each other.
var atomicLock sync.Mutex

// atomic compiles an atomic of data registers and, with GLC, the register
// for what was there.
func (c *compiler) atomic(from, to gcn.Operand, address func(w *wave, at *places), find func(w *wave, at uint64, n, l int) []byte) (run, error) {
	data, old, returned, width := from.Reg, to.Reg, c.in.GLC, from.Width
	_, op, _ := strings.Cut(c.in.Name, "_atomic_")
	op, wide := strings.CutSuffix(op, "_x2")
	if op == "cmpswap" {
		width /= 2
	}
	f := atomics(op, wide)
	if f == nil || width > 2 {
		return nil, c.unknown()
	}
	return func(w *wave) {
		var at places
		address(w, &at)
		for m := w.exec(); m != 0; m &= m - 1 {
			l := bits.TrailingZeros64(m)
			mem := find(w, at[l], 4*width, l)
			if mem == nil {
				continue
			}
			x, y := w.lane64(data, l, 4*width), uint64(0)
			if op == "cmpswap" {
				y = w.lane64(data+width, l, 4*width)
			}
			atomicLock.Lock()
			was := exchange(mem, func(was uint64) uint64 { return f(was, x, y) })
			atomicLock.Unlock()
			if returned {
				w.putLane64(old, l, 4*width, was)
			}
		}
	}, nil
}

// exchange replaces a number of 4 or 8 bytes in memory, and returns the old.
func exchange(mem []byte, f func(was uint64) uint64) uint64 {
	if len(mem) == 4 {
		was := binary.LittleEndian.Uint32(mem)
		binary.LittleEndian.PutUint32(mem, uint32(f(uint64(was))))
		return uint64(was)
	}
	was := binary.LittleEndian.Uint64(mem)
	binary.LittleEndian.PutUint64(mem, f(was))
	return was
}

// atomics returns what an atomic makes of the number in memory, its data and,
// of cmpswap, the expected number.
func atomics(op string, wide bool) func(was, x, expected uint64) uint64 {
	signed := func(a uint64) int64 {
		if wide {
			return int64(a)
		}
		return int64(int32(a))
	}
	switch op {
	case "swap":
		return func(_, x, _ uint64) uint64 { return x }
	case "cmpswap":
		return func(was, x, expected uint64) uint64 {
			if was == expected {
				return x
			}
			return was
		}
	case "add":
		return func(was, x, _ uint64) uint64 { return was + x }
	case "sub":
		return func(was, x, _ uint64) uint64 { return was - x }
	case "smin":
		return func(was, x, _ uint64) uint64 { return uint64(min(signed(was), signed(x))) }
	case "smax":
		return func(was, x, _ uint64) uint64 { return uint64(max(signed(was), signed(x))) }
	case "umin":
		return func(was, x, _ uint64) uint64 { return min(was, x) }
	case "umax":
		return func(was, x, _ uint64) uint64 { return max(was, x) }
	case "and":
		return func(was, x, _ uint64) uint64 { return was & x }
	case "or":
		return func(was, x, _ uint64) uint64 { return was | x }
	case "xor":
		return func(was, x, _ uint64) uint64 { return was ^ x }
	case "inc":
		return func(was, x, _ uint64) uint64 {
			if was >= x {
				return 0
			}
			return was + 1
		}
	case "dec":
		return func(was, x, _ uint64) uint64 {
			if was == 0 || was > x {
				return x
			}
			return was - 1
		}
	case "add_f32":
		return func(was, x, _ uint64) uint64 { return uint64(u32(f32(uint32(was)) + f32(uint32(x)))) }
	case "pk_add_f16":
		return func(was, x, _ uint64) uint64 {
			add := func(shift int) uint64 {
				return uint64(h16(float64(f16(uint32(was>>shift)))+float64(f16(uint32(x>>shift))))) << shift
			}
			return add(0) | add(16)
		}
	}
	return nil
}

// smem compiles scalar memory.
func (c *compiler) smem() (run, error) {
	in := c.in
	d := in.Dst.Reg
	switch {
	case strings.HasPrefix(in.Name, "s_dcache"):
		return func(*wave) {}, nil
	case in.Name == "s_memtime" || in.Name == "s_memrealtime":
		return func(w *wave) { w.set64(d, w.count.clock()) }, nil
	}
	a, ok := accessOf(in.Name)
	if !ok {
		return nil, c.unknown()
	}
	offset := func(*wave) uint32 { return 0 }
	if in.Offset.Kind != gcn.None {
		var err error
		if offset, err = c.scalar(in.Offset); err != nil {
			return nil, err
		}
	}
	base, imm := in.Base.Reg, uint64(int64(in.Imm))
	isBuffer := strings.Contains(in.Name, "buffer")
	return func(w *wave) {
		at := w.s64(base) + imm + uint64(offset(w))
		if isBuffer {
			r := w.resource(base)
			at = r.base + imm + uint64(offset(w))
		}
		mem := w.bytes(at&^3, a.bytes, -1)
		for i := 0; i < a.bytes; i += 4 {
			if a.store {
				binary.LittleEndian.PutUint32(mem[i:], w.s[d+i/4])
			} else {
				w.s[d+i/4] = binary.LittleEndian.Uint32(mem[i:])
			}
		}
		w.count.moved(a.store, a.bytes, 1)
	}, nil
}
