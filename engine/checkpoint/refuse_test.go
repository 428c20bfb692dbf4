package checkpoint

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ceiling/engine/checkpoint/awqtest"
	"ceiling/engine/checkpoint/safetensors"
	"ceiling/engine/gguf"
)

// model is a checkpoint in memory, to be changed.
type model struct {
	parts  map[string]*part // data is []byte
	config map[string]any
}

// quantization is the part of the configuration that describes it.
func (m *model) quantization() map[string]any {
	return m.config["quantization_config"].(map[string]any)
}

// weights is the first group of compressed-tensors' configuration.
func (m *model) weights() map[string]any {
	return m.quantization()["config_groups"].(map[string]any)["group_0"].(map[string]any)["weights"].(map[string]any)
}

// the changes' favourite tensors.
const (
	layer  = "language_model.model.layers.1."
	target = layer + "mlp.down_proj" // 256 rows of 640 columns
)

// rename gives a tensor another name.
func (m *model) rename(from, to string) {
	m.parts[to] = m.parts[from]
	delete(m.parts, from)
}

// fill makes the words of a tensor.
func (m *model) fill(name string, word uint32) {
	p := m.parts[name].data.([]byte)
	for i := 0; i+4 <= len(p); i += 4 {
		le.PutUint32(p[i:], word)
	}
}

// reshape gives a tensor another shape of as many or fewer elements.
func (m *model) reshape(name string, bytes int, shape ...int) {
	for _, d := range shape {
		bytes *= d
	}
	p := m.parts[name]
	p.shape, p.data = shape, p.data.([]byte)[:bytes]
}

// load reads a checkpoint of one file.
func load(t *testing.T, dir string) *model {
	t.Helper()
	set, err := safetensors.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	files, err := set.Files()
	if err != nil {
		t.Fatal(err)
	}
	defer files.Close()
	m := &model{parts: map[string]*part{}}
	for i := range set.Tensors {
		x := &set.Tensors[i]
		data := make([]byte, x.Bytes)
		if err := files.ReadAt(x, data, 0); err != nil {
			t.Fatal(err)
		}
		p := &part{x.Name, string(x.DType), nil, data}
		for _, d := range x.Shape {
			p.shape = append(p.shape, int(d))
		}
		m.parts[x.Name] = p
	}
	text, err := os.ReadFile(filepath.Join(dir, "config.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &m.config); err != nil {
		t.Fatal(err)
	}
	return m
}

// store writes the model back.
func (m *model) store(t *testing.T, dir string) {
	t.Helper()
	var parts []part
	for name, p := range m.parts {
		parts = append(parts, part{name, p.dtype, p.shape, p.data})
	}
	writeParts(t, filepath.Join(dir, "model.safetensors"), parts)
	text, err := json.Marshal(m.config)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "config.json"), text, 0o644); err != nil {
		t.Fatal(err)
	}
}

var (
	symmetric  = awqtest.VariantOptions{}
	asymmetric = awqtest.VariantOptions{Zeros: true}
	gemm       = awqtest.VariantOptions{Format: awqtest.AWQGemm, Zeros: true}
	gemv       = awqtest.VariantOptions{Format: awqtest.AWQGemv, Zeros: true}
	gptq       = awqtest.VariantOptions{Format: awqtest.GPTQ}
	gptqZeros  = awqtest.VariantOptions{Format: awqtest.GPTQ, Zeros: true}
	old        = awqtest.VariantOptions{Zeros: true, OldZeros: true}
)

// refusals change a good checkpoint into one that must be refused.
var refusals = []struct {
	name   string
	o      awqtest.VariantOptions
	want   string
	change func(m *model)
}{
	// Tensors.
	{"no scales", symmetric, ".weight_scale is missing", func(m *model) { delete(m.parts, target+".weight_scale") }},
	{"no scales, AWQ", gemm, "has .qweight but no .scales", func(m *model) { delete(m.parts, target+".scales") }},
	{"no zero points", asymmetric, "without zero points, which the configuration does not declare", func(m *model) { delete(m.parts, target+".weight_zero_point") }},
	{"no zero points, AWQ", gemm, ".qzeros is missing", func(m *model) { delete(m.parts, target+".qzeros") }},
	{"no codes", symmetric, `down_proj.weight_scale" is none`, func(m *model) { delete(m.parts, target+".weight_packed") }},
	{"module missing", symmetric, "down_proj are missing", func(m *model) {
		for _, leaf := range []string{".weight_packed", ".weight_scale", ".weight_shape"} {
			delete(m.parts, target+leaf)
		}
	}},
	{"norm missing", symmetric, "model.layers.1.input_layernorm are missing", func(m *model) { delete(m.parts, layer+"input_layernorm.weight") }},
	{"no output matrix", symmetric, "tie_word_embeddings is not true", func(m *model) { delete(m.parts, "language_model.lm_head.weight") }},
	{"plain and packed", symmetric, "has both .weight and packed weights", func(m *model) { m.parts[target+".weight"] = m.parts["language_model.lm_head.weight"] }},
	{"two packings", symmetric, "has both .weight_packed and .qweight", func(m *model) { m.parts[target+".qweight"] = m.parts[target+".weight_packed"] }},
	{"two formats", gemm, "one checkpoint must have one format", func(m *model) {
		m.rename(target+".qweight", target+".weight_packed")
	}},
	{"unknown tensor", symmetric, "is none that a dense", func(m *model) { m.rename(target+".weight_shape", layer+"mlp.extra_proj.weight") }},
	{"unknown part", symmetric, "is none that a dense", func(m *model) { m.rename(target+".weight_shape", target+".surprise") }},
	{"AWQ's activation scales", gemm, "is none that a dense", func(m *model) { m.parts[layer+"mlp.act.scales"] = m.parts[layer+"input_layernorm.weight"] }},
	{"layer beyond the last", symmetric, "there are 3", func(m *model) {
		m.parts["language_model.model.layers.3.input_layernorm.weight"] = m.parts[layer+"input_layernorm.weight"]
	}},
	{"layer 01", symmetric, "is none that a dense", func(m *model) {
		m.rename(layer+"input_layernorm.weight", "language_model.model.layers.01.input_layernorm.weight")
	}},
	{"mixed prefixes", symmetric, "different conventions", func(m *model) { m.rename(layer+"input_layernorm.weight", "model.layers.1.input_layernorm.weight") }},
	{"mixed prefixes, output", symmetric, "different conventions", func(m *model) { m.rename("language_model.lm_head.weight", "lm_head.weight") }},
	{"Mistral's own names", symmetric, "different conventions", func(m *model) { m.rename(layer+"input_layernorm.weight", "layers.1.attention_norm.weight") }},
	{"FP8", symmetric, "FP8 checkpoint", func(m *model) {
		m.parts[layer+"self_attn.q_proj.weight_scale_inv"] = m.parts[layer+"input_layernorm.weight"]
	}},
	{"FP8 weights", symmetric, "FP8 checkpoint", func(m *model) {
		m.parts[layer+"input_layernorm.weight"] = &part{"", "F8_E4M3", []int{256}, make([]byte, 256)}
	}},
	{"packed norm", symmetric, "is packed, but it is a vector", func(m *model) {
		m.parts[layer+"input_layernorm.weight_packed"] = m.parts[target+".weight_packed"]
		delete(m.parts, layer+"input_layernorm.weight")
	}},
	// Types.
	{"codes of another type", symmetric, ".weight_packed is of type F32, must be I32", func(m *model) { m.parts[target+".weight_packed"].dtype = "F32" }},
	{"integer scales", symmetric, ".weight_scale is of type I16", func(m *model) { m.parts[target+".weight_scale"].dtype = "I16" }},
	{"weight_shape of another type", symmetric, "must be I64 [2]", func(m *model) { m.parts[target+".weight_shape"].dtype = "F64" }},
	{"g_idx of another type", gptq, ".g_idx is F32 [640], must be I32", func(m *model) { m.parts[target+".g_idx"].dtype = "F32" }},
	{"zero points of another type", old, ".weight_zero_point is U8", func(m *model) { m.parts[target+".weight_zero_point"].dtype = "U8" }},
	{"integer norm", symmetric, "must be BF16, F16 or F32", func(m *model) { m.parts[layer+"input_layernorm.weight"].dtype = "I16" }},
	// Shapes.
	{"weight_shape", symmetric, ".weight_shape says [7 640]", func(m *model) {
		m.parts[target+".weight_shape"].data.([]byte)[0], m.parts[target+".weight_shape"].data.([]byte)[1] = 7, 0
	}},
	{"weight_shape of three", symmetric, "must be I64 [2]", func(m *model) {
		m.parts[target+".weight_shape"].data, m.parts[target+".weight_shape"].shape = make([]byte, 24), []int{3}
	}},
	{"transposed codes", symmetric, "does not hold 256 rows of 640 codes", func(m *model) { m.reshape(target+".weight_packed", 4, 80, 256) }},
	{"too few codes", symmetric, "does not hold 256 rows", func(m *model) { m.reshape(target+".weight_packed", 4, 256, 79) }},
	{"empty codes", symmetric, "must be matrices that are not empty", func(m *model) { m.reshape(target+".weight_packed", 4, 0, 80) }},
	{"groups that do not divide", symmetric, "are not 19 groups", func(m *model) { m.reshape(target+".weight_scale", 2, 256, 19) }},
	{"groups of 40", symmetric, "groups of 40 columns", func(m *model) { m.reshape(target+".weight_scale", 2, 256, 16) }},
	{"groups that are not declared", symmetric, "groups of 64, without zero points, which the configuration does not declare", func(m *model) { m.reshape(target+".weight_scale", 2, 256, 10) }},
	{"scale rows", symmetric, "has not 256 rows", func(m *model) { m.reshape(target+".weight_scale", 2, 128, 20) }},
	{"zero point rows", asymmetric, ".weight_zero_point is I32 [31 20], must be I32 [32 20]", func(m *model) { m.reshape(target+".weight_zero_point", 4, 31, 20) }},
	{"AWQ codes", gemm, "fit no packing of 256 outputs and 640 inputs", func(m *model) { m.reshape(target+".qweight", 4, 640, 31) }},
	{"AWQ zero points", gemm, "must be I32 [20 32]", func(m *model) { m.reshape(target+".qzeros", 4, 20, 31) }},
	{"GEMV zero points", gemv, "must be I32 [256 4]", func(m *model) { m.reshape(target+".qzeros", 4, 256, 3) }},
	{"GEMV scales", gemv, "must be [256 32]", func(m *model) { m.reshape(target+".scales", 2, 256, 24) }},
	{"GPTQ zero points", gptq, "must be I32 [20 32]", func(m *model) { m.reshape(target+".qzeros", 4, 19, 32) }},
	{"norm", symmetric, "has shape [255], the configuration asks for [256]", func(m *model) { m.reshape(layer+"input_layernorm.weight", 2, 255) }},
	{"norm of rank 2", symmetric, "has shape [1 256]", func(m *model) { m.reshape(layer+"input_layernorm.weight", 2, 1, 256) }},
	{"vocabulary", symmetric, "the configuration asks for [384 256]", func(m *model) { m.reshape("language_model.lm_head.weight", 2, 383, 256) }},
	// Values.
	{"activation order", gptq, "g_idx scatters the columns", func(m *model) { m.parts[target+".g_idx"].data.([]byte)[4*31] = 1 }},
	{"g_idx out of range", gptq, "g_idx[3] is 20, must be 0 to 19", func(m *model) { m.parts[target+".g_idx"].data.([]byte)[4*3] = 20 }},
	{"g_idx negative", gptq, "g_idx[0] is -2", func(m *model) { le.PutUint32(m.parts[target+".g_idx"].data.([]byte), 1<<32-2) }},
	{"activation order without g_idx", gptq, "desc_act is true but .g_idx", func(m *model) {
		m.quantization()["desc_act"] = true
		delete(m.parts, target+".g_idx")
	}},
	{"zero point of 15 in GPTQ version 1", gptqZeros, "has stored zero points of 15", func(m *model) { m.parts[target+".qzeros"].data.([]byte)[5] |= 0xf0 }},
	{"symmetric of the other GPTQ version", gptq, "is declared symmetric but has 5120 zero points other than 8", func(m *model) { m.fill(target+".qzeros", 0x88888888) }},
	{"declared symmetric", asymmetric, "is declared symmetric but has", func(m *model) { m.weights()["symmetric"] = true }},
	{"old zero point out of range", old, "has the zero point 8, must be -8 to 7", func(m *model) { m.parts[target+".weight_zero_point"].data.([]byte)[7] = 8 }},
	{"scale NaN", symmetric, "has 1 scales that are NaN or infinite", func(m *model) { le.PutUint16(m.parts[target+".weight_scale"].data.([]byte)[6:], 0x7fc0) }},
	{"scale infinite, float16", gemm, "has 1 scales that are NaN or infinite", func(m *model) { le.PutUint16(m.parts[target+".scales"].data.([]byte)[6:], 0xfc00) }},
	{"scale too large", symmetric, "has 1 scales above 65504", func(m *model) { le.PutUint16(m.parts[target+".weight_scale"].data.([]byte)[6:], 0x4780) }},
	{"scale inexact", symmetric, "has 2 of 5120 scales that float16 can't hold exactly, the worst would change by 0.00775 of its value", func(m *model) {
		le.PutUint16(m.parts[target+".weight_scale"].data.([]byte)[6:], 0x36ff) // 2^-18 × 1.9921875
		le.PutUint16(m.parts[target+".weight_scale"].data.([]byte)[8:], 0x3701) // 2^-17 × 1.0078125 is exact
		le.PutUint16(m.parts[target+".weight_scale"].data.([]byte)[60:], 0x3681)
	}},
	{"NaN in a norm", symmetric, `input_layernorm.weight": has elements that are NaN`, func(m *model) {
		le.PutUint16(m.parts[layer+"input_layernorm.weight"].data.([]byte)[6:], 0x7fc1)
	}},
	{"infinity in the embedding", symmetric, `embed_tokens.weight": has elements that are NaN`, func(m *model) {
		le.PutUint16(m.parts["language_model.model.embed_tokens.weight"].data.([]byte)[70000:], 0xff80)
	}},
	// Configuration.
	{"no method", symmetric, "quant_method is missing, and the other fields", func(m *model) {
		m.config["quantization_config"] = map[string]any{"quant_method": "", "bits": 4}
	}},
	{"other method", symmetric, `quant_method "bitsandbytes" can't be converted`, func(m *model) { m.quantization()["quant_method"] = "bitsandbytes" }},
	{"method is a number", symmetric, "quant_method is 4, must be a string", func(m *model) { m.quantization()["quant_method"] = 4 }},
	{"fp8 method", symmetric, "FP8 checkpoint", func(m *model) { m.quantization()["quant_method"] = "fp8" }},
	{"other method than the tensors'", symmetric, "the configuration declares gptq but the tensors", func(m *model) {
		m.config["quantization_config"] = map[string]any{"quant_method": "gptq", "bits": 4, "group_size": 32}
	}},
	{"GEMV instead of GEMM", gemm, "the configuration declares awq-gemv but", func(m *model) { m.quantization()["version"] = "gemv" }},
	{"marlin", gemm, `AWQ version "marlin"`, func(m *model) { m.quantization()["version"] = "marlin" }},
	{"3 bits", gemm, "with 3 bits can't be converted", func(m *model) { m.quantization()["bits"] = 3 }},
	{"group size 48", gemm, "group size 48", func(m *model) { m.quantization()["group_size"] = 48 }},
	{"group size of another number", gemm, "groups of 32, with zero points, which the configuration does not declare", func(m *model) { m.quantization()["group_size"] = 64 }},
	{"group size is text", gemm, "group_size is \"32\"", func(m *model) { m.quantization()["group_size"] = "32" }},
	{"GPTQ format", gptq, `checkpoint_format "marlin"`, func(m *model) { m.quantization()["checkpoint_format"] = "marlin" }},
	{"GPTQ marlin", gptq, "is_marlin_format is true", func(m *model) { m.quantization()["is_marlin_format"] = true }},
	{"GPTQ pack_dtype", gptq, `pack_dtype is "int64"`, func(m *model) { m.quantization()["pack_dtype"] = "int64" }},
	{"AutoRound packing", awqtest.VariantOptions{Format: awqtest.AutoRoundGPTQ}, `packing_format "auto_round:exllamav2"`, func(m *model) { m.quantization()["packing_format"] = "auto_round:exllamav2" }},
	{"AutoRound floats", awqtest.VariantOptions{Format: awqtest.AutoRoundGPTQ}, `data_type is "mx_fp"`, func(m *model) { m.quantization()["data_type"] = "mx_fp" }},
	{"format", symmetric, `format "marlin-24"`, func(m *model) { m.quantization()["format"] = "marlin-24" }},
	{"group's format", symmetric, `config_groups["group_0"]: format "nvfp4-pack-quantized"`, func(m *model) {
		m.quantization()["config_groups"].(map[string]any)["group_0"].(map[string]any)["format"] = "nvfp4-pack-quantized"
	}},
	{"targets no list", symmetric, `targets is a number, must be an array`, func(m *model) {
		for _, g := range m.quantization()["config_groups"].(map[string]any) {
			g.(map[string]any)["targets"] = -1
		}
	}},
	{"no groups", symmetric, "config_groups is missing or empty", func(m *model) { m.quantization()["config_groups"] = map[string]any{} }},
	{"transform", symmetric, "transform_config is not empty", func(m *model) { m.quantization()["transform_config"] = map[string]any{"x": 1} }},
	{"sparse", symmetric, "sparsity_config is not empty", func(m *model) {
		m.quantization()["sparsity_config"] = map[string]any{"format": "sparse-24-bitmask"}
	}},
	{"floats", symmetric, `weights of type "float"`, func(m *model) { m.weights()["type"] = "float" }},
	{"dynamic", symmetric, "weights.dynamic is true", func(m *model) { m.weights()["dynamic"] = true }},
	{"strategy", symmetric, `weights.strategy "tensor"`, func(m *model) { m.weights()["strategy"] = "tensor" }},
	{"no group size", symmetric, "weights.group_size is 0", func(m *model) { m.weights()["group_size"] = nil }},
	{"no symmetry", symmetric, "weights.symmetric is missing", func(m *model) { delete(m.weights(), "symmetric") }},
	{"ignore is a number", symmetric, "ignore is a number, must be an array", func(m *model) { m.quantization()["ignore"] = 3 }},
	{"declared but not packed", symmetric, "no tensor is packed", unpack},
	{"frozen and not packed", symmetric, `quantization_status is "frozen" and no tensor is packed`, func(m *model) {
		m.quantization()["quantization_status"] = "frozen"
		unpack(m)
	}},
}

// unpack drops everything that is packed.
func unpack(m *model) {
	for name := range m.parts {
		if strings.Contains(name, "_proj") {
			delete(m.parts, name)
		}
	}
}

// TestRefuses: each of them gives one clear line and no file.
func TestRefuses(t *testing.T) {
	made := map[string]string{} // by options
	for _, r := range refusals {
		key := fmt.Sprint(r.o)
		if made[key] == "" {
			made[key] = write(t, r.o).Dir
		}
		dir := t.TempDir()
		if err := os.CopyFS(dir, os.DirFS(made[key])); err != nil {
			t.Fatal(err)
		}
		m := load(t, dir)
		r.change(m)
		m.store(t, dir)
		out := filepath.Join(t.TempDir(), "m.gguf")
		err := convertErr(dir, out, OpenOptions{}, ConvertOptions{Verify: true})
		if err == nil || !strings.Contains(err.Error(), r.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want %q", r.name, err, r.want)
		}
		wantEmpty(t, filepath.Dir(out))
	}
}

// convertErr opens and converts a checkpoint.
func convertErr(dir, out string, open OpenOptions, o ConvertOptions) error {
	c, err := Open(dir, open)
	if err != nil {
		return err
	}
	_, err = Convert(context.Background(), c, out, o)
	return err
}

func wantEmpty(t *testing.T, dir string) {
	t.Helper()
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// TestRounding: what exactness refuses is rounded on request, to the nearest,
// and reported.
func TestRounding(t *testing.T) {
	for _, o := range []awqtest.VariantOptions{symmetric, asymmetric} {
		dir := write(t, o).Dir
		m := load(t, dir)
		p := m.parts[target+".weight_scale"].data.([]byte)
		le.PutUint16(p[6:], 0x36ff)  // 2^-18 × 1.9921875
		le.PutUint16(p[80:], 0x3301) // 2^-25 × 1.0078125 becomes 2^-24
		m.store(t, dir)
		out := filepath.Join(t.TempDir(), "m.gguf")
		var refused *RefusedError
		if err := convertErr(dir, out, OpenOptions{}, ConvertOptions{}); !errors.As(err, &refused) || refused.Tensor != target || refused.More != 0 {
			t.Errorf("exact: %v", err)
		}
		out, r := convert(t, dir, OpenOptions{}, ConvertOptions{AllowRounding: true, Verify: true, VerifyRows: 1 << 20})
		if want := 2/1.0078125 - 1; r.Rounded != 2 || r.LargestError != want || r.LargestErrorTensor != target {
			t.Errorf("report %+v, want an error of %v", r, want)
		}
		if n := r.Verified.Rounded; n == 0 || n > 64 {
			t.Errorf("%d rounded values in two groups of 32", n)
		}
		f, err := gguf.Open(out)
		if err != nil {
			t.Fatal(err)
		}
		want := gguf.Q4_0
		if o.Zeros {
			want = gguf.Q5_0
		}
		if got := f.Tensor("blk.1.ffn_down.weight").Type; got != want {
			t.Errorf("type %s, want %s", got, want)
		}
		c, err := Open(dir, OpenOptions{})
		if err != nil {
			t.Fatal(err)
		}
		// Who asks for exactness is told that the file is not.
		var wrong *VerifyError
		if _, err := verify(context.Background(), c, out, ConvertOptions{VerifyRows: 1 << 20}); !errors.As(err, &wrong) || wrong.Tensor != "blk.1.ffn_down.weight" {
			t.Errorf("verify for exactness: %v", err)
		}
	}
}

// TestOptionsThatAccept: what a flag makes of refused checkpoints.
func TestOptionsThatAccept(t *testing.T) {
	dir := write(t, gptqZeros).Dir
	m := load(t, dir)
	m.fill(target+".qzeros", 0x7777f777)
	m.store(t, dir)
	convert(t, dir, OpenOptions{GPTQv1Carry: true}, ConvertOptions{Verify: true, VerifyRows: 1 << 20})

	dir = write(t, gptq).Dir
	m = load(t, dir)
	for name := range m.parts {
		if strings.HasSuffix(name, ".qzeros") {
			m.fill(name, 0x88888888)
		}
	}
	m.store(t, dir)
	c, err := Open(dir, OpenOptions{Format: "gptq_v2"})
	if err != nil || c.Format != "gptq_v2" {
		t.Fatalf("format %v: %v", c, err)
	}
	p, err := c.Plan(context.Background(), ConvertOptions{})
	if err != nil || p.Refusal() != nil || p.FileType != 2 {
		t.Errorf("plan %+v, %v", p, err)
	}
	if _, err := Open(dir, OpenOptions{Format: "gguf"}); err == nil || !strings.Contains(err.Error(), `no checkpoint format "gguf"`) {
		t.Errorf("unknown format: %v", err)
	}
}
