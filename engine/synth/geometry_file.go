package synth

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"unicode/utf8"

	"ceiling/engine/gguf"
	"ceiling/internal/oneline"
)

// maxGeometryFile bounds a geometry file; real ones have a few hundred bytes.
const maxGeometryFile = 1 << 20

// Find returns the geometry that s names: a built-in one, or a JSON file where
// s ends in ".json" or holds a '/'.
func Find(s string) (NamedGeometry, error) {
	if strings.HasSuffix(s, ".json") || strings.ContainsRune(s, '/') {
		return Load(s)
	}
	g, ok := Builtin(s)
	if !ok {
		return g, fmt.Errorf("no geometry %q: name one of %s, or a .json file", s, strings.Join(Names(), ", "))
	}
	return g, nil
}

// Load reads a geometry from a JSON file. All errors of the file are reported
// at once, joined into one error.
//
//	{
//	  "name": "my-7b", "layers": 32, "hidden": 4096, "heads": 32, "kv_heads": 8,
//	  "head_dim": 128, "ffn": 14336, "vocab": 32768, "context": 32768,
//	  "rope_freq_base": 1000000,
//	  "title": "My 7B", "size_label": "7B", "rms_epsilon": 1e-5, "temperature_scale": 0.1,
//	  "yarn": {"factor": 16, "original_context": 2048, "beta_fast": 32, "beta_slow": 1, "log_multiplier": 1}
//	}
//
// The last line's fields and the one before are optional; inside "yarn" only
// factor and original_context are required. Defaults: rms_epsilon 1e-5,
// temperature_scale 0, beta_fast 32, beta_slow 1, log_multiplier 1, no yarn.
func Load(path string) (NamedGeometry, error) {
	f, err := os.Open(path)
	if err != nil {
		return NamedGeometry{}, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxGeometryFile+1))
	if err != nil {
		return NamedGeometry{}, fmt.Errorf("%q: %w", path, err)
	}
	if len(data) > maxGeometryFile {
		return NamedGeometry{}, fmt.Errorf("%q has more than %d bytes, this is no geometry", path, maxGeometryFile)
	}
	g, err := Parse(data)
	if err != nil {
		return NamedGeometry{}, fmt.Errorf("%q:\n%w", path, err)
	}
	return g, nil
}

// Parse decodes the JSON of a geometry, as Load does.
func Parse(data []byte) (NamedGeometry, error) {
	g := NamedGeometry{Geometry: gguf.Geometry{RMSEps: 1e-5}}
	if !utf8.Valid(data) {
		return NamedGeometry{}, errors.New("is not UTF-8 text")
	}
	d := &decoder{}
	d.object(data, "", []field{
		{name: "name", to: &g.Name, required: true},
		{name: "title", to: &g.Title},
		{name: "size_label", to: &g.SizeLabel},
		{name: "layers", to: &g.Layers, required: true},
		{name: "hidden", to: &g.Hidden, required: true},
		{name: "heads", to: &g.Heads, required: true},
		{name: "kv_heads", to: &g.KVHeads, required: true},
		{name: "head_dim", to: &g.HeadDim, required: true},
		{name: "ffn", to: &g.FFN, required: true},
		{name: "vocab", to: &g.Vocab, required: true},
		{name: "context", to: &g.Context, required: true},
		{name: "rms_epsilon", to: &g.RMSEps},
		{name: "rope_freq_base", to: &g.Rope.FreqBase, required: true},
		{name: "temperature_scale", to: &g.TemperatureScale},
		{name: "yarn", parse: func(raw json.RawMessage) {
			y := &gguf.Yarn{BetaFast: 32, BetaSlow: 1, LogMultiplier: 1}
			d.object(raw, "yarn.", []field{
				{name: "factor", to: &y.Factor, required: true},
				{name: "original_context", to: &y.OriginalContext, required: true},
				{name: "beta_fast", to: &y.BetaFast},
				{name: "beta_slow", to: &y.BetaSlow},
				{name: "log_multiplier", to: &y.LogMultiplier},
			})
			g.Rope.Yarn = y
		}},
	})
	// A field that could not be read has an error already; a second one about
	// its value would only confuse.
	if err := g.Validate(); err != nil {
		for _, e := range unjoin(err) {
			name, _, _ := strings.Cut(e.Error(), " ")
			if !slices.Contains(d.unread, name) {
				d.errs = append(d.errs, e)
			}
		}
	}
	if len(d.errs) > 0 {
		return NamedGeometry{}, errors.Join(d.errs...)
	}
	return g, nil
}

func unjoin(err error) []error {
	if j, ok := err.(interface{ Unwrap() []error }); ok {
		return j.Unwrap()
	}
	return []error{err}
}

// field is a member of a JSON object: to points to where its value goes, or
// parse takes it.
type field struct {
	name     string
	to       any
	parse    func(json.RawMessage)
	required bool
}

// decoder collects errors. encoding/json alone stops at the first, matches
// names in any case and lets a later duplicate win.
type decoder struct {
	errs   []error
	unread []string // fields, with their prefix, that have no value
}

func (d *decoder) errorf(format string, args ...any) {
	d.errs = append(d.errs, fmt.Errorf(format, args...))
}

// object decodes one JSON object.
func (d *decoder) object(data []byte, prefix string, fields []field) {
	seen := map[string]bool{}
	defer func() {
		for _, f := range fields {
			if f.required && !seen[f.name] {
				d.unread = append(d.unread, prefix+f.name)
				d.errorf("%s%s is missing", prefix, f.name)
			}
		}
	}()
	dec := json.NewDecoder(bytes.NewReader(data))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		d.errorf("%sis not a JSON object", strings.TrimSuffix(prefix, ".")+" ")
		return
	}
	for dec.More() {
		t, err := dec.Token()
		name, _ := t.(string)
		var raw json.RawMessage
		if err == nil {
			err = dec.Decode(&raw)
		}
		if err != nil {
			d.errorf("%sbroken JSON near byte %d: %v", prefix, dec.InputOffset(), err)
			return
		}
		d.member(name, raw, prefix, fields, seen)
	}
	if _, err := dec.Token(); err != nil {
		d.errorf("%sbroken JSON near byte %d: %v", prefix, dec.InputOffset(), err)
	} else if _, err := dec.Token(); err != io.EOF {
		d.errorf("%stext behind the closing brace, at byte %d", prefix, dec.InputOffset())
	}
}

func (d *decoder) member(name string, raw json.RawMessage, prefix string, fields []field, seen map[string]bool) {
	i := slices.IndexFunc(fields, func(f field) bool { return f.name == name })
	switch {
	case i < 0:
		d.errorf("unknown field %q", prefix+name)
		return
	case seen[name]:
		d.errorf("%s%s appears twice", prefix, name)
		return
	}
	seen[name] = true
	if fields[i].parse != nil {
		fields[i].parse(raw)
		return
	}
	// null would be ignored silently.
	if err := json.Unmarshal(raw, fields[i].to); err != nil || string(raw) == "null" {
		d.unread = append(d.unread, prefix+name)
		d.errorf("%s%s is %s, must be %s", prefix, name, oneline.Shorten(string(raw), 40), kindOf(fields[i].to))
	}
}

func kindOf(to any) string {
	switch to.(type) {
	case *int:
		return "a whole number"
	case *float64:
		return "a number"
	}
	return "a string"
}
