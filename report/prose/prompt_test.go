package prose_test

import (
	"path/filepath"
	"strings"
	"testing"

	"ceiling/report"
	"ceiling/report/prose"
)

// TestPromptsOfReports looks at what would be asked about real results: short
// prompts that share their beginning, whose notes hold every fact of their
// topics, and small grammars that allow each of these facts.
func TestPromptsOfReports(t *testing.T) {
	files, err := filepath.Glob("../testdata/reference/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d reference files, %v", len(files), err)
	}
	system, sections, asked, rules := "", 0, 0, 0
	for _, file := range append(files, "../testdata/december2025.json") {
		results, err := report.Load(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range report.Sections(results) {
			topics := prose.Topics(&s)
			messages := prose.Prompt(&s)
			sections++
			asked += len(topics)
			rules += len(s.Rules)
			if len(messages) != 2 || messages[0].Role != "system" || messages[1].Role != "user" || system != "" && messages[0].Content != system {
				t.Fatalf("%s, %s: %+v", file, s.ID, messages)
			}
			system = messages[0].Content
			user := messages[1].Content
			// About three characters a token, digits one each: 700 tokens.
			if n := len(system) + len(user); n > 2600 {
				t.Errorf("%s, %s: a prompt of %d characters", file, s.ID, n)
			}
			grammar := prose.Grammar(&s, topics)
			if len(grammar) > 24<<10 {
				t.Errorf("%s, %s: a grammar of %d bytes", file, s.ID, len(grammar))
			}
			notes := strings.Split(user, "\n- ")[1:]
			if len(notes) != len(topics) {
				t.Fatalf("%s, %s: %d notes for %d topics", file, s.ID, len(notes), len(topics))
			}
			for i, topic := range topics {
				if topic.Rule < 0 || topic.Rule >= len(s.Rules) {
					t.Errorf("%s, %s: topic %d stands for rule %d of %d", file, s.ID, i, topic.Rule, len(s.Rules))
				}
				for _, f := range topic.Facts {
					if !strings.Contains(notes[i], f.Text) || !strings.Contains(s.Rules[topic.Rule], f.Text) {
						t.Errorf("%s, %s: %q is not in note %q, or not in rule %q", file, s.ID, f.Text, notes[i], s.Rules[topic.Rule])
					}
				}
			}
		}
	}
	if sections < 40 || asked*4 < rules*3 {
		t.Errorf("%d sections, %d sentences asked for of %d of the rules", sections, asked, rules)
	}
}
