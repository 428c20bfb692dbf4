package importer

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// errCut is what a file that ends too early fails with.
var errCut = errors.New("cut off")

// jsonValues takes b apart into the JSON values that are in it one after
// the other. The error wraps errCut where the last one does not end.
func jsonValues(b []byte) ([]json.RawMessage, error) {
	dec := json.NewDecoder(bytes.NewReader(b))
	var values []json.RawMessage
	for {
		var v json.RawMessage
		err := dec.Decode(&v)
		switch {
		case errors.Is(err, io.EOF):
			return values, nil
		case errors.Is(err, io.ErrUnexpectedEOF):
			return values, fmt.Errorf("%w after %d bytes", errCut, len(b))
		case err != nil:
			return values, fmt.Errorf("not JSON at byte %d: %w", dec.InputOffset(), err)
		}
		values = append(values, v)
	}
}

// amongLines finds the JSON values of tools that are known between lines of
// other output: each begins at the beginning of a line, as no part of a value
// that is laid out over several lines does. skipped counts the other lines that
// are not empty. A value that is damaged but has a key of a tool is an error:
// what follows may be a part of it.
func amongLines(b []byte) (values []json.RawMessage, skipped int, err error) {
	// Lines that begin like a value and are none are read once each. What they
	// may cost in all is bounded: text of brackets alone would cost its square.
	left := 4*len(b) + 1<<20
	for number := 1; len(b) > 0; number++ {
		line, rest, _ := bytes.Cut(b, []byte("\n"))
		switch {
		case len(bytes.TrimSpace(line)) == 0:
			b = rest
			continue
		case left > 0 && (b[0] == '{' || b[0] == '['):
			v, end, err := oneValue(b)
			if err == nil && toolOf(v) != "" {
				values = append(values, v)
				number += bytes.Count(b[:end], []byte("\n")) - 1
				b = b[end:]
				continue
			}
			left -= end
			if tool := damagedTool(b[:end], err, values); tool != "" {
				return values, skipped, fmt.Errorf("%w in line %d: it begins as a file of %s; take a whole copy", err, number, tool)
			}
		}
		skipped++
		b = rest
	}
	return values, skipped, nil
}

// damagedTool names the tool that wrote a value which can't be read, "" where
// it may be no value at all: a key of its own tells, and of one that does not
// end what stands before it.
func damagedTool(b []byte, err error, before []json.RawMessage) string {
	if err == nil {
		return ""
	}
	tool := markedTool(b)
	if tool == "" && errors.Is(err, errCut) && len(before) > 0 {
		tool = toolOf(before[0])
	}
	return tool
}

// counter counts what is read.
type counter struct {
	io.Reader
	n int
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.n += n
	return n, err
}

// oneValue is the JSON value that b begins with, and where it ends; with an
// error, about how far it was read.
func oneValue(b []byte) (v json.RawMessage, end int, err error) {
	in := &counter{Reader: bytes.NewReader(b)}
	dec := json.NewDecoder(in)
	switch err := dec.Decode(&v); {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return nil, in.n, errCut
	case err != nil:
		return nil, in.n, errors.New("no whole JSON value")
	}
	return v, int(dec.InputOffset()), nil
}

// keysOf collects the object keys of b, at any depth, up to where its JSON
// ends or breaks.
func keysOf(b []byte) map[string]bool {
	const most = 100_000 // tokens: enough to know any tool by
	keys := map[string]bool{}
	dec := json.NewDecoder(bytes.NewReader(b))
	type level struct{ object, key bool }
	var stack []level
	for range most {
		t, err := dec.Token()
		if err != nil {
			return keys
		}
		top := len(stack) - 1
		if d, ok := t.(json.Delim); ok && (d == '}' || d == ']') {
			stack = stack[:top]
			continue
		}
		if top >= 0 && stack[top].object {
			stack[top].key = !stack[top].key
			if name, ok := t.(string); ok && stack[top].key {
				keys[name] = true
				continue
			}
		}
		if d, ok := t.(json.Delim); ok {
			stack = append(stack, level{object: d == '{'})
		}
	}
	return keys
}
