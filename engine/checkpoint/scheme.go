package checkpoint

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"ceiling/engine/checkpoint/internal/strictjson"
)

// Formats that can be read, as Checkpoint.Format and OpenOptions.Format name
// them.
const (
	formatCT    = "compressed-tensors"
	formatGEMM  = "awq"
	formatGEMV  = "awq-gemv"
	formatGPTQ  = "gptq"
	formatGPTQ2 = "gptq_v2"
	formatPlain = "unquantized"
)

// Formats returns the formats that OpenOptions.Format can name.
func Formats() []string {
	return []string{formatCT, formatGEMM, formatGEMV, formatGPTQ, formatGPTQ2}
}

// scheme is what a configuration says about the quantisation. Shapes of
// tensors decide; the scheme must agree with them.
type scheme struct {
	format   string    // "" where nothing is declared
	status   string    // of compressed-tensors, "" for others
	groups   []wscheme // any of them may apply to a tensor; empty: unknown
	ignore   []string  // modules that are said to be unquantised
	actOrder bool      // desc_act of GPTQ
	warnings []string
}

// wscheme describes quantised weights.
type wscheme struct {
	bits  int64 // 0: not declared
	group int64 // columns of a group, -1: all, 0: not declared
	sym   *bool
}

// reader reads the fields of a configuration object and keeps the first error.
type reader struct {
	v   *strictjson.Value
	err error
}

func (r *reader) fail(key string, err error) {
	if r.err == nil {
		r.err = fmt.Errorf("%s %w", key, err)
	}
}

// text returns a string, "" where it is absent or null.
func (r *reader) text(key string) string {
	v := r.v.Get(key)
	if v.IsNull() {
		return ""
	}
	s, err := v.Str()
	if err != nil {
		r.fail(key, err)
	}
	return s
}

// integer returns the first of the keys that is there, else 0.
func (r *reader) integer(keys ...string) int64 {
	for _, key := range keys {
		if v := r.v.Get(key); !v.IsNull() {
			n, err := v.Int()
			if err != nil {
				r.fail(key, err)
			}
			return n
		}
	}
	return 0
}

// flag returns a boolean, nil where it is absent or null.
func (r *reader) flag(key string) *bool {
	v := r.v.Get(key)
	if v.IsNull() {
		return nil
	}
	b, err := v.Bool()
	if err != nil {
		r.fail(key, err)
	}
	return &b
}

// list returns an array of strings, nil where it is absent or null.
func (r *reader) list(key string) []string {
	v := r.v.Get(key)
	if v.IsNull() {
		return nil
	}
	if v.Kind() != strictjson.Array {
		r.fail(key, fmt.Errorf("is %s, must be an array", v.Kind()))
		return nil
	}
	var list []string
	for _, item := range v.Items() {
		s, err := item.Str()
		if err != nil {
			r.fail("an element of "+key, err)
			return nil
		}
		list = append(list, s)
	}
	return list
}

// parseScheme reads a quantization_config or a legacy file. nil gives the empty
// scheme.
func parseScheme(v *strictjson.Value) (*scheme, error) {
	if v == nil {
		return &scheme{}, nil
	}
	r := &reader{v: v}
	method := r.text("quant_method")
	if r.err != nil {
		return nil, r.err
	}
	if method == "" {
		method = guessMethod(v)
	}
	switch strings.ToLower(method) {
	case "compressed-tensors":
		return parseCT(r)
	case "awq":
		return parseAWQ(r)
	case "gptq":
		return parseGPTQ(r)
	case "auto-round", "autoround", "intel/auto-round":
		return parseAutoRound(r)
	case "fp8", "fbgemm_fp8":
		return nil, errFP8
	case "":
		return nil, errors.New("quant_method is missing, and the other fields do not tell it")
	}
	return nil, fmt.Errorf("quant_method %q can't be converted; compressed-tensors, awq, gptq and auto-round can", method)
}

var errFP8 = errors.New("it is an FP8 checkpoint: 8-bit floats are not converted, use a 4-bit one (compressed-tensors, AWQ or GPTQ)")

// guessMethod tells a legacy file by its fields: those of AutoAWQ and AutoGPTQ
// did not name the method.
func guessMethod(v *strictjson.Value) string {
	switch {
	case v.Has("config_groups"):
		return "compressed-tensors"
	case v.Has("w_bit") || v.Has("q_group_size"):
		return "awq"
	case v.Has("bits") && v.Has("desc_act"):
		return "gptq"
	}
	return ""
}

func parseAWQ(r *reader) (*scheme, error) {
	s := &scheme{format: formatGEMM, ignore: r.list("modules_to_not_convert")}
	s.groups = []wscheme{{bits: r.integer("bits", "w_bit"), group: r.integer("group_size", "q_group_size")}}
	version := strings.ToLower(r.text("version"))
	switch {
	case r.err != nil:
		return nil, r.err
	case version == "gemv":
		s.format = formatGEMV
	case version != "" && version != "gemm":
		return nil, fmt.Errorf("AWQ version %q can't be converted; gemm and gemv can", version)
	}
	return s.checked(4)
}

func parseGPTQ(r *reader) (*scheme, error) {
	s := &scheme{format: formatGPTQ}
	s.groups = []wscheme{{bits: r.integer("bits"), group: r.integer("group_size"), sym: r.flag("sym")}}
	format := r.text("checkpoint_format")
	if format == "" {
		format = r.text("format")
	}
	marlin, order, pack := r.flag("is_marlin_format"), r.flag("desc_act"), r.text("pack_dtype")
	switch {
	case r.err != nil:
		return nil, r.err
	case marlin != nil && *marlin:
		return nil, errors.New("is_marlin_format is true: weights in Marlin's order can't be converted")
	case pack != "" && pack != "int32":
		return nil, fmt.Errorf("pack_dtype is %q, must be \"int32\"", pack)
	case format == "gptq_v2":
		s.format = formatGPTQ2
	case format != "" && format != "gptq":
		return nil, fmt.Errorf("GPTQ checkpoint_format %q can't be converted; gptq and gptq_v2 can", format)
	}
	s.actOrder = order != nil && *order
	if !r.v.Get("dynamic").IsNull() {
		s.groups = nil // settings differ by module: shapes alone tell
	}
	return s.checked(4, 8)
}

func parseAutoRound(r *reader) (*scheme, error) {
	packing := r.text("packing_format")
	s := &scheme{}
	switch packing {
	case "auto_round:auto_awq":
		s.format = formatGEMM
	case "auto_round:auto_gptq":
		s.format = formatGPTQ
	case "auto_round:gptqmodel": // zero points as they are
		s.format = formatGPTQ2
	default:
		return nil, fmt.Errorf("AutoRound packing_format %q can't be converted; auto_round:auto_awq, auto_round:auto_gptq and auto_round:gptqmodel can", packing)
	}
	w := wscheme{bits: r.integer("bits"), group: r.integer("group_size"), sym: r.flag("sym")}
	if kind := r.text("data_type"); kind != "" && kind != "int" {
		return nil, fmt.Errorf("AutoRound data_type is %q, must be \"int\"", kind)
	}
	if r.err != nil {
		return nil, r.err
	}
	if w.sym != nil && !*w.sym && s.format == formatGPTQ {
		s.warnings = append(s.warnings, "asymmetric AutoRound export in GPTQ's packing: its zero points are read as GPTQ version 1 has them")
	}
	s.groups = []wscheme{w}
	if r.v.Get("extra_config").Len() > 0 {
		s.groups = nil // bits may differ by layer: shapes alone tell
	}
	return s.checked(4, 8)
}

// checked is s, or why its declared numbers can't be converted.
func (s *scheme) checked(bits ...int64) (*scheme, error) {
	for _, w := range s.groups {
		switch {
		case w.bits != 0 && !slices.Contains(bits, w.bits):
			return nil, fmt.Errorf("%s with %d bits can't be converted, must be one of %v", s.format, w.bits, bits)
		case w.group < -1 || w.group > 0 && w.group%blockSize != 0:
			return nil, fmt.Errorf("group size %d can't be converted, must be a multiple of %d, or -1 for whole rows", w.group, blockSize)
		}
	}
	return s, nil
}
