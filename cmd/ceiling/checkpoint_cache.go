package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"ceiling/bench/result"
	"ceiling/engine/gguf"
	"ceiling/internal/outfile"
)

// conversionFormat is part of every key: raise it when conversion gives
// another file from the same checkpoint, so that older ones are not used.
const conversionFormat = 2

// modelCache is the folder of converted checkpoints. Beside each NAME.gguf
// lies NAME.gguf.json, its record, which is written last: a file without one
// is not used.
type modelCache struct{ dir string }

// cacheRecord says what a cached file was made from and how it looked when
// it was complete.
type cacheRecord struct {
	Key        string            `json:"key"`
	Checkpoint result.Checkpoint `json:"checkpoint"`
	Bytes      int64             `json:"size_bytes"`
	ModifiedNs int64             `json:"modified_unix_ns"`
}

// openModelCache makes the folder: root/models, where root is --cache or the
// place that everything else of this project is cached in.
func openModelCache(root string) (*modelCache, error) {
	if root == "" {
		root = os.Getenv("CEILING_CACHE")
	}
	if root == "" {
		user, err := os.UserCacheDir()
		if err != nil {
			return nil, fmt.Errorf("no cache folder: %w; name one with --cache", err)
		}
		root = filepath.Join(user, "ceiling")
	}
	c := &modelCache{filepath.Join(root, "models")}
	if err := os.MkdirAll(c.dir, 0o755); err != nil {
		return nil, fmt.Errorf("cache folder %q: %w; choose one that can be written to with --cache", c.dir, cause(err))
	}
	return c, nil
}

// path is where the conversion of a checkpoint lies. The name begins with the
// checkpoint's, for people who look into the folder.
func (c *modelCache) path(name, key string) string {
	clean := strings.Map(func(r rune) rune {
		if r < 0x80 && (r == '.' || r == '_' || r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z') {
			return r
		}
		return '-'
	}, name)
	clean = strings.TrimLeft(clean[:min(len(clean), 80)], ".-")
	if clean == "" {
		clean = "model"
	}
	return filepath.Join(c.dir, clean+"-"+key[:12]+".gguf")
}

func recordPath(path string) string { return path + ".json" }

// lookup returns the record of the file at path where it is whole and was
// made from what key stands for; else nil and the reason.
func (c *modelCache) lookup(path, key string) (*cacheRecord, string) {
	text, err := os.ReadFile(recordPath(path))
	if err != nil {
		return nil, "not converted yet"
	}
	var r cacheRecord
	if err := json.Unmarshal(text, &r); err != nil || r.Key != key {
		return nil, "its record is damaged"
	}
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, "the converted file is gone"
	case info.Size() != r.Bytes:
		return nil, fmt.Sprintf("the converted file has %d bytes, had %d", info.Size(), r.Bytes)
	case info.ModTime().UnixNano() != r.ModifiedNs:
		return nil, "the converted file was written to"
	}
	if err := gguf.Check(path); err != nil {
		return nil, "the converted file is damaged"
	}
	return &r, ""
}

// store writes the record of a file that is complete.
func (c *modelCache) store(path, key string, from result.Checkpoint) (*cacheRecord, error) {
	if err := gguf.Check(path); err != nil {
		return nil, err
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	r := &cacheRecord{Key: key, Checkpoint: from, Bytes: info.Size(), ModifiedNs: info.ModTime().UnixNano()}
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return nil, err
	}
	return r, outfile.Write(recordPath(path), append(text, '\n'))
}

// lock makes this process the only one that converts into the cache. wait is
// called once where another one is at it. The lock ends with the process.
func (c *modelCache) lock(ctx context.Context, wait func()) (unlock func(), err error) {
	name := filepath.Join(c.dir, lockFile)
	for waited := false; ; waited = true {
		f, err := tryLock(name)
		if err == nil {
			return func() { f.Close() }, nil
		}
		if !errors.Is(err, errLocked) {
			return nil, fmt.Errorf("lock %q: %w; choose another folder with --cache", name, cause(err))
		}
		if !waited {
			wait()
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// tidy removes what nobody will use again: temporary files of processes that
// died, and conversions of earlier states of the same checkpoint. It needs the
// lock. It returns the bytes freed.
func (c *modelCache) tidy(checkpoint, key string) int64 {
	var freed int64
	remove := func(path string) {
		info, err := os.Lstat(path)
		if err == nil && os.Remove(path) == nil {
			freed += info.Size()
		}
	}
	// The patterns are well formed, which is all that Glob can complain of.
	temporary, _ := filepath.Glob(filepath.Join(c.dir, ".*.tmp"))
	for _, path := range temporary {
		remove(path)
	}
	records, _ := filepath.Glob(filepath.Join(c.dir, "*.gguf.json"))
	for _, path := range records {
		var r cacheRecord
		text, err := os.ReadFile(path)
		if err == nil && json.Unmarshal(text, &r) == nil && r.Checkpoint.Path == checkpoint && r.Key != key {
			remove(strings.TrimSuffix(path, ".json"))
			remove(path)
		}
	}
	return freed
}

// checkpointKey is a hash of all that decides what a checkpoint is converted
// to: the content of its small files, and name, size and time of its shards,
// which are too large to be read for that.
func checkpointKey(dir string) (string, error) {
	sum := sha256.New()
	fmt.Fprintf(sum, "conversion %d\n", conversionFormat)
	entries, err := os.ReadDir(dir) // sorted by name
	if err != nil {
		return "", fmt.Errorf("checkpoint %q: %w", dir, cause(err))
	}
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		switch filepath.Ext(e.Name()) {
		case ".safetensors":
			info, err := os.Stat(path)
			if err != nil {
				return "", fmt.Errorf("checkpoint file %q: %w", path, cause(err))
			}
			fmt.Fprintf(sum, "shard %q %d %d\n", e.Name(), info.Size(), info.ModTime().UnixNano())
		case ".json", ".jinja":
			if err := hashContent(sum, path, e.Name()); err != nil {
				return "", err
			}
		}
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// hashContent adds a file's name, size and bytes; what is no regular file is
// none of the checkpoint's.
func hashContent(sum io.Writer, path, name string) error {
	info, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("checkpoint file %q: %w", path, cause(err))
	}
	if !info.Mode().IsRegular() {
		return nil
	}
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("checkpoint file %q: %w", path, cause(err))
	}
	defer f.Close()
	fmt.Fprintf(sum, "file %q %d\n", name, info.Size())
	if _, err := io.Copy(sum, f); err != nil {
		return fmt.Errorf("checkpoint file %q: %w", path, cause(err))
	}
	return nil
}
