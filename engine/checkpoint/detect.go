package checkpoint

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// detect finds the format of the packed weights. Suffixes and shapes of the
// tensors decide; declared, from the configuration, must agree and settles
// what they leave open, unless override takes its place.
func detect(modules []*module, s *scheme, override string) (string, error) {
	declared := s.format
	if override != "" {
		declared = override
	}
	var (
		possible []string
		first    *module // with packed weights
	)
	for _, m := range modules {
		formats, err := m.formats()
		if err != nil {
			return "", err
		}
		if formats == nil {
			continue
		}
		if first == nil {
			first, possible = m, formats
			continue
		}
		rest := slices.DeleteFunc(slices.Clone(possible), func(f string) bool { return !slices.Contains(formats, f) })
		if len(rest) == 0 {
			return "", fmt.Errorf("%q is stored as %s, %q as %s: one checkpoint must have one format",
				first.name, strings.Join(possible, " or "), m.name, strings.Join(formats, " or "))
		}
		possible = rest
	}
	switch {
	case first == nil && declared == "":
		return formatPlain, nil
	case first == nil && s.status != "" && s.status != "compressed":
		return "", fmt.Errorf("quantization_status is %q and no tensor is packed: save the checkpoint compressed (save_compressed)", s.status)
	case first == nil:
		return "", fmt.Errorf("the configuration declares %s but no tensor is packed", declared)
	case declared == "":
		return undeclared(possible)
	case !slices.Contains(possible, declared):
		return "", fmt.Errorf("the configuration declares %s but the tensors of %q are stored as %s", declared, first.name, strings.Join(possible, " or "))
	}
	return declared, nil
}

// undeclared chooses where the configuration says nothing: version 1 is what
// GPTQ's own files mean by that.
func undeclared(possible []string) (string, error) {
	if len(possible) == 1 || slices.Equal(possible, []string{formatGPTQ, formatGPTQ2}) {
		return possible[0], nil
	}
	return "", fmt.Errorf("the tensors could be stored as %s and no configuration says which: add a quantization_config that does", strings.Join(possible, " or "))
}

// formats returns the formats that the module's packed tensors can have by
// their names and shapes, nil where nothing is packed.
func (m *module) formats() ([]string, error) {
	if f8 := m.float8(); f8 != "" {
		return nil, fmt.Errorf("tensor %q: %w", f8, errFP8)
	}
	packed, q := m.parts["weight_packed"], m.parts["qweight"]
	switch {
	case packed == nil && q == nil:
		return nil, nil
	case packed != nil && q != nil:
		return nil, fmt.Errorf("%q has both .weight_packed and .qweight", m.name)
	case m.parts["weight"] != nil:
		return nil, fmt.Errorf("%q has both .weight and packed weights", m.name)
	case packed != nil:
		return []string{formatCT}, nil
	}
	scales := m.parts["scales"]
	if scales == nil {
		return nil, fmt.Errorf("%q has .qweight but no .scales", m.name)
	}
	out, in := m.role.out, m.role.in
	var list []string
	if shapeIs(q.Shape, in, out/8) && shapeIs(scales.Shape, -1, out) {
		list = append(list, formatGEMM)
	}
	if shapeIs(q.Shape, out, in/8) && shapeIs(scales.Shape, out, -1) {
		list = append(list, formatGEMV)
	}
	if (shapeIs(q.Shape, in/8, out) || shapeIs(q.Shape, in/4, out)) && shapeIs(scales.Shape, -1, out) {
		list = append(list, formatGPTQ, formatGPTQ2)
	}
	if list == nil {
		return nil, fmt.Errorf("%q: .qweight %v and .scales %v fit no packing of %d outputs and %d inputs, which the configuration asks for",
			m.name, q.Shape, scales.Shape, out, in)
	}
	return list, nil
}

// float8 returns the name of a tensor that shows an FP8 checkpoint, or "".
func (m *module) float8() string {
	for _, leaf := range slices.Sorted(maps.Keys(m.parts)) {
		t := m.parts[leaf]
		if strings.HasPrefix(string(t.DType), "F8_") || leaf == "weight_scale_inv" || leaf == "activation_scale" {
			return t.Name
		}
	}
	return ""
}

// shapeIs compares a shape with two dimensions; -1 fits any positive one.
func shapeIs(shape []int64, rows, cols int64) bool {
	return len(shape) == 2 && (shape[0] == rows || rows == -1 && shape[0] > 0) && (shape[1] == cols || cols == -1 && shape[1] > 0)
}

var errNotTrivial = errors.New("scatters the columns of a group (activation order): blocks of a GGUF file are of neighbouring columns, " +
	"so it can't be converted; use a checkpoint quantised without activation order, or with static groups")
