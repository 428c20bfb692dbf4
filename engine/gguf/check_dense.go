package gguf

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"ceiling/internal/oneline"
)

// denseParams are the hyperparameters of a llama-family model, after the
// defaults that llama.cpp fills in.
type denseParams struct {
	layers, hidden, heads, headsKV, keyLen, valueLen, rot, ffn, experts int64
	vocab                                                               int64
	longrope                                                            bool
}

// dense checks the hyperparameters and tensors of architectures llama and
// mistral3. tokens is the size of the vocabulary, 0 where unknown.
func (c *checker) dense(tokens int) {
	c.denseFloats()
	c.temperature()
	if causal, ok := value[bool](c, c.arch+".attention.causal"); ok && !causal {
		c.addf("%s.attention.causal is false: text can't be generated", c.arch)
	}
	p, ok := c.denseParams()
	if !ok {
		return
	}
	p.vocab = int64(tokens)
	if tokens == 0 {
		t := c.f.Tensor("token_embd.weight")
		if t == nil || len(t.Dims) < 2 {
			c.addf("tensor \"token_embd.weight\" is missing or not a matrix")
			return
		}
		p.vocab = t.Dims[1]
	}
	c.denseTensors(p)
}

// denseParams reads the dimensions and checks them against each other. ok is
// false where they are too broken to derive shapes from.
func (c *checker) denseParams() (p denseParams, ok bool) {
	layers, ok1 := c.required("block_count", 1, maxLayers)
	hidden, ok2 := c.required("embedding_length", 1, maxLength)
	nextn, _ := value[uint32](c, c.arch+".nextn_predict_layers")
	if !ok1 || !ok2 || layers <= nextn {
		return p, false
	}
	experts, _ := value[uint32](c, c.arch+".expert_count")
	heads := c.uniform("attention.head_count", layers, maxHeads)
	ffn := c.uniform("feed_forward_length", layers, maxLength)
	headsKV := heads
	if _, ok := c.f.Value(c.arch + ".attention.head_count_kv"); ok {
		headsKV = c.uniform("attention.head_count_kv", layers, maxHeads)
	}
	if heads == 0 || headsKV == 0 || ffn == 0 || experts > maxExperts {
		return p, false
	}
	before := len(c.problems)
	if heads%headsKV != 0 {
		c.addf("%s.attention.head_count %d is not a multiple of head_count_kv %d", c.arch, heads, headsKV)
	}
	p = denseParams{
		layers: int64(layers - nextn), hidden: int64(hidden), heads: int64(heads),
		headsKV: int64(headsKV), ffn: int64(ffn), experts: int64(experts),
	}
	perHead := hidden / heads
	p.keyLen = c.headDim("attention.key_length", perHead)
	p.valueLen = c.headDim("attention.value_length", perHead)
	p.rot = c.headDim("rope.dimension_count", uint32(p.keyLen))
	if p.keyLen != p.valueLen || p.keyLen != p.rot {
		c.addf("%s: key length %d, value length %d and rope dimension %d must be equal", c.arch, p.keyLen, p.valueLen, p.rot)
	}
	scaling, _ := value[string](c, c.arch+".rope.scaling.type")
	p.longrope = cString(scaling) == "longrope"
	return p, len(c.problems) == before
}

// uniform returns a per-layer hyperparameter that must be the same in all
// layers, as llama.cpp assumes for these architectures; 0 where it is wrong.
func (c *checker) uniform(key string, layers, hi uint32) uint32 {
	if _, ok := c.f.Value(c.arch + "." + key); !ok {
		c.addf("the key %s.%s is missing", c.arch, key)
		return 0
	}
	list := c.perLayer(key, layers)
	switch {
	case list == nil: // reported where it was read
		return 0
	case slices.Min(list) != slices.Max(list):
		c.addf("%s.%s differs between layers, which %s models can't", c.arch, key, c.arch)
		return 0
	case list[0] < 1 || list[0] > hi:
		c.addf("%s.%s is %d, must be 1 to %d", c.arch, key, list[0], hi)
		return 0
	}
	return list[0]
}

// headDim returns a dimension of attention heads: even, since positions rotate
// pairs of elements.
func (c *checker) headDim(key string, otherwise uint32) int64 {
	v, ok := value[uint32](c, c.arch+"."+key)
	if !ok {
		v = otherwise
	}
	if v < 2 || v > maxHeadDim || v%2 != 0 {
		c.addf("%s.%s is %d, must be even and 2 to %d", c.arch, key, v, maxHeadDim)
	}
	return int64(v)
}

// float checks that a float32 key, where present, is a number from lo to hi.
func (c *checker) float(key string, lo, hi float64) (float64, bool) {
	v, ok := value[float32](c, c.arch+"."+key)
	if !ok {
		return 0, false
	}
	x := float64(v)
	if math.IsNaN(x) || x < lo || x > hi {
		c.addf("%s.%s is %v, must be %v to %v", c.arch, key, v, lo, hi)
		return x, false
	}
	return x, true
}

const tiny = 1e-30 // the lower bound of floats that must be positive

func (c *checker) denseFloats() {
	if _, ok := c.f.Value(c.arch + ".attention.layer_norm_rms_epsilon"); !ok {
		c.addf("the key %s.attention.layer_norm_rms_epsilon is missing", c.arch)
	}
	c.float("attention.layer_norm_rms_epsilon", tiny, 1)
	c.float("rope.freq_base", 1.0001, maxRopeBase)
	c.float("rope.scaling.factor", 0, maxRopeScale)
	c.float("rope.scale_linear", 0, maxRopeScale)
	c.float("rope.scaling.attn_factor", tiny, maxRopeScale)
	c.float("rope.scaling.alpha", 0, maxRopeScale)
	c.float("rope.scaling.yarn_beta_fast", tiny, maxRopeScale)
	c.float("rope.scaling.yarn_beta_slow", tiny, maxRopeScale)
	c.float("rope.scaling.yarn_ext_factor", -1, maxRopeScale)
	c.float("rope.scaling.yarn_attn_factor", -1, maxRopeScale)
	if scaling, _ := value[string](c, c.arch+".rope.scaling.type"); cString(scaling) != "yarn" {
		return
	}
	multiplier, _ := c.float("rope.scaling.yarn_log_multiplier", -100, 100)
	factor, ok := c.float("rope.scaling.factor", 0, maxRopeScale)
	switch {
	case !ok || factor == 0: // no scaling
	case factor < 1:
		c.addf("%s.rope.scaling.factor is %v, yarn needs at least 1", c.arch, factor)
	case 0.1*multiplier*math.Log(factor)+1 < 1e-3:
		c.addf("%s.rope.scaling.yarn_log_multiplier %v with factor %v makes the attention's magnitude meaningless",
			c.arch, multiplier, factor)
	}
}

// temperature checks the attention temperature: scale·ln(1 + ⌊position /
// original context⌋), which divides by the original context.
func (c *checker) temperature() {
	original, ok := value[uint32](c, c.arch+".rope.scaling.original_context_length")
	if !ok {
		original, _ = value[uint32](c, c.arch+".context_length")
	}
	if original > maxContext {
		c.addf("%s.rope.scaling.original_context_length is %d, must be 1 to %d", c.arch, original, maxContext)
	}
	scale, ok := c.float("attention.temperature_scale", 0, 1000)
	if ok && scale != 0 && original == 0 {
		c.addf("%s.attention.temperature_scale is %v but the original context length is 0", c.arch, scale)
	}
}

// wanted is a tensor that llama.cpp would look for.
type wanted struct {
	dims     []int64
	optional bool
	vector   bool // added or multiplied element by element: must be F32
}

// denseTensors compares the file's tensors with those that llama.cpp creates.
// It refuses missing and unknown ones alike.
func (c *checker) denseTensors(p denseParams) {
	want := p.tensors(c.f)
	blocks := c.blocks()
	if int64(len(blocks)) != p.layers || blocks[p.layers-1] == 0 {
		c.addf("%s.block_count is %d but the file holds tensors of %d blocks", c.arch, p.layers, len(blocks))
		return
	}
	for _, name := range slices.Sorted(maps.Keys(want)) {
		t, w := c.f.Tensor(name), want[name]
		switch {
		case t == nil && w.optional:
		case t == nil:
			c.addf("tensor %q is missing", name)
		default:
			c.denseTensor(t, w)
		}
	}
	for i := range c.f.Tensors {
		if name := c.f.Tensors[i].Name; want[name].dims == nil {
			c.addf("tensor %s is none that %s models have", oneline.Quote(name), c.arch)
		}
	}
}

func (c *checker) denseTensor(t *Tensor, w wanted) {
	got := t.Dims
	for len(got) > len(w.dims) && got[len(got)-1] == 1 {
		got = got[:len(got)-1]
	}
	if !slices.Equal(got, w.dims) {
		c.addf("tensor %s has shape %s, the metadata asks for %s", oneline.Quote(t.Name), t.Shape(), shape(w.dims))
	}
	info, _ := t.Type.Info()
	switch {
	case w.vector && t.Type != F32:
		c.addf("tensor %s is of type %s, must be F32", oneline.Quote(t.Name), t.Type)
	case !w.vector && !info.Weight:
		c.addf("tensor %s is of type %s, which can't be a weight", oneline.Quote(t.Name), t.Type)
	}
}

// blocks counts the tensors named blk.N.… by N.
func (c *checker) blocks() map[int64]int {
	n := map[int64]int{}
	for i := range c.f.Tensors {
		rest, ok := strings.CutPrefix(c.f.Tensors[i].Name, "blk.")
		if !ok {
			continue
		}
		number, _, _ := strings.Cut(rest, ".")
		if b, err := strconv.ParseInt(number, 10, 32); err == nil {
			n[b]++
		}
	}
	return n
}

// tensors lists every tensor that llama.cpp creates for these parameters.
// Shapes are in ggml's order: input first.
func (p denseParams) tensors(f *File) map[string]wanted {
	want := map[string]wanted{
		"token_embd.weight":  {dims: []int64{p.hidden, p.vocab}},
		"output_norm.weight": {dims: []int64{p.hidden}, vector: true},
		"output.weight":      {dims: []int64{p.hidden, p.vocab}, optional: true},
	}
	factors := []string{"rope_freqs.weight"}
	if p.longrope {
		factors = []string{"rope_factors_long.weight", "rope_factors_short.weight"}
	}
	for _, name := range factors {
		want[name] = wanted{dims: []int64{p.rot / 2}, optional: true, vector: true}
	}
	if t := f.Tensor("output.weight"); t != nil && t.Type == typeNVFP4 {
		for _, suffix := range []string{".scale", ".input_scale"} {
			want["output"+suffix] = wanted{dims: []int64{1}, optional: true, vector: true}
		}
	}
	for i := range p.layers {
		p.block(want, f, fmt.Sprintf("blk.%d.", i))
	}
	return want
}

const typeNVFP4 Type = 40

// block adds the tensors of one layer.
func (p denseParams) block(want map[string]wanted, f *File, blk string) {
	norm := wanted{dims: []int64{p.hidden}, vector: true}
	want[blk+"attn_norm.weight"], want[blk+"ffn_norm.weight"] = norm, norm
	q, k, v := p.keyLen*p.heads, p.keyLen*p.headsKV, p.valueLen*p.headsKV
	linear := func(name string, in, out int64) {
		want[blk+name+".weight"] = wanted{dims: []int64{in, out}}
		want[blk+name+".bias"] = wanted{dims: []int64{out}, optional: true, vector: true}
		scales(want, blk+name, 1)
	}
	if f.Tensor(blk+"attn_qkv.weight") != nil {
		linear("attn_qkv", p.hidden, q+k+v)
		if f.Tensor(blk+"attn_qkv.bias") == nil {
			for name, n := range map[string]int64{"attn_q": q, "attn_k": k, "attn_v": v} {
				want[blk+name+".bias"] = wanted{dims: []int64{n}, optional: true, vector: true}
			}
		}
	} else {
		linear("attn_q", p.hidden, q)
		linear("attn_k", p.hidden, k)
		linear("attn_v", p.hidden, v)
	}
	linear("attn_output", q, p.hidden)
	if p.experts == 0 {
		linear("ffn_gate", p.hidden, p.ffn)
		linear("ffn_up", p.hidden, p.ffn)
		linear("ffn_down", p.ffn, p.hidden)
		return
	}
	want[blk+"ffn_gate_inp.weight"] = wanted{dims: []int64{p.hidden, p.experts}}
	want[blk+"ffn_gate_exps.weight"] = wanted{dims: []int64{p.hidden, p.ffn, p.experts}, optional: true}
	want[blk+"ffn_up_exps.weight"] = wanted{dims: []int64{p.hidden, p.ffn, p.experts}}
	want[blk+"ffn_down_exps.weight"] = wanted{dims: []int64{p.ffn, p.hidden, p.experts}}
	for _, name := range []string{"ffn_gate_exps", "ffn_up_exps", "ffn_down_exps"} {
		scales(want, blk+name, p.experts)
	}
}

// scales adds the optional factors of a matrix's output and input.
func scales(want map[string]wanted, name string, n int64) {
	for _, suffix := range []string{".scale", ".input_scale"} {
		want[name+suffix] = wanted{dims: []int64{n}, optional: true, vector: true}
	}
}
