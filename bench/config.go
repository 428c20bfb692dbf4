package bench

import (
	"ceiling/internal/machine"
	"errors"
	"fmt"
	"slices"
	"time"

	"ceiling/bench/client"
	"ceiling/bench/result"
	"ceiling/bench/suite"
)

// The most tokens of one step, and of the physical batch, where none are given.
const (
	DefaultBudget = 2048
	DefaultUBatch = 512
)

// Config says what to run, on what, and who is told.
type Config struct {
	Suite result.Suite
	// Opener is the engine in process, or Client the server to send the same
	// requests to: one of the two.
	Opener Opener
	Client client.Sender
	Vocab  suite.Vocab
	Seed   uint64
	// Texts are the prompts of the suite's datasets, which Measure has sized.
	Texts suite.Datasets
	// Context is the most tokens that the model takes: a request of a dataset that
	// has more fails; 0: not known, all are tried.
	Context int

	// FirstPrompt and TotalPrompts are the prompts before this run's and of all,
	// where it is one of several whose prompts differ; 0, 0: it is not.
	FirstPrompt, TotalPrompts int

	// Budget is the most tokens in one step (--step-tokens); 0: DefaultBudget. The
	// engine's BatchLimit lowers it.
	Budget int

	// UBatch is the engine's physical batch in tokens (--ubatch), which the
	// warm-up fills; 0: DefaultUBatch.
	UBatch int

	// PrefixCache runs warm: finished prompts' KV is reused, and prompts of
	// one shape are the same in every scenario. Whether a server reuses it is
	// the Client's to ask for.
	PrefixCache bool
	// CacheTokens is the most KV cells that finished prompts keep in a warm
	// session, beyond what requests in flight need; 0: what the largest
	// scenario needs whose prompts come again in the next one.
	CacheTokens int
	// MaxSequences is the most sequences that the engine gives a session, for
	// requests in flight and kept prompts together; 0: 256.
	MaxSequences int
	// KVUnified makes sessions unified or not; nil: only a warm run's are,
	// which must be.
	KVUnified *bool

	// Points are what the scheduler has to know of the settings of each scenario,
	// by its index in the suite; nil: all have UBatch, Budget and KVUnified.
	Points []Point

	// Clock is the run's clock, shared with whoever samples devices; nil: one
	// that starts with Run, at Resume's offset.
	Clock *result.Clock
	// Sleep blocks the calling thread, exactly; open-loop arrivals are waited
	// for with it. nil: a timer of Go's, which may be late in a process that
	// has slowed Go's monitor thread down.
	Sleep func(time.Duration)
	// NoWarmup leaves the warm-up out.
	NoWarmup bool
	// Refused are the scenarios that can't run, with the reason, by their index
	// in the suite: see Refusals. They are results that say so.
	Refused map[int]error
	// Resume is what an earlier part of the run has finished; nil: nothing.
	Resume *ResumeState

	// Journal takes every finished request; nil: none.
	Journal result.RecordSink
	// Progress is told what happens, from one goroutine other than the
	// caller's, in order; nil: nobody is.
	Progress func(Event)
	// Observe is told of each scenario that has ended, before its results are
	// passed on, and may add to its detail what it knows of the window from
	// StartS to EndS; nil: nobody is.
	Observe func(*result.Summary, *result.Detail)
	// OnStart is told of each scenario before anything is done for it, so that
	// something can be left for the case that the process dies in it. Its error
	// ends the run; nil: nobody is told.
	OnStart func(pass, scenario int) error
	// OnScenario gets the results so far after each scenario, when the
	// journal holds all their requests, so that they can be saved. Its error
	// ends the run. It must not change or keep what it gets.
	OnScenario func(*result.Run) error

	// Meter measures what others do to the engine while a scenario runs; nil:
	// nobody does.
	Meter Meter

	// Recovery can get the results out of an engine call that does not return;
	// nil: nobody tries.
	Recovery *Recovery

	// Template is copied into the results: model, hardware, date, system and
	// engine.
	Template result.Run
}

// Point is what the scheduler has to know of a scenario's own settings.
type Point struct {
	// Engine is the number of the settings that the Opener opens the session with.
	Engine int
	// Budget, UBatch and KVUnified are those of Config.
	Budget, UBatch int
	KVUnified      *bool
	// Speculation says what is drafted; nil: nothing.
	Speculation *result.SpecSettings
}

// drafts is the most drafts of a sequence in a step.
func (p Point) drafts() int {
	if p.Speculation == nil {
		return 0
	}
	return p.Speculation.DraftMax
}

// point is that of scenario i.
func (c *Config) point(i int) Point {
	p := Point{Budget: c.Budget, UBatch: c.UBatch, KVUnified: c.KVUnified}
	if c.Points != nil {
		p = c.Points[i]
	}
	if p.Budget == 0 {
		p.Budget = DefaultBudget
	}
	if p.UBatch == 0 {
		p.UBatch = DefaultUBatch
	}
	return p
}

// check reports everything that is wrong with the configuration.
func (c *Config) check() error {
	errs := []error{suite.Validate(c.Suite), c.Vocab.Check()}
	switch {
	case c.Opener == nil && c.Client == nil:
		errs = append(errs, errors.New("no engine to run on: set Opener, or Client for a server"))
	case c.Opener != nil && c.Client != nil:
		errs = append(errs, errors.New("an engine and a server to run on: set Opener or Client"))
	}
	for _, v := range []struct {
		name string
		n    int
	}{{"budget", c.Budget}, {"physical batch", c.UBatch}, {"cache tokens", c.CacheTokens}, {"sequences", c.MaxSequences}} {
		if v.n < 0 {
			errs = append(errs, fmt.Errorf("%s: \"%d\" is below 0: use 0 for the default", v.name, v.n))
		}
	}
	if c.PrefixCache && c.KVUnified != nil && !*c.KVUnified {
		errs = append(errs, errors.New("prefix cache without a unified KV cache: drop one of the two options"))
	}
	if c.PrefixCache && slices.ContainsFunc(c.Suite.Scenarios, deep) {
		errs = append(errs, errors.New("prefix cache with a depth, at which nothing is reused but the context: drop one of the two options"))
	}
	if n := len(c.Points); n > 0 && n != len(c.Suite.Scenarios) {
		errs = append(errs, fmt.Errorf("\"%d\" points for %d scenarios: give one for each", n, len(c.Suite.Scenarios)))
	}
	if c.PrefixCache && slices.ContainsFunc(c.Points, func(p Point) bool { return p.Engine != c.Points[0].Engine }) {
		errs = append(errs, errors.New("prefix cache with settings that differ: one session holds the cache; give all scenarios the same"))
	}
	return errors.Join(errs...)
}

func (c *Config) maxSequences() int {
	if c.MaxSequences == 0 {
		return 256 // llama.cpp's limit
	}
	return c.MaxSequences
}

func (c *Config) cacheCells() int {
	if c.CacheTokens == 0 {
		return Recurring(c.Suite)
	}
	return c.CacheTokens
}

// budget is the tokens per step of scenario i on an engine.
func (c *Config) budget(i int, eng Engine) int { return min(c.point(i).Budget, eng.BatchLimit()) }

// Meter measures what others do to the engine. Start and Stop are called from
// the goroutine that drives it, right before a scenario's clock starts and
// right after it stops.
type Meter interface {
	Start()
	Stop() *machine.Disturbance
}

// noMeter measures nothing.
type noMeter struct{}

func (noMeter) Start()                     {}
func (noMeter) Stop() *machine.Disturbance { return nil }
