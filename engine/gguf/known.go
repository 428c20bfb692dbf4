package gguf

import "strings"

// The names and types below are those that llama.cpp v0.5.0 reads. Types are
// alternatives separated by "|".

// generalKeys are keys of every model.
var generalKeys = map[string]string{
	"general.architecture":                    "string",
	"general.name":                            "string",
	"general.file_type":                       "uint32",
	"general.alignment":                       "uint32",
	"general.quantization_version":            "uint32",
	"split.no":                                "uint16",
	"split.count":                             "uint16",
	"split.tensors.count":                     "int32",
	"tokenizer.chat_template":                 "string",
	"tokenizer.ggml.model":                    "string",
	"tokenizer.ggml.pre":                      "string",
	"tokenizer.ggml.tokens":                   "array of string",
	"tokenizer.ggml.token_type":               "array of int32",
	"tokenizer.ggml.token_type_count":         "uint32",
	"tokenizer.ggml.scores":                   "array of float32|array of int32",
	"tokenizer.ggml.merges":                   "array of string",
	"tokenizer.ggml.suppress_tokens":          "array of int32",
	"tokenizer.ggml.precompiled_charsmap":     "array of uint8|array of int8",
	"tokenizer.ggml.add_bos_token":            "bool",
	"tokenizer.ggml.add_eos_token":            "bool",
	"tokenizer.ggml.add_sep_token":            "bool",
	"tokenizer.ggml.add_space_prefix":         "bool",
	"tokenizer.ggml.remove_extra_whitespaces": "bool",
	"tokenizer.ggml.normalizer.lowercase":     "bool",
	"tokenizer.ggml.normalizer.strip_accents": "bool",
}

// tokenIDs are the keys under tokenizer.ggml that name one token each.
var tokenIDs = []string{
	"bos_token_id", "eos_token_id", "eot_token_id", "eom_token_id",
	"unknown_token_id", "seperator_token_id", "padding_token_id", "mask_token_id",
	"fim_pre_token_id", "fim_suf_token_id", "fim_mid_token_id",
	"fim_pad_token_id", "fim_rep_token_id", "fim_sep_token_id",
	"prefix_token_id", "suffix_token_id", "middle_token_id",
}

// baseKeys follow "<architecture>." and are read for every architecture.
var baseKeys = map[string]string{
	"vocab_size":                           "uint32",
	"context_length":                       "uint32",
	"embedding_length":                     "uint32",
	"embedding_length_out":                 "uint32",
	"block_count":                          "uint32",
	"nextn_predict_layers":                 "uint32",
	"pooling_type":                         "uint32",
	"attention.causal":                     "bool",
	"feed_forward_length":                  "uint32|array of uint32|array of int32|array of bool",
	"attention.head_count":                 "uint32|array of uint32|array of int32|array of bool",
	"attention.head_count_kv":              "uint32|array of uint32|array of int32|array of bool",
	"attention.key_length":                 "uint32",
	"attention.value_length":               "uint32",
	"attention.key_length_swa":             "uint32",
	"attention.value_length_swa":           "uint32",
	"rope.dimension_count":                 "uint32",
	"rope.dimension_count_swa":             "uint32",
	"rope.freq_base":                       "float32",
	"rope.scale_linear":                    "float32",
	"rope.scaling.type":                    "string",
	"rope.scaling.factor":                  "float32",
	"rope.scaling.alpha":                   "float32",
	"rope.scaling.attn_factor":             "float32",
	"rope.scaling.original_context_length": "uint32",
	"rope.scaling.finetuned":               "bool",
	"expert_count":                         "uint32",
	"expert_used_count":                    "uint32|array of uint32|array of int32|array of bool",
	"expert_group_count":                   "uint32",
	"expert_group_used_count":              "uint32",
	"classifier.output_labels":             "array of string",
}

// denseKeys follow "llama." or "mistral3.".
var denseKeys = map[string]string{
	"attention.layer_norm_rms_epsilon": "float32",
	"attention.temperature_scale":      "float32",
	"rope.scaling.yarn_log_multiplier": "float32",
	"rope.scaling.yarn_beta_fast":      "float32",
	"rope.scaling.yarn_beta_slow":      "float32",
	"rope.scaling.yarn_ext_factor":     "float32",
	"rope.scaling.yarn_attn_factor":    "float32",
}

// architectures that llama.cpp can load as a language model.
var architectures = strings.Fields(`
afmoe apertus arcee arctic arwkv7 baichuan bailingmoe bailingmoe2 bailingmoe3
bert bitnet bloom chameleon chatglm codeshell cogvlm cohere2 cohere2moe
command-r dbrx deci deepseek deepseek2 deepseek2-ocr deepseek32 deepseek4
dflash dots1 dots3note dream eagle3 ernie4_5 ernie4_5-moe eurobert exaone
exaone-moe exaone4 falcon falcon-h1 gemma gemma-embedding gemma2 gemma3 gemma3n
gemma4 gemma4-assistant glm-dsa glm4 glm4moe gpt-oss gpt2 gptj gptneox granite
granite_swa granitehybrid granitemoe graniteswitch grok grovemoe hrm_text
hunyuan-dense hunyuan-moe hunyuan_vl hy_v3 hy_v4 internlm2 jais jais2 jamba
jina-bert-v2 jina-bert-v3 kimi-k3 kimi-linear laguna lfm2 lfm2moe llada
llada-moe llama llama-embed llama4 maincoder mamba mamba2 maple mellum mimo2
minicpm minicpm3 minimax-01 minimax-m2 minimax-m3 mistral3 mistral4 modern-bert
mpt muse-glimmer nanbeige nemotron nemotron_h nemotron_h_moe neo-bert
nomic-bert nomic-bert-moe olmo olmo2 olmoe openelm orion paddleocr
pangu-embedded phi2 phi3 phimoe plamo plamo2 plamo3 plm pockettts qwen qwen2
qwen2moe qwen2vl qwen3 qwen35 qwen35moe qwen3moe qwen3next qwen3tts qwen3vl
qwen3vlmoe qwen4exp refact rnd1 rwkv6 rwkv6qwen2 rwkv7 seed_oss smallthinker
smollm3 spark2_5 stablelm starcoder starcoder2 step35 t5 t5encoder talkie
wavtokenizer-dec xverse
`)

// tokenizers are the values of tokenizer.ggml.model; those that split text by
// byte pair encoding and so need merges are true.
var tokenizers = map[string]bool{
	"none": false, "no_vocab": false, "llama": false, "bert": false, "t5": false,
	"rwkv": false, "test": false, "plamo2": false,
	"gpt2": true, "hybriddna": true, "whitespace": true, "gemma4": true,
}

// preTokenizers are the values of tokenizer.ggml.pre. True means that
// llama.cpp puts the token for the beginning of a text in front by default.
var preTokenizers = func() map[string]bool {
	names := map[string]bool{"": false}
	for _, name := range strings.Fields(`
a.x-4.0 afmoe bailingmoe bailingmoe2 bloom chatglm-bpe codeshell cohere2moe
command-r dbrx deepseek-coder deepseek-llm deepseek-r1-qwen deepseek-v3 default
exaone exaone-moe exaone4 f2llmv2 falcon gemma4 gigachat glm4 gpt-2 gpt-4o
gpt3-finnish granite-docling granite-embed-multi-311m granite-embed-multi-97m
grok-2 hunyuan hunyuan-dense hy_v4 jais jais-2 jina-de jina-es jina-v1-en
jina-v2-code jina-v2-de jina-v2-es joyai-llm kanana2 kimi-k2 kormo laguna
llada-moe llama4 megrez mellum mellum2 minerva-7b minicpm5 minimax-m2
modern-bert mpt olmo phi-2 poro-chat qwen2 qwen35 refact roberta-bpe sarvam-moe
seed-coder smaug-bpe smollm solar-open spark2_5 stablelm2 starcoder superbpe
talkie tiny_aya trillion ufakzeka viking whitespace youtu
`) {
		names[name] = false
	}
	for _, name := range strings.Fields(`
chameleon falcon-h1 falcon3 jina-v5-nano lfm2 llama-bpe llama-v3 llama3
midm-2.0 pixtral tekken
`) {
		names[name] = true
	}
	return names
}()
