package hf

import (
	"fmt"
	"math"

	"ceiling/engine/checkpoint/internal/strictjson"
	"ceiling/internal/oneline"
)

// specialNames are GGUF's names of the special tokens, in the order in which
// they are written; hfNames are those of the checkpoint's files.
var (
	specialNames = []string{"bos", "eos", "unknown", "padding"}
	hfNames      = map[string]string{"bos": "bos", "eos": "eos", "unknown": "unk", "padding": "pad"}
)

// specials finds the special tokens and whether texts get them: in
// tokenizer_config.json by their text, else in config.json by their id.
func (t *tokenizer) specials(root, config *strictjson.Value, cfg *ModelConfig) error {
	for _, name := range specialNames {
		key := hfNames[name] + "_token"
		text, err := tokenText(config.Get(key))
		if err != nil {
			return fmt.Errorf("tokenizer_config.json: %s %w", key, err)
		}
		declared, ok, err := t.declared(cfg, key+"_id")
		if err != nil {
			return err
		}
		switch id, known := t.ids[text]; {
		case text != "" && known:
			t.special[name] = uint32(id)
			if ok && declared != uint32(id) {
				t.warnf("%s is token %d in tokenizer_config.json, token %d in config.json: %d is used", key, id, declared, id)
			}
		case ok:
			t.special[name] = declared
		case text != "":
			return fmt.Errorf("tokenizer_config.json: %s is %q, which is not in the vocabulary", key, oneline.Shorten(text, shown))
		}
	}
	return t.marks(root.Get("post_processor"), config)
}

// tokenText reads a token that is named by its text or by an object with it.
func tokenText(v *strictjson.Value) (string, error) {
	if v.Kind() == strictjson.Object {
		v = v.Get("content")
	}
	if v.IsNull() {
		return "", nil
	}
	return v.Str()
}

// declared returns the id that config.json gives a special token. A list, as
// some files have of the ends of a text, stands for its first entry.
func (t *tokenizer) declared(cfg *ModelConfig, key string) (id uint32, ok bool, err error) {
	v := cfg.tree.Get(key)
	if v.Kind() == strictjson.Array && v.Len() > 0 {
		for _, first := range v.Items() {
			v = first
			break
		}
		t.warnf("config.json: %s is a list, its first entry is used", key)
	}
	if v.IsNull() {
		return 0, false, nil
	}
	n, err := v.Int()
	switch {
	case err != nil:
		return 0, false, fmt.Errorf("config.json: %s %w", key, err)
	case n == -1: // how some configurations say that there is none
		return 0, false, nil
	case n < 0 || n >= int64(len(t.tokens)) || n > math.MaxUint32:
		return 0, false, fmt.Errorf("config.json: %s is %d, vocab_size is %d", key, n, len(t.tokens))
	}
	return uint32(n), true, nil
}

// marks finds whether a token is put in front of a text and behind it: as
// tokenizer_config.json states, else as the post-processor does. Where neither says
// anything nothing is known.
func (t *tokenizer) marks(post, config *strictjson.Value) error {
	first, last := template(post)
	begins, ends := t.is(first, "bos"), t.is(last, "eos")
	if first != "" {
		t.addBOS = &begins
	}
	if last != "" {
		t.addEOS = &ends
	}
	if first != "" && !begins {
		t.warnf("texts begin with %q, which is not the token that begins a text: none is put in front", oneline.Shorten(first, shown))
	}
	if last != "" && !ends {
		t.warnf("texts end with %q, which is not the token that ends a text: none is put behind", oneline.Shorten(last, shown))
	}
	return t.stated(config)
}

// stated applies what tokenizer_config.json says.
func (t *tokenizer) stated(config *strictjson.Value) error {
	f := fields{v: config, name: "tokenizer_config.json: "}
	if !config.Get("add_bos_token").IsNull() {
		begins := f.bool("add_bos_token")
		t.addBOS = &begins
	}
	if !config.Get("add_eos_token").IsNull() {
		ends := f.bool("add_eos_token")
		t.addEOS = &ends
	}
	if !config.Get("add_prefix_space").IsNull() {
		t.noSpacePrefix = !f.bool("add_prefix_space")
	}
	return f.err
}

// is reports whether text is the special token of the name.
func (t *tokenizer) is(text, name string) bool {
	id, known := t.ids[text]
	special, ok := t.special[name]
	return text != "" && known && ok && special == uint32(id)
}

// template returns the special tokens that the post-processor puts before and
// behind a single text, "" where it puts none.
func template(post *strictjson.Value) (first, last string) {
	if list := post.Get("processors"); list != nil {
		for _, p := range list.Items() {
			if isText(p.Get("type"), "TemplateProcessing") {
				post = p
			}
		}
	}
	single := post.Get("single")
	if !isText(post.Get("type"), "TemplateProcessing") || single.Len() < 2 {
		return "", ""
	}
	for i, part := range single.Items() {
		text, err := part.Get("SpecialToken").Get("id").Str()
		if err != nil {
			continue
		}
		if i == 0 {
			first = text
		}
		if i == single.Len()-1 {
			last = text
		}
	}
	return first, last
}
