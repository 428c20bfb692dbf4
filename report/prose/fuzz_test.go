package prose_test

import (
	"testing"

	"ceiling/report/prose"
)

// FuzzCheck looks for text that stops the checker, or that it takes without
// its being plain text.
func FuzzCheck(f *testing.F) {
	for _, file := range []string{"sentences.txt", "blind.txt"} {
		for _, e := range examples(f, file) {
			f.Add(e.text)
		}
	}
	f.Add("")
	f.Add("c=. \xff The mean of ١٢ ms is ½.")
	var all []*prose.Section
	for run := range runs {
		for _, s := range sections(f, run) {
			all = append(all, s)
		}
	}
	all = append(all, queued(), &prose.Section{}, &prose.Section{Kind: prose.Interpretation, Facts: []prose.Fact{{}, {Text: "1 ms"}}})
	f.Fuzz(func(t *testing.T, text string) {
		for i, s := range all {
			if i%7 != len(text)%7 {
				continue
			}
			if len(prose.Check(s, text)) == 0 {
				for _, r := range text {
					if r > 0x2192 || r < ' ' {
						t.Fatalf("%q is taken", text)
					}
				}
			}
		}
	})
}
