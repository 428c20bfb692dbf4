package gguf

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// listing returns the names in a directory.
func listing(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return strings.Join(names, " ")
}

func TestWriterMistakes(t *testing.T) {
	for _, c := range []struct {
		want string
		make func(w *Writer)
	}{
		{"is empty", func(w *Writer) { w.Add("", "x") }},
		{"added twice", func(w *Writer) { w.Add("a", "x"); w.Add("a", "y") }},
		{"a int can't be stored", func(w *Writer) { w.Add("a", 1) }},
		{"a []interface {} can't be stored", func(w *Writer) { w.Add("a", []any{1}) }},
		{"the writer aligns to 32", func(w *Writer) { w.Add(keyAlignment, uint32(64)) }},
		{"is empty", func(w *Writer) { w.AddTensor("", F32, 1) }},
		{"has 64 bytes", func(w *Writer) { w.AddTensor(strings.Repeat("x", 64), F32, 1) }},
		{"has 0 dimensions", func(w *Writer) { w.AddTensor("t", F32) }},
		{"has 5 dimensions", func(w *Writer) { w.AddTensor("t", F32, 1, 1, 1, 1, 1) }},
		{"impossible shape 0", func(w *Writer) { w.AddTensor("t", F32, 0) }},
		{"not whole blocks of 32", func(w *Writer) { w.AddTensor("t", Q4_0, 33) }},
		{"type 31", func(w *Writer) { w.AddTensor("t", 31, 32) }},
		{"tensor \"t\" is added twice", func(w *Writer) { w.AddTensor("t", F32, 1); w.AddTensor("t", F32, 1) }},
		{"too large", func(w *Writer) {
			for i := range 10 {
				w.AddTensor(fmt.Sprint(i), F32, 1<<59)
			}
		}},
	} {
		dir := t.TempDir()
		w := NewWriter(filepath.Join(dir, "m.gguf"))
		c.make(w)
		w.Add("later", "does not hide the first mistake")
		if err := w.Begin(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("Begin: %v, want %q", err, c.want)
		}
		w.Abort()
		if got := listing(t, dir); got != "" {
			t.Errorf("%s: %q is left", c.want, got)
		}
	}
}

// twoTensors begins a file with two tensors, and the first of them.
func twoTensors(t *testing.T) (dir string, w *Writer, out io.Writer) {
	t.Helper()
	dir = t.TempDir()
	w = NewWriter(filepath.Join(dir, "m.gguf"))
	w.AddTensor("first", F32, 3)
	w.AddTensor("second", Q8_0, 32)
	if err := w.Begin(); err != nil {
		t.Fatal(err)
	}
	info, out, err := w.Next()
	if err != nil || info.Name != "first" || info.Bytes != 12 {
		t.Fatalf("Next: %+v, %v", info, err)
	}
	return dir, w, out
}

func mustFail(t *testing.T, what, want string, err error) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%s: %v, want %q", what, err, want)
	}
}

func TestWriterByteCounts(t *testing.T) {
	dir, w, out := twoTensors(t)
	if _, err := out.Write(make([]byte, 8)); err != nil {
		t.Fatal(err)
	}
	_, err := out.Write(make([]byte, 5))
	mustFail(t, "too much", `tensor "first" takes 4 more bytes, not 5`, err)
	_, _, err = w.Next()
	mustFail(t, "Next too early", `tensor "first" lacks 4 of its 12 bytes`, err)
	mustFail(t, "Commit too early", `tensor "first" lacks 4 of its 12 bytes`, w.Commit())
	if got := listing(t, dir); got != "" {
		t.Errorf("after a failed Commit %q is left", got)
	}
	mustFail(t, "Commit again", "was not begun, or is done", w.Commit())

	dir, w, out = twoTensors(t)
	if _, err := out.Write(make([]byte, 12)); err != nil {
		t.Fatal(err)
	}
	mustFail(t, "Commit without the second", `1 of 2 tensors were not written, the first is "second"`, w.Commit())
	if got := listing(t, dir); got != "" {
		t.Errorf("after a failed Commit %q is left", got)
	}
}

func TestWriterAbort(t *testing.T) {
	dir, w, out := twoTensors(t)
	if _, err := out.Write(make([]byte, 12)); err != nil {
		t.Fatal(err)
	}
	if _, _, err := w.Next(); err != nil {
		t.Fatal(err)
	}
	_, err := out.Write([]byte{1})
	mustFail(t, "write to an earlier tensor", "a tensor that is done", err)
	w.Abort()
	w.Abort()
	if got := listing(t, dir); got != "" {
		t.Errorf("after Abort %q is left", got)
	}
}

func TestWriterPadding(t *testing.T) {
	dir, w, out := twoTensors(t)
	if _, err := out.Write(make([]byte, 12)); err != nil {
		t.Fatal(err)
	}
	_, out, err := w.Next()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := out.Write(make([]byte, 34)); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, _, err := w.Next(); err != io.EOF {
			t.Errorf("Next at the end: %v", err)
		}
	}
	if err := w.Commit(); err != nil {
		t.Fatal(err)
	}
	w.Abort()
	if got := listing(t, dir); got != "m.gguf" {
		t.Errorf("the directory holds %q", got)
	}
	f, err := Open(filepath.Join(dir, "m.gguf"))
	if err != nil || f.Tensors[1].Start != f.Tensors[0].Start+32 || f.Size != f.Tensors[1].Start+64 {
		t.Errorf("%v, %+v", err, f)
	}
}

func TestWriterDestination(t *testing.T) {
	one := func(path string) *Writer {
		w := NewWriter(path)
		w.AddTensor("t", F32, 8)
		return w
	}
	write := func(w *Writer) error {
		defer w.Abort()
		if err := w.Begin(); err != nil {
			return err
		}
		fill(t, w)
		return w.Commit()
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "m.gguf")
	if err := os.WriteFile(path, []byte("precious"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := write(one(path)); !errors.Is(err, fs.ErrExist) || !strings.Contains(err.Error(), "allow overwriting") {
		t.Errorf("existing file: %v", err)
	}
	if data, _ := os.ReadFile(path); string(data) != "precious" {
		t.Errorf("the existing file now holds %q", data)
	}

	// A file that appears while ours is written is not replaced either.
	late := filepath.Join(dir, "late.gguf")
	w := one(late)
	if err := w.Begin(); err != nil {
		t.Fatal(err)
	}
	fill(t, w)
	if err := os.WriteFile(late, []byte("precious"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := w.Commit(); !errors.Is(err, fs.ErrExist) {
		t.Errorf("file that appeared: %v", err)
	}
	if data, _ := os.ReadFile(late); string(data) != "precious" {
		t.Errorf("the file that appeared now holds %q", data)
	}

	w = one(path)
	w.Overwrite = true
	if err := write(w); err != nil {
		t.Errorf("overwriting: %v", err)
	}
	if _, err := Open(path); err != nil {
		t.Errorf("the file was not replaced: %v", err)
	}
	if err := write(one(dir)); err == nil || !strings.Contains(err.Error(), "is a directory") {
		t.Errorf("directory: %v", err)
	}
	if err := write(one(filepath.Join(dir, "no", "m.gguf"))); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing directory: %v", err)
	}
	if got := listing(t, dir); got != "late.gguf m.gguf" {
		t.Errorf("the directory holds %q", got)
	}
}

func TestWriterSpace(t *testing.T) {
	dir := t.TempDir()
	w := NewWriter(filepath.Join(dir, "m.gguf"))
	w.AddTensor("t", F32, 1<<20)
	l, err := w.Layout()
	if err != nil {
		t.Fatal(err)
	}
	w.Free = func(d string) (int64, error) {
		if d != dir {
			t.Errorf("asked for the space of %q", d)
		}
		return l.Size - 1, nil
	}
	var space *SpaceError
	err = w.Begin()
	want := fmt.Sprintf("%q needs %d bytes (0.00 GiB) but %q has %d free (0.00 GiB)", filepath.Join(dir, "m.gguf"), l.Size, dir, l.Size-1)
	if !errors.As(err, &space) || space.Need != l.Size || space.Avail != l.Size-1 || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
	if got := listing(t, dir); got != "" {
		t.Errorf("%q is left", got)
	}
	w.Free = func(string) (int64, error) { return l.Size, nil }
	if err := w.Begin(); err != nil {
		t.Errorf("exactly enough space: %v", err)
	}
	w.Abort()
	if n, err := freeSpace(dir); err != nil || n < 1 {
		t.Errorf("free space of %q: %d, %v", dir, n, err)
	}
}

// TestWriterInspect: a file that the inspection refuses never gets its name.
func TestWriterInspect(t *testing.T) {
	refused := errors.New("refused")
	for _, want := range []error{nil, refused} {
		dir := t.TempDir()
		path := filepath.Join(dir, "m.gguf")
		w := NewWriter(path)
		w.Add("general.architecture", "llama")
		calls := 0
		w.Inspect = func(tmp string) error {
			calls++
			if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%q exists before it was inspected: %v", path, err)
			}
			if f, err := Open(tmp); err != nil || f.Architecture() != "llama" {
				t.Errorf("the file to inspect: %v, %v", f, err)
			}
			return want
		}
		if err := w.Begin(); err != nil {
			t.Fatal(err)
		}
		if err := w.Commit(); !errors.Is(err, want) {
			t.Errorf("Commit: %v, want %v", err, want)
		}
		left := "m.gguf"
		if want != nil {
			left = ""
		}
		if got := listing(t, dir); got != left || calls != 1 {
			t.Errorf("%q is left after %d inspections, want %q", got, calls, left)
		}
	}
}
