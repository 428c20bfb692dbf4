package result

import (
	"context"
	"math"
	"time"
)

// Clock is the run's one monotonic clock. Request timestamps, device samples
// and scenario bounds are all read from it, in seconds since the run's start.
// A resumed run's clock starts at the last instant that the journal holds, so
// that the time of one file never runs backwards; the pause between the two
// parts is not on it.
type Clock struct {
	base   time.Time
	offset time.Duration
	Block  func(time.Duration) // nil: a timer of Go's
}

// DateLayout is the form of Run.Date, for Time.Format and ParseInLocation.
const DateLayout = "2006-01-02T15:04:05.000000"

// NewClock starts a clock at offset, which is 0 for a new run.
func NewClock(offset time.Duration) *Clock {
	return &Clock{base: time.Now(), offset: offset}
}

// Now is the time since the run's start.
func (c *Clock) Now() time.Duration { return c.offset + time.Since(c.base) }

// Date is the wall-clock time at which the clock was made, in the form of
// Run.Date: second 0 of a new run.
func (c *Clock) Date() string { return c.base.Format(DateLayout) }

// Seconds is Now in seconds, rounded to the microsecond.
func (c *Clock) Seconds() float64 { return Seconds(c.Now()) }

// sleepSlice bounds how late a wait by Config.Sleep sees that its context
// ended.
const sleepSlice = 20 * time.Millisecond

// wait sleeps until the clock shows at, or the context ends.
func (c *Clock) Wait(ctx context.Context, at time.Duration) error {
	left := at - c.Now()
	for c.Block != nil && left > 0 && ctx.Err() == nil {
		c.Block(min(left, sleepSlice))
		left = at - c.Now()
	}
	if left <= 0 || ctx.Err() != nil {
		return ctx.Err()
	}
	t := time.NewTimer(left)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// seconds converts to seconds at microsecond resolution. Records hold times
// at the resolution of the journal, so that statistics computed now and
// statistics computed from the file are the same to the last digit.
func Seconds(d time.Duration) float64 {
	return float64(d.Round(time.Microsecond)/time.Microsecond) / 1e6
}

// duration is the inverse of seconds.
func Duration(s float64) time.Duration {
	return time.Duration(math.Round(s*1e6)) * time.Microsecond
}
