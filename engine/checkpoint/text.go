package checkpoint

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// FormatText is the format in words: "compressed-tensors, 4 bit, group 32". A
// checkpoint can mix widths and groups.
func (c *Checkpoint) FormatText() string {
	var bits, groups []int
	for _, s := range c.Tensors() {
		if s.Kind == KindPacked {
			bits, groups = append(bits, s.Bits), append(groups, s.group())
		}
	}
	if len(bits) == 0 {
		return c.Format
	}
	return fmt.Sprintf("%s, %s bit, group %s", c.Format, numbers(bits), strings.ReplaceAll(numbers(groups), "-1", "of a row"))
}

// group is how many columns share a scale, -1 for a whole row.
func (s SourceTensor) group() int {
	if int64(s.GroupSize) == s.Dims[0] {
		return -1
	}
	return s.GroupSize
}

// numbers lists the different values in order: "4", "4 and 8".
func numbers(values []int) string {
	slices.Sort(values)
	var words []string
	for _, v := range slices.Compact(values) {
		words = append(words, strconv.Itoa(v))
	}
	return strings.Join(words, " and ")
}

// Text is how the checkpoint stores the tensor: "4 bit, group 32, BF16 scales"
// or "BF16".
func (s SourceTensor) Text() string {
	if s.Kind != KindPacked {
		return s.DType
	}
	group := fmt.Sprintf("group %d", s.GroupSize)
	if s.group() < 0 {
		group = "one group a row"
	}
	return fmt.Sprintf("%d bit, %s, %s scales", s.Bits, group, s.DType)
}
