package suite

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"ceiling/bench/result"
)

// settingsKey is the mapping of the settings in their file.
const settingsKey = "settings"

// settingsTexts are the other keys of a file of settings: where they come from.
var settingsTexts = []struct {
	key string
	at  func(*result.SettingsFile) *string
}{
	{"model", func(f *result.SettingsFile) *string { return &f.Model }},
	{"model_sha256", func(f *result.SettingsFile) *string { return &f.SHA256 }},
	{"hardware", func(f *result.SettingsFile) *string { return &f.Hardware }},
	{"engine", func(f *result.SettingsFile) *string { return &f.Engine }},
	{"tuned_for", func(f *result.SettingsFile) *string { return &f.TunedFor }},
	{"outcome", func(f *result.SettingsFile) *string { return &f.Outcome }},
}

// ParseSettings reads a file of engine settings, of which all but settings may be
// left out. Which values there are is the engine's to say. All mistakes are
// reported at once, as by Parse.
//
//	model: model.gguf
//	model_sha256: 1d0f…
//	hardware: 4× AMD Instinct MI100
//	engine: llama.cpp v0.5.0
//	tuned_for: decode, and prefill no slower
//	outcome: "confirmed: …"
//	settings:        # {} for the defaults
//	  ubatch: 256    # any of result.SettingNames
func ParseSettings(file string, data []byte) (result.SettingsFile, error) {
	r := yamlReader{file: file}
	f := result.SettingsFile{File: file, Settings: []result.Setting{}}
	if body := r.parse(data); body != nil {
		r.settingsFile(body, &f)
	}
	slices.SortStableFunc(r.err.Problems, func(a, b Problem) int { return a.Line - b.Line })
	if err := r.err.orNil(); err != nil {
		return result.SettingsFile{}, err
	}
	return f, nil
}

func (r *yamlReader) settingsFile(body ast.Node, f *result.SettingsFile) {
	known := []string{}
	for _, t := range settingsTexts {
		known = append(known, t.key)
	}
	fields, ok := r.mapping(body, "the file", append(known, settingsKey))
	if !ok {
		return
	}
	for _, t := range settingsTexts {
		if n, ok := fields.nodes[t.key]; ok {
			*t.at(f), _ = r.text(n, t.key)
		}
	}
	n, ok := fields.nodes[settingsKey]
	if !ok {
		if !fields.meant[settingsKey] {
			r.problem(lineOf(body), "settings: missing: list them below \"settings:\", or write \"settings: {}\" for the defaults")
		}
		return
	}
	own, ok := r.mapping(n, settingsKey, result.SettingNames())
	if !ok {
		return
	}
	var sc result.Scenario
	reader := scenarioReader{r: r, fields: own}
	for _, field := range settingFields() { // in the order of SettingNames
		if value, ok := own.nodes[field.name]; ok {
			field.set(&reader, value, settingsKey+": "+field.name, &sc)
		}
	}
	f.Settings = append(f.Settings, sc.Settings...)
}

// SettingsYAML is a file that ParseSettings reads back, behind lines of remarks.
func SettingsYAML(f result.SettingsFile, remarks ...string) []byte {
	var b bytes.Buffer
	for _, line := range remarks {
		fmt.Fprintf(&b, "# %s\n", strings.ReplaceAll(line, "\n", " "))
	}
	for _, t := range settingsTexts {
		if text := *t.at(&f); text != "" {
			fmt.Fprintf(&b, "%s: %s\n", t.key, scalar(text))
		}
	}
	if len(f.Settings) == 0 {
		b.WriteString("settings: {}\n")
		return b.Bytes()
	}
	b.WriteString("settings:\n")
	for _, s := range f.Settings {
		fmt.Fprintf(&b, "  %s: %s\n", s.Name, settingText(s.Value))
	}
	return b.Bytes()
}
