package synth

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"sort"

	"ceiling/engine/gguf"
)

// NamedGeometry is the shape of a model of architecture mistral3, with what it is
// called.
type NamedGeometry struct {
	Name      string // identifier: lower case, digits, '-', '_' and '.'
	Title     string // shown as the model's name; empty: Name
	SizeLabel string // such as "24B"; empty: computed from the parameters
	// Geometry has neither linear nor Llama 3's scaling, and an output matrix of
	// its own. Its architecture is Write's.
	gguf.Geometry
}

// builtins are the geometries known by name.
var builtins = []NamedGeometry{
	{
		Name:      "devstral-small-2-24b",
		Title:     "Devstral Small 2 24B Instruct 2512 (synthetic weights)",
		SizeLabel: "24B",
		Geometry: gguf.Geometry{
			Layers: 40, Hidden: 5120, Heads: 32, KVHeads: 8, HeadDim: 128,
			FFN: 32768, Vocab: 131072, Context: 393216,
			RMSEps: 1e-5, TemperatureScale: 0.1,
			Rope: gguf.Rope{FreqBase: 1e8, Yarn: &gguf.Yarn{Factor: 48, OriginalContext: 8192, BetaFast: 32, BetaSlow: 1, LogMultiplier: 1}},
		},
	},
	{
		// The same design at about 1/400: an eighth of the vocabulary and of
		// the context, a tenth of the width. It keeps one key/value head for
		// each of four devices, and rows of whole 256-element blocks, so that
		// every split mode and storage type can be tried with it.
		Name:      "demo",
		Title:     "Demo (synthetic weights)",
		SizeLabel: "55M",
		Geometry: gguf.Geometry{
			Layers: 6, Hidden: 512, Heads: 8, KVHeads: 4, HeadDim: 128,
			FFN: 3072, Vocab: 16384, Context: 49152,
			RMSEps: 1e-5, TemperatureScale: 0.1,
			Rope: gguf.Rope{FreqBase: 1e8, Yarn: &gguf.Yarn{Factor: 48, OriginalContext: 1024, BetaFast: 32, BetaSlow: 1, LogMultiplier: 1}},
		},
	},
}

// Names returns the names of the built-in geometries, sorted.
func Names() []string {
	names := make([]string, len(builtins))
	for i, g := range builtins {
		names[i] = g.Name
	}
	sort.Strings(names)
	return names
}

// Builtin returns a built-in geometry.
func Builtin(name string) (NamedGeometry, bool) {
	i := slices.IndexFunc(builtins, func(g NamedGeometry) bool { return g.Name == name })
	if i < 0 {
		return NamedGeometry{}, false
	}
	g := builtins[i]
	yarn := *g.Rope.Yarn
	g.Rope.Yarn = &yarn // the caller may change its copy
	return g, true
}

// rowMultiple is what every row length must be a multiple of: the largest
// block of the types that Write offers.
const rowMultiple = 32

// Limits of a geometry: llama.cpp's own where it has one.
const (
	maxLayers  = 512
	maxWidth   = 1 << 20
	maxContext = 1 << 27
)

// Validate reports everything that is wrong with a geometry, joined into one
// error.
func (g NamedGeometry) Validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if g.Name == "" || len(g.Name) > 64 || !allRunes(g.Name, "abcdefghijklmnopqrstuvwxyz0123456789-_.") {
		bad("name is %q, must be 1 to 64 of a-z, 0-9, '-', '_' and '.'", g.Name)
	}
	if len(g.Title) > 200 || len(g.SizeLabel) > 20 {
		bad("title or size_label is too long: at most 200 and 20 bytes")
	}
	for _, f := range []struct {
		name          string
		value, lo, hi int
		multiple      int
	}{
		{"layers", g.Layers, 1, maxLayers, 1},
		{"hidden", g.Hidden, rowMultiple, maxWidth, rowMultiple},
		{"heads", g.Heads, 1, 4096, 1},
		{"kv_heads", g.KVHeads, 1, 4096, 1},
		{"head_dim", g.HeadDim, 2, 4096, 2},
		{"ffn", g.FFN, rowMultiple, maxWidth, rowMultiple},
		{"vocab", g.Vocab, minVocab, maxVocab, 1},
		{"context", g.Context, 1, maxContext, 1},
	} {
		if f.value < f.lo || f.value > f.hi || f.value%f.multiple != 0 {
			bad("%s is %d, must be %d to %d%s", f.name, f.value, f.lo, f.hi, multipleOf(f.multiple))
		}
	}
	if g.KVHeads > 0 && g.Heads%g.KVHeads != 0 {
		bad("heads is %d, must be a multiple of kv_heads %d", g.Heads, g.KVHeads)
	}
	if w := g.Heads * g.HeadDim; w%rowMultiple != 0 || w > maxWidth {
		bad("heads × head_dim is %d, must be a multiple of %d and at most %d", w, rowMultiple, maxWidth)
	}
	if !inRange(g.RMSEps, 1e-12, 0.1) {
		bad("rms_epsilon is %v, must be 1e-12 to 0.1", g.RMSEps)
	}
	if !inRange(g.Rope.FreqBase, 2, 1e12) {
		bad("rope_freq_base is %v, must be 2 to 1e12", g.Rope.FreqBase)
	}
	if !inRange(g.TemperatureScale, 0, 10) {
		bad("temperature_scale is %v, must be 0 to 10", g.TemperatureScale)
	}
	return errors.Join(append(errs, validateYarn(g.Rope.Yarn)...)...)
}

func validateYarn(y *gguf.Yarn) (errs []error) {
	if y == nil {
		return nil
	}
	if y.OriginalContext < 1 || y.OriginalContext > maxContext {
		errs = append(errs, fmt.Errorf("yarn.original_context is %d, must be 1 to %d", y.OriginalContext, maxContext))
	}
	for _, f := range []struct {
		name          string
		value, lo, hi float64
	}{
		{"factor", y.Factor, 1, 1e4},
		{"beta_fast", y.BetaFast, 0.001, 1e4},
		{"beta_slow", y.BetaSlow, 0.001, 1e4},
		{"log_multiplier", y.LogMultiplier, 0, 10},
	} {
		if !inRange(f.value, f.lo, f.hi) {
			errs = append(errs, fmt.Errorf("yarn.%s is %v, must be %v to %v", f.name, f.value, f.lo, f.hi))
		}
	}
	return errs
}

func multipleOf(n int) string {
	if n == 1 {
		return ""
	}
	return fmt.Sprintf(" and a multiple of %d", n)
}

// inRange is false for NaN.
func inRange(x, lo, hi float64) bool { return x >= lo && x <= hi && !math.IsInf(x, 0) }

func allRunes(s, allowed string) bool {
	for _, r := range s {
		if !slices.Contains([]rune(allowed), r) {
			return false
		}
	}
	return true
}
