package suite

import (
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"ceiling/internal/nearest"
	"ceiling/internal/oneline"
)

// yamlFields is a mapping's known keys, and those that unknown keys were
// taken for: they count as misspelt, not as missing.
type yamlFields struct {
	nodes map[string]ast.Node
	meant map[string]bool
}

// mapping returns the fields of a mapping, and whether n is one. It reports
// unknown and repeated keys and goes on without them.
func (r *yamlReader) mapping(n ast.Node, label string, known []string) (yamlFields, bool) {
	pairs := pairsOf(n)
	if _, isMapping := n.(*ast.MappingNode); !isMapping && len(pairs) == 0 {
		r.problem(lineOf(n), "%s: %s is not a mapping: write \"key: value\" lines", label, shown(n))
		return yamlFields{}, false
	}
	fields := yamlFields{nodes: map[string]ast.Node{}, meant: map[string]bool{}}
	for _, p := range pairs {
		key := keyText(p.Key)
		switch {
		case !slices.Contains(known, key):
			fields.meant[r.unknownKey(lineOf(p.Key), label, key, known)] = true
		case fields.nodes[key] != nil:
			r.problem(lineOf(p.Key), "%s: %s: given twice: keep one", label, key)
		default:
			fields.nodes[key] = p.Value
		}
	}
	return fields, true
}

// pairsOf are the entries of a mapping, which the parser gives as one entry
// alone in places; none for any other node.
func pairsOf(n ast.Node) []*ast.MappingValueNode {
	switch m := n.(type) {
	case *ast.MappingNode:
		return m.Values
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{m}
	}
	return nil
}

// unknownKey reports a key, and returns the one that was probably meant or "".
func (r *yamlReader) unknownKey(line int, label, key string, known []string) string {
	near := nearest.To(key, known)
	if near != "" {
		r.problem(line, "%s: unknown key %q: did you mean %q?", label, key, near)
	} else {
		r.problem(line, "%s: unknown key %q: use %s", label, key, strings.Join(known, ", "))
	}
	return near
}

// text is a scalar as one printable line: names and purposes go to terminals,
// tables and headings.
func (r *yamlReader) text(n ast.Node, key string) (string, bool) {
	switch v := n.(type) {
	case *ast.StringNode:
		return oneline.Of(v.Value), true
	case *ast.LiteralNode:
		return oneline.Of(v.Value.Value), true
	}
	r.problem(lineOf(n), "%s: %s is not text: write it in quotes", key, shown(n))
	return "", false
}

// shown is a node as an error message quotes it: scalars by their text,
// everything else by its kind.
func shown(n ast.Node) string {
	switch v := n.(type) {
	case nil:
		return "nothing"
	case *ast.NullNode:
		return "an empty value"
	case *ast.MappingNode, *ast.MappingValueNode:
		return "a mapping"
	case *ast.SequenceNode:
		return "a list"
	case *ast.AnchorNode, *ast.AliasNode:
		return "an anchor or alias"
	case *ast.TagNode:
		return "a tag"
	case *ast.StringNode:
		return quoted(v.Value)
	case *ast.LiteralNode:
		return quoted(v.Value.Value)
	}
	return quoted(n.GetToken().Value)
}

func quoted(s string) string {
	const most = 60
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "…"
	}
	return fmt.Sprintf("%q", s)
}

// lineOf is the line on which a node begins. A mapping's own token is its
// first colon, so its first key is asked.
func lineOf(n ast.Node) int {
	switch v := n.(type) {
	case nil:
		return 1
	case *ast.MappingNode:
		if len(v.Values) > 0 {
			return lineOf(v.Values[0].Key)
		}
	case *ast.MappingValueNode:
		return lineOf(v.Key)
	}
	if tk := n.GetToken(); tk != nil && tk.Position != nil {
		return tk.Position.Line
	}
	return 1
}

func keyText(k ast.MapKeyNode) string {
	if s, ok := k.(*ast.StringNode); ok {
		return s.Value
	}
	if k == nil || k.GetToken() == nil {
		return ""
	}
	return k.GetToken().Value
}
