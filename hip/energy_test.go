package hip

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"ceiling/internal/machine"
)

var near = cmpopts.EquateApprox(1e-12, 1e-9)

func TestIntegral(t *testing.T) {
	ramp := []point{{0, 0}, {1, 10}, {2, 20}, {5, 50}}
	tests := []struct {
		name          string
		from, to, gap float64
		area, covered float64
	}{
		{"whole", 0, 2, 1, 20, 2},
		{"edges between readings", 0.5, 1.5, 1, 10, 1},
		{"inside one piece", 1.25, 1.75, 1, 7.5, 0.5},
		{"a gap is left out", 0, 5, 1, 20, 2},
		{"a gap that is allowed", 0, 5, 3, 125, 5},
		{"before the first reading", -5, -1, 1, 0, 0},
		{"past the last", 4, 9, 3, 45, 1},
		{"no length", 1, 1, 1, 0, 0},
	}
	for _, tt := range tests {
		area, covered := integral(ramp, tt.from, tt.to, tt.gap)
		if !cmp.Equal(tt.area, area, near) || !cmp.Equal(tt.covered, covered, near) {
			t.Errorf("%s: area %v over %v s, want %v over %v", tt.name, area, covered, tt.area, tt.covered)
		}
	}
	if area, covered := integral(ramp[:1], 0, 1, 1); area != 0 || covered != 0 {
		t.Errorf("one reading: %v over %v s", area, covered)
	}
}

// reading makes a sample; quantities come in pairs.
func reading(t float64, tick, dev int, values ...any) sample {
	s := sample{t: t, tick: tick, device: dev}
	for q := range s.v {
		s.v[q] = math.NaN()
	}
	for i := 0; i < len(values); i += 2 {
		s.v[values[i].(quantity)] = values[i+1].(float64)
	}
	return s
}

func twoCards() window {
	capped := device{name: "0000:a3:00.0", kind: kindGPU, capW: ptr(200.0), capDefaultW: ptr(290.0)}
	w := window{devices: []device{{name: "0000:83:00.0", kind: kindGPU}, capped, {name: "package-0", kind: kindCPU, counter: &counter{}}},
		from: 1, to: 3}
	for tick := range 5 {
		at := float64(tick)
		w.samples = append(w.samples,
			reading(at, tick, 0, powerW, 100+10*at, sclkMHz, 1500-100*at, edgeC, 50.0, junctionC, 60+at, vramBytes, 1e9*at, busyPercent, 50.0),
			reading(at, tick, 1, powerW, 200.0, sclkMHz, 1000.0, memC, 70.0),
			reading(at, tick, 2, energyJ, 30*at, powerW, 30.0))
	}
	hot := reading(2.5, 5, 0)
	hot.throttled, hot.throttle = true, 1<<36
	calm := reading(2.6, 6, 0)
	calm.throttled = true
	w.samples = append(w.samples, hot, calm)
	return w
}

func TestEnergy(t *testing.T) {
	w := twoCards()
	e := w.summary([]bool{true, true, false}, 128, ptr(64.0))
	want := &machine.Energy{
		Rounds: 5,
		Groups: []machine.EnergyGroup{
			// 240 J of the first and 400 J of the second card in 2 s.
			{Name: "2 GPUs", Kind: "gpu", Used: true, MeanW: ptr(320.0), PeakW: ptr(330.0), EnergyJ: ptr(640.0), JPerToken: ptr(5.0),
				TokPerSPerKW: ptr(200.0), MinClockMHz: ptr(1000.0), MaxTempC: ptr(70.0)},
			{Name: "1 CPU package", Kind: "cpu", MeanW: ptr(30.0), PeakW: ptr(30.0), EnergyJ: ptr(60.0)},
		},
		Devices: []machine.DeviceEnergy{
			{Name: "0000:83:00.0", Kind: "gpu", Used: true, Samples: 3, MeanW: ptr(120.0), PeakW: ptr(130.0), EnergyJ: ptr(240.0), Method: "trapezoid",
				MinClockMHz: ptr(1200.0), MaxTempC: ptr(63.0), MaxTempAt: "junction", MeanBusy: ptr(50.0), PeakVRAM: ptr(3e9),
				Throttled: []string{"temperature"}, ThrottleReadings: 1, ThrottleChecks: 2},
			{Name: "0000:a3:00.0", Kind: "gpu", Used: true, Samples: 3, MeanW: ptr(200.0), PeakW: ptr(200.0), EnergyJ: ptr(400.0), Method: "trapezoid",
				MinClockMHz: ptr(1000.0), MaxTempC: ptr(70.0), MaxTempAt: "mem"},
			{Name: "package-0", Kind: "cpu", Samples: 3, MeanW: ptr(30.0), PeakW: ptr(30.0), EnergyJ: ptr(60.0), Method: "counter"},
		},
	}
	if d := cmp.Diff(want, e, near); d != "" {
		t.Errorf("energy (-want +got):\n%s", d)
	}
	warned := w.warnings(e, []bool{true, true, false})
	if d := cmp.Diff([]string{
		"0000:83:00.0 lowered its clocks in 1 of 2 readings (temperature): improve cooling or power, and measure again",
		"0000:a3:00.0 is capped at 200 W, its default is 290 W: figures are of the capped card",
	}, warned); d != "" {
		t.Errorf("warnings (-want +got):\n%s", d)
	}
	// Cards that the model was not on bear on nothing.
	if got := w.warnings(e, []bool{false, false, true}); len(got) != 0 {
		t.Errorf("warnings of idle cards: %q", got)
	}
	idle := w.summary([]bool{false, false, true}, 128, ptr(64.0)).Groups
	if idle[0].Name != "2 GPUs (not used)" || idle[0].JPerToken != nil || idle[1].JPerToken == nil {
		t.Errorf("groups of a CPU run: %+v", idle)
	}
}

// Missing is missing: never 0, and never a part passed off as the whole.
func TestEnergyMissing(t *testing.T) {
	used := []bool{true, true, true}
	t.Run("a card without a power sensor", func(t *testing.T) {
		w := twoCards()
		for i := range w.samples {
			if w.samples[i].device == 1 {
				w.samples[i].v[powerW] = math.NaN()
			}
		}
		e := w.summary(used, 10, ptr(1.0))
		if d := e.Devices[1]; d.EnergyJ != nil || d.MeanW != nil || d.PeakW != nil || d.Method != "" || d.Samples != 0 || d.Why != "its power was not read" {
			t.Errorf("device %+v", d)
		}
		g := e.Groups[0]
		if g.EnergyJ != nil || g.MeanW != nil || g.PeakW != nil || g.JPerToken != nil || g.TokPerSPerKW != nil {
			t.Errorf("group %+v", g)
		}
		if g.MinClockMHz == nil || *g.MinClockMHz != 1000 {
			t.Errorf("the clock is still known: %v", g.MinClockMHz)
		}
	})
	t.Run("readings that leave much of the window out", func(t *testing.T) {
		w := twoCards()
		w.from, w.to = 1, 6.9
		e := w.summary(used, 10, ptr(1.0))
		if e.Devices[0].EnergyJ != nil || e.Devices[2].EnergyJ != nil {
			t.Errorf("energy of a window that was sampled in part: %+v", e.Devices)
		}
		why := []string{e.Devices[0].Why, e.Devices[2].Why}
		if d := cmp.Diff([]string{"readings of its power cover 3.0 of 5.9 s", "its counter was not read within 3 s of the scenario's start and end"}, why); d != "" {
			t.Error(d)
		}
		if got := w.warnings(e, []bool{true, false, false}); len(got) != 2 || got[1] != "no energy of 0000:83:00.0: readings of its power cover 3.0 of 5.9 s" {
			t.Errorf("%q", got)
		}
	})
	t.Run("readings that leave little out", func(t *testing.T) {
		w := twoCards()
		w.from, w.to = 0, 4.4 // 4 of 4.4 s
		if e := w.summary(used, 10, ptr(1.0)); e.Devices[1].EnergyJ == nil || !cmp.Equal(*e.Devices[1].EnergyJ, 880.0, near) {
			t.Errorf("energy %v, want 200 W × 4.4 s", e.Devices[1].EnergyJ)
		}
	})
	t.Run("no round with a reading of each", func(t *testing.T) {
		w := twoCards()
		for i := range w.samples {
			if s := &w.samples[i]; s.device == 1 && s.tick == 2 {
				s.v[powerW] = math.NaN()
			}
		}
		w.from, w.to = 1.5, 2.5
		if g := w.summary(used, 10, ptr(1.0)).Groups[0]; g.PeakW != nil || g.EnergyJ == nil || !cmp.Equal(*g.EnergyJ, 320.0, near) {
			t.Errorf("peak %v, energy %v: one card's power for both?", g.PeakW, g.EnergyJ)
		}
	})
	t.Run("a window without length", func(t *testing.T) {
		w := twoCards()
		w.to = w.from
		if e := w.summary(used, 10, ptr(1.0)); e.Devices[0].EnergyJ != nil || e.Devices[2].EnergyJ != nil {
			t.Errorf("%+v", e.Devices)
		}
	})
	t.Run("no output", func(t *testing.T) {
		g := twoCards().summary(used, 0, nil).Groups[0]
		if g.JPerToken != nil || g.TokPerSPerKW != nil || g.EnergyJ == nil {
			t.Errorf("%+v", g)
		}
	})
	t.Run("nothing read", func(t *testing.T) {
		w := twoCards()
		w.samples = nil
		e := w.summary(used, 10, ptr(1.0))
		want := machine.DeviceEnergy{Name: "0000:83:00.0", Kind: "gpu", Used: true, Why: "its power was not read"}
		if d := cmp.Diff(want, e.Devices[0]); d != "" || e.Rounds != 0 {
			t.Errorf("%d rounds (-want +got):\n%s", e.Rounds, d)
		}
	})
}

// measured is a card that draws 100 W until second 19.5 and 300 W from 20 on, read
// twice a second; its accumulator, read once a second, counts rate times that.
func measured(rate float64, read func(t float64) bool) window {
	w := window{devices: []device{{name: "card", kind: kindGPU}}, from: 10.25, to: 30.25}
	for tick := range 81 {
		at := float64(tick) / 2
		if !read(at) {
			continue
		}
		watts, joules := 100.0, 100*at
		if at >= 20 {
			watts, joules = 300, 2050+300*(at-20)
		}
		s := reading(at, tick, 0, powerW, watts)
		if tick%2 == 0 {
			s.v[energyJ] = rate * joules
		}
		w.samples = append(w.samples, s)
	}
	return w
}

func always(float64) bool { return true }

// Power between two readings is on the line between them, at the window's edges
// too: 9.25 s of 100 W, half a second from 100 to 300 W, 10.25 s of 300 W.
func TestEnergyAtTheEdges(t *testing.T) {
	w := measured(1, always)
	d := w.device(0)
	if d.EnergyJ == nil || !cmp.Equal(*d.EnergyJ, 925+100+3075.0, near) || d.Why != "" {
		t.Errorf("%+v", d)
	}
	w.from, w.to = 19.6, 19.9 // between two readings, of 100 and 300 W: 140 to 260 W
	if d := w.device(0); d.EnergyJ == nil || !cmp.Equal(*d.EnergyJ, 60.0, near) {
		t.Errorf("between two readings: %+v", d)
	}
}

// A gap of three seconds is bridged, a longer one is not, wherever it is.
func TestEnergyGaps(t *testing.T) {
	for _, c := range []struct {
		name     string
		from, to float64 // without a reading, both left out
		why      string
	}{
		{"three seconds", 12, 15, ""},
		{"more", 12, 15.5, "its power was not read for 3.5 s from second 1.8 of the scenario on"},
		{"at the start", 8, 14, "its power was not read for 6.0 s from second 0.0 of the scenario on"},
		{"at the end", 26.5, 50, "its power was not read for 3.8 s from second 16.2 of the scenario on"},
		{"before it", 2, 10, ""},
		{"after it", 31, 50, ""},
	} {
		w := measured(1, func(t float64) bool { return t <= c.from || t >= c.to })
		if d := w.device(0); d.Why != c.why || (d.EnergyJ == nil) != (c.why != "") {
			t.Errorf("%s: %+v", c.name, d)
		}
	}
}

// The card's own accumulator has to agree within 5 %, where it counts at all.
func TestEnergyAgrees(t *testing.T) {
	for _, c := range []struct {
		name      string
		rate      float64
		told, why bool
	}{
		{"agrees", 1, true, false},
		{"4 % more", 1.04, true, false},
		{"4 % less", 0.96, true, false},
		{"6 % more", 1.06, true, true},
		{"6 % less", 0.94, true, true},
		{"stands still", 0, false, false},
	} {
		d := measured(c.rate, always).device(0)
		if (d.AccumulatorRatio != nil) != c.told || (d.Why != "") != c.why || (d.EnergyJ == nil) != c.why {
			t.Errorf("%s: %+v", c.name, d)
		}
	}
	w := measured(2, always)
	w.to = w.from + 9
	if d := w.device(0); d.EnergyJ == nil || d.AccumulatorRatio != nil {
		t.Errorf("nine seconds are too few to compare: %+v", d)
	}
	why := "its power adds up to 3950 J in 19.0 s, of which its own accumulator counted 7900 J"
	if d := measured(2, always).device(0); d.Why != why {
		t.Errorf("%q, want %q", d.Why, why)
	}
}
