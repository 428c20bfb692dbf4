package engine

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"ceiling/engine/internal/llama"
)

func TestArgmax(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{1, 2, 63, 64, 65, 4095, 4096, 4097, 49152, 131072} {
		x := make([]float32, n)
		for i := range x {
			x[i] = float32(rng.NormFloat64())
		}
		for _, at := range []int{0, n / 2, n - 1} {
			saved := x[at]
			x[at] = 100
			if got := llama.Argmax(x); int(got) != at {
				t.Errorf("n=%d: argmax %d, want %d", n, got, at)
			}
			x[at] = saved
		}
		if n > 70 { // of equal values the first wins, across lanes and blocks
			x[n-1], x[n-2], x[69] = 7e8, 7e8, 7e8
			if got := llama.Argmax(x); got != 69 {
				t.Errorf("n=%d: tie went to %d, want 69", n, got)
			}
		}
	}
	nan := float32(math.NaN())
	if got := llama.Argmax([]float32{nan, nan, nan}); got != -1 {
		t.Errorf("argmax of nothing but NaN is %d, want -1", got)
	}
	many := slices.Repeat([]float32{nan}, 5000)
	if got := llama.Argmax(many); got != -1 {
		t.Errorf("argmax of 5000 NaN is %d, want -1", got)
	}
	low := []float32{float32(math.Inf(-1)), -5, float32(math.Inf(-1))}
	if got := llama.Argmax(low); got != 1 {
		t.Errorf("argmax of %v is %d", low, got)
	}
}

// TestRows: on any number of threads, the answers of one, row by row and call by
// call.
func TestRows(t *testing.T) {
	const n, most = 4096 + 37, 33
	rng := rand.New(rand.NewPCG(5, 6))
	x := make([]float32, most*n)
	for i := range x {
		x[i] = float32(rng.NormFloat64())
	}
	x[7*n+5] = float32(math.NaN())
	want := make([]int32, most)
	for i := range want {
		want[i] = llama.Argmax(x[i*n : (i+1)*n])
	}
	if want[7] != -1 {
		t.Fatalf("a row with NaN has argmax %d", want[7])
	}
	for _, threads := range []int{0, 1, 2, 5, 100} {
		r := llama.NewRows(threads)
		for call := range 200 {
			rows := 1 + call%most
			out := make([]int32, rows)
			if r.Argmax(x[:rows*n], n, out); !slices.Equal(out, want[:rows]) {
				t.Fatalf("%d threads, call %d of %d rows: %v, want %v", threads, call, rows, out, want[:rows])
			}
		}
		r.Free()
	}
}

// TestArgmaxThreads: threads beside the driving one where devices compute, none
// where the CPU's own are busy, and never more than rows.
func TestArgmaxThreads(t *testing.T) {
	m := load(t, synthModel(t, "q4_0"))
	split := Split{Mode: SplitTensor, Devices: []Device{{Name: "A"}, {Name: "B"}}}
	for _, c := range []struct {
		split         Split
		threads, seqs int
		want          int
	}{
		{m.split, 8, 32, 1}, {split, 8, 32, 8}, {split, 8, 3, 3}, {split, 1, 32, 1},
	} {
		on := &Model{native: m.native, file: m.file, split: c.split}
		p, err := on.openParams(&SessionOptions{Sequences: c.seqs, TokensPerSequence: 64, Threads: c.threads})
		if err != nil || p.ThreadsArgmax != c.want {
			t.Errorf("%d devices, %d threads, %d sequences: %d threads for the argmax, %v; want %d",
				len(c.split.Devices), c.threads, c.seqs, p.ThreadsArgmax, err, c.want)
		}
	}
}

// BenchmarkArgmaxRows: a step's argmax with a tensor split at 32 sequences.
func BenchmarkArgmaxRows(b *testing.B) {
	const rows, n = 32, 131072
	x := make([]float32, rows*n)
	for i := range x {
		x[i] = float32(i*7919%65536) / 65536
	}
	out := make([]int32, rows)
	for _, threads := range []int{1, 2, 4, 8} {
		b.Run(fmt.Sprintf("threads=%d", threads), func(b *testing.B) {
			r := llama.NewRows(threads)
			defer r.Free()
			b.SetBytes(4 * rows * n)
			for b.Loop() {
				r.Argmax(x, n, out)
			}
		})
	}
}

func BenchmarkArgmax(b *testing.B) {
	x := make([]float32, 131072)
	for i := range x {
		x[i] = float32(i*7919%65536) / 65536
	}
	b.SetBytes(int64(4 * len(x)))
	for b.Loop() {
		llama.Argmax(x)
	}
}

// TestGreedyPathsAgree: argmax on the CPU, argmax in the back end's graph,
// greedy text sampling, KV layout and flash attention on the same prompt.
func TestGreedyPathsAgree(t *testing.T) {
	m := load(t, realModel(t))
	prompts := [][]int32{prompt(m, 1, 40), prompt(m, 2, 25), prompt(m, 3, 31)}
	base := generate(t, open(t, m, SessionOptions{Sequences: 3, TokensPerSequence: 128}), prompts, 24)
	for name, o := range map[string]SessionOptions{
		"backend": {Greedy: true},
		"unified": {Unified: true},
		"ubatch":  {UBatch: 16},
	} {
		if !canDo(t, o) {
			continue
		}
		o.Sequences, o.TokensPerSequence = 3, 128
		s := open(t, m, o)
		got := generate(t, s, prompts, 24)
		for i := range prompts {
			if !slices.Equal(got[i], base[i]) {
				t.Errorf("%s, prompt %d: %v, want %v", name, i, got[i], base[i])
			}
		}
		backend, argmax := s.Sampled()
		if o.Greedy && (backend != 72 || argmax != 0) || !o.Greedy && (backend != 0 || argmax != 72) {
			t.Errorf("%s: %d tokens by the back end, %d by argmax; 72 in all", name, backend, argmax)
		}
	}
}

// Sequences that share one buffer, and such as have one each, between which cells
// are copied.
func TestSequenceOperations(t *testing.T) {
	m := load(t, synthModel(t, "q8_0"))
	for name, o := range map[string]SessionOptions{"one buffer": {Unified: true}, "a buffer each": {}} {
		t.Run(name, func(t *testing.T) {
			if o.Sequences, o.TokensPerSequence = 2, 64; canDo(t, o) {
				sequenceOperations(t, m, o)
			}
		})
	}
}

func sequenceOperations(t *testing.T, m *Model, o SessionOptions) {
	ctx := context.Background()
	p := prompt(m, 5, 30)
	want := generate(t, open(t, m, SessionOptions{Sequences: 1, TokensPerSequence: 64}), [][]int32{p}, 1)[0]

	s := open(t, m, o)
	var b Batch
	b.add(0, 0, p...)
	if err := s.Step(ctx, &b); err != nil || b.Out[0] != want[0] {
		t.Fatalf("first pass %v, %v; want %v", b.Out, err, want)
	}
	// All but the last token is shared, the last one computed again.
	if err := s.CopySeq(0, 1, 29); err != nil || seqLen(s, 1) != 29 {
		t.Fatalf("copy: %v, %d cells", err, seqLen(s, 1))
	}
	b.reset()
	b.add(1, 29, p[29])
	if err := s.Step(ctx, &b); err != nil || b.Out[0] != want[0] {
		t.Errorf("after the copy %v, %v; want %v", b.Out, err, want)
	}
	if err := s.RemoveSeq(0, 10); err != nil || seqLen(s, 0) != 10 || seqLen(s, 1) != 30 {
		t.Errorf("remove: %v, %d and %d cells", err, seqLen(s, 0), seqLen(s, 1))
	}
	for name, err := range map[string]error{
		"copy too long": s.CopySeq(0, 1, 11), "copy onto itself": s.CopySeq(0, 0, 1),
		"copy unknown": s.CopySeq(0, 2, 1), "remove unknown": s.RemoveSeq(2, 0), "remove negative": s.RemoveSeq(0, -1),
	} {
		if !errors.Is(err, ErrInvalidBatch) {
			t.Errorf("%s gave %v", name, err)
		}
	}
	s.Clear()
	if seqLen(s, 0) != 0 || seqLen(s, 1) != 0 {
		t.Error("clear left cells")
	}
}

func TestStepRefuses(t *testing.T) {
	m := load(t, synthModel(t, "q4_0"))
	ctx := context.Background()
	s := open(t, m, SessionOptions{Sequences: 2, TokensPerSequence: 256, Batch: 64, UBatch: 64})
	one := func(token, pos, seq int32) *Batch {
		return &Batch{Tokens: []int32{token}, Pos: []int32{pos}, Seqs: []int32{seq}, Want: []int8{1}}
	}
	long := &Batch{}
	long.add(0, 0, prompt(m, 1, s.BatchLimit()+1)...)
	for name, b := range map[string]*Batch{
		"empty": {}, "long": long, "token": one(int32(m.VocabSize()), 0, 0), "negative token": one(-1, 0, 0),
		"sequence": one(5, 0, 2), "position": one(5, int32(s.TokensPerSequence()), 0), "negative position": one(5, -1, 0),
		"uneven":    {Tokens: []int32{5, 6}, Pos: []int32{0}, Seqs: []int32{0}, Want: []int8{1}},
		"two wants": {Tokens: []int32{5, 6}, Pos: []int32{0, 1}, Seqs: []int32{0, 0}, Want: []int8{1, 1}},
		"gap":       {Tokens: []int32{5, 6}, Pos: []int32{0, 9}, Seqs: []int32{0, 0}, Want: []int8{0, 1}},
	} {
		if err := s.Step(ctx, b); !errors.Is(err, ErrInvalidBatch) {
			t.Errorf("%s gave %v", name, err)
		}
	}
	if err := s.Step(ctx, one(5, 0, 0)); err != nil {
		t.Errorf("a good batch after the bad ones: %v", err)
	}
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	if err := s.Step(cancelled, one(5, 1, 0)); !errors.Is(err, ErrAborted) || !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled step gave %v", err)
	}
	s.Close()
	if err := s.Step(ctx, one(5, 1, 0)); !errors.Is(err, ErrClosed) {
		t.Errorf("a closed session gave %v", err)
	}
}

func TestNoKVSlot(t *testing.T) {
	m := load(t, synthModel(t, "q4_0"))
	s := open(t, m, SessionOptions{Sequences: 2, TokensPerSequence: 256, TotalTokens: 256, Unified: true})
	var b Batch
	b.add(0, 0, prompt(m, 1, 200)...)
	if err := s.Step(context.Background(), &b); err != nil {
		t.Fatal(err)
	}
	b.reset()
	b.add(1, 0, prompt(m, 2, 100)...)
	if err := s.Step(context.Background(), &b); !errors.Is(err, ErrNoKVSlot) {
		t.Errorf("300 tokens in 256 cells gave %v", err)
	}
}

func TestAbortRunningStep(t *testing.T) {
	m := load(t, synthModel(t, "f16"))
	s := open(t, m, SessionOptions{Sequences: 1, TokensPerSequence: 8192, Batch: 8192})
	ctx, cancel := context.WithCancel(context.Background())
	var b Batch
	b.add(0, 0, prompt(m, 1, 8000)...)
	time.AfterFunc(30*time.Millisecond, cancel)
	if err := s.Step(ctx, &b); !errors.Is(err, ErrAborted) || !errors.Is(err, context.Canceled) {
		t.Fatalf("a step cancelled while it ran gave %v", err)
	}
	s.Clear()
	b.reset()
	b.add(0, 0, prompt(m, 1, 10)...)
	if err := s.Step(context.Background(), &b); err != nil {
		t.Errorf("the next step: %v", err)
	}
}

func TestOpenRefuses(t *testing.T) {
	m := load(t, synthModel(t, "q4_0"))
	for _, c := range []struct {
		name string
		o    SessionOptions
		want error
	}{
		{"context", SessionOptions{Sequences: 1, TokensPerSequence: m.Context() + 1, Threads: 1}, ErrContextTooSmall},
		{"memory", SessionOptions{Sequences: 256, TokensPerSequence: m.Context(), Threads: 1}, ErrOutOfMemory},
		{"memory, by a plan made before", SessionOptions{Sequences: 1, TokensPerSequence: 64, Threads: 1, Needs: []Need{{Device: "CPU", Context: 1 << 50}}}, ErrOutOfMemory},
		{"too many sequences", SessionOptions{Sequences: 300, TokensPerSequence: 1, Threads: 1}, ErrSession},
		{"KV type", SessionOptions{Sequences: 1, TokensPerSequence: 64, Threads: 1, KVType: "f8"}, ErrUnknownOption},
		{"flash", SessionOptions{Sequences: 1, TokensPerSequence: 64, Threads: 1, FlashAttn: "maybe"}, ErrUnknownOption},
		{"KV type without flash", SessionOptions{Sequences: 1, TokensPerSequence: 64, Threads: 1, KVType: "q8_0", FlashAttn: "off"}, ErrUnknownOption},
		{"nothing", SessionOptions{}, ErrUnknownOption},
	} {
		s, err := m.Open(context.Background(), c.o)
		if s != nil || !errors.Is(err, c.want) {
			t.Errorf("%s: got session %v, error %v; want %v", c.name, s != nil, err, c.want)
		}
	}
}

func TestSamplers(t *testing.T) {
	m := load(t, realModel(t))
	text := func(o SamplerOptions, n int) string {
		t.Helper()
		p, err := m.NewSampler(o)
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		s := open(t, m, SessionOptions{Sequences: 1, TokensPerSequence: 256})
		chat, err := m.Chat([]Message{{"user", "Name a number."}}, true)
		if err != nil {
			t.Fatal(err)
		}
		ids, err := m.Tokenize(chat, true, true)
		if err != nil {
			t.Fatal(err)
		}
		var b Batch
		var out []int32
		b.add(0, 0, ids...)
		for len(out) < n {
			if err := s.Decode(context.Background(), &b); err != nil {
				t.Fatal(err)
			}
			id, err := p.Sample(s, len(b.Tokens)-1)
			if err != nil {
				t.Fatal(err)
			}
			if m.EndsGeneration(id) {
				break
			}
			out = append(out, id)
			next := b.Pos[len(b.Pos)-1] + 1
			b.reset()
			b.add(0, next, id)
		}
		str, err := m.Detokenize(out, true)
		if err != nil {
			t.Fatal(err)
		}
		return str
	}
	warm := SamplerOptions{Temperature: 1, TopK: 40, TopP: 0.95, MinP: 0.01, Seed: 11}
	if a, b := text(warm, 24), text(warm, 24); a != b {
		t.Errorf("one seed, two texts: %q and %q", a, b)
	}
	other := warm
	other.Seed = 12
	if a, b := text(warm, 24), text(other, 24); a == b {
		t.Errorf("two seeds, one text: %q", a)
	}
	for seed := range uint32(5) {
		got := text(SamplerOptions{Temperature: 1.5, Seed: seed, Grammar: `root ::= [0-9] [0-9] [0-9]`}, 10)
		if len(got) != 3 || strings.Trim(got, "0123456789") != "" {
			t.Errorf("the grammar allows three digits, the text is %q", got)
		}
	}
	if _, err := m.NewSampler(SamplerOptions{Grammar: "root ::= ("}); !errors.Is(err, ErrGrammar) {
		t.Errorf("a broken grammar gave %v", err)
	}
}

// TestStepAllocatesNothing: Go's side of a step.
func TestStepAllocatesNothing(t *testing.T) {
	m := load(t, synthModel(t, "q4_0"))
	s := open(t, m, SessionOptions{Sequences: 4, TokensPerSequence: 256})
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var b Batch
	pos := int32(0)
	step := func() {
		b.reset()
		for seq := range int32(4) {
			b.Tokens, b.Pos = append(b.Tokens, 300+seq), append(b.Pos, pos)
			b.Seqs, b.Want = append(b.Seqs, seq), append(b.Want, 1)
		}
		pos++
		if err := s.Step(ctx, &b); err != nil {
			t.Fatal(err)
		}
	}
	step()
	if n := testing.AllocsPerRun(50, step); n != 0 {
		t.Errorf("%v allocations per step", n)
	}
}

func BenchmarkStep(b *testing.B) {
	m := load(b, synthModel(b, "q4_0"))
	s := open(b, m, SessionOptions{Sequences: 16, TokensPerSequence: 256})
	var batch Batch
	b.ReportAllocs()
	pos := int32(0)
	for b.Loop() {
		if pos == 255 {
			s.Clear()
			pos = 0
		}
		batch.reset()
		for seq := range int32(16) {
			batch.Tokens, batch.Pos = append(batch.Tokens, 300+seq), append(batch.Pos, pos)
			batch.Seqs, batch.Want = append(batch.Seqs, seq), append(batch.Want, 1)
		}
		pos++
		if err := s.Step(context.Background(), &batch); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N*16)/b.Elapsed().Seconds(), "tok/s")
}

// TestDecodeBound: what Go's check would let through, C refuses before it
// writes.
func TestDecodeBound(t *testing.T) {
	m := load(t, synthModel(t, "q4_0"))
	s := open(t, m, SessionOptions{Sequences: 1, TokensPerSequence: 256, Batch: 4096, UBatch: 64})
	if s.BatchLimit() != 256 {
		t.Fatalf("%d tokens in one batch; the library lowers it to the context, 256", s.BatchLimit())
	}
	for _, n := range []int{257, 4096, 1 << 16} {
		ints := make([]int32, n)
		if code := s.native.Decode(ints, ints, ints, make([]int8, n)); code != -1 {
			t.Errorf("%d tokens gave code %d, want -1", n, code)
		}
	}
}
