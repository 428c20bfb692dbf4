package gguf

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"

	"ceiling/internal/oneline"
)

// Limits of the reader. The first three are llama.cpp's own; the others are far
// above any real model, and keep a damaged count from costing time or memory.
const (
	maxNameBytes    = 63      // a tensor's name
	maxStringBytes  = 1 << 30 // one metadata string
	maxArrayItems   = 1 << 30 // elements of one metadata array
	maxKVs          = 1 << 16
	maxTensors      = 1 << 20
	maxDims         = 4
	maxHeaderBytes  = 1 << 29
	maxElements     = math.MaxInt64
	defaultAlign    = 32
	versionCurrent  = 3
	versionOldest   = 2
	magic           = "GGUF"
	minKVBytes      = 8 + 1 + 4 + 1     // length, shortest key, type, smallest value
	minTensorBytes  = 8 + 0 + 4 + 4 + 8 // length, n_dims, type, offset
	keyAlignment    = "general.alignment"
	keyArchitecture = "general.architecture"
)

// Errors that Open and Check wrap.
var (
	// ErrNotGGUF: the file is something else, or of a version that can't be read.
	ErrNotGGUF = errors.New("not a GGUF file")
	// ErrTruncated: bytes that the header promises are missing.
	ErrTruncated = errors.New("truncated")
)

// source reads a header front to back, and knows how much of the file is left.
type source struct {
	r    *bufio.Reader
	pos  int64 // bytes consumed
	size int64 // bytes of the file
}

func newSource(r io.Reader, size int64) *source {
	return &source{r: bufio.NewReaderSize(r, 1<<16), size: size}
}

// left returns how many bytes a value that starts here can have at most.
func (s *source) left() int64 {
	return min(s.size, maxHeaderBytes) - s.pos
}

// need fails unless n more bytes can be read.
func (s *source) need(n int64, what string) error {
	switch {
	case s.pos+n > s.size:
		return fmt.Errorf("%w: the file ends at byte %d, inside %s", ErrTruncated, s.size, what)
	case n > s.left():
		return fmt.Errorf("%s would make the header larger than %d MiB", what, maxHeaderBytes>>20)
	}
	return nil
}

// bytes returns the next n bytes, n ≤ 64 Ki, valid until the next call.
func (s *source) bytes(n int, what string) ([]byte, error) {
	if err := s.need(int64(n), what); err != nil {
		return nil, err
	}
	p, err := s.r.Peek(n)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	if _, err := s.r.Discard(n); err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	s.pos += int64(n)
	return p, nil
}

func (s *source) uint32(what string) (uint32, error) {
	p, err := s.bytes(4, what)
	if err != nil {
		return 0, err
	}
	return binary.LittleEndian.Uint32(p), nil
}

func (s *source) uint64(what string) (uint64, error) {
	p, err := s.bytes(8, what)
	if err != nil {
		return 0, err
	}
	return binary.LittleEndian.Uint64(p), nil
}

// appendString appends the next n bytes to b.
func (s *source) appendString(b *strings.Builder, n int64, what string) error {
	for n > 0 {
		p, err := s.bytes(int(min(n, 1<<15)), what)
		if err != nil {
			return err
		}
		b.Write(p)
		n -= int64(len(p))
	}
	return nil
}

// string reads a length and that many bytes.
func (s *source) string(what string) (string, error) {
	n, err := s.uint64("the length of " + what)
	if err != nil {
		return "", err
	}
	if n > maxStringBytes {
		return "", fmt.Errorf("%s has an absurd length of %d bytes", what, n)
	}
	if err := s.need(int64(n), what); err != nil {
		return "", err
	}
	var b strings.Builder
	err = s.appendString(&b, int64(n), what)
	return b.String(), err
}

// strings reads n strings. They share one allocation, which grows as bytes are
// read, so a damaged count can't make it larger than the file.
func (s *source) strings(n int64, what string) ([]string, error) {
	var (
		text strings.Builder
		ends []int
	)
	for i := range n {
		size, err := s.uint64(what)
		if err != nil {
			return nil, err
		}
		if size > maxStringBytes {
			return nil, fmt.Errorf("element %d of %s has an absurd length of %d bytes", i, what, size)
		}
		if err := s.need(int64(size), what); err != nil {
			return nil, err
		}
		if err := s.appendString(&text, int64(size), what); err != nil {
			return nil, err
		}
		ends = append(ends, text.Len())
	}
	all, list, start := text.String(), make([]string, len(ends)), 0
	for i, end := range ends {
		list[i] = all[start:end]
		start = end
	}
	return list, nil
}

// numbers reads n elements of size bytes each.
func numbers[T any](s *source, n, size int64, what string, decode func([]byte) T) ([]T, error) {
	if err := s.need(n*size, what); err != nil {
		return nil, err
	}
	list := make([]T, 0, n)
	for n > 0 {
		k := min(n, 4096)
		p, err := s.bytes(int(k*size), what)
		if err != nil {
			return nil, err
		}
		for i := range k {
			list = append(list, decode(p[i*size:]))
		}
		n -= k
	}
	return list, nil
}

func number[T any](s *source, size int64, what string, decode func([]byte) T) (T, error) {
	p, err := s.bytes(int(size), what)
	if err != nil {
		var zero T
		return zero, err
	}
	return decode(p), nil
}

var le = binary.LittleEndian

func getUint8(p []byte) uint8     { return p[0] }
func getInt8(p []byte) int8       { return int8(p[0]) }
func getInt16(p []byte) int16     { return int16(le.Uint16(p)) }
func getInt32(p []byte) int32     { return int32(le.Uint32(p)) }
func getInt64(p []byte) int64     { return int64(le.Uint64(p)) }
func getFloat32(p []byte) float32 { return math.Float32frombits(le.Uint32(p)) }
func getFloat64(p []byte) float64 { return math.Float64frombits(le.Uint64(p)) }
func getBool(p []byte) bool       { return p[0] != 0 }

// scalar reads one value of the given type, as a Scalar.
func (s *source) scalar(kind uint32, what string) (any, error) {
	switch kind {
	case kindUint8:
		return number(s, 1, what, getUint8)
	case kindInt8:
		return number(s, 1, what, getInt8)
	case kindUint16:
		return number(s, 2, what, le.Uint16)
	case kindInt16:
		return number(s, 2, what, getInt16)
	case kindUint32:
		return number(s, 4, what, le.Uint32)
	case kindInt32:
		return number(s, 4, what, getInt32)
	case kindFloat32:
		return number(s, 4, what, getFloat32)
	case kindBool:
		return number(s, 1, what, getBool)
	case kindString:
		return s.string(what)
	case kindUint64:
		return number(s, 8, what, le.Uint64)
	case kindInt64:
		return number(s, 8, what, getInt64)
	case kindFloat64:
		return number(s, 8, what, getFloat64)
	}
	return nil, fmt.Errorf("%s has type %d, which does not exist", what, kind)
}

// array reads an array's header and its elements, as a slice of a Scalar.
func (s *source) array(what string) (any, error) {
	kind, err := s.uint32(what)
	if err != nil {
		return nil, err
	}
	count, err := s.uint64(what)
	if err != nil {
		return nil, err
	}
	if kind == kindArray {
		return nil, fmt.Errorf("%s is an array of arrays, which llama.cpp can't read", what)
	}
	if count > maxArrayItems {
		return nil, fmt.Errorf("%s has an absurd count of %d elements", what, count)
	}
	n := int64(count)
	switch kind {
	case kindUint8:
		return numbers(s, n, 1, what, getUint8)
	case kindInt8:
		return numbers(s, n, 1, what, getInt8)
	case kindUint16:
		return numbers(s, n, 2, what, le.Uint16)
	case kindInt16:
		return numbers(s, n, 2, what, getInt16)
	case kindUint32:
		return numbers(s, n, 4, what, le.Uint32)
	case kindInt32:
		return numbers(s, n, 4, what, getInt32)
	case kindFloat32:
		return numbers(s, n, 4, what, getFloat32)
	case kindBool:
		return numbers(s, n, 1, what, getBool)
	case kindString:
		if err := s.need(n*8, what); err != nil {
			return nil, err
		}
		return s.strings(n, what)
	case kindUint64:
		return numbers(s, n, 8, what, le.Uint64)
	case kindInt64:
		return numbers(s, n, 8, what, getInt64)
	case kindFloat64:
		return numbers(s, n, 8, what, getFloat64)
	}
	return nil, fmt.Errorf("%s has elements of type %d, which does not exist", what, kind)
}

// kv reads the i-th metadata entry.
func (s *source) kv(i uint64) (KV, error) {
	key, err := s.string(fmt.Sprintf("metadata key %d", i))
	if err != nil {
		return KV{}, err
	}
	if err := cleanName(key); err != nil {
		return KV{}, fmt.Errorf("metadata key %d: %w", i, err)
	}
	what := oneline.Quote(key)
	kind, err := s.uint32(what)
	if err != nil {
		return KV{}, err
	}
	var v any
	if kind == kindArray {
		v, err = s.array(what)
	} else {
		v, err = s.scalar(kind, what)
	}
	return KV{key, v}, err
}

// tensor reads the i-th tensor description and checks what concerns it alone.
func (s *source) tensor(i uint64) (Tensor, error) {
	var t Tensor
	name, err := s.string(fmt.Sprintf("the name of tensor %d", i))
	if err != nil {
		return t, err
	}
	if len(name) > maxNameBytes {
		return t, fmt.Errorf("the name of tensor %d has %d bytes, at most %d are allowed", i, len(name), maxNameBytes)
	}
	if err := cleanName(name); err != nil {
		return t, fmt.Errorf("the name of tensor %d: %w", i, err)
	}
	t.Name = name
	what := "the description of tensor " + oneline.Quote(name)
	dims, err := s.uint32(what)
	if err != nil {
		return t, err
	}
	if dims < 1 || dims > maxDims {
		return t, fmt.Errorf("tensor %s has %d dimensions, must be 1 to %d", oneline.Quote(name), dims, maxDims)
	}
	for range dims {
		n, err := s.uint64(what)
		if err != nil {
			return t, err
		}
		t.Dims = append(t.Dims, int64(n))
	}
	kind, err := s.uint32(what)
	if err != nil {
		return t, err
	}
	offset, err := s.uint64(what)
	if err != nil {
		return t, err
	}
	t.Type, t.offset = Type(kind), offset
	return t, t.measure()
}

// cleanName refuses names that C code would cut short or a terminal would
// act on.
func cleanName(s string) error {
	if s == "" {
		return errors.New("is empty")
	}
	for _, c := range []byte(s) {
		if c < 0x20 || c >= 0x7f {
			return fmt.Errorf("%s holds the byte 0x%02x, names are printable ASCII", oneline.Quote(s), c)
		}
	}
	return nil
}
