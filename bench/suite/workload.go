package suite

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"

	"ceiling/bench/result"
)

// WorkloadSpec says which requests a scenario consists of.
type WorkloadSpec struct {
	Scenario result.Scenario
	Vocab    Vocab
	Seed     uint64
	// First is the number of prompts in the run before this scenario's, and
	// Total the number in the whole run. They keep cold prompts different
	// across scenarios.
	First, Total int
	// Warm repeats the prompts of one shape in every scenario that has the
	// shape, as a server with prefix caching sees them.
	Warm bool
	// Texts are those of the scenario's dataset. Context is the most tokens that
	// the model takes, prompt and output: a request from a dataset that has more
	// is refused; 0: not known.
	Texts   *Texts
	Context int
}

// Request is one request of a workload.
type Request struct {
	Input  int // prompt tokens, BOS and shared prefix included
	Output int // tokens to generate
	// Turn is the request's place in its conversation, from 0. Of a later turn
	// New are the tokens of the prompt that the user adds; what was said before
	// is the answers' to say, and Input the most that there may be.
	Turn, New int
	// Arrival is the intended start in seconds after the scenario's start; 0
	// in a closed loop.
	Arrival float64
	// Hash is the SHA-256 of the ids that Prompt gives, each as 4 little-endian bytes,
	// cut to its first 16 hex digits.
	Hash string
	// Refused is why the request fails without being tried; "": it is.
	Refused string
}

// Workload is the list of requests of one scenario, in the semantics of the
// random data set of vLLM's benchmark, with a generator of our own.
//
// With nominal lengths I and O in tokens and the range ratio r, request
// lengths are whole numbers drawn evenly from
//
//	input  ~ U[⌊I(1−r)⌋, ⌈I(1+r)⌉]
//	output ~ U[max(1, ⌊O(1−r)⌋), max(1, ⌈O(1+r)⌉)]
//
// A prompt is BOS (where the model adds it), the shared prefix, and tokens
// drawn evenly from the allowed ids, BOS + drawn = input exactly. The first
// drawn tokens count the prompts of the run in base |allowed|, so that no two
// prompts begin alike: with more allowed ids than prompts they differ in the
// very first one.
//
// The prompts of a dataset are the file's, and come again where it has fewer than
// the run. BOS is part of their lengths too.
type Workload struct {
	Requests []Request

	Spec   WorkloadSpec
	src    source
	prefix []int32
	digits int       // leading tokens that number the prompt
	shift  uint64    // added to the number
	span   uint64    // |allowed|^digits
	order  []passage // in the dataset, by request
}

// NewWorkload draws the lengths and the schedule, and hashes every prompt. It
// ends with ctx: a large suite takes a while. Another error means that the
// vocabulary can't carry the scenario.
func NewWorkload(ctx context.Context, spec WorkloadSpec) (*Workload, error) {
	if err := spec.Vocab.Check(); err != nil {
		return nil, err
	}
	w, err := DrawLengths(spec)
	if err != nil {
		return nil, err
	}
	w.drawPrefix()
	if sc := spec.Scenario; sc.RequestRate > 0 {
		at := Arrivals(spec.Seed, sc.Prompts, sc.RequestRate, sc.GammaShape())
		for i := range at {
			w.Requests[i*sc.TurnsEach()].Arrival = at[i]
		}
	}
	if err := w.hash(ctx); err != nil {
		return nil, err
	}
	return w, nil
}

// DrawLengths makes a workload of lengths alone, without prompts and schedule.
// With the error, which means that the scenario's prompts can't be made
// different, there are lengths too.
func DrawLengths(spec WorkloadSpec) (*Workload, error) {
	w := &Workload{Spec: spec, src: newSource()}
	w.drawLengths()
	if spec.Scenario.Dataset != nil {
		return w, w.takeTexts()
	}
	return w, w.number()
}

// number decides how many tokens it takes to number the prompts.
func (w *Workload) number() error {
	sc, base := w.Spec.Scenario, uint64(len(w.Spec.Vocab.Allowed))
	total := uint64(max(w.Spec.Total, w.Spec.First+sc.Requests()))
	for w.span = 1; w.span < total; w.span *= base {
		w.digits++
	}
	lo, _ := sc.InputBounds()
	if room := lo - w.Spec.Vocab.bosLen(); room < max(w.digits, 1) {
		return fmt.Errorf("prompts of \"%d\" tokens can't be made different %d times with %d ids: raise input", lo, total, base)
	}
	w.digits = max(w.digits, 1)
	w.span = max(w.span, base)
	w.shift = mix(w.Spec.Seed, streamOffset) % w.span
	return nil
}

func (w *Workload) drawPrefix() {
	n := w.Spec.Scenario.PrefixLen
	if n == 0 {
		return
	}
	key := uint64(w.Spec.First) + 1
	if w.Spec.Warm {
		key = 0
	}
	w.src.seek(w.Spec.Seed, streamPrefix, uint64(n), key)
	w.prefix = w.draw(make([]int32, 0, n), n)
}

func (w *Workload) drawLengths() {
	sc := w.Spec.Scenario
	w.Requests = make([]Request, sc.Requests())
	w.src.seek(w.Spec.Seed, streamLengths, uint64(sc.Input), uint64(sc.Output), math.Float64bits(sc.RangeRatio))
	lo, hi := sc.InputBounds()
	for i := range w.Requests {
		r := &w.Requests[i]
		r.Turn = i % sc.TurnsEach()
		if r.New = lo + w.src.IntN(hi-lo+1); r.Turn == 0 {
			r.New += sc.PrefixLen
		}
	}
	lo, hi = sc.OutputBounds()
	for i := range w.Requests {
		r := &w.Requests[i]
		r.Output = lo + w.src.IntN(hi-lo+1)
		w.sum(i)
	}
}

// sum makes the input of request i of what was said before and what is new.
func (w *Workload) sum(i int) {
	r := &w.Requests[i]
	if r.Input = r.New; r.Turn > 0 {
		before := &w.Requests[i-1]
		r.Input += before.Input + before.Output
	}
}

func (w *Workload) hash(ctx context.Context) error {
	var prompt []int32
	var raw []byte
	for i := range w.Requests {
		if err := ctx.Err(); err != nil {
			return err
		}
		prompt = w.Prompt(prompt[:0], i)
		raw = raw[:0]
		for _, id := range prompt {
			raw = binary.LittleEndian.AppendUint32(raw, uint32(id))
		}
		sum := sha256.Sum256(raw)
		w.Requests[i].Hash = hex.EncodeToString(sum[:8])
	}
	return nil
}

// Prompt appends the prompt of request i to dst and returns it; of a later turn,
// what the user adds to what was said. It allocates
// nothing where dst has room for Requests[i].Input ids. Calls may come in any
// order, but not from two goroutines at once.
func (w *Workload) Prompt(dst []int32, i int) []int32 {
	if w.order != nil {
		return w.text(dst, i)
	}
	spec, n := w.Spec, w.Requests[i].New
	bos, prefix := spec.Vocab.bosLen(), w.prefix
	if w.Requests[i].Turn > 0 {
		bos, prefix = 0, nil
	}
	body := n - bos - len(prefix)
	number := uint64(spec.First + i)
	w.src.seek(spec.Seed, streamPrompt, number)
	if spec.Warm {
		shape := mix(spec.Seed, streamShape, uint64(n), uint64(len(prefix)))
		number = (uint64(i) + shape) % w.span
		w.src.seek(shape, uint64(i))
	}
	if bos > 0 {
		dst = append(dst, spec.Vocab.BOS)
	}
	dst = append(dst, prefix...)
	base := uint64(len(spec.Vocab.Allowed))
	number = (number + w.shift) % w.span
	for range w.digits {
		dst = append(dst, spec.Vocab.Allowed[number%base])
		number /= base
	}
	return w.draw(dst, body-w.digits)
}

// Followed says whether another turn of its conversation comes after request i.
func (w *Workload) Followed(i int) bool {
	return w.Requests[i].Turn+1 < w.Spec.Scenario.TurnsEach()
}

// draw appends n random allowed ids.
func (w *Workload) draw(dst []int32, n int) []int32 {
	allowed := w.Spec.Vocab.Allowed
	for range n {
		dst = append(dst, allowed[w.src.Uint32N(uint32(len(allowed)))])
	}
	return dst
}

// Longest returns the most prompt tokens, output tokens, and both together,
// of any request that is tried.
func (w *Workload) Longest() (input, output, both int) {
	for _, r := range w.Requests {
		if r.Refused != "" {
			continue
		}
		input, output, both = max(input, r.Input), max(output, r.Output), max(both, r.Input+r.Output)
	}
	return input, output, both
}

// Tokens returns the prompt and output tokens of all requests that are tried.
func (w *Workload) Tokens() (input, output int64) {
	for _, r := range w.Requests {
		if r.Refused != "" {
			continue
		}
		input += int64(r.Input)
		output += int64(r.Output)
	}
	return input, output
}

// Context is n tokens to be in the KV cache before requests: BOS where the model
// adds it, and tokens drawn evenly from the allowed ids. A shorter one is the
// beginning of a longer one.
func Context(v Vocab, seed uint64, n int) []int32 {
	w := Workload{Spec: WorkloadSpec{Vocab: v}, src: newSource()}
	w.src.seek(seed, streamContext)
	out := make([]int32, 0, n)
	if v.AddBOS && n > 0 {
		out = append(out, v.BOS)
	}
	return w.draw(out, n-len(out))
}
