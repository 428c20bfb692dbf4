package suite

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const talks = `{"messages": [{"role": "system", "content": "S"}, {"role": "user", "content": "U1"}, {"role": "assistant", "content": "abc"}, {"role": "user", "content": "U2"}, {"role": "assistant", "content": "ab"}, {"role": "user", "content": "U3"}], "output_tokens": 4}
{"prompt": "p", "output_tokens": 9}
{"conversations": [{"from": "human", "value": "Q1"}, {"from": "gpt", "value": "12345"}, {"from": "human", "value": "Q2"}, {"from": "gpt", "value": "1"}, {"from": "human", "value": "Q3"}]}
`

// A conversation's turns are the questions of the file, each behind what the
// template puts between an answer and the next. What is over goes on with the
// entries behind it, whose system messages are their own; the last one's are the
// first.
func TestDatasetTurns(t *testing.T) {
	got, w := requests(t, talks, 1, "turns: 3")
	want := []string{
		"^s:S|u:U1|a: 4", "|u:U2|a: 4", "|u:U3|a: 4",
		"^u:p|a: 9", "|u:Q1|a: 5", "|u:Q2|a: 1",
		"^u:Q1|a: 5", "|u:Q2|a: 1", "|u:U1|a: 4",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for i, want := range []int{12, 24, 36, 7, 24, 37} {
		if r := w.Requests[i]; r.Input != want || r.Turn != i%3 {
			t.Errorf("request %d is turn %d of %d tokens, want %d", i, r.Turn, r.Input, want)
		}
	}
	if n := w.continued(); n != 2 {
		t.Errorf("%d conversations go on with other entries", n)
	}
	// Fewer conversations than entries still go on with the file's.
	got, _ = requests(t, talks, 1, "turns: 2", "prompts: 2")
	if diff := cmp.Diff([]string{"^s:S|u:U1|a: 4", "|u:U2|a: 4", "^u:p|a: 9", "|u:Q1|a: 5"}, got); diff != "" {
		t.Error(diff)
	}
	// Another scenario over the same file has the entries as they stand.
	got, _ = requests(t, talks, 1)
	if diff := cmp.Diff([]string{"^s:S|u:U1|a:abc|u:U2|a:ab|u:U3|a: 4", "^p 9", "^u:Q1|a: 5"}, got); diff != "" {
		t.Error(diff)
	}
}

// Turns too are cut and filled; what fills the later ones is the template's and
// the questions of those behind.
func TestDatasetTurnsCut(t *testing.T) {
	got, _ := requests(t, talks, 1, "turns: 2", "input: 11", "output: 2")
	want := []string{"^s:S|uU1|a: 2", "|u:Q|u:U2|a: 2", "^|u:Qu:p|a: 2", "^u:Q1|u:Q1|a: 2"}
	for i := range got {
		if n := len(got[i]) - 2; n != 11 {
			t.Errorf("%q has %d tokens", got[i], n)
		}
	}
	if got[0] != want[0] || !strings.HasSuffix(got[1], "|u:U2|a: 2") || got[2][0] != '^' || strings.Contains(got[1], "^") {
		t.Errorf("%q", got)
	}
}

// A template that writes past answers in another way than it opens the next has no
// prefix in common from turn to turn: the scenario can't run, one without turns can.
func TestRewritingTemplate(t *testing.T) {
	for turns, want := range map[string]string{"2": "d.jsonl:1: the model's chat template does not go on", "1": ""} {
		s, err := parseWith(t, talks, "turns: "+turns)
		if err != nil {
			t.Fatal(err)
		}
		texts, err := Tokenize(t.Context(), s, 1, letters{thinks: true})
		if err != nil {
			t.Fatal(err)
		}
		_, unfit := texts.Measure(s, lettersVocab(), 1, 0)
		if (unfit[0] == nil) != (want == "") || want != "" && !strings.Contains(unfit[0].Error(), want) {
			t.Errorf("%s turns: %v", turns, unfit)
		}
	}
}

// What the conversation that goes on would be too long for fails with the turn.
func TestDatasetTurnsTooLong(t *testing.T) {
	s, err := parseWith(t, talks, "turns: 3", "output: 2")
	if err != nil {
		t.Fatal(err)
	}
	texts, err := Tokenize(t.Context(), s, 1, letters{})
	if err != nil {
		t.Fatal(err)
	}
	w := mustWorkload(t, WorkloadSpec{Scenario: s.Scenarios[0], Vocab: lettersVocab(), Seed: 1, Texts: texts.Of(s.Scenarios[0]), Context: 25})
	var got []bool
	for _, r := range w.Requests {
		got = append(got, r.Refused != "")
	}
	if diff := cmp.Diff([]bool{false, false, true, false, false, true, false, false, true}, got); diff != "" {
		t.Errorf("%s\n%+v", diff, w.Requests)
	}
}

// Where the length of an answer is neither the file's nor the scenario's, the line
// is told; only as far as there are turns.
func TestDatasetTurnsLengths(t *testing.T) {
	const data = `{"messages": [{"role": "user", "content": "U"}, {"role": "assistant", "content": "a"}, {"role": "user", "content": "V"}]}
{"prompt": "p", "output_tokens": 9}
`
	_, err := parseWith(t, data, "turns: 2")
	checkProblems(t, "no length", err, []string{"d.jsonl:1: output_tokens: missing"})
	if got, _ := requests(t, data, 1, "turns: 2", "output: 3"); got[0] != "^u:U|a: 3" {
		t.Errorf("%q", got)
	}
}

// The token that ended an answer stands once, whoever says it; an answer that was
// cut gets the template's.
func TestContinue(t *testing.T) {
	s, err := parseWith(t, talks, "turns: 2", "output: 2")
	if err != nil {
		t.Fatal(err)
	}
	texts, err := Tokenize(t.Context(), s, 1, letters{})
	if err != nil {
		t.Fatal(err)
	}
	vocab := lettersVocab()
	vocab.Ends = []int32{'|'}
	w := mustWorkload(t, WorkloadSpec{Scenario: s.Scenarios[0], Vocab: vocab, Seed: 1, Texts: texts.Of(s.Scenarios[0])})
	for answer, want := range map[string]string{"ab": "ab|u:U2|a:", "a|": "a|u:U2|a:", "": "|u:U2|a:", "||": "||u:U2|a:", "|a": "|a|u:U2|a:"} {
		said, _ := letters{}.Tokenize(answer, false, false)
		if got := spell(w.Continue(said, 1)); got != want {
			t.Errorf("%q goes on as %q, want %q", answer, got, want)
		}
	}
	// The same token where it ends nothing is text.
	w.Spec.Vocab.Ends = []int32{'!'}
	said, _ := letters{}.Tokenize("a|", false, false)
	if got := spell(w.Continue(said, 1)); got != "a||u:U2|a:" {
		t.Errorf("goes on as %q", got)
	}
}

// Exchanges end behind an answer to a user; what is no exchange is left out.
func TestExchanges(t *testing.T) {
	for text, want := range map[string]string{
		"u a u a": "ua ua", "s u a u": "sua u", "a u a": "aua", "u a a u a": "ua aua", "u u a": "uua", "u a s": "ua", "": "",
	} {
		var messages []ChatMessage
		for _, r := range strings.Fields(text) {
			messages = append(messages, ChatMessage{map[string]string{"u": "user", "a": "assistant", "s": "system"}[r], r})
		}
		var got []string
		for _, x := range exchanges(messages) {
			all := x.answer
			for i := len(x.asked) - 1; i >= 0; i-- {
				all = x.asked[i].Content + all
			}
			got = append(got, all)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
