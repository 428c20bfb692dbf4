package checkpoint

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ceiling/engine/checkpoint/awqtest"
	"ceiling/engine/gguf"
	"ceiling/engine/synth"
)

// cached puts a small model into a cache as if it had been converted.
func cached(t *testing.T) (c *Cache, path string) {
	t.Helper()
	c, err := OpenCache(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	path = c.path("model", key1)
	if err := os.WriteFile(path, smallModel(t), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := c.store(path, key1, Provenance{Path: "/models/a"}); err != nil {
		t.Fatal(err)
	}
	return c, path
}

const (
	key1 = "1111111111112222"
	key2 = "3333333333332222"
)

// smallModel is a GGUF file's bytes.
var smallModel = func() func(t *testing.T) []byte {
	var once sync.Once
	var data []byte
	return func(t *testing.T) []byte {
		once.Do(func() {
			g, _ := synth.Builtin("demo")
			g.Name, g.Layers, g.Hidden, g.Heads, g.KVHeads, g.FFN, g.Vocab = "small", 1, 256, 2, 1, 256, 2048
			path := filepath.Join(t.TempDir(), "small.gguf")
			if _, err := synth.Write(context.Background(), synth.FileOptions{Geometry: g, Type: "q4_0", Out: path}); err != nil {
				t.Fatal(err)
			}
			var err error
			if data, err = os.ReadFile(path); err != nil {
				t.Fatal(err)
			}
		})
		return data
	}
}()

func TestCacheLookup(t *testing.T) {
	c, path := cached(t)
	r, why := c.lookup(path, key1)
	if r == nil || r.Checkpoint.Path != "/models/a" {
		t.Fatalf("not found: %s", why)
	}
	for _, d := range []struct {
		name, key string
		damage    func(path string) error
	}{
		{"another key", key2, func(string) error { return nil }},
		{"cut short", key1, func(p string) error { return os.Truncate(p, 1000) }},
		{"gone", key1, os.Remove},
		{"a byte changed", key1, func(p string) error {
			data := smallModel(t)
			data[len(data)-100] ^= 1
			defer func() { data[len(data)-100] ^= 1 }()
			return os.WriteFile(p, data, 0o644)
		}},
		{"header damaged behind the clock's back", key1, func(p string) error {
			return unseen(t, p, func(f *os.File) { f.WriteAt([]byte("FUGG"), 0) })
		}},
		{"grown behind the clock's back", key1, func(p string) error {
			return unseen(t, p, func(f *os.File) { f.WriteAt([]byte("more"), int64(len(smallModel(t)))) })
		}},
		{"no record", key1, func(p string) error { return os.Remove(recordPath(p)) }},
		{"half a record", key1, func(p string) error { return os.Truncate(recordPath(p), 30) }},
	} {
		c, path := cached(t)
		if err := d.damage(path); err != nil {
			t.Fatal(err)
		}
		if r, why := c.lookup(path, d.key); r != nil || why == "" {
			t.Errorf("%s: the file was taken (%q)", d.name, why)
		}
	}
}

// unseen changes a file and sets its time back.
func unseen(t *testing.T, path string, change func(*os.File)) error {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	change(f)
	return errors.Join(f.Close(), os.Chtimes(path, info.ModTime(), info.ModTime()))
}

// A new state of a checkpoint drives out the old one, and leftovers of a
// process that died; what belongs to other checkpoints stays.
func TestCacheTidy(t *testing.T) {
	c, path := cached(t)
	other := c.path("other", key2)
	os.WriteFile(other, smallModel(t), 0o644)
	if _, err := c.store(other, key2, Provenance{Path: "/models/b"}); err != nil {
		t.Fatal(err)
	}
	left := filepath.Join(c.dir, ".model.gguf.1234.tmp")
	os.WriteFile(left, make([]byte, 77), 0o644)

	if freed := c.tidy("/models/a", key1); freed != 77 {
		t.Errorf("%d bytes freed, want the temporary file's 77", freed)
	}
	if freed, size := c.tidy("/models/a", key2), int64(len(smallModel(t))); freed < size {
		t.Errorf("%d bytes freed, want at least %d", freed, size)
	}
	for path, want := range map[string]bool{left: false, path: false, recordPath(path): false, other: true, recordPath(other): true} {
		if _, err := os.Stat(path); (err == nil) != want {
			t.Errorf("%s exists: %v, want %v", filepath.Base(path), !want, want)
		}
	}
}

func TestCacheLock(t *testing.T) {
	c, _ := cached(t)
	unlock, err := c.lock(context.Background(), func() { t.Error("waited for a free lock") })
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	if _, err := c.lock(ctx, cancel); !errors.Is(err, context.Canceled) {
		t.Errorf("a second lock: %v, want it to wait until it is cancelled", err)
	}
	waits := make(chan struct{})
	done := make(chan error, 1)
	go func() {
		second, err := c.lock(context.Background(), func() { close(waits) })
		if err == nil {
			second()
		}
		done <- err
	}()
	select {
	case <-waits:
	case err := <-done:
		t.Fatalf("a second process did not wait: %v", err)
	}
	unlock()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestCheckpointKey(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	old := time.Unix(1700000000, 0)
	shard := filepath.Join(dir, "model.safetensors")
	write("config.json", "{}")
	write("model.safetensors", "weights")
	os.Chtimes(shard, old, old)
	key := func() string {
		t.Helper()
		k, err := checkpointKey(dir)
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	first := key()
	write("README.md", "not part of it")
	if key() != first {
		t.Error("the README changes the key")
	}
	seen := map[string]string{first: "at first"}
	for _, step := range []struct {
		name string
		do   func()
	}{
		{"config changed", func() { write("config.json", "[]") }},
		{"template added", func() { write("chat_template.jinja", "{}") }},
		{"shard's time", func() { os.Chtimes(shard, old.Add(1), old.Add(1)) }},
		{"shard's size", func() { write("model.safetensors", "weight"); os.Chtimes(shard, old, old) }},
		{"shard renamed", func() { os.Rename(shard, filepath.Join(dir, "m.safetensors")) }},
	} {
		step.do()
		k := key()
		if before, ok := seen[k]; ok {
			t.Errorf("%s: the key is that of %q", step.name, before)
		}
		seen[k] = step.name
	}
}

func TestCachePath(t *testing.T) {
	c := &Cache{"/cache/models"}
	for name, want := range map[string]string{
		"Devstral-Small-2": "Devstral-Small-2-111111111111.gguf",
		"../../etc/x y":    "etc-x-y-111111111111.gguf",
		"...":              "model-111111111111.gguf",
		"名":                "model-111111111111.gguf",
	} {
		if got := c.path(name, key1); got != "/cache/models/"+want {
			t.Errorf("%q: %s, want %s", name, got, want)
		}
	}
}

// The folder is where everything else of the project is cached.
func TestCacheFolder(t *testing.T) {
	home, xdg, own, flag := t.TempDir(), t.TempDir(), t.TempDir(), t.TempDir()
	t.Setenv("HOME", home)
	for _, c := range []struct{ flag, own, xdg, want string }{
		{"", "", "", filepath.Join(home, ".cache", "ceiling", "models")},
		{"", "", xdg, filepath.Join(xdg, "ceiling", "models")},
		{"", own, xdg, filepath.Join(own, "models")},
		{flag, own, xdg, filepath.Join(flag, "models")},
	} {
		t.Setenv("CEILING_CACHE", c.own)
		t.Setenv("XDG_CACHE_HOME", c.xdg)
		got, err := OpenCache(c.flag)
		if err != nil || got.dir != c.want {
			t.Errorf("%+v: %v, %v", c, got, err)
		}
	}
}

// An interrupted conversion leaves the cache as it was, and the next one runs.
func TestConvertOnceStopped(t *testing.T) {
	dir, root := filepath.Join(t.TempDir(), "ck"), t.TempDir()
	if _, err := awqtest.Write(dir, awqtest.VariantOptions{}); err != nil {
		t.Fatal(err)
	}
	c, err := Open(dir, OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	cache, err := OpenCache(root)
	if err != nil {
		t.Fatal(err)
	}
	quiet := CacheOptions{Tell: func(string, ...any) {}}
	if _, _, err := cache.Convert(ctx, c, quiet); !errors.Is(err, context.Canceled) {
		t.Errorf("stopped with %v, want context.Canceled", err)
	}
	left, err := os.ReadDir(filepath.Join(root, "models"))
	if err != nil || len(left) != 1 || left[0].Name() != ".lock" {
		t.Errorf("left behind: %v, %v", left, err)
	}
	path, from, err := cache.Convert(context.Background(), c, quiet)
	if err != nil {
		t.Fatal(err)
	}
	if err := gguf.Check(path); err != nil {
		t.Error(err)
	}
	want := Provenance{Path: dir, Name: "ck", Bytes: c.Bytes, Format: "compressed-tensors, 4 bit, group 32", Exact: true}
	if diff := cmp.Diff(&want, from); diff != "" {
		t.Error(diff)
	}
}

// What was converted while it changed is neither the one nor the other.
func TestConvertOnceChanging(t *testing.T) {
	dir, root := filepath.Join(t.TempDir(), "ck"), t.TempDir()
	if _, err := awqtest.Write(dir, awqtest.VariantOptions{}); err != nil {
		t.Fatal(err)
	}
	c, err := Open(dir, OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	cache, err := OpenCache(root)
	if err != nil {
		t.Fatal(err)
	}
	meddle := func(stage string, _, _ int64) {
		if stage != "verify" {
			return
		}
		if err := os.WriteFile(filepath.Join(dir, "chat_template.jinja"), []byte("changed"), 0o644); err != nil {
			t.Error(err)
		}
	}
	_, _, err = cache.Convert(context.Background(), c, CacheOptions{Tell: func(string, ...any) {}, Progress: meddle})
	if err == nil || !strings.Contains(err.Error(), "changed while it was converted") {
		t.Errorf("converted with %v", err)
	}
	if left, _ := filepath.Glob(filepath.Join(root, "models", "*.gguf*")); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

func TestFormatText(t *testing.T) {
	for want, variant := range map[string]awqtest.VariantOptions{
		"compressed-tensors, 4 bit, group 32":       {},
		"compressed-tensors, 4 and 8 bit, group 32": {EightBit: []string{"layers.1.mlp.down_proj"}, Plain: []string{"layers.0.self_attn.v_proj"}},
		"gptq, 4 bit, group 32":                     {Format: awqtest.GPTQ},
	} {
		dir := t.TempDir()
		if _, err := awqtest.Write(dir, variant); err != nil {
			t.Fatal(err)
		}
		c, err := Open(dir, OpenOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if got := c.FormatText(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	row := SourceTensor{Dims: []int64{256, 8}, GroupSize: 256, Bits: 4, Kind: KindPacked, DType: "BF16"}
	if got, want := row.Text(), "4 bit, one group a row, BF16 scales"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
