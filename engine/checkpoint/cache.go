package checkpoint

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

	"ceiling/engine/checkpoint/hf"
	"ceiling/engine/gguf"
	"ceiling/internal/cachedir"
	"ceiling/internal/dirlock"
	"ceiling/internal/figure"
	"ceiling/internal/outfile"
)

// conversionFormat is part of every key: raise it when conversion gives
// another file from the same checkpoint, so that older ones are not used.
const conversionFormat = 2

// Cache is a folder of converted checkpoints. Beside each NAME.gguf lies
// NAME.gguf.json, its record, which is written last: a file without one is not
// used.
type Cache struct{ dir string }

// Provenance says what a file was converted from.
type Provenance struct {
	Path   string `json:"path"`       // the checkpoint's folder, absolute
	Name   string `json:"name"`       // for people
	Bytes  int64  `json:"size_bytes"` // of its weight files
	Format string `json:"format"`     // "compressed-tensors, 4 bit, group 32"
	Exact  bool   `json:"exact"`      // every weight is the checkpoint's own number
}

// cacheRecord says what a cached file was made from and how it looked when
// it was complete.
type cacheRecord struct {
	Key        string     `json:"key"`
	Checkpoint Provenance `json:"checkpoint"`
	Bytes      int64      `json:"size_bytes"`
	ModifiedNs int64      `json:"modified_unix_ns"`
}

// OpenCache makes the folder: root/models, where root is --cache or "" for the
// place that everything else of this project is cached in.
func OpenCache(root string) (*Cache, error) {
	root, err := cachedir.Find(root)
	if err != nil {
		return nil, fmt.Errorf("no cache folder: %w; name one with --cache", err)
	}
	c := &Cache{filepath.Join(root, "models")}
	if err := os.MkdirAll(c.dir, 0o755); err != nil {
		return nil, fmt.Errorf("cache folder %q: %w; choose one that can be written to with --cache", c.dir, outfile.Cause(err))
	}
	return c, nil
}

// CacheOptions say how Convert makes a file that is not there yet.
type CacheOptions struct {
	// AllowRounding allows scales to be rounded. A file that was made so is
	// used only where it is set.
	AllowRounding bool
	Progress      func(stage string, done, total int64) // as ConvertOptions.Progress
	Tell          func(format string, args ...any)      // is given lines for the user
}

// Convert returns the path of a checkpoint's conversion in the cache, which it
// makes where it is not there and whole, and what it was made from.
func (c *Cache) Convert(ctx context.Context, folder *Checkpoint, o CacheOptions) (path string, from *Provenance, err error) {
	if from, err = originOf(folder); err != nil {
		return "", nil, err
	}
	key, err := checkpointKey(folder.Dir)
	if err != nil {
		return "", nil, err
	}
	path = c.path(from.Name, key)
	if r, _ := c.lookup(path, key); r != nil {
		if !r.Checkpoint.Exact && !o.AllowRounding {
			return "", nil, fmt.Errorf("checkpoint %q can't be converted exactly: some of its scales fit no float16 (`ceiling inspect` lists them); run with --allow-rounding to use %q, in which they are rounded", folder.Dir, path)
		}
		o.Tell("%s was converted before: %s", from.Path, path)
		from.Exact = r.Checkpoint.Exact
		return path, from, nil
	}
	unlock, err := c.lock(ctx, func() { o.Tell("waiting for another process that converts into %s", c.dir) })
	if err != nil {
		return "", nil, err
	}
	defer unlock()
	r, why := c.lookup(path, key) // the other process may have done it
	if r == nil {
		o.Tell("converting %s (%s): %s", from.Path, from.Format, why)
		if r, err = c.convert(ctx, folder, path, key, *from, o); err != nil {
			return "", nil, err
		}
	}
	from.Exact = r.Checkpoint.Exact
	return path, from, nil
}

// convert fills the c. It needs the lock.
func (c *Cache) convert(ctx context.Context, folder *Checkpoint, path, key string, from Provenance, o CacheOptions) (*cacheRecord, error) {
	if freed := c.tidy(from.Path, key); freed > 0 {
		o.Tell("removed what earlier conversions left in %s: %s", c.dir, figure.Size(freed))
	}
	// Whatever happens now, what is there is not to be used.
	os.Remove(recordPath(path))
	os.Remove(path)
	result, err := Convert(ctx, folder, path, ConvertOptions{AllowRounding: o.AllowRounding, Verify: true, Progress: o.Progress})
	var space *gguf.SpaceError
	switch {
	case err != nil && ctx.Err() != nil:
		return nil, fmt.Errorf("the conversion of %q was interrupted: %w", folder.Dir, ctx.Err())
	case errors.As(err, &space):
		return nil, fmt.Errorf("%w; make room or name another folder with --cache", err)
	case err != nil:
		return nil, err
	}
	if now, err := checkpointKey(folder.Dir); err != nil || now != key {
		os.Remove(path)
		return nil, errors.Join(err, fmt.Errorf("checkpoint %q changed while it was converted; run again when it is complete", folder.Dir))
	}
	for _, w := range result.Warnings {
		o.Tell("warning: %s", w)
	}
	if result.Rounded > 0 {
		o.Tell("warning: %d scales are rounded, by %.3g of their value at most, in %s", result.Rounded, result.LargestError, result.LargestErrorTensor)
	}
	from.Exact = result.Exact()
	r, err := c.store(path, key, from)
	if err != nil {
		return nil, err
	}
	o.Tell("converted to %s: %.2f GB at %.0f MB/s, %d rows verified; kept for later runs",
		path, float64(result.Bytes)/1e9, result.MBPerSecond(), result.Verified.Rows)
	return r, nil
}

// originOf describes a folder, Exact not yet known.
func originOf(c *Checkpoint) (*Provenance, error) {
	path, err := filepath.Abs(c.Dir)
	if err != nil {
		return nil, err
	}
	return &Provenance{Path: path, Name: hf.ModelName(path), Bytes: c.Bytes, Format: c.FormatText()}, nil
}

// path is where the conversion of a checkpoint lies. The name begins with the
// checkpoint's, for people who look into the folder.
func (c *Cache) path(name, key string) string {
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
func (c *Cache) lookup(path, key string) (*cacheRecord, string) {
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
func (c *Cache) store(path, key string, from Provenance) (*cacheRecord, error) {
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
func (c *Cache) lock(ctx context.Context, wait func()) (unlock func(), err error) {
	for waited := false; ; waited = true {
		f, err := dirlock.Take(c.dir)
		if err == nil {
			return func() { f.Close() }, nil
		}
		if !errors.Is(err, dirlock.ErrLocked) {
			return nil, fmt.Errorf("lock of the cache folder %q: %w; choose another folder with --cache", c.dir, outfile.Cause(err))
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
func (c *Cache) tidy(checkpoint, key string) int64 {
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
		return "", fmt.Errorf("checkpoint %q: %w", dir, outfile.Cause(err))
	}
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		switch filepath.Ext(e.Name()) {
		case ".safetensors":
			info, err := os.Stat(path)
			if err != nil {
				return "", fmt.Errorf("checkpoint file %q: %w", path, outfile.Cause(err))
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
		return fmt.Errorf("checkpoint file %q: %w", path, outfile.Cause(err))
	}
	if !info.Mode().IsRegular() {
		return nil
	}
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("checkpoint file %q: %w", path, outfile.Cause(err))
	}
	defer f.Close()
	fmt.Fprintf(sum, "file %q %d\n", name, info.Size())
	if _, err := io.Copy(sum, f); err != nil {
		return fmt.Errorf("checkpoint file %q: %w", path, outfile.Cause(err))
	}
	return nil
}
