package importer

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"ceiling/internal/jsontext"
	"ceiling/internal/oneline"
)

// maxFile is the largest result file that is read, in bytes. It is held in
// memory several times over.
const maxFile = 256 << 20

// Open reads a result file or a folder of them. What wrote it is found from
// the content, never from the name. A folder is a run of this program
// (results.json, requests.jsonl), of `vllm bench sweep`, or holds result files
// of one tool.
//
// There is one ToolRun per model and set of hidden conditions, in the order of
// the file: most files hold one. The error is one line that names the path
// and says what was recognised: the file is cut off, empty, of a tool that is
// not known or of a kind that holds no results.
func Open(path string) ([]*ToolRun, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("result file %q: %w", path, oneline.Cause(err))
	}
	var runs []*ToolRun
	if info.IsDir() {
		runs, err = openDir(path)
	} else {
		runs, err = openFile(path)
	}
	if err != nil {
		kind := "result file"
		if info.IsDir() {
			kind = "folder"
		}
		return nil, fmt.Errorf("%s %q: %s", kind, path, oneline.Of(err.Error()))
	}
	for _, r := range runs {
		r.finish(path)
	}
	return runs, nil
}

// openFile reads one file; the error does not name it.
func openFile(path string) ([]*ToolRun, error) {
	b, err := readFile(path)
	if err != nil {
		return nil, err
	}
	b = jsontext.UTF8(b)
	if len(bytes.TrimSpace(b)) == 0 {
		return nil, errors.New("empty: no results in it")
	}
	if what := binary(b); what != "" {
		return nil, fmt.Errorf("%s, not a result file: give the JSON, JSONL, CSV or markdown that the tool wrote", what)
	}
	switch {
	case isReport(b):
		return readReport(b)
	case isLlamaBenchCSV(b):
		return readLlamaBenchCSV(b)
	case isVLLMSummary(b):
		return readVLLMSummary(b)
	case isOllama(b):
		return readOllama(b)
	}
	return readJSON(path, b)
}

func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, oneline.Cause(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, oneline.Cause(err)
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("not a regular file: save the results to one first")
	}
	b, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, oneline.Cause(err)
	}
	if len(b) > maxFile {
		return nil, fmt.Errorf("\"%d\" bytes are more than the limit of %d: write it again without the generated texts", info.Size(), maxFile)
	}
	return b, nil
}

// binary names what b is if it is no text; "" for text.
func binary(b []byte) string {
	for _, m := range []struct{ magic, what string }{
		{"GGUF", "a GGUF model"}, {"\x1f\x8b", "a gzip file"}, {"PK\x03\x04", "a zip file"},
		{"\x28\xb5\x2f\xfd", "a zstd file"}, {"SQLite format 3", "an SQLite database"}, {"%PDF", "a PDF"},
	} {
		if bytes.HasPrefix(b, []byte(m.magic)) {
			return m.what
		}
	}
	if bytes.IndexByte(b[:min(len(b), 1<<16)], 0) >= 0 {
		return "binary data"
	}
	return ""
}

// file is a JSON or JSONL file that is read into runs.
type file struct {
	path  string
	text  []byte   // its JSON value where it holds one alone
	items []object // its objects, in order; lists are taken apart
	notes []string
}

// format is one kind of JSON file.
type format struct {
	tool string
	// is tells whether an object of the file is of this kind.
	is func(object) bool
	// marks are keys that only this kind has and that stand near its start,
	// to name a file that is cut off.
	marks []string
	read  func(*file) ([]*ToolRun, error)
	// refuse, where read is nil, says what to import instead.
	refuse string
}

// readJSON finds out which tool wrote the JSON in b and reads it.
func readJSON(path string, b []byte) ([]*ToolRun, error) {
	b = jsontext.Finite(b)
	values, skipped, err := splitJSON(b)
	if err != nil {
		return nil, err
	}
	f := &file{path: path}
	if len(values) == 1 {
		f.text = values[0]
	}
	if skipped > 0 {
		f.notes = append(f.notes, fmt.Sprintf("%s left out: other output around the results", countLines(skipped)))
	}
	kind, err := f.collect(values)
	if err != nil {
		return nil, err
	}
	if kind.read == nil {
		return nil, fmt.Errorf("written by %s: %s", kind.tool, kind.refuse)
	}
	runs, err := kind.read(f)
	if err != nil {
		return nil, err
	}
	if len(runs) == 0 {
		return nil, fmt.Errorf("written by %s, but there is no result in it", kind.tool)
	}
	return runs, nil
}

// countLines is "1 line was" or "3 lines were".
func countLines(n int) string {
	if n == 1 {
		return "1 line was"
	}
	return fmt.Sprintf("%d lines were", n)
}

// splitJSON takes b apart into JSON values, also where lines of other output
// stand before, between and behind them.
func splitJSON(b []byte) (values []json.RawMessage, skipped int, err error) {
	first := bytes.TrimSpace(b)[0]
	if first == '{' || first == '[' {
		if values, err = jsonValues(b); err == nil {
			return values, 0, nil
		}
	}
	found, skipped, errFound := amongLines(b)
	switch {
	case errFound == nil && len(found) > 0:
		return found, skipped, nil
	case errFound != nil && (err == nil || len(found) > 0):
		return nil, 0, errFound
	case err != nil: // no other output around it, so that is what is wrong
		return nil, 0, damaged(b, err)
	}
	return nil, 0, errors.New(unknownText(b))
}

// markedTool names the tool that has a key of its own in b, whose JSON may
// break off; "" for none.
func markedTool(b []byte) string {
	keys := keysOf(b)
	for _, k := range formats {
		for _, mark := range k.marks {
			if keys[mark] {
				return k.tool
			}
		}
	}
	return ""
}

// damaged says what a file whose JSON is broken looks like.
func damaged(b []byte, err error) error {
	tool := markedTool(b)
	switch {
	case tool != "" && errors.Is(err, errCut):
		return fmt.Errorf("%w: it begins as a file of %s; take a whole copy", err, tool)
	case tool != "":
		return fmt.Errorf("%w; it begins as a file of %s", err, tool)
	case errors.Is(err, errCut):
		return fmt.Errorf("%w: the JSON does not end, and its beginning is of no tool that is known", err)
	}
	return err
}

// toolOf names the tool that wrote a value, or a list's first, "" for none
// known.
func toolOf(v json.RawMessage) string {
	var list []json.RawMessage
	if json.Unmarshal(v, &list) == nil && len(list) > 0 {
		v = list[0]
	}
	if o, ok := newObject(v); ok {
		if kind := kindOf(o); kind != nil {
			return kind.tool
		}
	}
	return ""
}

// kindOf finds the format of an object, nil for none.
func kindOf(o object) *format {
	for i := range formats {
		if formats[i].is(o) {
			return &formats[i]
		}
	}
	return nil
}

// collect takes lists apart, and checks that everything is of one kind.
func (f *file) collect(values []json.RawMessage) (*format, error) {
	var kind *format
	for _, v := range values {
		list := []json.RawMessage{v}
		if v[0] == '[' {
			list = nil // or v would be overwritten by its first item
			if err := json.Unmarshal(v, &list); err != nil {
				return nil, err
			}
		}
		for _, item := range list {
			o, ok := newObject(item)
			if !ok {
				return nil, fmt.Errorf("JSON, but not a result file: it holds %s where an object is expected", shorten(string(item)))
			}
			k := kindOf(o)
			switch {
			case k == nil && kind == nil:
				return nil, fmt.Errorf("JSON, but of no tool that is known: it holds the keys %s; known are %s", someKeys(o), tools())
			case kind == nil:
				kind = k
			case k != kind:
				return nil, fmt.Errorf("written by %s, but item %d is not: keep the files of different tools apart", kind.tool, len(f.items)+1)
			}
			f.items = append(f.items, o)
		}
	}
	if kind == nil {
		return nil, errors.New("an empty JSON list: no results in it")
	}
	return kind, nil
}

// tools lists what can be imported.
func tools() string {
	var names []string
	for _, k := range formats {
		if k.read != nil && !slices.Contains(names, k.tool) {
			names = append(names, k.tool)
		}
	}
	return strings.Join(append(names, ToolOllama), ", ")
}

// printed are the tables that tools print, by the words of one line, and how
// to have the same figures in a file. The first that fits wins.
var printed = []struct{ words, what, instead string }{
	{"| model test ttfr", "a table that llama-benchy printed", "run it with --format json"},
	{"| model size params test t/s", "a table that llama-bench printed", "run it with -o json"},
	{"| PP TG B N_KV", "a table that llama-batched-bench printed", "run it with --output-format jsonl"},
	{"Serving Benchmark Result", "what `vllm bench serve` or SGLang printed", "run it with --save-result, or give the JSON it saved"},
	{"Metric avg min max p99", "a table that AIPerf or genai-perf printed", "give the profile_export JSON in its artifacts folder"},
}

// unknownText describes a text file that holds no results.
func unknownText(b []byte) string {
	for line := range bytes.Lines(b) {
		for _, p := range printed {
			if hasWords(string(line), strings.Fields(p.words)) {
				return p.what + ": " + p.instead
			}
		}
	}
	return "text, but of no tool that is known: " + shorten(string(b[:min(len(b), 200)])) + "; known are " + tools() + ", and reports in markdown"
}

// hasWords tells whether the words are in a line, in this order.
func hasWords(line string, words []string) bool {
	for _, word := range strings.FieldsFunc(line, func(r rune) bool { return r == ' ' || r == '=' || r == '┃' || r == '\n' || r == '\r' }) {
		if len(words) > 0 && word == words[0] {
			words = words[1:]
		}
	}
	return len(words) == 0
}

// someKeys lists a few keys of an object.
func someKeys(o object) string {
	const most = 5
	keys := sortedKeys(o.fields)
	if len(keys) == 0 {
		return "of an empty object"
	}
	more := ""
	if len(keys) > most {
		keys, more = keys[:most], ", …"
	}
	for i, k := range keys {
		keys[i] = shorten(k)
	}
	return strings.Join(keys, ", ") + more
}
