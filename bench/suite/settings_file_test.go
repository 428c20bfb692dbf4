package suite

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ceiling/bench/result"
)

// A file of settings is read as it was written, whatever its texts look like.
func TestSettingsFile(t *testing.T) {
	for _, want := range []result.SettingsFile{
		{File: "tuned.yaml", Settings: []result.Setting{}},
		{File: "tuned.yaml", Model: "a: b.gguf", SHA256: "0123", Hardware: "4× AMD # MI100", Engine: "llama.cpp v0.5.0", TunedFor: "decode, and prefill no slower", Outcome: "confirmed: 1.2 times",
			Settings: []result.Setting{{Name: "ubatch", Value: "256"}, {Name: "kv-unified", Value: "on"}, {Name: "devices", Value: "ROCm0/ROCm1"}, {Name: "tensor-split", Value: "1/0.9"}}},
	} {
		text := SettingsYAML(want, "a remark")
		got, err := ParseSettings("tuned.yaml", text)
		if diff := cmp.Diff(want, got); err != nil || diff != "" || !strings.HasPrefix(string(text), "# a remark\n") {
			t.Errorf("%s%v\n%s", text, err, diff)
		}
	}
}

// All mistakes of a file are told at once, each with its line.
func TestBadSettingsFile(t *testing.T) {
	const text = `model: [1]
modell: x
settings:
  treads: 4
  ubatch: [256, 512]
  kv-type: "a b"
  wheels: 4
`
	_, err := ParseSettings("tuned.yaml", []byte(text))
	var all *Error
	if !errors.As(err, &all) || len(all.Problems) != 6 {
		t.Fatalf("%v", err)
	}
	for _, want := range []string{
		`tuned.yaml:1: model: a list is not text`, `tuned.yaml:2: the file: unknown key "modell": did you mean "model"?`,
		`tuned.yaml:4: settings: unknown key "treads": did you mean "threads"?`, `tuned.yaml:5: settings: ubatch: a list is no setting`,
		`tuned.yaml:6: settings: kv-type: "a b" is no setting`, `tuned.yaml:7: settings: unknown key "wheels": use ubatch`,
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%v\nwithout %s", err, want)
		}
	}
	for text, want := range map[string]string{
		"": "empty", "threads: 4": `unknown key "threads"`, "model: x": "settings: missing", "settings: 4": "is not a mapping", "settings: {}\n---\nsettings: {}": "a second document",
	} {
		if _, err := ParseSettings("f", []byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func FuzzSettingsFile(f *testing.F) {
	f.Add([]byte("settings: {ubatch: 256, devices: a/b}\nmodel: x"))
	f.Add([]byte("settings:\n  threads: 0x10\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := ParseSettings("f", data)
		if err != nil {
			return
		}
		again, err := ParseSettings("f", SettingsYAML(file))
		if diff := cmp.Diff(file, again); err != nil || diff != "" {
			t.Errorf("%q: %v\n%s", data, err, diff)
		}
	})
}
