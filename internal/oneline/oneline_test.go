package oneline

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
		if got := Of(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func FuzzLine(f *testing.F) {
	f.Add("a\x1b[2J\n\u202eb \xff")
	f.Fuzz(func(t *testing.T, s string) {
		got := Of(s)
		if strings.ContainsFunc(got, func(r rune) bool { return r != ' ' && !unicode.IsGraphic(r) || r == '\n' }) || Of(got) != got {
			t.Errorf("%q: %q", s, got)
		}
	})
}

func TestMarkdown(t *testing.T) {
	for in, want := range map[string]string{
		"Concurrency Scaling (c=2)":       "Concurrency Scaling (c=2)",
		"Mixed Traffic, ±50%; <0.1% < 5":  "Mixed Traffic, ±50%; <0.1% < 5",
		"demo-q4_0.gguf 4x AMD MI100":     "demo-q4_0.gguf 4x AMD MI100",
		"<script>alert(1)</script>":       `\<script\>alert(1)\</script\>`,
		"[l](http://x.example) a|b `c` <": "\\[l\\](http\\://x.example) a\\|b \\`c\\` \\<",
		"_x_ __y__ a_b":                   `\_x\_ \_\_y\_\_ a_b`,
		"line\n# head\x1b[31m":            `line \# head�\[31m`,
		"1. one":                          `1\. one`,
		"- item":                          `\- item`,
		`a\`:                              `a\\`,
		"1.5 ~ x ~":                       "1.5 ~ x ~",
		"~x~ ~~y~~":                       `\~x\~ \~\~y\~\~`,
	} {
		got := Markdown(in)
		if got != want {
			t.Errorf("%q: %s, want %s", in, got, want)
		}
		if back := FromMarkdown(got); back != Of(in) {
			t.Errorf("%q comes back as %q", in, back)
		}
	}
}

// Long text is cut between characters, and the sign for it is no part of it.
func TestShorten(t *testing.T) {
	for _, c := range []struct {
		in   string
		most int
		want string
	}{{"", 0, ""}, {"abc", 3, "abc"}, {"abcd", 3, "abc…"}, {"aé", 2, "a…"}, {"aé", 3, "aé"}, {"日本", 1, "…"}} {
		if got := Shorten(c.in, c.most); got != c.want {
			t.Errorf("%q in %d bytes: %q, want %q", c.in, c.most, got, c.want)
		}
	}
	for in, want := range map[string]string{
		"a\"b\n":                      `"a\"b\n"`,
		strings.Repeat("x", 80):       `"` + strings.Repeat("x", 80) + `"`,
		strings.Repeat("é", 40) + "é": `"` + strings.Repeat("é", 40) + `"…`,
	} {
		if got := Quote(in); got != want {
			t.Errorf("%q: %s, want %s", in, got, want)
		}
	}
}
