package suite

import (
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"

	"ceiling/bench/result"
	"ceiling/internal/nearest"
	"ceiling/internal/oneline"
)

// maxPoints is the most scenarios that the lists of a suite may make.
const maxPoints = 1000

// list is a field that was given several values: an axis of a sweep.
type list struct {
	key    string
	values []ast.Node
}

// zipKey names the lists that go together.
const zipKey = "zip"

// fromFlag is the line of what does not stand in a file but in a flag.
const fromFlag = -1

// blamed is how a problem calls where something stands: in a scenario, or in a flag,
// whose mistakes are none of a scenario's and are told once.
func blamed(label string, line int) string {
	if line == fromFlag {
		return "--sweep"
	}
	return label
}

// Sweep is a list that is given to every scenario of a suite, in the place of
// what it has there.
type Sweep struct {
	list
	zip bool // goes together with the others that have it
}

// ParseSweeps reads lists as a flag has them, "concurrency=1,2,4". Those that
// begin with "zip:" go together, element by element; of the others every
// combination is a point. words are the flag's values cut at their commas.
func ParseSweeps(words []string) ([]Sweep, error) {
	const form = "give a field and its values, as in concurrency=1,2,4"
	var out []Sweep
	for _, word := range words {
		name, value, begins := strings.Cut(word, "=")
		if !begins && len(out) == 0 {
			return nil, fmt.Errorf("%q is no list: %s", word, form)
		}
		if begins {
			plain, zip := strings.CutPrefix(strings.TrimSpace(name), zipKey+":")
			key, err := sweepKey(plain)
			if err != nil {
				return nil, err
			}
			if slices.ContainsFunc(out, func(s Sweep) bool { return s.key == key }) {
				return nil, fmt.Errorf("%q is given twice: put all values into one list", key)
			}
			out = append(out, Sweep{list{key: key}, zip})
			word = value
		}
		last := &out[len(out)-1]
		if word = strings.TrimSpace(word); word == "" {
			return nil, fmt.Errorf("%q has an empty value: %s", last.key, form)
		}
		last.values = append(last.values, ast.String(token.String(word, word, &token.Position{Line: fromFlag})))
	}
	return out, nil
}

// List is the field's name and its values as they were written.
func (s *Sweep) List() (name string, values []string) {
	for _, v := range s.values {
		values = append(values, written(v))
	}
	return s.key, values
}

// sweepKey is a field's own name, for one written with - or _.
func sweepKey(name string) (string, error) {
	var known []string
	for _, f := range scenarioFields {
		if !f.list {
			continue
		}
		if strings.ReplaceAll(f.name, "_", "-") == strings.ReplaceAll(name, "_", "-") {
			return f.name, nil
		}
		known = append(known, f.name)
	}
	if near := nearest.To(name, known); near != "" {
		return "", fmt.Errorf("%q can't be swept: did you mean %q?", name, near)
	}
	return "", fmt.Errorf("%q can't be swept: use %s", name, strings.Join(known, ", "))
}

// lists are the fields of a scenario that have several values, in the order of
// the fields. A list that can't be one is a problem, and not among them: its
// field then has the first of its values, or is left out.
func (r *yamlReader) lists(fields *yamlFields, label string) []list {
	var out []list
	for _, f := range scenarioFields {
		seq, ok := fields.nodes[f.name].(*ast.SequenceNode)
		switch {
		case !ok || !f.list: // what is no list there is its reader's to say
			continue
		case len(seq.Values) == 0:
			r.problem(lineOf(seq), "%s: %s: empty list: give at least one value, or leave it out", label, f.name)
			delete(fields.nodes, f.name)
			fields.meant[f.name] = true
			continue
		}
		seen := map[string]bool{}
		for _, v := range seq.Values {
			text := written(v)
			if text != "" && seen[text] {
				r.problem(lineOf(v), "%s: %s: %q stands twice in the list: keep one", blamed(label, lineOf(v)), f.name, text)
			}
			seen[text] = true
		}
		out = append(out, list{f.name, seq.Values})
	}
	return out
}

// zipped are the groups of lists that go together. Each list that is in none is
// a group of its own.
func (r *yamlReader) zipped(fields yamlFields, label string, all []list) [][]list {
	group := map[string]int{} // of a key; 0: its own
	for i, names := range append(r.zipNames(fields, label, all), r.zipFlags()) {
		for _, name := range names {
			group[name] = i + 1
		}
	}
	var out [][]list
	at := map[int]int{}
	for _, l := range all {
		g := group[l.key]
		k, begun := at[g]
		if g == 0 || !begun {
			at[g] = len(out)
			out = append(out, []list{l})
			continue
		}
		if first := out[k][0]; len(first.values) != len(l.values) {
			line := lineOf(l.values[0])
			r.problem(line, "%s: %s: \"%d\" values go together with the \"%d\" of %s: give as many", blamed(label, max(line, lineOf(first.values[0]))), l.key, len(l.values), len(first.values), first.key)
			continue
		}
		out[k] = append(out[k], l)
	}
	return out
}

// zipNames are the lists that a scenario's zip names: one list of names, or
// several lists of names.
func (r *yamlReader) zipNames(fields yamlFields, label string, all []list) (groups [][]string) {
	n, ok := fields.nodes[zipKey]
	if !ok {
		return nil
	}
	const form = "name lists of the scenario, as in [input, concurrency]"
	outer, ok := n.(*ast.SequenceNode)
	if !ok || len(outer.Values) == 0 {
		r.problem(lineOf(n), "%s: zip: %s names no lists: %s", label, shown(n), form)
		return nil
	}
	lists := []*ast.SequenceNode{outer}
	if _, nested := outer.Values[0].(*ast.SequenceNode); nested {
		lists = nil
		for _, v := range outer.Values {
			if seq, ok := v.(*ast.SequenceNode); ok {
				lists = append(lists, seq)
			} else {
				r.problem(lineOf(v), "%s: zip: %s stands beside lists of names: %s", label, shown(v), form)
			}
		}
	}
	for _, seq := range lists {
		var names []string
		for _, v := range seq.Values {
			name := written(v)
			if !slices.ContainsFunc(all, func(l list) bool { return l.key == name }) {
				r.problem(lineOf(v), "%s: zip: %s is no list of this scenario: %s", label, shown(v), form)
				continue
			}
			names = append(names, name)
		}
		groups = append(groups, names)
	}
	return groups
}

// zipFlags are the lists of flags that go together.
func (r *yamlReader) zipFlags() (names []string) {
	for _, s := range r.sweeps {
		if s.zip {
			names = append(names, s.key)
		}
	}
	return names
}

// choices are the combinations of lists, the last varying fastest: of each list
// the index of a value. Lists of one group go together.
func choices(groups [][]list) []map[string]int {
	out := []map[string]int{{}}
	for _, group := range groups {
		var longer []map[string]int
		for _, c := range out {
			for i := range group[0].values {
				next := map[string]int{}
				for k, v := range c {
					next[k] = v
				}
				for _, l := range group {
					next[l.key] = i
				}
				longer = append(longer, next)
			}
		}
		out = longer
	}
	return out
}

// points reads a scenario: one, or where it has lists one for each combination
// of their values.
func (r *yamlReader) points(number int, n ast.Node) (out []result.Scenario, nameLine int) {
	label := scenarioLabel(number, n)
	fields, ok := r.mapping(n, label, append(scenarioKeys(), zipKey))
	if !ok {
		return nil, lineOf(n)
	}
	for _, s := range r.sweeps {
		seq := ast.Sequence(token.New("[", "[", &token.Position{Line: fromFlag}), true)
		seq.Values = s.values
		fields.nodes[s.key] = seq
	}
	all := r.lists(&fields, label)
	groups := r.zipped(fields, label, all)
	total, flags := 1, 1 // combinations: of all lists, of the flags'
	for _, g := range groups {
		many := len(g[0].values)
		total = min(total*many, maxPoints+1)
		if lineOf(g[0].values[0]) == fromFlag {
			flags = min(flags*many, maxPoints+1)
		}
	}
	if total > maxPoints {
		line := lineOf(n)
		if flags > maxPoints {
			line = fromFlag
		}
		r.problem(line, "%s: its lists make more than %d combinations: use fewer values, or zip", blamed(label, line), maxPoints)
		groups = nil
	}
	for _, choice := range choices(groups) {
		own := yamlFields{nodes: map[string]ast.Node{}, meant: fields.meant}
		for key, node := range fields.nodes {
			own.nodes[key] = node
		}
		var at []result.Setting
		for _, l := range all {
			value := l.values[choice[l.key]]
			own.nodes[l.key] = value
			at = append(at, result.Setting{Name: l.key, Value: written(value)})
		}
		var sc result.Scenario
		sc, nameLine = r.scenario(own, label, lineOf(n), at)
		out = append(out, sc)
	}
	return out, nameLine
}

// place makes a scenario a point of a sweep, with a name of its own. Where the
// concurrency varies, there are at least as many prompts.
func place(sc *result.Scenario, at []result.Setting) {
	if len(at) == 0 {
		return
	}
	sc.Sweep = &result.SweepPoint{Of: sc.Name, At: at}
	sc.Name += ": " + result.SettingsText(at)
	for _, s := range at {
		if s.Name == "concurrency" {
			sc.Prompts = max(sc.Prompts, sc.Concurrency)
		}
	}
}

// written is a scalar as it stands in the file, "" for any other node.
func written(n ast.Node) string {
	switch v := n.(type) {
	case *ast.StringNode:
		return oneline.Of(v.Value)
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		return v.GetToken().Value
	}
	return ""
}
