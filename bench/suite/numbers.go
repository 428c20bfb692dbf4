package suite

import (
	"math"
	"regexp"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// Numbers of YAML 1.2's core schema, with the digit groups of YAML 1.1. The
// parser's own reading is of 1.1 in places: 010 is eight there, 1e3 is text.
var (
	decimalNumber = regexp.MustCompile(`^[-+]?[0-9][0-9_]*$`)
	floatNumber   = regexp.MustCompile(`^[-+]?(\.[0-9]+|[0-9][0-9_]*(\.[0-9]*)?)([eE][-+]?[0-9]+)?$`)
	infiniteWord  = regexp.MustCompile(`(?i)^[-+]?\.?inf(inity)?$`)
)

// plainScalar is the text of a scalar that stands without quotes, "" for any
// other node.
func plainScalar(n ast.Node) string {
	switch v := n.(type) {
	case *ast.IntegerNode, *ast.FloatNode:
		return v.GetToken().Value
	case *ast.StringNode:
		if v.Token.Type == token.StringType {
			return v.Value
		}
	}
	return ""
}

func (r *yamlReader) integer(n ast.Node, key string) (int, bool) {
	text := plainScalar(n)
	digits := strings.ReplaceAll(text, "_", "")
	switch {
	case decimalNumber.MatchString(text):
		if i, err := strconv.ParseInt(digits, 10, 64); err == nil {
			return int(i), true
		}
	case floatNumber.MatchString(text):
		const exact = 1 << 53 // whole numbers up to here have a float each
		if v, err := strconv.ParseFloat(digits, 64); err == nil && v == math.Trunc(v) && math.Abs(v) <= exact {
			return int(v), true
		}
	default:
		if v, ok := otherBase(n); ok && v <= math.MaxInt64 {
			return int(v), true
		}
	}
	r.problem(lineOf(n), "%s: %s is not a whole number: write digits only, without quotes", key, shown(n))
	return 0, false
}

func (r *yamlReader) number(n ast.Node, key string) (float64, bool) {
	if text := plainScalar(n); floatNumber.MatchString(text) {
		if v, err := strconv.ParseFloat(strings.ReplaceAll(text, "_", ""), 64); err == nil {
			return v, true
		}
	} else if v, ok := otherBase(n); ok {
		return float64(v), true
	}
	r.problem(lineOf(n), "%s: %s is not a number: write one without quotes, for example 0.5", key, shown(n))
	return 0, false
}

// otherBase is a positive number with a prefix such as 0x.
func otherBase(n ast.Node) (uint64, bool) {
	if v, ok := n.(*ast.IntegerNode); ok {
		i, ok := v.Value.(uint64)
		return i, ok
	}
	return 0, false
}

// infinite tells whether a node is one of the words for no limit.
func infinite(n ast.Node) bool {
	if v, ok := n.(*ast.StringNode); ok {
		return infiniteWord.MatchString(v.Value)
	}
	_, ok := n.(*ast.InfinityNode)
	return ok
}
