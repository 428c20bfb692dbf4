package strictjson

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"
)

func TestParseRefuses(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"nothing", "", "broken JSON"},
		{"a second value", `{} {}`, "broken JSON"},
		{"text behind", `{}x`, "broken JSON"},
		{"cut short", `{"a": [1, 2`, "broken JSON"},
		{"a comma too many", `[1,]`, "broken JSON"},
		{"no colon", `{"a" 1}`, "broken JSON"},
		{"NaN", `{"a": NaN}`, "broken JSON at byte 7"},
		{"infinity", `[-Infinity]`, "broken JSON"},
		{"plus sign", `[+1]`, "broken JSON"},
		{"leading zero", `[01]`, "broken JSON"},
		{"single quotes", `{'a': 1}`, "broken JSON"},
		{"a raw line feed", "[\"a\nb\"]", "broken JSON"},
		{"bad escape", `["\x"]`, "broken JSON"},
		{"invalid UTF-8", "[\"a\xffb\"]", "not valid UTF-8"},
		{"a BOM", "\ufeff{}", "broken JSON"},
		{"equal keys", `{"a": 1, "b": 2, "a": 1}`, `the key "a" occurs twice`},
		{"equal keys inside", `[{"x": {"a": 1, "\u0061": 2}}]`, `the key "a" occurs twice`},
		{"first half of a pair", `["\ud83d"]`, "half of a surrogate pair at byte 2"},
		{"second half of a pair", `["x\udc00y"]`, "half of a surrogate pair at byte 3"},
		{"halves in the wrong order", `["\udc00\ud83d"]`, "half of a surrogate pair"},
		{"two second halves", `["\udc00\udc00"]`, "half of a surrogate pair at byte 2"},
		{"half before another escape", `["\ud83d\n"]`, "half of a surrogate pair"},
		{"too deep", strings.Repeat("[", maxDepth+1) + strings.Repeat("]", maxDepth+1), "levels of nesting"},
		{"much too deep", strings.Repeat("[", 100000), "broken JSON"},
	} {
		v, err := Parse([]byte(c.text))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", c.name, err, c.want)
		}
		if v != nil {
			t.Errorf("%s: a value beside the error", c.name)
		}
	}
}

func TestValues(t *testing.T) {
	v, err := Parse([]byte(` {"s": "\ud83d\ude42\\ud83d", "i": 9223372036854775807, "n": -3, "f": 1.5e3, "one": 1.0,
		"t": true, "z": null, "a": [1, "x"], "o": {"A": 1, "a": 2}} `))
	if err != nil {
		t.Fatal(err)
	}
	if s, err := v.Get("s").Str(); s != "🙂\\ud83d" || err != nil {
		t.Errorf("s is %q, %v", s, err)
	}
	if n, err := v.Get("i").Int(); n != 1<<63-1 || err != nil {
		t.Errorf("i is %d, %v", n, err)
	}
	if n, err := v.Get("n").Int(); n != -3 || err != nil {
		t.Errorf("n is %d, %v", n, err)
	}
	if x, err := v.Get("f").Float(); x != 1500 || err != nil {
		t.Errorf("f is %v, %v", x, err)
	}
	if b, err := v.Get("t").Bool(); !b || err != nil {
		t.Errorf("t is %v, %v", b, err)
	}
	// Keys differ by case, which encoding/json would not mind.
	if n, _ := v.Get("o").Get("A").Int(); n != 1 {
		t.Errorf("o.A is %d", n)
	}
	if got := v.keys; !reflect.DeepEqual(got, []string{"s", "i", "n", "f", "one", "t", "z", "a", "o"}) {
		t.Errorf("keys %q", got)
	}
	if !v.Has("z") || !v.Get("z").IsNull() || v.Has("y") || v.Get("y").Get("deeper").Len() != 0 {
		t.Error("null and absent are not distinguished")
	}
	var items []string
	for i, item := range v.Get("a").Items() {
		items = append(items, item.Kind().String())
		if i > 1 {
			t.Error("too many items")
		}
	}
	if !reflect.DeepEqual(items, []string{"a number", "a string"}) {
		t.Errorf("items %q", items)
	}
}

func TestValuesRefuse(t *testing.T) {
	v, err := Parse([]byte(`{"frac": 1.0, "exp": 1e3, "big": 9223372036854775808, "zero": -0, "huge": 1e999,
		"text": "5", "null": null, "long": "` + strings.Repeat("y", 500) + `"}`))
	if err != nil {
		t.Fatal(err)
	}
	_, frac := v.Get("frac").Int()
	_, exp := v.Get("exp").Int()
	_, big := v.Get("big").Int()
	_, zero := v.Get("zero").Int()
	_, huge := v.Get("huge").Float()
	_, text := v.Get("text").Int()
	_, null := v.Get("null").Str()
	_, long := v.Get("long").Bool()
	_, missing := v.Get("missing").Float()
	for _, c := range []struct {
		name string
		err  error
		want string
	}{
		{"frac", frac, "is 1.0, must be an integer"},
		{"exp", exp, "is 1e3, must be an integer"}, {"big", big, "is 9223372036854775808, must be an integer"},
		{"zero", zero, "is -0, must be"}, {"huge", huge, "is 1e999, which no double can hold"},
		{"text", text, `is "5", must be a number`}, {"null", null, "is null, must be a string"},
		{"long", long, `…, must be a boolean`}, {"missing", missing, "is missing"},
	} {
		if c.err == nil || !strings.Contains(c.err.Error(), c.want) || len(c.err.Error()) > 200 {
			t.Errorf("%s: error %v, want %q", c.name, c.err, c.want)
		}
	}
}

func TestEqualAndMerge(t *testing.T) {
	parse := func(s string) *Value {
		v, err := Parse([]byte(s))
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{`{"a": 1, "b": [true, null]}`, `{"b": [true, null], "a": 1.0}`, true},
		{`{"a": 1}`, `{"a": 2}`, false}, {`{"a": null}`, `{"b": null}`, false}, {`[1, 2]`, `[2, 1]`, false},
		{`"x"`, `"x"`, true}, {`true`, `false`, false}, {`1`, `"1"`, false}, {`[1]`, `[1, 1]`, false}, {`null`, `null`, true},
	} {
		if parse(c.a).Equal(parse(c.b)) != c.want || parse(c.b).Equal(parse(c.a)) != c.want {
			t.Errorf("%s and %s: want equal %v", c.a, c.b, c.want)
		}
	}
	m := parse(`{"a": 1, "b": 2}`).Merge(parse(`{"b": 3, "c": 4}`)).With("c", parse(`5`))
	if !m.Equal(parse(`{"a": 1, "b": 3, "c": 5}`)) || !reflect.DeepEqual(m.keys, []string{"a", "b", "c"}) {
		t.Errorf("merged to %q", m.keys)
	}
	var none *Value
	if none.Merge(parse(`{"a": 1}`)).Len() != 1 || parse(`{"a": 1}`).Merge(none).Len() != 1 {
		t.Error("merging with nothing")
	}
}

func TestReadFile(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	pipe := filepath.Join(dir, "pipe")
	if err := syscall.Mkfifo(pipe, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ path, want string }{
		{write("big", `"0123456789"`), "has 12 bytes, at most 11 are read"},
		{write("lfs", "version https://git-lfs.github.com/spec/v1\n"), "at most 11"},
		{write("bad", `{`), `bad": broken JSON`},
		{dir, "not a regular file"}, {pipe, "not a regular file"},
	} {
		if _, err := ReadFile(c.path, 11); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", c.path, err, c.want)
		}
	}
	if _, err := ReadFile(filepath.Join(dir, "lfs"), 1000); err == nil || !strings.Contains(err.Error(), "Git LFS pointer") {
		t.Errorf("an LFS pointer gave %v", err)
	}
	if _, err := ReadFile(filepath.Join(dir, "none"), 10); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing file gave %v", err)
	}
	if v, err := ReadFile(write("good", `[1]`), 3); err != nil || v.Len() != 1 {
		t.Errorf("a file of exactly the limit gave %v", err)
	}
}

// FuzzParse: what is accepted means the same to encoding/json, and nothing
// panics.
func FuzzParse(f *testing.F) {
	for _, s := range []string{`{"a": [1, -2.5e3, "\ud83d\ude42", null, true, {"b": {}}]}`, `{"a":1,"a":2}`, `"\ud83d"`, `[[[`, `1e999`, ``} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		v, err := Parse(data)
		if err != nil {
			if v != nil {
				t.Error("a value beside the error")
			}
			return
		}
		var want any
		d := json.NewDecoder(strings.NewReader(string(data)))
		d.UseNumber()
		if err := d.Decode(&want); err != nil {
			t.Fatalf("accepted, but encoding/json says %v", err)
		}
		if got := plain(v); !reflect.DeepEqual(got, want) {
			t.Errorf("%q reads as %v, want %v", data, got, want)
		}
	})
}

// plain turns a value into what encoding/json makes of it.
func plain(v *Value) any {
	switch v.Kind() {
	case Bool:
		b, _ := v.Bool()
		return b
	case Number:
		return json.Number(v.text)
	case String:
		s, _ := v.Str()
		return s
	case Array:
		list := []any{}
		for _, item := range v.Items() {
			list = append(list, plain(item))
		}
		return list
	case Object:
		m := map[string]any{}
		for key, item := range v.Members() {
			m[key] = plain(item)
		}
		return m
	}
	return nil
}
