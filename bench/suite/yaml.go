package suite

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"ceiling/bench/result"
	"ceiling/internal/oneline"
)

const maxSuiteBytes = 1 << 16

// ParseSuite reads a suite from YAML. file is what errors call the text. All
// mistakes are reported at once: the error is a *SuiteError whose problems
// carry the line, the offending value and what to do about it.
//
//	name: nightly
//	scenarios:
//	  - name: Chat           # required
//	    category: Latency    # default: Custom
//	    purpose: What it shows
//	    input: 2048          # required, prompt tokens, BOS included
//	    output: 512          # required, tokens generated
//	    concurrency: 4       # required, requests in flight
//	    prompts: 30          # required, requests in total
//	    range_ratio: 0.5     # lengths ±50 %
//	    request_rate: 2.5    # arrivals per second; without it: closed loop
//	    burstiness: 1        # 1 is Poisson
//	    prefix_len: 256      # tokens shared by all prompts, on top of input
//	    depth: 4k            # tokens in the KV cache before each request; 4k is 4096
//	    slo: {ttft: 200, tpot: 50, e2el: 10s}    # milliseconds, or with a unit
//	    repeat: 1
//	    dataset: chats.jsonl # prompts from a file; input, output and prompts are then its own unless given
//	    dataset_sample: true # drawn by the seed, not in the file's order
//	    ignore_eos: false    # a text may end before output
//	    kv-type: q8_0        # and any other of result.SettingNames
//
// A field that has a list of values makes a scenario for each combination of
// them; lists that zip names go together. sweeps are lists for every scenario.
func Parse(file string, data []byte, sweeps ...Sweep) (result.Suite, error) {
	r := yamlReader{file: file, sweeps: sweeps}
	body := r.parse(data)
	var s result.Suite
	if body != nil {
		s = r.suite(body)
	}
	// In the order of the file, so that an editor can be walked through it.
	// What is wrong in its datasets comes behind.
	slices.SortStableFunc(r.err.Problems, func(a, b Problem) int {
		switch {
		case a.File == b.File:
			return a.Line - b.Line
		case a.File == file:
			return -1
		case b.File == file:
			return 1
		}
		return strings.Compare(a.File, b.File)
	})
	r.err.Problems = once(r.err.Problems)
	if err := r.err.orNil(); err != nil {
		return result.Suite{}, err
	}
	return s, nil
}

// once leaves repeated problems out: what is wrong in a scenario with lists is
// wrong in each of its points.
func once(problems []Problem) []Problem {
	seen := map[Problem]bool{}
	return slices.DeleteFunc(problems, func(p Problem) bool {
		again := seen[p]
		seen[p] = true
		return again
	})
}

// yamlReader collects the problems of one file.
type yamlReader struct {
	file   string
	sweeps []Sweep
	err    Error
	data   map[string]*dataset // by name; nil entries could not be read
}

func (r *yamlReader) problem(line int, format string, args ...any) {
	p := Problem{File: r.file, Line: max(line, 1), Text: fmt.Sprintf(format, args...)}
	if line == fromFlag {
		p.File, p.Line = "", 0
	}
	r.err.Problems = append(r.err.Problems, p)
}

// parse returns the document's top node, or nil after reporting why not.
func (r *yamlReader) parse(data []byte) ast.Node {
	if len(data) > maxSuiteBytes {
		r.problem(1, "\"%d\" bytes: a suite has at most %d", len(data), maxSuiteBytes)
		return nil
	}
	data, wide := plainText(data)
	if wide {
		r.problem(1, "UTF-16 text: save it as UTF-8")
		return nil
	}
	file, line, err := parseYAML(data)
	if line > 0 {
		r.problem(line, "nested too deeply for a suite: use plain \"key: value\" lines")
		return nil
	}
	if err != nil {
		var syntax *yaml.SyntaxError
		if errors.As(err, &syntax) && syntax.Token != nil {
			r.problem(syntax.Token.Position.Line, "not YAML: %s", strings.ToLower(oneline.Of(syntax.Message)))
		} else {
			r.problem(1, "not YAML: %s", oneline.Err(err))
		}
		return nil
	}
	var bodies []ast.Node
	for _, doc := range file.Docs {
		switch doc.Body.(type) {
		case nil, *ast.CommentGroupNode, *ast.DirectiveNode: // "%YAML 1.2" is a document of its own to the parser
		default:
			bodies = append(bodies, doc.Body)
		}
	}
	switch len(bodies) {
	case 0:
		r.problem(1, "empty: give the suite a name and a list of scenarios")
		return nil
	case 1:
		return bodies[0]
	}
	r.problem(lineOf(bodies[1]), "a second document: keep one suite per file")
	return nil
}

// plainText removes the byte-order mark that some editors put in front; wide
// says that the mark is UTF-16's.
func plainText(data []byte) (text []byte, wide bool) {
	wide = bytes.HasPrefix(data, []byte("\xff\xfe")) || bytes.HasPrefix(data, []byte("\xfe\xff"))
	return bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")), wide
}

// parseYAML turns a panic of the parser, which reads text from anywhere, into
// an error. deep is the line of nesting that it was kept from, or 0.
func parseYAML(data []byte) (file *ast.File, deep int, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the parser failed: %v", p)
		}
	}()
	if deep = tooDeep(data); deep > 0 {
		return nil, deep, nil
	}
	file, err = parser.ParseBytes(data, 0, parser.AllowDuplicateMapKey())
	return file, 0, err
}

func (r *yamlReader) suite(body ast.Node) result.Suite {
	var s result.Suite
	fields, ok := r.mapping(body, "the suite", []string{"name", "scenarios"})
	if !ok {
		return s
	}
	if n, ok := fields.nodes["name"]; ok {
		if s.Name, ok = r.text(n, "name"); ok && strings.TrimSpace(s.Name) == "" {
			r.problem(lineOf(n), "name: empty: give the suite a name")
		}
	} else if !fields.meant["name"] {
		r.problem(lineOf(body), "name: missing: give the suite a name")
	}
	list, ok := fields.nodes["scenarios"]
	if !ok {
		if !fields.meant["scenarios"] {
			r.problem(lineOf(body), "scenarios: missing: list at least one")
		}
		return s
	}
	seq, ok := list.(*ast.SequenceNode)
	if !ok {
		r.problem(lineOf(list), "scenarios: %s is not a list: begin each scenario with \"- name: …\"", shown(list))
		return s
	}
	if len(seq.Values) == 0 {
		r.problem(lineOf(list), "scenarios: empty: list at least one")
	}
	r.scenarios(&s, seq)
	return s
}

func (r *yamlReader) scenarios(s *result.Suite, seq *ast.SequenceNode) {
	firstLine := map[string]int{}
	for i, n := range seq.Values {
		points, nameLine := r.points(i+1, n)
		for _, sc := range points {
			if prev, dup := firstLine[sc.Name]; dup && sc.Name != "" && prev != nameLine {
				r.problem(nameLine, "scenario %q: name: already used in line %d: give every scenario a name of its own", sc.Name, prev)
			} else {
				firstLine[sc.Name] = nameLine
			}
		}
		s.Scenarios = append(s.Scenarios, points...)
	}
}

// scenario reads the fields of one scenario, at a place of a sweep or none, and
// returns it with the line of its name.
func (r *yamlReader) scenario(fields yamlFields, label string, line int, at []result.Setting) (sc result.Scenario, nameLine int) {
	f := scenarioReader{r: r, fields: fields, label: label, line: line, bad: map[string]bool{}, lines: map[string]int{}}
	sc.Category = "Custom"
	for _, field := range scenarioFields {
		f.read(field, &sc)
	}
	f.fromDataset(&sc)
	place(&sc, at)
	f.check(sc)
	if l, ok := f.lines["name"]; ok {
		return sc, l
	}
	return sc, f.line
}

// scenarioLabel is what errors call a scenario: its name, or its place in the
// list where it has none.
func scenarioLabel(number int, n ast.Node) string {
	for _, p := range pairsOf(n) {
		if name, ok := p.Value.(*ast.StringNode); ok && keyText(p.Key) == "name" && name.Value != "" {
			return "scenario " + quoted(name.Value)
		}
	}
	return fmt.Sprintf("scenario %d", number)
}
