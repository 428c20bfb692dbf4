package main

import (
	"fmt"
	"io"
	"math"
	"os"
	"reflect"
	"slices"
	"strings"

	"ceiling/engine/gguf"
)

// difference is what two files of one model do not agree on.
type difference struct {
	Tensors int
	Values  int64
	Unequal int64
	Largest float64  // of |ours - theirs|
	Where   string   // the first tensor with an unequal value
	Missing []string // tensors that only one of them has
	Keys    int      // hyperparameters compared
	Meta    []string // hyperparameters that differ
}

// ok tells whether the files agree, and were compared at all.
func (d difference) ok() bool {
	return d.Tensors > 0 && d.Values > 0 && d.Keys > 0 && d.Unequal == 0 && len(d.Missing) == 0 && len(d.Meta) == 0
}

func (d difference) String() string {
	text := fmt.Sprintf("%d tensors, %d values, %d unequal, %d hyperparameters", d.Tensors, d.Values, d.Unequal, d.Keys)
	if d.Unequal > 0 {
		text += fmt.Sprintf("; off by %g at most, first in %s", d.Largest, d.Where)
	}
	for _, list := range []struct {
		what  string
		names []string
	}{{"in one file only", d.Missing}, {"differing", d.Meta}} {
		if len(list.names) > 0 {
			text += "; " + list.what + ": " + strings.Join(list.names, ", ")
		}
	}
	return text
}

// compareFiles decodes every tensor of both files and compares the values for
// equality, and the hyperparameters that the second one has.
func compareFiles(ours, theirs string) (difference, error) {
	var d difference
	a, err := gguf.Open(ours)
	if err != nil {
		return d, err
	}
	b, err := gguf.Open(theirs)
	if err != nil {
		return d, err
	}
	for i := range a.Tensors {
		if b.Tensor(a.Tensors[i].Name) == nil {
			d.Missing = append(d.Missing, a.Tensors[i].Name)
		}
	}
	for i := range b.Tensors {
		theirs := &b.Tensors[i]
		mine := a.Tensor(theirs.Name)
		if mine == nil || !slices.Equal(mine.Dims, theirs.Dims) {
			d.Missing = append(d.Missing, theirs.Name+" "+theirs.Shape())
			continue
		}
		if err := d.tensor(a, mine, b, theirs); err != nil {
			return d, err
		}
	}
	d.metadata(a, b)
	return d, nil
}

// tensor compares one tensor, row by row.
func (d *difference) tensor(a *gguf.File, mine *gguf.Tensor, b *gguf.File, theirs *gguf.Tensor) error {
	d.Tensors++
	left, err := openRows(a, mine)
	if err != nil {
		return err
	}
	defer left.file.Close()
	right, err := openRows(b, theirs)
	if err != nil {
		return err
	}
	defer right.file.Close()
	for range mine.Elements() / mine.Dims[0] {
		x, err := left.next()
		if err != nil {
			return err
		}
		y, err := right.next()
		if err != nil {
			return err
		}
		for i := range x {
			d.Values++
			if x[i] != y[i] { // NaN is never equal
				if d.Unequal++; d.Where == "" {
					d.Where = mine.Name
				}
				d.Largest = max(d.Largest, math.Abs(float64(x[i])-float64(y[i])))
			}
		}
	}
	return nil
}

// rows reads a tensor's rows, decoded.
type rows struct {
	file   *os.File
	kind   gguf.Type
	raw    []byte
	values []float32
}

func openRows(f *gguf.File, t *gguf.Tensor) (*rows, error) {
	n, err := t.Type.RowBytes(t.Dims[0])
	if err != nil {
		return nil, err
	}
	file, err := os.Open(f.Paths[t.Shard])
	if err != nil {
		return nil, err
	}
	if _, err := file.Seek(t.Start, 0); err != nil {
		file.Close()
		return nil, err
	}
	return &rows{file, t.Type, make([]byte, n), make([]float32, t.Dims[0])}, nil
}

func (r *rows) next() ([]float32, error) {
	if _, err := io.ReadFull(r.file, r.raw); err != nil {
		return nil, err
	}
	return r.values, gguf.Dequantize(r.kind, r.raw, r.values)
}

// metadata compares the architecture and every key that belongs to it.
func (d *difference) metadata(a, b *gguf.File) {
	prefix := b.Architecture() + "."
	for _, kv := range b.KVs {
		if kv.Key != "general.architecture" && !strings.HasPrefix(kv.Key, prefix) {
			continue
		}
		d.Keys++
		if v, ok := a.Value(kv.Key); !ok || !reflect.DeepEqual(v, kv.Value) {
			d.Meta = append(d.Meta, fmt.Sprintf("%s (%v here, %v there)", kv.Key, v, kv.Value))
		}
	}
}
