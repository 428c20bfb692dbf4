package prose

import (
	"strconv"
	"strings"
	"testing"
)

// language is every text of a GBNF grammar without repetition: literals,
// names, "|", "?" and brackets.
func language(t *testing.T, grammar string) []string {
	t.Helper()
	rules := map[string]string{}
	for line := range strings.Lines(grammar) {
		name, body, ok := strings.Cut(strings.TrimSpace(line), " ::= ")
		if !ok || rules[name] != "" {
			t.Fatalf("no rule or one twice: %q", line)
		}
		rules[name] = body
	}
	return (&reader{t, rules, rules["root"]}).either()
}

// reader takes an expression apart.
type reader struct {
	t     *testing.T
	rules map[string]string
	rest  string
}

func (r *reader) skip() { r.rest = strings.TrimLeft(r.rest, " ") }

func (r *reader) either() []string {
	out := r.sequence()
	for r.skip(); strings.HasPrefix(r.rest, "|"); r.skip() {
		r.rest = r.rest[1:]
		out = append(out, r.sequence()...)
	}
	return out
}

func (r *reader) sequence() []string {
	out := []string{""}
	for r.skip(); r.rest != "" && r.rest[0] != '|' && r.rest[0] != ')'; r.skip() {
		items := r.item()
		if r.skip(); strings.HasPrefix(r.rest, "?") {
			r.rest = r.rest[1:]
			items = append(items, "")
		}
		var longer []string
		for _, a := range out {
			for _, b := range items {
				longer = append(longer, a+b)
			}
		}
		out = longer
	}
	return out
}

func (r *reader) item() []string {
	switch r.rest[0] {
	case '(':
		r.rest = r.rest[1:]
		out := r.either()
		if r.skip(); !strings.HasPrefix(r.rest, ")") {
			r.t.Fatalf("no bracket at %q", r.rest)
		}
		r.rest = r.rest[1:]
		return out
	case '"':
		quoted, err := strconv.QuotedPrefix(r.rest)
		if err != nil {
			r.t.Fatalf("%v at %q", err, r.rest)
		}
		r.rest = r.rest[len(quoted):]
		text, _ := strconv.Unquote(quoted)
		return []string{text}
	default:
		end := strings.IndexAny(r.rest+" ", " ()|?")
		name := r.rest[:end]
		if r.rules[name] == "" {
			r.t.Fatalf("no rule %q", name)
		}
		r.rest = r.rest[end:]
		return (&reader{r.t, r.rules, r.rules[name]}).either()
	}
}
