package checkpoint

import (
	"context"
	"fmt"
	"hash/fnv"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"time"

	"ceiling/engine/checkpoint/safetensors"
	"ceiling/engine/gguf"
)

// VerifyError says that a file does not hold what the checkpoint does.
type VerifyError struct {
	Path   string
	Tensor string // in the file; "" where it is about the whole
	Reason string
}

// Error names the file, the tensor and the reason.
func (e *VerifyError) Error() string {
	if e.Tensor == "" {
		return fmt.Sprintf("%q is not what the checkpoint says: it %s", e.Path, e.Reason)
	}
	return fmt.Sprintf("%q is not what the checkpoint says: tensor %q %s", e.Path, e.Tensor, e.Reason)
}

// verify compares the GGUF file at path, which Convert has made with the same
// options, with the checkpoint: that llama.cpp can load it (gguf.Check), that it
// has exactly the tensors and shapes that the checkpoint asks for, and some
// random rows of every tensor, element by element. It decodes both sides in
// float64, where all products of codes and scales are exact, and shares no code
// with the conversion but for reading bytes.
//
// The error is a *VerifyError, a *gguf.CheckError, or one of reading.
func (c *Checkpoint) verify(ctx context.Context, files *safetensors.Files, path string, o ConvertOptions) (*VerifyReport, error) {
	start := time.Now()
	f, err := gguf.Open(path)
	if err != nil {
		return nil, err
	}
	if err := f.Check(); err != nil {
		return nil, err
	}
	if len(f.Paths) != 1 {
		return nil, &VerifyError{path, "", "is split over several files"}
	}
	if len(f.Tensors) != len(c.tensors) {
		return nil, &VerifyError{path, "", fmt.Sprintf("has %d tensors, the checkpoint %d", len(f.Tensors), len(c.tensors))}
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	v := &verifier{files: files, path: path, file: file, f: f, o: o}
	units := make([]unit, len(c.tensors))
	for i, t := range c.tensors {
		units[i].target = &Target{t: t}
	}
	err = parallel(ctx, o.readers(), units, func(_ *rowTile, u unit) error {
		n, err := v.tensor(u.target.t)
		v.mu.Lock()
		defer v.mu.Unlock()
		v.report.Tensors++
		v.report.Rows += n.Rows
		v.report.Values += n.Values
		v.report.Rounded += n.Rounded
		o.progress("verify", int64(v.report.Tensors), int64(len(units)))
		return err
	})
	if err != nil {
		return nil, err
	}
	v.report.Time = time.Since(start)
	return &v.report, nil
}

// verifier compares a file with a checkpoint.
type verifier struct {
	files *safetensors.Files
	path  string
	file  *os.File
	f     *gguf.File
	o     ConvertOptions

	mu     sync.Mutex // of report and the calls of Progress
	report VerifyReport
}

// window is how many neighbouring rows are compared at a time: matrices that
// are stored by columns have them in one word.
const window = 8

// tensor compares random rows of one tensor; of a vector all elements.
func (v *verifier) tensor(t *tensor) (n VerifyReport, err error) {
	got := v.f.Tensor(t.GGUF)
	if got == nil {
		return n, v.fail(t, "is missing")
	}
	if !slices.Equal(got.Dims, t.Dims) {
		return n, v.fail(t, "has shape %v, must have %v", got.Dims, t.Dims)
	}
	row, err := rowsOf(io.NewSectionReader(v.file, got.Start, got.Bytes), got.Bytes/t.role.out, t.role.vector)
	if err != nil {
		return n, err
	}
	values := make([]float64, t.role.in)
	for _, at := range v.windows(t) {
		want, err := t.decodeRows(v.files, at.row, at.rows)
		if err != nil {
			return n, err
		}
		for k, w := range want {
			from := at.row + int64(k)
			to := t.fileRow(from)
			raw, err := row(to)
			if err != nil {
				return n, fmt.Errorf("%q: tensor %q: %w", v.path, t.GGUF, err)
			}
			if err := decodeExact(got.Type, raw, values); err != nil {
				return n, v.fail(t, "%v", err)
			}
			rounded, bad := v.compare(t, got.Type, values, w)
			if bad >= 0 {
				return n, v.fail(t, "has %v in row %d, column %d, must have %v, that of row %d of %q",
					values[bad], to, bad, w.value(int64(bad)), from, t.Name)
			}
			n.Rows, n.Values, n.Rounded = n.Rows+1, n.Values+t.role.in, n.Rounded+rounded
		}
	}
	return n, nil
}

func (v *verifier) fail(t *tensor, format string, args ...any) error {
	return &VerifyError{v.path, t.GGUF, fmt.Sprintf(format, args...)}
}

// rowsOf returns a function that reads one row of a tensor of the file. Vectors,
// whose rows are single elements, are read as a whole.
func rowsOf(r *io.SectionReader, bytes int64, vector bool) (func(row int64) ([]byte, error), error) {
	if !vector {
		raw := make([]byte, bytes)
		return func(row int64) ([]byte, error) {
			_, err := r.ReadAt(raw, row*bytes)
			return raw, err
		}, nil
	}
	whole := make([]byte, r.Size())
	if _, err := r.ReadAt(whole, 0); err != nil {
		return nil, err
	}
	return func(row int64) ([]byte, error) { return whole[row*bytes : (row+1)*bytes], nil }, nil
}

// windows chooses which rows of the checkpoint's matrix are compared: of a
// vector all.
func (v *verifier) windows(t *tensor) []span {
	all := (t.role.out + window - 1) / window
	wanted := min(int64(v.o.verifyRows()+window-1)/window, all)
	if t.role.vector {
		return []span{{0, t.role.out}}
	}
	h := fnv.New64a()
	h.Write([]byte(t.GGUF))
	r := rand.New(rand.NewPCG(v.o.Seed, h.Sum64()))
	seen := map[int64]bool{}
	var list []span
	for int64(len(list)) < wanted {
		w := r.Int64N(all)
		if wanted == all {
			w = int64(len(list))
		}
		if !seen[w] {
			seen[w] = true
			list = append(list, span{w * window, min(window, t.role.out-w*window)})
		}
	}
	return list
}

// fileRow returns where in the file a row of the checkpoint's matrix is: in
// each head, row half·p + i moves to 2i + p.
func (t *tensor) fileRow(row int64) int64 {
	if t.role.heads == 0 {
		return row
	}
	dim := t.role.out / t.role.heads
	half := dim / 2
	p, i := row%dim/half, row%half
	return row/dim*dim + 2*i + p
}

// compare returns how many values are rounded as the options allow, and the
// first column that is wrong, or -1.
func (v *verifier) compare(t *tensor, kind gguf.Type, got []float64, want sourceRow) (rounded int64, bad int) {
	for i, x := range got {
		w := want.value(int64(i))
		if x == w {
			continue
		}
		rounded++
		switch {
		case t.Kind == KindPacked && v.o.AllowRounding && x == want.rounded(int64(i)):
		case t.Kind == KindFloat && t.role.embed && math.Abs(x-w) <= want.tolerance(kind, i):
		default:
			return rounded, i
		}
	}
	return rounded, -1
}
