package cu

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"ceiling/hip/standin/gcn"
)

// Every matrix instruction against a product of matrices in float64, with the
// places of the elements as AMD's matrix instruction calculator gives them for
// CDNA1, written out here lane by lane.
func TestMFMA(t *testing.T) {
	tested := 0
	for _, o := range gcn.Ops() {
		if !o.MFMA() {
			continue
		}
		for blgp := range uint32(8) {
			t.Run(fmt.Sprint(o.Name, " blgp:", blgp), func(t *testing.T) { testMFMA(t, o.Name, sharing{blgp: blgp}) })
		}
		for _, s := range []sharing{{cbsz: 1}, {cbsz: 1, abid: 1}, {cbsz: 2, abid: 3}, {cbsz: 4, abid: 9}} {
			t.Run(fmt.Sprintf("%s %+v", o.Name, s), func(t *testing.T) { testMFMA(t, o.Name, s) })
		}
		tested++
	}
	if tested != 20 {
		t.Errorf("%d matrix instructions, gfx908 has 20", tested)
	}
}

// sharing is which parts of A and B an instruction uses several times.
type sharing struct{ cbsz, abid, blgp uint32 }

// lanesOfB are, for each pattern of B's lanes, the groups of 16 that stand in the
// places of the four: first or second half for both, all rotated, one for all.
var lanesOfB = [8][4]int{{0, 1, 2, 3}, {0, 1, 0, 1}, {2, 3, 2, 3}, {1, 2, 3, 0}, {0, 0, 0, 0}, {1, 1, 1, 1}, {2, 2, 2, 2}, {3, 3, 3, 3}}

func testMFMA(t *testing.T, name string, s sharing) {
	var rows, cols, depth int
	var kind string
	if _, err := fmt.Sscanf(strings.NewReplacer("v_mfma_f32_", "", "v_mfma_i32_", "").Replace(name), "%dx%dx%d%s", &rows, &cols, &depth, &kind); err != nil {
		t.Fatal(err)
	}
	m := newMachine(t)
	r := rand.New(rand.NewPCG(31, uint64(depth)))
	perRegister := map[string]int{"f32": 1, "f16": 2, "bf16": 2, "i8": 4}[kind]
	perLane := perRegister
	if kind == "f16" {
		perLane = 4
	}
	blocks := Lanes * perLane / (rows * depth)
	if 1<<s.cbsz > blocks {
		t.Skipf("%d blocks can't share one in groups of %d", blocks, 1<<s.cbsz)
	}
	// Small integers, exact in every type; element e of a lane.
	var a, b [Lanes][4]int
	for l := range Lanes {
		for e := range perLane {
			a[l][e], b[l][e] = r.IntN(15)-7, r.IntN(15)-7
			m.setElement(kind, 0, l, e, a[l][e])
			m.setElement(kind, 4, l, e, b[l][e])
		}
	}
	out := rows * cols * blocks / Lanes
	for reg := range out {
		for l := range Lanes {
			m.w.a[64+reg][l] = m.number(kind, reg+l)
		}
	}
	words := m.vop3p(name, 0, v(0), v(4), v(64))
	words[0] &^= 1 << 14
	words[0] |= s.cbsz<<8 | s.abid<<11
	words[1] = words[1]&^(3<<27) | s.blgp<<29
	m.must(words...)
	// A's element (block, row, k) and B's (block, k, column).
	at := func(block, i, k int) (lane, e int) {
		if blocks > 1 {
			return i + rows*block, k
		}
		return i + rows*(k/perLane), k % perLane
	}
	for block := range blocks {
		group := block >> s.cbsz << s.cbsz // of blocks that use one of A's
		for i := range rows {
			for j := range cols {
				want := 0
				for k := range depth {
					la, ea := at(group+int(s.abid), i, k)
					lb, eb := at(block, j, k)
					lb = 16*lanesOfB[s.blgp][lb/16] + lb%16
					want += a[la][ea] * b[lb][eb]
				}
				reg, lane := resultPlace(rows, block, i, j)
				want += reg + lane
				if got := m.w.a[reg][lane]; got != m.number(kind, want) {
					t.Fatalf("block %d (%d, %d): %#x, want %d", block, i, j, got, want)
				}
			}
		}
	}
}

// resultPlace is where an element of the result lies: groups of four rows go
// to the four registers of a group, next groups to the next lanes.
func resultPlace(rows, block, i, j int) (reg, lane int) {
	group, within := i/4, i%4
	lanesPerRow := rows
	groupsAcross := Lanes / lanesPerRow // groups that lie side by side in lanes
	if rows == 4 {
		return within, j + 4*block
	}
	return within + 4*(group/groupsAcross) + rows*rows/Lanes*block, j + lanesPerRow*(group%groupsAcross)
}

func (m *machine) number(kind string, x int) uint32 {
	if kind == "i8" {
		return uint32(int32(x))
	}
	return u32(float32(x))
}

func (m *machine) setElement(kind string, reg, lane, e, x int) {
	switch kind {
	case "f32":
		m.w.v[reg+e][lane] = u32(float32(x))
	case "i8":
		shift := 8 * e
		m.w.v[reg][lane] = m.w.v[reg][lane]&^(255<<shift) | uint32(uint8(x))<<shift
	case "f16":
		shift := 16 * (e % 2)
		p := &m.w.v[reg+e/2][lane]
		*p = *p&^(0xffff<<shift) | h16(float64(x))<<shift
	case "bf16":
		shift := 16 * (e % 2)
		p := &m.w.v[reg+e/2][lane]
		*p = *p&^(0xffff<<shift) | u32(float32(x))>>16<<shift
	}
}

// What a matrix instruction writes may not be read at once, but for the very
// accumulators of the next.
func TestMatrixHazards(t *testing.T) {
	mfma := func(m *machine, name string, d, a, c uint32) []uint32 {
		w := m.vop3p(name, d, v(a), v(4), v(c))
		w[0] &^= 1 << 14
		w[1] &^= 3 << 27
		return w
	}
	read := func(m *machine, a uint32) []uint32 {
		return []uint32{0xd3800000 | op(t, gcn.VOP3P, "v_accvgpr_read_b32")<<16 | 1<<14 | 9, v(a) | 1<<27}
	}
	nop := func(n uint32) uint32 { return 0xbf800000 | (n - 1) }
	for _, c := range []struct {
		name  string
		words func(m *machine) []uint32
		fault bool
	}{
		{"read at once", func(m *machine) []uint32 { return append(mfma(m, "v_mfma_f32_32x32x8f16", 0, 0, 0), read(m, 3)...) }, true},
		{"read after 17", func(m *machine) []uint32 {
			return append(append(mfma(m, "v_mfma_f32_32x32x8f16", 0, 0, 0), nop(9), nop(8)), read(m, 3)...)
		}, true},
		{"read after 18", func(m *machine) []uint32 {
			return append(append(mfma(m, "v_mfma_f32_32x32x8f16", 0, 0, 0), nop(9), nop(9)), read(m, 3)...)
		}, false},
		{"16x16 after 10", func(m *machine) []uint32 {
			return append(append(mfma(m, "v_mfma_f32_16x16x16f16", 0, 0, 0), nop(10)), read(m, 3)...)
		}, false},
		{"16x16 after 9", func(m *machine) []uint32 {
			return append(append(mfma(m, "v_mfma_f32_16x16x16f16", 0, 0, 0), nop(9)), read(m, 3)...)
		}, true},
		{"another register", func(m *machine) []uint32 { return append(mfma(m, "v_mfma_f32_32x32x8f16", 0, 0, 0), read(m, 40)...) }, false},
		{"accumulated in place", func(m *machine) []uint32 {
			return append(mfma(m, "v_mfma_f32_32x32x8f16", 0, 0, 0), mfma(m, "v_mfma_f32_32x32x8f16", 0, 0, 0)...)
		}, false},
		{"accumulated beside", func(m *machine) []uint32 {
			return append(mfma(m, "v_mfma_f32_32x32x8f16", 0, 0, 0), mfma(m, "v_mfma_f32_32x32x8f16", 32, 0, 4)...)
		}, true},
	} {
		m := newMachine(t)
		if f := m.run(c.words(m)...); (f != nil) != c.fault {
			t.Errorf("%s: %v", c.name, f)
		}
	}
}
