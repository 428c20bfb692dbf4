package plain

import (
	"strings"
	"testing"
	"unicode"
)

func TestLine(t *testing.T) {
	for in, want := range map[string]string{
		"":                                 "",
		"Concurrency Scaling (c=2)":        "Concurrency Scaling (c=2)",
		"  two\r\n\n# lines\tand\v ":       "two # lines and",
		"esc \x1b[31mRED\x1b[0m bell\a":    "esc �[31mRED�[0m bell�",
		"nul\x00 del\x7f c1\u009b2J":       "nul� del� c1�2J",
		"\u202ertl \u2066x\u2069 \ufeff":   "�rtl �x� �",
		"zero\u200bwidth soft\u00adhyphen": "zero�width soft�hyphen",
		"broken \xff\xfe utf":              "broken � utf",
		"line\u2028sep nbsp\u00a0x":        "line sep nbsp x",
		"ünï 模型 <b>|`":                     "ünï 模型 <b>|`",
	} {
		if got := Line(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func FuzzLine(f *testing.F) {
	f.Add("a\x1b[2J\n\u202eb \xff")
	f.Fuzz(func(t *testing.T, s string) {
		got := Line(s)
		if strings.ContainsFunc(got, func(r rune) bool { return r != ' ' && !unicode.IsGraphic(r) || r == '\n' }) || Line(got) != got {
			t.Errorf("%q: %q", s, got)
		}
	})
}
