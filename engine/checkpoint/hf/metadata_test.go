package hf

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"ceiling/engine/gguf"
)

// load reads a checkpoint's metadata by key.
func load(t *testing.T, files map[string]any, o MetadataOptions) (map[string]any, []string, error) {
	t.Helper()
	dir := checkpoint(t, files)
	cfg, err := ReadConfig(dir)
	if err != nil {
		t.Fatal(err)
	}
	kvs, warnings, err := Metadata(dir, cfg, o)
	m := map[string]any{}
	for _, kv := range kvs {
		if _, ok := m[kv.Key]; ok {
			t.Errorf("key %s occurs twice", kv.Key)
		}
		m[kv.Key] = kv.Value
	}
	return m, warnings, err
}

// small is a configuration of a small model with the vocabulary of words().
func small(t testing.TB) object {
	c := devstral(t)
	text(c)["vocab_size"] = len(specialTexts) + 256 + len(wordTexts)
	text(c)["bos_token_id"], text(c)["eos_token_id"] = 1, 2
	return c
}

// TestGeometryKeys: every key with llama.cpp's exact type, for the model whose
// values are known from llama.cpp's own log.
func TestGeometryKeys(t *testing.T) {
	m, _, err := load(t, map[string]any{"config.json": small(t), "tokenizer.json": words()}, MetadataOptions{Name: "Devstral Small 2"})
	if err != nil {
		t.Fatal(err)
	}
	vocab := len(specialTexts) + 256 + len(wordTexts)
	want := map[string]any{
		"general.architecture": "mistral3", "general.type": "model", "general.name": "Devstral Small 2",
		"general.size_label": "22B", "general.quantization_version": uint32(2),
		"mistral3.vocab_size": uint32(vocab), "mistral3.context_length": uint32(393216),
		"mistral3.embedding_length": uint32(5120), "mistral3.block_count": uint32(40),
		"mistral3.feed_forward_length": uint32(32768), "mistral3.attention.head_count": uint32(32),
		"mistral3.attention.head_count_kv": uint32(8), "mistral3.attention.key_length": uint32(128),
		"mistral3.attention.value_length": uint32(128), "mistral3.attention.layer_norm_rms_epsilon": float32(1e-5),
		"mistral3.attention.temperature_scale": float32(0.1), "mistral3.rope.dimension_count": uint32(128),
		"mistral3.rope.freq_base": float32(1e8), "mistral3.rope.scaling.type": "yarn",
		"mistral3.rope.scaling.factor": float32(48), "mistral3.rope.scaling.original_context_length": uint32(8192),
		"mistral3.rope.scaling.yarn_beta_fast": float32(32), "mistral3.rope.scaling.yarn_beta_slow": float32(1),
		"mistral3.rope.scaling.yarn_log_multiplier": float32(1),
	}
	for key := range m {
		if strings.HasPrefix(key, "tokenizer.") {
			delete(m, key)
		}
	}
	if !reflect.DeepEqual(m, want) {
		for key, v := range want {
			if !reflect.DeepEqual(m[key], v) {
				t.Errorf("%s is %v (%T), want %v (%T)", key, m[key], m[key], v, v)
			}
		}
		for key := range m {
			if _, ok := want[key]; !ok {
				t.Errorf("%s should not be there", key)
			}
		}
	}
}

func TestLlamaKeys(t *testing.T) {
	c := small(t)
	llama(c)
	c["rope_scaling"] = object{"rope_type": "linear", "factor": 4}
	m, _, err := load(t, map[string]any{"config.json": c, "tokenizer.json": words()}, MetadataOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]any{
		"general.architecture": "llama", "llama.rope.dimension_count": uint32(160), "llama.attention.key_length": uint32(160),
		"llama.rope.freq_base": float32(5e5), "llama.rope.scaling.type": "linear", "llama.rope.scaling.factor": float32(4),
		"llama.vocab_size": uint32(len(specialTexts) + 256 + len(wordTexts)),
	} {
		if m[key] != want {
			t.Errorf("%s is %v, want %v", key, m[key], want)
		}
	}
	for key := range m {
		if strings.Contains(key, "yarn") || strings.Contains(key, "temperature") || strings.HasPrefix(key, "mistral3") {
			t.Errorf("%s should not be there", key)
		}
	}
}

func TestModelName(t *testing.T) {
	for dir, want := range map[string]string{
		"/models/Devstral-AWQ":  "Devstral-AWQ",
		"/models/Devstral-AWQ/": "Devstral-AWQ",
		"/home/me/hub/models--cyankiwi--Devstral-Small-2--x/snapshots/0123abc": "Devstral-Small-2--x",
		"/models--odd/snapshots/0123abc":                                       "0123abc",
		"/bad\xff":                                                             "bad_",
	} {
		if got := ModelName(dir); got != want {
			t.Errorf("%q is named %q, want %q", dir, got, want)
		}
	}
}

func TestSizeLabel(t *testing.T) {
	for n, want := range map[int64]string{
		12: "12", 999: "999", 1000: "1.0K", 134_515_008: "135M", 999_499_999: "999M", 999_500_000: "1.0B",
		9_940_000_000: "9.9B", 9_960_000_000: "10B", 23_572_403_200: "24B", 1_200_000_000_000: "1.2T",
	} {
		if got := gguf.SizeLabel(n); got != want {
			t.Errorf("%d is %s, want %s", n, got, want)
		}
	}
}

func TestChatTemplates(t *testing.T) {
	const key = "tokenizer.chat_template"
	override := filepath.Join(t.TempDir(), "mine.jinja")
	if err := os.WriteFile(override, []byte("{{ mine }}"), 0o644); err != nil {
		t.Fatal(err)
	}
	config := func(template any) object {
		return object{"bos_token": "<s>", "eos_token": "</s>", "chat_template": template}
	}
	for _, c := range []struct {
		name     string
		files    map[string]any
		override string
		want     map[string]any
		warnings string
	}{
		{"in tokenizer_config.json", map[string]any{"tokenizer_config.json": config("{{ a }}"), "chat_template.jinja": "{{ b }}"}, "",
			map[string]any{key: "{{ a }}"}, ""},
		{"a file", map[string]any{"tokenizer_config.json": config(nil), "chat_template.jinja": "{{ b }}", "chat_template.json": object{"chat_template": "c"}}, "",
			map[string]any{key: "{{ b }}"}, ""},
		{"a JSON file", map[string]any{"chat_template.json": object{"chat_template": "{{ c }}"}}, "", map[string]any{key: "{{ c }}"}, ""},
		{"the user's", map[string]any{"tokenizer_config.json": config("{{ a }}")}, override, map[string]any{key: "{{ mine }}"}, ""},
		{"a list", map[string]any{"tokenizer_config.json": config([]object{
			{"name": "tool_use", "template": "{{ t }}"}, {"name": "default", "template": "{{ d }}"}})}, "",
			map[string]any{key: "{{ d }}", key + ".tool_use": "{{ t }}", key + "s": []string{"tool_use"}}, ""},
		{"none", nil, "", map[string]any{}, "no chat template"},
		{"a list without default", map[string]any{"tokenizer_config.json": config([]object{{"name": "rag", "template": "r"}})}, "",
			map[string]any{key + ".rag": "r", key + "s": []string{"rag"}}, "no chat template"},
	} {
		files := map[string]any{"config.json": small(t), "tokenizer.json": words()}
		for name, v := range c.files {
			files[name] = v
		}
		m, warnings, err := load(t, files, MetadataOptions{ChatTemplatePath: c.override})
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		got := map[string]any{}
		for k, v := range m {
			if strings.HasPrefix(k, key) {
				got[k] = v
			}
		}
		if !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
		if all := strings.Join(warnings, "\n"); (c.warnings == "") != (all == "") || !strings.Contains(all, c.warnings) {
			t.Errorf("%s: warnings %q, want %q", c.name, all, c.warnings)
		}
	}
}

func TestChatTemplatesRefuse(t *testing.T) {
	config := func(template any) map[string]any {
		return map[string]any{"tokenizer_config.json": object{"chat_template": template}}
	}
	for _, c := range []struct {
		name     string
		files    map[string]any
		override string
		want     string
	}{
		{"a number", config(3), "", "chat_template is a number, must be a string or a list"},
		{"no name", config([]object{{"template": "x"}}), "", "chat_template[0].name is missing"},
		{"no template", config([]object{{"name": "x"}}), "", "chat_template[0].template is missing"},
		{"a name twice", config([]object{{"name": "x", "template": "1"}, {"name": "x", "template": "2"}}), "", "chat_template[1].name is \"x\""},
		{"a name with a dot", config([]object{{"name": "x.y", "template": "1"}}), "", "letters, digits"},
		{"an empty file", map[string]any{"chat_template.jinja": ""}, "", "is empty"},
		{"not UTF-8", map[string]any{"chat_template.jinja": "\xff"}, "", "not valid UTF-8"},
		{"too large", map[string]any{"chat_template.jinja": strings.Repeat("x", maxTemplateBytes+1)}, "", "at most 1048576 are read"},
		{"the user's is missing", nil, "/nowhere/mine.jinja", "no such file"},
	} {
		files := map[string]any{"config.json": small(t), "tokenizer.json": words()}
		for name, v := range c.files {
			files[name] = v
		}
		_, _, err := load(t, files, MetadataOptions{ChatTemplatePath: c.override})
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: error %v, want %q", c.name, err, c.want)
		}
	}
}

// kinds are the Go types of the tokenizer's keys; each is a type of the format.
var kinds = map[string]any{
	"model": "", "pre": "", "tokens": []string{}, "token_type": []int32{}, "merges": []string{},
	"bos_token_id": uint32(0), "eos_token_id": uint32(0), "unknown_token_id": uint32(0), "padding_token_id": uint32(0),
	"add_bos_token": true, "add_eos_token": true, "add_space_prefix": true,
}

func TestTokenizerKeyTypes(t *testing.T) {
	m, _, err := load(t, map[string]any{"config.json": small(t), "tokenizer.json": words(),
		"tokenizer_config.json": object{"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>",
			"add_bos_token": true, "add_eos_token": false, "add_prefix_space": false}}, MetadataOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for name, example := range kinds {
		if v, ok := m["tokenizer.ggml."+name]; !ok || reflect.TypeOf(v) != reflect.TypeOf(example) {
			t.Errorf("%s is %T, want %T", name, v, example)
		}
	}
	if gguf.KindName(m["tokenizer.ggml.token_type"]) != "array of int32" {
		t.Error("token_type is not an array of int32")
	}
}
