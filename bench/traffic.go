package bench

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"ceiling/bench/result"
	"ceiling/bench/suite"
	"ceiling/internal/oneline"
)

// traffic sends the requests of one scenario to a server: as many at a time
// as the scenario's concurrency, each from a goroutine of its own. It is to
// Client what drive is to Engine, with the same rules: a closed loop sends the
// next request when one ends, an open loop when it is due and fewer than
// concurrency are in flight.
type traffic struct {
	client Client
	clock  *result.Clock
	work   *suite.Workload
	index  int // of the scenario in the suite
	pass   int
	sc     result.Scenario
	sink   result.RecordSink // nil: records are only kept
	watch  func(trafficNow)  // nil: nobody looks; called every progressEvery

	start time.Duration
	slots chan time.Duration // free slots: since when each is free
	seen  struct{ prompt, decode atomic.Int64 }

	mu       sync.Mutex // guards what follows
	records  []result.Record
	inFlight int   // what an interruption stopped
	lost     error // the server is gone
	stored   error // the sink's error
}

// trafficNow is how far a scenario is.
type trafficNow struct {
	prompt, decode int64 // tokens
	requests       int   // ended
	total          int
	elapsed        time.Duration
	finished       []finished // requests that have ended since the last call
}

// finished is what the ETA needs of a request that has ended.
type finished struct {
	prompt, decode int
	ttft, rest     float64 // seconds
}

// prepared is a request ready to be sent.
type prepared struct {
	request int
	send    Send
}

func newTraffic(client Client, clock *result.Clock, work *suite.Workload, index int) *traffic {
	sc := work.Spec.Scenario
	return &traffic{client: client, clock: clock, work: work, index: index, sc: sc,
		slots: make(chan time.Duration, sc.Concurrency), records: make([]result.Record, 0, len(work.Requests))}
}

// run sends every request and returns when the last answer has ended. Failed
// requests are records, not an error. After a loss of the server or of the
// sink no further request is sent.
func (t *traffic) run(ctx context.Context) error {
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
func (t *traffic) begin() {
	t.start = t.clock.Now()
	for range t.sc.Concurrency {
		t.slots <- t.start
	}
}

// prepare makes the requests ready, in order and ahead of their time. filled
// is closed when those that start at once are ready.
func (t *traffic) prepare(ctx context.Context) (ready chan prepared, filled chan struct{}) {
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
			case ready <- prepared{i, t.client.Prepare(ids, r.Output)}:
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
func (t *traffic) admit(ctx context.Context, request int) (intended, admitted time.Duration, ok bool) {
	if t.sc.OpenLoop() {
		intended = t.start + result.Duration(t.work.Requests[request].Arrival)
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
func (t *traffic) exchange(ctx context.Context, p prepared, intended, admitted time.Duration) bool {
	first := true
	reply := p.send(ctx, t.clock, func(tokens int) {
		if first {
			first = false
			t.seen.prompt.Add(int64(t.work.Requests[p.request].Input))
		}
		t.seen.decode.Add(int64(tokens))
	})
	lost := errors.Is(reply.Err, ErrEngineLost)
	if !lost { // a slot that is free before the loss is known sends one more
		t.slots <- reply.End
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if reply.Err != nil && canceled(ctx, reply.Err) {
		// What an interruption stops has neither succeeded nor failed.
		t.inFlight++
		return false
	}
	t.records = append(t.records, t.record(p.request, intended, admitted, reply))
	if t.sink != nil {
		if err := t.sink.Append(t.records[len(t.records)-1:]); err != nil {
			t.stored = &result.StoreError{Err: err}
			return false
		}
	}
	if lost {
		t.lost = reply.Err
	}
	return !lost
}

func (t *traffic) record(request int, intended, admitted time.Duration, reply Reply) result.Record {
	r := t.work.Requests[request]
	rec := result.Record{
		Scenario: t.index, Name: t.sc.Name, Pass: t.pass, Request: request,
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
		if short := r.Output - n; short > 0 && reply.Err == nil {
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
func (t *traffic) err() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.stored != nil {
		return t.stored
	}
	return t.lost
}

func (t *traffic) storeFailed() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.stored != nil
}

// watching calls watch every progressEvery until the returned function is
// called, and once more then.
func (t *traffic) watching() (stop func()) {
	if t.watch == nil {
		return func() {}
	}
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(progressEvery)
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
func (t *traffic) tell(told int) int {
	now := trafficNow{prompt: t.seen.prompt.Load(), decode: t.seen.decode.Load(),
		total: len(t.work.Requests), elapsed: t.clock.Now() - t.start}
	t.mu.Lock()
	now.requests = len(t.records)
	for i := told; i < len(t.records); i++ {
		if r := &t.records[i]; r.OK() {
			now.finished = append(now.finished, finished{r.InputTokens, r.OutputTokens, r.TTFT(), r.E2EL() - r.TTFT()})
		}
	}
	t.mu.Unlock()
	t.watch(now)
	return now.requests
}

// The warm-up of a server is a few requests before the first scenario. They
// are never counted.
const (
	warmupPrompts = 3
	warmupInput   = 128 // tokens, or what fits
	warmupOutput  = 32
)

// measureClient is measure for a server: nothing is opened, and what is warm
// once stays so.
func (r *runner) measureClient(ctx context.Context, u Unit, work *suite.Workload, m *result.Measured) ([]result.Record, error) {
	if !r.warmedUp && !r.cfg.NoWarmup {
		if err := r.warmUpClient(ctx, work); err != nil {
			return nil, err
		}
		r.warmedUp = true
	}
	t := newTraffic(r.cfg.Client, r.clock, work, u.Scenario)
	t.pass, t.sink, t.watch = u.Pass, r.cfg.Journal, r.track.traffic
	cacheUse := r.countCache(ctx)
	before := cpuSeconds()
	err := t.run(ctx)
	m.StartS, m.InFlight = result.Seconds(t.start), t.inFlight
	if now := cpuSeconds(); before != nil && now != nil {
		used := *now - *before
		m.ClientCPUS = &used
	}
	m.CacheQueried, m.CacheHit = cacheUse()
	return t.records, err
}

// countCache reads the server's counters of its prefix cache now; the function
// it returns reads them again and gives the differences, nil where the server
// does not tell.
func (r *runner) countCache(ctx context.Context) func() (queried, hit *int64) {
	c, counts := r.cfg.Client.(CacheCounter)
	if !counts {
		return func() (queried, hit *int64) { return nil, nil }
	}
	q0, h0, before := c.PrefixCache(ctx)
	return func() (queried, hit *int64) {
		q, h, after := c.PrefixCache(ctx)
		if !before || !after || q < q0 || h < h0 { // restarted, if smaller
			return nil, nil
		}
		q, h = q-q0, h-h0
		return &q, &h
	}
}

// warmUpClient sends the warm-up requests, sized as in a session for the
// workload.
func (r *runner) warmUpClient(ctx context.Context, work *suite.Workload) error {
	_, _, longest := work.Longest()
	warm, err := r.warmupWork(ctx, work.Spec.Scenario.Concurrency, longest)
	if err != nil {
		return err
	}
	t := newTraffic(r.cfg.Client, r.clock, warm, -1)
	if err := t.run(ctx); err != nil {
		return fmt.Errorf("warm-up: %w", err)
	}
	for i := range t.records {
		if reason := t.records[i].Error; reason != "" {
			return fmt.Errorf("warm-up: %s", reason)
		}
	}
	return nil
}

// warmupWork makes the warm-up requests for so many sequences, each of at
// most fit tokens, and tells that they are about to run.
func (r *runner) warmupWork(ctx context.Context, sequences, fit int) (*suite.Workload, error) {
	r.rep.send(r.track.event(EventWarmup))
	sc := result.Scenario{Name: "warm-up", Input: warmupInput, Output: warmupOutput,
		Concurrency: min(warmupPrompts, sequences), Prompts: warmupPrompts}
	if sc.Input+sc.Output > fit {
		sc.Input = max(suite.MinInput, fit*warmupInput/(warmupInput+warmupOutput))
		sc.Output = max(1, fit-sc.Input)
	}
	// Its prompts are numbered behind those of the suite.
	work, err := suite.NewWorkload(ctx, suite.WorkloadSpec{Scenario: sc, Vocab: r.cfg.Vocab, Seed: r.cfg.Seed,
		First: r.prompts - warmupPrompts, Total: r.prompts})
	if err != nil {
		return nil, fmt.Errorf("warm-up: %w", err)
	}
	return work, nil
}

// cpuSeconds is the CPU time that this process has used; nil where it is not
// known.
func cpuSeconds() *float64 {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return nil
	}
	v := time.Duration(u.Utime.Nano() + u.Stime.Nano()).Seconds()
	return &v
}
