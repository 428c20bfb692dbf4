package bench

import (
	"context"
	"fmt"
	"slices"
	"syscall"
	"time"

	"ceiling/bench/client"
	"ceiling/bench/result"
	"ceiling/bench/suite"
)

// The warm-up of a server is a few requests before the first scenario. They
// are never counted.
const (
	warmupPrompts = 3
	warmupInput   = 128 // tokens, or what fits
	warmupOutput  = 32
)

// measureClient is measure for a server: nothing is opened, and what is warm
// once stays so.
func (r *runner) measureClient(ctx context.Context, u ScenarioPass, work *suite.Workload, m *result.Measured) ([]result.Record, error) {
	if !r.warmedUp && !r.cfg.NoWarmup {
		if err := r.warmUpClient(ctx, work); err != nil {
			return nil, err
		}
		r.warmedUp = true
	}
	t := client.NewLoadGenerator(r.cfg.Client, r.clock, work, u.Scenario)
	t.Pass, t.Sink, t.Watch = u.Pass, r.cfg.Journal, r.track.served
	cacheUse, drafts := r.countCache(ctx), r.countDrafts(ctx)
	before := cpuSeconds()
	r.meter.Start()
	err := t.Run(ctx)
	m.Disturbance = r.meter.Stop()
	m.StartS, m.InFlight = result.Seconds(t.Start), t.InFlight
	if now := cpuSeconds(); before != nil && now != nil {
		used := *now - *before
		m.ClientCPUS = &used
	}
	m.CacheQueried, m.CacheHit = cacheUse()
	m.Speculation = drafts(t.Records)
	return t.Records, err
}

// countCache reads the server's counters of its prefix cache now; the function
// it returns reads them again and gives the differences, nil where the server
// does not tell.
func (r *runner) countCache(ctx context.Context) func() (queried, hit *int64) {
	c, counts := r.cfg.Client.(client.CacheCounter)
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

// countDrafts reads the server's counters of what it drafts now; the function it returns
// reads them again and gives the differences, or where the server has none what it said
// of each request; nil where nothing was drafted.
func (r *runner) countDrafts(ctx context.Context) func([]result.Record) *result.Speculation {
	var before *result.Speculation
	c, counts := r.cfg.Client.(client.DraftCounter)
	if counts {
		before = c.Drafts(ctx)
	}
	return func(records []result.Record) *result.Speculation {
		if before != nil {
			return draftedSince(before, c.Drafts(ctx))
		}
		out := &result.Speculation{}
		for i := range records {
			out.Drafted += int64(records[i].Drafted)
			out.Accepted += int64(records[i].Accepted)
		}
		if out.Drafted == 0 {
			return nil
		}
		return out
	}
}

// draftedSince is by how much counters grew; nil where that was nothing, or the server
// was restarted meanwhile.
func draftedSince(before, now *result.Speculation) *result.Speculation {
	if now == nil || now.Drafted <= before.Drafted || len(now.AcceptedAt) < len(before.AcceptedAt) {
		return nil
	}
	out := &result.Speculation{SpecSettings: now.SpecSettings, Verifications: now.Verifications - before.Verifications,
		Drafted: now.Drafted - before.Drafted, Accepted: now.Accepted - before.Accepted, AcceptedAt: slices.Clone(now.AcceptedAt)}
	for i, n := range before.AcceptedAt {
		out.AcceptedAt[i] -= n
	}
	return out
}

// warmUpClient sends the warm-up requests, sized as in a session for the
// workload.
func (r *runner) warmUpClient(ctx context.Context, work *suite.Workload) error {
	_, _, longest := work.Longest()
	warm, err := r.warmupWork(ctx, work.Spec.Scenario.Concurrency, longest)
	if err != nil {
		return err
	}
	t := client.NewLoadGenerator(r.cfg.Client, r.clock, warm, -1)
	if err := t.Run(ctx); err != nil {
		return fmt.Errorf("warm-up: %w", err)
	}
	for i := range t.Records {
		if reason := t.Records[i].Error; reason != "" {
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
