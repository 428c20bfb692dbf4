package safetensors

import (
	"errors"
	"fmt"
	"strings"

	"ceiling/internal/oneline"
)

// Index is the content of a model.safetensors.index.json.
type Index struct {
	// TotalSize is metadata.total_size, the bytes of all tensors as declared,
	// or -1 where it is absent or no whole number. Files in the wild get it
	// wrong.
	TotalSize int64
	Files     []string          // names of the shards, in order of first mention
	Shard     map[string]string // tensor name to file name
}

// ParseIndex reads an index. File names must be plain names in the index's own
// directory.
func ParseIndex(text []byte) (*Index, error) {
	s, err := newScanner(text)
	if err != nil {
		return nil, err
	}
	x := &Index{TotalSize: -1}
	err = s.object("the index", func(key string) error {
		switch key {
		case "metadata":
			return x.metadata(s)
		case "weight_map":
			x.Shard = map[string]string{}
			return s.object(key, func(name string) error { return x.entry(s, name) })
		}
		return fmt.Errorf("the unknown field %s", oneline.Quote(key))
	})
	switch {
	case err != nil:
		return nil, err
	case x.Shard == nil:
		return nil, errors.New("weight_map is missing")
	case len(x.Shard) == 0:
		return nil, errors.New("weight_map is empty")
	}
	if err := s.end(); err != nil {
		return nil, err
	}
	return x, nil
}

func (x *Index) metadata(s *scanner) error {
	return s.object("metadata", func(key string) error {
		if key != "total_size" {
			return s.skip("metadata", 16)
		}
		t, err := s.token(key)
		if err != nil {
			return err
		}
		// Some writers store it as a float. It decides nothing.
		if n, err := number(t, key); err == nil {
			x.TotalSize = n
		}
		return scalar(t, key)
	})
}

// scalar fails for the beginning of an object or array.
func scalar(t any, what string) error {
	if d := describe(t); d == "an object" || d == "an array" {
		return fmt.Errorf("%s is %s, must be a number", what, d)
	}
	return nil
}

// entry reads one tensor's file name.
func (x *Index) entry(s *scanner, name string) error {
	if err := checkName(name); err != nil {
		return err
	}
	if len(x.Shard) == maxTensors {
		return fmt.Errorf("weight_map lists more than %d tensors", maxTensors)
	}
	file, err := s.text("the file of tensor " + oneline.Quote(name))
	if err != nil {
		return err
	}
	if err := checkFileName(file); err != nil {
		return fmt.Errorf("the file of tensor %s, %s, %w", oneline.Quote(name), oneline.Quote(file), err)
	}
	x.Shard[name] = file
	for i := len(x.Files) - 1; i >= 0; i-- {
		if x.Files[i] == file {
			return nil
		}
	}
	if len(x.Files) == maxShards {
		return fmt.Errorf("weight_map names more than %d files", maxShards)
	}
	x.Files = append(x.Files, file)
	return nil
}

// checkFileName accepts names of files in the checkpoint's own directory.
func checkFileName(name string) error {
	const suffix = ".safetensors"
	switch {
	case !strings.HasSuffix(name, suffix) || len(name) == len(suffix):
		return errors.New("does not end in .safetensors")
	case strings.ContainsAny(name, "/\\:"):
		return errors.New("is not a plain file name")
	case strings.Contains(name, ".."):
		return errors.New("holds \"..\"")
	case len(name) > 255:
		return errors.New("is too long")
	}
	for _, c := range []byte(name) {
		if c < 0x20 || c == 0x7f {
			return fmt.Errorf("holds the byte 0x%02x", c)
		}
	}
	return nil
}
