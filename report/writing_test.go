package report

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"

	"ceiling/bench"
	"ceiling/report/prose"
)

// asModel is a text in which a model states one fact per slot, plainly, section
// by section, changed by edit. The checker finds nothing against it.
func asModel(t *testing.T, r *bench.Results, edit func(id string, slots []prose.Sentence) []prose.Sentence) *prose.Text {
	t.Helper()
	text := &prose.Text{Model: r.Model, Sections: map[string][]prose.Sentence{}}
	for _, s := range Sections(r) {
		var slots []prose.Sentence
		for _, f := range s.Facts {
			if sentence := plainly(f, f.Text); sentence != "" && len(slots) < len(s.Rules) && len(prose.Check(&s, sentence)) == 0 {
				slots = append(slots, prose.Sentence{Text: sentence, Author: prose.ByModel})
			}
		}
		if len(slots) < len(s.Rules) {
			t.Fatalf("%s: only %d of %d sentences", s.ID, len(slots), len(s.Rules))
		}
		text.Sections[s.ID] = edit(s.ID, slots)
	}
	return text
}

func unchanged(_ string, slots []prose.Sentence) []prose.Sentence { return slots }

// changedLines are the lines of b that differ from a's in the same place.
func changedLines(t *testing.T, a, b string) []string {
	t.Helper()
	x, y := strings.Split(a, "\n"), strings.Split(b, "\n")
	if len(x) != len(y) {
		t.Fatalf("%d lines became %d:\n%s", len(x), len(y), cmp.Diff(a, b))
	}
	var out []string
	for i := range x {
		if x[i] != y[i] {
			out = append(out, y[i])
		}
	}
	return out
}

// Who wrote what is said in the header, the footer and Validity. The numbers
// are of the December 2025 run: its rules make 78 sentences, three of them
// prescribed (the run's scope, the first recommendation, one wave at c=32).
func TestAuthors(t *testing.T) {
	r := mustLoad(t, "december2025.json")
	rules := render(t, r, Options{})
	open, total := 0, 0
	for _, s := range Sections(r) {
		open += len(s.Rules)
		total += len(s.Rules) + len(s.Fixed)
	}
	if prescribed := total - open; prescribed != 3 || total != 78 {
		t.Fatalf("%d sentences, %d prescribed", total, prescribed)
	}
	footer := func(by string) string { return "*Report generated December 14, 2025 at 23:11 by ceiling (" + by + ")*" }
	byRules := []string{"Note: The prose of this report was written by fixed rules from the measured numbers; no model wrote any of it.", footer("rule-based prose")}
	const reference = "Note: This report was written by the model being benchmarked."

	tests := []struct {
		name string
		opt  Options
		want []string // lines that are there
	}{
		{"no text", Options{}, byRules},
		{"rules although there is a text", Options{Prose: ProseRules, Text: asModel(t, r, unchanged)}, byRules},
		{"a text of nothing", Options{Text: &prose.Text{Model: r.Model}}, byRules},
		{"model without a text", Options{Prose: ProseModel}, byRules},
		{"all by the model", Options{Text: asModel(t, r, unchanged)}, []string{reference, footer("prose by the model being benchmarked"),
			fmt.Sprintf("- Of the %d sentences of prose (a bullet counts as one), %d were written by the model being benchmarked; each of its sentences was checked against the measured numbers of this report. The other 3 are prescribed: what the run covers, the first recommendation, and notices that may not be lost.", total, open)}},
		{"all but one by the model", Options{Text: asModel(t, r, func(id string, slots []prose.Sentence) []prose.Sentence {
			if id == "summary" {
				slots[0] = prose.Sentence{Author: prose.ByRules}
			}
			return slots
		})}, []string{
			fmt.Sprintf("Note: %d of %d sentences of this report's prose were written by the model being benchmarked, the others by fixed rules from the measured numbers; a bullet counts as one sentence, and Validity says how they are told apart.", open-1, total),
			footer(fmt.Sprintf("prose by the model being benchmarked, %d of %d sentences, and by rules", open-1, total)),
		}},
		{"two sentences by the model", Options{Prose: ProseModel, Text: asModel(t, r, func(id string, slots []prose.Sentence) []prose.Sentence {
			for i := range slots {
				if id != "interpretation 1" || i > 1 {
					slots[i] = prose.Sentence{Author: prose.ByRules}
				}
			}
			return slots
		})}, []string{
			fmt.Sprintf("Note: 2 of %d sentences of this report's prose were written by the model being benchmarked, the others by fixed rules from the measured numbers; a bullet counts as one sentence, and Validity says how they are told apart.", total),
			footer(fmt.Sprintf("prose by the model being benchmarked, 2 of %d sentences, and by rules", total)),
			fmt.Sprintf("- Of the %d sentences of prose (a bullet counts as one), 2 were written by the model being benchmarked; each of its sentences was checked against the measured numbers of this report. %d were written by fixed rules where the model has none that holds, marked *(rule)*. The other 3 are prescribed: what the run covers, the first recommendation, and notices that may not be lost.", total, open-2),
		}},
		{"none wanted", Options{Prose: ProseOff, Text: asModel(t, r, unchanged)}, []string{"Note: This report holds measured numbers only, no prose.", footer("no prose")}},
	}
	for _, tt := range tests {
		md := render(t, r, tt.opt)
		for _, line := range tt.want {
			if !strings.Contains(md, "\n"+line+"\n") {
				t.Errorf("%s: no line %q", tt.name, line)
			}
		}
		if n := strings.Count(md, "written by the model being benchmarked"); n > 0 && tt.want[0] == byRules[0] {
			t.Errorf("%s: the model is named as an author %d times", tt.name, n)
		}
		if tt.want[0] == byRules[0] && md != rules {
			t.Errorf("%s: not the rules' report (-rules +got):\n%s", tt.name, cmp.Diff(rules, md))
		}
	}
}

// What the rules wrote in the model's place is marked, what is prescribed is
// not, and the tables are as ever.
func TestMarks(t *testing.T) {
	r := mustLoad(t, "december2025.json")
	rules := render(t, r, Options{})
	const sentence = "TTFT p99 is 2.66× the mean."
	mixed := render(t, r, Options{Text: &prose.Text{Model: r.Model, Sections: map[string][]prose.Sentence{
		"interpretation 1": {{Text: sentence, Author: prose.ByModel}},
	}}})
	marked := 0
	for line := range strings.Lines(mixed) {
		if strings.HasSuffix(line, ruleMark+"\n") {
			marked++
		}
	}
	if !strings.Contains(mixed, "\n- "+sentence+"\n") {
		t.Error("the model's sentence is missing or marked")
	}
	if !strings.Contains(mixed, "\n- Use c=4 (interactive-optimal by TTFT/TPOT p99; per-user 44.7 tok/s) for interactive UX.\n") {
		t.Error("the first recommendation is missing or marked")
	}
	if marked < 40 {
		t.Errorf("%d lines are marked", marked)
	}
	if d := cmp.Diff(extract(t, rules), extract(t, mixed)); d != "" {
		t.Errorf("the reference's blocks changed:\n%s", d)
	}
	for _, s := range []*prose.Section{section(t, r, "interpretation 1")} {
		_, list, _ := strings.Cut(mixed, "### "+s.Title+"\n")
		_, list, _ = strings.Cut(list, "**Interpretation:**\n\n")
		list, _, _ = strings.Cut(list, "\n\n")
		if n := strings.Count(list, "\n") + 1; n != s.Min {
			t.Errorf("%d bullets, want the model's one and the rules' up to %d:\n%s", n, s.Min, list)
		}
	}
}

// A text that is not of these results, or that somebody edited, brings no
// number into a report that was not measured.
func TestStaleText(t *testing.T) {
	r := mustLoad(t, "december2025.json")
	rules := render(t, r, Options{})
	foreign := asModel(t, r, unchanged)
	foreign.Model = "another model"
	if d := cmp.Diff(rules, render(t, r, Options{Text: foreign})); d != "" {
		t.Errorf("a text of another model was used (-rules +got):\n%s", d)
	}
	// The text of another run under this model's name: every sentence has to
	// pass on its own.
	stale := asModel(t, mustLoad(t, "reference/benchmark_Qwen3.8-27B-GPTQ-4bit_mtp3.json"), unchanged)
	stale.Model = r.Model
	known := map[string]bool{}
	for _, s := range Sections(r) {
		for _, f := range s.Facts {
			for _, n := range numberInText.FindAllString(f.Text, -1) {
				known[n] = true
			}
		}
	}
	for line := range strings.Lines(render(t, r, Options{Text: stale})) {
		if !strings.HasPrefix(line, "- ") || strings.Contains(line, "sentences of prose") {
			continue
		}
		for _, n := range numbersOfProse(line) {
			if !known[n] && !strings.Contains(rules, n) {
				t.Errorf("%s is a number of another run: %s", n, line)
			}
		}
	}
	one := func(text string) string {
		edited := asModel(t, r, func(id string, slots []prose.Sentence) []prose.Sentence {
			if id == "interpretation 1" {
				slots[0].Text = text
			}
			return slots
		})
		return render(t, r, Options{Text: edited})
	}
	faithful := render(t, r, Options{Text: asModel(t, r, unchanged)})
	rule := section(t, r, "interpretation 1").Rules[0]
	for _, text := range []string{
		"TTFT p99 is 2.67× the mean.",
		"TTFT p99 is 2.66× the median.",
		"TPOT p99 is 2.66× the mean.",
		"",
		strings.Repeat("TTFT p99 is 2.66× the mean and ", 50) + "so on.",
	} {
		got := changedLines(t, faithful, one(text))
		if !slices.Contains(got, "- "+rule+ruleMark) {
			t.Errorf("%q: the rule's sentence is not in its place: %q", text, got)
		}
		for _, line := range got {
			if text != "" && strings.Contains(line, text) {
				t.Errorf("%q was printed", text)
			}
		}
	}
}

func numbersOfProse(line string) []string {
	return numberInText.FindAllString(strings.NewReplacer("p99", "", "P99", "").Replace(line), -1)
}

// A model's sentence is one line of text, whatever is in it.
func TestInline(t *testing.T) {
	for in, want := range map[string]string{
		"TTFT p99 is 1118.50 ms.":         "TTFT p99 is 1118.50 ms.",
		"two\nlines\r\n\n# and more":      `two lines \# and more`,
		"# a heading":                     `\# a heading`,
		"- a list":                        `\- a list`,
		"--- a rule":                      `\--- a rule`,
		"+ a list":                        `\+ a list`,
		"12. a list":                      `12\. a list`,
		"12) a list":                      `12\) a list`,
		"12.50 ms is no list":             "12.50 ms is no list",
		"> a quote":                       `\> a quote`,
		"a | b":                           `a \| b`,
		"<script>x</script>":              `\<script\>x\</script\>`,
		"`code` and *stars* and _these_":  "\\`code\\` and \\*stars\\* and \\_these\\_",
		"[link](http://x.example)":        `\[link\](http\://x.example)`,
		"see https://x.example or www.x":  `see https\://x.example or www\.x`,
		"mail a@b.example or mailto:a":    `mail a\@b.example or mailto\:a`,
		"![image](x) &lt; ~~gone~~ $x$":   `!\[image\](x) \&lt; \~\~gone\~\~ \$x\$`,
		`a \ stays`:                       `a \\ stays`,
		"\u202egnirts\u200b \u0007bell":   "gnirts bell",
		"  blanks \t and\u00a0others  ":   "blanks and others",
		"bytes \xff that are no text":     "bytes \ufffd that are no text",
		"<!-- a comment --> and {braces}": `\<!-- a comment --\> and \{braces\}`,
	} {
		if got := inline(in); got != want {
			t.Errorf("inline(%q) = %q, want %q", in, got, want)
		}
	}
}

// As HTML, a model's sentence is its own characters in one list item.
func TestInlineAsHTML(t *testing.T) {
	md := goldmark.New(goldmark.WithExtensions(extension.GFM, extension.Footnote, extension.DefinitionList))
	for _, text := range []string{
		"# a heading", "- a list", "--- a rule", "12. a list", "1) b", "> a quote", "a | b", "| a | b |", "<script>x</script>", "a <b> c", "`code`", "``` fence", "~~~ fence",
		"*stars* and __these__", "[link](http://x.example)", "see https://x.example and www.example.com or a@b.example", "![image](x.png)", "&lt; &amp; &#65;", "[^1] note", ": definition",
		"[x]: http://x.example", "[ ] task", "=== rule", "a\\", "<http://x.example>", "mailto:a@b.example", "HTTPS://X.example", "$x^2$", "ftp://a.example",
	} {
		var b bytes.Buffer
		if err := md.Convert([]byte("- before\n- "+inline(text)+"\n- after\n"), &b); err != nil {
			t.Fatal(err)
		}
		item := strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;").Replace(text)
		if want := "<ul>\n<li>before</li>\n<li>" + item + "</li>\n<li>after</li>\n</ul>\n"; b.String() != want {
			t.Errorf("%q became\n%swant\n%s", text, b.String(), want)
		}
	}
}

// The counts are of what is printed, a failed scenario's one bullet included.
func TestCountsAreOfTheDocument(t *testing.T) {
	r := smallRun()
	md := render(t, r, Options{Text: &prose.Text{Model: r.Model, Sections: map[string][]prose.Sentence{
		"interpretation 1": {{Text: "TTFT p99 is 1.01× the mean.", Author: prose.ByModel}},
	}}})
	printed := len(section(t, r, "summary").Fixed) + len(section(t, r, "summary").Rules)
	_, rest, _ := strings.Cut(md, "\n## Scenario Results\n")
	inProse := false
	for line := range strings.Lines(rest) {
		switch {
		case strings.HasPrefix(line, "**Interpretation:**") || line == "## Recommendations\n":
			inProse = true
		case strings.HasPrefix(line, "###") || line == "---\n":
			inProse = false
		case inProse && strings.HasPrefix(line, "- "):
			printed++
		}
	}
	if !strings.Contains(md, "\n- Nothing was measured: context of 512 tokens") {
		t.Error("no failed scenario in the report")
	}
	for _, want := range []string{
		fmt.Sprintf("\nNote: 1 of %d sentences of this report's prose was written by the model being benchmarked, the others", printed),
		fmt.Sprintf("\n- Of the %d sentences of prose (a bullet counts as one), 1 was written by the model being benchmarked; ", printed),
	} {
		if !strings.Contains(md, want) {
			t.Errorf("no %q", want)
		}
	}
}
