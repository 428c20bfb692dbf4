package verify

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func small() *Reference {
	p := Position{Best: []Logit{{3, 2.5}, {1, 2}}, Spread: 1}
	return &Reference{Model: "m.gguf", Vocabulary: 10, Prompts: [][]int32{{1, 2}, {2, 3}},
		Texts: []ScoredText{{[]int32{3, 3}, []Position{p, p}}, {[]int32{3, 1}, []Position{p, p}}}, Noise: Noise{true, 0.1, 0.2}}
}

func TestReferenceFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "r.json")
	r := small()
	if err := r.Save(path); err != nil {
		t.Fatal(err)
	}
	got, err := Read(path)
	if err != nil || !reflect.DeepEqual(got, r) {
		t.Fatalf("%+v, %v", got, err)
	}
	for name, damage := range map[string]func(*Reference){
		"format":      func(r *Reference) { r.Format = 2 },
		"no prompts":  func(r *Reference) { r.Prompts, r.Texts = nil, nil },
		"fewer texts": func(r *Reference) { r.Texts = r.Texts[:1] },
		"no scores":   func(r *Reference) { r.Texts[1].Scores = nil },
		"no logits":   func(r *Reference) { r.Texts[1].Scores[1].Best = nil },
		"short text": func(r *Reference) {
			r.Texts[1].Tokens, r.Texts[1].Scores = r.Texts[1].Tokens[:1], r.Texts[1].Scores[:1]
		},
		"short prompt":   func(r *Reference) { r.Prompts[0] = nil },
		"token":          func(r *Reference) { r.Texts[0].Tokens[0] = 10 },
		"scored token":   func(r *Reference) { r.Vocabulary = 3 },
		"negative noise": func(r *Reference) { r.Noise.RMS = -1 },
	} {
		bad := small()
		bad.Format = format
		damage(bad)
		data, err := json.Marshal(bad)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
		if got, err := Read(path); err == nil || got != nil || !strings.Contains(err.Error(), "--write-expect") {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}

// FuzzRead: no file makes the comparison crash.
func FuzzRead(f *testing.F) {
	good := small()
	good.Format = format
	data, err := json.Marshal(good)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Fuzz(func(t *testing.T, data []byte) {
		r := new(Reference)
		if json.Unmarshal(data, r) != nil || r.check() != nil {
			return
		}
		Compare(r.Texts, r.Texts, r.Noise)
		Itself(r.Texts, r.Noise)
	})
}
