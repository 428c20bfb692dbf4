package result

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// TestClockDate: the date is the clock's second 0, however late it is asked for.
func TestClockDate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		clock := NewClock(0)
		time.Sleep(3 * time.Second)
		got, err := time.ParseInLocation(DateLayout, clock.Date(), time.Local)
		if err != nil || !got.Equal(start.Truncate(time.Microsecond)) {
			t.Errorf("%q is %v, %v; want %v", clock.Date(), got, err, start)
		}
	})
}

// TestWaitBySleep waits with the caller's own sleep: to the very instant, in
// slices, and no further than the slice in which the context ends.
func TestWaitBySleep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var slept []time.Duration
		clock := NewClock(time.Second)
		clock.Block = func(d time.Duration) {
			slept = append(slept, d)
			time.Sleep(d)
		}
		if err := clock.Wait(t.Context(), 1050*time.Millisecond); err != nil {
			t.Fatal(err)
		}
		if got := clock.Now(); got != 1050*time.Millisecond {
			t.Errorf("woke at %v, want 1.05s", got)
		}
		if len(slept) != 3 || slept[2] != 10*time.Millisecond {
			t.Errorf("slept %v, want 20ms 20ms 10ms", slept)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
		defer cancel()
		if err := clock.Wait(ctx, time.Hour); err != context.DeadlineExceeded {
			t.Errorf("error %v, want the context's", err)
		}
		if got := clock.Now(); got != 1090*time.Millisecond {
			t.Errorf("gave up at %v, want 1.09s", got)
		}
	})
}
