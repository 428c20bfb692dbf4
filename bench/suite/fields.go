package suite

import (
	"math"
	"regexp"
	"strconv"
	"strings"

	"ceiling/bench/result"

	"github.com/goccy/go-yaml/ast"
)

// scenarioField says how one key of a scenario is read. set returns false
// after it has reported a problem.
type scenarioField struct {
	name     string
	required bool
	list     bool // it may have several values, each of which makes a scenario
	set      func(f *scenarioReader, n ast.Node, key string, sc *result.Scenario) bool
}

var scenarioFields = append([]scenarioField{
	{"name", true, false, textField(func(s *result.Scenario) *string { return &s.Name })},
	{"category", false, false, textField(func(s *result.Scenario) *string { return &s.Category })},
	{"purpose", false, false, textField(func(s *result.Scenario) *string { return &s.Purpose })},
	{"input", true, true, tokenField(func(s *result.Scenario) *int { return &s.Input })},
	{"output", true, true, tokenField(func(s *result.Scenario) *int { return &s.Output })},
	{"concurrency", true, true, intField(func(s *result.Scenario) *int { return &s.Concurrency })},
	{"prompts", true, true, setPrompts},
	{"range_ratio", false, true, numberField(func(s *result.Scenario) *float64 { return &s.RangeRatio }, true)},
	{"request_rate", false, true, setRate},
	{"burstiness", false, true, numberField(func(s *result.Scenario) *float64 { return &s.Burstiness }, false)},
	{"prefix_len", false, true, tokenField(func(s *result.Scenario) *int { return &s.PrefixLen })},
	{"depth", false, true, setDepth},
	{"slo", false, false, setSLO},
	{"repeat", false, false, setRepeat},
	{"turns", false, true, intField(func(s *result.Scenario) *int { return &s.Turns })},
	{"think_time", false, true, numberField(func(s *result.Scenario) *float64 { return &s.ThinkS }, true)},
	{"dataset", false, true, setDataset},
	{"dataset_sample", false, false, setSample},
	{"trace", false, true, setTrace},
	{"speedup", false, true, numberField(func(s *result.Scenario) *float64 { return &s.Speedup }, false)},
	{"ignore_eos", false, false, setIgnoreEOS},
}, settingFields()...)

// settingFields are the settings of the engine that a scenario may have for
// itself. Which values there are is the engine's to say.
func settingFields() []scenarioField {
	var out []scenarioField
	for _, name := range result.SettingNames() {
		out = append(out, scenarioField{name, false, true, func(f *scenarioReader, n ast.Node, key string, sc *result.Scenario) bool {
			value := written(n)
			if value == "" || strings.ContainsAny(value, ", ") || len(value) > maxNameLen {
				f.r.problem(lineOf(n), "%s: %s is no setting: give a word or a number, several with slashes", key, shown(n))
				return false
			}
			sc.Settings = append(sc.Settings, result.Setting{Name: name, Value: value})
			return true
		}})
	}
	return out
}

var sloFields = []struct {
	name string
	at   func(*result.Scenario) *float64
}{
	{"ttft", func(s *result.Scenario) *float64 { return &s.SLO.TTFTMs }},
	{"tpot", func(s *result.Scenario) *float64 { return &s.SLO.TPOTMs }},
	{"e2el", func(s *result.Scenario) *float64 { return &s.SLO.E2ELMs }},
}

func scenarioKeys() []string {
	out := make([]string, len(scenarioFields))
	for i, f := range scenarioFields {
		out[i] = f.name
	}
	return out
}

// scenarioReader reads one scenario's mapping.
type scenarioReader struct {
	r      *yamlReader
	fields yamlFields
	label  string // what errors call the scenario
	line   int
	bad    map[string]bool // fields that are reported already
	lines  map[string]int  // where each field stands
}

func (f *scenarioReader) read(field scenarioField, sc *result.Scenario) {
	n, ok := f.fields.nodes[field.name]
	if !ok {
		required := field.required && !f.inFile(field.name)
		f.bad[field.name] = required || f.fields.meant[field.name]
		if required && !f.fields.meant[field.name] {
			f.r.problem(f.line, "%s: %s: missing: add it", f.label, field.name)
		}
		return
	}
	f.lines[field.name] = lineOf(n)
	if !field.set(f, n, blamed(f.label, lineOf(n))+": "+field.name, sc) {
		f.bad[field.name] = true
	}
}

// check adds what Validate would say, at the lines of the fields, without
// repeating what is reported already.
func (f *scenarioReader) check(sc result.Scenario) {
	f.checkDataset(sc)
	problems, own := fieldProblems(sc), true
	if len(problems) == 0 && !f.anyBad() {
		problems, own = crossProblems(sc), false
	}
	for _, p := range problems {
		if f.bad[p.field] {
			continue
		}
		line, ok := f.lines[p.field]
		if !ok {
			line = f.line
		}
		label := f.label // what does not fit together is the scenario's
		if own {
			label = blamed(label, line)
		}
		f.r.problem(line, "%s: %s: %s", label, p.field, p.text)
	}
}

func (f *scenarioReader) anyBad() bool {
	for _, bad := range f.bad {
		if bad {
			return true
		}
	}
	return false
}

type fieldSetter = func(f *scenarioReader, n ast.Node, key string, sc *result.Scenario) bool

func textField(at func(*result.Scenario) *string) fieldSetter {
	return func(f *scenarioReader, n ast.Node, key string, sc *result.Scenario) (ok bool) {
		*at(sc), ok = f.r.text(n, key)
		return ok
	}
}

// tokenField reads a number of tokens: 4k is 4096.
func tokenField(at func(*result.Scenario) *int) fieldSetter {
	return func(f *scenarioReader, n ast.Node, key string, sc *result.Scenario) (ok bool) {
		if m := kilo.FindStringSubmatch(plainScalar(n)); m != nil {
			v, _ := strconv.Atoi(m[1]) // six digits
			*at(sc) = v << 10
			return true
		}
		*at(sc), ok = f.r.integer(n, key)
		return ok
	}
}

// setDepth reads a depth, for which 0 is one too.
func setDepth(f *scenarioReader, n ast.Node, key string, sc *result.Scenario) bool {
	depth := 0
	ok := tokenField(func(*result.Scenario) *int { return &depth })(f, n, key, sc)
	sc.Depth = &depth
	return ok
}

// kilo is a number of tokens in units of 1024.
var kilo = regexp.MustCompile(`^([0-9]{1,6})[kK]$`)

func intField(at func(*result.Scenario) *int) fieldSetter {
	return func(f *scenarioReader, n ast.Node, key string, sc *result.Scenario) (ok bool) {
		*at(sc), ok = f.r.integer(n, key)
		return ok
	}
}

// numberField reads a number. Where 0 stands for "not given" in Scenario, a
// written 0 is a mistake.
func numberField(at func(*result.Scenario) *float64, zero bool) fieldSetter {
	return func(f *scenarioReader, n ast.Node, key string, sc *result.Scenario) bool {
		v, ok := f.r.number(n, key)
		if ok && v == 0 && !zero {
			f.r.problem(lineOf(n), "%s: \"0\" is out of range: use more than 0, or leave it out", key)
			return false
		}
		*at(sc) = v
		return ok
	}
}

// setRate reads request_rate. Other tools write inf for requests that all come
// at once.
func setRate(f *scenarioReader, n ast.Node, key string, sc *result.Scenario) bool {
	if infinite(n) {
		f.r.problem(lineOf(n), "%s: %s is no rate: leave it out: all at once is a closed loop with concurrency = prompts", key, shown(n))
		return false
	}
	return numberField(func(s *result.Scenario) *float64 { return &s.RequestRate }, false)(f, n, key, sc)
}

// multiple is a number of prompts as a multiple of the concurrency: 4x.
var multiple = regexp.MustCompile(`^([0-9]{1,6})x$`)

// setPrompts reads prompts. Concurrency is read before it.
func setPrompts(f *scenarioReader, n ast.Node, key string, sc *result.Scenario) bool {
	text, ok := n.(*ast.StringNode)
	if !ok || !multiple.MatchString(text.Value) {
		return intField(func(s *result.Scenario) *int { return &s.Prompts })(f, n, key, sc)
	}
	if f.bad["concurrency"] {
		return false // that is what has to be mended
	}
	times, _ := strconv.Atoi(multiple.FindStringSubmatch(text.Value)[1]) // six digits
	sc.Prompts = times * sc.Concurrency
	return true
}

func setRepeat(f *scenarioReader, n ast.Node, key string, sc *result.Scenario) bool {
	v, ok := f.r.integer(n, key)
	if ok && v == 0 {
		f.r.problem(lineOf(n), "%s: %s", key, checkInt(v, 1, result.MaxRepeat))
		return false
	}
	sc.Repeat = v
	return ok
}

func setSLO(f *scenarioReader, n ast.Node, key string, sc *result.Scenario) bool {
	names := make([]string, len(sloFields))
	for i, s := range sloFields {
		names[i] = s.name
	}
	fields, ok := f.r.mapping(n, key, names)
	if !ok {
		return false
	}
	if len(fields.nodes) == 0 && len(fields.meant) == 0 {
		f.r.problem(lineOf(n), "%s: empty: give ttft, tpot or e2el a time, or leave it out", key)
		return false
	}
	good := true
	for _, s := range sloFields {
		child, ok := fields.nodes[s.name]
		if !ok {
			continue
		}
		full := "slo." + s.name
		f.lines[full] = lineOf(child)
		if !f.millis(child, full, s.at(sc)) {
			f.bad[full], good = true, false
		}
	}
	return good
}

// millis reads a time as --slo has it: a number of milliseconds, or one with a unit.
func (f *scenarioReader) millis(n ast.Node, key string, at *float64) bool {
	text := plainScalar(n)
	if s, ok := n.(*ast.StringNode); ok { // in quotes
		text = s.Value
	}
	ms, err := parseMillis(strings.ReplaceAll(text, "_", ""))
	switch {
	case err != nil || math.IsNaN(ms) || math.IsInf(ms, 0):
		f.r.problem(lineOf(n), "%s: %s: %s is no time: write milliseconds or a unit, for example 500 or 0.5s", f.label, key, shown(n))
	case ms == 0:
		f.r.problem(lineOf(n), "%s: %s: \"0\" is out of range: use more than 0, or leave it out", f.label, key)
	default:
		*at = ms
		return true
	}
	return false
}
