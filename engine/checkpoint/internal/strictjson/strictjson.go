// Package strictjson reads JSON from files that nobody vouches for.
//
// encoding/json keeps the last of two equal keys, replaces broken text by
// U+FFFD and matches struct fields whatever their case. Where a file decides
// how weights are read, each of these turns damage into a wrong model. Here
// they are errors, and a document becomes a tree of Values that the caller
// asks for exactly the type it needs.
package strictjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"math"
	"slices"
	"strconv"
	"unicode/utf8"

	"ceiling/internal/oneline"
)

// maxDepth is how deep objects and arrays may nest. Real files stay below 10.
const maxDepth = 64

// ValueKind is the type of a Value.
type ValueKind uint8

// The types of JSON.
const (
	Null ValueKind = iota
	Bool
	Number
	String
	Array
	Object
)

// String names the type with its article, for messages: "a number".
func (k ValueKind) String() string {
	return [...]string{"null", "a boolean", "a number", "a string", "an array", "an object"}[k]
}

// Value is one value of a document. A nil *Value stands for one that is not
// there: its Kind is Null, and every method takes it.
type Value struct {
	kind  ValueKind
	text  string   // of a string; of a number as written; "true" or "false"
	items []*Value // elements of an array, members of an object
	keys  []string // of an object, in file order
	index map[string]int
}

// Parse reads one document. It refuses invalid UTF-8, escaped halves of
// surrogate pairs, equal keys in one object, nesting beyond 64 levels, and
// anything but white space behind the value.
func Parse(data []byte) (*Value, error) {
	if !utf8.Valid(data) {
		return nil, errors.New("it is not valid UTF-8")
	}
	if err := grammar(data); err != nil {
		return nil, err
	}
	if at := loneSurrogate(data); at >= 0 {
		return nil, fmt.Errorf("half of a surrogate pair at byte %d", at)
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	return parse(d, 0)
}

// grammar reports the first violation of JSON's grammar, with its place.
func grammar(data []byte) error {
	if json.Valid(data) {
		return nil
	}
	var raw json.RawMessage
	err := json.Unmarshal(data, &raw)
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		return fmt.Errorf("broken JSON at byte %d: %w", syntax.Offset, err)
	}
	return fmt.Errorf("broken JSON: %w", err)
}

// parse reads the next value. The grammar was checked before.
func parse(d *json.Decoder, depth int) (*Value, error) {
	t, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch t := t.(type) {
	case nil:
		return &Value{}, nil
	case bool:
		return &Value{kind: Bool, text: strconv.FormatBool(t)}, nil
	case json.Number:
		return &Value{kind: Number, text: string(t)}, nil
	case string:
		return &Value{kind: String, text: t}, nil
	}
	if depth == maxDepth {
		return nil, fmt.Errorf("more than %d levels of nesting", maxDepth)
	}
	v := &Value{kind: Array}
	if t == json.Delim('{') {
		v.kind, v.index = Object, map[string]int{}
	}
	for d.More() {
		if v.kind == Object {
			if err := v.key(d); err != nil {
				return nil, err
			}
		}
		item, err := parse(d, depth+1)
		if err != nil {
			return nil, err
		}
		v.items = append(v.items, item)
	}
	_, err = d.Token() // the closing bracket
	return v, err
}

// key reads the key of the next member.
func (v *Value) key(d *json.Decoder) error {
	t, err := d.Token()
	if err != nil {
		return err
	}
	key, _ := t.(string)
	if _, ok := v.index[key]; ok {
		return fmt.Errorf("the key %s occurs twice in one object", oneline.Quote(key))
	}
	v.index[key] = len(v.keys)
	v.keys = append(v.keys, key)
	return nil
}

// loneSurrogate returns the offset of the first \uD800…\uDFFF escape that is
// not part of a pair, or -1. Valid JSON has backslashes only inside strings.
func loneSurrogate(data []byte) int {
	escape := func(i int) (uint64, bool) {
		if i+6 > len(data) || data[i] != '\\' || data[i+1] != 'u' {
			return 0, false
		}
		n, err := strconv.ParseUint(string(data[i+2:i+6]), 16, 16)
		return n, err == nil
	}
	for i := 0; i < len(data); i++ {
		if data[i] != '\\' {
			continue
		}
		first, ok := escape(i)
		switch {
		case !ok:
			i++ // the escaped character
		case first < 0xd800 || first > 0xdfff:
			i += 5
		default:
			second, ok := escape(i + 6)
			if first > 0xdbff || !ok || second < 0xdc00 || second > 0xdfff {
				return i
			}
			i += 11
		}
	}
	return -1
}

// Kind returns the type.
func (v *Value) Kind() ValueKind {
	if v == nil {
		return Null
	}
	return v.kind
}

// IsNull reports whether the value is null or not there.
func (v *Value) IsNull() bool { return v.Kind() == Null }

// Len returns the number of elements or members.
func (v *Value) Len() int {
	if v == nil {
		return 0
	}
	return len(v.items)
}

// Get returns the member of an object, or nil where there is none.
func (v *Value) Get(key string) *Value {
	if v == nil {
		return nil
	}
	if i, ok := v.index[key]; ok {
		return v.items[i]
	}
	return nil
}

// Has reports whether the object has the member, be it null.
func (v *Value) Has(key string) bool { return v.Get(key) != nil }

// Members yields the members of an object in file order.
func (v *Value) Members() iter.Seq2[string, *Value] {
	return func(yield func(string, *Value) bool) {
		if v == nil {
			return
		}
		for i, key := range v.keys {
			if !yield(key, v.items[i]) {
				return
			}
		}
	}
}

// Items yields the elements of an array.
func (v *Value) Items() iter.Seq2[int, *Value] {
	return func(yield func(int, *Value) bool) {
		if v.Kind() != Array {
			return
		}
		for i, item := range v.items {
			if !yield(i, item) {
				return
			}
		}
	}
}

// Merge returns an object with the members of v and of over; where both have
// one, that of over.
func (v *Value) Merge(over *Value) *Value {
	m := &Value{kind: Object, index: map[string]int{}}
	for _, from := range []*Value{v, over} {
		for key, item := range from.Members() {
			if i, ok := m.index[key]; ok {
				m.items[i] = item
				continue
			}
			m.index[key] = len(m.keys)
			m.keys, m.items = append(m.keys, key), append(m.items, item)
		}
	}
	return m
}

// With returns a copy of an object in which key has the given value.
func (v *Value) With(key string, value *Value) *Value {
	return v.Merge(&Value{kind: Object, keys: []string{key}, items: []*Value{value}, index: map[string]int{key: 0}})
}

func (v *Value) want(k ValueKind) error {
	if v == nil {
		return errors.New("is missing")
	}
	if v.kind != k {
		return fmt.Errorf("is %s, must be %s", v.describe(), k)
	}
	return nil
}

// describe shows a short value, or names its type.
func (v *Value) describe() string {
	switch v.kind {
	case Bool, Number:
		if len(v.text) <= 40 {
			return v.text
		}
	case String:
		return oneline.Quote(v.text)
	}
	return v.kind.String()
}

// Str returns the text of a string. Errors of this and the following methods
// continue a sentence that begins with the value's name: "is null, must be a
// string".
func (v *Value) Str() (string, error) {
	if err := v.want(String); err != nil {
		return "", err
	}
	return v.text, nil
}

// Bool returns a boolean.
func (v *Value) Bool() (bool, error) {
	if err := v.want(Bool); err != nil {
		return false, err
	}
	return v.text == "true", nil
}

// Int returns an integer, written without fraction or exponent.
func (v *Value) Int() (int64, error) {
	if err := v.want(Number); err != nil {
		return 0, err
	}
	n, err := strconv.ParseInt(v.text, 10, 64)
	if err != nil || v.text == "-0" {
		return 0, fmt.Errorf("is %s, must be an integer below 2^63", v.describe())
	}
	return n, nil
}

// Float returns a number. JSON has no infinities; one that a double can't hold
// is an error.
func (v *Value) Float() (float64, error) {
	if err := v.want(Number); err != nil {
		return 0, err
	}
	x, err := strconv.ParseFloat(v.text, 64)
	if err != nil || math.IsInf(x, 0) || math.IsNaN(x) {
		return 0, fmt.Errorf("is %s, which no double can hold", v.describe())
	}
	return x, nil
}

// Equal reports whether two values are the same, whatever the order of
// members. Numbers compare by their value: 1 equals 1.0.
func (v *Value) Equal(w *Value) bool {
	if v.Kind() != w.Kind() || v.Len() != w.Len() {
		return false
	}
	switch v.Kind() {
	case Null:
		return true
	case Number:
		x, err1 := v.Float()
		y, err2 := w.Float()
		return v.text == w.text || err1 == nil && err2 == nil && x == y
	case Array:
		return slices.EqualFunc(v.items, w.items, (*Value).Equal)
	case Object:
		for key, item := range v.Members() {
			if !w.Has(key) || !item.Equal(w.Get(key)) {
				return false
			}
		}
		return true
	}
	return v.text == w.text
}
