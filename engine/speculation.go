package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"ceiling/engine/gguf"
	"ceiling/engine/internal/llama"
)

// ErrSpeculation: the model can't be speculated with in the way that was asked for.
var ErrSpeculation = errors.New("no speculation")

// Drafting says how a session drafts tokens, which a step then verifies several of
// at a time. llama.cpp's own code makes the drafts (its common/speculative.h).
type Drafting struct {
	Kind  string  // a name of [DraftKinds]; "" or "none": nothing is drafted
	Draft *Model  // the draft model, of kinds that need one
	Max   int     // most tokens of a proposal; 0: the kind's own
	Min   int     // a shorter proposal is none; 0 with Max 0: the kind's own
	PMin  float64 // a token that the draft model holds for less likely ends a proposal
}

// DraftKind is a way to draft, with what llama.cpp takes where nothing is said.
type DraftKind struct {
	Name       string
	Max, Min   int
	NeedsModel bool // a draft model
	TakesMin   bool
	TakesPMin  bool

	native string // llama.cpp's name
	head   bool   // layers of the model's own that predict further tokens
}

var draftKinds = []DraftKind{
	{Name: "draft", native: "draft-simple", Max: 3, NeedsModel: true, TakesMin: true, TakesPMin: true},
	{Name: "mtp", native: "draft-mtp", Max: 3, TakesMin: true, TakesPMin: true, head: true},
	{Name: "ngram-simple", native: "ngram-simple", Max: 48},
	{Name: "ngram-map-k", native: "ngram-map-k", Max: 48},
	{Name: "ngram-map-k4v", native: "ngram-map-k4v", Max: 48},
	{Name: "ngram-mod", native: "ngram-mod", Max: 64, Min: 48, TakesMin: true},
	{Name: "ngram-cache", native: "ngram-cache", Max: 8},
}

// DraftKinds lists the ways to draft.
func DraftKinds() []DraftKind { return slices.Clone(draftKinds) }

// none says that nothing is drafted.
func (s *Drafting) none() bool { return s == nil || s.Kind == "" || s.Kind == "none" }

// find is the kind, and s with the kind's own values in place of those not given.
func (s Drafting) find() (DraftKind, Drafting, error) {
	at := slices.IndexFunc(draftKinds, func(k DraftKind) bool { return k.Name == s.Kind })
	if at < 0 {
		var names []string
		for _, k := range draftKinds {
			names = append(names, k.Name)
		}
		return DraftKind{}, s, fmt.Errorf("%w: speculation %q; use none, %s", ErrUnknownOption, s.Kind, strings.Join(names, ", "))
	}
	k := draftKinds[at]
	if s.Max == 0 {
		s.Max, s.Min = k.Max, max(s.Min, k.Min)
	}
	return k, s, nil
}

// CheckSpeculation tells what keeps s from being used with the model: values, a draft
// model that is missing or has another vocabulary, a model without a head for MTP,
// one that can't go back to a part of what it has read. Both models may be a
// [ModelPlan]'s.
//
// Errors: ErrUnknownOption, ErrSpeculation.
func (m *Model) CheckSpeculation(s Drafting) error {
	if s.none() {
		return nil
	}
	k, s, err := s.find()
	if err != nil {
		return err
	}
	if s.Max < 1 || s.Min < 0 || s.Min > s.Max || s.PMin < 0 || s.PMin > 1 {
		return fmt.Errorf("%w: %d to %d drafts of a probability of %g or more; the most must be 1 or more, the fewest 0 to the most, the probability 0 to 1",
			ErrUnknownOption, s.Min, s.Max, s.PMin)
	}
	if why := llama.SpeculationFault(); why != "" {
		return fmt.Errorf("%w: this build has none: %s", ErrSpeculation, why)
	}
	switch {
	case k.NeedsModel != (s.Draft != nil):
		return fmt.Errorf("%w of kind %s: a draft model is for kind draft, which needs one", ErrSpeculation, k.Name)
	case k.head && !m.hasHeads():
		return fmt.Errorf("%w of kind %s: %s, of architecture %s, has no layers that predict further tokens; use a model file with them, or another kind",
			ErrSpeculation, k.Name, modelName(m.path), m.Architecture())
	case k.head && !m.opts.Heads:
		return fmt.Errorf("%w of kind %s: the layers of %s that predict further tokens were not loaded", ErrSpeculation, k.Name, modelName(m.path))
	case m.Recurrent() && !k.head:
		return m.cantGoBack()
	case s.Draft != nil && s.Draft.Recurrent():
		return s.Draft.cantGoBack()
	case s.Draft != nil:
		return m.sameVocabulary(s.Draft)
	}
	return nil
}

// hasHeads looks for layers that predict further tokens; a file may name their number
// in its metadata and hold none.
func (m *Model) hasHeads() bool {
	return slices.ContainsFunc(m.file.Tensors, func(t gguf.Tensor) bool { return strings.HasSuffix(t.Name, ".nextn.eh_proj.weight") })
}

func (m *Model) cantGoBack() error {
	return fmt.Errorf("%w: %s, of architecture %s, keeps a state instead of a cache of every position, so that rejected drafts can't be taken back; use another model, or none",
		ErrSpeculation, modelName(m.path), m.Architecture())
}

// What llama.cpp asks of two vocabularies.
const (
	vocabSlack = 128 // tokens that one may have more than the other
	vocabFirst = 5   // token from which they must be spelt alike
)

// sameVocabulary looks for what llama.cpp would refuse, to say which it is.
func (m *Model) sameVocabulary(draft *Model) error {
	differs := func(what string, a, b any) error {
		return fmt.Errorf("%w: the draft model %s has another vocabulary than %s: %s %v, not %v; use a draft model of the same family",
			ErrSpeculation, modelName(draft.path), modelName(m.path), what, b, a)
	}
	a, b := m.native, draft.native
	if a.VocabType() != b.VocabType() {
		return differs("tokeniser", vocabType(m), vocabType(draft))
	}
	n, o := a.VocabSize(), b.VocabSize()
	if n-o > vocabSlack || o-n > vocabSlack {
		return differs("tokens:", n, o)
	}
	for _, mark := range []struct {
		name string
		of   func(*llama.NativeModel) (int32, bool)
	}{{"beginning of text: token", (*llama.NativeModel).BOS}, {"end of text: token", (*llama.NativeModel).EOS}} {
		id, adds := mark.of(a)
		other, added := mark.of(b)
		if adds != added || adds && id != other {
			return differs(mark.name, placed(id, adds), placed(other, added))
		}
	}
	for id := int32(vocabFirst); id < int32(min(n, o)); id++ {
		if s, t := a.TokenText(id), b.TokenText(id); s != t {
			return differs(fmt.Sprintf("token %d is", id), fmt.Sprintf("%q", s), fmt.Sprintf("%q", t))
		}
	}
	return nil
}

func vocabType(m *Model) string {
	name, _ := m.Meta("tokenizer.ggml.model")
	return fmt.Sprintf("%q", name)
}

// placed is a token and whether it is put around prompts.
func placed(id int32, adds bool) string {
	if !adds {
		return fmt.Sprintf("%d, not added to prompts", id)
	}
	return fmt.Sprintf("%d, added to prompts", id)
}

// speculate puts what the session drafts with into p.
func (m *Model) speculate(p *llama.OpenParams, o *SessionOptions) error {
	if o.Speculation.none() || o.Drafts < 1 {
		return nil
	}
	if err := m.CheckSpeculation(*o.Speculation); err != nil {
		return err
	}
	k, s, err := o.Speculation.find()
	if err != nil {
		return err
	}
	p.Draft = llama.DraftParams{Kind: k.native, Max: s.Max, Min: s.Min, PMin: float32(s.PMin), MTP: k.head, PerSeq: 1 + o.Drafts, Plan: m.vocabOnly}
	if s.Draft != nil {
		if s.Draft.vocabOnly != m.vocabOnly {
			return fmt.Errorf("%w: of %s only the vocabulary was loaded", ErrSession, modelName(s.Draft.path))
		}
		p.Draft.Model = s.Draft.native
	}
	if m.Recurrent() {
		p.Draft.Rollback = s.Max
	}
	p.SWAFull = true // the window would forget what a rejection goes back to
	p.Outputs = min(p.Batch, p.Sequences*p.Draft.PerSeq)
	return nil
}

// Ask asks for drafts of one sequence.
type Ask struct {
	Seq    int32
	Last   int32   // the token sampled last, which the next step feeds
	Pos    int32   // its position
	Max    int     // most tokens wanted, ≥ 1
	Tokens []int32 // in: empty; out: the tokens proposed to follow Last
}

// draftState is what a session keeps for its drafts: the arrays of one call.
type draftState struct {
	limit int    // drafts of one sequence in a step; 0: the session has none
	model *Model // that drafts, with one
	begun []bool // by sequence
	// proposed are the tokens of each sequence's last Draft until its Accept: the library
	// ends the process over drafts that it has not made.
	proposed []int32

	seq, last, pos, most, count, tokens []int32
}

func newDraftState(p llama.DraftParams, s *Drafting, seqs int) draftState {
	if p.Kind == "" {
		return draftState{}
	}
	return draftState{limit: p.PerSeq - 1, model: s.Draft, begun: make([]bool, seqs), proposed: make([]int32, seqs)}
}

// planDraft puts a plan in place of the draft model, so that a plan of the model can
// tell what both take. done frees it.
func (o *SessionOptions) planDraft(ctx context.Context) (done func(), err error) {
	if o.Speculation.none() || o.Speculation.Draft == nil {
		return func() {}, nil
	}
	m := o.Speculation.Draft
	plan, err := NewPlan(ctx, m.path, m.opts, SessionOptions{})
	if err != nil {
		return nil, err
	}
	s := *o.Speculation
	s.Draft = plan.Model()
	o.Speculation = &s
	return plan.Close, nil
}

var errNoDrafts = fmt.Errorf("%w: the session was opened without drafts", ErrSpeculation)

// BeginDraft tells that seq has computed a prompt, whole or from a copied prefix on,
// and that first was sampled from it. It begins the sequence anew.
//
// Errors: ErrSpeculation, ErrInvalidBatch, ErrDraft.
func (s *Session) BeginDraft(seq int32, prompt []int32, first int32) error {
	if s.drafts.limit == 0 {
		return errNoDrafts
	}
	if seq < 0 || seq >= s.seqs || len(prompt) == 0 {
		return fmt.Errorf("%w: drafts for sequence %d with a prompt of %d tokens; the session has %d", ErrInvalidBatch, seq, len(prompt), s.seqs)
	}
	if !s.native.DraftBegin(seq, prompt, first) {
		return fmt.Errorf("%w%s", ErrDraft, logged())
	}
	s.drafts.begun[seq], s.drafts.proposed[seq] = true, 0
	return nil
}

// Draft proposes tokens for each of the asks, of different sequences that have begun.
// It fills Tokens within its capacity, and grows it where that is too small. None is an
// answer.
//
// Errors: ErrSpeculation, ErrInvalidBatch, ErrAborted (with ctx's error), ErrDraft.
func (s *Session) Draft(ctx context.Context, asks []Ask) error {
	if s.native == nil {
		return ErrClosed
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("%w: %w", ErrAborted, err)
	}
	s.watch(ctx)
	d := &s.drafts
	if err := s.collect(asks); err != nil || len(asks) == 0 {
		return err
	}
	if code := s.native.Draft(d.seq, d.last, d.pos, d.most, d.count, d.tokens); code != 0 {
		return s.result(ctx, code)
	}
	at := 0
	for i := range asks {
		d.proposed[asks[i].Seq] = d.count[i]
		asks[i].Tokens = append(asks[i].Tokens[:0], d.tokens[at:at+int(d.count[i])]...)
		at += asks[i].Max
	}
	return nil
}

// collect puts the asks into the arrays of the call.
func (s *Session) collect(asks []Ask) error {
	d := &s.drafts
	if d.limit == 0 {
		return errNoDrafts
	}
	d.seq, d.last, d.pos, d.most, d.count, d.tokens = d.seq[:0], d.last[:0], d.pos[:0], d.most[:0], d.count[:0], d.tokens[:0]
	for _, a := range asks {
		if a.Seq < 0 || a.Seq >= s.seqs || !d.begun[a.Seq] || slices.Contains(d.seq, a.Seq) || a.Last < 0 || a.Last >= s.vocab || a.Pos < 1 || a.Pos >= s.perSeq || a.Max < 1 || a.Max > d.limit {
			return fmt.Errorf("%w: %d drafts behind token %d at position %d of sequence %d; each sequence that has begun may ask once, for 1 to %d",
				ErrInvalidBatch, a.Max, a.Last, a.Pos, a.Seq, d.limit)
		}
		d.seq, d.last, d.pos, d.most = append(d.seq, a.Seq), append(d.last, a.Last), append(d.pos, a.Pos), append(d.most, int32(a.Max))
		d.count = append(d.count, 0)
		d.tokens = append(d.tokens, make([]int32, a.Max)...)
	}
	return nil
}

// Accept tells what a step with that many drafts, 0 too, has given seq: the drafts
// that were accepted, and the one token that was sampled after them. Drafts may be
// others than what Draft proposed.
//
// Errors: ErrSpeculation, ErrInvalidBatch, ErrDraft.
func (s *Session) Accept(seq int32, drafted int, tokens []int32) error {
	d := &s.drafts
	if d.limit == 0 {
		return errNoDrafts
	}
	if seq < 0 || seq >= s.seqs || !d.begun[seq] || len(tokens) == 0 || len(tokens) > drafted+1 {
		return fmt.Errorf("%w: %d tokens of sequence %d from a step with %d drafts", ErrInvalidBatch, len(tokens), seq, drafted)
	}
	drafted = min(drafted, int(d.proposed[seq]))
	d.proposed[seq] = 0
	if !s.native.DraftAccept(seq, drafted, tokens) {
		return fmt.Errorf("%w%s", ErrDraft, logged())
	}
	return nil
}
