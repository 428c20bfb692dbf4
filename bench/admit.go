package bench

import (
	"math"
	"time"

	"ceiling/bench/result"
)

// admitDue gives free slots, the lowest first, to the requests that are due,
// in order.
func (d *executor) admitDue() error {
	if d.sc.OpenLoop() || d.sc.ThinkS > 0 {
		d.now = d.clock.Now()
	}
	if err := d.resume(); err != nil {
		return err
	}
	for d.next < len(d.work.Requests) {
		id := d.batcher.lowestFree()
		if id < 0 {
			return nil
		}
		longest := d.freeLongest()
		since := d.freeAt[longest]
		at := d.intended(since)
		if at > d.now {
			return nil
		}
		if d.work.Requests[d.next].Refused != "" {
			if err := d.refuse(id, at, max(at, since)); err != nil {
				return err
			}
			continue
		}
		// The request takes the time of the slot that has been free longest,
		// and the place of the lowest.
		d.freeAt[longest] = d.freeAt[id]
		if err := d.admit(id, at, max(at, since)); err != nil {
			return err
		}
	}
	return nil
}

// freeLongest is the slot that has been free for the longest time. There is
// one that is free.
func (d *executor) freeLongest() int {
	at := -1
	for i := range d.batcher.slots {
		if s := &d.batcher.slots[i]; s.phase == free && !s.reserved && (at < 0 || d.freeAt[i] < d.freeAt[at]) {
			at = i
		}
	}
	return at
}

// intended is when the next request should start: in a closed loop when its
// slot became free, in an open loop its place in the schedule, whatever has
// happened since. A schedule is counted from the scenario's start, so lateness
// does not add up.
func (d *executor) intended(freeSince time.Duration) time.Duration {
	if d.sc.OpenLoop() {
		return d.start + time.Duration(math.Round(d.work.Requests[d.next].Arrival*1e9))
	}
	return freeSince
}

// admit puts the next request into a slot. Where the slot was free, admitted
// is the request's own time and not that of the step boundary at which it is
// looked at: the wait for the step that runs is part of its TTFT, as it is of
// a user's.
func (d *executor) admit(id int, intended, admitted time.Duration) error {
	if err := d.forget(id); err != nil {
		return err
	}
	r := d.work.Requests[d.next]
	f := flight{
		request: d.next, intended: intended, admitted: admitted, prefillStart: -1,
		times: make([]float64, 0, r.Output),
		// The step that was running when it came is not held against it.
		late: admitted > intended && intended < d.meter.lastStart,
	}
	if f.answer = nil; d.work.Followed(d.next) {
		f.answer = make([]int32, 0, r.Output)
	}
	prompt := d.work.Prompt(d.batcher.slots[id].prompt[:0], d.next)
	d.next += d.sc.TurnsEach()
	if d.cache != nil {
		seq, n := d.cache.match(prompt)
		if n > 0 {
			if err := d.eng.CopySeq(seq, int32(id), int32(n)); err != nil {
				return err
			}
		}
		f.reused = n
		d.reused += int64(n)
	}
	d.flights[id] = f
	d.begun(id, prompt, r.Output)
	return nil
}

// begun puts the request of a slot's flight into the batcher.
func (d *executor) begun(id int, prompt []int32, want int) {
	f := &d.flights[id]
	d.batcher.admit(id, prompt, f.reused, want)
	d.batcher.slots[id].luck = newLuck(d.work.Spec.Seed, d.work.Spec.First+f.request)
}

// refuse records the next request as failed, and all of its conversation. The free
// slot that it would have had stays free.
func (d *executor) refuse(id int, intended, admitted time.Duration) error {
	request := d.next
	d.next += d.sc.TurnsEach()
	d.giveUp(id, request, intended, admitted)
	return d.store()
}

// giveUp records a request that is not tried as failed, and the later turns of its
// conversation, whose prompts are longer.
func (d *executor) giveUp(id, request int, intended, admitted time.Duration) {
	for more := true; more; request++ {
		d.flights[id] = flight{request: request, intended: intended, admitted: admitted, prefillStart: -1}
		d.record(id, d.work.Requests[request].Refused)
		more = d.work.Followed(request)
	}
}

// finish records the completed request of a slot and frees the slot. The slot
// is freed before the engine is asked for anything that may fail, so that no
// request is recorded twice.
func (d *executor) finish(id int) error {
	d.record(id, "")
	if request := d.flights[id].request; d.work.Followed(request) {
		if d.work.Requests[request+1].Refused == "" {
			return d.pause(id)
		}
		d.giveUp(id, request+1, d.now, d.now)
	}
	prompt := d.batcher.slots[id].prompt
	d.batcher.release(id)
	d.freeAt[id] = d.now
	if d.cache != nil {
		seq, evicted, ok := d.cache.keep(prompt)
		if err := empty(d.eng, evicted); err != nil {
			return err
		}
		if ok {
			if err := d.eng.CopySeq(int32(id), seq, int32(len(prompt))); err != nil {
				return err
			}
		}
	}
	return d.eng.RemoveSeq(int32(id), int32(d.batcher.base))
}

func empty(eng Engine, seqs []int32) error {
	for _, seq := range seqs {
		if err := eng.RemoveSeq(seq, 0); err != nil {
			return err
		}
	}
	return nil
}

// record turns the flight of a slot into a record.
func (d *executor) record(id int, failure string) {
	f, r := &d.flights[id], d.work.Requests[d.flights[id].request]
	rec := result.Record{
		Scenario: d.index, Name: d.sc.Name, Pass: d.pass, Request: f.request, Turn: r.Turn,
		Intended: result.Seconds(f.intended), Admitted: result.Seconds(f.admitted),
		TokenTimes: f.times, End: result.Seconds(d.now),
		InputTokens: r.Input, OutputTokens: len(f.times), ReusedTokens: f.reused,
		Drafted: f.drafted, Accepted: f.accepted,
		PromptHash: r.Hash, Late: f.late, Error: failure,
	}
	if r.Turn > 0 && r.Refused == "" {
		rec.InputTokens = len(d.batcher.slots[id].prompt) // answers may have been shorter
	}
	if f.prefillStart >= 0 {
		t := result.Seconds(f.prefillStart)
		rec.PrefillStart = &t
	}
	if len(f.times) > 0 {
		t := f.times[0]
		rec.FirstToken = &t
	}
	d.records = append(d.records, rec)
	f.times = nil
}

// store hands the records of the requests that have ended since the last call
// to the sink, all at once.
func (d *executor) store() error {
	ended := d.records[d.stored:]
	if d.sink == nil || len(ended) == 0 {
		return nil
	}
	d.stored = len(d.records)
	if err := d.sink.Append(ended); err != nil {
		return &result.StoreError{Err: err}
	}
	return nil
}
