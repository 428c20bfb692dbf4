// Package shape reads from a model's file what each of its steps asks of a
// machine.
package shape

import (
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"ceiling/engine/gguf"
	"ceiling/kernels"
)

// nodesPerLayer is the number of graph nodes of a layer where no graph was
// looked at: 760 in the 40 layers of Devstral.
const nodesPerLayer = 19

// Of reads the load of a GGUF file with a KV cache of the given type.
func Of(f *gguf.File, kvType string) (*kernels.Demand, error) {
	m := model{f: f}
	layers := m.number("block_count")
	kv, err := m.kv(kvType)
	if err != nil {
		return nil, err
	}
	if layers < 1 {
		return nil, fmt.Errorf("%q does not say how many layers it has", f.Paths[0])
	}
	l := &kernels.Demand{
		Model:      strings.TrimSuffix(filepath.Base(f.Paths[0]), ".gguf"),
		LayerCount: layers, Embedding: m.number("embedding_length"), Vocab: m.vocab(),
		KVBytes:      kv,
		AttentionOps: 2 * float64(layers*m.number("attention.head_count")*(m.head("key_length")+m.head("value_length"))),
		Nodes:        nodesPerLayer * layers, NodesSource: fmt.Sprintf("[est] %d a layer", nodesPerLayer),
	}
	l.Layers, l.Output = m.weights()
	return l, nil
}

type model struct{ f *gguf.File }

// number reads a hyperparameter; 0 where it is absent or no whole number. Of a
// list it is the largest.
func (m model) number(key string) int {
	v, ok := m.f.Value(m.f.Architecture() + "." + key)
	if !ok {
		return 0
	}
	switch list := v.(type) {
	case []uint32:
		return int(slices.Max(append(list, 0)))
	case []int32:
		return int(slices.Max(append(list, 0)))
	}
	n, err := strconv.ParseInt(fmt.Sprint(v), 10, 32)
	if err != nil {
		return 0
	}
	return int(n)
}

// head is a head's key or value length.
func (m model) head(key string) int {
	if n := m.number("attention." + key); n > 0 {
		return n
	}
	return m.number("embedding_length") / max(m.number("attention.head_count"), 1)
}

// kv is the KV cache of one token in bytes.
func (m model) kv(kvType string) (float64, error) {
	heads := m.number("attention.head_count_kv")
	if heads == 0 {
		heads = m.number("attention.head_count")
	}
	for t := gguf.Type(0); t < 64; t++ {
		info, ok := t.Info()
		if !ok || !strings.EqualFold(info.Name, kvType) {
			continue
		}
		values := m.number("block_count") * heads * (m.head("key_length") + m.head("value_length"))
		return float64(values) / float64(info.Block) * float64(info.Bytes), nil
	}
	return 0, fmt.Errorf("no KV type %q", kvType)
}

func (m model) vocab() int {
	if list, ok, _ := gguf.Get[[]string](m.f, "tokenizer.ggml.tokens"); ok {
		return len(list)
	}
	return m.number("vocab_size")
}

const (
	tokenTable = "token_embd.weight"
	output     = "output.weight"
)

// weights sums up the matrices by storage type. The token table is looked up by
// rows; where there is no output matrix it is that one, too.
func (m model) weights() (layers, out []kernels.Weights) {
	tied := !slices.ContainsFunc(m.f.Tensors, func(t gguf.Tensor) bool { return t.Name == output })
	experts, used := m.number("expert_count"), m.number("expert_used_count")
	for _, t := range m.f.Tensors {
		share := 1.0
		if strings.Contains(t.Name, "_exps.") && experts > 0 && used > 0 {
			share = float64(used) / float64(experts)
		}
		w := kernels.Weights{Type: t.Type.String(), Bytes: share * float64(t.Bytes)}
		if len(t.Dims) > 1 {
			w.Ops = 2 * share * float64(t.Elements())
		}
		switch {
		case t.Name == output || t.Name == tokenTable && tied:
			out = add(out, w)
		case t.Name != tokenTable:
			layers = add(layers, w)
		}
	}
	return layers, out
}

// add adds to the entry of the same type.
func add(list []kernels.Weights, w kernels.Weights) []kernels.Weights {
	i := slices.IndexFunc(list, func(x kernels.Weights) bool { return x.Type == w.Type })
	if i < 0 {
		return append(list, w)
	}
	list[i].Bytes += w.Bytes
	list[i].Ops += w.Ops
	return list
}
