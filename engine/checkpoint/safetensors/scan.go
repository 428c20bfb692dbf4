package safetensors

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"ceiling/internal/oneline"
)

// scanner reads JSON token by token and refuses what encoding/json lets pass:
// equal keys and broken text. It keeps nothing but the keys of the objects that
// are open, so that a hostile file of many values costs no memory.
type scanner struct{ d *json.Decoder }

func newScanner(text []byte) (*scanner, error) {
	if !utf8.Valid(text) {
		return nil, errors.New("its JSON is not valid UTF-8")
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	return &scanner{d}, nil
}

// token returns the next token, or an error that says where it should be.
func (s *scanner) token(what string) (json.Token, error) {
	t, err := s.d.Token()
	if err != nil {
		return nil, fmt.Errorf("broken JSON in %s, at byte %d: %w", what, s.d.InputOffset(), err)
	}
	return t, nil
}

// object reads an object and calls member for each key; member must read the
// value.
func (s *scanner) object(what string, member func(key string) error) error {
	t, err := s.token(what)
	if err != nil {
		return err
	}
	if t != json.Delim('{') {
		return fmt.Errorf("%s is %s, must be an object", what, describe(t))
	}
	seen := map[string]bool{}
	for s.d.More() {
		t, err := s.token(what)
		if err != nil {
			return err
		}
		key, err := clean(t, "a key of "+what)
		if err != nil {
			return err
		}
		if seen[key] {
			return fmt.Errorf("the key %s occurs twice in %s", oneline.Quote(key), what)
		}
		seen[key] = true
		if err := member(key); err != nil {
			return err
		}
	}
	_, err = s.token(what)
	return err
}

// text reads a string.
func (s *scanner) text(what string) (string, error) {
	t, err := s.token(what)
	if err != nil {
		return "", err
	}
	return clean(t, what)
}

// clean returns the text of a string token. encoding/json puts U+FFFD in the
// place of halves of surrogate pairs, so that two different keys could become
// one.
func clean(t json.Token, what string) (string, error) {
	text, ok := t.(string)
	if !ok {
		return "", fmt.Errorf("%s is %s, must be a string", what, describe(t))
	}
	if strings.ContainsRune(text, utf8.RuneError) {
		return "", fmt.Errorf("%s, %s, holds broken text", what, oneline.Quote(text))
	}
	return text, nil
}

// numbers reads an array of at most limit numbers. It is never nil without an
// error.
func (s *scanner) numbers(what string, limit int) ([]int64, error) {
	t, err := s.token(what)
	if err != nil {
		return nil, err
	}
	if t != json.Delim('[') {
		return nil, fmt.Errorf("%s is %s, must be an array", what, describe(t))
	}
	list := []int64{}
	for s.d.More() {
		if len(list) == limit {
			return nil, fmt.Errorf("%s has more than %d elements", what, limit)
		}
		t, err := s.token(what)
		if err != nil {
			return nil, err
		}
		n, err := number(t, what)
		if err != nil {
			return nil, err
		}
		list = append(list, n)
	}
	_, err = s.token(what)
	return list, err
}

// number converts a token that is an integer from 0 to 2^63-1, written with
// digits alone. JSON itself forbids leading zeros.
func number(t json.Token, what string) (int64, error) {
	text, ok := t.(json.Number)
	if !ok {
		return 0, fmt.Errorf("%s holds %s, must hold integers", what, describe(t))
	}
	n, err := strconv.ParseInt(string(text), 10, 64)
	if err != nil || text[0] == '-' {
		return 0, fmt.Errorf("%s holds %s, must hold integers from 0 to 2^63-1", what, oneline.Quote(string(text)))
	}
	return n, nil
}

// skip reads any value, objects in it without equal keys.
func (s *scanner) skip(what string, depth int) error {
	t, err := s.token(what)
	if err != nil {
		return err
	}
	if depth == 0 {
		return fmt.Errorf("%s is nested too deeply", what)
	}
	seen := map[string]bool{}
	switch t {
	case json.Delim('{'):
		for s.d.More() {
			key, err := s.text("a key of " + what)
			if err != nil {
				return err
			}
			if seen[key] {
				return fmt.Errorf("the key %s occurs twice in %s", oneline.Quote(key), what)
			}
			seen[key] = true
			if err := s.skip(what, depth-1); err != nil {
				return err
			}
		}
	case json.Delim('['):
		for s.d.More() {
			if err := s.skip(what, depth-1); err != nil {
				return err
			}
		}
	default:
		return nil
	}
	_, err = s.token(what)
	return err
}

// end fails unless only white space is left.
func (s *scanner) end() error {
	if t, err := s.d.Token(); err == nil {
		return fmt.Errorf("%s follows the JSON object", describe(t))
	} else if !errors.Is(err, io.EOF) {
		return fmt.Errorf("broken text follows the JSON object: %w", err)
	}
	return nil
}

// describe names a token for a message.
func describe(t json.Token) string {
	switch t := t.(type) {
	case nil:
		return "null"
	case json.Delim:
		if t == '{' || t == '}' {
			return "an object"
		}
		return "an array"
	case string:
		return oneline.Quote(t)
	}
	return oneline.Quote(fmt.Sprint(t))
}
