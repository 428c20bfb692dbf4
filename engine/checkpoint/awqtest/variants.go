package awqtest

import "ceiling/engine/gguf"

// Variant is a named choice of options.
type Variant struct {
	Name    string
	Options VariantOptions
}

// Variants lists one checkpoint of every format and layout that can be
// converted, all from the same real-valued weights.
func Variants() []Variant {
	mixed := []string{"layers.0.self_attn.k_proj", "layers.1.mlp.down_proj"}
	linear := Small(Llama)
	linear.Rope.LinearFactor = 4
	slowed := Small(Llama)
	slowed.Rope.Llama3 = &gguf.Llama3{Factor: 8, LowFreq: 1, HighFreq: 4, OriginalContext: 128}
	list := []Variant{
		{"compressed symmetric", VariantOptions{}},
		{"compressed symmetric, groups of 64, inner names, shards", VariantOptions{GroupSize: 64, Prefix: Inner, Shards: 3, Vision: true}},
		{"compressed symmetric, groups of 128, float16", VariantOptions{GroupSize: 128, ScaleType: "F16", Prefix: Text}},
		{"compressed symmetric, whole rows", VariantOptions{GroupSize: -1, Tekken: true}},
		{"compressed asymmetric", VariantOptions{Zeros: true, Vision: true}},
		{"compressed asymmetric, groups of 128, float16", VariantOptions{Zeros: true, GroupSize: 128, ScaleType: "F16", Shards: 2}},
		{"compressed asymmetric, zero points not packed", VariantOptions{Zeros: true, OldZeros: true, GroupSize: 64}},
		{"compressed asymmetric, whole rows", VariantOptions{Zeros: true, GroupSize: -1}},
		{"compressed, some linears of 8 bits, some plain", VariantOptions{Plain: mixed, EightBit: []string{"layers.0.self_attn.q_proj", "layers.2.mlp.up_proj"}}},
		{"AWQ", VariantOptions{Format: AWQGemm, Zeros: true, GroupSize: 128}},
		{"AWQ, groups of 32, shards, some linears plain", VariantOptions{Format: AWQGemm, Zeros: true, Shards: 4, Prefix: Inner, Plain: mixed}},
		{"AWQ, whole rows", VariantOptions{Format: AWQGemm, Zeros: true, GroupSize: -1}},
		{"AWQ for GEMV", VariantOptions{Format: AWQGemv, Zeros: true, GroupSize: 64}},
		{"AWQ for GEMV, groups of 128", VariantOptions{Format: AWQGemv, Zeros: true, GroupSize: 128, Tied: true}},
		{"GPTQ symmetric", VariantOptions{Format: GPTQ, GroupSize: 128, Tekken: true}},
		{"GPTQ asymmetric, bfloat16", VariantOptions{Format: GPTQ, Zeros: true, ScaleType: "BF16"}},
		{"GPTQ symmetric, whole rows", VariantOptions{Format: GPTQ, GroupSize: -1, Shards: 2}},
		{"GPTQ version 2 symmetric, no index", VariantOptions{Format: GPTQv2, GroupSize: 64, NoGroupIndex: true}},
		{"GPTQ version 2 asymmetric", VariantOptions{Format: GPTQv2, Zeros: true, GroupSize: 64}},
		{"AutoRound as AWQ", VariantOptions{Format: AutoRoundAWQ, Zeros: true, GroupSize: 128, Prefix: Text}},
		{"AutoRound as GPTQ", VariantOptions{Format: AutoRoundGPTQ, GroupSize: 128}},
		{"AutoRound as GPTQ version 2", VariantOptions{Format: AutoRoundGPTQv2, Zeros: true, GroupSize: 64}},
		{"tied embeddings", VariantOptions{Tied: true, Prefix: Text}},
		{"Mistral Small 3", VariantOptions{Family: MistralSmall3, Zeros: true}},
		{"Llama", VariantOptions{Family: Llama, Format: AWQGemm, Zeros: true, GroupSize: 64}},
		{"Llama, positions divided", VariantOptions{Family: Llama, Geometry: linear, Format: GPTQ, GroupSize: 128}},
		{"Llama 3.1", VariantOptions{Family: Llama, Geometry: slowed}},
	}
	for i := range list {
		list[i].Options.Seed = 20260101
	}
	return list
}
