package bench

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"ceiling/bench/result"
	"ceiling/bench/suite"
)

// fakeEngine is an engine whose Step sleeps a modelled time, for virtual
// clocks, and which checks what the contract asks of the batches it gets. It
// keeps the KV cache as cells with the token in them, so that a wrong
// position, a wrong copy or one cell too many fails the test.
type fakeEngine struct {
	t     testing.TB
	spec  SessionSpec
	limit int
	// A step takes base + perToken × tokens.
	base, perToken time.Duration
	failAt         int // the step, from 1, that returns failErr
	failErr        error
	onStep         func(step int)

	kv     map[int32][]cell
	nextID int
	steps  []string // "seq@pos+n", "*" where a token is asked for
	ended  [][]int32
	closed bool

	// propose drafts, given the tokens that will come; nil: those.
	propose   func(seq int32, right []int32) []int32
	draftTook time.Duration // by Draft
	drafting  time.Duration // by the draft side in Step
	texts     map[int32][]int32
	told      []string // what the draft side was told
}

type cell struct {
	id  int
	tok int32
}

var errFake = errors.New("no KV slot:\n try a smaller batch")

func newFake(t testing.TB, spec SessionSpec) *fakeEngine {
	return &fakeEngine{t: t, spec: spec, limit: 4096, base: 10 * time.Millisecond, kv: map[int32][]cell{}, texts: map[int32][]int32{}}
}

func (f *fakeEngine) Step(ctx context.Context, b *StepBatch) error {
	if f.closed {
		f.t.Error("step on a closed engine")
	}
	if f.onStep != nil {
		f.onStep(len(f.steps) + 1)
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("aborted: %w", err)
	}
	if len(b.Tokens) == 0 || len(b.Tokens) > f.limit {
		f.t.Errorf("batch of %d tokens, limit %d", len(b.Tokens), f.limit)
	}
	if !slices.IsSorted(b.Seqs) {
		f.t.Errorf("sequences out of order: %v", b.Seqs)
	}
	f.steps = append(f.steps, describe(b))
	b.Graphs = 1
	if !f.spec.Unified {
		b.Graphs = cuts(b)
	}
	b.Drafting = f.drafting
	time.Sleep(f.base + time.Duration(len(b.Tokens))*f.perToken + f.drafting)
	if f.failAt == len(f.steps) {
		return f.failErr
	}
	for i, tok := range b.Tokens {
		f.put(b.Seqs[i], b.Pos[i], tok)
		if b.Want[i] == 1 {
			b.Out = append(b.Out, f.sample(b.Seqs[i]))
		}
	}
	f.checkCells()
	return nil
}

func (f *fakeEngine) put(seq, pos, tok int32) {
	if int(seq) >= f.spec.Sequences || int(pos) >= f.spec.TokensPerSequence {
		f.t.Errorf("token at sequence %d, position %d: the session is %+v", seq, pos, f.spec)
	}
	if int(pos) != len(f.kv[seq]) {
		f.t.Errorf("sequence %d: position %d after %d tokens", seq, pos, len(f.kv[seq]))
	}
	f.nextID++
	f.kv[seq] = append(f.kv[seq], cell{f.nextID, tok})
}

// sample is a function of everything in the sequence, so a wrong cell shows
// in every token after it.
func (f *fakeEngine) sample(seq int32) int32 { return sampled(f.kv[seq]) }

func sampled(cells []cell) int32 {
	h := uint64(1)
	for _, c := range cells {
		h = (h ^ uint64(c.tok)) * 0x9e3779b97f4a7c15 // 2⁶⁴ / the golden ratio: it spreads
		h ^= h >> 32
	}
	return int32(h % 100)
}

func (f *fakeEngine) BeginDraft(seq int32, prompt []int32, first int32) error {
	f.texts[seq] = append(slices.Clone(prompt), first)
	f.told = append(f.told, fmt.Sprintf("%d begins with %d", seq, len(prompt)))
	return nil
}

func (f *fakeEngine) Accept(seq int32, drafted int, tokens []int32) error {
	f.texts[seq] = append(f.texts[seq], tokens...)
	f.told = append(f.told, fmt.Sprintf("%d gets %d of %d", seq, len(tokens)-1, drafted))
	return nil
}

func (f *fakeEngine) Draft(_ context.Context, asks []DraftAsk) error {
	time.Sleep(f.draftTook)
	for i := range asks {
		ask := &asks[i]
		f.checkAsk(ask)
		cells := append(slices.Clone(f.kv[ask.Seq]), cell{tok: ask.Last})
		var right []int32
		for range ask.Max {
			id := sampled(cells)
			right, cells = append(right, id), append(cells, cell{tok: id})
		}
		if f.propose != nil {
			right = f.propose(ask.Seq, right)
		}
		ask.Tokens = append(ask.Tokens, right...)
	}
	return nil
}

// checkAsk compares what was told of a sequence to what is in its cells.
func (f *fakeEngine) checkAsk(ask *DraftAsk) {
	var held []int32
	for _, c := range f.kv[ask.Seq] {
		held = append(held, c.tok)
	}
	text := f.texts[ask.Seq]
	if behind := len(held) + 1 - len(text); behind < 0 || int(ask.Pos) != len(held) || ask.Last != text[len(text)-1] || !slices.Equal(held[behind:], text[:len(text)-1]) {
		f.t.Errorf("asked for drafts behind %d at %d of a sequence that holds %v and was told of %v", ask.Last, ask.Pos, held, text)
	}
	if ask.Max < 1 || ask.Max > f.spec.Drafts || cap(ask.Tokens) < ask.Max || len(ask.Tokens) > 0 {
		f.t.Errorf("asked for %d tokens with room for %d, of a session with %d drafts", ask.Max, cap(ask.Tokens), f.spec.Drafts)
	}
}

// cells is the number of KV cells in use.
func (f *fakeEngine) cells() int {
	used := map[int]bool{}
	for _, cells := range f.kv {
		for _, c := range cells {
			used[c.id] = true
		}
	}
	return len(used)
}

func (f *fakeEngine) checkCells() {
	most := f.spec.TotalTokens
	if most == 0 {
		most = f.spec.Sequences * f.spec.TokensPerSequence
	}
	if n := f.cells(); n > most {
		f.t.Errorf("%d cells in use, the session has %d", n, most)
	}
}

func (f *fakeEngine) RemoveSeq(seq, from int32) error {
	var ids []int32
	for _, c := range f.kv[seq] {
		ids = append(ids, c.tok)
	}
	f.ended = append(f.ended, ids)
	f.kv[seq] = f.kv[seq][:from]
	if from == 0 {
		delete(f.kv, seq)
	}
	return nil
}

func (f *fakeEngine) CopySeq(src, dst, n int32) error {
	if !f.spec.Unified && !f.spec.Keep {
		f.t.Error("copy in a session that is not unified")
	}
	if len(f.kv[dst]) > 0 || len(f.kv[src]) < int(n) {
		f.t.Errorf("copy %d tokens of %d (%d) to %d (%d)", n, src, len(f.kv[src]), dst, len(f.kv[dst]))
		return nil
	}
	f.kv[dst] = slices.Clone(f.kv[src][:n])
	return nil
}

func (f *fakeEngine) BatchLimit() int { return f.limit }

func (f *fakeEngine) Close() error {
	f.closed = true
	return nil
}

// cuts counts the graphs that the library makes of a batch in a session that is
// not unified: each takes sequences of consecutive ids, equally many tokens of
// each.
func cuts(b *StepBatch) (graphs int) {
	left := map[int32]int{}
	for _, seq := range b.Seqs {
		left[seq]++
	}
	for len(left) > 0 {
		seqs := slices.Sorted(maps.Keys(left))
		n := 1
		for n < len(seqs) && seqs[n] == seqs[n-1]+1 {
			n++
		}
		least := left[seqs[0]]
		for _, seq := range seqs[:n] {
			least = min(least, left[seq])
		}
		for _, seq := range seqs[:n] {
			if left[seq] -= least; left[seq] == 0 {
				delete(left, seq)
			}
		}
		graphs++
	}
	return graphs
}

// describe writes a batch as "seq@pos+n" per sequence, with * where a token
// is asked for.
func describe(b *StepBatch) string {
	var out []string
	for i := 0; i < len(b.Tokens); {
		j, want := i, ""
		for j < len(b.Tokens) && b.Seqs[j] == b.Seqs[i] {
			if b.Want[j] == 1 {
				want += "*"
			}
			j++
		}
		out = append(out, fmt.Sprintf("%d@%d+%d%s", b.Seqs[i], b.Pos[i], j-i, want))
		i = j
	}
	return strings.Join(out, " ")
}

// fakeOpener opens fakes, and remembers them.
type fakeOpener struct {
	t       testing.TB
	prepare func(n int, f *fakeEngine) // n counts sessions from 1
	refuse  func(spec SessionSpec) error
	opened  []*fakeEngine
}

func (o *fakeOpener) Open(_ context.Context, spec SessionSpec) (Engine, error) {
	if o.refuse != nil {
		if err := o.refuse(spec); err != nil {
			return nil, err
		}
	}
	f := newFake(o.t, spec)
	if o.prepare != nil {
		o.prepare(len(o.opened)+1, f)
	}
	o.opened = append(o.opened, f)
	return f, nil
}

// testVocab has 100 ids without BOS; 0 to 9 are special.
func testVocab() suite.Vocab {
	v := suite.Vocab{Size: 100}
	for id := int32(10); id < 100; id++ {
		v.Allowed = append(v.Allowed, id)
	}
	return v
}

func mustWorkload(t testing.TB, spec suite.WorkloadSpec) *suite.Workload {
	t.Helper()
	w, err := suite.NewWorkload(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func testWorkload(t testing.TB, sc result.Scenario) *suite.Workload {
	t.Helper()
	return mustWorkload(t, suite.WorkloadSpec{Scenario: sc, Vocab: testVocab(), Seed: 1, Total: sc.Prompts})
}

// testExecutor is an executor over a fresh fake; it must be made inside the bubble
// whose clock it uses.
func testExecutor(t testing.TB, sc result.Scenario, budget int) (*executor, *fakeEngine) {
	t.Helper()
	return executorOver(t, testWorkload(t, sc), budget)
}

func executorOver(t testing.TB, w *suite.Workload, budget int) (*executor, *fakeEngine) {
	t.Helper()
	_, _, both := w.Longest()
	f := newFake(t, SessionSpec{Sequences: w.Spec.Scenario.Concurrency, TokensPerSequence: both})
	return newExecutor(f, result.NewClock(0), w, 0, budget), f
}

// writeJournal makes a journal of the records.
func writeJournal(t *testing.T, path string, recs []result.Record) {
	t.Helper()
	j, err := result.CreateJournal(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := j.Append(recs); err != nil {
		t.Fatal(err)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
}
