package safetensors

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"ceiling/internal/oneline"
)

// Limits. The largest real headers have a few megabytes.
const (
	maxHeaderBytes = 32 << 20
	maxTensors     = 100_000 // of a checkpoint
	maxRank        = 8
	maxNameBytes   = 512
	maxShards      = 1024
	maxIndexBytes  = 32 << 20
)

// DType names the type of a tensor's elements as the format does.
type DType string

// The types that a checkpoint's weights have. The format knows more.
const (
	BF16 DType = "BF16"
	F16  DType = "F16"
	F32  DType = "F32"
	I8   DType = "I8"
	U8   DType = "U8"
	I32  DType = "I32"
	I64  DType = "I64"
)

// bits holds the size of one element of every type of the format.
var bits = map[DType]uint64{
	"BOOL": 8, U8: 8, I8: 8, "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8,
	"F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8, "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6,
	"I16": 16, "U16": 16, F16: 16, BF16: 16, I32: 32, "U32": 32, F32: 32,
	I64: 64, "U64": 64, "F64": 64, "C64": 64,
}

// Size returns the bytes of one element, 0 for types smaller than a byte or of
// an odd number of bits and for unknown ones.
func (d DType) Size() int64 {
	if bits[d]%8 != 0 {
		return 0
	}
	return int64(bits[d] / 8)
}

// StoredTensor describes one tensor. Shape is in the format's order, outermost
// dimension first, and may hold zeros.
type StoredTensor struct {
	Name  string
	DType DType
	Shape []int64
	File  int   // index into Set.Paths of the file that holds it
	Start int64 // byte offset of its data in that file
	Bytes int64
}

// String formats type and shape, as "I32 [4096 640]".
func (t *StoredTensor) String() string { return fmt.Sprintf("%s %v", t.DType, t.Shape) }

// ReadHeader reads the header of a file of size bytes. The tensors come in
// order of their data, which covers the rest of the file without gaps.
func ReadHeader(r io.ReaderAt, size int64) ([]StoredTensor, error) {
	text, err := headerText(r, size)
	if err != nil {
		return nil, err
	}
	list, err := parseHeader(text)
	if err != nil {
		return nil, err
	}
	data := 8 + int64(len(text))
	if err := place(list, data, size); err != nil {
		return nil, err
	}
	return list, nil
}

// headerText reads the JSON part. Its length is checked against the file's
// before anything is allocated.
func headerText(r io.ReaderAt, size int64) ([]byte, error) {
	var head [128]byte
	n := min(size, int64(len(head)))
	if err := readFull(r, head[:max(n, 0)], 0); err != nil {
		return nil, err
	}
	switch {
	case strings.HasPrefix(string(head[:n]), "version https://git-lfs"):
		return nil, errors.New("it is a Git LFS pointer: fetch the file itself with git lfs pull")
	case n < 8:
		return nil, fmt.Errorf("it has %d bytes, a safetensors file begins with 8 bytes of length", size)
	}
	length := binary.LittleEndian.Uint64(head[:8])
	switch {
	case length < 2:
		return nil, fmt.Errorf("its header has %d bytes, must have at least 2", length)
	case length > maxHeaderBytes:
		return nil, fmt.Errorf("its header would have %d bytes, at most %d are read: this is no safetensors file, or damaged", length, maxHeaderBytes)
	case length > uint64(size-8):
		return nil, fmt.Errorf("its header would have %d bytes but only %d follow: the file is truncated, fetch it again", length, size-8)
	case head[8] != '{':
		return nil, fmt.Errorf("its header begins with %q, must begin with \"{\"", head[8:9])
	}
	text := make([]byte, length)
	if err := readFull(r, text, 8); err != nil {
		return nil, err
	}
	return text, nil
}

// readFull reads len(p) bytes at offset off; fewer are an error.
func readFull(r io.ReaderAt, p []byte, off int64) error {
	n, err := r.ReadAt(p, off)
	if n == len(p) {
		return nil
	}
	if err == nil || errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("%d of %d bytes at offset %d: %w", n, len(p), off, err)
}

// parseHeader reads the tensors' descriptions. Start and the end (in Bytes) are
// left as the file has them, relative to the data.
func parseHeader(text []byte) ([]StoredTensor, error) {
	s, err := newScanner(text)
	if err != nil {
		return nil, err
	}
	var list []StoredTensor
	err = s.object("the header", func(name string) error {
		if name == "__metadata__" {
			return s.object(name, func(key string) error {
				_, err := s.text(fmt.Sprintf("%s[%s]", name, oneline.Quote(key)))
				return err
			})
		}
		if err := checkName(name); err != nil {
			return err
		}
		if len(list) == maxTensors {
			return fmt.Errorf("it holds more than %d tensors", maxTensors)
		}
		t, err := parseTensor(s, name)
		if err != nil {
			return fmt.Errorf("tensor %s: %w", oneline.Quote(name), err)
		}
		list = append(list, t)
		return nil
	})
	if err != nil {
		return nil, err
	}
	if err := s.end(); err != nil {
		return nil, err
	}
	return list, nil
}

// checkName refuses names that a terminal would act on.
func checkName(name string) error {
	switch {
	case name == "":
		return errors.New("a tensor has an empty name")
	case len(name) > maxNameBytes:
		return fmt.Errorf("the tensor name %s has %d bytes, at most %d are read", oneline.Quote(name), len(name), maxNameBytes)
	}
	for _, c := range []byte(name) {
		if c < 0x20 || c >= 0x7f {
			return fmt.Errorf("the tensor name %s holds the byte 0x%02x, must be printable ASCII", oneline.Quote(name), c)
		}
	}
	return nil
}

// parseTensor reads {dtype, shape, data_offsets}, each once, nothing else.
func parseTensor(s *scanner, name string) (StoredTensor, error) {
	t := StoredTensor{Name: name}
	var offsets []int64
	err := s.object("the description", func(key string) (err error) {
		switch key {
		case "dtype":
			var d string
			d, err = s.text(key)
			t.DType = DType(d)
		case "shape":
			t.Shape, err = s.numbers(key, maxRank)
		case "data_offsets":
			offsets, err = s.numbers(key, 2)
		default:
			err = fmt.Errorf("the unknown field %s", oneline.Quote(key))
		}
		return err
	})
	switch {
	case err != nil:
		return t, err
	case t.DType == "":
		return t, errors.New("dtype is missing")
	case t.Shape == nil:
		return t, errors.New("shape is missing")
	case len(offsets) != 2:
		return t, errors.New("data_offsets is missing or not two numbers")
	case offsets[0] > offsets[1]:
		return t, fmt.Errorf("data_offsets %v end before they begin", offsets)
	}
	t.Start, t.Bytes = offsets[0], offsets[1]-offsets[0]
	want, err := t.measure()
	if err != nil {
		return t, err
	}
	if want != t.Bytes {
		return t, fmt.Errorf("%s needs %d bytes but data_offsets %v hold %d", t.String(), want, offsets, t.Bytes)
	}
	return t, nil
}

// measure returns the bytes that type and shape need.
func (t *StoredTensor) measure() (int64, error) {
	size, ok := bits[t.DType]
	if !ok {
		return 0, fmt.Errorf("dtype %s does not exist", oneline.Quote(string(t.DType)))
	}
	n := uint64(1)
	for _, d := range t.Shape {
		// A zero makes all of it zero, but does not excuse an overflow.
		if d > 0 && n > math.MaxInt64/8/uint64(d) {
			return 0, fmt.Errorf("shape %v is too large", t.Shape)
		}
		n *= max(uint64(d), 1)
	}
	if slices.Contains(t.Shape, 0) {
		return 0, nil
	}
	if n > math.MaxInt64/size {
		return 0, fmt.Errorf("shape %v is too large", t.Shape)
	}
	if n*size%8 != 0 {
		return 0, fmt.Errorf("%s is not whole bytes", t.String())
	}
	return int64(n * size / 8), nil
}

// place sorts the tensors by offset, checks that they follow each other
// without gaps up to the end of the file, and makes offsets absolute.
func place(list []StoredTensor, data, size int64) error {
	slices.SortFunc(list, func(a, b StoredTensor) int {
		if a.Start != b.Start {
			return cmp.Compare(a.Start, b.Start)
		}
		// Empty tensors share the offset of the one that follows.
		if a.Bytes != b.Bytes {
			return cmp.Compare(a.Bytes, b.Bytes)
		}
		return strings.Compare(a.Name, b.Name)
	})
	var next int64
	for i := range list {
		t := &list[i]
		switch {
		case t.Start > next:
			return fmt.Errorf("%d bytes before tensor %s belong to no tensor", t.Start-next, oneline.Quote(t.Name))
		case t.Start < next:
			return fmt.Errorf("tensor %s begins at offset %d, inside the one before, which ends at %d", oneline.Quote(t.Name), t.Start, next)
		case t.Bytes > size-data-next:
			return fmt.Errorf("tensor %s ends at byte %d but the file at %d: it is truncated, fetch it again",
				oneline.Quote(t.Name), uint64(data)+uint64(next)+uint64(t.Bytes), size)
		}
		next += t.Bytes
		t.Start += data
	}
	if data+next != size {
		return fmt.Errorf("%d bytes at the end belong to no tensor", size-data-next)
	}
	return nil
}
