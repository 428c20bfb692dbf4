package hf

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"ceiling/engine/checkpoint/internal/strictjson"
	"ceiling/engine/gguf"
	"ceiling/internal/oneline"
)

// Bounds of the rotation's numbers.
const (
	maxRopeBase   = 1e15
	maxRopeFactor = 1e6
	tiny          = 1e-30 // for numbers that must be positive
)

// ropeKeys are the members of rope_parameters that each type may have. An
// unknown one could change the rotation, and is refused.
var ropeKeys = map[string][]string{
	"default": {},
	"linear":  {"factor"},
	"llama3":  {"factor", "low_freq_factor", "high_freq_factor", "original_max_position_embeddings"},
	"yarn": {"factor", "original_max_position_embeddings", "beta_fast", "beta_slow", "mscale", "mscale_all_dim",
		"llama_4_scaling_beta", "attention_factor", "attn_factor", "extrapolation_factor", "truncate"},
}

// rope reads the rotation: from rope_parameters or, as older files have it,
// from rope_scaling with rope_theta beside it.
func (c *ModelConfig) rope() error {
	p, err := c.ropeParameters()
	if err != nil {
		return err
	}
	kind, err := ropeType(p)
	if err != nil {
		return err
	}
	known, ok := ropeKeys[kind]
	if !ok {
		return fmt.Errorf("%stype is %q; default, linear, llama3 and yarn can be converted", ropeName, oneline.Shorten(kind, shown))
	}
	for key := range p.Members() {
		if !slices.Contains(known, key) && !slices.Contains([]string{"rope_theta", "rope_type", "type", "partial_rotary_factor"}, key) {
			return fmt.Errorf("rope_parameters has %q, which is unknown to a rotation of type %q", oneline.Shorten(key, shown), kind)
		}
	}
	if v := p.Get("partial_rotary_factor"); !v.IsNull() {
		if x, err := v.Float(); err != nil || x != 1 {
			return fmt.Errorf("%spartial_rotary_factor is not 1: heads that rotate in part can't be converted", ropeName)
		}
	}
	f := fields{v: p, name: ropeName}
	c.Rope.FreqBase = f.float("rope_theta", 1.0001, maxRopeBase)
	if f.err != nil {
		return f.err
	}
	return c.ropeScaling(kind, p)
}

const ropeName = "rope_parameters."

// ropeScaling reads the numbers of a type, where the model may have it.
func (c *ModelConfig) ropeScaling(kind string, p *strictjson.Value) error {
	f := fields{v: p, name: ropeName}
	switch {
	case c.ModelType == "ministral3" && kind == "yarn":
		return c.yarn(p)
	case c.ModelType == "ministral3":
		return fmt.Errorf("%srope_type is %q, ministral3 needs \"yarn\"", ropeName, kind)
	case kind == "yarn":
		return fmt.Errorf("%srope_type is \"yarn\", which can be converted in ministral3 models only", ropeName)
	case kind != "default" && c.Architecture == archMistral3:
		return fmt.Errorf("%srope_type is %q, which can be converted in llama models only", ropeName, kind)
	case kind == "llama3":
		return c.llama3(p)
	case kind == "linear":
		c.Rope.LinearFactor = f.float("factor", tiny, maxRopeFactor)
	}
	return f.err
}

// llama3 reads what Llama 3.1 and later have.
func (c *ModelConfig) llama3(p *strictjson.Value) error {
	f := fields{v: p, name: ropeName}
	l := &gguf.Llama3{
		Factor:          f.float("factor", 1, maxRopeFactor),
		LowFreq:         f.float("low_freq_factor", tiny, maxRopeFactor),
		HighFreq:        f.float("high_freq_factor", tiny, maxRopeFactor),
		OriginalContext: f.int("original_max_position_embeddings", 1, maxContext),
	}
	if f.err == nil && l.LowFreq >= l.HighFreq {
		return fmt.Errorf("%slow_freq_factor is %v, must be below high_freq_factor, which is %v", ropeName, l.LowFreq, l.HighFreq)
	}
	c.Rope.Llama3 = l
	return f.err
}

// ropeParameters unites the places in which the rotation is described.
// Whatever is said twice must be said alike.
func (c *ModelConfig) ropeParameters() (*strictjson.Value, error) {
	one, two := c.tree.Get("rope_parameters"), c.tree.Get("rope_scaling")
	for _, key := range []string{"rope_parameters", "rope_scaling"} {
		if v := c.tree.Get(key); !v.IsNull() && v.Kind() != strictjson.Object {
			return nil, fmt.Errorf("%s is %s, must be an object", key, v.Kind())
		}
	}
	for key, v := range one.Members() {
		if v.Kind() == strictjson.Object {
			return nil, fmt.Errorf("rope_parameters has an object %q: rotations that differ between layers can't be converted", oneline.Shorten(key, shown))
		}
		if two.Has(key) && !v.Equal(two.Get(key)) {
			return nil, fmt.Errorf("rope_parameters and rope_scaling differ in %q: remove the wrong one", oneline.Shorten(key, shown))
		}
	}
	p := two.Merge(one)
	theta := c.tree.Get("rope_theta")
	if theta.IsNull() {
		return p, nil
	}
	if inner := p.Get("rope_theta"); inner != nil && !inner.Equal(theta) {
		return nil, errors.New("rope_parameters.rope_theta and rope_theta differ: remove the wrong one")
	}
	return p.With("rope_theta", theta), nil
}

// ropeType is the kind of rotation; files call it rope_type or type.
func ropeType(p *strictjson.Value) (string, error) {
	one, two := p.Get("rope_type"), p.Get("type")
	if one != nil && two != nil && !one.Equal(two) {
		return "", fmt.Errorf("%srope_type and %stype differ: remove the wrong one", ropeName, ropeName)
	}
	if one == nil {
		one = two
	}
	if one == nil {
		for key := range p.Members() {
			if key != "rope_theta" && key != "partial_rotary_factor" {
				return "", fmt.Errorf("%srope_type is missing", ropeName)
			}
		}
		return "default", nil
	}
	kind, err := one.Str()
	if err != nil {
		return "", fmt.Errorf("%srope_type %w", ropeName, err)
	}
	return strings.ToLower(kind), nil
}

// yarn reads what ministral3 needs.
func (c *ModelConfig) yarn(p *strictjson.Value) error {
	f := fields{v: p, name: ropeName}
	y := &gguf.Yarn{
		Factor:          f.float("factor", 1, maxRopeFactor),
		OriginalContext: f.int("original_max_position_embeddings", 1, maxContext),
		BetaFast:        f.float("beta_fast", tiny, maxRopeFactor),
		BetaSlow:        f.float("beta_slow", tiny, maxRopeFactor),
		LogMultiplier:   f.float("mscale_all_dim", 0, 100),
	}
	c.TemperatureScale = f.float("llama_4_scaling_beta", 0, 1000)
	mscale := f.float("mscale", 0, 100)
	if f.err != nil {
		return f.err
	}
	// llama.cpp computes with 1 whatever the file says.
	if mscale != 1 {
		return fmt.Errorf("%smscale is %v: llama.cpp v0.5.0 assumes 1", ropeName, mscale)
	}
	if err := yarnNeutral(p, y); err != nil {
		return err
	}
	if stretched := y.Factor * float64(y.OriginalContext); math.Abs(stretched-float64(c.Context)) > 0.5 {
		c.Warnings = append(c.Warnings, fmt.Sprintf("max_position_embeddings is %d, but rope_parameters stretch %d positions to %v",
			c.Context, y.OriginalContext, stretched))
	}
	c.Rope.Yarn = y
	return nil
}

// yarnNeutral refuses settings that llama.cpp v0.5.0 does not read for this
// architecture, unless they say what it does anyway.
func yarnNeutral(p *strictjson.Value, y *gguf.Yarn) error {
	magnitude := func(m float64) float64 { return 0.1*m*math.Log(y.Factor) + 1 }
	attention := magnitude(1)
	if y.LogMultiplier != 0 {
		attention /= magnitude(y.LogMultiplier)
	}
	for _, key := range []string{"extrapolation_factor", "attention_factor", "attn_factor"} {
		v, want := p.Get(key), attention
		if v.IsNull() {
			continue
		}
		if key == "extrapolation_factor" {
			want = 1
		}
		if x, err := v.Float(); err != nil || math.Abs(x-want) > 1e-6*want {
			return fmt.Errorf("%s%s is not %v: llama.cpp v0.5.0 ignores it and computes with %v", ropeName, key, want, want)
		}
	}
	if v := p.Get("truncate"); !v.IsNull() {
		if b, err := v.Bool(); err != nil || !b {
			return fmt.Errorf("%struncate is not true: llama.cpp v0.5.0 rounds the bounds of yarn", ropeName)
		}
	}
	return nil
}
