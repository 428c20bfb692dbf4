package synth

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"ceiling/engine/gguf"
)

// storage is one of the types that Write offers.
type storage struct {
	name   string
	linear gguf.Type // of the matrices inside the blocks
	table  gguf.Type // of token_embd and output
	ftype  uint32    // general.file_type
}

// storages lists them. Checkpoints that are quantised to 4 or 8 bits keep the
// embedding and the output matrix in bfloat16, and so do these files; only
// f16 has all matrices alike.
var storages = []storage{
	{"q4_0", gguf.Q4_0, gguf.BF16, 2},
	{"q4_1", gguf.Q4_1, gguf.BF16, 3},
	{"q8_0", gguf.Q8_0, gguf.BF16, 7},
	{"f16", gguf.F16, gguf.F16, 1},
}

// Types returns the names that FileOptions.Type may have.
func Types() []string {
	names := make([]string, len(storages))
	for i, s := range storages {
		names[i] = s.name
	}
	return names
}

func findStorage(name string) (storage, error) {
	i := slices.IndexFunc(storages, func(s storage) bool { return s.name == name })
	if i < 0 {
		return storage{}, fmt.Errorf("no weight type %q: name one of %s", name, strings.Join(Types(), ", "))
	}
	return storages[i], nil
}

// FilePlan says what Write would write.
type FilePlan struct {
	Tensors    []gguf.Tensor
	Parameters int64 // elements of all tensors
	Size       int64 // bytes of the file
}

// NewPlan computes the plan for a geometry and a weight type without writing
// anything. It fails as Write would.
func NewPlan(g NamedGeometry, weightType string) (*FilePlan, error) {
	w, _, err := prepare(FileOptions{Geometry: g, Type: weightType})
	if err != nil {
		return nil, err
	}
	l, err := w.Layout()
	if err != nil {
		return nil, err
	}
	p := &FilePlan{Tensors: l.Tensors, Size: l.Size}
	for i := range l.Tensors {
		p.Parameters += l.Tensors[i].Elements()
	}
	return p, nil
}

// tensor is one tensor to write: its shape in ggml's order, input first, and
// the root mean square of its elements.
type tensor struct {
	name string
	kind gguf.Type
	dims []int64
	rms  float64 // 0: a vector of normalisation weights, all about 1
}

// The sizes of values in the network. A matrix with fan-in n and elements of
// root mean square s turns inputs of mean square 1 into outputs of mean square
// n·s².
const (
	// residual is the size of the hidden state that the embedding gives.
	// Normalisation takes it out again, so only its ratio to what the blocks
	// add counts; it is this large to keep the scales of 8-bit blocks out of
	// the subnormal range of 16-bit floats, which some devices flush to zero.
	residual = 16
	// attention is the spread of the attention's scores: enough for a query
	// to single out a few positions, so that the next token depends on more
	// than the last one.
	attention = 2
	// logits is the spread of the output.
	logits = 3
	// gated is the size of silu(x)·y for x and y of size 1.
	gated = 0.6
)

// tensors lists the tensors in file order.
func (g NamedGeometry) tensors(s storage) []tensor {
	h, ffn, vocab := int64(g.Hidden), int64(g.FFN), int64(g.Vocab)
	q, kv := int64(g.Heads*g.HeadDim), int64(g.KVHeads*g.HeadDim)
	// Each block adds twice to the hidden state; together they add about as
	// much as the embedding, at any depth.
	branch := residual / math.Sqrt(2*float64(g.Layers))
	fan := func(size float64, in int64) float64 { return size / math.Sqrt(float64(in)) }
	list := []tensor{{"token_embd.weight", s.table, []int64{h, vocab}, residual}}
	for i := range g.Layers {
		blk := fmt.Sprintf("blk.%d.", i)
		list = append(list,
			tensor{blk + "attn_norm.weight", gguf.F32, []int64{h}, 0},
			tensor{blk + "attn_q.weight", s.linear, []int64{h, q}, fan(math.Sqrt(attention), h)},
			tensor{blk + "attn_k.weight", s.linear, []int64{h, kv}, fan(math.Sqrt(attention), h)},
			tensor{blk + "attn_v.weight", s.linear, []int64{h, kv}, fan(1, h)},
			tensor{blk + "attn_output.weight", s.linear, []int64{q, h}, fan(branch, q)},
			tensor{blk + "ffn_norm.weight", gguf.F32, []int64{h}, 0},
			tensor{blk + "ffn_gate.weight", s.linear, []int64{h, ffn}, fan(1, h)},
			tensor{blk + "ffn_up.weight", s.linear, []int64{h, ffn}, fan(1, h)},
			tensor{blk + "ffn_down.weight", s.linear, []int64{ffn, h}, fan(branch/gated, ffn)},
		)
	}
	return append(list,
		tensor{"output_norm.weight", gguf.F32, []int64{h}, 0},
		tensor{"output.weight", s.table, []int64{h, vocab}, fan(logits, h)},
	)
}

// prepare validates the options and returns a writer that has all metadata and
// tensor descriptions, and the tensors.
func prepare(o FileOptions) (*gguf.Writer, []tensor, error) {
	if err := o.Geometry.Validate(); err != nil {
		return nil, nil, fmt.Errorf("geometry %q:\n%w", o.Geometry.Name, err)
	}
	s, err := findStorage(o.Type)
	if err != nil {
		return nil, nil, err
	}
	list := o.Geometry.tensors(s)
	var parameters float64
	for _, t := range list {
		elements := 1.0
		for _, n := range t.dims {
			elements *= float64(n)
		}
		parameters += elements
	}
	if parameters > maxParameters {
		return nil, nil, fmt.Errorf("geometry %q has %.3g parameters, at most %.0g are allowed", o.Geometry.Name, parameters, float64(maxParameters))
	}
	w := gguf.NewWriter(o.Out)
	metadata(w, o, s, int64(parameters))
	for _, t := range list {
		w.AddTensor(t.name, t.kind, t.dims...)
	}
	return w, list, nil
}

// maxParameters keeps sizes far from overflow.
const maxParameters = 1e14

// architecture is llama.cpp's name for the graph of these models.
const architecture = "mistral3"

// metadata adds every key that llama.cpp reads of a mistral3 model.
func metadata(w *gguf.Writer, o FileOptions, s storage, parameters int64) {
	g := o.Geometry
	g.Architecture = architecture
	title, size := g.Title, g.SizeLabel
	if title == "" {
		title = g.Name
	}
	if size == "" {
		size = gguf.SizeLabel(parameters)
	}
	w.Add("general.architecture", g.Architecture)
	w.Add("general.type", "model")
	w.Add("general.name", title)
	w.Add("general.basename", g.Name)
	w.Add("general.finetune", "synthetic")
	w.Add("general.size_label", size)
	w.Add("general.description", fmt.Sprintf("random weights (seed %d) in this geometry, to measure speed with: the text is meaningless", o.Seed))
	w.Add("general.tags", []string{"synthetic"})
	w.Add("general.file_type", s.ftype)
	w.Add("general.quantization_version", uint32(2))
	for _, kv := range g.Metadata() {
		w.Add(kv.Key, kv.Value)
	}
	vocabulary(w, newTokenizer(g.Vocab))
}

func vocabulary(w *gguf.Writer, t *tokenizer) {
	w.Add("tokenizer.ggml.model", "gpt2")
	w.Add("tokenizer.ggml.pre", "tekken")
	w.Add("tokenizer.ggml.tokens", t.tokens)
	w.Add("tokenizer.ggml.token_type", t.types)
	w.Add("tokenizer.ggml.merges", t.merges)
	w.Add("tokenizer.ggml.bos_token_id", uint32(bosID))
	w.Add("tokenizer.ggml.eos_token_id", uint32(eosID))
	w.Add("tokenizer.ggml.unknown_token_id", uint32(unkID))
	w.Add("tokenizer.ggml.padding_token_id", uint32(padID))
	w.Add("tokenizer.ggml.add_bos_token", true)
	w.Add("tokenizer.ggml.add_eos_token", false)
	w.Add("tokenizer.chat_template", chatTemplate)
}
