package main

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
)

// The formats that can be written.
const (
	formatPacked = "compressed-tensors" // symmetric, bfloat16 scales
	formatAWQ    = "autoawq"            // GEMM, zero points, float16 scales
)

// geometry is the shape of the model.
type geometry struct {
	hidden, heads, kvHeads, headDim, ffn, vocab int64
}

// devstral is that of Devstral-Small-2-24B, but for the layers.
var devstral = geometry{hidden: 5120, heads: 32, kvHeads: 8, headDim: 128, ffn: 32768, vocab: 131072}

// shardBytes is what a weight file holds at most, as published checkpoints
// are cut.
const shardBytes = 5e9

// content says what random bytes a tensor gets.
type content int

const (
	codes     content = iota // any bits: packed codes and zero points
	bf16Unit                 // bfloat16 of either sign around 2^-6
	bf16One                  // bfloat16 around 1
	bf16Step                 // positive bfloat16 around 2^-9: scales
	f16Step                  // positive float16 around 2^-9: scales
	shapePair                // two int64, the shape of the matrix
)

// tensor is one entry of a weight file.
type tensor struct {
	name  string
	dtype string
	shape []int64
	fill  content
	pair  [2]int64 // of shapePair
}

var elementBytes = map[string]int64{"I32": 4, "I64": 8, "BF16": 2, "F16": 2}

func (t tensor) bytes() int64 {
	n := elementBytes[t.dtype]
	for _, d := range t.shape {
		n *= d
	}
	return n
}

// tensors lists the checkpoint's tensors in the order of its files.
func tensors(s settings) []tensor {
	const prefix = "language_model."
	g := s.geometry
	q, kv := g.heads*g.headDim, g.kvHeads*g.headDim
	list := []tensor{{name: prefix + "model.embed_tokens.weight", dtype: "BF16", shape: []int64{g.vocab, g.hidden}, fill: bf16Unit}}
	for i := range s.layers {
		layer := fmt.Sprintf("%smodel.layers.%d.", prefix, i)
		for _, norm := range []string{"input_layernorm", "post_attention_layernorm"} {
			list = append(list, tensor{name: layer + norm + ".weight", dtype: "BF16", shape: []int64{g.hidden}, fill: bf16One})
		}
		for _, m := range []struct {
			name    string
			out, in int64
		}{
			{"self_attn.q_proj", q, g.hidden}, {"self_attn.k_proj", kv, g.hidden},
			{"self_attn.v_proj", kv, g.hidden}, {"self_attn.o_proj", g.hidden, q},
			{"mlp.gate_proj", g.ffn, g.hidden}, {"mlp.up_proj", g.ffn, g.hidden}, {"mlp.down_proj", g.hidden, g.ffn},
		} {
			list = append(list, linear(s, layer+m.name, m.out, m.in)...)
		}
	}
	return append(list,
		tensor{name: prefix + "model.norm.weight", dtype: "BF16", shape: []int64{g.hidden}, fill: bf16One},
		tensor{name: prefix + "lm_head.weight", dtype: "BF16", shape: []int64{g.vocab, g.hidden}, fill: bf16Unit})
}

// linear lists the tensors of one quantised matrix.
func linear(s settings, name string, out, in int64) []tensor {
	groups := in / int64(s.group)
	if s.format == formatAWQ {
		return []tensor{
			{name: name + ".qweight", dtype: "I32", shape: []int64{in, out / 8}},
			{name: name + ".qzeros", dtype: "I32", shape: []int64{groups, out / 8}},
			{name: name + ".scales", dtype: "F16", shape: []int64{groups, out}, fill: f16Step},
		}
	}
	return []tensor{
		{name: name + ".weight_packed", dtype: "I32", shape: []int64{out, in / 8}},
		{name: name + ".weight_scale", dtype: "BF16", shape: []int64{out, groups}, fill: bf16Step},
		{name: name + ".weight_shape", dtype: "I64", shape: []int64{2}, fill: shapePair, pair: [2]int64{out, in}},
	}
}

// writeCheckpoint writes the folder and returns the bytes of its weight files.
func writeCheckpoint(ctx context.Context, dir string, s settings) (size int64, err error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return 0, err
	}
	shards := cut(tensors(s))
	weightMap, total := map[string]string{}, int64(0)
	source := newRandom()
	for i, shard := range shards {
		name := fmt.Sprintf("model-%05d-of-%05d.safetensors", i+1, len(shards))
		n, err := writeShard(ctx, filepath.Join(dir, name), shard, source)
		if err != nil {
			return 0, err
		}
		size += n
		for _, t := range shard {
			weightMap[t.name], total = name, total+t.bytes()
		}
	}
	for name, v := range map[string]any{
		"model.safetensors.index.json": map[string]any{"metadata": map[string]any{"total_size": total}, "weight_map": weightMap},
		"config.json":                  config(s),
		"tekken.json":                  tekken(int(s.geometry.vocab)),
	} {
		text, err := json.MarshalIndent(v, "", " ")
		if err != nil {
			return 0, err
		}
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o644); err != nil {
			return 0, err
		}
	}
	return size, nil
}

// cut fills one file after the other.
func cut(list []tensor) [][]tensor {
	shards := [][]tensor{nil}
	var size int64
	for _, t := range list {
		if size > 0 && size+t.bytes() > shardBytes {
			shards, size = append(shards, nil), 0
		}
		shards[len(shards)-1] = append(shards[len(shards)-1], t)
		size += t.bytes()
	}
	return shards
}

func writeShard(ctx context.Context, path string, list []tensor, source *random) (size int64, err error) {
	type entry struct {
		DType   string   `json:"dtype"`
		Shape   []int64  `json:"shape"`
		Offsets [2]int64 `json:"data_offsets"`
	}
	header, end := map[string]entry{}, int64(0)
	for _, t := range list {
		header[t.name] = entry{t.dtype, t.shape, [2]int64{end, end + t.bytes()}}
		end += t.bytes()
	}
	text, err := json.Marshal(header)
	if err != nil {
		return 0, err
	}
	for len(text)%8 != 0 {
		text = append(text, ' ')
	}
	f, err := os.Create(path)
	if err != nil {
		return 0, err
	}
	defer func() {
		if e := f.Close(); err == nil {
			err = e
		}
	}()
	if _, err := f.Write(append(binary.LittleEndian.AppendUint64(nil, uint64(len(text))), text...)); err != nil {
		return 0, err
	}
	for _, t := range list {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		if err := source.write(f, t); err != nil {
			return 0, err
		}
	}
	return int64(8+len(text)) + end, f.Sync()
}

// random holds a block of random bytes for each content. Tensors get runs of
// it from changing places: quick, and as incompressible as the real thing
// over any distance that a disk looks at.
type random struct {
	rng    *rand.Rand
	blocks map[content][]byte
}

const blockBytes = 32 << 20

func newRandom() *random {
	r := &random{rng: rand.New(rand.NewPCG(1, 2)), blocks: map[content][]byte{}}
	for fill := codes; fill <= f16Step; fill++ {
		b := make([]byte, 0, blockBytes)
		for len(b) < blockBytes {
			b = binary.LittleEndian.AppendUint64(b, fill.shape(r.rng.Uint64()))
		}
		r.blocks[fill] = b
	}
	return r
}

// shape forces the sign and exponent of four 16-bit numbers at once, keeping
// the low bits random: the mantissa and one bit of the exponent.
func (c content) shape(v uint64) uint64 {
	four := func(h uint64) uint64 { return h * 0x0001000100010001 }
	switch c {
	case bf16Unit: // ±2^-7 to ±2^-5
		return v&four(0x80ff) | four(0x3c00)
	case bf16One: // 1/2 to 2
		return v&four(0x00ff) | four(0x3f00)
	case bf16Step: // 2^-9 to 2^-7
		return v&four(0x00ff) | four(0x3b00)
	case f16Step: // 2^-9 to 2^-7
		return v&four(0x07ff) | four(0x1800)
	}
	return v
}

func (r *random) write(f *os.File, t tensor) error {
	if t.fill == shapePair {
		b := binary.LittleEndian.AppendUint64(nil, uint64(t.pair[0]))
		_, err := f.Write(binary.LittleEndian.AppendUint64(b, uint64(t.pair[1])))
		return err
	}
	block := r.blocks[t.fill]
	for left := t.bytes(); left > 0; {
		from := r.rng.IntN(blockBytes/2) &^ 7
		n := min(left, int64(blockBytes-from))
		if _, err := f.Write(block[from : from+int(n)]); err != nil {
			return err
		}
		left -= n
	}
	return nil
}
