package awqtest

import (
	"maps"
	"slices"
	"strings"
)

type object = map[string]any

// config is the content of config.json.
func config(o VariantOptions) object {
	text := textConfig(o)
	top := object{}
	switch {
	case o.Family == Llama:
		top = text
		top["architectures"] = []string{"LlamaForCausalLM"}
	case o.Prefix == Text:
		top = text
		top["architectures"] = []string{"Ministral3ForCausalLM"}
	default:
		top["architectures"] = []string{"Mistral3ForConditionalGeneration"}
		top["model_type"] = "mistral3"
		top["text_config"] = text
		top["image_token_index"] = 10
		top["vision_config"] = object{"model_type": "pixtral", "hidden_size": 8, "num_hidden_layers": 1, "head_dim": 4,
			"rope_parameters": object{"rope_theta": 10000.0, "rope_type": "default"}}
	}
	top["dtype"] = map[string]string{"BF16": "bfloat16", "F16": "float16"}[o.ScaleType]
	top["quantization_config"] = quantization(o)
	return top
}

// textConfig is the part that describes the language model.
func textConfig(o VariantOptions) object {
	g := o.Geometry
	c := object{
		"model_type": "ministral3", "num_hidden_layers": g.Layers, "hidden_size": g.Hidden, "intermediate_size": g.FFN,
		"num_attention_heads": g.Heads, "num_key_value_heads": g.KVHeads, "head_dim": g.HeadDim, "vocab_size": g.Vocab,
		"max_position_embeddings": g.Context, "rms_norm_eps": g.RMSEps, "hidden_act": "silu", "sliding_window": nil,
		"tie_word_embeddings": g.TieEmbeddings, "attention_dropout": 0.0, "use_cache": true,
		"bos_token_id": 1, "eos_token_id": 2,
	}
	switch y := g.Rope.Yarn; {
	case y != nil:
		c["rope_parameters"] = object{
			"rope_theta": g.Rope.FreqBase, "rope_type": "yarn", "type": "yarn", "factor": y.Factor,
			"original_max_position_embeddings": y.OriginalContext, "beta_fast": y.BetaFast, "beta_slow": y.BetaSlow,
			"mscale": 1.0, "mscale_all_dim": y.LogMultiplier, "llama_4_scaling_beta": g.TemperatureScale,
		}
	default:
		c["rope_theta"] = g.Rope.FreqBase
	}
	switch o.Family {
	case MistralSmall3:
		c["model_type"] = "mistral"
	case Llama:
		c["model_type"], c["attention_bias"], c["mlp_bias"], c["rope_scaling"] = "llama", false, false, nil
		if factor := g.Rope.LinearFactor; factor != 0 {
			c["rope_scaling"] = object{"type": "linear", "factor": factor}
		}
		if l := g.Rope.Llama3; l != nil {
			c["rope_scaling"] = object{"rope_type": "llama3", "factor": l.Factor, "low_freq_factor": l.LowFreq,
				"high_freq_factor": l.HighFreq, "original_max_position_embeddings": l.OriginalContext}
		}
		delete(c, "sliding_window")
	}
	return c
}

// quantization is the content of quantization_config.
func quantization(o VariantOptions) object {
	switch o.Format {
	case CompressedTensors:
		return compressedConfig(o)
	case AWQGemm, AWQGemv:
		version := strings.TrimPrefix(string(o.Format), "awq ")
		return object{"quant_method": "awq", "bits": 4, "group_size": o.GroupSize, "version": version,
			"zero_point": o.Zeros, "modules_to_not_convert": skipped(o)}
	case GPTQ, GPTQv2:
		return object{"quant_method": "gptq", "bits": 4, "group_size": o.GroupSize, "sym": !o.Zeros,
			"desc_act": false, "static_groups": false, "damp_percent": 0.01, "true_sequential": true,
			"checkpoint_format": string(o.Format)}
	}
	packing := map[QuantFormat]string{AutoRoundAWQ: "auto_round:auto_awq", AutoRoundGPTQ: "auto_round:auto_gptq",
		AutoRoundGPTQv2: "auto_round:gptqmodel"}[o.Format]
	return object{"quant_method": "auto-round", "packing_format": packing, "bits": 4, "group_size": o.GroupSize,
		"sym": !o.Zeros, "data_type": "int", "iters": 200, "autoround_version": "0.5.1"}
}

// skipped lists the names of modules that are not quantised.
func skipped(o VariantOptions) []string {
	list := []string{"lm_head"}
	if o.Vision {
		list = append(list, "vision_tower", "multi_modal_projector")
	}
	for _, name := range o.Plain {
		list = append(list, string(o.Prefix)+name)
	}
	return list
}

func compressedConfig(o VariantOptions) object {
	groups := object{"group_0": group(o, []string{"Linear"}, 4)}
	if len(o.EightBit) > 0 {
		targets := make([]string, len(o.EightBit))
		for i, name := range o.EightBit {
			targets[i] = "re:.*" + strings.ReplaceAll(name, ".", "\\.") + "$"
		}
		groups["group_1"] = group(o, targets, 8)
	}
	ignore := []string{"lm_head"}
	if o.Prefix == Outer {
		ignore[0] = "language_model.lm_head"
	}
	if o.Vision {
		ignore = append(ignore, "re:.*vision_tower.*", "re:.*multi_modal_projector.*")
	}
	for _, name := range o.Plain {
		ignore = append(ignore, string(o.Prefix)+name)
	}
	return object{
		"quant_method": "compressed-tensors", "format": "pack-quantized", "quantization_status": "compressed",
		"global_compression_ratio": nil, "kv_cache_scheme": nil, "sparsity_config": object{}, "transform_config": object{},
		"config_groups": groups, "ignore": ignore, "version": "0.12.2",
	}
}

// group describes one scheme of compressed-tensors.
func group(o VariantOptions, targets []string, bits int) object {
	w := object{
		"num_bits": bits, "type": "int", "symmetric": !o.Zeros || bits == 8, "strategy": "group", "group_size": o.GroupSize,
		"actorder": nil, "block_structure": nil, "dynamic": false, "observer": "mse", "observer_kwargs": object{},
	}
	if o.GroupSize < 0 {
		w["strategy"], w["group_size"] = "channel", nil
	}
	return object{"targets": targets, "weights": w, "input_activations": nil, "output_activations": nil, "format": "pack-quantized"}
}

// Names lists the tensors of a checkpoint without prefix, sorted.
func (c *WrittenCheckpoint) Names() []string {
	return slices.Sorted(func(yield func(string) bool) {
		for name := range maps.Keys(c.Linears) {
			if !yield(name) {
				return
			}
		}
		for name := range maps.Keys(c.Dense) {
			if !yield(name) {
				return
			}
		}
	})
}
