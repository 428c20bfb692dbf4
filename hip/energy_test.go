package hip

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"ceiling/bench/result"
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
		from: 1, to: 3, gap: 1}
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
	r := &result.Summary{TotalOutputTokens: 128, OutputThroughput: ptr(64.0)}
	e := w.summary([]bool{true, true, false}, r)
	want := &result.Energy{
		Rounds: 5,
		Groups: []result.EnergyGroup{
			// 240 J of the first and 400 J of the second card in 2 s.
			{Name: "2 GPUs", Kind: "gpu", Used: true, MeanW: ptr(320.0), PeakW: ptr(330.0), EnergyJ: ptr(640.0), JPerToken: ptr(5.0),
				TokPerSPerKW: ptr(200.0), MinClockMHz: ptr(1000.0), MaxTempC: ptr(70.0)},
			{Name: "1 CPU package", Kind: "cpu", MeanW: ptr(30.0), PeakW: ptr(30.0), EnergyJ: ptr(60.0)},
		},
		Devices: []result.DeviceEnergy{
			{Name: "0000:83:00.0", Kind: "gpu", Samples: 3, MeanW: ptr(120.0), PeakW: ptr(130.0), EnergyJ: ptr(240.0), Method: "trapezoid",
				MinClockMHz: ptr(1200.0), MaxTempC: ptr(63.0), MaxTempAt: "junction", MeanBusy: ptr(50.0), PeakVRAM: ptr(3e9),
				Throttled: []string{"temperature"}, ThrottleReadings: 1, ThrottleChecks: 2},
			{Name: "0000:a3:00.0", Kind: "gpu", Samples: 3, MeanW: ptr(200.0), PeakW: ptr(200.0), EnergyJ: ptr(400.0), Method: "trapezoid",
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
	idle := w.summary([]bool{false, false, true}, r).Groups
	if idle[0].Name != "2 GPUs (not used)" || idle[0].JPerToken != nil || idle[1].JPerToken == nil {
		t.Errorf("groups of a CPU run: %+v", idle)
	}
}

// Missing is missing: never 0, and never a part passed off as the whole.
func TestEnergyMissing(t *testing.T) {
	r := &result.Summary{TotalOutputTokens: 10, OutputThroughput: ptr(1.0)}
	used := []bool{true, true, true}
	t.Run("a card without a power sensor", func(t *testing.T) {
		w := twoCards()
		for i := range w.samples {
			if w.samples[i].device == 1 {
				w.samples[i].v[powerW] = math.NaN()
			}
		}
		e := w.summary(used, r)
		if d := e.Devices[1]; d.EnergyJ != nil || d.MeanW != nil || d.PeakW != nil || d.Method != "" || d.Samples != 0 {
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
		w.from, w.to = 1, 9
		if e := w.summary(used, r); e.Devices[0].EnergyJ != nil || e.Devices[2].EnergyJ != nil {
			t.Errorf("energy of a window that was sampled in part: %+v", e.Devices)
		}
	})
	t.Run("readings that leave little out", func(t *testing.T) {
		w := twoCards()
		w.from, w.to = 0, 4.4 // 4 of 4.4 s
		if e := w.summary(used, r); e.Devices[1].EnergyJ == nil || !cmp.Equal(*e.Devices[1].EnergyJ, 880.0, near) {
			t.Errorf("energy %v, want 200 W × 4.4 s", e.Devices[1].EnergyJ)
		}
	})
	t.Run("no round with a reading of each", func(t *testing.T) {
		w := twoCards()
		w.gap = 4
		for i := range w.samples {
			if s := &w.samples[i]; s.device == 1 && s.tick >= 1 && s.tick <= 3 {
				s.v[powerW] = math.NaN()
			}
		}
		if g := w.summary(used, r).Groups[0]; g.PeakW != nil || g.EnergyJ == nil || !cmp.Equal(*g.EnergyJ, 640.0, near) {
			t.Errorf("peak %v, energy %v: one card's power for both?", g.PeakW, g.EnergyJ)
		}
	})
	t.Run("a window without length", func(t *testing.T) {
		w := twoCards()
		w.to = w.from
		if e := w.summary(used, r); e.Devices[0].EnergyJ != nil || e.Devices[2].EnergyJ != nil {
			t.Errorf("%+v", e.Devices)
		}
	})
	t.Run("no output", func(t *testing.T) {
		g := twoCards().summary(used, &result.Summary{}).Groups[0]
		if g.JPerToken != nil || g.TokPerSPerKW != nil || g.EnergyJ == nil {
			t.Errorf("%+v", g)
		}
	})
	t.Run("nothing read", func(t *testing.T) {
		w := twoCards()
		w.samples = nil
		e := w.summary(used, r)
		want := result.DeviceEnergy{Name: "0000:83:00.0", Kind: "gpu"}
		if d := cmp.Diff(want, e.Devices[0]); d != "" || e.Rounds != 0 {
			t.Errorf("%d rounds (-want +got):\n%s", e.Rounds, d)
		}
	})
}
