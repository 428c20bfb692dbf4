package engine

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"ceiling/engine/gguf"
	"ceiling/engine/internal/llama"
	"ceiling/engine/synth"
)

// needSpeculation leaves a test out where the build has no libllama-spec.
func needSpeculation(t *testing.T) {
	t.Helper()
	why := llama.SpeculationFault()
	if why == "" {
		return
	}
	if _, err := os.Stat(filepath.Join(LibraryDir(), "libllama-spec.so")); err == nil || os.Getenv("CI") == "true" {
		t.Fatalf("no speculation: %s", why)
	}
	t.Skipf("%s not run: %s", t.Name(), why)
}

// littleModel writes a model of two small layers with 32-bit weights: what rounds is the
// KV cache alone. The weights are those that the stored kind can hold.
func littleModel(t *testing.T, kind string, seed uint64) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), fmt.Sprintf("%s-%d.gguf", kind, seed))
	g, err := synth.Find("demo")
	if err != nil {
		t.Fatal(err)
	}
	g.Layers, g.Hidden, g.FFN, g.Heads, g.KVHeads, g.HeadDim, g.Vocab = 2, 128, 256, 2, 1, 64, 2048
	if _, err := synth.Write(context.Background(), synth.FileOptions{Geometry: g, Type: kind, Out: path, Seed: seed}); err != nil {
		t.Fatal(err)
	}
	return float32Model(t, path, 0)
}

// loopingModel is one whose text soon goes in circles, for drafts by n-grams: it knows
// 48 tokens and attends little.
func loopingModel(t *testing.T) string {
	t.Helper()
	path := littleModel(t, "f16", 7)
	file, err := gguf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	scale := func(name string, from int64, by float32) {
		w := file.Tensor(name)
		for i := from; i < w.Elements(); i++ {
			at := data[w.Start+4*i:]
			binary.LittleEndian.PutUint32(at, math.Float32bits(by*math.Float32frombits(binary.LittleEndian.Uint32(at))))
		}
	}
	scale("output.weight", (300+48)*128, 0)
	for l := range 2 {
		scale(fmt.Sprintf("blk.%d.attn_output.weight", l), 0, 0.1)
	}
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// proposer drafts tokens; [Session.Draft] is one.
type proposer func(asks []Ask) error

// told is what a text was made by.
type told struct{ proposed, accepted, verifications int }

// decoded is one sequence in flight.
type decoded struct {
	prompt, out []int32
	ask         Ask
}

// pos is where the token sampled last goes.
func (d *decoded) pos() int32 { return int32(len(d.prompt) + len(d.out) - 1) }

// speculate decodes n greedy tokens after each prompt. Sequences join one after the
// other, so that steps have prompts beside tokens and drafts; propose may be nil.
func speculate(t *testing.T, s *Session, prompts [][]int32, n, drafts int, propose proposer) ([][]int32, told) {
	t.Helper()
	var b Batch
	var sum told
	all := make([]decoded, len(prompts))
	for step := 0; slices.ContainsFunc(all, func(d decoded) bool { return len(d.out) < n }); step++ {
		var asks []Ask
		var asking []int
		for i := range all {
			d := &all[i]
			d.ask = Ask{}
			if most := min(drafts, n-len(d.out)-1); propose != nil && len(d.out) > 0 && most > 0 {
				asks, asking = append(asks, Ask{Seq: int32(i), Last: d.out[len(d.out)-1], Pos: d.pos(), Max: most}), append(asking, i)
			}
		}
		if len(asks) > 0 {
			if err := propose(asks); err != nil {
				t.Fatal(err)
			}
		}
		for k, i := range asking {
			all[i].ask = asks[k]
		}
		b.reset()
		for i := range all {
			d := &all[i]
			switch {
			case len(d.out) > 0 && len(d.out) < n:
				b.add(int32(i), d.pos(), append([]int32{d.out[len(d.out)-1]}, d.ask.Tokens...)...)
				for k := range d.ask.Tokens {
					b.Want[len(b.Want)-2-k] = 1
				}
			case len(d.out) == 0 && step >= 2*i:
				d.prompt = prompts[i]
				b.add(int32(i), 0, d.prompt...)
			}
		}
		if err := s.Step(context.Background(), &b); err != nil {
			t.Fatal(err)
		}
		at := 0
		for i := range all {
			d := &all[i]
			if d.prompt == nil || len(d.out) == n {
				continue
			}
			at += d.take(t, s, int32(i), b.Out[at:], n, propose != nil, &sum)
		}
		if at != len(b.Out) {
			t.Fatalf("%d tokens of %d were taken", at, len(b.Out))
		}
	}
	out := make([][]int32, len(all))
	for i := range all {
		out[i] = all[i].out
	}
	return out, sum
}

// take verifies the drafts of a sequence against what a step sampled, and returns how
// many samples were its own.
func (d *decoded) take(t *testing.T, s *Session, seq int32, out []int32, n int, drafting bool, sum *told) int {
	t.Helper()
	if len(d.out) == 0 {
		d.out = append(d.out, out[0])
		if drafting && s.drafts.limit > 0 {
			if err := s.BeginDraft(seq, d.prompt, out[0]); err != nil {
				t.Fatal(err)
			}
		}
		return 1
	}
	drafts := d.ask.Tokens
	k := 0
	for k < len(drafts) && drafts[k] == out[k] {
		k++
	}
	if len(drafts) > 0 {
		sum.proposed, sum.accepted, sum.verifications = sum.proposed+len(drafts), sum.accepted+k, sum.verifications+1
	}
	if k < len(drafts) {
		if err := s.RemoveSeq(seq, d.pos()+1+int32(k)); err != nil {
			t.Fatal(err)
		}
	}
	got := append(slices.Clone(drafts[:k]), out[k])
	d.out = append(d.out, got...)
	if drafting && s.drafts.limit > 0 && len(d.out) < n {
		if err := s.Accept(seq, len(drafts), got); err != nil {
			t.Fatal(err)
		}
	}
	return len(drafts) + 1
}

// sameTexts compares texts, and looks at where they part: a step with drafts has more
// rows than one without, which other kernels compute and round otherwise. There the two
// logits must be no further apart than three times what the shape of a step changes a
// logit by at that place.
func sameTexts(t *testing.T, name string, m *Model, kv string, prompts, got, want [][]int32) {
	t.Helper()
	for i := range prompts {
		k := 0
		for k < len(got[i]) && got[i][k] == want[i][k] {
			k++
		}
		if k == len(got[i]) {
			continue
		}
		ids := slices.Concat(prompts[i], want[i][:k])
		whole, apart := logitsBehind(t, m, kv, ids, 0), logitsBehind(t, m, kv, ids, len(ids)-1)
		noise := largestDifference([][]float32{whole}, [][]float32{apart})
		a, b := want[i][k], got[i][k]
		gap := math.Abs(float64(whole[a] - whole[b]))
		t.Logf("%s, text %d: token %d is %d with logit %.4f without drafts, %d with %.4f: %.2g apart, a step's shape changes a logit by up to %.2g",
			name, i, k, a, whole[a], b, whole[b], gap, noise)
		if !(gap <= 3*noise) {
			t.Errorf("%s, text %d: token %d differs where rounding can't explain it", name, i, k)
		}
	}
}

// logitsBehind are those behind the last of ids, the first of which are computed in a
// step of their own.
func logitsBehind(t *testing.T, m *Model, kv string, ids []int32, first int) []float32 {
	t.Helper()
	s := open(t, m, SessionOptions{Sequences: 1, TokensPerSequence: len(ids) + 1, Threads: 1, KVType: kv})
	defer s.Close()
	var b Batch
	if first > 0 {
		b.add(0, 0, ids[:first]...)
		if err := s.Decode(context.Background(), &b); err != nil {
			t.Fatal(err)
		}
		b.reset()
	}
	b.add(0, int32(first), ids[first:]...)
	if err := s.Decode(context.Background(), &b); err != nil {
		t.Fatal(err)
	}
	return s.Logits(len(ids) - first - 1)
}

// TestSpeculationKeepsTheText: greedy text with each kind of drafts is the text
// without, token by token, with 1, 4 and 8 sequences.
func TestSpeculationKeepsTheText(t *testing.T) {
	needSpeculation(t)
	m, loops := load(t, littleModel(t, "f16", 7)), load(t, loopingModel(t))
	rounded, other := load(t, littleModel(t, "q4_0", 7)), load(t, littleModel(t, "f16", 8))
	cases := []struct {
		name        string
		spec        Drafting
		on          *Model
		greedy      bool
		least, most float64 // of the drafts that are accepted
	}{
		{name: "itself", spec: Drafting{Kind: "draft", Draft: m}, on: m, least: 1, most: 1},
		{name: "itself, sampled by the back end, KV apart", spec: Drafting{Kind: "draft", Draft: m}, on: m, greedy: true, least: 1, most: 1},
		{name: "rounded", spec: Drafting{Kind: "draft", Draft: rounded, Max: 5}, on: m, least: 1e-3, most: 0.99},
		{name: "another", spec: Drafting{Kind: "draft", Draft: other}, on: m, most: 0.3},
		{name: "simple", spec: Drafting{Kind: "ngram-simple"}, on: loops, least: 0.01, most: 1},
		{name: "map", spec: Drafting{Kind: "ngram-map-k", Max: 9}, on: loops, least: 0.01, most: 1},
		{name: "map, KV apart", spec: Drafting{Kind: "ngram-map-k4v"}, on: loops, least: 0.01, most: 1},
		{name: "mod", spec: Drafting{Kind: "ngram-mod", Min: 1, Max: 16}, on: loops, least: 0.01, most: 1},
		{name: "cache", spec: Drafting{Kind: "ngram-cache"}, on: loops, least: 0.01, most: 1},
	}
	const tokens = 100
	for _, n := range []int{1, 4, 8} {
		base := SessionOptions{Sequences: n, TokensPerSequence: 512, Threads: 1, Unified: true}
		prompts, want := map[*Model][][]int32{}, map[*Model][][]int32{}
		for _, on := range []*Model{m, loops} {
			prompts[on] = make([][]int32, n)
			for i := range prompts[on] {
				prompts[on][i] = prompt(m, i, 9+5*i)
			}
			want[on], _ = speculate(t, open(t, on, base), prompts[on], tokens, 0, nil)
		}
		for i, round := range want[loops] { // which the text goes on with
			prompts[loops][i] = append(prompts[loops][i], round...)
		}
		want[loops], _ = speculate(t, open(t, loops, base), prompts[loops], tokens, 0, nil)
		for _, c := range cases {
			o := base
			o.Greedy, o.Unified = c.greedy, !strings.Contains(c.name, "apart")
			_, full, err := c.spec.find()
			if err != nil {
				t.Fatal(err)
			}
			o.Speculation, o.Drafts = &c.spec, full.Max
			s := open(t, c.on, o)
			if err := s.Warm(context.Background()); err != nil {
				t.Fatal(err)
			}
			got, sum := speculate(t, s, prompts[c.on], tokens, full.Max, func(asks []Ask) error { return s.Draft(context.Background(), asks) })
			name := fmt.Sprintf("%s, %s, %d sequences", c.spec.Kind, c.name, n)
			sameTexts(t, name, c.on, "f16", prompts[c.on], got, want[c.on])
			t.Logf("%s: %d of %d drafts accepted in %d verifications", name, sum.accepted, sum.proposed, sum.verifications)
			if rate := float64(sum.accepted) / float64(sum.proposed); !(rate >= c.least && rate <= c.most) {
				t.Errorf("%s: %d of %d drafts were accepted", name, sum.accepted, sum.proposed)
			}
			s.Close()
		}
	}
}

// TestSpeculationOnARealModel: the same with real weights and text that repeats.
func TestSpeculationOnARealModel(t *testing.T) {
	needSpeculation(t)
	m := load(t, realModel(t))
	text := "def area(width, height):\n    return width * height\n\ndef volume(width, height, depth):\n    return width * height * depth\n\n"
	ids, err := m.Tokenize(text+text+"def area(", true, false)
	if err != nil {
		t.Fatal(err)
	}
	prompts := [][]int32{ids, ids[:len(ids)-3]}
	base := SessionOptions{Sequences: 2, TokensPerSequence: 256, Unified: true, Threads: 1}
	want, _ := speculate(t, open(t, m, base), prompts, 40, 0, nil)
	for _, spec := range []Drafting{{Kind: "ngram-simple"}, {Kind: "draft", Draft: m}} {
		o := base
		o.Speculation, o.Drafts = &spec, 8
		s := open(t, m, o)
		got, sum := speculate(t, s, prompts, 40, 8, func(asks []Ask) error { return s.Draft(context.Background(), asks) })
		sameTexts(t, spec.Kind, m, "f16", prompts, got, want)
		t.Logf("%s: %d of %d drafts accepted in %d verifications", spec.Kind, sum.accepted, sum.proposed, sum.verifications)
		if sum.accepted == 0 {
			t.Errorf("%s: no draft of %d was accepted", spec.Kind, sum.proposed)
		}
		s.Close()
	}
}

// TestRejectedDraftsAreTakenBack: drafts that are right up to a random place, and wrong
// behind it, more than a thousand times.
func TestRejectedDraftsAreTakenBack(t *testing.T) {
	needSpeculation(t)
	m := load(t, littleModel(t, "f16", 7))
	const tokens, most = 200, 5
	prompts := [][]int32{prompt(m, 1, 40), prompt(m, 2, 3), prompt(m, 3, 25), prompt(m, 4, 9), prompt(m, 5, 9), prompt(m, 6, 70)}
	o := SessionOptions{Sequences: len(prompts), TokensPerSequence: 512, Threads: 1}
	for _, o.Unified = range []bool{true, false} {
		want, _ := speculate(t, open(t, m, o), prompts, tokens, 0, nil)
		rng := rand.New(rand.NewPCG(1, 2))
		guess := func(asks []Ask) error {
			for i := range asks {
				a := &asks[i]
				at := int(a.Pos) - len(prompts[a.Seq]) + 1 // of the text's token that follows Last
				right := rng.IntN(a.Max + 1)
				for k := range rng.IntN(a.Max + 1) {
					id := want[a.Seq][at+k]
					if k >= right {
						id = (id + 1) % int32(m.VocabSize())
					}
					a.Tokens = append(a.Tokens, id)
				}
			}
			return nil
		}
		with := o
		with.Speculation, with.Drafts = &Drafting{Kind: "ngram-cache"}, most
		got, sum := speculate(t, open(t, m, with), prompts, tokens, most, guess)
		sameTexts(t, "random patterns", m, "f16", prompts, got, want)
		t.Logf("%d patterns: %d of %d drafts accepted", sum.verifications, sum.accepted, sum.proposed)
		if sum.verifications < 250 || sum.accepted == 0 || sum.accepted == sum.proposed {
			t.Errorf("%+v", sum)
		}
	}
}

// TestDraftModelSharesAPrefix: what is copied and dropped is copied and dropped on the
// draft model's side.
func TestDraftModelSharesAPrefix(t *testing.T) {
	needSpeculation(t)
	m := load(t, littleModel(t, "f16", 7))
	ctx := context.Background()
	p := prompt(m, 5, 60)
	s := open(t, m, SessionOptions{Sequences: 2, TokensPerSequence: 256, Unified: true, Threads: 1, Speculation: &Drafting{Kind: "draft", Draft: m, Max: 4}, Drafts: 4})
	var b Batch
	b.add(0, 0, p...)
	if err := errors.Join(s.Step(ctx, &b), s.CopySeq(0, 1, 50), s.RemoveSeq(0, 0)); err != nil {
		t.Fatal(err)
	}
	b.reset()
	b.add(1, 50, p[50:]...)
	if err := s.Step(ctx, &b); err != nil {
		t.Fatal(err)
	}
	first := b.Out[0]
	asks := []Ask{{Seq: 1, Last: first, Pos: int32(len(p)), Max: 4}}
	if err := errors.Join(s.BeginDraft(1, p, first), s.Draft(ctx, asks)); err != nil {
		t.Fatal(err)
	}
	s.Clear()
	want := generate(t, s, [][]int32{p}, 5)[0]
	if got := append([]int32{first}, asks[0].Tokens...); !slices.Equal(got, want) {
		t.Errorf("drafts behind a copied prefix: %v, want %v", got, want)
	}
	if b.Drafting <= 0 {
		t.Error("the draft model took no time")
	}
}

// TestSpeculationRefused: each mistake in words, before a session is opened.
func TestSpeculationRefused(t *testing.T) {
	needSpeculation(t)
	m := load(t, littleModel(t, "q4_0", 7))
	path, id := withOtherToken(t, m)
	respelt := load(t, path)
	for _, c := range []struct {
		name string
		spec Drafting
		want string
		is   error
	}{
		{"kind", Drafting{Kind: "magic"}, `"magic"; use none, draft, mtp`, ErrUnknownOption},
		{"most", Drafting{Kind: "draft", Draft: m, Max: -1}, "-1", ErrUnknownOption},
		{"fewest", Drafting{Kind: "draft", Draft: m, Max: 2, Min: 3}, "3 to 2", ErrUnknownOption},
		{"probability", Drafting{Kind: "draft", Draft: m, PMin: 1.5}, "1.5", ErrUnknownOption},
		{"no draft model", Drafting{Kind: "draft"}, "needs one", ErrSpeculation},
		{"a draft model too many", Drafting{Kind: "ngram-mod", Draft: m}, "for kind draft", ErrSpeculation},
		{"no head", Drafting{Kind: "mtp"}, "no layers that predict further tokens", ErrSpeculation},
		{"a token", Drafting{Kind: "draft", Draft: respelt}, fmt.Sprintf("token %d is", id), ErrSpeculation},
	} {
		err := m.CheckSpeculation(c.spec)
		if !errors.Is(err, c.is) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v; want %q", c.name, err, c.want)
		}
		if s, err := m.Open(context.Background(), SessionOptions{Sequences: 1, TokensPerSequence: 64, Threads: 1, Speculation: &c.spec, Drafts: 2}); s != nil || !errors.Is(err, c.is) {
			t.Errorf("%s: opened, %v", c.name, err)
		}
	}
	for _, s := range []Drafting{{}, {Kind: "none"}, {Kind: "draft", Draft: m, Max: 7, Min: 7, PMin: 1}} {
		if err := m.CheckSpeculation(s); err != nil {
			t.Errorf("%+v: %v", s, err)
		}
	}
}

// TestVocabulariesOfTwoFamilies: sizes far apart.
func TestVocabulariesOfTwoFamilies(t *testing.T) {
	needSpeculation(t)
	m, real := load(t, littleModel(t, "q4_0", 7)), load(t, realModel(t))
	err := m.CheckSpeculation(Drafting{Kind: "draft", Draft: real})
	if !errors.Is(err, ErrSpeculation) || !strings.Contains(err.Error(), fmt.Sprint(real.VocabSize())) && !strings.Contains(err.Error(), "tokeniser") {
		t.Error(err)
	}
}

// withOtherToken copies a model with one token spelt differently, and as no other is.
func withOtherToken(t *testing.T, m *Model) (path string, id int32) {
	t.Helper()
	data, err := os.ReadFile(m.Path())
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for i := range int32(m.VocabSize()) {
		known[m.native.TokenText(i)] = true
	}
	respelt := func(id int32) string {
		text := []byte(m.native.TokenText(id))
		text[len(text)-1] ^= 1
		return string(text)
	}
	for id = 400; known[respelt(id)]; id++ {
	}
	// The vocabulary is a list of texts, each behind its length: this token's is found
	// by that of the one before it.
	entry := func(text string) []byte {
		return append([]byte{byte(len(text)), 0, 0, 0, 0, 0, 0, 0}, text...)
	}
	before, text := m.native.TokenText(id-1), m.native.TokenText(id)
	both := append(entry(before), entry(text)...)
	at := bytes.Index(data, both)
	if at < 0 {
		t.Fatalf("%q, %q are not in the file", before, text)
	}
	data[at+len(both)-1] ^= 1
	path = filepath.Join(t.TempDir(), "respelt.gguf")
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	return path, id
}

// TestDraftingRefuses: calls that can't be, and a session without drafts.
func TestDraftingRefuses(t *testing.T) {
	needSpeculation(t)
	m := load(t, littleModel(t, "q4_0", 7))
	ctx := context.Background()
	plain := open(t, m, SessionOptions{Sequences: 1, TokensPerSequence: 64})
	for name, err := range map[string]error{"begin": plain.BeginDraft(0, []int32{5}, 6), "draft": plain.Draft(ctx, []Ask{{}}), "accept": plain.Accept(0, 0, []int32{1})} {
		if !errors.Is(err, ErrSpeculation) {
			t.Errorf("%s without drafts: %v", name, err)
		}
	}
	s := open(t, m, SessionOptions{Sequences: 2, TokensPerSequence: 64, Speculation: &Drafting{Kind: "ngram-simple"}, Drafts: 4})
	if err := s.BeginDraft(0, prompt(m, 1, 5), 9); err != nil {
		t.Fatal(err)
	}
	good := Ask{Seq: 0, Last: 9, Pos: 5, Max: 4}
	asked := func(change func(*Ask)) error {
		a := good
		change(&a)
		return s.Draft(ctx, []Ask{a})
	}
	for name, err := range map[string]error{
		"an unknown sequence":  s.BeginDraft(2, []int32{5}, 6),
		"an empty prompt":      s.BeginDraft(0, nil, 6),
		"not begun":            asked(func(a *Ask) { a.Seq = 1 }),
		"twice":                s.Draft(ctx, []Ask{good, good}),
		"too many":             asked(func(a *Ask) { a.Max = 5 }),
		"none":                 asked(func(a *Ask) { a.Max = 0 }),
		"no such token":        asked(func(a *Ask) { a.Last = int32(m.VocabSize()) }),
		"beyond the context":   asked(func(a *Ask) { a.Pos = 1 << 20 }),
		"nothing accepted":     s.Accept(0, 0, nil),
		"more than was there":  s.Accept(0, 1, []int32{1, 2, 3}),
		"accepted, not begun":  s.Accept(1, 0, []int32{1}),
		"two samples too many": s.Step(ctx, &Batch{Tokens: make([]int32, 11), Pos: make([]int32, 11), Seqs: make([]int32, 11), Want: bytesOf(11)}),
	} {
		if !errors.Is(err, ErrInvalidBatch) {
			t.Errorf("%s: %v", name, err)
		}
	}
	gone, cancel := context.WithCancel(ctx)
	cancel()
	if err := s.Draft(gone, []Ask{good}); !errors.Is(err, ErrAborted) || !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if err := s.Draft(ctx, []Ask{good}); err != nil {
		t.Error(err)
	}
}

func bytesOf(n int) []int8 { return slices.Repeat([]int8{1}, n) }

// TestDraftModelOfNaN is found when the session is warmed, and not by its drafts.
func TestDraftModelOfNaN(t *testing.T) {
	needSpeculation(t)
	m := load(t, littleModel(t, "q4_0", 7))
	broken := load(t, withNormOf(t, littleModel(t, "q4_0", 7), func(int) float32 { return float32(math.NaN()) }))
	s := open(t, m, SessionOptions{Sequences: 1, TokensPerSequence: 64, Speculation: &Drafting{Kind: "draft", Draft: broken}, Drafts: 3})
	if err := s.Warm(context.Background()); !errors.Is(err, ErrNaN) || !strings.Contains(err.Error(), "draft model") {
		t.Errorf("NaN in the draft model: %v", err)
	}
}

// TestDryRunOfTwoModels: the plan of both is what both take, and the draft model can't
// be freed under a session.
func TestDryRunOfTwoModels(t *testing.T) {
	needSpeculation(t)
	ctx := context.Background()
	path, small := littleModel(t, "f16", 7), littleModel(t, "q4_0", 7)
	load1 := LoadOptions{Devices: []string{"none"}}
	sum := func(list []Need) (n uint64) {
		for _, x := range list {
			n += x.Sum()
		}
		return n
	}
	o := SessionOptions{Sequences: 4, TokensPerSequence: 256, Threads: 1}
	target, err := NewPlan(ctx, path, load1, SessionOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer target.Close()
	draft, err := NewPlan(ctx, small, load1, SessionOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer draft.Close()
	plain, err := target.Need(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	o.Speculation, o.Drafts = &Drafting{Kind: "draft", Draft: draft.Model()}, 3
	both, err := target.Need(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	m, d := load(t, path), load(t, small)
	o.Speculation = &Drafting{Kind: "draft", Draft: d}
	s := open(t, m, o)
	var real uint64
	list, _ := s.native.Memory()
	for _, x := range list {
		real += x.Model + x.Context + x.Compute
	}
	if got := sum(both); got != real || got < sum(plain)+uint64(d.Bytes()) {
		t.Errorf("the plan of both is %d bytes, they take %d; the target alone is planned with %d, the draft model has %d", got, real, sum(plain), d.Bytes())
	}
	if err := d.Close(); !errors.Is(err, ErrSessionsOpen) {
		t.Errorf("the draft model was freed under its session: %v", err)
	}
}
