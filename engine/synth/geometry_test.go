package synth

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ceiling/engine/gguf"
)

const my7b = `{
  "name": "my-7b", "layers": 32, "hidden": 4096, "heads": 32, "kv_heads": 8,
  "head_dim": 128, "ffn": 14336, "vocab": 32768, "context": 32768,
  "rope_freq_base": 1000000,
  "title": "My 7B", "size_label": "7B", "rms_epsilon": 1e-6, "temperature_scale": 0.1,
  "yarn": {"factor": 16, "original_context": 2048, "beta_fast": 31, "beta_slow": 2, "log_multiplier": 0.5}
}`

func TestLoad(t *testing.T) {
	path := filepath.Join(t.TempDir(), "g.json")
	if err := os.WriteFile(path, []byte(my7b), 0o644); err != nil {
		t.Fatal(err)
	}
	want := NamedGeometry{
		Name: "my-7b", Title: "My 7B", SizeLabel: "7B",
		Geometry: gguf.Geometry{
			Layers: 32, Hidden: 4096, Heads: 32, KVHeads: 8, HeadDim: 128, FFN: 14336, Vocab: 32768, Context: 32768,
			RMSEps: 1e-6, TemperatureScale: 0.1,
			Rope: gguf.Rope{FreqBase: 1e6, Yarn: &gguf.Yarn{Factor: 16, OriginalContext: 2048, BetaFast: 31, BetaSlow: 2, LogMultiplier: 0.5}},
		},
	}
	got, err := Find(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	// Optional fields have defaults; absent YaRN stays absent.
	got, err = Parse([]byte(`{"name":"a","layers":1,"hidden":32,"heads":1,"kv_heads":1,"head_dim":32,"ffn":32,"vocab":276,"context":1,"rope_freq_base":2}`))
	if err != nil || got.RMSEps != 1e-5 || got.TemperatureScale != 0 || got.Rope.Yarn != nil {
		t.Errorf("defaults: %+v %v", got, err)
	}
	got, err = Parse([]byte(strings.Replace(my7b, `, "beta_fast": 31, "beta_slow": 2, "log_multiplier": 0.5`, "", 1)))
	if err != nil || *got.Rope.Yarn != (gguf.Yarn{Factor: 16, OriginalContext: 2048, BetaFast: 32, BetaSlow: 1, LogMultiplier: 1}) {
		t.Errorf("defaults of yarn: %+v %v", got.Rope.Yarn, err)
	}
}

func TestFind(t *testing.T) {
	if g, err := Find("demo"); err != nil || g.Name != "demo" {
		t.Errorf("%v %v", g, err)
	}
	_, err := Find("demmo")
	if want := `no geometry "demmo": name one of demo, devstral-small-2-24b, or a .json file`; err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
	if _, err := Find("absent.json"); !os.IsNotExist(err) {
		t.Errorf("%v", err)
	}
	if _, err := Find(t.TempDir()); err == nil {
		t.Error("a directory is a geometry")
	}
	big := filepath.Join(t.TempDir(), "big.json")
	if err := os.WriteFile(big, make([]byte, maxGeometryFile+1), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Find(big); err == nil || !strings.Contains(err.Error(), "this is no geometry") {
		t.Errorf("%v", err)
	}
}

// All errors come at once.
func TestParseErrors(t *testing.T) {
	for _, c := range []struct{ file, want string }{
		{`{}`, "name is missing\nlayers is missing\nhidden is missing\nheads is missing\nkv_heads is missing\nhead_dim is missing\nffn is missing\nvocab is missing\ncontext is missing\nrope_freq_base is missing"},
		{`[]`, "is not a JSON object"},
		{``, "is not a JSON object"},
		{"\xff", "is not UTF-8 text"},
		{strings.Replace(my7b, `"layers": 32`, `"layers": 32, "layers": 33, "colour": "red", "Layers": 1`, 1),
			"layers appears twice\nunknown field \"colour\"\nunknown field \"Layers\""},
		{strings.Replace(my7b, `"layers": 32, "hidden": 4096`, `"layers": 32.5, "hidden": "wide"`, 1),
			"layers is 32.5, must be a whole number\nhidden is \"wide\", must be a whole number"},
		{strings.Replace(my7b, `"layers": 32`, `"layers": null`, 1), "layers is null, must be a whole number"},
		{strings.Replace(my7b, `"layers": 32`, `"layers": 1e2`, 1), "layers is 1e2, must be a whole number"},
		{strings.Replace(my7b, `"layers": 32`, `"layers": 99999999999999999999`, 1), "layers is 99999999999999999999, must be a whole number"},
		{strings.Replace(my7b, `"my-7b"`, `7`, 1), "name is 7, must be a string"},
		{strings.Replace(my7b, `1000000`, `"fast"`, 1), "rope_freq_base is \"fast\", must be a number"},
		{strings.Replace(my7b, `{"factor": 16, "original_context": 2048,`, `{"speed": 1, "factor": 0,`, 1),
			"unknown field \"yarn.speed\"\nyarn.original_context is missing\nyarn.factor is 0, must be 1 to 10000"},
		{strings.Replace(my7b, `"yarn": {`, `"yarn": 3, "was": {`, 1),
			"yarn is not a JSON object\nyarn.factor is missing\nyarn.original_context is missing\nunknown field \"was\""},
		{my7b + "x", "text behind the closing brace, at byte 370"},
		{my7b + "{}", "text behind the closing brace"},
		{my7b[:60], "broken JSON near byte"},
	} {
		_, err := Parse([]byte(c.file))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.60s…:\ngot  %v\nwant %s", c.file, err, c.want)
		}
	}
}

func TestValidate(t *testing.T) {
	for _, c := range []struct {
		want string
		edit func(g *NamedGeometry)
	}{
		{`name is ""`, func(g *NamedGeometry) { g.Name = "" }},
		{`name is "../x"`, func(g *NamedGeometry) { g.Name = "../x" }},
		{"title or size_label is too long", func(g *NamedGeometry) { g.Title = strings.Repeat("x", 201) }},
		{"layers is 513, must be 1 to 512", func(g *NamedGeometry) { g.Layers = 513 }},
		{"hidden is 48, must be 32 to 1048576 and a multiple of 32", func(g *NamedGeometry) { g.Hidden = 48 }},
		{"heads is 0", func(g *NamedGeometry) { g.Heads = 0 }},
		{"kv_heads is 0", func(g *NamedGeometry) { g.KVHeads = 0 }},
		{"kv_heads is -1", func(g *NamedGeometry) { g.KVHeads = -1 }},
		{"heads is 4, must be a multiple of kv_heads 3", func(g *NamedGeometry) { g.KVHeads = 3 }},
		{"head_dim is 63, must be 2 to 4096 and a multiple of 2", func(g *NamedGeometry) { g.HeadDim = 63 }},
		{"heads × head_dim is 8, must be a multiple of 32", func(g *NamedGeometry) { g.HeadDim = 2 }},
		{"ffn is 0", func(g *NamedGeometry) { g.FFN = 0 }},
		{"vocab is 275, must be 276 to 400000", func(g *NamedGeometry) { g.Vocab = 275 }},
		{"context is 0", func(g *NamedGeometry) { g.Context = 0 }},
		{"rms_epsilon is 0", func(g *NamedGeometry) { g.RMSEps = 0 }},
		{"rms_epsilon is NaN", func(g *NamedGeometry) { g.RMSEps = math.NaN() }},
		{"rope_freq_base is +Inf", func(g *NamedGeometry) { g.Rope.FreqBase = math.Inf(1) }},
		{"temperature_scale is -1", func(g *NamedGeometry) { g.TemperatureScale = -1 }},
		{"yarn.factor is 0.5", func(g *NamedGeometry) { g.Rope.Yarn.Factor = 0.5 }},
		{"yarn.original_context is 0", func(g *NamedGeometry) { g.Rope.Yarn.OriginalContext = 0 }},
		{"yarn.beta_fast is 0", func(g *NamedGeometry) { g.Rope.Yarn.BetaFast = 0 }},
		{"yarn.log_multiplier is 11", func(g *NamedGeometry) { g.Rope.Yarn.LogMultiplier = 11 }},
		{"layers is 0, must be 1 to 512\nvocab is 0, must be 276 to 400000", func(g *NamedGeometry) { g.Layers, g.Vocab = 0, 0 }},
	} {
		g := tiny(t)
		c.edit(&g)
		if err := g.Validate(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, want %q", err, c.want)
		}
	}
}

func TestSizeLabel(t *testing.T) {
	for n, want := range map[int64]string{999: "999", 1000: "1.0K", 9_940_000: "9.9M", 12_400_000: "12M", 23_572_403_200: "24B", 1_000_000_000_000: "1.0T"} {
		if got := gguf.SizeLabel(n); got != want {
			t.Errorf("%d is %s, want %s", n, got, want)
		}
	}
}
