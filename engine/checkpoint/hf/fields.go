package hf

import (
	"fmt"
	"math"

	"ceiling/engine/checkpoint/internal/strictjson"
)

// fields reads members of an object. The first mistake sticks in err; later
// reads return zero.
type fields struct {
	v    *strictjson.Value
	name string // of the object in messages, with a dot at its end; "" at the top
	err  error
}

func (f *fields) fail(key string, err error) {
	if f.err == nil && err != nil {
		f.err = fmt.Errorf("%s%s %w", f.name, key, err)
	}
}

func (f *fields) int(key string, lo, hi int64) int {
	n, err := f.v.Get(key).Int()
	if err == nil && (n < lo || n > hi) {
		err = fmt.Errorf("is %d, must be %d to %d", n, lo, hi)
	}
	if f.fail(key, err); err != nil {
		return 0
	}
	return int(n)
}

func (f *fields) float(key string, lo, hi float64) float64 {
	x, err := f.v.Get(key).Float()
	if err == nil && (math.IsNaN(x) || x < lo || x > hi) {
		err = fmt.Errorf("is %v, must be %v to %v", x, lo, hi)
	}
	if f.fail(key, err); err != nil {
		return 0
	}
	return x
}

func (f *fields) string(key string) string {
	s, err := f.v.Get(key).Str()
	f.fail(key, err)
	return s
}

func (f *fields) bool(key string) bool {
	b, err := f.v.Get(key).Bool()
	f.fail(key, err)
	return b
}

func (f *fields) strings(key string) []string {
	list := f.v.Get(key)
	if list.Kind() != strictjson.Array {
		f.fail(key, fmt.Errorf("must be an array of strings"))
		return nil
	}
	var out []string
	for _, item := range list.Items() {
		s, err := item.Str()
		f.fail(key, err)
		out = append(out, s)
	}
	return out
}

// shown is how many bytes of a text from a file a message shows.
const shown = 80
