package main

import (
	"context"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.Local)

// laneOf ran from the first to the second instant of each pair, in seconds
// after noon; a last one without an end is going on.
func laneOf(at ...float64) *lane {
	l := &lane{}
	for i, a := range at {
		if i%2 == 0 {
			l.spans = append(l.spans, span{from: after(noon, a)})
		} else {
			l.spans[len(l.spans)-1].to = after(noon, a)
		}
	}
	return l
}

func TestLaneClock(t *testing.T) {
	l := laneOf(1, 2, 4, 6, 10)
	for at, want := range map[float64]float64{0: 0, 1.5: 0.5, 2: 1, 3: 1, 4: 1, 5: 2, 8: 3, 10: 3, 12.5: 5.5} {
		if got := l.ran(after(noon, at)); math.Abs(got-want) > 1e-9 {
			t.Errorf("at %v it had run %v s, want %v", at, got, want)
		}
	}
	for at, want := range map[float64]bool{0.5: false, 1.005: false, 1.02: true, 2: true, 2.001: false, 4.009: false, 6: true, 9: false, 10.001: false, 11: true} {
		if got := l.steady(after(noon, at)); got != want {
			t.Errorf("at %v: steady is %v", at, got)
		}
	}
}

// TestStreamOn: a stream's rate is that of the time its process ran.
func TestStreamOn(t *testing.T) {
	l := laneOf(1, 2, 5, 9)
	got := stream{At: []float64{1.5, 5.5, 6.5}, Tokens: []int{1, 2, 3}}.on(l, noon)
	if rate, err := decodeRate([]stream{got}); err != nil || math.Abs(rate-1) > 1e-9 {
		t.Errorf("%v tokens/s, %v; want 1", rate, err)
	}
}

// eventually waits until something holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain until %s", what)
		}
	}
}

func slicesOf(l *lane) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.spans)
}

// state is the letter that Linux has for a process: R, S, T (stopped) …
func state(t *testing.T, c *child) string {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", c.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(text), ") ")
	return after[:1]
}

// TestTakeTurns: every process gets slices, one at a time, and all but the
// last are stopped; one that ends does not hold the others up.
func TestTakeTurns(t *testing.T) {
	s := testSettings()
	lanes := []*lane{{}, {}, {}}
	ctx, cancel := context.WithCancel(t.Context())
	done, turns := make(chan struct{}), make(chan error, 1)
	go func() { turns <- takeTurns(lanes, 5*time.Millisecond, done) }()
	var children []*child
	for i, l := range lanes {
		text := "while :; do :; done"
		if i == 1 {
			text = "exit 0"
		}
		c, err := l.start(ctx, s, "/bin/sh", "-c", text)
		if err != nil {
			t.Fatal(err)
		}
		children = append(children, c)
	}
	eventually(t, "one process ended", func() bool { return !lanes[1].live() })
	for _, l := range []*lane{lanes[0], lanes[2]} {
		before := slicesOf(l)
		eventually(t, "a process had two more slices", func() bool { return slicesOf(l) >= before+2 })
	}
	close(done)
	if err := <-turns; err != nil {
		t.Fatal(err)
	}
	running := 0
	for _, i := range []int{0, 2} {
		if spans := lanes[i].spans; spans[len(spans)-1].to.IsZero() {
			running++
			continue
		}
		eventually(t, "the process was stopped", func() bool { return state(t, children[i]) == "T" })
	}
	if running != 1 {
		t.Errorf("%d processes run at the end, want 1", running)
	}
	for _, x := range lanes[0].spans {
		for _, y := range lanes[2].spans {
			if (y.to.IsZero() || x.from.Before(y.to)) && (x.to.IsZero() || y.from.Before(x.to)) {
				t.Errorf("%v and %v overlap", x, y)
			}
		}
	}
	cancel()
	for _, c := range children {
		_ = c.wait() // killed
	}
}

// waves of one decode rate each, from their begins to a second later.
func wavesAt(rate float64, begins ...float64) []wave {
	var out []wave
	for _, b := range begins {
		out = append(out, wave{after(noon, b), after(noon, b+1), rate + b})
	}
	return out
}

// TestKeepCommon: what a tool measured while another one still loaded, did
// something else or had ended, does not count.
func TestKeepCommon(t *testing.T) {
	decodes := func(x *sample) *[]wave { return &x.decodes }
	samples := []sample{
		{Tool: "a", decodes: wavesAt(100, 0, 1, 2, 3), prefills: wavesAt(1, 7)},
		{Tool: "b", decodes: wavesAt(200, 1, 2, 4, 5), prefills: wavesAt(1, 8)},
	}
	if err := keepCommon(samples, "decode", decodes); err != nil {
		t.Fatal(err)
	}
	// Common is from 1, where b's waves begin, to 4, where a's end.
	for i, want := range [][]wave{wavesAt(100, 1, 2, 3), wavesAt(200, 1, 2)} {
		if x := samples[i]; !slices.Equal(x.decodes, want) || len(x.prefills) != 1 {
			t.Errorf("%s: %v, want %v", x.Tool, x.decodes, want)
		}
	}
	for _, c := range []struct {
		of   []wave
		want string
	}{
		{nil, "b: no decode could be told"},
		{wavesAt(1, 9), "a measured decode at no time"},
	} {
		err := keepCommon([]sample{{Tool: "a", decodes: wavesAt(1, 0)}, {Tool: "b", decodes: c.of}}, "decode", decodes)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("got %v, want %q", err, c.want)
		}
	}
}

func checkWaves(t *testing.T, name string, got, want []wave) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: %v, want %v", name, got, want)
		return
	}
	for i, w := range want {
		if g := got[i]; !g.from.Equal(w.from) || !g.to.Equal(w.to) || math.Abs(g.rate-w.rate) > 1e-6 {
			t.Errorf("%s %d: %v, want %v", name, i, g, w)
		}
	}
}

// TestBatchedWaves: the stops are taken out of the printed times, and a line
// that came as its process was continued is left out.
func TestBatchedWaves(t *testing.T) {
	l := laneOf(0, 10, 20, 30, 40, 50)
	lines := []batchedLine{
		{PP: 128, TG: 64, PL: 2, TimePP: 2, TimeTG: 4, number: 1},  // nothing of it stopped
		{PP: 128, TG: 64, PL: 2, TimePP: 1, TimeTG: 14, number: 2}, // 10 s of its decode stopped
		{PP: 128, TG: 64, PL: 2, TimePP: 3, TimeTG: 4, number: 3},  // came at the end of a stop
		{PP: 128, TG: 64, PL: 2, TimePP: 13, TimeTG: 4, number: 4}, // 10 s of its prefill stopped
	}
	ends := []time.Time{noon, after(noon, 9), after(noon, 24), after(noon, 40.001), after(noon, 45)}
	prefills, decodes := batchedWaves(l, lines, ends)
	checkWaves(t, "prefill", prefills, []wave{
		{after(noon, 3), after(noon, 5), 256 / 2},
		{after(noon, 9), after(noon, 10), 256 / 1},
		{after(noon, 28), after(noon, 41), 256.0 / 3},
	})
	checkWaves(t, "decode", decodes, []wave{
		{after(noon, 5), after(noon, 9), 128 / 4},
		{after(noon, 10), after(noon, 24), 128 / 4},
		{after(noon, 41), after(noon, 45), 128 / 4},
	})
}

// TestReadSlicedRun: the journal's seconds count from the results' date, and
// the stops are taken out of them.
func TestReadSlicedRun(t *testing.T) {
	zero := time.Date(2026, 3, 1, 10, 0, 0, 5e8, time.Local)
	// Stopped for half a second in the second prefill that counts, which then
	// took 1.5 s in place of 2, and in the first wave's decode, 0.5 s in place of 1.
	l := &lane{spans: []span{{zero, after(zero, 21)}, {after(zero, 21.5), after(zero, 31.25)}, {from: after(zero, 31.75)}}}
	var got sample
	if err := readRun(journalOf(t), testSettings(), 2, l, &got); err != nil {
		t.Fatal(err)
	}
	checkWaves(t, "prefill", got.prefills, []wave{
		{after(zero, 10), after(zero, 11), 256 / 1},
		{after(zero, 20), after(zero, 22), 256 / 1.5},
	})
	checkWaves(t, "decode", got.decodes, []wave{
		{after(zero, 30), after(zero, 32), 2 * 2 / 0.5},
		{after(zero, 40), after(zero, 41.5), 2 * 2 / 0.5},
	})
}

// TestTogether: tools that run at once are disturbed alike, and the error is
// that of the tool that failed first.
func TestTogether(t *testing.T) {
	s := testSettings()
	s.slice = 5 * time.Millisecond
	of := func(name, text string) tool {
		return tool{name, func(ctx context.Context, s *settings, _ string, _ int, l *lane) (sample, error) {
			c, err := l.start(ctx, s, "/bin/sh", "-c", text)
			if err != nil {
				return sample{}, err
			}
			end, err := c.finish()
			if err != nil {
				return sample{}, err
			}
			out := end.sample(name)
			out.prefills, out.decodes = wavesAt(300, 1), wavesAt(100, 1)
			return out, nil
		}}
	}
	got, err := s.together(t.Context(), []tool{of("a", "exit 0"), of("b", "exit 0")}, "m.gguf", 2)
	if err != nil || len(got) != 2 || got[0].Decode != 101 || got[1].Decode != 101 || got[1].Prefill != 301 || got[0].Others != got[1].Others {
		t.Errorf("%v, %v", got, err)
	}
	_, err = s.together(t.Context(), []tool{of("a", "while :; do :; done"), of("b", "echo reason >&2; exit 7")}, "m.gguf", 2)
	if err == nil || !strings.Contains(err.Error(), "reason") || strings.Contains(err.Error(), "killed") {
		t.Errorf("got %v", err)
	}
}
