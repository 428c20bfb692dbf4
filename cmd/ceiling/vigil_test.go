package main

import (
	"testing"
	"time"
)

// TestVigil: looks at a call into the engine, one every quarter of a second, of
// a virtual clock.
func TestVigil(t *testing.T) {
	const never = -1
	for _, tc := range []struct {
		name  string
		tells bool
		extra time.Duration
		hurry bool // half a second after the first wish to stop
		// Seconds of the virtual time: the call begins at 0.
		ends, stop, pause     float64 // the call returns, the user stops, the process is stopped for 100 s
		quiet, hangs, unheard float64
	}{
		{name: "a call that returns", tells: true, ends: 3, stop: never, pause: never, quiet: never, hangs: never, unheard: never},
		{name: "a server that is silent", tells: true, ends: never, stop: never, pause: never, quiet: 5, hangs: 60, unheard: never},
		{name: "a device in this machine", ends: never, stop: never, pause: never, quiet: never, hangs: 60, unheard: never},
		{name: "one that may take longer", ends: never, extra: 30 * time.Second, stop: never, pause: never, quiet: never, hangs: 90, unheard: never},
		{name: "Ctrl-C while the server is silent", tells: true, ends: never, stop: 20, pause: never, quiet: 5, hangs: never, unheard: 22},
		{name: "Ctrl-C twice", tells: true, ends: never, stop: 20, hurry: true, pause: never, quiet: 5, hangs: never, unheard: 20.5},
		{name: "Ctrl-C, and the step returns", ends: 21, stop: 20, pause: never, quiet: never, hangs: never, unheard: never},
		{name: "the process itself stood still", ends: never, stop: never, pause: 30, quiet: never, hangs: 160, unheard: never},
		{name: "Ctrl-C outside the engine is left to the command", ends: 0.25, stop: 1, pause: never, quiet: never, hangs: never, unheard: never},
	} {
		v := vigil{tells: tc.tells, limit: time.Minute}
		got := map[verdict]float64{quiet: never, hangs: never, unheard: never}
		gaps := time.Duration(0)
		start, at := time.Unix(0, 0), 0.0
		for ; at < 300; at += watchEvery.Seconds() {
			if at == tc.pause {
				at += 100
			}
			inside := tc.ends == never || at < tc.ends
			call := uint64(1)
			if !inside {
				call = 2
			}
			is, gap := v.look(start.Add(time.Duration(at*float64(time.Second))), sight{call, inside, tc.extra, tc.stop != never && at >= tc.stop, tc.hurry && at >= tc.stop+0.5})
			gaps += gap
			if is != waits && got[is] == never {
				got[is] = at
			}
			if is == hangs || is == unheard {
				break
			}
		}
		if got[quiet] != tc.quiet || got[hangs] != tc.hangs || got[unheard] != tc.unheard {
			t.Errorf("%s: quiet, hangs, unheard at %v, %v, %v s; want %v, %v, %v", tc.name, got[quiet], got[hangs], got[unheard], tc.quiet, tc.hangs, tc.unheard)
		}
		if want := tc.pause != never; want != (gaps > 99*time.Second) {
			t.Errorf("%s: gaps of %v", tc.name, gaps)
		}
	}
}

// A run whose steps are all slow does not warn at each of them.
func TestVigilSlowSteps(t *testing.T) {
	v := vigil{tells: true, limit: time.Hour}
	told := 0
	at := time.Unix(0, 0)
	for call := uint64(1); call < 40; call += 2 {
		for range 8 * 4 { // eight seconds each
			if is, _ := v.look(at, sight{call: call, inside: true}); is == quiet {
				told++
			}
			at = at.Add(watchEvery)
		}
	}
	if told != 1 {
		t.Errorf("told %d times of steps of eight seconds", told)
	}
}
