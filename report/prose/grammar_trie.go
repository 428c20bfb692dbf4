package prose

import (
	"fmt"
	"slices"
	"strings"
)

// alternatives is an expression for one of texts. What several begin with is
// written once, so that a parser follows one branch and not one per text.
func alternatives(texts []string) string {
	t := &trie{}
	for _, text := range texts {
		t.add([]rune(text))
	}
	return "(" + t.expression() + ")"
}

// trie is a set of texts by their first characters.
type trie struct {
	next []*trie // by r, ascending
	r    rune
	end  bool // a text ends here
}

func (t *trie) add(text []rune) {
	if len(text) == 0 {
		t.end = true
		return
	}
	i, found := slices.BinarySearchFunc(t.next, text[0], func(n *trie, r rune) int { return int(n.r) - int(r) })
	if !found {
		t.next = slices.Insert(t.next, i, &trie{r: text[0]})
	}
	t.next[i].add(text[1:])
}

// expression is what may follow t.
func (t *trie) expression() string {
	var parts []string
	for _, n := range t.next {
		literal := escape(n.r)
		for !n.end && len(n.next) == 1 {
			n = n.next[0]
			literal += escape(n.r)
		}
		part := `"` + literal + `"`
		switch {
		case len(n.next) > 0 && n.end:
			part += " (" + n.expression() + ")?"
		case len(n.next) > 0:
			part += " (" + n.expression() + ")"
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, " | ")
}

// literal is a text as an expression.
func literal(text string) string { return alternatives([]string{text}) }

// escape writes a character of a literal.
func escape(r rune) string {
	switch {
	case r == '"' || r == '\\':
		return `\` + string(r)
	case r >= ' ' && r <= '~':
		return string(r)
	case r <= 0xFFFF:
		return fmt.Sprintf(`\u%04X`, r)
	default:
		return fmt.Sprintf(`\U%08X`, r)
	}
}
