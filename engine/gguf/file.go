package gguf

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"regexp"
	"sort"
	"strings"

	"ceiling/internal/absent"
	"ceiling/internal/oneline"
)

// Tensor describes one tensor of a model. Dims are in ggml's order: Dims[0] is
// the length of a row, the reverse of what PyTorch prints.
type Tensor struct {
	Name  string
	Type  Type
	Dims  []int64
	Shard int   // index into File.Paths of the file that holds it
	Start int64 // byte offset of its data in that file
	Bytes int64 // size of its data, padding not counted

	offset   uint64 // as written: relative to the data section
	elements int64
}

// Elements returns the number of elements.
func (t *Tensor) Elements() int64 { return t.elements }

// Shape formats the dimensions, as "5120x4096".
func (t *Tensor) Shape() string { return shape(t.Dims) }

func shape(dims []int64) string {
	s := make([]string, len(dims))
	for i, n := range dims {
		s[i] = fmt.Sprint(n)
	}
	return strings.Join(s, "x")
}

// measure fills in the sizes, and refuses shapes that have none.
func (t *Tensor) measure() error {
	info, ok := t.Type.Info()
	if !ok {
		return fmt.Errorf("tensor %s has %s", oneline.Quote(t.Name), t.Type.unknown())
	}
	t.elements = 1
	for _, n := range t.Dims {
		if n < 1 || n > maxElements/t.elements {
			return fmt.Errorf("tensor %s has the impossible shape %s", oneline.Quote(t.Name), t.Shape())
		}
		t.elements *= n
	}
	if t.Dims[0]%info.Block != 0 {
		return fmt.Errorf("tensor %s has rows of %d elements, not whole blocks of %d as %s needs",
			oneline.Quote(t.Name), t.Dims[0], info.Block, info.Name)
	}
	if t.elements/info.Block > (math.MaxInt64>>1)/info.Bytes {
		return fmt.Errorf("tensor %s with shape %s is too large", oneline.Quote(t.Name), t.Shape())
	}
	t.Bytes = t.elements / info.Block * info.Bytes
	return nil
}

// File is the header of a model: of one file, or of all the files of a split
// model, whose tensors are then listed together. It holds no open file.
type File struct {
	Version   uint32
	Alignment int64    // of the tensors' data, in bytes
	KVs       []KV     // metadata in file order; of the first shard where split
	Tensors   []Tensor // in file order, shard by shard
	Paths     []string // the file, or every shard in order
	Size      int64    // bytes of all files together

	keys  map[string]int // index into KVs
	names map[string]int // index into Tensors
	end   int64          // byte behind the header
	next  int64          // byte at which another GGUF file begins in this one; 0: none
}

// Open reads the header of the model at path, and those of its other shards
// where it is split: path must then name the first one. The first violation of
// the format is returned as an error that names path; ErrNotGGUF, ErrTruncated
// and fs.ErrNotExist can be told apart with errors.Is.
func Open(path string) (*File, error) {
	f, err := openOne(path, 0)
	if err != nil {
		return nil, err
	}
	err = f.openShards()
	if err != nil && f.next > 0 {
		return nil, fmt.Errorf("%q holds a second GGUF file from byte %d on: shards that were joined with cat; name the first of the shards themselves, or join them with llama-gguf-split --merge",
			path, f.next)
	}
	if err != nil {
		return nil, err
	}
	return f, nil
}

// pieceName are the names of files that were cut anywhere, for hosts with a
// limit on a file's size: model.gguf-split-a, model.gguf.part1of2.
var pieceName = regexp.MustCompile(`(?i)\.gguf[.-](part|split)[-_.]?[0-9a-z]+$`)

// openOne reads the header of a single file as shard number shard.
func openOne(path string, shard int) (*File, error) {
	st, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, absent.Errorf("%q does not exist", path)
	case err != nil:
		return nil, err
	case st.IsDir():
		return nil, fmt.Errorf("%q is a directory, name a .gguf file: %w", path, ErrNotGGUF)
	case !st.Mode().IsRegular():
		return nil, fmt.Errorf("%q is not a regular file: %w", path, ErrNotGGUF)
	}
	r, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	f, err := read(r, st.Size(), shard)
	if piece := pieceName.MatchString(path); piece && (errors.Is(err, ErrTruncated) || errors.Is(err, ErrNotGGUF)) {
		return nil, fmt.Errorf("%q is a piece of a file by its name: join all pieces in order with cat, and name the whole: %w", path, err)
	}
	if err != nil {
		return nil, fmt.Errorf("%q: %w", path, err)
	}
	f.Paths = []string{path}
	f.findNext(r)
	return f, nil
}

// findNext looks for the header of another file behind the last tensor, with
// the padding or without.
func (f *File) findNext(r io.ReaderAt) {
	end := f.end
	if n := len(f.Tensors); n > 0 {
		end = f.Tensors[n-1].Start + f.Tensors[n-1].Bytes
	}
	head := make([]byte, len(magic))
	for _, at := range []int64{end, pad(end, f.Alignment)} {
		if _, err := r.ReadAt(head, at); err == nil && string(head) == magic {
			f.next = at
			return
		}
	}
}

// read parses the header of a file of size bytes.
func read(r io.Reader, size int64, shard int) (*File, error) {
	s := newSource(r, size)
	f := &File{Size: size, Alignment: defaultAlign, keys: map[string]int{}, names: map[string]int{}}
	if err := f.readMagic(s); err != nil {
		return nil, err
	}
	tensors, err := s.uint64("the tensor count")
	if err != nil {
		return nil, err
	}
	kvs, err := s.uint64("the metadata count")
	if err != nil {
		return nil, err
	}
	if kvs > maxKVs || int64(kvs)*minKVBytes > s.left() {
		return nil, fmt.Errorf("an absurd count of %d metadata entries", kvs)
	}
	if tensors > maxTensors || int64(tensors)*minTensorBytes > s.left() {
		return nil, fmt.Errorf("an absurd count of %d tensors", tensors)
	}
	if err := f.readKVs(s, kvs); err != nil {
		return nil, err
	}
	if err := f.readTensors(s, tensors, shard); err != nil {
		return nil, err
	}
	f.end = s.pos
	if err := f.place(s.pos); err != nil {
		return nil, err
	}
	return f, nil
}

// readMagic reads the first 8 bytes, and says what else the file may be.
func (f *File) readMagic(s *source) error {
	if s.size == 0 {
		return fmt.Errorf("%w: it is empty", ErrNotGGUF)
	}
	head, err := s.r.Peek(int(min(s.size, 24)))
	if err != nil {
		return err
	}
	if strings.HasPrefix(string(head), "version https://git-lfs") {
		return fmt.Errorf("%w but a Git LFS pointer: fetch the file itself with git lfs pull", ErrNotGGUF)
	}
	if n := min(len(head), 4); string(head[:n]) != magic[:n] {
		if what := otherFile(string(head)); what != "" {
			return fmt.Errorf("%w but %s", ErrNotGGUF, what)
		}
		return fmt.Errorf("%w: it starts with %q (% x)", ErrNotGGUF, head[:n], head[:n])
	}
	if _, err := s.bytes(4, "the magic"); err != nil {
		return err
	}
	f.Version, err = s.uint32("the version")
	switch {
	case err != nil:
		return err
	case f.Version&0xffff == 0 && f.Version != 0:
		swapped := binary.BigEndian.Uint32(binary.LittleEndian.AppendUint32(nil, f.Version))
		return fmt.Errorf("%w of this byte order: it looks like big-endian version %d, convert it first", ErrNotGGUF, swapped)
	case f.Version < versionOldest || f.Version > versionCurrent:
		return fmt.Errorf("%w that can be read: version %d, need %d or %d", ErrNotGGUF, f.Version, versionOldest, versionCurrent)
	}
	return nil
}

// otherFile says what a file is that begins like this, "" where it is nothing
// that is often taken for a GGUF file.
func otherFile(head string) string {
	const page, old = "a web page: the download failed, sign in where the model asks for it and fetch the file again", "a GGML file, as models were before GGUF: get the model as GGUF"
	for _, f := range []struct{ begin, what string }{
		{"<!doctype", page}, {"<html", page}, {"tjgg", old}, {"fmgg", old}, {"lmgg", old},
		{"PK\x03\x04", "a zip archive, as PyTorch's checkpoints are: get the model as GGUF"},
	} {
		if strings.HasPrefix(strings.ToLower(head), strings.ToLower(f.begin)) {
			return f.what
		}
	}
	// safetensors: eight bytes of a length, then JSON.
	if len(head) > 9 && head[8:10] == "{\"" {
		return "a safetensors file: name the folder of the checkpoint that it is of"
	}
	return ""
}

func (f *File) readKVs(s *source, n uint64) error {
	for i := range n {
		kv, err := s.kv(i)
		if err != nil {
			return err
		}
		if _, dup := f.keys[kv.Key]; dup {
			return fmt.Errorf("metadata key %s appears twice", oneline.Quote(kv.Key))
		}
		f.keys[kv.Key] = len(f.KVs)
		f.KVs = append(f.KVs, kv)
	}
	align, ok, err := Get[uint32](f, keyAlignment)
	if err != nil {
		return err
	}
	if ok {
		if align == 0 || align&(align-1) != 0 {
			return fmt.Errorf("%s is %d, must be a power of two", keyAlignment, align)
		}
		f.Alignment = int64(align)
	}
	return nil
}

func (f *File) readTensors(s *source, n uint64, shard int) error {
	for i := range n {
		t, err := s.tensor(i)
		if err != nil {
			return err
		}
		if _, dup := f.names[t.Name]; dup {
			return fmt.Errorf("tensor %s appears twice", oneline.Quote(t.Name))
		}
		t.Shard = shard
		f.names[t.Name] = len(f.Tensors)
		f.Tensors = append(f.Tensors, t)
	}
	return nil
}

// place checks that the tensors' offsets are the running padded sum of their
// sizes, as llama.cpp demands, and that the file holds all their bytes.
func (f *File) place(headerEnd int64) error {
	if len(f.Tensors) == 0 {
		return nil
	}
	data := pad(headerEnd, f.Alignment)
	var next int64
	for i := range f.Tensors {
		t := &f.Tensors[i]
		if t.offset != uint64(next) {
			return fmt.Errorf("tensor %s starts at offset %d of the data, expected %d", oneline.Quote(t.Name), t.offset, next)
		}
		if t.Bytes > math.MaxInt64-data-next-f.Alignment {
			return fmt.Errorf("tensor %s of %d bytes is too large", oneline.Quote(t.Name), t.Bytes)
		}
		t.Start = data + next
		next = pad(next+t.Bytes, f.Alignment)
	}
	// The padding behind the last tensor may be missing: nothing reads it.
	last := &f.Tensors[len(f.Tensors)-1]
	if end := last.Start + last.Bytes; end > f.Size {
		return fmt.Errorf("%w: the tensors end at byte %d, the file at %d: %d bytes are missing, fetch or write it again",
			ErrTruncated, end, f.Size, end-f.Size)
	}
	return nil
}

// pad rounds n up to a multiple of align, a power of two.
func pad(n, align int64) int64 { return (n + align - 1) &^ (align - 1) }

// Value returns the metadata value of key, of the type that the file gives it.
func (f *File) Value(key string) (v any, ok bool) {
	i, ok := f.keys[key]
	if !ok {
		return nil, false
	}
	return f.KVs[i].Value, true
}

// Get returns the metadata value of key as a T. ok is false where the file has
// no such key. A value of another type is an error, not a conversion:
// llama.cpp demands exact types too.
func Get[T Scalar | []string | []int32 | []uint32 | []float32](f *File, key string) (v T, ok bool, err error) {
	x, ok := f.Value(key)
	if !ok {
		return v, false, nil
	}
	v, same := x.(T)
	if !same {
		return v, true, fmt.Errorf("metadata key %s is of type %s, must be %s", oneline.Quote(key), KindName(x), KindName(v))
	}
	return v, true, nil
}

// Architecture returns the model's architecture, such as "mistral3", or ""
// where the file names none.
func (f *File) Architecture() string {
	arch, _, err := Get[string](f, keyArchitecture)
	if err != nil {
		return ""
	}
	return arch
}

// Tensor returns the description of the named tensor, or nil.
func (f *File) Tensor(name string) *Tensor {
	i, ok := f.names[name]
	if !ok {
		return nil
	}
	return &f.Tensors[i]
}

// Parameters returns the number of elements of all tensors.
func (f *File) Parameters() int64 {
	var n int64
	for i := range f.Tensors {
		n += f.Tensors[i].elements
	}
	return n
}

// TypeTotal sums up the tensors of one type.
type TypeTotal struct {
	Type     Type
	Tensors  int
	Elements int64
	Bytes    int64 // padding not counted
}

// TensorTypes returns the totals by type, the largest in bytes first.
func (f *File) TensorTypes() []TypeTotal {
	byType := map[Type]*TypeTotal{}
	for i := range f.Tensors {
		t := &f.Tensors[i]
		sum := byType[t.Type]
		if sum == nil {
			sum = &TypeTotal{Type: t.Type}
			byType[t.Type] = sum
		}
		sum.Tensors++
		sum.Elements += t.elements
		sum.Bytes += t.Bytes
	}
	list := make([]TypeTotal, 0, len(byType))
	for _, sum := range byType {
		list = append(list, *sum)
	}
	sort.Slice(list, func(i, j int) bool {
		if list[i].Bytes != list[j].Bytes {
			return list[i].Bytes > list[j].Bytes
		}
		return list[i].Type < list[j].Type
	})
	return list
}
