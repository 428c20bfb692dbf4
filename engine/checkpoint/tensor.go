package checkpoint

import (
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"slices"

	"ceiling/engine/checkpoint/safetensors"
)

var le = binary.LittleEndian

// codeLayout is how a matrix's codes are packed into 32-bit words.
type codeLayout uint8

const (
	// rowWords: [out][in/per], code k of a word is the k-th of the row's next
	// codes. per is 8 for 4-bit codes and 4 for 8-bit codes, here and below.
	rowWords codeLayout = iota
	// colWords: [in/per][out], a word holds consecutive inputs of one output.
	colWords
	// colNibbles: [in][out/8], a word holds 8 outputs of one input, in AutoAWQ's
	// order.
	colNibbles
)

// zeroLayout is how zero points are stored.
type zeroLayout uint8

const (
	zeroNone   zeroLayout = iota // all are in the middle of the range
	zeroRows                     // words [out/per][groups] of consecutive outputs
	zeroSigned                   // signed bytes [out][groups], less the middle
	zeroAlong                    // words [out][...] of consecutive groups
	zeroCols                     // words [groups][out/per] of consecutive outputs
	zeroAWQ                      // words [groups][out/8] of outputs in AutoAWQ's order
)

// tensor is one tensor to convert.
type tensor struct {
	SourceTensor
	role role

	float *safetensors.StoredTensor // KindFloat; nil where computed is not
	// computed holds float32 numbers of the configuration's, that no tensor of
	// the checkpoint has.
	computed []byte

	// KindPacked. Groups are of group columns each; a row has groups of them.
	codes, scales, zeros *safetensors.StoredTensor
	shape, index         *safetensors.StoredTensor // weight_shape and g_idx, may be nil
	layout               codeLayout
	zero                 zeroLayout
	group, groups        int64
	// zeroBias is added to stored zero points (1 for GPTQ version 1); with
	// carry to whole words.
	zeroBias uint32
	carry    bool
	// neutral says that the configuration declares symmetric weights: all zero
	// points must be in the middle.
	neutral bool
}

// per returns how many codes a word holds.
func (t *tensor) per() int64 { return 32 / int64(t.Bits) }

// middle returns the zero point of symmetric weights.
func (t *tensor) middle() uint8 { return 1 << (t.Bits - 1) }

// columns reports whether the codes of one row are scattered over the tensor.
func (t *tensor) columns() bool { return t.layout != rowWords }

// builder turns modules into tensors.
type builder struct {
	c      *Checkpoint
	scheme *scheme
	carry  bool

	plain, packedModules []string // for crossCheck
}

// add adds the tensors of one module.
func (b *builder) add(m *module) error {
	known := []string{"weight", "bias"}
	if m.role.gguf == "output" && b.c.Geometry.TieEmbeddings {
		b.c.warnf("%q is left out: tie_word_embeddings is true, so the embedding takes its place", m.name)
		return nil
	}
	if m.parts["weight_packed"] != nil || m.parts["qweight"] != nil {
		if m.role.vector {
			return fmt.Errorf("%q is packed, but it is a vector", m.name)
		}
		names, err := b.packed(m)
		if err != nil {
			return fmt.Errorf("%q: %w", m.name, err)
		}
		known = append(names, "bias")
		b.packedModules = append(b.packedModules, m.plain)
	} else if t := m.parts["weight"]; t != nil {
		if err := b.float(m, t, "weight"); err != nil {
			return err
		}
		if !m.role.vector && !m.role.embed {
			b.plain = append(b.plain, m.plain)
		}
	}
	if t := m.parts["bias"]; t != nil {
		if m.role.vector || m.role.embed {
			return fmt.Errorf("tensor %q %w", t.Name, errUnknown)
		}
		if err := b.float(m, t, "bias"); err != nil {
			return err
		}
	}
	for _, leaf := range slices.Sorted(maps.Keys(m.parts)) {
		if !slices.Contains(known, leaf) {
			return fmt.Errorf("tensor %q %w", m.parts[leaf].Name, errUnknown)
		}
	}
	return nil
}

// ropeFactors adds the tensor that llama.cpp reads Llama 3's rotation from.
func (b *builder) ropeFactors() {
	g := b.c.Geometry
	factors := g.Rope.FreqFactors(g.HeadDim)
	if factors == nil {
		return
	}
	n := int64(len(factors))
	t := &tensor{role: role{gguf: "rope_freqs", out: n, in: 1, vector: true, order: math.MaxInt32}, SourceTensor: SourceTensor{
		Name: "rope_parameters", GGUF: "rope_freqs.weight", Kind: KindFloat, Bits: 32, DType: string(safetensors.F32), Dims: []int64{n},
	}}
	for _, f := range factors {
		t.computed = le.AppendUint32(t.computed, math.Float32bits(f))
	}
	b.c.tensors = append(b.c.tensors, t)
}

// readFloats fills p with numbers of a tensor that is not quantised, from the
// byte off on.
func (t *tensor) readFloats(files *safetensors.Files, p []byte, off int64) error {
	if t.computed != nil {
		copy(p, t.computed[off:])
		return nil
	}
	return files.ReadAt(t.float, p, off)
}

// float adds a tensor that is not quantised.
func (b *builder) float(m *module, t *safetensors.StoredTensor, leaf string) error {
	r := m.role
	want := []int64{r.out, r.in}
	if leaf == "bias" {
		r.in, r.vector = 1, true
		r.order++
	}
	if r.vector {
		want = want[:1]
	}
	switch {
	case t.DType != safetensors.BF16 && t.DType != safetensors.F16 && t.DType != safetensors.F32:
		return fmt.Errorf("tensor %q is of type %s, must be BF16, F16 or F32", t.Name, t.DType)
	case !slices.Equal(t.Shape, want):
		return fmt.Errorf("tensor %q has shape %v, the configuration asks for %v", t.Name, t.Shape, want)
	}
	dims := []int64{r.in, r.out}
	if r.vector {
		dims = dims[1:]
	}
	b.c.tensors = append(b.c.tensors, &tensor{role: r, float: t, SourceTensor: SourceTensor{
		Name: t.Name, GGUF: m.role.gguf + "." + leaf, Kind: KindFloat, Bits: int(t.DType.Size() * 8),
		DType: string(t.DType), Dims: dims, Bytes: t.Bytes,
	}})
	return nil
}

// packed adds a packed matrix. It returns the names of the parts that its
// format has.
func (b *builder) packed(m *module) ([]string, error) {
	t := &tensor{role: m.role, SourceTensor: SourceTensor{
		Name: m.name, GGUF: m.role.gguf + ".weight", Kind: KindPacked, Dims: []int64{m.role.in, m.role.out},
	}}
	var names []string
	switch b.scheme.format {
	case formatCT:
		names = []string{"weight_packed", "weight_scale", "weight_zero_point", "weight_shape", "weight_g_idx"}
	case formatGPTQ, formatGPTQ2:
		names = []string{"qweight", "scales", "qzeros", "", "g_idx"}
	default:
		names = []string{"qweight", "scales", "qzeros"}
	}
	for i, part := range []**safetensors.StoredTensor{&t.codes, &t.scales, &t.zeros, &t.shape, &t.index} {
		if i < len(names) && m.parts[names[i]] != nil {
			*part = m.parts[names[i]]
			t.Bytes += (*part).Bytes
		}
	}
	if err := t.checkParts(names); err != nil {
		return nil, err
	}
	if err := b.measure(t); err != nil {
		return nil, err
	}
	if err := b.match(t); err != nil {
		return nil, err
	}
	b.c.tensors = append(b.c.tensors, t)
	return names, nil
}

// checkParts checks that the parts that every format needs are there, and the
// types of all.
func (t *tensor) checkParts(names []string) error {
	switch {
	case t.codes.DType != safetensors.I32:
		return fmt.Errorf(".%s is of type %s, must be I32", names[0], t.codes.DType)
	case t.scales == nil:
		return fmt.Errorf(".%s is missing", names[1])
	case t.scales.DType != safetensors.F16 && t.scales.DType != safetensors.BF16 && t.scales.DType != safetensors.F32:
		return fmt.Errorf(".%s is of type %s, must be F16, BF16 or F32", names[1], t.scales.DType)
	case len(t.scales.Shape) != 2 || t.scales.Bytes == 0 || t.codes.Bytes == 0:
		return fmt.Errorf(".%s %v and .%s %v must be matrices that are not empty", names[0], t.codes.Shape, names[1], t.scales.Shape)
	case t.index != nil && (t.index.DType != safetensors.I32 || !slices.Equal(t.index.Shape, []int64{t.role.in})):
		return fmt.Errorf(".%s is %s, must be I32 [%d]", names[4], t.index, t.role.in)
	case t.shape != nil && (t.shape.DType != safetensors.I32 && t.shape.DType != safetensors.I64 || !slices.Equal(t.shape.Shape, []int64{2})):
		return fmt.Errorf(".%s is %s, must be I64 [2] or I32 [2]", names[3], t.shape)
	}
	t.DType = string(t.scales.DType)
	return nil
}

// measure finds bits and group size by the shapes, and checks them all.
func (b *builder) measure(t *tensor) error {
	var err error
	switch b.scheme.format {
	case formatCT:
		err = t.measureCT()
	case formatGPTQ, formatGPTQ2:
		err = t.measureGPTQ(b.scheme.format == formatGPTQ, b.carry)
	case formatGEMM:
		err = t.measureGEMM()
	case formatGEMV:
		err = t.measureGEMV(b.scheme.groups)
	}
	if err != nil {
		return err
	}
	if t.role.in%blockSize != 0 {
		return fmt.Errorf("rows of %d columns are not whole blocks of %d", t.role.in, blockSize)
	}
	if t.group%blockSize != 0 {
		return fmt.Errorf("groups of %d columns can't be converted: blocks of a GGUF file have %d", t.group, blockSize)
	}
	t.GroupSize = int(t.group)
	return nil
}

// setGroups derives the group size from the number of groups of a row.
func (t *tensor) setGroups(groups int64) error {
	if groups < 1 || t.role.in%groups != 0 {
		return fmt.Errorf("%d columns are not %d groups of one size", t.role.in, groups)
	}
	t.groups, t.group = groups, t.role.in/groups
	return nil
}

// wrongShape says what shape a part should have.
func wrongShape(t *safetensors.StoredTensor, want ...int64) error {
	return fmt.Errorf("%q is %s, must be I32 %v", t.Name, t, want)
}

// isWords reports whether a tensor is a matrix of 32-bit words of that shape.
func isWords(t *safetensors.StoredTensor, rows, cols int64) bool {
	return t.DType == safetensors.I32 && shapeIs(t.Shape, rows, cols)
}
