package awqtest

import "ceiling/engine/checkpoint/hf"

// Variant is a named choice of options.
type Variant struct {
	Name    string
	Options Options
}

// Variants lists one checkpoint of every format and layout that can be
// converted, all from the same real-valued weights.
func Variants() []Variant {
	mixed := []string{"layers.0.self_attn.k_proj", "layers.1.mlp.down_proj"}
	linear := Small(Llama)
	linear.Rope.LinearFactor = 4
	slowed := Small(Llama)
	slowed.Rope.Llama3 = &hf.Llama3{Factor: 8, LowFreq: 1, HighFreq: 4, OriginalContext: 128}
	list := []Variant{
		{"compressed symmetric", Options{}},
		{"compressed symmetric, groups of 64, inner names, shards", Options{GroupSize: 64, Prefix: Inner, Shards: 3, Vision: true}},
		{"compressed symmetric, groups of 128, float16", Options{GroupSize: 128, ScaleType: "F16", Prefix: Text}},
		{"compressed symmetric, whole rows", Options{GroupSize: -1, Tekken: true}},
		{"compressed asymmetric", Options{Zeros: true, Vision: true}},
		{"compressed asymmetric, groups of 128, float16", Options{Zeros: true, GroupSize: 128, ScaleType: "F16", Shards: 2}},
		{"compressed asymmetric, zero points not packed", Options{Zeros: true, OldZeros: true, GroupSize: 64}},
		{"compressed asymmetric, whole rows", Options{Zeros: true, GroupSize: -1}},
		{"compressed, some linears of 8 bits, some plain", Options{Plain: mixed, EightBit: []string{"layers.0.self_attn.q_proj", "layers.2.mlp.up_proj"}}},
		{"AWQ", Options{Format: AWQGemm, Zeros: true, GroupSize: 128}},
		{"AWQ, groups of 32, shards, some linears plain", Options{Format: AWQGemm, Zeros: true, Shards: 4, Prefix: Inner, Plain: mixed}},
		{"AWQ, whole rows", Options{Format: AWQGemm, Zeros: true, GroupSize: -1}},
		{"AWQ for GEMV", Options{Format: AWQGemv, Zeros: true, GroupSize: 64}},
		{"AWQ for GEMV, groups of 128", Options{Format: AWQGemv, Zeros: true, GroupSize: 128, Tied: true}},
		{"GPTQ symmetric", Options{Format: GPTQ, GroupSize: 128, Tekken: true}},
		{"GPTQ asymmetric, bfloat16", Options{Format: GPTQ, Zeros: true, ScaleType: "BF16"}},
		{"GPTQ symmetric, whole rows", Options{Format: GPTQ, GroupSize: -1, Shards: 2}},
		{"GPTQ version 2 symmetric, no index", Options{Format: GPTQv2, GroupSize: 64, NoGroupIndex: true}},
		{"GPTQ version 2 asymmetric", Options{Format: GPTQv2, Zeros: true, GroupSize: 64}},
		{"AutoRound as AWQ", Options{Format: AutoRoundAWQ, Zeros: true, GroupSize: 128, Prefix: Text}},
		{"AutoRound as GPTQ", Options{Format: AutoRoundGPTQ, GroupSize: 128}},
		{"AutoRound as GPTQ version 2", Options{Format: AutoRoundGPTQv2, Zeros: true, GroupSize: 64}},
		{"tied embeddings", Options{Tied: true, Prefix: Text}},
		{"Mistral Small 3", Options{Family: MistralSmall3, Zeros: true}},
		{"Llama", Options{Family: Llama, Format: AWQGemm, Zeros: true, GroupSize: 64}},
		{"Llama, positions divided", Options{Family: Llama, Geometry: linear, Format: GPTQ, GroupSize: 128}},
		{"Llama 3.1", Options{Family: Llama, Geometry: slowed}},
	}
	for i := range list {
		list[i].Options.Seed = 20260101
	}
	return list
}
