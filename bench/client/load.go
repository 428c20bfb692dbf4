package client

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"ceiling/bench/result"
	"ceiling/bench/suite"
	"ceiling/internal/oneline"
)

// LoadGenerator sends the requests of one scenario to a server: as many at a
// time as the scenario's concurrency, each from a goroutine of its own. In a
// closed loop the next request is sent when one ends, in an open loop when it is
// due and fewer than concurrency are in flight.
type LoadGenerator struct {
	Pass  int               // over the suite
	Sink  result.RecordSink // nil: records are only kept
	Watch func(Progress)    // nil: nobody looks; called every watchEvery

	// What Run leaves.
	Start    time.Duration
	Records  []result.Record // of the requests that have ended
	InFlight int             // requests that an interruption stopped

	sender Sender
	clock  *result.Clock
	work   *suite.Workload
	index  int // of the scenario in the suite
	sc     result.Scenario

	slots chan time.Duration // free slots: since when each is free
	seen  struct{ prompt, decode atomic.Int64 }

	mu     sync.Mutex // guards what follows, Records and InFlight
	lost   error      // the server is gone
	stored error      // the sink's error
}

// watchEvery is how often Watch is called.
const watchEvery = 200 * time.Millisecond

// Progress is how far a scenario is.
type Progress struct {
	Prompt, Decode int64 // tokens
	Ended, Total   int   // requests
	Elapsed        time.Duration
	Finished       []Finished // requests that have ended since the last call
}

// Finished is what an estimate of the time left needs of a request that has
// ended.
type Finished struct {
	Prompt, Decode int     // tokens
	TTFT, Rest     float64 // seconds
}

// prepared is a request ready to be sent.
type prepared struct {
	request int
	send    Send
}

// NewLoadGenerator makes one for the workload of scenario index of the suite.
func NewLoadGenerator(sender Sender, clock *result.Clock, work *suite.Workload, index int) *LoadGenerator {
	sc := work.Spec.Scenario
	return &LoadGenerator{sender: sender, clock: clock, work: work, index: index, sc: sc,
		slots: make(chan time.Duration, sc.Concurrency), Records: make([]result.Record, 0, len(work.Requests))}
}

// Run sends every request and returns when the last answer has ended. Failed
// requests are records, not an error. After a loss of the server or of the
// sink no further request is sent.
func (t *LoadGenerator) Run(ctx context.Context) error {
	// Two ways to stop: no new requests, and none at all.
	ctx, abort := context.WithCancel(ctx)
	defer abort()
	issue, halt := context.WithCancel(ctx)
	defer halt()

	ready, filled := t.prepare(issue)
	<-filled
	t.begin()
	stopWatch := t.watching()
	var wg sync.WaitGroup
	for p := range ready {
		intended, admitted, ok := t.admit(issue, p.request)
		if !ok {
			break
		}
		wg.Go(func() {
			if t.exchange(ctx, p, intended, admitted) {
				return
			}
			halt()
			if t.err() == nil || t.storeFailed() {
				abort()
			}
		})
	}
	wg.Wait()
	halt()
	for range ready { // lets the goroutine that prepares end
	}
	stopWatch()
	if err := t.err(); err != nil {
		return err
	}
	return ctx.Err()
}

// begin frees every slot and sets the scenario's start to now.
func (t *LoadGenerator) begin() {
	t.Start = t.clock.Now()
	for range t.sc.Concurrency {
		t.slots <- t.Start
	}
}

// prepare makes the requests ready, in order and ahead of their time. filled
// is closed when those that start at once are ready.
func (t *LoadGenerator) prepare(ctx context.Context) (ready chan prepared, filled chan struct{}) {
	ready, filled = make(chan prepared, t.sc.Concurrency), make(chan struct{})
	first := min(t.sc.Concurrency, len(t.work.Requests))
	go func() {
		defer close(ready)
		var ids []int32
		for i, r := range t.work.Requests {
			if i == first {
				close(filled)
			}
			ids = t.work.Prompt(ids[:0], i)
			select {
			case ready <- prepared{i, t.sender.Prepare(ids, r.Output, t.sc.UntilEnd)}:
			case <-ctx.Done():
				if i < first {
					close(filled)
				}
				return
			}
		}
		if first == len(t.work.Requests) {
			close(filled)
		}
	}()
	return ready, filled
}

// admit waits until the request is due and a slot is free, and takes the one
// that has been free longest. What this client then takes to send the request
// is part of its TTFT, as the wait for a running step is in process.
func (t *LoadGenerator) admit(ctx context.Context, request int) (intended, admitted time.Duration, ok bool) {
	if t.sc.OpenLoop() {
		intended = t.Start + result.Duration(t.work.Requests[request].Arrival)
		if t.clock.Wait(ctx, intended) != nil {
			return 0, 0, false
		}
	}
	select {
	case freeSince := <-t.slots:
		if !t.sc.OpenLoop() {
			intended = freeSince
		}
		return intended, max(intended, freeSince), ctx.Err() == nil
	case <-ctx.Done():
		return 0, 0, false
	}
}

// exchange sends one request, frees its slot and records what came of it. It
// returns false where no further request should be sent: then the slot of a
// lost server stays taken.
func (t *LoadGenerator) exchange(ctx context.Context, p prepared, intended, admitted time.Duration) bool {
	first := true
	reply := p.send(ctx, t.clock, func(tokens int) {
		if first {
			first = false
			t.seen.prompt.Add(int64(t.work.Requests[p.request].Input))
		}
		t.seen.decode.Add(int64(tokens))
	})
	lost := errors.Is(reply.Err, result.ErrEngineLost)
	if !lost { // a slot that is free before the loss is known sends one more
		t.slots <- reply.End
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if reply.Err != nil && ctx.Err() != nil {
		// What an interruption stops has neither succeeded nor failed.
		t.InFlight++
		return false
	}
	t.Records = append(t.Records, t.record(p.request, intended, admitted, reply))
	if t.Sink != nil {
		if err := t.Sink.Append(t.Records[len(t.Records)-1:]); err != nil {
			t.stored = &result.StoreError{Err: err}
			return false
		}
	}
	if lost {
		t.lost = reply.Err
	}
	return !lost
}

func (t *LoadGenerator) record(request int, intended, admitted time.Duration, reply Reply) result.Record {
	r := t.work.Requests[request]
	rec := result.Record{
		Scenario: t.index, Name: t.sc.Name, Pass: t.Pass, Request: request,
		Intended: result.Seconds(intended), Admitted: result.Seconds(admitted), End: result.Seconds(reply.End),
		TokenTimes:  make([]float64, len(reply.Tokens)),
		InputTokens: r.Input, OutputTokens: len(reply.Tokens),
		PromptHash: r.Hash, Late: admitted > intended, Server: &reply.Server,
	}
	for i, at := range reply.Tokens {
		rec.TokenTimes[i] = result.Seconds(at)
	}
	if n := len(rec.TokenTimes); n > 0 {
		rec.FirstToken = &rec.TokenTimes[0]
		if reply.Err == nil {
			// What the server sends behind the last token is none of it.
			rec.End = rec.TokenTimes[n-1]
		}
		if short := r.Output - n; short > 0 && reply.Err == nil && !t.sc.UntilEnd {
			rec.Server.Short = short
		}
	}
	if n := reply.Server.CachedTokens; n != nil {
		rec.ReusedTokens = min(max(*n, 0), r.Input)
	}
	if reply.Err != nil {
		rec.Error = oneline.Err(reply.Err)
	}
	return rec
}

// err is what ends the run, if anything has.
func (t *LoadGenerator) err() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.stored != nil {
		return t.stored
	}
	return t.lost
}

func (t *LoadGenerator) storeFailed() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.stored != nil
}

// watching calls watch every watchEvery until the returned function is
// called, and once more then.
func (t *LoadGenerator) watching() (stop func()) {
	if t.Watch == nil {
		return func() {}
	}
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(watchEvery)
		defer tick.Stop()
		told := 0
		for {
			select {
			case <-tick.C:
				told = t.tell(told)
			case <-done:
				t.tell(told)
				return
			}
		}
	}()
	return func() { close(done); <-ended }
}

// tell reports the state; told requests were reported before.
func (t *LoadGenerator) tell(told int) int {
	now := Progress{Prompt: t.seen.prompt.Load(), Decode: t.seen.decode.Load(),
		Total: len(t.work.Requests), Elapsed: t.clock.Now() - t.Start}
	t.mu.Lock()
	now.Ended = len(t.Records)
	for i := told; i < len(t.Records); i++ {
		if r := &t.Records[i]; r.OK() {
			now.Finished = append(now.Finished, Finished{r.InputTokens, r.OutputTokens, r.TTFT(), r.E2EL() - r.TTFT()})
		}
	}
	t.mu.Unlock()
	t.Watch(now)
	return now.Ended
}
