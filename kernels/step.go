package kernels

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// Demand is what each step of a model asks of the machine.
type Demand struct {
	Model  string    `json:"model"`
	Layers []Weights `json:"layers"` // matrices that every token goes through
	Output []Weights `json:"output"` // that of the logits, for tokens whose logits are wanted

	LayerCount int `json:"layer_count"`
	Embedding  int `json:"embedding"`
	Vocab      int `json:"vocabulary"`

	// KVBytes is the KV cache of one token of context, in bytes.
	KVBytes float64 `json:"kv_bytes_per_token"`
	// AttentionOps are the operations of one token for each token of its context.
	AttentionOps float64 `json:"attention_ops"`

	// Nodes are those of a graph that the machine begins one after the other.
	Nodes       int    `json:"graph_nodes"`
	NodesSource string `json:"graph_nodes_source,omitempty"`
	// HostLogits says that the logits are read by the CPU, for its argmax.
	HostLogits bool `json:"host_logits"`
}

// Weights are the matrices of one storage type.
type Weights struct {
	Type  string  `json:"type"`  // "Q4_0"
	Bytes float64 `json:"bytes"` // that a step of one token reads
	Ops   float64 `json:"ops"`   // operations of one token
}

// WeightBytes are read in each graph, the output's with it.
func (l *Demand) WeightBytes() float64 {
	var n float64
	for _, w := range slices.Concat(l.Layers, l.Output) {
		n += w.Bytes
	}
	return n
}

// Class is a kind of arithmetic.
type Class string

// The classes. Products of quantised weights are integer ones, with activations
// that are quantised too.
const (
	Int8 Class = "int8"
	F16  Class = "f16"
	BF   Class = "bf16"
	F32  Class = "f32"
)

// classOf is how the products of a storage type are made.
func classOf(storage string) Class {
	switch strings.ToUpper(storage) {
	case "F16":
		return F16
	case "BF16":
		return BF
	case "F32", "F64":
		return F32
	}
	return Int8
}

// Roofs are the limits of a machine that a step's least time follows from.
type Roofs struct {
	Name    string `json:"name" yaml:"name"`
	Devices int    `json:"devices" yaml:"devices"` // that hold the model, ≥ 1
	// Tensors says that they share each layer. Otherwise each has its own layers,
	// and a step goes through one after the other.
	Tensors bool `json:"tensors" yaml:"tensors"`

	// Read are the rates of one device by where the bytes lie, the nearest first;
	// the last is its memory.
	Read []Level `json:"read" yaml:"read"`
	// Sweeps are the times of reading the same bytes in the same order again and
	// again, as steps read weights, of sizes from the last cache's on.
	Sweeps []TimeForBytes `json:"sweeps,omitempty" yaml:"sweeps"`
	// Compute is in operations per second of one device. A class that is missing
	// bounds nothing.
	Compute map[Class]float64 `json:"compute" yaml:"compute"`
	// Dot is the rate of integer products in graphs of up to DotTokens tokens,
	// which matrix units are not used for; 0: that of Int8.
	Dot       float64 `json:"dot,omitempty" yaml:"dot"`
	DotTokens float64 `json:"dot_tokens,omitempty" yaml:"dot_tokens"`

	// Matrices are limits of the products with matrices of one storage type, "q4_0",
	// where they are known. Of others those above hold.
	Matrices map[string]MatrixRates `json:"matrices,omitempty" yaml:"matrices"`

	Node      float64        `json:"node_s" yaml:"node_s"`                   // a node of a graph, seconds
	AllReduce []TimeForBytes `json:"all_reduce,omitempty" yaml:"all_reduce"` // by size, the smallest first
	// Logits is the rate at which the CPU reads logits, bytes/s; 0: not known.
	Logits float64 `json:"logits_b_per_s,omitempty" yaml:"logits_b_per_s"`

	Sources []Origin `json:"sources,omitempty" yaml:"sources"`
}

// MatrixRates are the limits of one device with matrices of a storage type; 0: not known.
type MatrixRates struct {
	// Read is the rate in bytes/s at which a product with one vector reads them.
	Read float64 `json:"b_per_s,omitempty" yaml:"b_per_s"`
	// One and Many are operations/s where each block is unpacked for one token, and
	// for so many that unpacking takes no time.
	One  float64 `json:"op_per_s_one_token,omitempty" yaml:"op_per_s_one_token"`
	Many float64 `json:"op_per_s,omitempty" yaml:"op_per_s"`
}

// unpacking is what an operation of one token takes on top of one of many.
func (x MatrixRates) unpacking() float64 {
	if x.One <= 0 || x.Many <= 0 {
		return 0
	}
	return max(0, 1/x.One-1/x.Many)
}

// matrix are the limits of a storage type.
func (r *Roofs) matrix(storage string) MatrixRates { return r.Matrices[strings.ToLower(storage)] }

// Level is a cache, or the memory.
type Level struct {
	Name  string  `json:"name" yaml:"name"`
	Bytes float64 `json:"bytes" yaml:"bytes"` // that fit into it; of the memory 0
	Rate  float64 `json:"b_per_s" yaml:"b_per_s"`
}

// TimeForBytes is the time of an all-reduce or of a sweep through so many bytes.
type TimeForBytes struct {
	Bytes   float64 `json:"bytes" yaml:"bytes"`
	Seconds float64 `json:"s" yaml:"s"`
}

// Origin says where a figure is from.
type Origin struct {
	What  string `json:"what" yaml:"what"`
	Value string `json:"value" yaml:"value"`
	From  string `json:"from" yaml:"from"`
}

// Work is what one step consists of. Means of several steps are fractions.
type Work struct {
	Decode        float64 `json:"decode"`         // sequences that get a token
	Context       float64 `json:"context"`        // positions that they attend to, of all together
	Prompt        float64 `json:"prompt"`         // prompt tokens
	PromptContext float64 `json:"prompt_context"` // positions that these attend to, of all together
	Wanted        float64 `json:"wanted"`         // tokens whose logits are wanted
	Graphs        float64 `json:"graphs"`         // that the step is computed in; 0: one
}

// Limit is the least time of a step in seconds, by what takes it. Memory and
// Compute go on side by side; the rest comes on top.
type Limit struct {
	Memory   float64 `json:"memory_s"`
	Compute  float64 `json:"compute_s"`
	Link     float64 `json:"link_s"`
	Launch   float64 `json:"launch_s"`
	Sampling float64 `json:"sampling_s"`
}

// Total is the least time.
func (l Limit) Total() float64 {
	return max(l.Memory, l.Compute) + l.Link + l.Launch + l.Sampling
}

// The names of bounds.
const (
	BoundMemory   = "memory"
	BoundCompute  = "compute"
	BoundLink     = "link"
	BoundLaunch   = "launch"
	BoundSampling = "sampling"
	BoundLatency  = "latency"
)

// Spent is a least time by what it goes to, one after the other: of memory and
// compute, which go on side by side, only the longer one is in it.
type Spent struct {
	Memory   float64 `json:"memory_s"`
	Compute  float64 `json:"compute_s"`
	Link     float64 `json:"link_s"`
	Launch   float64 `json:"launch_s"`
	Sampling float64 `json:"sampling_s"`
}

// Spent is where a limit's time goes.
func (l Limit) Spent() Spent {
	s := Spent(l)
	if l.Compute > l.Memory {
		s.Memory = 0
	} else {
		s.Compute = 0
	}
	return s
}

// Bound is the largest term of a limit.
func (l Limit) Bound() string { return l.Spent().Bound() }

// Term is a part of a time.
type Term struct {
	Name    string
	Seconds float64
}

// Terms are the parts.
func (s Spent) Terms() []Term {
	return []Term{{BoundMemory, s.Memory}, {BoundCompute, s.Compute}, {BoundLink, s.Link}, {BoundLaunch, s.Launch}, {BoundSampling, s.Sampling}}
}

// Total is their sum.
func (s Spent) Total() float64 { return s.Memory + s.Compute + s.Link + s.Launch + s.Sampling }

// Bound is the largest.
func (s Spent) Bound() string {
	best := Term{}
	for _, t := range s.Terms() {
		if t.Seconds > best.Seconds {
			best = t
		}
	}
	return best.Name
}

// smallTerm is the share of a measured time below which a term does not bound it.
const smallTerm = 1.0 / 3

// BoundOf names what bounds a measured time: the largest term, or latency where
// all are small and most of the time is in none of them.
func (s Spent) BoundOf(measured float64) string {
	for _, t := range s.Terms() {
		if t.Seconds >= smallTerm*measured {
			return s.Bound()
		}
	}
	return BoundLatency
}

// plus adds another time so many times.
func (s Spent) plus(o Spent, times float64) Spent {
	return Spent{s.Memory + times*o.Memory, s.Compute + times*o.Compute, s.Link + times*o.Link, s.Launch + times*o.Launch, s.Sampling + times*o.Sampling}
}

// Step is the least time of a step with g devices:
//
//	memory   = (graphs · weights + context · KV) / (g · rate), each type at its own
//	compute  = Σ over types of (tokens · ops / rate + graphs · unpacking) / g, and the attention
//	link     = graphs · 2 · layers · all-reduce(size)
//	launch   = graphs · nodes · node
//	sampling = 4 · vocabulary · wanted / rate
//
// where the devices share each layer. Where each has its own, a step of one
// graph has one of them at work at a time, and several graphs follow each other
// through them.
func (r *Roofs) Step(m *Demand, w Work) Limit {
	graphs := max(w.Graphs, 1)
	tokens := w.Decode + w.Prompt
	at := r.together(graphs)
	l := Limit{
		Memory:  r.readTime(r.reads(m, w) / at),
		Compute: (r.productTime(m, w) + r.unpackTime(m, w)) / at,
		Launch:  graphs * float64(m.Nodes) * r.Node,
	}
	if r.Tensors && r.Devices > 1 {
		l.Link = graphs * 2 * float64(m.LayerCount) * r.allReduce(reduced(m, tokens/graphs))
	}
	if m.HostLogits && r.Logits > 0 {
		l.Sampling = 4 * float64(m.Vocab) * w.Wanted / r.Logits
	}
	return l
}

// together is how many devices work at a time.
func (r *Roofs) together(graphs float64) float64 {
	n := float64(max(r.Devices, 1))
	if r.Tensors {
		return n
	}
	return min(n, graphs)
}

// reads are the bytes that work has read, as many as the memory gives in the time
// that those of each storage type take.
func (r *Roofs) reads(m *Demand, w Work) float64 {
	n := w.Context * m.KVBytes
	for _, x := range slices.Concat(m.Layers, m.Output) {
		bytes := max(w.Graphs, 1) * x.Bytes
		if rate := r.matrix(x.Type).Read; rate > 0 {
			bytes *= r.Read[len(r.Read)-1].Rate / rate
		}
		n += bytes
	}
	return n
}

// readTime is the least time to read so many different bytes. They all come
// through the nearest level, and those that don't fit into it from the next one.
// Where sweeps were measured it is no less than theirs.
func (r *Roofs) readTime(bytes float64) float64 {
	var t, held float64
	for _, level := range r.Read {
		if level.Rate > 0 {
			t = max(t, (bytes-held)/level.Rate)
		}
		held += level.Bytes
	}
	if len(r.Sweeps) > 0 && bytes >= r.Sweeps[0].Bytes {
		t = max(t, between(r.Sweeps, bytes))
	}
	return t
}

// productTime is that of one device, for what there is of each token.
func (r *Roofs) productTime(m *Demand, w Work) float64 {
	tokens := w.Decode + w.Prompt
	each := tokens / max(w.Graphs, 1)
	var t float64
	for _, x := range m.Layers {
		t += r.time(x.Type, tokens*x.Ops, each)
	}
	for _, x := range m.Output {
		t += r.time(x.Type, w.Wanted*x.Ops, w.Wanted)
	}
	return t + r.time(string(F16), (w.Context+w.PromptContext)*m.AttentionOps, each)
}

// unpackTime is that of one device, for what there is of each graph. The output is
// computed where logits are wanted, which is so in every step that decodes.
func (r *Roofs) unpackTime(m *Demand, w Work) float64 {
	var t float64
	for _, x := range m.Layers {
		t += max(w.Graphs, 1) * x.Ops * r.matrix(x.Type).unpacking()
	}
	if w.Decode > 0 {
		for _, x := range m.Output {
			t += x.Ops * r.matrix(x.Type).unpacking()
		}
	}
	return t
}

// time is that of so many operations with matrices of a storage type, in graphs of
// so many tokens.
func (r *Roofs) time(storage string, ops, tokens float64) float64 {
	class := classOf(storage)
	rate := r.Compute[class]
	if class == Int8 && r.Dot > 0 && tokens <= r.DotTokens {
		rate = r.Dot
	}
	if many := r.matrix(storage).Many; many > 0 {
		rate = many
	}
	if rate <= 0 {
		return 0
	}
	return ops / rate
}

// bf16From is the number of values from which RCCL's sums are made of bfloat16.
const bf16From = 262144

// reduced is the size of one all-reduce for a graph of so many tokens, in bytes.
func reduced(m *Demand, tokens float64) float64 {
	values := float64(m.Embedding) * tokens
	if values >= bf16From {
		return 2 * values
	}
	return 4 * values
}

func (r *Roofs) allReduce(bytes float64) float64 { return between(r.AllReduce, bytes) }

// between is the time between two measured points in proportion, below the first
// that of the first, and beyond the last as from the last two on.
func between(points []TimeForBytes, bytes float64) float64 {
	n := len(points)
	switch {
	case n == 0:
		return 0
	case n == 1 || bytes <= points[0].Bytes:
		return points[0].Seconds
	}
	i := 1
	for i < n-1 && bytes > points[i].Bytes {
		i++
	}
	a, b := points[i-1], points[i]
	return max(0, a.Seconds+(bytes-a.Bytes)/(b.Bytes-a.Bytes)*(b.Seconds-a.Seconds))
}

// Least is the least time of a node that moves so many bytes and makes so many
// operations on values of a storage type for a number of tokens, on one device.
func (r *Roofs) Least(storage string, bytes, ops, tokens float64) float64 {
	return max(r.readTime(bytes), r.time(storage, ops, tokens)+ops/tokens*r.matrix(storage).unpacking())
}

// Check tells what makes roofs unusable.
func (r *Roofs) Check() error {
	if len(r.Read) == 0 {
		return fmt.Errorf("%q has no rate of its memory: read is missing", r.Name)
	}
	if r.Devices < 1 {
		return fmt.Errorf("%q has %d devices; there is 1 at least", r.Name, r.Devices)
	}
	for _, level := range r.Read {
		if !(level.Rate > 0) || level.Bytes < 0 || math.IsInf(level.Rate, 0) {
			return fmt.Errorf("%q reads %g B/s of %q with %g bytes; a rate is above 0", r.Name, level.Rate, level.Name, level.Bytes)
		}
	}
	for c, rate := range r.Compute {
		if !(rate > 0) || math.IsInf(rate, 0) {
			return fmt.Errorf("%q makes %g op/s of %s; a rate is above 0", r.Name, rate, c)
		}
	}
	for storage, x := range r.Matrices {
		for _, rate := range []float64{x.Read, x.One, x.Many} {
			if !(rate >= 0) || math.IsInf(rate, 0) {
				return fmt.Errorf("%q has a rate of %g with matrices of %s; none is below 0", r.Name, rate, storage)
			}
		}
	}
	for what, points := range map[string][]TimeForBytes{"all-reduce": r.AllReduce, "sweep": r.Sweeps} {
		for i, p := range points {
			if !(p.Seconds >= 0) || i > 0 && !(p.Bytes > points[i-1].Bytes) {
				return fmt.Errorf("%q: %s of %g bytes in %g s; sizes ascend, and times are not negative", r.Name, what, p.Bytes, p.Seconds)
			}
		}
	}
	if r.Node < 0 || r.Dot < 0 || r.Logits < 0 {
		return fmt.Errorf("%q: node %g s, dot %g op/s, logits %g B/s; none is negative", r.Name, r.Node, r.Dot, r.Logits)
	}
	return nil
}
