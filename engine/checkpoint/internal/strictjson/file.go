package strictjson

import (
	"bytes"
	"fmt"
	"io"
	"os"
)

// ReadFile reads a document of at most limit bytes. Errors name the file; one
// that does not exist gives fs.ErrNotExist.
func ReadFile(path string, limit int64) (*Value, error) {
	data, err := ReadBytes(path, limit)
	if err != nil {
		return nil, err
	}
	if bytes.HasPrefix(data, []byte("version https://git-lfs")) {
		return nil, fmt.Errorf("%q is a Git LFS pointer: fetch the file itself with git lfs pull", path)
	}
	v, err := Parse(data)
	if err != nil {
		return nil, fmt.Errorf("%q: %w", path, err)
	}
	return v, nil
}

// ReadBytes reads a regular file of at most limit bytes. Errors name the file.
func ReadBytes(path string, limit int64) ([]byte, error) {
	// The type first: opening a pipe would wait for its writer.
	st, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !st.Mode().IsRegular() {
		return nil, fmt.Errorf("%q is not a regular file", path)
	}
	if st.Size() > limit {
		return nil, fmt.Errorf("%q has %d bytes, at most %d are read", path, st.Size(), limit)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	// It may have grown since.
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("%q has more than %d bytes", path, limit)
	}
	return data, nil
}
