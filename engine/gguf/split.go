package gguf

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strconv"

	"ceiling/internal/oneline"
)

const (
	keySplitNo      = "split.no"
	keySplitCount   = "split.count"
	keySplitTensors = "split.tensors.count"
)

// maxShards bounds how many files one model may be split into; names have room
// for five digits, real models use some dozens.
const maxShards = 4096

var shardName = regexp.MustCompile(`^(.*)-(\d{5})-of-(\d{5})\.gguf$`)

// ShardPaths returns the paths of all n shards of the model of which path is
// shard no (from 0). It fails where path's name is not the one that llama.cpp
// gives that shard.
func ShardPaths(path string, no, n int) ([]string, error) {
	dir, base := filepath.Split(path)
	m := shardName.FindStringSubmatch(base)
	if m == nil || m[2] != fmt.Sprintf("%05d", no+1) || m[3] != fmt.Sprintf("%05d", n) {
		return nil, fmt.Errorf("%q is shard %d of %d and must be named like %q",
			path, no+1, n, fmt.Sprintf("name-%05d-of-%05d.gguf", no+1, n))
	}
	paths := make([]string, n)
	for i := range paths {
		paths[i] = dir + fmt.Sprintf("%s-%05d-of-%05d.gguf", m[1], i+1, n)
	}
	return paths, nil
}

// openShards reads the headers of the other shards, if the file has any, and
// adds their tensors. Shards must agree with their names, with each other and
// with the tensor count that the first one gives.
func (f *File) openShards() error {
	count, ok, err := Get[uint16](f, keySplitCount)
	if err != nil {
		return fmt.Errorf("%q: %w", f.Paths[0], err)
	}
	if !ok || count <= 1 {
		return nil
	}
	if count > maxShards {
		return fmt.Errorf("%q: an absurd count of %d shards", f.Paths[0], count)
	}
	no, err := f.shardNo()
	if err != nil {
		return err
	}
	paths, err := ShardPaths(f.Paths[0], no, int(count))
	if err != nil {
		return err
	}
	if no != 0 {
		return fmt.Errorf("%q is shard %d of %d: name the first one, %q", f.Paths[0], no+1, count, paths[0])
	}
	for i, path := range paths[1:] {
		if err := f.addShard(path, i+1, int(count)); err != nil {
			return err
		}
	}
	total, ok, err := Get[int32](f, keySplitTensors)
	switch {
	case err != nil:
		return fmt.Errorf("%q: %w", f.Paths[0], err)
	case !ok:
		return fmt.Errorf("%q: a split model needs the key %s", f.Paths[0], keySplitTensors)
	case int(total) != len(f.Tensors):
		return fmt.Errorf("%q: %s is %d but the %d shards hold %d tensors",
			f.Paths[0], keySplitTensors, total, count, len(f.Tensors))
	}
	return nil
}

func (f *File) shardNo() (int, error) {
	no, ok, err := Get[uint16](f, keySplitNo)
	if err == nil && !ok {
		err = fmt.Errorf("a split model needs the key %s in each file", keySplitNo)
	}
	if err != nil {
		return 0, fmt.Errorf("%q: %w", f.Paths[0], err)
	}
	return int(no), nil
}

func (f *File) addShard(path string, no, count int) error {
	g, err := openOne(path, no)
	if err != nil {
		return fmt.Errorf("shard %d of %d: %w", no+1, count, err)
	}
	got, err := g.shardNo()
	if err != nil {
		return err
	}
	if got != no {
		return fmt.Errorf("%q: %s is %d, its name says %d", path, keySplitNo, got, no)
	}
	if n, ok, err := Get[uint16](g, keySplitCount); err != nil || ok && int(n) != count {
		return fmt.Errorf("%q: %s does not say %s like the first shard", path, keySplitCount, strconv.Itoa(count))
	}
	for _, t := range g.Tensors {
		if _, dup := f.names[t.Name]; dup {
			return fmt.Errorf("%q: tensor %s is in another shard too", path, oneline.Quote(t.Name))
		}
		f.names[t.Name] = len(f.Tensors)
		f.Tensors = append(f.Tensors, t)
	}
	f.Paths = append(f.Paths, path)
	f.Size += g.Size
	return nil
}
