package checkpoint

import (
	"errors"
	"fmt"

	"ceiling/engine/checkpoint/internal/strictjson"
)

const packQuantized = "pack-quantized"

// parseCT reads the configuration of compressed-tensors.
func parseCT(r *reader) (*scheme, error) {
	s := &scheme{format: formatCT, ignore: r.list("ignore"), status: r.text("quantization_status")}
	format := r.text("format")
	groups := r.v.Get("config_groups")
	switch {
	case r.err != nil:
		return nil, r.err
	case format != packQuantized && format != "mixed-precision":
		return nil, fmt.Errorf("compressed-tensors format %q can't be converted, must be %q", format, packQuantized)
	case groups.Kind() != strictjson.Object || groups.Len() == 0:
		return nil, errors.New("config_groups is missing or empty")
	}
	if r.v.Get("transform_config").Len() > 0 {
		return nil, errors.New("transform_config is not empty: transformed weights can't be converted")
	}
	if sparse := r.v.Get("sparsity_config"); sparse.Len() > 0 {
		if kind, err := sparse.Get("format").Str(); err != nil || kind != "dense" {
			return nil, errors.New("sparsity_config is not empty: sparse weights can't be converted")
		}
	}
	if !r.v.Get("kv_cache_scheme").IsNull() {
		s.warnings = append(s.warnings, "kv_cache_scheme is set: the quantisation of the KV cache is not taken over, choose one when running")
	}
	for name, group := range groups.Members() {
		w, err := s.ctGroup(group, format)
		if err != nil {
			return nil, fmt.Errorf("config_groups[%q]: %w", name, err)
		}
		s.groups = append(s.groups, w)
	}
	return s.checked(4, 8)
}

// ctGroup reads one entry of config_groups.
func (s *scheme) ctGroup(v *strictjson.Value, format string) (w wscheme, err error) {
	if v.Kind() != strictjson.Object {
		return w, fmt.Errorf("it is %s, must be an object", v.Kind())
	}
	outer, r := &reader{v: v}, &reader{v: v.Get("weights")}
	own := outer.text("format")
	outer.list("targets") // the tensors tell what is quantised, but it must be a list
	switch {
	case outer.err != nil:
		return w, outer.err
	case own == "" && format != packQuantized, own != "" && own != packQuantized:
		return w, fmt.Errorf("format %q can't be converted, must be %q", own, packQuantized)
	case r.v.Kind() != strictjson.Object:
		return w, errors.New("weights is missing")
	}
	if !v.Get("input_activations").IsNull() || !v.Get("output_activations").IsNull() {
		s.warnings = append(s.warnings, "activations are quantised in this checkpoint: that is not taken over, only the weights are")
	}
	kind, strategy, dynamic := r.text("type"), r.text("strategy"), r.flag("dynamic")
	w = wscheme{bits: r.integer("num_bits"), group: r.integer("group_size"), sym: r.flag("symmetric")}
	switch {
	case r.err != nil:
		return w, r.err
	case kind != "int":
		return w, fmt.Errorf("weights of type %q can't be converted, must be \"int\"", kind)
	case dynamic != nil && *dynamic:
		return w, errors.New("weights.dynamic is true, must be false")
	case w.bits == 0:
		return w, errors.New("weights.num_bits is missing")
	case w.sym == nil:
		return w, errors.New("weights.symmetric is missing")
	}
	switch strategy {
	case "group":
		if w.group <= 0 {
			return w, fmt.Errorf("weights.group_size is %d, must be a multiple of %d", w.group, blockSize)
		}
	case "channel":
		if w.group > 0 {
			return w, fmt.Errorf("weights.group_size is %d though the strategy is \"channel\"", w.group)
		}
		w.group = -1
	default:
		return w, fmt.Errorf("weights.strategy %q can't be converted, must be \"group\" or \"channel\"", strategy)
	}
	return w, nil
}
