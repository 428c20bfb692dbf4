package main

import (
	"context"
	"errors"

	"ceiling/bench"
	"ceiling/bench/result"
	"ceiling/engine"
)

// opener opens sessions of the loaded model for the bench.
type opener struct {
	model   *engine.Model // nil: the last load failed
	loaded  string        // how: see engineSettings.loaded
	points  []engineSettings
	needs   map[bench.SessionSpec][]engine.Need
	sampled struct{ backend, argmax uint64 }
	copied  engine.LogitsCopied
	draft   drafter
	opened  func(*engine.Session)                  // is told of each session
	warmed  func(*engineSettings, *engine.Session) // and when it has made its first step
	reload  func(context.Context, *engineSettings) (*engine.Model, error)
}

// session gives an engine session the bench's interface.
type session struct {
	*engine.Session
	from *opener
	asks []engine.Ask // of one call of Draft
}

// Open makes a session of the scenario's size and warms it with one token: what
// the first call of a context takes is not the scenario's time, and a model that
// gives no numbers is found out.
func (o *opener) Open(ctx context.Context, spec bench.SessionSpec) (bench.Engine, error) {
	point := &o.points[spec.Engine]
	if point.err != nil {
		return nil, point.err
	}
	if err := o.load(ctx, point); err != nil {
		return nil, err
	}
	draft, err := o.draft.of(ctx, point)
	if err != nil {
		return nil, err
	}
	options := sessionOptions(point, spec, draft)
	options.Needs = o.needs[spec]
	native, err := o.model.Open(ctx, options)
	if err != nil {
		return nil, err
	}
	if o.opened != nil {
		o.opened(native)
	}
	if err := native.Warm(ctx); err != nil {
		native.Close()
		return nil, err
	}
	if o.warmed != nil {
		o.warmed(point, native)
	}
	return &session{Session: native, from: o}, nil
}

// load makes the model's load that of the settings.
func (o *opener) load(ctx context.Context, p *engineSettings) error {
	if o.model != nil && o.loaded == p.loaded() {
		return nil
	}
	if err := o.close(); err != nil {
		return err
	}
	model, err := o.reload(ctx, p)
	if err != nil {
		return err
	}
	o.model, o.loaded = model, p.loaded()
	return nil
}

// close frees the model.
func (o *opener) close() error {
	err := o.draft.close()
	if o.model == nil {
		return err
	}
	err = errors.Join(err, o.model.Close())
	o.model = nil
	return err
}

// sessionOptions are those of a session of the bench's size.
func sessionOptions(p *engineSettings, spec bench.SessionSpec, draft *engine.Model) engine.SessionOptions {
	o := p.session
	if o.Drafts = spec.Drafts; o.Drafts > 0 {
		o.Speculation = p.spec.native(draft)
	}
	o.Sequences, o.TokensPerSequence = spec.Sequences, spec.TokensPerSequence
	o.TotalTokens, o.Unified = spec.TotalTokens, spec.Unified
	o.FullWindow = o.FullWindow || spec.Keep
	return o
}

// Step hands the bench's batch to the engine: the two types have one shape.
func (s *session) Step(ctx context.Context, b *bench.StepBatch) error {
	return s.Session.Step(ctx, (*engine.Batch)(b))
}

// Draft hands the bench's asks to the engine.
func (s *session) Draft(ctx context.Context, asks []bench.DraftAsk) error {
	s.asks = s.asks[:0]
	for _, ask := range asks {
		s.asks = append(s.asks, engine.Ask(ask))
	}
	if err := s.Session.Draft(ctx, s.asks); err != nil {
		return err
	}
	for i := range asks {
		asks[i].Tokens = s.asks[i].Tokens
	}
	return nil
}

// Links are the connections to the servers of --rpc.
func (s *session) Links() []result.NetworkLink {
	var links []result.NetworkLink
	for _, l := range engine.Links() {
		links = append(links, result.NetworkLink{Server: l.Server, RoundTripS: l.RoundTrip.Seconds(),
			SentBytes: l.Sent, ReceivedBytes: l.Received, ResentSegments: l.Resent})
	}
	return links
}

// Graphs is what the engine has made of the steps up to now.
func (s *session) Graphs() *result.GraphCounts {
	t := s.Tally()
	g := &result.GraphCounts{Computed: t.Graphs, Reused: t.Reused, Splits: t.Splits, Plans: t.Plans, Buffers: t.Buffers}
	if t.Told {
		g.Captured, g.Dropped = &t.Captured, &t.Dropped
	}
	return g
}

// Close keeps the session's sampling counts for the report.
func (s *session) Close() error {
	backend, argmax := s.Sampled()
	s.from.sampled.backend += backend
	s.from.sampled.argmax += argmax
	s.from.copied.Add(s.Copied())
	return s.Session.Close()
}

// logitsCopy is what copies of logits took in all closed sessions; nil: there were none.
func (o *opener) logitsCopy() *result.LogitsCopy {
	c := o.copied
	if c.Rows == 0 {
		return nil
	}
	return &result.LogitsCopy{Rows: c.Rows, Bytes: c.Bytes, Seconds: c.Seconds, OfStepTime: c.Seconds / c.StepSeconds}
}

// sampling says where the tokens of all closed sessions were picked.
func (o *opener) sampling() string {
	return sampling(o.sampled.backend > 0, o.sampled.argmax > 0)
}

// sampling says where tokens are picked.
func sampling(backend, cpu bool) string {
	switch {
	case backend && cpu:
		return "greedy, partly in the back end, partly on the CPU"
	case backend:
		return "greedy, in the back end"
	case cpu:
		return "greedy, argmax on the CPU"
	}
	return "greedy"
}
