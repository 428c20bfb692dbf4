package main

import "time"

const (
	watchEvery = 250 * time.Millisecond
	// quietAfter is when a user is told that a server does not answer.
	quietAfter = 5 * time.Second
	// graceTime is how long an interrupted call into the engine may take to
	// return.
	graceTime = 2 * time.Second
	// standstill is how long a look may be late before the process itself must
	// have stood still.
	standstill = time.Second
)

// vigil decides from a series of looks whether a call into the engine is still
// waited for. It has no clock of its own.
type vigil struct {
	tells bool // of a call that is quiet
	limit time.Duration

	call     uint64
	since    time.Time     // when the call was first seen, less standstills
	longest  time.Duration // of the calls that have returned
	told     bool
	stopping bool
	looked   time.Time
}

// sight is what a look shows.
type sight struct {
	call     uint64
	inside   bool          // the call is under way
	extra    time.Duration // that it may take beyond the limit
	stopping bool          // the user wants the end
	hurry    bool          // and at once
}

// verdict is what a look comes to.
type verdict int

const (
	waits   verdict = iota // all is well, or nothing can be said yet
	quiet                  // say that nothing comes back
	hangs                  // the call is given up
	unheard                // the call does not end although the user wants it to
)

// look judges what is seen now. gap is how long the process has stood still
// since the look before; nothing of that counts.
func (v *vigil) look(now time.Time, s sight) (is verdict, gap time.Duration) {
	if late := now.Sub(v.looked) - watchEvery; !v.looked.IsZero() && late > standstill {
		gap = late
		v.since = v.since.Add(gap)
	}
	if s.call != v.call {
		if v.call%2 == 1 && !v.looked.IsZero() {
			v.longest = max(v.longest, v.looked.Sub(v.since))
		}
		v.call, v.since, v.told = s.call, now, false
	}
	v.looked = now
	if s.stopping && !v.stopping {
		v.stopping, v.since = true, now
	}
	waited := now.Sub(v.since)
	switch {
	case !s.inside:
	case s.hurry || s.stopping && waited >= graceTime:
		return unheard, gap
	case waited >= v.limit+s.extra:
		return hangs, gap
	case v.tells && !v.told && waited >= max(quietAfter, 2*v.longest):
		v.told = true
		return quiet, gap
	}
	return waits, gap
}
