package main

// config is config.json.
func config(s settings) map[string]any {
	g := s.geometry
	quantization := map[string]any{
		"quant_method": "awq", "bits": 4, "group_size": s.group, "version": "gemm", "zero_point": true,
		"modules_to_not_convert": []string{"lm_head"},
	}
	if s.format == formatPacked {
		quantization = map[string]any{
			"quant_method": "compressed-tensors", "format": "pack-quantized", "quantization_status": "compressed",
			"config_groups": map[string]any{"group_0": map[string]any{
				"targets": []string{"Linear"}, "input_activations": nil, "output_activations": nil,
				"weights": map[string]any{"num_bits": 4, "type": "int", "symmetric": true, "strategy": "group",
					"group_size": s.group, "actorder": nil, "dynamic": false},
			}},
			"ignore": []string{"language_model.lm_head"}, "kv_cache_scheme": nil,
		}
	}
	return map[string]any{
		"architectures": []string{"Mistral3ForConditionalGeneration"}, "model_type": "mistral3", "dtype": "bfloat16",
		"quantization_config": quantization,
		"text_config": map[string]any{
			"model_type": "ministral3", "hidden_size": g.hidden, "intermediate_size": g.ffn, "num_hidden_layers": s.layers,
			"num_attention_heads": g.heads, "num_key_value_heads": g.kvHeads, "head_dim": g.headDim, "vocab_size": g.vocab,
			"max_position_embeddings": 393216, "rms_norm_eps": 1e-5, "hidden_act": "silu", "sliding_window": nil,
			"tie_word_embeddings": false,
			"rope_parameters": map[string]any{
				"rope_type": "yarn", "type": "yarn", "rope_theta": 1e8, "factor": 48.0, "original_max_position_embeddings": 8192,
				"beta_fast": 32.0, "beta_slow": 1.0, "mscale": 1.0, "mscale_all_dim": 1.0, "llama_4_scaling_beta": 0.1,
			},
		},
	}
}

// specials are the control tokens of the tokenizer.
const specials = 1000

// pattern is the Tekken tokenizer's.
const pattern = `[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|` +
	`[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|` +
	`\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+`

// tekken is tekken.json with a vocabulary of the real size: all bytes, all
// pairs of bytes, and as many triples as are left.
func tekken(vocab int) map[string]any {
	type entry struct {
		Rank  int    `json:"rank"`
		Bytes []byte `json:"token_bytes"` // base64
		Text  any    `json:"token_str"`
	}
	var list []entry
	add := func(b ...byte) { list = append(list, entry{len(list), b, nil}) }
	for i := range 256 {
		add(byte(i))
	}
	for i := 0; i < 1<<16 && len(list) < vocab-specials; i++ {
		add(byte(i>>8), byte(i))
	}
	for i := 0; len(list) < vocab-specials; i++ {
		add(byte(i>>16), byte(i>>8), byte(i))
	}
	return map[string]any{
		"config": map[string]any{"pattern": pattern, "num_vocab_tokens": len(list), "default_vocab_size": vocab,
			"default_num_special_tokens": specials, "version": "v7"},
		"vocab": list,
	}
}
