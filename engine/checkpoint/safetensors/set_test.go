package safetensors

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// index wraps a weight_map.
func index(entries string) string {
	return `{"metadata":{"total_size":8},"weight_map":{` + entries + `}}`
}

var damagedIndexes = []struct{ name, text, want string }{
	{"empty", "", "EOF"},
	{"array", "[]", "must be an object"},
	{"no map", `{"metadata":{"total_size":8}}`, "weight_map is missing"},
	{"empty map", `{"weight_map":{}}`, "weight_map is empty"},
	{"map is a list", `{"weight_map":["a"]}`, "must be an object"},
	{"two maps", `{"weight_map":{"a":"a.safetensors"},"weight_map":{"a":"b.safetensors"}}`, "occurs twice"},
	{"equal names", index(`"a":"a.safetensors","a":"b.safetensors"`), "occurs twice"},
	{"unknown field", `{"weights":{}}`, "unknown field"},
	{"equal metadata", `{"metadata":{"x":1,"x":2},"weight_map":{"a":"a.safetensors"}}`, "occurs twice"},
	{"equal keys inside metadata", `{"metadata":{"x":{"y":1,"y":2}},"weight_map":{"a":"a.safetensors"}}`, "occurs twice"},
	{"deep metadata", `{"metadata":{"x":` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + `},"weight_map":{"a":"a.safetensors"}}`, "nested too deeply"},
	{"total_size is a list", `{"metadata":{"total_size":[1]},"weight_map":{"a":"a.safetensors"}}`, "must be a number"},
	{"invalid UTF-8", "{\"weight_map\":{\"\xff\":\"a.safetensors\"}}", "not valid UTF-8"},
	{"half a surrogate pair", index(`"\udc00":"a.safetensors"`), "broken text"},
	{"trailing text", index(`"a":"a.safetensors"`) + "x", "follows the JSON object"},
	{"file is a number", index(`"a":1`), "must be a string"},
	{"no file", index(`"a":""`), "does not end in .safetensors"},
	{"only the ending", index(`"a":".safetensors"`), "does not end in .safetensors"},
	{"other ending", index(`"a":"a.bin"`), "does not end in .safetensors"},
	{"folder", index(`"a":"x/a.safetensors"`), "not a plain file name"},
	{"absolute", index(`"a":"/etc/a.safetensors"`), "not a plain file name"},
	{"parent", index(`"a":"../a.safetensors"`), "not a plain file name"},
	{"dots", index(`"a":"..a.safetensors"`), `holds ".."`},
	{"backslash", index(`"a":"x\\a.safetensors"`), "not a plain file name"},
	{"drive", index(`"a":"C:a.safetensors"`), "not a plain file name"},
	{"NUL", index(`"a":"a\u0000.safetensors"`), "byte 0x00"},
	{"escape", index(`"a":"a\u001b.safetensors"`), "byte 0x1b"},
	{"long", index(`"a":"` + strings.Repeat("a", 260) + `.safetensors"`), "too long"},
	{"name with a control character", index(`"a\n":"a.safetensors"`), "byte 0x0a"},
	{"empty name", index(`"":"a.safetensors"`), "empty name"},
}

func TestDamagedIndex(t *testing.T) {
	for _, c := range damagedIndexes {
		x, err := ParseIndex([]byte(c.text))
		if err == nil || !strings.Contains(err.Error(), c.want) || x != nil {
			t.Errorf("%s: %v, %v, want %q", c.name, x, err, c.want)
		}
		if err != nil && strings.ContainsAny(err.Error(), "\n\x1b") {
			t.Errorf("%s: the message is not one clean line: %q", c.name, err)
		}
	}
	var many strings.Builder
	for i := range maxShards + 1 {
		fmt.Fprintf(&many, `,"t%d":"m%d.safetensors"`, i, i)
	}
	if _, err := ParseIndex([]byte(index(many.String()[1:]))); err == nil || !strings.Contains(err.Error(), "more than 1024 files") {
		t.Errorf("too many files: %v", err)
	}
}

func TestParseIndex(t *testing.T) {
	x, err := ParseIndex([]byte(`{"weight_map":{"b":"2.safetensors","a":"1.safetensors","c":"2.safetensors"},"metadata":{"total_size":12,"x":[{}]}}` + "\n"))
	if err != nil {
		t.Fatal(err)
	}
	if x.TotalSize != 12 || !slices.Equal(x.Files, []string{"2.safetensors", "1.safetensors"}) || len(x.Shard) != 3 || x.Shard["c"] != "2.safetensors" {
		t.Errorf("%+v", x)
	}
	for _, size := range []string{"12.0", "-1", `"12"`, "null", "1e3"} {
		x, err := ParseIndex([]byte(`{"metadata":{"total_size":` + size + `},"weight_map":{"b":"2.safetensors"}}`))
		if err != nil || x.TotalSize != -1 {
			t.Errorf("total_size %s: %+v, %v", size, x, err)
		}
	}
}

// FuzzIndex reads any bytes as an index. What is accepted names plain files
// and comes back the same when written anew.
func FuzzIndex(f *testing.F) {
	f.Add([]byte(index(`"a":"a.safetensors","b":"model-00001-of-00002.safetensors"`)))
	for _, c := range damagedIndexes {
		f.Add([]byte(c.text))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		x, err := ParseIndex(b)
		if err != nil {
			if x != nil || strings.ContainsAny(err.Error(), "\n\x1b") {
				t.Fatalf("%v, %q", x, err)
			}
			return
		}
		if !json.Valid(b) {
			t.Fatalf("accepted invalid JSON %q", b)
		}
		for _, name := range x.Files {
			if filepath.Base(name) != name || !filepath.IsLocal(name) || strings.ContainsAny(name, "\\:\x00") || !strings.HasSuffix(name, ".safetensors") {
				t.Fatalf("file name %q", name)
			}
		}
		text, err := json.Marshal(map[string]any{"weight_map": x.Shard})
		if err != nil {
			t.Fatal(err)
		}
		again, err := ParseIndex(text)
		if err != nil || !maps.Equal(again.Shard, x.Shard) {
			t.Fatalf("%v came back as %v, %v", x.Shard, again, err)
		}
	})
}

// tree writes files into a new directory.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// shard is a file of named tensors of 4 bytes.
func shard(names ...string) string {
	header := map[string]any{}
	for i, n := range names {
		header[n] = map[string]any{"dtype": "I32", "shape": []int{1}, "data_offsets": []int{4 * i, 4*i + 4}}
	}
	text, err := json.Marshal(header)
	if err != nil {
		panic(err)
	}
	return string(file(string(text), 4*len(names)))
}

const indexFile = "model.safetensors.index.json"

func TestOpen(t *testing.T) {
	dir := tree(t, map[string]string{
		"1.safetensors": shard("a", "b"), "2.safetensors": shard("c"), "model.safetensors": "not looked at",
		indexFile: index(`"a":"1.safetensors","b":"1.safetensors","c":"2.safetensors"`),
	})
	s, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Tensors) != 3 || len(s.Paths) != 2 || s.Tensor("c").File != 1 || s.Tensor("x") != nil {
		t.Errorf("%+v", s)
	}
	if want := []string{"model.safetensors.index.json says that the tensors have 8 bytes, they have 12"}; !slices.Equal(s.Warnings, want) {
		t.Errorf("warnings %q", s.Warnings)
	}
	// The Hugging Face cache: links to blobs that are named by their hash.
	linked := t.TempDir()
	if err := os.Symlink(filepath.Join(dir, "2.safetensors"), filepath.Join(linked, "model.safetensors")); err != nil {
		t.Fatal(err)
	}
	if s, err := Open(linked); err != nil || len(s.Tensors) != 1 {
		t.Errorf("symbolic link: %v, %v", s, err)
	}
}

func TestOpenRefuses(t *testing.T) {
	both := index(`"a":"1.safetensors","b":"2.safetensors"`)
	for _, c := range []struct {
		name  string
		files map[string]string
		want  string
	}{
		{"nothing", nil, "holds neither"},
		{"shards without an index", map[string]string{"model-00001-of-00002.safetensors": shard("a"), "model-00002-of-00002.safetensors": shard("b")},
			"2 shards (model-00001-of-00002.safetensors …) and not their index: model.safetensors.index.json is missing"},
		{"shards without an index, Mistral's layout beside them", map[string]string{"consolidated.safetensors": shard("a"),
			"model-00001-of-00002.safetensors": shard("a"), "model-00002-of-00002.safetensors": shard("b")}, "model.safetensors.index.json is missing"},
		{"Mistral's layout in parts", map[string]string{"consolidated-00001-of-00002.safetensors": shard("a"), "consolidated-00002-of-00002.safetensors": shard("b")}, "Mistral's own layout"},
		{"Mistral's layout", map[string]string{"consolidated.safetensors": shard("a")}, "Mistral's own layout"},
		{"damaged file", map[string]string{"model.safetensors": "short"}, "has 5 bytes"},
		{"missing shard", map[string]string{"1.safetensors": shard("a"), indexFile: both}, "does not exist"},
		{"tensor in two shards", map[string]string{"1.safetensors": shard("a", "b"), "2.safetensors": shard("b"), indexFile: both}, `tensor "b" is in`},
		{"tensor in the wrong shard", map[string]string{"1.safetensors": shard("b"), "2.safetensors": shard("a"), indexFile: both}, "but it is in"},
		{"tensor not listed", map[string]string{"1.safetensors": shard("a", "x"), "2.safetensors": shard("b"), indexFile: both}, `does not list tensor "x"`},
		{"tensor not there", map[string]string{"1.safetensors": shard("a"), "2.safetensors": shard(), indexFile: both}, `tensor "b" is in "2.safetensors", but it is not`},
		{"damaged index", map[string]string{indexFile: "{"}, "broken JSON"},
		{"index is an LFS pointer", map[string]string{indexFile: "version https://git-lfs.github.com/spec/v1\n"}, "Git LFS pointer"},
	} {
		_, err := Open(tree(t, c.files))
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
	if _, err := Open(filepath.Join(t.TempDir(), "absent")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no directory: %v", err)
	}
}

// TestSpecialFiles: a pipe would block for ever if it was opened.
func TestSpecialFiles(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mkfifo(filepath.Join(dir, "model.safetensors"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir); err == nil || !strings.Contains(err.Error(), "not a regular file") {
		t.Errorf("pipe: %v", err)
	}
	dir = t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, indexFile), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir); err == nil || !strings.Contains(err.Error(), "not a regular file") {
		t.Errorf("directory: %v", err)
	}
	dir = t.TempDir()
	if err := os.Symlink("absent", filepath.Join(dir, "model.safetensors")); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("dangling link: %v", err)
	}
}

func TestFilesChange(t *testing.T) {
	dir := tree(t, map[string]string{"model.safetensors": shard("a", "b")})
	path := filepath.Join(dir, "model.safetensors")
	s, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	f, err := s.Files()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b := s.Tensor("b")
	p := make([]byte, 4)
	if err := f.ReadAt(b, p, 0); err != nil {
		t.Error(err)
	}
	for _, off := range []int64{-1, 1, 4, 1 << 62} {
		if err := f.ReadAt(b, p, off); err == nil {
			t.Errorf("4 bytes at %d of 4: no error", off)
		}
	}
	if err := os.Truncate(path, b.Start+2); err != nil {
		t.Fatal(err)
	}
	if err := f.ReadAt(b, p, 0); err == nil || !strings.Contains(err.Error(), "2 of 4 bytes") {
		t.Errorf("truncated: %v", err)
	}
	if err := f.Recheck(); err == nil || !strings.Contains(err.Error(), "has changed") {
		t.Errorf("size: %v", err)
	}
	if _, err := s.Files(); err == nil || !strings.Contains(err.Error(), "has changed") {
		t.Errorf("size, opened again: %v", err)
	}
	s, err = Open(tree(t, map[string]string{"model.safetensors": shard("a")}))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(s.Paths[0], time.Time{}, time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Files(); err == nil || !strings.Contains(err.Error(), "has changed") {
		t.Errorf("time: %v", err)
	}
}
