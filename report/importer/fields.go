package importer

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"

	"ceiling/internal/oneline"
)

// object is a JSON object whose fields are read one by one. Tools differ in
// what they leave out and in how they write a number, so a field that is
// absent or null is just not there; one of the wrong kind is not there
// either, and is remembered.
type object struct {
	fields map[string]json.RawMessage
	bad    *[]string // sentences about fields of the wrong kind
}

// newObject reads v; ok is false if it is no JSON object.
func newObject(v json.RawMessage) (o object, ok bool) {
	if json.Unmarshal(v, &o.fields) != nil || o.fields == nil {
		return object{}, false
	}
	o.bad = new([]string)
	return o, true
}

// has tells whether all the keys are there, null or not.
func (o object) has(keys ...string) bool {
	for _, key := range keys {
		if _, ok := o.fields[key]; !ok {
			return false
		}
	}
	return true
}

// get returns a field that is there and not null.
func (o object) get(key string) (json.RawMessage, bool) {
	v, ok := o.fields[key]
	return v, ok && string(v) != "null"
}

func (o object) reject(key string, v json.RawMessage, want string) {
	text := string(v)
	if json.Unmarshal(v, &text) != nil {
		text = string(v) // no string
	}
	*o.bad = append(*o.bad, fmt.Sprintf("%s is %s, which is not %s: left out", key, shorten(text), want))
}

// number is a finite number that is not below 0. What all tools measure is
// none.
func (o object) number(key string) (float64, bool) {
	v, ok := o.get(key)
	if !ok {
		return 0, false
	}
	f, err := strconv.ParseFloat(string(v), 64)
	if err != nil || f < 0 || math.IsInf(f, 0) || math.IsNaN(f) {
		o.reject(key, v, "a measured number")
		return 0, false
	}
	return f, true
}

// figure is number, also where it is in quotes; anything else is just not
// there.
func (o object) figure(key string) (float64, bool) {
	v, ok := o.get(key)
	if !ok {
		return 0, false
	}
	f, err := strconv.ParseFloat(strings.Trim(string(v), `"`), 64)
	return f, err == nil && f >= 0 && !math.IsInf(f, 0) && !math.IsNaN(f)
}

// maxCount is more than any count in a result file, and exact in a float64.
const maxCount = 1 << 40

// count is a whole number that is not below 0; tools also write it as 16.0.
func (o object) count(key string) (int, bool) {
	f, ok := o.number(key)
	if !ok {
		return 0, false
	}
	if f != math.Trunc(f) || f > maxCount {
		o.reject(key, o.fields[key], "a count")
		return 0, false
	}
	return int(f), true
}

// countPointer is count as a pointer, nil where there is none.
func (o object) countPointer(key string) *int {
	if n, ok := o.count(key); ok {
		return &n
	}
	return nil
}

// text is a string that is not empty, on one line.
func (o object) text(key string) string {
	var s string
	if v, ok := o.get(key); ok && json.Unmarshal(v, &s) != nil {
		o.reject(key, v, "a string")
	}
	return oneline.Of(s)
}

// scalar is a string, number or boolean as text; "" for anything else.
func (o object) scalar(key string) string {
	v, ok := o.get(key)
	if !ok || v[0] == '{' || v[0] == '[' {
		return ""
	}
	if v[0] == '"' {
		return o.text(key)
	}
	return string(v)
}

// object is a field that is an object; one without fields if it is not.
func (o object) object(key string) object {
	if v, ok := o.get(key); ok {
		if inner, ok := newObject(v); ok {
			inner.bad = o.bad
			return inner
		}
	}
	return object{bad: o.bad}
}

// list is a field that is a list; nil if it is not.
func (o object) list(key string) []json.RawMessage {
	var items []json.RawMessage
	if v, ok := o.get(key); ok && json.Unmarshal(v, &items) != nil {
		o.reject(key, v, "a list")
	}
	return items
}

// objects is a field that is a list of objects; other items are left out.
func (o object) objects(key string) []object {
	var out []object
	for _, v := range o.list(key) {
		if inner, ok := newObject(v); ok {
			inner.bad = o.bad
			out = append(out, inner)
		}
	}
	return out
}

// numbers is a field that is a list of numbers; nil if it is not, or holds a
// null.
func (o object) numbers(key string) []float64 {
	v, ok := o.get(key)
	if !ok {
		return nil
	}
	var items []*float64
	if json.Unmarshal(v, &items) != nil {
		o.reject(key, v, "a list of numbers")
		return nil
	}
	out := make([]float64, len(items))
	for i, f := range items {
		if f == nil {
			o.reject(key, v, "a list of finite numbers")
			return nil
		}
		out[i] = *f
	}
	return out
}

// onOff reads a switch that is a boolean or, as in newer llama.cpp, an
// integer with -1 for automatic.
func (o object) onOff(key string) string {
	switch o.scalar(key) {
	case "true", "1", "on":
		return "on"
	case "false", "0", "off":
		return "off"
	case "-1", "auto":
		return "auto"
	}
	return ""
}

// shorten is text from a file, in quotes and not too long for a line.
func shorten(s string) string {
	const most = 40 // characters
	if r := []rune(oneline.Of(s)); len(r) > most {
		return strconv.Quote(string(r[:most]) + "…")
	}
	return strconv.Quote(oneline.Of(s))
}
