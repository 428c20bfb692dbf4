package bench

import (
	"time"

	"ceiling/bench/result"
)

// pause is the time between two turns of a conversation.
type pause struct {
	request int           // of the next turn; 0: the slot has no conversation that waits
	until   time.Duration // when the user has thought
	kept    int           // tokens of the conversation in the KV cache
}

// pause keeps the slot of a conversation for its next turn. With the prefix cache
// its KV stays where it is; without, the next turn computes all of it again.
func (d *executor) pause(id int) error {
	s, f := &d.batcher.slots[id], &d.flights[id]
	said := append(s.prompt, f.answer...)
	d.batcher.release(id)
	s.prompt, s.reserved = said, true
	p := pause{request: f.request + 1, until: d.now + result.Duration(d.sc.ThinkS)}
	if d.cache != nil {
		p.kept = len(said) - 1 // the last token was sampled, and never fed
	}
	d.pauses[id] = p
	if d.cache != nil && d.drafter == nil {
		return nil
	}
	return d.eng.RemoveSeq(int32(id), int32(p.kept)) // drafts that were not taken, or all
}

// resume begins the turns whose users have thought.
func (d *executor) resume() error {
	for id := range d.pauses {
		p := d.pauses[id]
		if p.request == 0 || p.until > d.now {
			continue
		}
		if err := d.forget(id); err != nil {
			return err
		}
		r := d.work.Requests[p.request]
		f := flight{request: p.request, intended: p.until, admitted: p.until, prefillStart: -1,
			times: make([]float64, 0, r.Output), reused: p.kept}
		if d.work.Followed(p.request) {
			f.answer = make([]int32, 0, r.Output)
		}
		d.flights[id], d.pauses[id] = f, pause{}
		d.reused += int64(p.kept)
		d.begun(id, d.work.Continue(d.batcher.slots[id].prompt, p.request), r.Output)
	}
	return nil
}

// nextDue is when something is to be admitted while nothing is in flight; more is
// false where nothing is left.
func (d *executor) nextDue() (due time.Duration, more bool) {
	for _, p := range d.pauses {
		if p.request > 0 && (!more || p.until < due) {
			due, more = p.until, true
		}
	}
	if d.next < len(d.work.Requests) && d.batcher.lowestFree() >= 0 {
		if at := d.intended(d.now); !more || at < due {
			due, more = at, true
		}
	}
	return due, more
}
