package checkpoint

import (
	"errors"
	"fmt"

	"ceiling/engine/checkpoint/safetensors"
)

// measureCT reads the shapes of compressed-tensors: all are [out][...].
func (t *tensor) measureCT() error {
	out, in := t.role.out, t.role.in
	t.layout = rowWords
	for _, bits := range []int64{4, 8} {
		if shapeIs(t.codes.Shape, out, in*bits/32) {
			t.Bits = int(bits)
		}
	}
	if t.Bits == 0 {
		return fmt.Errorf(".weight_packed %v does not hold %d rows of %d codes of 4 or 8 bits", t.codes.Shape, out, in)
	}
	if t.scales.Shape[0] != out {
		return fmt.Errorf(".weight_scale %v has not %d rows", t.scales.Shape, out)
	}
	if err := t.setGroups(t.scales.Shape[1]); err != nil {
		return err
	}
	z := t.zeros
	if z == nil {
		return nil
	}
	// Before version 0.9.3 zero points were stored as signed bytes.
	words := (out + t.per() - 1) / t.per()
	switch {
	case z.DType == safetensors.I8 && shapeIs(z.Shape, out, t.groups):
		t.zero = zeroSigned
	case isWords(z, words, t.groups):
		t.zero = zeroRows
	default:
		return fmt.Errorf(".weight_zero_point is %s, must be I32 [%d %d] or I8 [%d %d]", z, words, t.groups, out, t.groups)
	}
	return nil
}

// measureGPTQ reads the shapes of GPTQ: all are [...][out].
func (t *tensor) measureGPTQ(v1, carry bool) error {
	out, in := t.role.out, t.role.in
	t.layout, t.zero = colWords, zeroCols
	for _, bits := range []int64{4, 8} {
		if shapeIs(t.codes.Shape, in*bits/32, out) {
			t.Bits = int(bits)
		}
	}
	switch {
	case t.Bits == 0:
		return fmt.Errorf(".qweight %v does not hold %d columns of %d codes of 4 or 8 bits", t.codes.Shape, out, in)
	case t.scales.Shape[1] != out:
		return fmt.Errorf(".scales %v has not %d columns", t.scales.Shape, out)
	case t.zeros == nil:
		return errors.New(".qzeros is missing")
	case out%t.per() != 0:
		return fmt.Errorf("%d outputs are not whole words of %d", out, t.per())
	}
	if err := t.setGroups(t.scales.Shape[0]); err != nil {
		return err
	}
	if !isWords(t.zeros, t.groups, out/t.per()) {
		return wrongShape(t.zeros, t.groups, out/t.per())
	}
	if v1 {
		t.zeroBias, t.carry = 1, carry
	}
	return nil
}

// measureGEMM reads the shapes of AutoAWQ's GEMM version: all are [...][out].
func (t *tensor) measureGEMM() error {
	out, in := t.role.out, t.role.in
	t.Bits, t.layout, t.zero = 4, colNibbles, zeroAWQ
	switch {
	case out%8 != 0:
		return fmt.Errorf("%d outputs are not whole words of 8", out)
	case !shapeIs(t.codes.Shape, in, out/8):
		return wrongShape(t.codes, in, out/8)
	case t.scales.Shape[1] != out:
		return fmt.Errorf(".scales %v has not %d columns", t.scales.Shape, out)
	case t.zeros == nil:
		return errors.New(".qzeros is missing")
	}
	if err := t.setGroups(t.scales.Shape[0]); err != nil {
		return err
	}
	if !isWords(t.zeros, t.groups, out/8) {
		return wrongShape(t.zeros, t.groups, out/8)
	}
	return nil
}

// measureGEMV reads the shapes of AutoAWQ's GEMV version: all are [out][...],
// zero points and scales padded to what its kernel reads at a time, so that
// only the configuration tells the group size.
func (t *tensor) measureGEMV(declared []wscheme) error {
	out, in := t.role.out, t.role.in
	t.Bits, t.layout, t.zero = 4, rowWords, zeroAlong
	switch {
	case !shapeIs(t.codes.Shape, out, in/8):
		return wrongShape(t.codes, out, in/8)
	case len(declared) != 1 || declared[0].group == 0:
		return errors.New("the configuration must declare the group_size of AWQ's GEMV version")
	case t.zeros == nil:
		return errors.New(".qzeros is missing")
	}
	group := declared[0].group
	if group < 0 {
		group = in
	}
	if in%group != 0 {
		return fmt.Errorf("%d columns are not whole groups of %d", in, group)
	}
	t.group, t.groups = group, in/group
	step := int64(1)
	switch group {
	case 64:
		step = 2
	case 32:
		step = 4
	}
	words := ((t.groups+7)/8 + step - 1) / step * step
	if !isWords(t.zeros, out, words) {
		return wrongShape(t.zeros, out, words)
	}
	if !shapeIs(t.scales.Shape, out, 8*words) {
		return fmt.Errorf(".scales %v must be [%d %d]", t.scales.Shape, out, 8*words)
	}
	return nil
}

// match checks that the configuration declares what the shapes say, and takes
// from it whether the weights are symmetric.
func (b *builder) match(t *tensor) error {
	ct := b.scheme.format == formatCT
	if b.scheme.actOrder && t.index == nil {
		return errors.New("desc_act is true but .g_idx, which says how columns are grouped, is missing")
	}
	if len(b.scheme.groups) == 0 && ct {
		t.neutral = t.zeros == nil
		return nil
	}
	fits := len(b.scheme.groups) == 0
	for _, w := range b.scheme.groups {
		if w.bits != 0 && w.bits != int64(t.Bits) || w.group > 0 && w.group != t.group || w.group < 0 && t.groups != 1 {
			continue
		}
		sym := w.sym != nil && *w.sym
		if ct && !sym && t.zeros == nil {
			continue
		}
		// Several groups may fit: the one that takes the zero points as they
		// are goes first.
		if !fits || !sym {
			t.neutral = sym
		}
		fits = true
	}
	if !fits {
		kind := "with zero points"
		if t.zeros == nil {
			kind = "without zero points"
		}
		return fmt.Errorf("it has codes of %d bits in groups of %d, %s, which the configuration does not declare", t.Bits, t.group, kind)
	}
	return nil
}

// checkSmall reads the small tensors that say how to read the others.
func (t *tensor) checkSmall(files *safetensors.Files) error {
	if t.shape != nil {
		p := make([]byte, t.shape.Bytes)
		if err := files.ReadAt(t.shape, p, 0); err != nil {
			return err
		}
		var got [2]int64
		for i := range got {
			if t.shape.DType == safetensors.I64 {
				got[i] = int64(le.Uint64(p[8*i:]))
			} else {
				got[i] = int64(int32(le.Uint32(p[4*i:])))
			}
		}
		if got[0] != t.role.out || got[1] != t.role.in {
			return fmt.Errorf(".weight_shape says %v, the configuration asks for [%d %d]", got, t.role.out, t.role.in)
		}
	}
	if t.index != nil {
		return t.checkIndex(files)
	}
	return nil
}

// checkIndex accepts g_idx where column i is in group i / group size, or where
// it was never filled in.
func (t *tensor) checkIndex(files *safetensors.Files) error {
	p := make([]byte, t.index.Bytes)
	if err := files.ReadAt(t.index, p, 0); err != nil {
		return err
	}
	trivial, unset := true, true
	for i := range t.role.in {
		g := int64(int32(le.Uint32(p[4*i:])))
		if g < -1 || g >= t.groups {
			return fmt.Errorf("g_idx[%d] is %d, must be 0 to %d", i, g, t.groups-1)
		}
		trivial = trivial && g == i/t.group
		unset = unset && g == -1
	}
	if !trivial && (!unset || t.zero == zeroCols) {
		return fmt.Errorf("g_idx %w", errNotTrivial)
	}
	return nil
}
