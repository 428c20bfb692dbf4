package gguf

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const m3 = "mistral3."

// change is one thing changed in a good model, and what Check says then; ""
// means that it finds nothing.
type change struct {
	name string
	edit func(*model)
	want string
}

func set(key string, v any) func(*model) { return func(m *model) { m.set(key, v) } }

func both(a, b func(*model)) func(*model) { return func(m *model) { a(m); b(m) } }

func tokens(edit func(list []string) []string) func(*model) {
	return func(m *model) {
		i := slices.IndexFunc(m.kvs, func(kv KV) bool { return kv.Key == tok+"tokens" })
		m.kvs[i].Value = edit(slices.Clone(m.kvs[i].Value.([]string)))
	}
}

func token(i int, text string) func(*model) {
	return tokens(func(list []string) []string { list[i] = text; return list })
}

func kind(i int, kind int32) func(*model) {
	return func(m *model) {
		k := slices.IndexFunc(m.kvs, func(kv KV) bool { return kv.Key == tok+"token_type" })
		list := slices.Clone(m.kvs[k].Value.([]int32))
		list[i] = kind
		m.kvs[k].Value = list
	}
}

func testChanges(t *testing.T, changes []change) {
	t.Helper()
	for _, c := range changes {
		path := filepath.Join(t.TempDir(), "m.gguf")
		smallModel(t, path, c.edit)
		err := Check(path)
		var ce *CheckError
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s: %v", c.name, err)
		case c.want != "" && !errors.As(err, &ce):
			t.Errorf("%s: %v, want a CheckError with %q", c.name, err, c.want)
		case c.want != "" && !strings.Contains(err.Error(), c.want):
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		case c.want != "" && len(ce.Problems) == 0:
			t.Errorf("%s: no problems", c.name)
		}
	}
}

// What belongs to a model and is none says so, and nothing else: that an
// adapter has no vocabulary is no news.
func TestParts(t *testing.T) {
	for _, c := range []change{
		{"LoRA", both(set("general.type", "adapter"), set(m3+"context_length", nil)), "it is an adapter (LoRA"},
		{"importance matrix", both(set("general.type", "imatrix"), set(keyArchitecture, nil)), "it is an importance matrix"},
		{"projector", set("general.type", "mmproj"), "vision or audio part of a model"},
		{"control vector", set(keyArchitecture, "controlvector"), "it is a control vector"},
	} {
		path := filepath.Join(t.TempDir(), "m.gguf")
		smallModel(t, path, c.edit)
		var list *CheckError
		if err := Check(path); !errors.As(err, &list) || len(list.Problems) != 1 || !strings.Contains(list.Problems[0], c.want) {
			t.Errorf("%s: %v, want %q alone", c.name, err, c.want)
		}
	}
}

func TestCheckMetadata(t *testing.T) {
	testChanges(t, []change{
		{"good", nil, ""},
		{"no architecture", set(keyArchitecture, nil), "the key general.architecture is missing"},
		{"architecture type", set(keyArchitecture, uint32(1)), `is of type uint32, must be string`},
		{"architecture unknown", set(keyArchitecture, "mistral2"), `does not know the architecture "mistral2"`},
		{"architecture clip", set(keyArchitecture, "clip"), "vision or audio part"},
		{"name type", set("general.name", uint32(1)), `"general.name" is of type uint32, must be string`},
		{"file type type", set("general.file_type", int32(1)), `"general.file_type" is of type int32, must be uint32`},
		{"no context", set(m3+"context_length", nil), "the key mistral3.context_length is missing"},
		{"context 0", set(m3+"context_length", uint32(0)), "context_length is 0, must be 1 to"},
		{"context absurd", set(m3+"context_length", uint32(1<<31)), "context_length is 2147483648"},
		{"context type", set(m3+"context_length", uint64(4096)), "context_length\" is of type uint64, must be uint32"},
		{"no embedding", set(m3+"embedding_length", nil), "the key mistral3.embedding_length is missing"},
		{"embedding 0", set(m3+"embedding_length", uint32(0)), "embedding_length is 0"},
		{"blocks 0", set(m3+"block_count", uint32(0)), "block_count is 0, must be 1 to 512"},
		{"blocks absurd", set(m3+"block_count", uint32(1<<31)), "block_count is 2147483648"},
		{"blocks 513", set(m3+"block_count", uint32(513)), "block_count is 513"},
		{"blocks one more", set(m3+"block_count", uint32(3)), "block_count is 3 but the file holds tensors of 2 blocks"},
		{"blocks one less", set(m3+"block_count", uint32(1)), "block_count is 1 but the file holds tensors of 2 blocks"},
		{"nextn too many", set(m3+"nextn_predict_layers", uint32(2)), "nextn_predict_layers is 2, must be 0 to 1"},
		{"rope scaling", set(m3+"rope.scaling.type", "yarm"), `rope.scaling.type is "yarm", must be one of none, linear, yarn, longrope`},
		{"pooling", set(m3+"pooling_type", uint32(9)), "pooling_type is 9"},
		{"pooling unspecified", set(m3+"pooling_type", uint32(math.MaxUint32)), ""},
		{"experts used of none", set(m3+"expert_used_count", uint32(2)), "uses 2 of 0 experts"},
		{"expert groups of none", set(m3+"expert_group_count", uint32(2)), "has 2 groups of 0 experts"},
		{"experts absurd", set(m3+"expert_count", uint32(5000)), "uses 0 of 5000 experts"},
		{"experts in too many groups", both(both(set(m3+"expert_count", uint32(8)), set(m3+"expert_used_count", uint32(2))), set(m3+"expert_group_count", uint32(8))), "has 8 groups of 8 experts"},
		{"expert groups unused", both(both(set(m3+"expert_count", uint32(8)), set(m3+"expert_used_count", uint32(2))), set(m3+"expert_group_count", uint32(4))), "uses 0 of 4 groups"},
		{"split number alone", set(keySplitNo, uint16(1)), "split.no is 1 but split.count does not say"},
		{"split number type", set(keySplitNo, uint32(0)), "must be uint16"},
	})
}

func TestCheckHyperparameters(t *testing.T) {
	nan := float32(math.NaN())
	testChanges(t, []change{
		{"heads 0", set(m3+"attention.head_count", uint32(0)), "head_count is 0, must be 1 to"},
		{"heads missing", set(m3+"attention.head_count", nil), "the key mistral3.attention.head_count is missing"},
		{"heads type", set(m3+"attention.head_count", float32(4)), "head_count\" is of type float32"},
		{"heads per layer", set(m3+"attention.head_count", []int32{4, 4}), ""},
		{"heads of one layer", set(m3+"attention.head_count", []uint32{4}), "has 1 elements for 2 layers"},
		{"heads differ", set(m3+"attention.head_count", []uint32{4, 2}), "differs between layers"},
		{"kv heads 0", set(m3+"attention.head_count_kv", uint32(0)), "head_count_kv is 0"},
		{"kv heads 3", set(m3+"attention.head_count_kv", uint32(3)), "head_count 4 is not a multiple of head_count_kv 3"},
		{"kv heads missing", set(m3+"attention.head_count_kv", nil), `"blk.0.attn_k.weight" has shape 64x64, the metadata asks for 64x128`},
		{"key length 0", set(m3+"attention.key_length", uint32(0)), "key_length is 0, must be even"},
		{"key length odd", set(m3+"attention.key_length", uint32(33)), "key_length is 33, must be even"},
		{"key length other", set(m3+"attention.key_length", uint32(30)), "key length 30, value length 32 and rope dimension 32 must be equal"},
		{"key length missing", set(m3+"attention.key_length", nil), "key length 16, value length 32"},
		{"value length missing", set(m3+"attention.value_length", nil), "value length 16"},
		{"rope dimension 0", set(m3+"rope.dimension_count", uint32(0)), "rope.dimension_count is 0"},
		{"rope dimension half", set(m3+"rope.dimension_count", uint32(16)), "rope dimension 16 must be equal"},
		{"rope dimension missing", set(m3+"rope.dimension_count", nil), ""},
		{"ffn 0", set(m3+"feed_forward_length", uint32(0)), "feed_forward_length is 0"},
		{"ffn other", set(m3+"feed_forward_length", uint32(128)), `"blk.0.ffn_down.weight" has shape 96x64, the metadata asks for 128x64`},
		{"embedding other", set(m3+"embedding_length", uint32(128)), `"token_embd.weight" has shape 64x276, the metadata asks for 128x276`},
		{"no epsilon", set(m3+"attention.layer_norm_rms_epsilon", nil), "layer_norm_rms_epsilon is missing"},
		{"epsilon NaN", set(m3+"attention.layer_norm_rms_epsilon", nan), "layer_norm_rms_epsilon is NaN"},
		{"epsilon negative", set(m3+"attention.layer_norm_rms_epsilon", float32(-1e-5)), "layer_norm_rms_epsilon is -1e-05"},
		{"epsilon 0", set(m3+"attention.layer_norm_rms_epsilon", float32(0)), "layer_norm_rms_epsilon is 0"},
		{"epsilon f64", set(m3+"attention.layer_norm_rms_epsilon", 1e-5), "is of type float64, must be float32"},
		{"freq base infinite", set(m3+"rope.freq_base", float32(math.Inf(1))), "rope.freq_base is +Inf"},
		{"freq base 1", set(m3+"rope.freq_base", float32(1)), "rope.freq_base is 1"},
		{"factor negative", set(m3+"rope.scaling.factor", float32(-4)), "rope.scaling.factor is -4"},
		{"factor below 1", set(m3+"rope.scaling.factor", float32(0.5)), "yarn needs at least 1"},
		{"factor 0 is none", set(m3+"rope.scaling.factor", float32(0)), ""},
		{"log multiplier", set(m3+"rope.scaling.yarn_log_multiplier", float32(-7.3)), "meaningless"},
		{"temperature NaN", set(m3+"attention.temperature_scale", nan), "temperature_scale is NaN"},
		{"temperature without context", set(m3+"rope.scaling.original_context_length", uint32(0)), "the original context length is 0"},
		{"original context 0 alone", both(set(m3+"rope.scaling.original_context_length", uint32(0)), set(m3+"attention.temperature_scale", nil)), ""},
		{"original context absurd", set(m3+"rope.scaling.original_context_length", uint32(1<<31)), "original_context_length is 2147483648"},
		{"not causal", set(m3+"attention.causal", false), "attention.causal is false"},
	})
}

func TestCheckTensors(t *testing.T) {
	testChanges(t, []change{
		{"tensor missing", func(m *model) { m.remove("blk.1.ffn_up.weight") }, `tensor "blk.1.ffn_up.weight" is missing`},
		{"embedding missing", func(m *model) { m.remove("token_embd.weight") }, `tensor "token_embd.weight" is missing`},
		{"output tied", func(m *model) { m.remove("output.weight") }, ""},
		{"norm missing", func(m *model) { m.remove("output_norm.weight") }, `tensor "output_norm.weight" is missing`},
		{"tensor renamed", func(m *model) { m.tensor("output.weight").Name = "outpat.weight" }, `tensor "outpat.weight" is none that mistral3 models have`},
		{"norm in F16", func(m *model) { m.tensor("blk.0.attn_norm.weight").Type = F16 }, `"blk.0.attn_norm.weight" is of type F16, must be F32`},
		{"weight of integers", func(m *model) { m.tensor("output.weight").Type = I32 }, `"output.weight" is of type I32, which can't be a weight`},
		{"weight of Q8_1", func(m *model) { m.tensor("blk.0.attn_q.weight").Type = 9 }, "is of type Q8_1, which can't be a weight"},
		{"bias", func(m *model) { m.add("blk.0.attn_q.bias", F32, 128) }, ""},
		{"bias shape", func(m *model) { m.add("blk.0.attn_q.bias", F32, 64) }, "has shape 64, the metadata asks for 128"},
		{"scale", func(m *model) { m.add("blk.0.attn_q.scale", F32, 1) }, ""},
		{"rope factors", func(m *model) { m.add("rope_freqs.weight", F32, 16) }, ""},
		{"rope factors too few", func(m *model) { m.add("rope_freqs.weight", F32, 8) }, "has shape 8, the metadata asks for 16"},
		{"trailing ones", func(m *model) { m.tensor("output_norm.weight").Dims = []int64{64, 1, 1, 1} }, ""},
		{"fused qkv", func(m *model) {
			for _, b := range []string{"blk.0.", "blk.1."} {
				m.remove(b + "attn_q.weight")
				m.remove(b + "attn_k.weight")
				m.remove(b + "attn_v.weight")
				m.add(b+"attn_qkv.weight", Q4_0, 64, 256)
				m.add(b+"attn_k.bias", F32, 64)
			}
		}, ""},
		{"no tensors", func(m *model) { m.tensors = nil }, "it holds no tensors"},
	})
}

func TestCheckVocabulary(t *testing.T) {
	testChanges(t, []change{
		{"no tokenizer", set(tok+"model", nil), "the key tokenizer.ggml.model is missing"},
		{"tokenizer unknown", set(tok+"model", "gpt3"), `does not know the tokenizer "gpt3"`},
		{"pre unknown", set(tok+"pre", "teklen"), `does not know the pre-tokenizer "teklen"`},
		{"no tokens", set(tok+"tokens", nil), "tokenizer.ggml.tokens is missing or empty"},
		{"tokens empty", set(tok+"tokens", []string{}), "is missing or empty"},
		{"tokens type", set(tok+"tokens", []int32{1}), "must be array of string"},
		{"token twice", token(7, "<s>"), `tokens 1 and 7 have the same text "<s>"`},
		{"token twice up to NUL", token(7, "<s>\x00x"), `tokens 1 and 7 have the same text "<s>"`},
		{"token empty", token(7, ""), ""},
		{"token empty and its stand-in", both(token(7, ""), token(8, "[EMPTY_7]")), `tokens 7 and 8 have the same text "[EMPTY_7]"`},
		{"token not UTF-8", token(7, "a\xff\xc3"), ""},
		{"token beyond Unicode", token(7, "a\xf4\x90\x80\x80"), "a character beyond Unicode"},
		{"token beyond Unicode, control", both(token(7, "\xf7\xbf\xbf\xbf"), kind(7, TokenControl)), ""},
		{"vocab size", set(m3+"vocab_size", uint32(277)), "vocab_size is 277 but there are 276 tokens"},
		{"tokens without rows", both(tokens(func(l []string) []string { return append(l, "more") }), func(m *model) {
			m.set(m3+"vocab_size", nil)
			m.set(tok+"token_type", nil)
		}), `"token_embd.weight" has shape 64x276, the metadata asks for 64x277`},
		{"types missing", set(tok+"token_type", nil), ""},
		{"types too few", set(tok+"token_type", []int32{1}), "token_type has 1 elements for 276 tokens"},
		{"types unsigned", set(tok+"token_type", make([]uint32, 276)), "must be array of int32"},
		{"type unknown", kind(9, 7), "token 9 has type 7, must be 0 to 6"},
		{"byte token too short", kind(9, TokenByte), "token 9 is a byte token"},
		{"scores too few", set(tok+"scores", []float32{1}), "scores has 1 elements for 276 tokens"},
		{"scores type", set(tok+"scores", make([]float64, 276)), "must be array of float32 or array of int32"},
		{"bos out of range", set(tok+"bos_token_id", uint32(276)), "bos_token_id is 276 but there are 276 tokens"},
		{"eos type", set(tok+"eos_token_id", int32(2)), "must be uint32"},
		{"pad out of range", set(tok+"padding_token_id", uint32(1<<31)), "padding_token_id is 2147483648"},
		{"add bos type", set(tok+"add_bos_token", uint8(1)), "must be bool"},
		{"no merges", set(tok+"merges", nil), "the key tokenizer.ggml.merges is missing"},
		{"merge without a space", set(tok+"merges", []string{"a b", "ab"}), `merge 1 is "ab", must be two parts`},
		{"merge without right part", set(tok+"merges", []string{"ab "}), "must be two parts"},
		{"chat template type", set("tokenizer.chat_template", []string{"x"}), "must be string"},
		{"SentencePiece without bytes", set(tok+"model", "llama"), "no token for the byte 0x00"},
		{"phi name", set("general.name", "My Phi-3"), "lacks tokens of Phi-3"},
	})
}

// A broken model is described completely, one line for each problem.
func TestCheckReportsAll(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m.gguf")
	smallModel(t, path, func(m *model) {
		m.set(m3+"context_length", uint32(0))
		m.set(tok+"bos_token_id", uint32(999))
		m.remove("blk.1.ffn_up.weight")
		m.set("general.name", uint32(1))
	})
	want := fmt.Sprintf("%q can't be loaded:", path) + `
  metadata key "general.name" is of type uint32, must be string
  mistral3.context_length is 0, must be 1 to 268435456
  tokenizer.ggml.bos_token_id is 999 but there are 276 tokens
  tensor "blk.1.ffn_up.weight" is missing`
	if err := Check(path); err == nil || err.Error() != want {
		t.Errorf("got:\n%v\nwant:\n%s", err, want)
	}
	smallModel(t, path+"2", func(m *model) {
		for i := range 100 {
			m.add(fmt.Sprintf("blk.0.extra%d", i), F32, 1)
		}
	})
	var ce *CheckError
	if err := Check(path + "2"); !errors.As(err, &ce) || len(ce.Problems) != maxProblems || ce.Omitted != 60 {
		t.Errorf("%v", err)
	}
}

// Tensors are mapped into memory, so an alignment below 32 ends in an assert.
func TestCheckAlignment(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m.gguf")
	r := newRaw(2, 1).kv(keyAlignment, uint32(4), uint32(8)).tensor("t", 0, 0, 2).tensor("u", 0, 8, 2).data(16)
	if err := os.WriteFile(path, r.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := Check(path); err == nil || !strings.Contains(err.Error(), `tensor "u" starts at byte 136 of the file, not a multiple of 32`) {
		t.Error(err)
	}
}

// Mixture-of-experts models of the llama family have other tensors.
func TestCheckExperts(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m.gguf")
	smallModel(t, path, func(m *model) {
		m.set(m3+"expert_count", uint32(4))
		m.set(m3+"expert_used_count", uint32(2))
		for _, b := range []string{"blk.0.", "blk.1."} {
			m.remove(b + "ffn_gate.weight")
			m.remove(b + "ffn_up.weight")
			m.remove(b + "ffn_down.weight")
			m.add(b+"ffn_gate_inp.weight", F32, 64, 4)
			m.add(b+"ffn_gate_exps.weight", Q4_0, 64, 96, 4)
			m.add(b+"ffn_up_exps.weight", Q4_0, 64, 96, 4)
			m.add(b+"ffn_down_exps.weight", Q4_0, 96, 64, 4)
		}
	})
	if err := Check(path); err != nil {
		t.Error(err)
	}
}

// Other architectures get the general checks only.
func TestCheckOtherArchitecture(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m.gguf")
	edit := func(m *model) {
		for i := range m.kvs {
			m.kvs[i].Key = strings.Replace(m.kvs[i].Key, m3, "qwen2.", 1)
		}
		m.set(keyArchitecture, "qwen2")
		m.add("extra.weight", F32, 1)
	}
	smallModel(t, path, edit)
	if err := Check(path); err != nil {
		t.Error(err)
	}
	smallModel(t, path+"2", func(m *model) { edit(m); m.set("qwen2.block_count", uint32(600)) })
	if err := Check(path + "2"); err == nil || !strings.Contains(err.Error(), "qwen2.block_count is 600") {
		t.Error(err)
	}
}

// A vocabulary as large as real ones: work that grows with its square would
// not end before the test's time limit.
func TestCheckLargeVocabulary(t *testing.T) {
	const n = 131072
	path := filepath.Join(t.TempDir(), "m.gguf")
	smallModel(t, path, func(m *model) {
		tokens, kinds := make([]string, n), make([]int32, n)
		var merges []string
		for i := range tokens {
			tokens[i], kinds[i] = fmt.Sprintf("token%d", i), TokenNormal
			merges = append(merges, fmt.Sprintf("tok en%d", i), fmt.Sprintf("toke n%d", i))
		}
		m.set(tok+"tokens", tokens)
		m.set(tok+"token_type", kinds)
		m.set(tok+"merges", merges)
		m.set(m3+"vocab_size", uint32(n))
		m.tensor("token_embd.weight").Dims[1] = n
		m.tensor("output.weight").Dims[1] = n
	})
	if err := Check(path); err != nil {
		t.Error(err)
	}
}

func TestSplit(t *testing.T) {
	dir := t.TempDir()
	shard := func(no, of int) string { return filepath.Join(dir, fmt.Sprintf("m-%05d-of-%05d.gguf", no, of)) }
	whole := newModel()
	write := func(path string, no, total int, tensors []Tensor, all bool) {
		t.Helper()
		smallModel(t, path, func(m *model) {
			if !all {
				m.kvs = nil
			}
			m.set(keySplitNo, uint16(no))
			m.set(keySplitCount, uint16(3))
			m.set(keySplitTensors, int32(total))
			m.tensors = tensors
		})
	}
	n := len(whole.tensors)
	write(shard(1, 3), 0, n, whole.tensors[:0], true)
	write(shard(2, 3), 1, n, whole.tensors[:9], false)
	write(shard(3, 3), 2, n, whole.tensors[9:], false)
	f, err := Open(shard(1, 3))
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{shard(1, 3), shard(2, 3), shard(3, 3)}; !slices.Equal(f.Paths, want) {
		t.Errorf("shards %q, want %q", f.Paths, want)
	}
	if len(f.Tensors) != n || f.Tensors[0].Shard != 1 || f.Tensors[n-1].Shard != 2 {
		t.Errorf("tensors: %+v", f.Tensors)
	}
	for _, tensor := range f.Tensors {
		data, err := os.ReadFile(f.Paths[tensor.Shard])
		if err != nil {
			t.Fatal(err)
		}
		if data[tensor.Start] != byte(len(tensor.Name)) {
			t.Errorf("the data of %q is not at byte %d of shard %d", tensor.Name, tensor.Start, tensor.Shard)
		}
	}
	if err := f.Check(); err != nil {
		t.Error(err)
	}
	if _, err := Open(shard(2, 3)); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("is shard 2 of 3: name the first one, %q", shard(1, 3))) {
		t.Errorf("opening the second shard: %v", err)
	}
	expect := func(what, want string) {
		t.Helper()
		if _, err := Open(shard(1, 3)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", what, err, want)
		}
		if err := os.RemoveAll(shard(3, 3)); err != nil {
			t.Fatal(err)
		}
	}
	write(shard(3, 3)+"x", 1, n, whole.tensors[9:], false)
	move(t, shard(3, 3)+"x", shard(3, 3))
	expect("wrong number", "split.no is 1, its name says 2")
	expect("missing", "shard 3 of 3: "+fmt.Sprintf("%q does not exist", shard(3, 3)))
	write(shard(3, 3), 2, n, whole.tensors[8:], false)
	expect("tensor in two shards", "is in another shard too")
	write(shard(3, 3), 2, n, whole.tensors[10:], false)
	expect("too few tensors", fmt.Sprintf("split.tensors.count is %d but the 3 shards hold %d tensors", n, n-1))
	smallModel(t, shard(3, 3), func(m *model) { m.kvs, m.tensors = nil, whole.tensors[9:] })
	expect("no keys", "needs the key split.no")
	smallModel(t, shard(3, 3), func(m *model) {
		m.kvs, m.tensors = []KV{{keySplitNo, uint16(2)}, {keySplitCount, uint16(4)}}, whole.tensors[9:]
	})
	expect("other count", "does not say 3")
	move(t, shard(1, 3), filepath.Join(dir, "m.gguf"))
	if _, err := Open(filepath.Join(dir, "m.gguf")); err == nil || !strings.Contains(err.Error(), `must be named like "name-00001-of-00003.gguf"`) {
		t.Errorf("wrong name: %v", err)
	}
}

// Shards that were put together with cat are no model, whatever the name, and
// no other name makes them one.
func TestJoinedShards(t *testing.T) {
	dir := t.TempDir()
	whole := newModel()
	half := func(name string, no int, from, to int) []byte {
		t.Helper()
		smallModel(t, filepath.Join(dir, name), func(m *model) {
			m.set(keySplitNo, uint16(no))
			m.set(keySplitCount, uint16(2))
			m.set(keySplitTensors, int32(len(whole.tensors)))
			m.tensors = whole.tensors[from:to]
		})
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	n := len(whole.tensors)
	first, second, headOnly := half("a", 0, 0, 5), half("b", 1, 5, n), half("c", 0, 0, 0)
	for name, data := range map[string][]byte{
		"m.gguf":                slices.Concat(first, second),
		"m-00001-of-00002.gguf": slices.Concat(first, second),
		"back.gguf":             slices.Concat(second, first),
		"head.gguf":             slices.Concat(headOnly, second),
	} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(path); err == nil || !strings.Contains(err.Error(), "joined with cat; name the first of the shards themselves, or join them with llama-gguf-split --merge") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func move(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}
