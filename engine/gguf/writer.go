package gguf

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"path/filepath"

	"ceiling/internal/figure"
	"ceiling/internal/oneline"
	"ceiling/internal/outfile"
)

// Writer builds a GGUF file front to back:
//
//	w := gguf.NewWriter(path)
//	defer w.Abort()             // does nothing after Commit
//	w.Add("general.architecture", "mistral3")
//	w.AddTensor("output_norm.weight", gguf.F32, 5120)
//	err := w.Begin()            // checks all, writes the header
//	t, out, err := w.Next()     // out takes the bytes of the first tensor, and so on
//	err = w.Commit()            // the file appears
//
// The file gets its name when it is complete and on disk. Whatever fails before
// leaves nothing behind, provided Abort is called. The same calls give the same
// bytes.
type Writer struct {
	// Overwrite allows Commit to replace an existing file.
	Overwrite bool
	// Free returns the free bytes of the file system that holds dir. It is
	// there for tests; nil asks the system.
	Free func(dir string) (int64, error)
	// Inspect, if not nil, is called by Commit with a name that this process can
	// open the complete file by. If it fails, so does Commit, and the file never
	// gets its name.
	Inspect func(path string) error

	path   string
	kvs    []KV
	layout *Layout
	infos  []Tensor
	err    error // the first mistake of Add and AddTensor

	file    *outfile.PendingFile
	written int   // tensors begun
	pending int64 // bytes that the current tensor still lacks
}

// Layout says where the parts of a file will be.
type Layout struct {
	Header  []byte   // everything before the data section, padding included
	Tensors []Tensor // with Start and Bytes filled in
	Size    int64    // bytes of the whole file
}

// SpaceError says that a file does not fit. It is found before writing.
type SpaceError struct {
	Path  string
	Dir   string
	Need  int64 // bytes
	Avail int64 // bytes
}

// Error names the bytes needed and available.
func (e *SpaceError) Error() string {
	return fmt.Sprintf("%q needs %d bytes (%s) but %q has %d free (%s)",
		e.Path, e.Need, figure.GiB(e.Need), e.Dir, e.Avail, figure.GiB(e.Avail))
}

// NewWriter returns a Writer of the file at path. Nothing is created before
// Begin.
func NewWriter(path string) *Writer { return &Writer{path: path} }

// Add appends a metadata entry. value is of a Scalar type or a slice of one;
// its Go type fixes the type in the file. Mistakes are reported by Layout and
// Begin.
func (w *Writer) Add(key string, value any) {
	if w.err != nil {
		return
	}
	_, _, _, ok := kindOf(value)
	switch {
	case cleanName(key) != nil:
		w.err = fmt.Errorf("metadata key %s: %w", oneline.Quote(key), cleanName(key))
	case !ok:
		w.err = fmt.Errorf("metadata key %s: a %T can't be stored", oneline.Quote(key), value)
	case key == keyAlignment && value != uint32(defaultAlign):
		w.err = fmt.Errorf("metadata key %s: the writer aligns to %d", oneline.Quote(key), defaultAlign)
	}
	for _, kv := range w.kvs {
		if kv.Key == key {
			w.err = fmt.Errorf("metadata key %s is added twice", oneline.Quote(key))
		}
	}
	w.kvs = append(w.kvs, KV{key, value})
}

// AddTensor appends a tensor description; dims are in ggml's order, the row
// length first.
func (w *Writer) AddTensor(name string, t Type, dims ...int64) {
	if w.err != nil {
		return
	}
	info := Tensor{Name: name, Type: t, Dims: dims}
	switch {
	case cleanName(name) != nil:
		w.err = fmt.Errorf("tensor %s: %w", oneline.Quote(name), cleanName(name))
	case len(name) > maxNameBytes:
		w.err = fmt.Errorf("tensor %s: the name has %d bytes, at most %d are allowed", oneline.Quote(name), len(name), maxNameBytes)
	case len(dims) < 1 || len(dims) > maxDims:
		w.err = fmt.Errorf("tensor %s has %d dimensions, must be 1 to %d", oneline.Quote(name), len(dims), maxDims)
	default:
		w.err = info.measure()
	}
	w.infos = append(w.infos, info)
}

// Layout computes the header and every offset, without touching the disk. It
// reports every mistake that Begin would.
func (w *Writer) Layout() (*Layout, error) {
	if w.err != nil {
		return nil, w.err
	}
	if w.layout != nil {
		return w.layout, nil
	}
	l := &Layout{Tensors: append([]Tensor(nil), w.infos...)}
	seen := map[string]bool{}
	var next int64
	for i := range l.Tensors {
		t := &l.Tensors[i]
		if seen[t.Name] {
			return nil, fmt.Errorf("tensor %s is added twice", oneline.Quote(t.Name))
		}
		seen[t.Name] = true
		if t.Bytes > math.MaxInt64/2-next {
			return nil, fmt.Errorf("tensor %s of %d bytes is too large", oneline.Quote(t.Name), t.Bytes)
		}
		t.offset = uint64(next)
		next = pad(next+t.Bytes, defaultAlign)
	}
	l.Header = header(w.kvs, l.Tensors)
	for i := range l.Tensors {
		l.Tensors[i].Start = int64(len(l.Header)) + int64(l.Tensors[i].offset)
	}
	l.Size = int64(len(l.Header)) + next
	return l, nil
}

// header encodes everything before the data section, padded.
func header(kvs []KV, tensors []Tensor) []byte {
	var b bytes.Buffer
	b.WriteString(magic)
	put(&b, uint32(versionCurrent), uint64(len(tensors)), uint64(len(kvs)))
	for _, kv := range kvs {
		putString(&b, kv.Key)
		putValue(&b, kv.Value)
	}
	for _, t := range tensors {
		putString(&b, t.Name)
		put(&b, uint32(len(t.Dims)), t.Dims, uint32(t.Type), t.offset)
	}
	if len(tensors) > 0 {
		b.Write(make([]byte, pad(int64(b.Len()), defaultAlign)-int64(b.Len())))
	}
	return b.Bytes()
}

// put encodes numbers and slices of numbers. Writing to a buffer can't fail.
func put(b *bytes.Buffer, values ...any) {
	for _, v := range values {
		_ = binary.Write(b, binary.LittleEndian, v)
	}
}

func putString(b *bytes.Buffer, s string) {
	put(b, uint64(len(s)))
	b.WriteString(s)
}

func putValue(b *bytes.Buffer, v any) {
	kind, elem, n, _ := kindOf(v)
	put(b, kind)
	if kind == kindArray {
		put(b, elem, uint64(n))
	}
	switch x := v.(type) {
	case string:
		putString(b, x)
	case []string:
		for _, s := range x {
			putString(b, s)
		}
	default:
		put(b, v)
	}
}

// Begin checks everything that was added, that the place can be written to and
// that the file will fit, and writes the header.
func (w *Writer) Begin() error {
	if w.layout != nil {
		return errors.New("the writer was begun before")
	}
	l, err := w.Layout()
	if err != nil {
		return err
	}
	file, err := outfile.Create(w.path, w.Overwrite)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%q exists already, name another file or allow overwriting: %w", w.path, err)
	}
	if err != nil {
		return fmt.Errorf("%q can't be written: %w", w.path, err)
	}
	if err := w.fits(l); err != nil {
		file.Abort()
		return err
	}
	w.file, w.layout = file, l
	_, err = w.file.Write(l.Header)
	return err
}

// fits compares the file's size with what the file system has.
func (w *Writer) fits(l *Layout) error {
	dir := filepath.Dir(w.path)
	free := w.Free
	if free == nil {
		free = freeSpace
	}
	avail, err := free(dir)
	if err != nil {
		return fmt.Errorf("free space of %q: %w", dir, err)
	}
	if avail < l.Size {
		return &SpaceError{Path: w.path, Dir: dir, Need: l.Size, Avail: avail}
	}
	return nil
}

// Next begins the next tensor, in the order of AddTensor, and returns its
// description and an io.Writer that takes exactly its bytes. It fails where
// the one before is not complete, and with io.EOF after the last.
func (w *Writer) Next() (*Tensor, io.Writer, error) {
	if err := w.finish(); err != nil {
		return nil, nil, err
	}
	if w.written == len(w.layout.Tensors) {
		return nil, nil, io.EOF
	}
	t := &w.layout.Tensors[w.written]
	w.written++
	w.pending = t.Bytes
	return t, tensorWriter{w, w.written}, nil
}

// finish ends the current tensor: checks that it is complete, and pads it.
func (w *Writer) finish() error {
	if w.file == nil {
		return errors.New("the writer was not begun, or is done")
	}
	if w.written == 0 {
		return nil
	}
	t := &w.layout.Tensors[w.written-1]
	if w.pending > 0 {
		return fmt.Errorf("tensor %s lacks %d of its %d bytes", oneline.Quote(t.Name), w.pending, t.Bytes)
	}
	n := pad(t.Bytes, defaultAlign) - t.Bytes
	if w.pending < 0 || n == 0 {
		return nil
	}
	w.pending = -1 // padded; a second call must not pad again
	_, err := w.file.Write(make([]byte, n))
	return err
}

// tensorWriter takes the bytes of one tensor.
type tensorWriter struct {
	w     *Writer
	index int // Writer.written when it was made
}

// Write writes all of p, or fails where the tensor has no room for it.
func (t tensorWriter) Write(p []byte) (int, error) {
	w := t.w
	if w.file == nil || t.index != w.written {
		return 0, errors.New("write to a tensor that is done")
	}
	if int64(len(p)) > w.pending {
		return 0, fmt.Errorf("tensor %s takes %d more bytes, not %d",
			oneline.Quote(w.layout.Tensors[w.written-1].Name), max(w.pending, 0), len(p))
	}
	n, err := w.file.Write(p)
	w.pending -= int64(n)
	return n, err
}

// Commit ends the file: it checks that all tensors are complete, flushes to
// disk and gives the file its name. After an error nothing is left.
func (w *Writer) Commit() error {
	err := w.commit()
	if err != nil {
		w.Abort()
	}
	return err
}

func (w *Writer) commit() error {
	if err := w.finish(); err != nil {
		return err
	}
	if left := len(w.layout.Tensors) - w.written; left > 0 {
		return fmt.Errorf("%d of %d tensors were not written, the first is %s",
			left, len(w.layout.Tensors), oneline.Quote(w.layout.Tensors[w.written].Name))
	}
	if w.Inspect != nil {
		if err := w.Inspect(w.file.Unfinished()); err != nil {
			return err
		}
	}
	if err := w.file.Commit(); err != nil {
		return err
	}
	w.file = nil
	return nil
}

// Abort gives up. It may be called at any time, and does nothing after a Commit
// that succeeded.
func (w *Writer) Abort() {
	if w.file != nil {
		w.file.Abort()
		w.file = nil
	}
}
