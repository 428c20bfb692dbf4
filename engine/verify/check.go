package verify

import (
	"context"
	"fmt"

	"ceiling/engine"
)

// shifts are the positions at which texts begin when the noise is measured.
var shifts = []int{1, 13, 64}

// Checker asks one loaded model.
type Checker struct {
	Model   *engine.Model
	Session engine.SessionOptions // as a run's, all but the sizes
	Prompts [][]int32
	Tokens  int // of each text
	// Alive is called after each call into the engine; nil: nobody waits for it.
	Alive func()
}

// watched tells that a call has returned.
type watched struct {
	*engine.Session
	alive func()
}

func (w watched) Step(ctx context.Context, b *engine.Batch) error {
	defer w.alive()
	return w.Session.Step(ctx, b)
}

func (w watched) Decode(ctx context.Context, b *engine.Batch) error {
	defer w.alive()
	return w.Session.Decode(ctx, b)
}

// open makes a session whose calls are told.
func (c *Checker) open(ctx context.Context, o engine.SessionOptions) (watched, error) {
	s, err := c.Model.Open(ctx, o)
	w := watched{s, c.Alive}
	if w.alive == nil {
		w.alive = func() {}
	}
	w.alive()
	return w, err
}

// NewChecker makes one with the first n fixed prompts.
func NewChecker(m *engine.Model, session engine.SessionOptions, n, tokens int) (*Checker, error) {
	plain := m.PlainTokens()
	if len(plain) == 0 {
		return nil, fmt.Errorf("%w: its vocabulary has no ordinary token to make a prompt of", engine.ErrNotGenerative)
	}
	first, add := m.BOS()
	if !add {
		first = -1
	}
	return &Checker{Model: m, Session: session, Prompts: Prompts(plain, first, n), Tokens: tokens}, nil
}

// Greedy writes a text for each prompt by the steps of a run.
func (c *Checker) Greedy(ctx context.Context, inFlight int, warm bool) ([][]int32, error) {
	o := c.sized(inFlight + 1)
	// Without one KV buffer prefixes are copied.
	o.Unified, o.FullWindow = warm && engine.Refuse("kv-unified", "on") == nil, warm
	s, err := c.open(ctx, o)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	if err := s.Warm(ctx); err != nil {
		return nil, err
	}
	return Greedy(ctx, s, c.Prompts, c.Tokens, inFlight, warm)
}

func (c *Checker) sized(sequences int) engine.SessionOptions {
	o := c.Session
	o.Sequences, o.TokensPerSequence = sequences, Longest(len(c.Prompts))+c.Tokens+shifts[len(shifts)-1]
	return o
}

// Score gives the logits along the texts, begun at each of the positions.
func (c *Checker) Score(ctx context.Context, texts [][]int32, at ...int) ([][][]Position, error) {
	o := c.sized(1)
	o.Greedy, o.Outputs = false, c.Tokens
	s, err := c.open(ctx, o)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	var out [][][]Position
	for _, shift := range at {
		scores, err := Score(ctx, s, c.Prompts, texts, shift)
		if err != nil {
			return nil, err
		}
		out = append(out, scores)
	}
	return out, nil
}

// Reference writes one text at a time, with their logits and the noise of these.
func (c *Checker) Reference(ctx context.Context) (*Reference, error) {
	tokens, err := c.Greedy(ctx, 1, false)
	if err != nil {
		return nil, err
	}
	at := []int{0}
	if c.distancesOnly() {
		at = append(at, shifts...)
	}
	scores, err := c.Score(ctx, tokens, at...)
	if err != nil {
		return nil, err
	}
	r := &Reference{Vocabulary: c.Model.VocabSize(), Prompts: c.Prompts, Texts: Texts(tokens, scores[0])}
	if len(at) > 1 {
		r.Noise = MeasureNoise(scores)
	}
	return r, nil
}

// distancesOnly says that the model knows the distance of two tokens and not
// where they stand.
func (c *Checker) distancesOnly() bool {
	return !c.Model.Recurrent() && c.Model.File().Tensor("position_embd.weight") == nil
}

// Warm says that the model can go on from a part of a prompt.
func (c *Checker) Warm() bool { return !c.Model.Recurrent() }

// Short is a quick check of a loaded model: a few texts, one at a time and all at
// once, against the logits that one batch gives for them.
func (c *Checker) Short(ctx context.Context) (Difference, error) {
	r, err := c.Reference(ctx)
	if err != nil {
		return Difference{}, err
	}
	alone := Itself(r.Texts, r.Noise)
	tokens, err := c.Greedy(ctx, len(c.Prompts), false)
	if err != nil {
		return Difference{}, err
	}
	together := make([]ScoredText, len(tokens))
	for i := range tokens {
		together[i] = ScoredText{Tokens: tokens[i], Scores: r.Texts[i].Scores}
	}
	return alone.and(Compare(r.Texts, together, r.Noise)), nil
}

// Texts puts tokens and scores together.
func Texts(tokens [][]int32, scores [][]Position) []ScoredText {
	out := make([]ScoredText, len(tokens))
	for i := range out {
		out[i] = ScoredText{tokens[i], scores[i]}
	}
	return out
}
