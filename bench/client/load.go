package client

import (
	"context"
	"errors"
	"fmt"
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
// due and fewer than concurrency are in flight. A conversation sends its turns one
// after the other, and is in flight from its first to its last.
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

	slots   chan time.Duration // free slots: since when each is free
	seen    struct{ prompt, decode atomic.Int64 }
	drawing sync.Mutex // guards work, which draws prompts

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
	ids     []int32 // its prompt
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
			if t.converse(ctx, issue, p, intended, admitted) {
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

// prepare makes the requests ready, in order and ahead of their time; of a
// conversation the first. filled is closed when those that start at once are ready.
func (t *LoadGenerator) prepare(ctx context.Context) (ready chan prepared, filled chan struct{}) {
	ready, filled = make(chan prepared, t.sc.Concurrency), make(chan struct{})
	go func() {
		defer close(ready)
		fill := sync.OnceFunc(func() { close(filled) })
		defer fill()
		for i := range t.sc.Prompts {
			if i == t.sc.Concurrency {
				fill()
			}
			select {
			case ready <- t.build(nil, i*t.sc.TurnsEach()):
			case <-ctx.Done():
				return
			}
		}
	}()
	return ready, filled
}

// build makes a request ready, of a later turn with what was said before.
func (t *LoadGenerator) build(said []int32, request int) prepared {
	r := t.work.Requests[request]
	t.drawing.Lock()
	ids := t.work.Continue(said, request)
	t.drawing.Unlock()
	return prepared{request, ids, t.sender.Prepare(ids, r.Output, t.sc.UntilEnd)}
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

// converse sends a request and the later turns of its conversation, each when its
// user has thought. It returns false where no further request should be sent, and
// ends early where issue does.
func (t *LoadGenerator) converse(ctx, issue context.Context, p prepared, intended, admitted time.Duration) bool {
	for {
		reply, ok := t.exchange(ctx, p, intended, admitted)
		switch {
		case !ok:
			return false
		case !t.work.Followed(p.request):
			return true
		case reply.Err != nil:
			return t.giveUp(p.request, reply.End)
		}
		p = t.build(append(p.ids, reply.Said...), p.request+1)
		intended = reply.End + result.Duration(t.sc.ThinkS)
		if admitted = intended; t.clock.Wait(issue, intended) != nil {
			return true
		}
	}
}

// giveUp records the turns behind a failed one, whose prompts nobody knows.
func (t *LoadGenerator) giveUp(request int, at time.Duration) bool {
	reply := Reply{End: at, Err: fmt.Errorf("not sent: turn %d of its conversation failed", t.work.Requests[request].Turn+1)}
	t.mu.Lock()
	defer t.mu.Unlock()
	for ; t.work.Followed(request); request++ {
		if !t.keep(t.record(request+1, t.work.Requests[request+1].Input, at, at, reply)) {
			return false
		}
	}
	return true
}

// exchange sends one request, frees its slot unless another turn follows, and
// records what came of it. ok is false where no further request should be sent:
// then the slot of a lost server stays taken.
func (t *LoadGenerator) exchange(ctx context.Context, p prepared, intended, admitted time.Duration) (reply Reply, ok bool) {
	first := true
	reply = p.send(ctx, t.clock, func(tokens int) {
		if first {
			first = false
			t.seen.prompt.Add(int64(len(p.ids)))
		}
		t.seen.decode.Add(int64(tokens))
	})
	lost := errors.Is(reply.Err, result.ErrEngineLost)
	// A slot that is free before the loss is known sends one more.
	if !lost && (reply.Err != nil || !t.work.Followed(p.request)) {
		t.slots <- reply.End
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if reply.Err != nil && ctx.Err() != nil {
		// What an interruption stops has neither succeeded nor failed.
		t.InFlight++
		return reply, false
	}
	if !t.keep(t.record(p.request, len(p.ids), intended, admitted, reply)) {
		return reply, false
	}
	if lost {
		t.lost = reply.Err
	}
	return reply, !lost
}

// keep is false where the sink has failed. t.mu is held.
func (t *LoadGenerator) keep(r result.Record) bool {
	t.Records = append(t.Records, r)
	if t.Sink == nil {
		return true
	}
	if err := t.Sink.Append(t.Records[len(t.Records)-1:]); err != nil {
		t.stored = &result.StoreError{Err: err}
		return false
	}
	return true
}

// record is that of a request whose prompt had so many tokens.
func (t *LoadGenerator) record(request, input int, intended, admitted time.Duration, reply Reply) result.Record {
	r := t.work.Requests[request]
	rec := result.Record{
		Scenario: t.index, Name: t.sc.Name, Pass: t.Pass, Request: request, Turn: r.Turn,
		Intended: result.Seconds(intended), Admitted: result.Seconds(admitted), End: result.Seconds(reply.End),
		TokenTimes:  make([]float64, len(reply.Tokens)),
		InputTokens: input, OutputTokens: len(reply.Tokens),
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
		rec.ReusedTokens = min(max(*n, 0), input)
	}
	if reply.Accepted <= min(reply.Drafted, rec.OutputTokens) {
		rec.Drafted, rec.Accepted = reply.Drafted, reply.Accepted
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
