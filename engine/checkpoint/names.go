package checkpoint

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"ceiling/engine/gguf"
)

// naming is one of the three ways to name the language model's tensors inside
// a multimodal checkpoint, or outside of one.
type naming string

const (
	namingOuter naming = "language_model.model.X"
	namingInner naming = "model.language_model.X"
	namingPlain naming = "model.X"
)

// normalize strips the multimodal prefix from a tensor's name. use is "" for
// names that two ways of naming share.
func normalize(name string) (plain string, use naming) {
	if rest, ok := strings.CutPrefix(name, "language_model."); ok {
		return rest, namingOuter
	}
	if rest, ok := strings.CutPrefix(name, "model.language_model."); ok {
		return "model." + rest, namingInner
	}
	if strings.HasPrefix(name, "model.") {
		return name, namingPlain
	}
	return name, ""
}

// dropped reports whether a tensor belongs to a part of the checkpoint that
// takes no part in text generation, or can be computed.
func dropped(name string) bool {
	rest := strings.TrimPrefix(name, "model.")
	return strings.HasPrefix(rest, "vision_tower.") || strings.HasPrefix(rest, "multi_modal_projector.") ||
		strings.HasSuffix(name, ".rotary_emb.inv_freq")
}

// activationScales are tensors for quantised activations or KV caches, which
// change nothing in the weights. They are left out, with a warning.
var activationScales = map[string]bool{"k_scale": true, "v_scale": true, "q_scale": true, "input_scale": true, "output_scale": true}

// namings collects the ways of naming that a checkpoint uses.
type namings struct {
	used    naming
	example string
	head    string // lm_head.* without a prefix
}

// add fails where a name does not follow the naming of the ones before.
func (n *namings) add(name string, use naming) error {
	if use == "" {
		n.head = name
		use = n.used
	}
	if n.used != "" && use != n.used {
		return fmt.Errorf("tensors %q and %q are named after different conventions (%s and %s)", n.example, name, n.used, use)
	}
	if n.used == "" && use != "" {
		n.used, n.example = use, name
	}
	if n.head != "" && n.used == namingOuter {
		return fmt.Errorf("tensors %q and %q are named after different conventions", n.example, n.head)
	}
	return nil
}

// role is what a module is in the model: a matrix of out rows and in columns,
// or a vector of out elements.
type role struct {
	gguf   string // name in the file, without ".weight"
	out    int64
	in     int64 // 1 for a vector
	vector bool
	// heads > 0: the rows are those of so many heads, and change places inside
	// each of them.
	heads int64
	embed bool  // token_embd or output
	order int64 // place in the file
}

// layerRoles lists the modules of one layer in file order. Dimensions are
// filled in by roleOf.
var layerRoles = []struct{ hf, gguf string }{
	{"input_layernorm", "attn_norm"},
	{"self_attn.q_proj", "attn_q"},
	{"self_attn.k_proj", "attn_k"},
	{"self_attn.v_proj", "attn_v"},
	{"self_attn.o_proj", "attn_output"},
	{"post_attention_layernorm", "ffn_norm"},
	{"mlp.gate_proj", "ffn_gate"},
	{"mlp.up_proj", "ffn_up"},
	{"mlp.down_proj", "ffn_down"},
}

// orderStep leaves room for a weight and a bias of each module.
const orderStep = 2

// roleOf finds the role of a module by its normalised name.
func roleOf(module string, g gguf.Geometry) (role, error) {
	hidden, vocab := int64(g.Hidden), int64(g.Vocab)
	perLayer := int64(len(layerRoles)) * orderStep
	end := orderStep + int64(g.Layers)*perLayer
	switch module {
	case "model.embed_tokens":
		return role{gguf: "token_embd", out: vocab, in: hidden, embed: true}, nil
	case "model.norm":
		return role{gguf: "output_norm", out: hidden, in: 1, vector: true, order: end}, nil
	case "lm_head":
		return role{gguf: "output", out: vocab, in: hidden, embed: true, order: end + orderStep}, nil
	}
	rest, ok := strings.CutPrefix(module, "model.layers.")
	if !ok {
		return role{}, errUnknown
	}
	number, part, _ := strings.Cut(rest, ".")
	n, err := strconv.ParseInt(number, 10, 32)
	if err != nil || n < 0 || strconv.FormatInt(n, 10) != number {
		return role{}, errUnknown
	}
	for i, l := range layerRoles {
		if l.hf != part {
			continue
		}
		if n >= int64(g.Layers) {
			return role{}, fmt.Errorf("is of layer %d, but the configuration says that there are %d", n, g.Layers)
		}
		r := layerRole(l.gguf, g)
		r.gguf = fmt.Sprintf("blk.%d.%s", n, l.gguf)
		r.order = orderStep + n*perLayer + int64(i)*orderStep
		return r, nil
	}
	return role{}, errUnknown
}

var errUnknown = errors.New("is none that a dense Mistral or Llama model has")

// layerRole gives the dimensions of a layer's module.
func layerRole(name string, g gguf.Geometry) role {
	hidden, ffn := int64(g.Hidden), int64(g.FFN)
	q, kv := int64(g.Heads)*int64(g.HeadDim), int64(g.KVHeads)*int64(g.HeadDim)
	switch name {
	case "attn_q":
		return role{out: q, in: hidden, heads: int64(g.Heads)}
	case "attn_k":
		return role{out: kv, in: hidden, heads: int64(g.KVHeads)}
	case "attn_v":
		return role{out: kv, in: hidden}
	case "attn_output":
		return role{out: hidden, in: q}
	case "ffn_gate", "ffn_up":
		return role{out: ffn, in: hidden}
	case "ffn_down":
		return role{out: hidden, in: ffn}
	}
	return role{out: hidden, in: 1, vector: true}
}

// sourceRow returns the row of the checkpoint's matrix that becomes row number
// row of the file's. Inside each head of dim rows, llama.cpp wants the two
// halves interleaved: new row 2i+p is old row dim/2·p + i.
func (r role) sourceRow(row int64) int64 {
	if r.heads == 0 {
		return row
	}
	dim := r.out / r.heads
	head, j := row/dim, row%dim
	return head*dim + j%2*(dim/2) + j/2
}
