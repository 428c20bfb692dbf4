package hf

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"unicode/utf8"

	"ceiling/engine/checkpoint/internal/strictjson"
	"ceiling/internal/oneline"
)

// maxTemplateBytes bounds a chat template. Real ones have 20 kB.
const maxTemplateBytes = 1 << 20

// defaultTemplate is the name under which a list of templates has the one
// that is used unless another is asked for.
const defaultTemplate = "default"

// chatTemplate is how messages become a prompt, in Jinja.
type chatTemplate struct{ name, text string }

// templates adds the chat templates.
func (m *metadata) templates(list []chatTemplate) {
	var others []string
	found := false
	for _, t := range list {
		if t.name == defaultTemplate {
			m.add("tokenizer.chat_template", t.text)
			found = true
			continue
		}
		m.add("tokenizer.chat_template."+t.name, t.text)
		others = append(others, t.name)
	}
	if len(others) > 0 {
		m.add("tokenizer.chat_templates", others)
	}
	if !found {
		m.warnf("there is no chat template: messages can't be turned into prompts; name one with --chat-template")
	}
}

// readTemplates finds the chat templates: the user's file, else
// tokenizer_config.json, chat_template.jinja or chat_template.json, the first
// that has one.
func readTemplates(dir, override string) ([]chatTemplate, error) {
	if override != "" {
		text, err := readTemplate(override)
		return []chatTemplate{{defaultTemplate, text}}, err
	}
	const key = "chat_template"
	path := filepath.Join(dir, "tokenizer_config.json")
	config, err := readOptional(path, maxConfigBytes)
	if err != nil {
		return nil, err
	}
	if v := config.Get(key); !v.IsNull() {
		return parseTemplates(path, v)
	}
	text, err := readTemplate(filepath.Join(dir, "chat_template.jinja"))
	if !errors.Is(err, fs.ErrNotExist) {
		return []chatTemplate{{defaultTemplate, text}}, err
	}
	path = filepath.Join(dir, "chat_template.json")
	if config, err = readOptional(path, maxConfigBytes); err != nil {
		return nil, err
	}
	if v := config.Get(key); !v.IsNull() {
		return parseTemplates(path, v)
	}
	return nil, nil
}

// readTemplate reads a Jinja file.
func readTemplate(path string) (string, error) {
	b, err := strictjson.ReadBytes(path, maxTemplateBytes)
	switch {
	case err != nil:
		return "", err
	case !utf8.Valid(b):
		return "", fmt.Errorf("%q is not valid UTF-8", path)
	case len(b) == 0:
		return "", fmt.Errorf("%q is empty, a chat template is needed", path)
	}
	return string(b), nil
}

// parseTemplates reads one template, or a list of {name, template}.
func parseTemplates(path string, v *strictjson.Value) ([]chatTemplate, error) {
	if v.Kind() == strictjson.String {
		text, err := v.Str()
		return []chatTemplate{{defaultTemplate, text}}, err
	}
	if v.Kind() != strictjson.Array {
		return nil, fmt.Errorf("%q: chat_template is %s, must be a string or a list", path, v.Kind())
	}
	var list []chatTemplate
	seen := map[string]bool{}
	for i, item := range v.Items() {
		f := fields{v: item, name: fmt.Sprintf("chat_template[%d].", i)}
		t := chatTemplate{f.string("name"), f.string("template")}
		switch {
		case f.err != nil:
			return nil, fmt.Errorf("%q: %w", path, f.err)
		case !plainName(t.name) || seen[t.name]:
			return nil, fmt.Errorf("%q: chat_template[%d].name is %q, must be a name of its own of letters, digits, '_' and '-'",
				path, i, oneline.Shorten(t.name, shown))
		}
		seen[t.name] = true
		list = append(list, t)
	}
	return list, nil
}

// plainName reports whether a name can be part of a metadata key.
func plainName(s string) bool {
	for _, r := range s {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '_', r == '-':
		default:
			return false
		}
	}
	return s != "" && len(s) <= 64
}
