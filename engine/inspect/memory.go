package inspect

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"ceiling/engine/gguf"
)

// modelShape is what the memory of a loaded model follows from: that of a
// GGUF file, or of the one that a checkpoint would be converted to.
type modelShape struct {
	arch    string
	value   func(key string) (any, bool) // metadata
	tensors []gguf.Tensor
}

// number reads an architecture's hyperparameter; nil where it is absent or
// not one whole number.
func (m modelShape) number(key string) *int64 {
	v, ok := m.value(m.arch + "." + key)
	if !ok {
		return nil
	}
	n, err := strconv.ParseInt(fmt.Sprint(v), 10, 64)
	if err != nil {
		return nil
	}
	return &n
}

// MemoryQuery is what --context, --sequences, --kv-type, --gpus and
// --split-mode ask for.
type MemoryQuery struct {
	Context   int    `json:"context"` // tokens of each sequence; 0: defaultContext
	Sequences int    `json:"sequences"`
	KVType    string `json:"kv_type"`
	GPUs      int    `json:"gpus"`
	SplitMode string `json:"split_mode"`
}

// MemoryNeed is the memory of a loaded model with one session, in bytes.
type MemoryNeed struct {
	MemoryQuery
	KVPerToken *int64      `json:"kv_bytes_per_token"` // of one sequence; null: not known
	Places     []PlaceNeed `json:"places"`
	Notes      []string    `json:"notes"` // what is estimated or not counted
}

// PlaceNeed is one device's part.
type PlaceNeed struct {
	Place   string `json:"place"` // "GPU 1", "CPU"
	Weights int64  `json:"weight_bytes"`
	KV      *int64 `json:"kv_bytes"`
}

// kvGranule is what llama.cpp rounds each sequence's cells up to.
const kvGranule = 256

// defaultContext is the length that memory is computed for, unless the model
// was trained for less.
const defaultContext = 4096

// need computes where weights and KV cache would lie.
func (m modelShape) need(q MemoryQuery) MemoryNeed {
	trained := m.number("context_length")
	if q.Context == 0 {
		if q.Context = defaultContext; trained != nil && *trained > 0 {
			q.Context = int(min(*trained, defaultContext))
		}
	}
	n := MemoryNeed{MemoryQuery: q, Notes: []string{
		"compute buffers come on top; `ceiling doctor --model FILE` has llama.cpp's own figures for this machine's devices"}}
	if trained != nil && int64(q.Context) > *trained {
		n.Notes = append(n.Notes, fmt.Sprintf("%d tokens are more than the %d that the model was trained for", q.Context, *trained))
	}
	perLayer, note := m.kvPerLayer(q.KVType)
	if note != "" {
		n.Notes = append(n.Notes, note)
	}
	cells := int64(q.Sequences) * int64((q.Context+kvGranule-1)/kvGranule*kvGranule)
	if perLayer != nil {
		total := sum(perLayer)
		n.KVPerToken = &total
	}
	switch {
	case q.GPUs == 0:
		n.Places = []PlaceNeed{{"CPU", m.weights(func(gguf.Tensor) bool { return true }), times(n.KVPerToken, cells, 1)}}
	case q.GPUs > 1 && q.SplitMode == "tensor":
		n.Places = m.splitTensors(q.GPUs, times(n.KVPerToken, cells, int64(q.GPUs)))
		n.Notes = append(n.Notes, "split mode tensor is an estimate: even shares of every matrix and of the KV heads")
	default:
		n.Places = m.splitLayers(q.GPUs, perLayer, cells)
		if q.GPUs > 1 {
			n.Notes = append(n.Notes, "layers are shared out as llama.cpp does among GPUs with equal free memory")
		}
	}
	return n
}

func sum(values []int64) int64 {
	var total int64
	for _, v := range values {
		total += v
	}
	return total
}

// times is n·by/parts, rounded up; nil for nil.
func times(n *int64, by, parts int64) *int64 {
	if n == nil {
		return nil
	}
	v := (*n*by + parts - 1) / parts
	return &v
}

// kvPerLayer is each layer's KV cache in bytes per token: KV heads × (key
// length + value length) × bytes per value. It is nil where that formula is
// not the model's; note says so, or qualifies it.
func (m modelShape) kvPerLayer(kvType string) (perLayer []int64, note string) {
	for _, key := range []string{"attention.kv_lora_rank", "ssm.state_size", "wkv.head_size", "attention.recurrent_layers"} {
		if _, ok := m.value(m.arch + "." + key); ok {
			return nil, fmt.Sprintf("the KV cache of %s models (%s) follows another formula and is not computed", m.arch, key)
		}
	}
	layers, heads := m.number("block_count"), m.headsPerLayer()
	row, err := m.kvRowBytes(kvType)
	if layers == nil || *layers < 1 || len(heads) == 0 || err != nil {
		return nil, "the metadata does not say what the KV cache follows from"
	}
	for i := range *layers {
		perLayer = append(perLayer, heads[min(int(i), len(heads)-1)]*row)
	}
	if window := m.number("attention.sliding_window"); window != nil && *window > 0 {
		note = fmt.Sprintf("the KV cache is an upper bound: some layers keep a window of %d tokens only", *window)
	}
	return perLayer, note
}

// headsPerLayer is the number of KV heads of each layer, or of all alike.
func (m modelShape) headsPerLayer() []int64 {
	v, ok := m.value(m.arch + ".attention.head_count_kv")
	if !ok {
		v, ok = m.value(m.arch + ".attention.head_count")
	}
	switch list := v.(type) {
	case []uint32:
		return widen(list)
	case []int32:
		return widen(list)
	}
	n, err := strconv.ParseInt(fmt.Sprint(v), 10, 64)
	if !ok || err != nil {
		return nil
	}
	return []int64{n}
}

func widen[T uint32 | int32](list []T) []int64 {
	out := make([]int64, len(list))
	for i, n := range list {
		out[i] = int64(n)
	}
	return out
}

// kvRowBytes is the bytes of one KV head's key and value.
func (m modelShape) kvRowBytes(kvType string) (int64, error) {
	key, value := m.number("attention.key_length"), m.number("attention.value_length")
	if key == nil || value == nil {
		width, heads := m.number("embedding_length"), m.number("attention.head_count")
		if width == nil || heads == nil || *heads < 1 {
			return 0, fmt.Errorf("no head dimension")
		}
		per := *width / *heads
		if key == nil {
			key = &per
		}
		if value == nil {
			value = &per
		}
	}
	t, err := typeNamed(kvType)
	if err != nil {
		return 0, err
	}
	k, err := t.RowBytes(*key)
	if err != nil {
		return 0, err
	}
	v, err := t.RowBytes(*value)
	return k + v, err
}

// typeNamed finds a storage type by the word that --kv-type takes.
func typeNamed(word string) (gguf.Type, error) {
	for t := gguf.Type(0); t < 64; t++ {
		if info, ok := t.Info(); ok && strings.EqualFold(info.Name, word) {
			return t, nil
		}
	}
	return 0, fmt.Errorf("no type %q", word)
}

// weights sums the bytes of the tensors that are wanted.
func (m modelShape) weights(wanted func(gguf.Tensor) bool) int64 {
	var n int64
	for _, t := range m.tensors {
		if wanted(t) {
			n += t.Bytes
		}
	}
	return n
}

const tokenTable = "token_embd.weight"

// tied tells whether the output matrix is the token table: the device that
// computes the output then gets a copy.
func (m modelShape) tied() bool {
	return !slices.ContainsFunc(m.tensors, func(t gguf.Tensor) bool { return t.Name == "output.weight" })
}

// splitLayers gives each GPU its layers, the last one the output too. The
// token table stays on the CPU.
func (m modelShape) splitLayers(gpus int, perLayer []int64, cells int64) []PlaceNeed {
	places := make([]PlaceNeed, gpus+1)
	for i := range gpus {
		places[i] = PlaceNeed{Place: fmt.Sprintf("GPU %d", i+1)}
	}
	host := &places[gpus]
	host.Place = "CPU"
	layers := int64(len(perLayer))
	if n := m.number("block_count"); n != nil {
		layers = *n
	}
	// llama.cpp cuts layers+1 slots, the output being the last, at equal
	// shares.
	gpuOf := func(slot int64) int { return int(slot * int64(gpus) / (layers + 1)) }
	output := gpuOf(layers)
	for _, t := range m.tensors {
		slot, inLayer := layerOf(t.Name)
		switch {
		case t.Name == tokenTable:
			host.Weights += t.Bytes
			if m.tied() {
				places[output].Weights += t.Bytes
			}
		case inLayer && slot < layers:
			places[gpuOf(slot)].Weights += t.Bytes
		default:
			places[output].Weights += t.Bytes
		}
	}
	if perLayer != nil {
		for i := range places {
			places[i].KV = new(int64)
		}
		for i, bytes := range perLayer {
			*places[gpuOf(int64(i))].KV += bytes * cells
		}
	}
	return places
}

// splitTensors shares every matrix but the token table out evenly.
func (m modelShape) splitTensors(gpus int, kv *int64) []PlaceNeed {
	table := m.weights(func(t gguf.Tensor) bool { return t.Name == tokenTable })
	rest := m.weights(func(t gguf.Tensor) bool { return t.Name != tokenTable })
	if m.tied() {
		rest += table
	}
	var places []PlaceNeed
	for i := range gpus {
		places = append(places, PlaceNeed{fmt.Sprintf("GPU %d", i+1), (rest + int64(gpus) - 1) / int64(gpus), kv})
	}
	none := int64(0)
	host := PlaceNeed{Place: "CPU", Weights: table}
	if kv != nil {
		host.KV = &none
	}
	return append(places, host)
}

// layerOf reads N from "blk.N.…".
func layerOf(name string) (n int64, ok bool) {
	rest, ok := strings.CutPrefix(name, "blk.")
	if !ok {
		return 0, false
	}
	number, _, _ := strings.Cut(rest, ".")
	n, err := strconv.ParseInt(number, 10, 32)
	return n, err == nil && n >= 0
}
