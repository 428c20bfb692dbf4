package hf

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"ceiling/engine/gguf"
)

type object = map[string]any

// devstral returns the content of the sample configuration.
func devstral(t testing.TB) object {
	t.Helper()
	b, err := os.ReadFile("testdata/devstral-config.json")
	if err != nil {
		t.Fatal(err)
	}
	var c object
	if err := json.Unmarshal(b, &c); err != nil {
		t.Fatal(err)
	}
	return c
}

// text is the part of a configuration that describes the language model.
func text(c object) object { return c["text_config"].(object) }

// llama3 is the rotation of Llama 3.1 with other factors.
func llama3(factor, low, high float64) object {
	return object{"rope_type": "llama3", "factor": factor, "low_freq_factor": low, "high_freq_factor": high, "original_max_position_embeddings": 8192}
}

// rope are its rotary parameters.
func rope(c object) object { return text(c)["rope_parameters"].(object) }

// flat is the same model without the vision part.
func flat(c object) {
	for key, v := range text(c) {
		c[key] = v
	}
	delete(c, "text_config")
	c["architectures"] = []string{"Ministral3ForCausalLM"}
}

// llama makes a configuration of Llama's kind.
func llama(c object) {
	flat(c)
	c["architectures"], c["model_type"] = []string{"LlamaForCausalLM"}, "llama"
	delete(c, "rope_parameters")
	delete(c, "head_dim")
	c["rope_theta"], c["rope_scaling"] = 500000.0, nil
}

// checkpoint writes files into a new directory: texts as they are, everything
// else as JSON.
func checkpoint(t testing.TB, files map[string]any) string {
	t.Helper()
	dir := t.TempDir()
	for name, v := range files {
		data, isText := v.(string)
		if !isText {
			b, err := json.Marshal(v)
			if err != nil {
				t.Fatal(err)
			}
			data = string(b)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(data), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestReadConfig(t *testing.T) {
	c, err := ReadConfig(checkpoint(t, map[string]any{"config.json": devstral(t)}))
	if err != nil {
		t.Fatal(err)
	}
	want := gguf.Geometry{
		Architecture: "mistral3", Layers: 40, Hidden: 5120, Heads: 32, KVHeads: 8, HeadDim: 128, FFN: 32768,
		Vocab: 131072, Context: 393216, RMSEps: 1e-5, TemperatureScale: 0.1,
		Rope: gguf.Rope{FreqBase: 1e8, Yarn: &gguf.Yarn{Factor: 48, OriginalContext: 8192, BetaFast: 32, BetaSlow: 1, LogMultiplier: 1}},
	}
	if !reflect.DeepEqual(c.Geometry, want) {
		t.Errorf("geometry %+v, want %+v", c.Geometry, want)
	}
	if c.Parameters() != 23_572_403_200 {
		t.Errorf("%d parameters, the model has 23572403200", c.Parameters())
	}
	if c.ModelType != "ministral3" || c.DType != "bfloat16" || len(c.Warnings) > 0 {
		t.Errorf("model type %q, dtype %q, warnings %q", c.ModelType, c.DType, c.Warnings)
	}
	if method, err := c.Quantization.Get("quant_method").Str(); method != "compressed-tensors" || err != nil {
		t.Errorf("quantisation %q, %v", method, err)
	}
	if filepath.Base(c.QuantizationFile) != "config.json" {
		t.Errorf("quantisation from %q", c.QuantizationFile)
	}
}

// configVariants are accepted.
var configVariants = []struct {
	name   string
	change func(object)
	check  func(*ModelConfig) bool
}{
	{"text only", flat, func(c *ModelConfig) bool { return c.Architecture == "mistral3" && c.Layers == 40 && c.Rope.Yarn != nil }},
	{"the text part wins", func(c object) { c["vocab_size"], c["hidden_size"] = 7, 7 },
		func(c *ModelConfig) bool { return c.Vocab == 131072 && c.Hidden == 5120 }},
	{"rope_scaling with rope_theta", func(c object) {
		r := rope(c)
		delete(text(c), "rope_parameters")
		text(c)["rope_theta"] = r["rope_theta"]
		delete(r, "rope_theta")
		delete(r, "rope_type")
		text(c)["rope_scaling"] = r
	}, func(c *ModelConfig) bool { return c.Rope.FreqBase == 1e8 && c.Rope.Yarn.Factor == 48 }},
	{"said twice alike", func(c object) { text(c)["rope_theta"], text(c)["rope_scaling"] = 1e8, object{"factor": 48} },
		func(c *ModelConfig) bool { return c.Rope.FreqBase == 1e8 && c.Rope.Yarn.Factor == 48 }},
	{"stretched elsewhere", func(c object) { rope(c)["factor"] = 32.0 },
		func(c *ModelConfig) bool { return len(c.Warnings) == 1 && c.Rope.Yarn.Factor == 32 }},
	{"neutral extras", func(c object) {
		r := rope(c)
		r["attention_factor"], r["extrapolation_factor"], r["truncate"], r["partial_rotary_factor"] = 1.0, 1, true, 1.0
	}, func(c *ModelConfig) bool { return c.Rope.Yarn != nil }},
	{"Mistral Small 3", func(c object) {
		text(c)["model_type"], text(c)["rope_theta"] = "mistral", 1e9
		delete(text(c), "rope_parameters")
	}, func(c *ModelConfig) bool {
		return c.Architecture == "mistral3" && c.Rope == gguf.Rope{FreqBase: 1e9} && c.TemperatureScale == 0
	}},
	{"Llama", llama, func(c *ModelConfig) bool {
		return c.Architecture == "llama" && c.HeadDim == 160 && c.Rope.FreqBase == 5e5
	}},
	{"Mistral", func(c object) {
		llama(c)
		c["architectures"], c["model_type"] = []string{"MistralForCausalLM"}, "mistral"
	}, func(c *ModelConfig) bool { return c.Architecture == "llama" }},
	{"linear scaling", func(c object) {
		llama(c)
		c["rope_scaling"] = object{"type": "linear", "factor": 4}
	}, func(c *ModelConfig) bool { return c.Rope.LinearFactor == 4 }},
	{"Llama 3 scaling", func(c object) {
		llama(c)
		c["rope_scaling"] = llama3(8, 1, 4)
	}, func(c *ModelConfig) bool {
		return *c.Rope.Llama3 == gguf.Llama3{Factor: 8, LowFreq: 1, HighFreq: 4, OriginalContext: 8192} && c.Rope.LinearFactor == 0
	}},
	{"tied", func(c object) { text(c)["tie_word_embeddings"] = true }, func(c *ModelConfig) bool {
		return c.TieEmbeddings && c.Parameters() == 23_572_403_200-131072*5120
	}},
	{"quantisation in the text part", func(c object) {
		text(c)["quantization_config"] = c["quantization_config"]
		delete(c, "quantization_config")
	}, func(c *ModelConfig) bool { return c.Quantization.Has("config_groups") }},
	{"not quantised", func(c object) { c["quantization_config"] = nil }, func(c *ModelConfig) bool {
		return c.Quantization == nil && c.QuantizationFile == ""
	}},
	{"full attention by layer", func(c object) { text(c)["layer_types"] = []string{"full_attention", "full_attention"} },
		func(c *ModelConfig) bool { return true }},
}

func TestConfigVariants(t *testing.T) {
	for _, c := range configVariants {
		config := devstral(t)
		c.change(config)
		got, err := ReadConfig(checkpoint(t, map[string]any{"config.json": config}))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
		} else if !c.check(got) {
			t.Errorf("%s: %+v, rope %+v", c.name, got.Geometry, got.Rope.Yarn)
		}
	}
}

// Changes of one member of the text part or of its rotary parameters.
func set(key string, v any) func(object)     { return func(c object) { text(c)[key] = v } }
func setRope(key string, v any) func(object) { return func(c object) { rope(c)[key] = v } }
func drop(key string) func(object)           { return func(c object) { delete(text(c), key) } }
func dropRope(key string) func(object)       { return func(c object) { delete(rope(c), key) } }

// refusedConfigs are refused with an error that contains want.
var refusedConfigs = []struct {
	name   string
	change func(object)
	want   string
}{
	// Architectures.
	{"Mistral 4", set("model_type", "mistral4"), `with model type "mistral4" can't be converted`},
	{"another class", func(c object) { c["architectures"] = []string{"Qwen2ForCausalLM"} }, `"Qwen2ForCausalLM"`},
	{"Mixtral", func(c object) { llama(c); c["architectures"] = []string{"MixtralForCausalLM"} }, "can't be converted"},
	{"class and type at odds", func(c object) { flat(c); c["model_type"] = "mistral" }, "can't be converted"},
	{"two classes", func(c object) { c["architectures"] = []string{"A", "B"} }, "architectures names 2 classes"},
	{"no class", func(c object) { delete(c, "architectures") }, "architectures must be an array of strings"},
	{"no text part", func(c object) { c["model_type"] = "ministral3"; delete(c, "text_config") }, "text_config is missing"},
	{"text part a list", func(c object) { c["text_config"] = []int{1} }, "text_config is an array, must be an object"},
	// Settings that the graph does not have.
	{"sliding window", set("sliding_window", 4096), "sliding_window is set"},
	{"sliding layers", set("layer_types", []string{"full_attention", "sliding_attention"}), "layer_types[1]"},
	{"activation", set("hidden_act", "gelu"), `hidden_act is "gelu", must be "silu"`},
	{"no activation", drop("hidden_act"), "hidden_act is missing"},
	{"experts", set("num_local_experts", 8), "num_local_experts is set"},
	{"not causal", set("is_causal", false), "is_causal is not true"},
	{"half rotated", set("partial_rotary_factor", 0.5), "partial_rotary_factor is not 1"},
	// Sizes.
	{"no layers", drop("num_hidden_layers"), "num_hidden_layers is missing"},
	{"zero layers", set("num_hidden_layers", 0), "num_hidden_layers is 0, must be 1 to 512"},
	{"too many layers", set("num_hidden_layers", 513), "num_hidden_layers is 513"},
	{"layers as text", set("num_hidden_layers", "40"), `num_hidden_layers is "40", must be a number`},
	{"layers a fraction", set("num_hidden_layers", 40.5), "num_hidden_layers is 40.5, must be an integer"},
	{"layers null", set("num_hidden_layers", nil), "num_hidden_layers is null, must be a number"},
	{"odd width", set("hidden_size", 5121), "hidden_size is 5121, must be a multiple of 32"},
	{"odd FFN", set("intermediate_size", 100), "intermediate_size is 100, must be a multiple of 32"},
	{"negative", set("intermediate_size", -32), "intermediate_size is -32"},
	{"KV heads", set("num_key_value_heads", 5), "is not a multiple of num_key_value_heads 5"},
	{"no KV heads", drop("num_key_value_heads"), "num_key_value_heads is missing"},
	{"no head_dim", drop("head_dim"), "head_dim is missing"},
	{"odd head_dim", set("head_dim", 127), "head_dim is 127, must be even"},
	{"narrow heads", func(c object) { set("head_dim", 2)(c); set("num_attention_heads", 8)(c) }, "num_attention_heads × head_dim is 16"},
	{"vocabulary", set("vocab_size", 1<<21), "vocab_size is 2097152"},
	{"no epsilon", drop("rms_norm_eps"), "rms_norm_eps is missing"},
	{"zero epsilon", set("rms_norm_eps", 0), "rms_norm_eps is 0"},
	{"negative epsilon", set("rms_norm_eps", -1e-5), "rms_norm_eps is -1e-05"},
	{"no context", drop("max_position_embeddings"), "max_position_embeddings is missing"},
	{"tied by text", set("tie_word_embeddings", "false"), "tie_word_embeddings is"},
	{"heads of Llama", func(c object) { llama(c); c["num_attention_heads"], c["num_key_value_heads"] = 24, 8 }, "head_dim is missing and hidden_size 5120"},
	// The rotation.
	{"no rope", drop("rope_parameters"), "rope_theta is missing"},
	{"rope of type default", func(c object) { text(c)["rope_parameters"] = object{"rope_theta": 1e6} }, `needs "yarn"`},
	{"unknown type", func(c object) { rope(c)["rope_type"], rope(c)["type"] = "longrope", "longrope" }, `type is "longrope"`},
	{"Llama 3 scaling, half of it", func(c object) {
		llama(c)
		c["rope_scaling"] = object{"rope_type": "llama3", "factor": 8.0}
	}, "low_freq_factor is missing"},
	{"Llama 3 scaling, bounds in the wrong order", func(c object) {
		llama(c)
		c["rope_scaling"] = llama3(8, 4, 4)
	}, "low_freq_factor is 4, must be below high_freq_factor, which is 4"},
	{"Llama 3 scaling with more", func(c object) {
		llama(c)
		c["rope_scaling"] = llama3(8, 1, 4)
		c["rope_scaling"].(object)["attention_factor"] = 1.2
	}, `has "attention_factor", which is unknown`},
	{"Llama 3 scaling in Mistral Small", func(c object) {
		set("model_type", "mistral")(c)
		text(c)["rope_parameters"] = llama3(8, 1, 4)
		rope(c)["rope_theta"] = 1e6
	}, `rope_type is "llama3", which can be converted in llama models only`},
	{"yarn in Llama", func(c object) {
		llama(c)
		c["rope_scaling"] = object{"rope_type": "yarn", "factor": 8.0}
	}, "in ministral3 models only"},
	{"linear in Mistral Small", func(c object) {
		set("model_type", "mistral")(c)
		text(c)["rope_parameters"] = object{"rope_type": "linear", "factor": 2, "rope_theta": 1e6}
	}, "in llama models only"},
	{"type missing", func(c object) { dropRope("rope_type")(c); dropRope("type")(c) }, "rope_type is missing"},
	{"types differ", setRope("type", "linear"), "rope_type and rope_parameters.type differ"},
	{"theta differs", set("rope_theta", 1e6), "rope_parameters.rope_theta and rope_theta differ"},
	{"scaling differs", set("rope_scaling", object{"factor": 16}), `rope_parameters and rope_scaling differ in "factor"`},
	{"rotation by layer", func(c object) {
		text(c)["rope_parameters"] = object{"full_attention": object{"rope_theta": 1e6}}
	}, "rotations that differ between layers"},
	{"rope a number", set("rope_parameters", 3), "rope_parameters is a number, must be an object"},
	{"unknown member", setRope("mrope_section", []int{1}), `rope_parameters has "mrope_section", which is unknown`},
	{"a line feed in a key", setRope("a\nb", 1), `rope_parameters has "a\nb", which is unknown`},
	{"mscale", setRope("mscale", 0.7), "mscale is 0.7: llama.cpp v0.5.0 assumes 1"},
	{"no mscale", dropRope("mscale"), "rope_parameters.mscale is missing"},
	{"no mscale_all_dim", dropRope("mscale_all_dim"), "rope_parameters.mscale_all_dim is missing"},
	{"no beta", dropRope("llama_4_scaling_beta"), "rope_parameters.llama_4_scaling_beta is missing"},
	{"no factor", dropRope("factor"), "rope_parameters.factor is missing"},
	{"factor below 1", setRope("factor", 0.5), "rope_parameters.factor is 0.5, must be 1 to"},
	{"no theta", dropRope("rope_theta"), "rope_parameters.rope_theta is missing"},
	{"no original context", dropRope("original_max_position_embeddings"), "original_max_position_embeddings is missing"},
	{"zero original context", setRope("original_max_position_embeddings", 0), "original_max_position_embeddings is 0"},
	{"negative beta_fast", setRope("beta_fast", -32), "beta_fast is -32"},
	{"attention factor", setRope("attention_factor", 1.4), "attention_factor is not 1: llama.cpp v0.5.0 ignores it"},
	{"extrapolation factor", setRope("extrapolation_factor", 0), "extrapolation_factor is not 1"},
	{"bounds not rounded", setRope("truncate", false), "truncate is not true"},
	// The quantisation.
	{"two quantisations", set("quantization_config", object{"quant_method": "awq"}), "quantization_config and text_config.quantization_config differ"},
	{"quantisation a text", func(c object) { c["quantization_config"] = "awq" }, "quantization_config is a string, must be an object"},
}

func TestReadConfigRefuses(t *testing.T) {
	for _, c := range refusedConfigs {
		config := devstral(t)
		c.change(config)
		refused(t, c.name, map[string]any{"config.json": config}, c.want)
	}
}

// refused expects a message of one line that names config.json.
func refused(t *testing.T, name string, files map[string]any, want string) {
	t.Helper()
	c, err := ReadConfig(checkpoint(t, files))
	switch {
	case err == nil:
		t.Errorf("%s: accepted", name)
	case !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), "config.json"):
		t.Errorf("%s: error %v, want one line with %q", name, err, want)
	case c != nil:
		t.Errorf("%s: a configuration beside the error", name)
	}
}

func TestReadConfigRefusesText(t *testing.T) {
	b, err := os.ReadFile("testdata/devstral-config.json")
	if err != nil {
		t.Fatal(err)
	}
	sample := string(b)
	for _, c := range []struct{ name, text, want string }{
		{"empty", "", "broken JSON"},
		{"a list", "[]", "must be an object"},
		{"NaN", strings.Replace(sample, "1e-05", "NaN", 1), "broken JSON"},
		{"infinity", strings.Replace(sample, "48.0", "Infinity", 1), "broken JSON"},
		{"overflow", strings.Replace(sample, "48.0", "1e400", 1), "no double can hold"},
		{"a key twice", strings.Replace(sample, `"head_dim": 128`, `"head_dim": 128, "head_dim": 160`, 1), `"head_dim" occurs twice`},
		{"another case", strings.Replace(sample, `"head_dim": 128`, `"Head_dim": 128`, 1), "head_dim is missing"},
		{"integer with exponent", strings.Replace(sample, "5120", "512e1", 1), "hidden_size is 512e1, must be an integer"},
		{"LFS", "version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 2\n", "Git LFS pointer"},
		{"deep", strings.Repeat(`{"a":`, 100) + "1" + strings.Repeat("}", 100), "levels of nesting"},
		{"huge", strings.Repeat(" ", maxConfigBytes) + "{}", "at most 16777216 are read"},
	} {
		refused(t, c.name, map[string]any{"config.json": c.text}, c.want)
	}
	refused(t, "Mistral's own layout", map[string]any{"params.json": object{}}, "Mistral's own layout")
	_, err = ReadConfig(t.TempDir())
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("an empty directory gave %v", err)
	}
}

func TestLegacyQuantization(t *testing.T) {
	config := devstral(t)
	delete(config, "quantization_config")
	for _, name := range []string{"quantize_config.json", "quant_config.json"} {
		c, err := ReadConfig(checkpoint(t, map[string]any{"config.json": config, name: object{"bits": 4}}))
		if err != nil {
			t.Fatal(err)
		}
		if !c.Quantization.Has("bits") || filepath.Base(c.QuantizationFile) != name {
			t.Errorf("%s: %d members from %q", name, c.Quantization.Len(), c.QuantizationFile)
		}
	}
	c, err := ReadConfig(checkpoint(t, map[string]any{"config.json": devstral(t), "quantize_config.json": "{"}))
	if err != nil || !c.Quantization.Has("config_groups") {
		t.Errorf("config.json does not win: %v", err)
	}
	refused(t, "broken", map[string]any{"config.json": config, "quant_config.json": "{"}, `quant_config.json": broken JSON`)
	refused(t, "a list", map[string]any{"config.json": config, "quant_config.json": "[]"}, "must be an object")
}
