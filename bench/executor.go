package bench

import (
	"context"
	"fmt"
	"time"

	"ceiling/bench/result"
	"ceiling/bench/suite"
	"ceiling/kernels"
)

// flight is what is known of the request in a slot beyond what the batcher
// needs.
type flight struct {
	request      int
	intended     time.Duration
	admitted     time.Duration
	prefillStart time.Duration // below 0: not begun
	times        []float64     // token instants, seconds
	reused       int
	late         bool
	answer       []int32 // tokens so far, where a next turn has them in its prompt
	drafted      int     // tokens that were drafted for it, and those of them it got
	accepted     int
}

// executor runs the requests of one scenario on one session: it reads the clock
// and calls the engine where the batcher only decides.
type executor struct {
	eng    Engine
	clock  *result.Clock
	work   *suite.Workload
	index  int // of the scenario in the suite
	pass   int // over the suite
	sc     result.Scenario
	budget int               // tokens per step
	room   int               // tokens of the longest request: every sequence has room for it
	cache  *prefixCache      // nil: cold
	sink   result.RecordSink // nil: records are only kept
	watch  stepWatcher       // nil: nobody looks
	log    stepLog

	batcher batcher
	drafter Drafter // nil: the session does not speculate
	drafts  draftMeter
	batch   StepBatch
	flights []flight
	freeAt  []time.Duration // when each slot became free
	pauses  []pause         // by slot, of conversations between two turns
	next    int             // the next request to admit: the first of a conversation
	start   time.Duration
	now     time.Duration // the last timestamp taken
	meter   meter
	reused  int64 // prompt tokens served from the cache so far
	records []result.Record
	stored  int // of the records, how many the sink has
}

// stepWatcher sees every step. It must not allocate or block.
type stepWatcher interface {
	step(d *executor, prompt, decoding int, took time.Duration)
}

// meter splits a scenario's time into what the engine took and what we did.
type meter struct {
	steps     int64
	graphs    int64         // compute graphs of all steps
	first     time.Duration // start of the first step
	lastStart time.Duration // start of the last step; below 0: none yet
	lastEnd   time.Duration
	inside    time.Duration // Σ time inside Step
	prompt    int64         // prompt tokens computed
	promptS   float64       // Σ time inside Step × the prompt tokens' share of its tokens, seconds
	mix       kernels.Mix
	waited    time.Duration // between steps, with nothing to do before the next arrival
	idle      time.Duration // waiting that no step has followed yet
}

// outside is the time between the first and the last step that was spent
// neither in Step nor waiting for arrivals.
func (m *meter) outside() time.Duration {
	return m.lastEnd - m.first - m.inside - m.waited
}

func newExecutor(eng Engine, clock *result.Clock, work *suite.Workload, index, budget int) *executor {
	sc := work.Spec.Scenario
	longest, _, room := work.Longest()
	d := &executor{
		eng: eng, clock: clock, work: work, index: index, sc: sc, budget: budget, room: room,
		batcher: newBatcher(sc.InFlight(), longest, work.Spec.Vocab.Size),
		batch: StepBatch{
			Tokens: make([]int32, 0, budget), Pos: make([]int32, 0, budget),
			Seqs: make([]int32, 0, budget), Want: make([]int8, 0, budget),
			Out: make([]int32, 0, sc.InFlight()),
		},
		flights: make([]flight, sc.InFlight()),
		freeAt:  make([]time.Duration, sc.InFlight()),
		pauses:  make([]pause, sc.InFlight()),
		records: make([]result.Record, 0, len(work.Requests)),
	}
	if sc.UntilEnd {
		d.batcher.ends = work.Spec.Vocab.Ends
	}
	in, out := work.Tokens()
	d.log = newStepLog(in + out)
	d.begin()
	return d
}

// begin sets the scenario's start to now.
func (d *executor) begin() {
	d.start = d.clock.Now()
	d.now = d.start
	d.meter = meter{lastStart: -1}
	for i := range d.freeAt {
		d.freeAt[i] = d.start
	}
}

// run drives the workload to its end. After an error the requests in flight
// are still in their slots.
func (d *executor) run(ctx context.Context) error {
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := d.admitDue(); err != nil {
			return err
		}
		if d.batcher.inFlight > 0 {
			if err := d.step(ctx); err != nil {
				return err
			}
			continue
		}
		due, more := d.nextDue()
		if !more {
			return nil
		}
		if err := d.waitUntil(ctx, due); err != nil {
			return err
		}
	}
}

// step makes one engine call and hands its one timestamp to every sequence in
// it. It allocates nothing unless a request ends.
func (d *executor) step(ctx context.Context) error {
	if err := d.draft(ctx); err != nil {
		return err
	}
	d.batcher.fill(&d.batch, d.budget)
	begin := d.clock.Now()
	if err := d.eng.Step(ctx, &d.batch); err != nil {
		return err
	}
	// Step returns when the device is done, so this instant is that of every
	// token in the batch. Taken once, and before anything else is done, it
	// charges no sequence for the bookkeeping of another.
	d.now = d.clock.Now()
	prompt, decoding, drafts, cells := 0, 0, 0, 0
	for i := range d.batcher.slots {
		s := &d.batcher.slots[i]
		if s.phase == decode {
			decoding, drafts, cells = decoding+1, drafts+len(s.drafts), cells+d.batcher.at(i)+s.take
		}
		if s.phase != prefill || s.take == 0 {
			continue
		}
		prompt += s.take
		cells += d.batcher.base + s.done + s.take
		if f := &d.flights[i]; f.prefillStart < 0 {
			f.prefillStart = begin
		}
	}
	d.account(begin, prompt)
	d.log.add(stepClass{int32(prompt), int32(decoding), int32(drafts), quarterOctaves(cells)}, d.now-begin)
	if err := d.batcher.apply(d.batch.Out); err != nil {
		return err
	}
	d.drafts.add(&d.batcher, prompt, decoding, drafts, d.now-begin, d.batch.Drafting)
	err := d.deliver()
	if errKeep := d.keepAccepted(); err == nil {
		err = errKeep
	}
	if errTidy := d.tidy(); err == nil {
		err = errTidy
	}
	// What has ended is written before anything else may go wrong.
	if errStore := d.store(); err == nil {
		err = errStore
	}
	if err == nil && d.watch != nil {
		d.watch.step(d, prompt, decoding, d.now-begin)
	}
	return err
}

// deliver gives each sequence the step's token, and ends those that have all.
func (d *executor) deliver() error {
	at := result.Seconds(d.now)
	for i := range d.batcher.slots {
		s := &d.batcher.slots[i]
		if len(s.given) == 0 {
			continue
		}
		f := &d.flights[i]
		for range s.given {
			f.times = append(f.times, at)
		}
		if f.answer != nil {
			f.answer = append(f.answer, s.given...)
		}
		f.drafted, f.accepted = f.drafted+len(s.drafts), f.accepted+s.accepted
		if s.phase == completed {
			if err := d.finish(i); err != nil {
				return err
			}
		}
	}
	return nil
}

// tidy empties the sequences that dummies have filled up.
func (d *executor) tidy() error {
	if d.batcher.dummies == 0 {
		return nil
	}
	for i := range d.batcher.slots {
		if d.batcher.slots[i].dummies == d.room {
			if err := d.forget(i); err != nil {
				return err
			}
		}
	}
	return nil
}

// forget empties the sequence of a free slot of its dummies.
func (d *executor) forget(id int) error {
	s := &d.batcher.slots[id]
	if s.dummies == 0 {
		return nil
	}
	s.dummies = 0
	return d.eng.RemoveSeq(int32(id), int32(d.batcher.base))
}

// account books a step that ran from begin to now and had so many tokens of
// prompts.
func (d *executor) account(begin time.Duration, prompt int) {
	m := &d.meter
	if m.steps == 0 {
		m.first = begin
	} else {
		m.waited += m.idle
	}
	m.idle = 0
	m.steps++
	m.graphs += int64(d.batch.Graphs)
	m.inside += d.now - begin + d.drafts.call
	m.prompt += int64(prompt)
	m.promptS += result.Seconds(d.now-begin) * float64(prompt) / float64(len(d.batch.Tokens))
	m.mix.Add(d.batcher.work(d.batch.Graphs), result.Seconds(d.now-begin))
	m.lastStart, m.lastEnd = begin, d.now
}

// waitUntil sleeps until a request is due while none is in flight.
func (d *executor) waitUntil(ctx context.Context, due time.Duration) error {
	from := d.clock.Now()
	err := d.clock.Wait(ctx, due)
	d.now = d.clock.Now()
	d.meter.idle += d.now - from
	return err
}

// fail ends every request in flight with the reason of an engine error.
func (d *executor) fail(reason string) error {
	d.now = d.clock.Now()
	for i := range d.batcher.slots {
		if d.batcher.slots[i].phase != free {
			d.record(i, reason)
			d.batcher.release(i)
		}
	}
	return d.store()
}

// fits tells why the workload can't run on a session of the given size.
func fits(work *suite.Workload, spec SessionSpec, budget int) error {
	sc := work.Spec.Scenario
	if n := sc.InFlight(); n > spec.Sequences {
		return fmt.Errorf("\"%d\" requests in flight exceed the session's %d sequences: lower the concurrency", n, spec.Sequences)
	} else if n > budget {
		return tooWide(n, budget)
	}
	for i, r := range work.Requests {
		if r.Refused == "" && sc.Behind()+r.Input+r.Output > spec.TokensPerSequence {
			return fmt.Errorf("request %d needs \"%d\" tokens (%d in, %d out), and a sequence of the session holds %d: lower input or output",
				i, r.Input+r.Output, r.Input, r.Output, spec.TokensPerSequence)
		}
	}
	return nil
}
