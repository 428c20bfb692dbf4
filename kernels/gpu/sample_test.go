package gpu

import (
	"encoding/binary"
	"math"
	"math/big"
	"math/rand/v2"
	"strings"
	"testing"

	"ceiling/kernels"
)

// fake is a card whose rounds take a time that the test says.
type fake struct {
	round  float64 // seconds
	events func(sample int, wall float64) float64
	clock  func(sample int) float64
	drift  func(sample int) float64 // factor of the time
	taken  int
}

func (f *fake) take(s size) ([]reading, error) {
	r := reading{wall: f.round * s.total(), hertz: 1.5e9}
	if f.drift != nil {
		r.wall *= f.drift(f.taken)
	}
	if f.clock != nil {
		r.hertz = f.clock(f.taken)
	}
	r.events = r.wall
	if f.events != nil {
		r.events = f.events(f.taken, r.wall)
	}
	r.cycles = r.wall * r.hertz
	f.taken++
	return []reading{r}, nil
}

func measured(t *testing.T, f *fake, w *work) kernels.Measurement {
	t.Helper()
	m := kernels.Measurement{Unit: w.unit, Verdict: kernels.OK}
	if err := series(t.Context(), []*work{w}, f.take, samplesWanted, &m); err != nil {
		t.Fatal(err)
	}
	return m
}

func TestSeries(t *testing.T) {
	// A gigabyte in a millisecond is 10^12 bytes a second.
	memory := &work{unit: kernels.BytesPerSecond, amount: 1e9, limit: limit{fixed: hbmPeak}}
	m := measured(t, &fake{round: 1e-3}, memory)
	if m.Verdict != kernels.OK || len(m.Samples) != 20 || math.Abs(m.Summary.Median-1e12) > 1 {
		t.Errorf("%+v", m)
	}
	if *m.Peak != hbmPeak || *m.PeakAtClock != hbmPeak || *m.ClockHz != 1.5e9 {
		t.Errorf("peaks %v, %v, clock %v", *m.Peak, *m.PeakAtClock, *m.ClockHz)
	}
	// 16,384 operations a microsecond on hardware that does 12 a cycle, nominally
	// at 2 GHz.
	matrix := &work{unit: kernels.OpsPerSecond, amount: 16384, most: 1000, limit: limit{perClock: 12, nominal: 2e9}}
	f := &fake{round: 1e-6}
	m = measured(t, f, matrix)
	if m.Verdict != kernels.OK || math.Abs(m.Summary.Median-16.384e9) > 100 || *m.Peak != 24e9 || *m.PeakAtClock != 18e9 {
		t.Errorf("%+v, %v, %v", m, *m.Peak, *m.PeakAtClock)
	}
	// 64 steps in a round of 20 ns × 64.
	m = measured(t, &fake{round: 64 * 20e-9}, &work{unit: kernels.Cycles, amount: 64})
	if m.Verdict != kernels.OK || math.Abs(m.Summary.Median-30) > 1e-9 {
		t.Errorf("%+v", m)
	}
}

// What is not known to be true is not said.
func TestJudge(t *testing.T) {
	memory := work{unit: kernels.BytesPerSecond, amount: 1e9, limit: limit{fixed: hbmPeak}}
	matrix := work{unit: kernels.OpsPerSecond, amount: 10, limit: limit{perClock: 12}}
	alternate := func(i int) float64 { return []float64{1.1e9, 1.5e9}[i%2] }
	for name, c := range map[string]struct {
		f    fake
		w    work
		want string // part of the reason; "": ok
	}{
		"events within 2 %":        {fake{round: 1e-3, events: func(_ int, w float64) float64 { return 1.019 * w }}, memory, ""},
		"events 3 % longer":        {fake{round: 1e-3, events: func(_ int, w float64) float64 { return 1.03 * w }}, memory, "by events"},
		"one sample's events":      {fake{round: 1e-3, events: func(i int, w float64) float64 { return w * (1 + 0.05*float64(i/20)) }}, memory, "by events"},
		"the clock moves":          {fake{round: 1e-9, clock: alternate}, matrix, "between 1100 and 1500 MHz"},
		"memory has its own clock": {fake{round: 1e-3, clock: alternate}, memory, ""},
		"faster than memory":       {fake{round: 0.7e-3}, memory, "above the"},
		"never settles":            {fake{round: 1e-3, drift: func(i int) float64 { return 1 + 0.02*float64(i%2) }}, memory, "did not settle"},
	} {
		m := measured(t, &c.f, &c.w)
		ok := m.Verdict == kernels.OK
		if ok != (c.want == "") || !strings.Contains(m.Reason, c.want) {
			t.Errorf("%s: %s, %q", name, m.Verdict, m.Reason)
		}
	}
	none := &fake{round: 1e-3}
	m := kernels.Measurement{Unit: memory.unit, Verdict: kernels.OK}
	err := series(t.Context(), []*work{&memory}, func(s size) ([]reading, error) {
		rs, err := none.take(s)
		rs[0].wall = 0
		return rs, err
	}, samplesWanted, &m)
	if err != nil || m.Verdict != kernels.Unknown {
		t.Errorf("without a constant clock: %v, %+v", err, m)
	}
}

// Rates of cards that run at once add up; of times the longest counts.
func TestTogether(t *testing.T) {
	take := func(s size) ([]reading, error) {
		t := 1e-3 * s.total()
		return []reading{{events: t, wall: t, hertz: 1e9}, {events: 2 * t, wall: 2 * t, hertz: 1e9}}, nil
	}
	for unit, want := range map[kernels.Unit]float64{kernels.BytesPerSecond: 1.5e12, kernels.Seconds: 2e-12} {
		w := &work{unit: unit, amount: 1e9}
		m := kernels.Measurement{Unit: unit, Verdict: kernels.OK}
		if err := series(t.Context(), []*work{w, w}, take, 6, &m); err != nil || math.Abs(m.Summary.Median/want-1) > 1e-9 {
			t.Errorf("%s: %v, %+v", unit, err, m.Summary)
		}
	}
}

func TestByHost(t *testing.T) {
	rs := []reading{{events: 1}, {events: 4}}
	byHost(rs, 4.4)
	if math.Abs(rs[0].wall-1.1) > 1e-12 || math.Abs(rs[1].wall-4.4) > 1e-12 {
		t.Errorf("%+v", rs)
	}
}

func TestReadStamps(t *testing.T) {
	stamps := func(values ...uint64) []byte {
		var raw []byte
		for _, v := range values {
			raw = binary.LittleEndian.AppendUint64(raw, v)
		}
		return raw
	}
	// Two waves on a clock of 25 MHz: from 100 to 350 and from 200 to 600, at 60
	// cycles of the core for each of it, which is 1.5 GHz.
	r, err := readStamps(stamps(100, 350, 0, 15000, 200, 600, 7, 24007), 25e6)
	if err != nil || r.wall != 500/25e6 || r.hertz != 1.5e9 || r.cycles != 24000 {
		t.Errorf("%+v, %v", r, err)
	}
	if _, err := readStamps(stamps(100, 350, 0, 15000, 0, 0, 0, 0), 25e6); err == nil {
		t.Error("a wave that left no stamp")
	}
	if _, err := readStamps(stamps(100, 90, 0, 15000), 25e6); err == nil {
		t.Error("a clock that runs backwards")
	}
	if r, err := readStamps(stamps(100, 350, 0, 15000), 0); err != nil || r.wall != 0 {
		t.Errorf("no rate: %+v, %v", r, err)
	}
}

func TestSumWords(t *testing.T) {
	var sum uint32
	checks := map[uint64]bool{0: true, 1: true, 1000: true, 1 << tileBits: true, 1<<tileBits + 1: true, 3<<tileBits + 77: true}
	for i := uint64(0); i <= 3<<tileBits+77; i++ {
		if checks[i] {
			if got := sumWords(i); got != sum {
				t.Errorf("the first %d words add up to %#x, got %#x", i, sum, got)
			}
		}
		sum += word(i)
	}
}

// The fused step is the exact value, rounded once.
func TestFused(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	x := float32(0.3)
	for range 20000 {
		c := -2 + float32(rng.Uint32()>>8)*0x1p-25
		exact := new(big.Float).SetPrec(200).SetFloat64(float64(x))
		exact.Mul(exact, exact).Add(exact, new(big.Float).SetFloat64(float64(c)))
		want, _ := exact.Float32()
		if got := fused(x, c); got != want {
			t.Fatalf("%v² + %v is %v, got %v", x, c, want, got)
		}
		if x = want; math.Abs(float64(x)) > 2 {
			x = 0.1
		}
	}
}

// Halfway between two numbers the smallest rest decides, which 64 bits do not hold.
func TestRoundedSum(t *testing.T) {
	const half = 0x1p-24 // of the distance between numbers of 32 bits from 1 on
	for _, c := range []struct{ p, q, want float64 }{
		{1 + half, 0, 1},
		{1 + half, 0x1p-80, 1 + 2*half},
		{1 + half, -0x1p-80, 1},
		{1 + 3*half, 0, 1 + 4*half},
		{1 + 3*half, -0x1p-80, 1 + 2*half},
		{-1 - half, -0x1p-80, -1 - 2*half},
		{-1 - 3*half, 0x1p-80, -1 - 2*half},
	} {
		if got := roundedSum(c.p, c.q); got != float32(c.want) {
			t.Errorf("%x + %x is %x, got %x", c.p, c.q, c.want, got)
		}
	}
}

// Every number of 16 bits rounds to itself, and halfway to the even one.
func TestHalf(t *testing.T) {
	for bits := uint16(0); bits < 31<<10-1; bits++ {
		value := func(b uint16) float64 {
			if b < 1<<10 {
				return float64(b) * 0x1p-24
			}
			return halfValue(b)
		}
		x, next := value(bits), value(bits+1)
		if got := halfBits(half(x)); got != bits {
			t.Fatalf("%v is %#x, got %#x", x, bits, got)
		}
		even := bits + bits&1
		if got := halfBits(half((x + next) / 2)); got != even {
			t.Fatalf("between %#x and the next: %#x, want %#x", bits, got, even)
		}
		if got := halfBits(-x); x != 0 && got != bits|0x8000 {
			t.Fatalf("-%v is %#x", x, got)
		}
	}
}

// Every element of the product is in one lane's register.
func TestFormRows(t *testing.T) {
	for _, f := range forms {
		seen := map[[2]int]bool{}
		for lane := range 64 {
			for r := range f.registers() {
				seen[[2]int{f.row(lane, r), lane % f.rows}] = true
			}
		}
		if len(seen) != f.rows*f.rows {
			t.Errorf("%s: %d elements of %d", f.text, len(seen), f.rows*f.rows)
		}
		if f.each*64 != f.rows*f.k {
			t.Errorf("%s: an operand has %d elements, lanes hold %d", f.text, f.rows*f.k, 64*f.each)
		}
	}
}

func TestLine(t *testing.T) {
	lengths := []int{1, 16, 256, 1024}
	graphs := make([]kernels.Measurement, len(lengths))
	for i, n := range lengths {
		graphs[i] = kernels.Measurement{Verdict: kernels.OK, Samples: []float64{5e-6 + 1.5e-6*float64(n), 6e-6 + 1.25e-6*float64(n)}}
	}
	found := line("launch.graph", lengths, graphs)
	near := func(a, b float64) bool { return math.Abs(a-b) < 1e-12 }
	if s := found[0].Samples; !near(s[0], 1.5e-6) || !near(s[1], 1.25e-6) {
		t.Errorf("node %v", s)
	}
	if s := found[1].Samples; !near(s[0], 5e-6) || !near(s[1], 6e-6) {
		t.Errorf("graph %v", s)
	}
	graphs[2].Verdict = kernels.Wrong
	if found := line("launch.graph", lengths, graphs); found[0].Verdict != kernels.Wrong || found[0].Samples != nil {
		t.Errorf("of a wrong one: %+v", found[0])
	}
}

func TestChosen(t *testing.T) {
	if p, err := chosen([]string{"hbm.gemv", "mfma.i8"}); err != nil || len(p) != 5 {
		t.Errorf("%d probes, %v", len(p), err)
	}
	if _, err := chosen([]string{"hbm.g"}); err == nil || !strings.Contains(err.Error(), `"hbm.g"`) {
		t.Errorf("%v", err)
	}
	if p, err := chosen(nil); err != nil || len(p) != len(Probes()) {
		t.Errorf("%d of %d probes, %v", len(p), len(Probes()), err)
	}
}

func TestCPUSet(t *testing.T) {
	set := cpuSet("0-3,8,10-11")
	if set.Count() != 7 || !set.IsSet(8) || set.IsSet(9) {
		t.Errorf("%d CPUs", set.Count())
	}
	for _, list := range []string{"", "x", "3-x"} {
		if set := cpuSet(list); set.Count() != 0 {
			t.Errorf("%q: %d CPUs", list, set.Count())
		}
	}
}
