package bench

import (
	"time"

	"ceiling/bench/client"
	"ceiling/bench/result"
	"ceiling/bench/suite"
)

// EventKind says what an Event reports.
type EventKind string

// The kinds of events, in the order in which a scenario sends them.
const (
	EventScenarioStarted  EventKind = "scenario started"  // its session is about to be opened
	EventWarmup           EventKind = "warm-up"           // it is about to be warmed up
	EventProgress         EventKind = "progress"          // some of its work is done
	EventScenarioFinished EventKind = "scenario finished" // Result and Detail are set
)

// Event is one step of a run's progress. It holds values only, and may be
// kept.
type Event struct {
	Kind      EventKind
	Scenario  int // index in the suite, from 0
	Scenarios int // in the suite
	Pass      int // over the suite, from 0
	Passes    int
	Name      string

	RequestsDone, Requests int   // of the scenario
	TokensDone, Tokens     int64 // of the scenario, prompt and output

	// RunTokensDone and RunTokens count the whole suite, with the scenarios
	// that an earlier part of the run had finished.
	RunTokensDone, RunTokens int64

	Elapsed time.Duration // since the scenario's start
	// ETA is the time left for the run. It is an estimate from the steps so
	// far, and only set where ETAKnown.
	ETA      time.Duration
	ETAKnown bool

	Result *result.Summary // EventScenarioFinished only
	Detail *result.Detail
}

// progressEvery is how often EventProgress is sent.
const progressEvery = 200 * time.Millisecond

// reporter brings events from the driving goroutine to the callback, which
// may be as slow as a terminal is. Events arrive in order, from one
// goroutine. A progress event that the callback has no time for is left out;
// the others wait.
type reporter struct {
	in   chan Event
	done chan struct{}
}

func newReporter(callback func(Event)) *reporter {
	r := &reporter{in: make(chan Event, 8), done: make(chan struct{})}
	go func() {
		defer close(r.done)
		for e := range r.in {
			if callback != nil {
				callback(e)
			}
		}
	}()
	return r
}

func (r *reporter) send(e Event) { r.in <- e }

func (r *reporter) offer(e Event) {
	select {
	case r.in <- e:
	default:
	}
}

// close returns when every event has been delivered.
func (r *reporter) close() {
	close(r.in)
	<-r.done
}

// tracker knows how much of the run is done. It watches every step.
type tracker struct {
	rep    *reporter
	cost   costModel
	shares shareModel // in the place of cost, for a server
	budget int
	units  []ScenarioPass
	plan   []work // by unit; what is done or can't run is empty

	scenarios, passes int

	at         int // the unit that runs
	name       string
	total      int64 // tokens of the suite
	before     int64 // tokens of the scenarios that are over
	prompt     int64 // done in this scenario
	decode     int64
	reused     int64
	nextReport time.Duration
}

// newTracker plans with nominal lengths; begin puts the real ones in their
// place.
func newTracker(suite result.Suite, rep *reporter, budget int) *tracker {
	t := &tracker{rep: rep, budget: budget, scenarios: len(suite.Scenarios), passes: suite.Passes()}
	units, _ := Plan(suite)
	for _, u := range units {
		t.append(u, suite.Scenarios[u.Scenario])
	}
	return t
}

// append adds a unit to the plan.
func (t *tracker) append(u ScenarioPass, sc result.Scenario) {
	input, output := sc.Tokens()
	w := work{input, output, sc.Concurrency}
	t.units, t.plan = append(t.units, u), append(t.plan, w)
	t.total += w.tokens()
}

// begin starts the k-th unit.
func (t *tracker) begin(k int, name string) { t.at, t.name = k, name }

// load replaces the scenario's plan by the workload as drawn.
func (t *tracker) load(w *suite.Workload) {
	p := &t.plan[t.at]
	t.total -= p.tokens()
	p.prompt, p.decode = w.Tokens()
	t.total += p.tokens()
}

// end books the scenario as over, however it ended.
func (t *tracker) end() {
	t.before += t.plan[t.at].tokens()
	t.plan[t.at] = work{}
	t.prompt, t.decode, t.reused, t.nextReport = 0, 0, 0, 0
}

// step implements stepWatcher.
func (t *tracker) step(d *executor, prompt, decoding int, took time.Duration) {
	t.cost.add(prompt, decoding, took+d.drafts.call)
	t.cost.gave(decoding, d.batcher.decoded)
	t.prompt += int64(prompt)
	t.decode += int64(d.batcher.decoded)
	t.reused = d.reused
	if d.now < t.nextReport {
		return
	}
	t.nextReport = d.now + progressEvery
	e := t.event(EventProgress)
	e.RequestsDone, e.Requests = len(d.records), len(d.work.Requests)
	e.Elapsed = d.now - d.start
	t.rep.offer(e)
}

// event is an event of the current scenario with its token counts.
func (t *tracker) event(kind EventKind) Event {
	done := t.prompt + t.reused + t.decode
	e := Event{
		Kind: kind, Scenario: t.units[t.at].Scenario, Scenarios: t.scenarios,
		Pass: t.units[t.at].Pass, Passes: t.passes, Name: t.name,
		TokensDone: done, Tokens: t.plan[t.at].tokens(),
		RunTokensDone: t.before + done, RunTokens: t.total,
	}
	e.ETA, e.ETAKnown = t.eta()
	return e
}

// served books how far a scenario is whose requests go to a server.
func (t *tracker) served(now client.Progress) {
	for _, f := range now.Finished {
		t.shares.add(f, t.plan[t.at].concurrency)
	}
	t.prompt, t.decode = now.Prompt, now.Decode
	e := t.event(EventProgress)
	e.RequestsDone, e.Requests = now.Ended, now.Total
	e.Elapsed = now.Elapsed
	t.rep.offer(e)
}

// eta is the time left for what is left of this scenario and those after it.
func (t *tracker) eta() (time.Duration, bool) {
	predict := func(w work) float64 { return t.cost.predict(w, t.budget) }
	switch {
	case t.shares.known():
		predict = t.shares.predict
	case t.cost.known():
		t.cost.fit()
	default:
		return 0, false
	}
	left := 0.0
	for i, w := range t.plan {
		if i == t.at {
			w.prompt, w.decode = max(w.prompt-t.prompt-t.reused, 0), max(w.decode-t.decode, 0)
		}
		left += predict(w)
	}
	return time.Duration(left * float64(time.Second)), true
}
