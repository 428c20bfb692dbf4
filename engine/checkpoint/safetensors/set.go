package safetensors

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"ceiling/internal/absent"
	"ceiling/internal/oneline"
)

// Names of the files that Open looks for.
const (
	singleName = "model.safetensors"
	indexName  = "model.safetensors.index.json"
)

// Set holds the headers of all files of a checkpoint, but no open file.
type Set struct {
	Paths    []string       // of the files
	Tensors  []StoredTensor // file by file, in order of their data
	Bytes    int64          // of all files together
	Warnings []string

	names  map[string]int
	states []state
}

// state tells whether a file is still the one whose header was read.
type state struct {
	size     int64
	modified time.Time
}

// Open reads the headers of the checkpoint in dir. Errors name the file.
func Open(dir string) (*Set, error) {
	x, err := readIndex(filepath.Join(dir, indexName))
	if errors.Is(err, fs.ErrNotExist) {
		return openSingle(dir)
	}
	if err != nil {
		return nil, err
	}
	s := &Set{names: map[string]int{}}
	for _, name := range x.Files {
		if err := s.add(filepath.Join(dir, name)); err != nil {
			return nil, err
		}
	}
	if err := s.compare(x, filepath.Join(dir, indexName)); err != nil {
		return nil, err
	}
	return s, nil
}

func openSingle(dir string) (*Set, error) {
	s := &Set{names: map[string]int{}}
	err := s.add(filepath.Join(dir, singleName))
	switch {
	case errors.Is(err, fs.ErrNotExist) && len(shards(dir)) > 0:
		return nil, fmt.Errorf("%q holds %d shards (%s …) and not their index: %s is missing, fetch it too",
			dir, len(shards(dir)), shards(dir)[0], indexName)
	case errors.Is(err, fs.ErrNotExist) && native(dir):
		return nil, fmt.Errorf("%q holds consolidated*.safetensors alone: this is Mistral's own layout; use the checkpoint's Hugging Face form", dir)
	case errors.Is(err, fs.ErrNotExist):
		return nil, absent.Errorf("%q holds neither %s nor %s", dir, indexName, singleName)
	case err != nil:
		return nil, err
	}
	return s, nil
}

// shards are the names of the parts of a checkpoint in dir, Mistral's own
// layout left out.
func shards(dir string) []string {
	list, err := filepath.Glob(filepath.Join(dir, "*-of-*.safetensors"))
	if err != nil {
		return nil
	}
	var names []string
	for _, path := range list {
		if name := filepath.Base(path); !strings.HasPrefix(name, "consolidated") {
			names = append(names, name)
		}
	}
	return names
}

// native reports whether dir holds a checkpoint in Mistral's own layout.
func native(dir string) bool {
	list, err := filepath.Glob(filepath.Join(dir, "consolidated*.safetensors"))
	return err == nil && len(list) > 0
}

// readIndex reads an index file.
func readIndex(path string) (*Index, error) {
	f, st, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if st.Size() > maxIndexBytes {
		return nil, fmt.Errorf("%q has %d bytes, at most %d are read", path, st.Size(), maxIndexBytes)
	}
	text := make([]byte, st.Size())
	if err := readFull(f, text, 0); err != nil {
		return nil, fmt.Errorf("%q: %w", path, err)
	}
	if strings.HasPrefix(string(text), "version https://git-lfs") {
		return nil, fmt.Errorf("%q is a Git LFS pointer: fetch the file itself with git lfs pull", path)
	}
	x, err := ParseIndex(text)
	if err != nil {
		return nil, fmt.Errorf("%q: %w", path, err)
	}
	return x, nil
}

// openRegular opens a regular file, or a symbolic link to one as the Hugging
// Face cache is made of. Others are not opened: a pipe would wait for a writer.
func openRegular(path string) (*os.File, os.FileInfo, error) {
	st, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil, absent.Errorf("%q does not exist", path)
	case err != nil:
		return nil, nil, err
	case !st.Mode().IsRegular():
		return nil, nil, fmt.Errorf("%q is not a regular file", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	if st, err = f.Stat(); err == nil && !st.Mode().IsRegular() {
		err = fmt.Errorf("%q is not a regular file", path)
	}
	if err != nil {
		_ = f.Close()
		return nil, nil, err
	}
	return f, st, nil
}

// add reads the header of one more file.
func (s *Set) add(path string) error {
	f, st, err := openRegular(path)
	if err != nil {
		return err
	}
	defer f.Close()
	list, err := ReadHeader(f, st.Size())
	if err != nil {
		return fmt.Errorf("%q: %w", path, err)
	}
	if len(s.Tensors)+len(list) > maxTensors {
		return fmt.Errorf("%q: the checkpoint holds more than %d tensors", path, maxTensors)
	}
	for _, t := range list {
		if i, ok := s.names[t.Name]; ok {
			return fmt.Errorf("tensor %s is in %q and in %q", oneline.Quote(t.Name), s.Paths[s.Tensors[i].File], path)
		}
		t.File = len(s.Paths)
		s.names[t.Name] = len(s.Tensors)
		s.Tensors = append(s.Tensors, t)
	}
	s.Paths = append(s.Paths, path)
	s.states = append(s.states, state{st.Size(), st.ModTime()})
	s.Bytes += st.Size()
	return nil
}

// compare checks that the files hold exactly the tensors that the index lists,
// each in the file that it names.
func (s *Set) compare(x *Index, path string) error {
	var total int64
	for i := range s.Tensors {
		t := &s.Tensors[i]
		total += t.Bytes
		file, ok := x.Shard[t.Name]
		switch {
		case !ok:
			return fmt.Errorf("%q does not list tensor %s, which is in %q", path, oneline.Quote(t.Name), s.Paths[t.File])
		case file != filepath.Base(s.Paths[t.File]):
			return fmt.Errorf("%q says that tensor %s is in %q, but it is in %q", path, oneline.Quote(t.Name), file, s.Paths[t.File])
		}
	}
	if len(s.Tensors) < len(x.Shard) {
		missing := ""
		for name := range x.Shard {
			if _, ok := s.names[name]; !ok && (missing == "" || name < missing) {
				missing = name
			}
		}
		return fmt.Errorf("%q says that tensor %s is in %q, but it is not", path, oneline.Quote(missing), x.Shard[missing])
	}
	if x.TotalSize >= 0 && x.TotalSize != total {
		s.Warnings = append(s.Warnings, fmt.Sprintf("%s says that the tensors have %d bytes, they have %d", indexName, x.TotalSize, total))
	}
	return nil
}

// Tensor returns the description of the named tensor, or nil.
func (s *Set) Tensor(name string) *StoredTensor {
	i, ok := s.names[name]
	if !ok {
		return nil
	}
	return &s.Tensors[i]
}

// Files are the open files of a Set. They may be read by many goroutines.
type Files struct {
	set  *Set
	open []*os.File
}

// Files opens all files and checks that they are still the ones whose headers
// were read. Close must be called.
func (s *Set) Files() (*Files, error) {
	f := &Files{set: s}
	for _, path := range s.Paths {
		file, _, err := openRegular(path)
		if err != nil {
			f.Close()
			return nil, err
		}
		f.open = append(f.open, file)
	}
	if err := f.Recheck(); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// Recheck fails where a file has changed its size or time of modification
// since Open.
func (f *Files) Recheck() error {
	for i, file := range f.open {
		st, err := file.Stat()
		if err != nil {
			return err
		}
		if now := (state{st.Size(), st.ModTime()}); now.size != f.set.states[i].size || !now.modified.Equal(f.set.states[i].modified) {
			return fmt.Errorf("%q has changed while it was read: start again when nobody writes to it", f.set.Paths[i])
		}
	}
	return nil
}

// ReadAt fills p with bytes of a tensor's data that begin at offset off in it.
func (f *Files) ReadAt(t *StoredTensor, p []byte, off int64) error {
	if off < 0 || off > t.Bytes || int64(len(p)) > t.Bytes-off {
		return fmt.Errorf("tensor %s has %d bytes, not %d at offset %d", oneline.Quote(t.Name), t.Bytes, len(p), off)
	}
	if err := readFull(f.open[t.File], p, t.Start+off); err != nil {
		return fmt.Errorf("%q: tensor %s: %w", f.set.Paths[t.File], oneline.Quote(t.Name), err)
	}
	return nil
}

// File returns the open file that holds a tensor.
func (f *Files) File(t *StoredTensor) *os.File { return f.open[t.File] }

// Close closes the files.
func (f *Files) Close() {
	for _, file := range f.open {
		_ = file.Close() // only read from
	}
	f.open = nil
}
