package hf

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"ceiling/engine/checkpoint/internal/strictjson"
)

// FuzzConfig: whatever is accepted is within the bounds that the rest of the
// program counts on, and nothing panics.
func FuzzConfig(f *testing.F) {
	sample, err := os.ReadFile("testdata/devstral-config.json")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(sample)
	for _, change := range []func(object){flat, llama, func(c object) { rope(c)["rope_theta"] = -1 }, func(c object) { text(c)["rope_scaling"] = rope(c) }} {
		c := devstral(f)
		change(c)
		b, err := json.Marshal(c)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		v, err := strictjson.Parse(data)
		if err != nil {
			return
		}
		c, err := parseConfig(v)
		if err != nil {
			if c != nil || strings.Contains(err.Error(), "\n") {
				t.Errorf("error %q beside %v", err, c)
			}
			return
		}
		g := c.Geometry
		if g.Layers < 1 || g.Layers > maxLayers || g.Hidden < 32 || g.Hidden%32 != 0 || g.FFN < 32 || g.FFN%32 != 0 || g.KVHeads < 1 ||
			g.Heads%g.KVHeads != 0 || g.HeadDim < 2 || g.HeadDim%2 != 0 || g.Vocab < 1 || g.Vocab >= maxVocab || g.Context < 1 ||
			!(g.RMSEps > 0) || !(g.Rope.FreqBase > 1) || g.Rope.Yarn != nil && !(g.Rope.Yarn.Factor >= 1) || g.Parameters() < 1 {
			t.Errorf("accepted %+v", g)
		}
	})
}

// FuzzTokenizer: whatever is accepted has a text and a type for every id, no
// text twice, and merges of two parts.
func FuzzTokenizer(f *testing.F) {
	for _, o := range []object{words(), tekkenJSON()} {
		b, err := json.Marshal(o)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b, true)
		f.Add(b, false)
	}
	dir := checkpoint(f, map[string]any{"config.json": small(f)})
	cfg, err := ReadConfig(dir)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte, tekken bool) {
		v, err := strictjson.Parse(data)
		if err != nil {
			return
		}
		parse := parseTokenizer
		if tekken {
			parse = parseTekken
		}
		tok, err := parse(v, nil, cfg)
		if err == nil {
			err = tok.check()
		}
		if err != nil {
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("error %q", err)
			}
			return
		}
		seen := map[string]bool{}
		for id, s := range tok.tokens {
			if s == "" || seen[s] || tok.types[id] < 1 || tok.types[id] > 6 || len(tok.tokens) != cfg.Vocab {
				t.Errorf("token %d of %d is %q of type %d", id, len(tok.tokens), s, tok.types[id])
			}
			seen[s] = true
		}
		for _, m := range tok.merges {
			if left, right, ok := strings.Cut(m, " "); !ok || left == "" || right == "" || strings.Contains(right, " ") {
				t.Errorf("merge %q", m)
			}
		}
		for name, id := range tok.special {
			if int(id) >= cfg.Vocab {
				t.Errorf("%s is token %d", name, id)
			}
		}
	})
}
