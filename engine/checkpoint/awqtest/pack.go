package awqtest

import (
	"encoding/binary"
	"maps"
	"slices"
	"strings"

	"ceiling/engine/gguf"
)

var le = binary.LittleEndian

// tensor is one entry of a safetensors file.
type tensor struct {
	name  string
	dtype string
	shape []int
	data  []byte
}

// tensors lists everything that the checkpoint stores, sorted by name.
func (c *WrittenCheckpoint) tensors(o VariantOptions) []tensor {
	var list []tensor
	for name, l := range c.Linears {
		list = append(list, l.pack(string(o.Prefix)+name, o)...)
	}
	for name, d := range c.Dense {
		full := string(o.Prefix) + name
		if name == "lm_head" {
			full = strings.TrimSuffix(string(o.Prefix), "model.") + name
			if o.Prefix == Inner {
				full = name
			}
		}
		list = append(list, d.tensor(full+".weight"))
	}
	if o.Vision {
		list = append(list, visionTensors(o)...)
	}
	slices.SortFunc(list, func(a, b tensor) int { return strings.Compare(a.name, b.name) })
	return list
}

func (d *Dense) tensor(name string) tensor {
	shape := []int{d.Rows, d.Cols}
	if d.Rows == 1 {
		shape = shape[1:]
	}
	return tensor{name, d.Type, shape, floats(d.Values, d.Type)}
}

// visionTensors are a few of those that a text model has no use for.
func visionTensors(o VariantOptions) []tensor {
	top := ""
	if o.Prefix == Inner {
		top = "model."
	}
	shapes := map[string][]int{
		"vision_tower.patch_conv.weight":                                  {8, 3, 2, 2},
		"vision_tower.ln_pre.weight":                                      {8},
		"vision_tower.transformer.layers.0.attention.q_proj.weight":       {8, 8},
		"multi_modal_projector.norm.weight":                               {8},
		"multi_modal_projector.linear_1.weight":                           {16, 8},
		"multi_modal_projector.patch_merger.merging_layer.weight":         {8, 32},
		"vision_tower.transformer.layers.0.feed_forward.gate_proj.weight": {16, 8},
		"vision_tower.transformer.layers.0.attention_norm.weight":         {8},
		"vision_tower.transformer.layers.0.feed_forward.down_proj.weight": {8, 16},
		"vision_tower.transformer.layers.0.feed_forward.up_proj.weight":   {16, 8},
		"vision_tower.transformer.layers.0.attention.k_proj.weight":       {8, 8},
		"vision_tower.transformer.layers.0.attention.v_proj.weight":       {8, 8},
		"vision_tower.transformer.layers.0.attention.o_proj.weight":       {8, 8},
		"vision_tower.transformer.layers.0.ffn_norm.weight":               {8},
		"multi_modal_projector.linear_2.weight":                           {16, 16},
	}
	var list []tensor
	for _, name := range slices.Sorted(maps.Keys(shapes)) {
		n := 1
		for _, d := range shapes[name] {
			n *= d
		}
		list = append(list, tensor{top + name, o.ScaleType, shapes[name], floats(make([]float32, n), o.ScaleType)})
	}
	return list
}

// floats stores values that are exact in a 16-bit type.
func floats(values []float32, kind string) []byte {
	b := make([]byte, 0, 2*len(values))
	for _, v := range values {
		if kind == "F16" {
			b = le.AppendUint16(b, gguf.Float32ToHalf(v))
		} else {
			b = le.AppendUint16(b, gguf.Float32ToBFloat16(v))
		}
	}
	return b
}

// pack stores a matrix in its format.
func (l *Linear) pack(name string, o VariantOptions) []tensor {
	switch o.Format {
	case CompressedTensors:
		return l.packCompressed(name, o)
	case AWQGemm, AutoRoundAWQ:
		return l.packGemm(name, o)
	case AWQGemv:
		return l.packGemv(name, o)
	case GPTQv2, AutoRoundGPTQv2:
		return l.packGPTQ(name, o, 0)
	}
	return l.packGPTQ(name, o, 1)
}

// words packs a table of small integers, rows × cols words, per integers of
// bits each to a word: integer k of word (r, c) is at(r, c, k).
func words(rows, cols, bits int, at func(r, c, k int) uint8) []byte {
	b := make([]byte, 0, 4*rows*cols)
	for r := range rows {
		for c := range cols {
			var w uint32
			for k := range 32 / bits {
				w |= uint32(at(r, c, k)) << (bits * k)
			}
			b = le.AppendUint32(b, w)
		}
	}
	return b
}

func (l *Linear) code(o, i int) uint8 { return l.Codes[o*l.In+i] }

// zero is the zero point of row o and group g; 0 beyond the table, as padding.
func (l *Linear) zero(o, g int) uint8 {
	if o >= l.Out || g >= l.Groups() {
		return 0
	}
	return l.Zeros[o*l.Groups()+g]
}

// packCompressed packs columns in order. Zero points are packed along the
// rows, or in old files not at all and as signed numbers.
func (l *Linear) packCompressed(name string, o VariantOptions) []tensor {
	per, groups := 32/l.Bits, l.Groups()
	shape := le.AppendUint64(le.AppendUint64(nil, uint64(l.Out)), uint64(l.In))
	list := []tensor{
		{name + ".weight_packed", "I32", []int{l.Out, l.In / per},
			words(l.Out, l.In/per, l.Bits, func(r, c, k int) uint8 { return l.code(r, per*c+k) })},
		{name + ".weight_scale", o.ScaleType, []int{l.Out, groups}, floats(l.Scales, o.ScaleType)},
		{name + ".weight_shape", "I64", []int{2}, shape},
	}
	switch {
	case !o.Zeros || l.Bits == 8:
	case o.OldZeros:
		b := make([]byte, len(l.Zeros))
		for i, z := range l.Zeros {
			b[i] = byte(int8(z) - 8)
		}
		list = append(list, tensor{name + ".weight_zero_point", "I8", []int{l.Out, groups}, b})
	default:
		rows := (l.Out + 7) / 8
		list = append(list, tensor{name + ".weight_zero_point", "I32", []int{rows, groups},
			words(rows, groups, 4, func(r, c, k int) uint8 { return l.zero(8*r+k, c) })})
	}
	return list
}

// gemmOrder is the output column, of eight, that nibble k of a word holds.
var gemmOrder = [8]int{0, 2, 4, 6, 1, 3, 5, 7}

func (l *Linear) packGemm(name string, o VariantOptions) []tensor {
	groups := l.Groups()
	return []tensor{
		{name + ".qweight", "I32", []int{l.In, l.Out / 8},
			words(l.In, l.Out/8, 4, func(r, c, k int) uint8 { return l.code(8*c+gemmOrder[k], r) })},
		{name + ".qzeros", "I32", []int{groups, l.Out / 8},
			words(groups, l.Out/8, 4, func(r, c, k int) uint8 { return l.zero(8*c+gemmOrder[k], r) })},
		{name + ".scales", o.ScaleType, []int{groups, l.Out}, floats(l.transposed(l.Out), o.ScaleType)},
	}
}

// transposed returns the scales group by group, each with width entries.
func (l *Linear) transposed(width int) []float32 {
	t := make([]float32, 0, l.Groups()*width)
	for g := range l.Groups() {
		for o := range width {
			t = append(t, l.Scales[o*l.Groups()+g])
		}
	}
	return t
}

// packGemv pads the groups of a row to what its kernel reads at once.
func (l *Linear) packGemv(name string, o VariantOptions) []tensor {
	multiple := map[int]int{32: 4, 64: 2}[l.Group]
	multiple = max(multiple, 1)
	width := ((l.Groups()+7)/8 + multiple - 1) / multiple * multiple
	scales := make([]float32, l.Out*8*width)
	for r := range l.Out {
		copy(scales[r*8*width:], l.Scales[r*l.Groups():(r+1)*l.Groups()])
	}
	return []tensor{
		{name + ".qweight", "I32", []int{l.Out, l.In / 8},
			words(l.Out, l.In/8, 4, func(r, c, k int) uint8 { return l.code(r, 8*c+k) })},
		{name + ".qzeros", "I32", []int{l.Out, width},
			words(l.Out, width, 4, func(r, c, k int) uint8 { return l.zero(r, 8*c+k) })},
		{name + ".scales", o.ScaleType, []int{l.Out, 8 * width}, floats(scales, o.ScaleType)},
	}
}

// packGPTQ packs along the columns; zero points are stored less the offset.
func (l *Linear) packGPTQ(name string, o VariantOptions, offset uint8) []tensor {
	groups := l.Groups()
	list := []tensor{
		{name + ".qweight", "I32", []int{l.In / 8, l.Out},
			words(l.In/8, l.Out, 4, func(r, c, k int) uint8 { return l.code(c, 8*r+k) })},
		{name + ".qzeros", "I32", []int{groups, l.Out / 8},
			words(groups, l.Out/8, 4, func(r, c, k int) uint8 { return l.zero(8*c+k, r) - offset })},
		{name + ".scales", o.ScaleType, []int{groups, l.Out}, floats(l.transposed(l.Out), o.ScaleType)},
	}
	if o.NoGroupIndex {
		return list
	}
	var index []byte
	for i := range l.In {
		index = le.AppendUint32(index, uint32(i/l.Group))
	}
	return append(list, tensor{name + ".g_idx", "I32", []int{l.In}, index})
}
