// Package library loads libraries at run time and binds their functions: nothing
// of them is needed to build.
package library

import (
	"bytes"
	"fmt"

	"github.com/ebitengine/purego"
)

// Handle is a loaded library.
type Handle struct {
	path    string
	address uintptr
}

// Symbol is one row of the table that binds functions.
type Symbol struct {
	name     string
	function any
	optional bool
}

// Required is a function that the library has; function is a pointer to a variable
// of its type.
func Required(name string, function any) Symbol { return Symbol{name, function, false} }

// Optional is a function that not every release has: the variable stays nil where
// there is none.
func Optional(name string, function any) Symbol { return Symbol{name, function, true} }

// Open loads the library at path, a file or a name for the loader's own search,
// and binds its functions. missing says what follows where one is not there.
func Open(path string, table []Symbol, missing string) (Handle, error) {
	address, err := purego.Dlopen(path, purego.RTLD_NOW|purego.RTLD_GLOBAL)
	if err != nil {
		return Handle{}, fmt.Errorf("%q can't be loaded: %w", path, err)
	}
	h := Handle{path, address}
	return h, h.Bind(table, missing)
}

// Bind binds further functions of the library, as Open does.
func (h Handle) Bind(table []Symbol, missing string) error {
	for _, s := range table {
		address, err := purego.Dlsym(h.address, s.name)
		if err != nil && !s.optional {
			return fmt.Errorf("%q has no %s: %s", h.path, s.name, missing)
		}
		if err == nil {
			purego.RegisterFunc(s.function, address)
		}
	}
	return nil
}

// Loaded says whether some library of this process has a symbol.
func Loaded(symbol string) bool {
	_, err := purego.Dlsym(purego.RTLD_DEFAULT, symbol)
	return err == nil
}

// First opens the first of files that loads. The error is that of the first one.
func First[L any](files []string, open func(path string) (*L, error)) (*L, error) {
	var first error
	for _, file := range files {
		lib, err := open(file)
		if err == nil {
			return lib, nil
		}
		if first == nil {
			first = err
		}
	}
	return nil, first
}

// Text is the zero-terminated string in a buffer that a function has filled.
func Text(buf []byte) string {
	if i := bytes.IndexByte(buf, 0); i >= 0 {
		buf = buf[:i]
	}
	return string(buf)
}
