package suite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ceiling/bench/result"
)

// letters is a tokeniser with one id per byte, behind BOS 1. Its chats are
// "u:question|a:"; where thinks is set, "u:question|a:?", and the answers of the
// past have no "?".
type letters struct{ noChat, thinks bool }

func (letters) Tokenize(text string, addSpecial, _ bool) ([]int32, error) {
	var ids []int32
	if addSpecial {
		ids = append(ids, 1)
	}
	for _, b := range []byte(text) {
		ids = append(ids, int32(b))
	}
	return ids, nil
}

func (l letters) Chat(messages []ChatMessage) (string, error) {
	if l.noChat {
		return "", errors.New("no template")
	}
	text := ""
	for _, m := range messages {
		text += m.Role[:1] + ":" + m.Content + "|"
	}
	if l.thinks {
		return text + "a:?", nil
	}
	return text + "a:", nil
}

func lettersVocab() Vocab {
	v := Vocab{Size: 256, BOS: 1, AddBOS: true}
	for id := int32(2); id < 256; id++ {
		v.Allowed = append(v.Allowed, id)
	}
	return v
}

// spell is a prompt as text, with ^ for BOS.
func spell(ids []int32) string {
	var b strings.Builder
	for _, id := range ids {
		if id == 1 {
			id = '^'
		}
		b.WriteByte(byte(id))
	}
	return b.String()
}

// parseWith reads a suite of one scenario beside a dataset.
func parseWith(t *testing.T, data string, lines ...string) (result.Suite, error) {
	t.Helper()
	return parseBeside(t, "d.jsonl", data, append([]string{"dataset: d.jsonl", "concurrency: 2"}, lines...))
}

// parseBeside reads a suite of one scenario, with a file beside it.
func parseBeside(t *testing.T, name, data string, lines []string) (result.Suite, error) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(data), 0o644); err != nil {
		t.Fatal(err)
	}
	yaml := "name: s\nscenarios:\n  - name: A\n"
	for _, l := range lines {
		yaml += "    " + l + "\n"
	}
	return Parse(filepath.Join(dir, "f.yaml"), []byte(yaml))
}

// requests are the prompts and lengths of a suite's only scenario.
func requests(t *testing.T, data string, seed uint64, lines ...string) (prompts []string, w *Workload) {
	t.Helper()
	s, err := parseWith(t, data, lines...)
	if err != nil {
		t.Fatal(err)
	}
	texts, err := Tokenize(t.Context(), s, seed, letters{})
	if err != nil {
		t.Fatal(err)
	}
	s, unfit := texts.Measure(s, lettersVocab(), seed, 0)
	if len(unfit) > 0 {
		t.Fatal(unfit)
	}
	sc := s.Scenarios[0]
	w = mustWorkload(t, WorkloadSpec{Scenario: sc, Vocab: lettersVocab(), Seed: seed, Texts: texts.Of(sc)})
	for i, r := range w.Requests {
		p := w.Prompt(nil, i)
		if len(p) != r.New || r.Turn == 0 && r.New != r.Input {
			t.Errorf("request %d has %d tokens, and %d of %d are said", i, len(p), r.New, r.Input)
		}
		prompts = append(prompts, fmt.Sprintf("%s %d", spell(p), r.Output))
	}
	in, out, both := w.Longest()
	if l := *sc.Dataset.Lengths; l != (result.Lengths{Input: in, Output: out, Both: both, Prompt: l.Prompt, Generated: l.Generated, Continued: l.Continued}) || sc.LongestRequest() != both || sc.LongestPrompt() != in {
		t.Errorf("measured %+v, drawn %d, %d, %d", l, in, out, both)
	}
	return prompts, w
}

// The forms of a line, each with its prompt and its number of output tokens: by
// output_tokens, else by the answer in the file.
func TestDatasetForms(t *testing.T) {
	got, _ := requests(t, `{"prompt": "one", "output_tokens": 7, "id": 3}

{"messages": [{"role": "system", "content": "S"}, {"role": "user", "content": "U"}], "output_tokens": 5}
{"messages": [{"role": "user", "content": "U"}, {"role": "assistant", "content": "four"}]}
{"messages": [{"role": "user", "content": "U"}, {"role": "assistant", "content": "no"}, {"role": "user", "content": "V"}, {"role": "assistant", "content": "yes"}], "output_tokens": 9}
{"conversations": [{"from": "human", "value": "Q"}, {"from": "gpt", "value": "A1"}, {"from": "human", "value": "more"}]}
{"conversations": [{"from": "gpt", "value": "begins"}, {"from": "human", "value": "Q"}]}
`, 1)
	want := []string{"^one 7", "^s:S|u:U|a: 5", "^u:U|a: 4", "^u:U|a:no|u:V|a: 9", "^u:Q|a: 2"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	// ShareGPT's own file is one list.
	got, _ = requests(t, "[\n {\"conversations\": [{\"from\": \"human\", \"value\": \"Q\"}, {\"from\": \"gpt\", \"value\": \"A\"}]},\n {\"prompt\": \"p\", \"output_tokens\": 2}\n]\n", 1)
	if diff := cmp.Diff([]string{"^u:Q|a: 1", "^p 2"}, got); diff != "" {
		t.Error(diff)
	}
}

// Every bad line is told with file and line, those of the suite first; of more
// than twenty the rest is counted.
func TestDatasetProblems(t *testing.T) {
	for _, c := range []struct {
		name, data string
		lines      []string
		want       []string
	}{
		{"lines", `{"prompt": "ok", "output_tokens": 1}
{"prompt": "cut
{"text": "other"}
{"prompt": " "}
{"prompt": 3}
{"prompt": "a", "messages": []}
{"prompt": "a", "output_tokens": 0}
{"prompt": "a", "output_tokens": "9"}
{"messages": [{"role": "tool", "content": "x"}]}
{"messages": [{"role": "assistant", "content": "x"}]}
{"prompt": "a"}
"text"
`, []string{"range_ratio: 2"}, []string{
			`f.yaml:6: scenario "A": range_ratio: "2" is out of range`,
			"d.jsonl:2: not JSON: ", `d.jsonl:3: "0" of prompt, messages and conversations`, `d.jsonl:4: prompt: " " is blank`,
			"d.jsonl:5: prompt: number where text belongs", `d.jsonl:6: "2" of prompt`, `d.jsonl:7: output_tokens: "0" is out of range`,
			"d.jsonl:8: output_tokens: string where a whole number belongs", `d.jsonl:9: messages: role "tool" of message 1 is unknown`,
			"d.jsonl:10: messages: nothing that a user says", "d.jsonl:12: the line: string where an object belongs"}},
		{"no lengths", "{\"prompt\": \"a\"}\n{\"prompt\": \"b\", \"output_tokens\": 1}\n\n{\"prompt\": \"c\"}\n", nil, []string{
			`d.jsonl:1: output_tokens: missing, and scenario "A" has no output`, `d.jsonl:4: output_tokens: missing`}},
		{"empty", "\n \n", nil, []string{"d.jsonl:1: no prompt in it"}},
		{"a list cut short", "[{\"prompt\": \"a\", \"output_tokens\": 1},\n{\"prompt\":", nil, []string{"d.jsonl:2: not JSON: unexpected EOF"}},
		{"a list's element", "[\n{\"prompt\": \"a\", \"output_tokens\": 1},\n{\"prompt\": \"\"}]", nil, []string{"d.jsonl:3: prompt: \"\" is blank"}},
		{"fields", `{"prompt": "a", "output_tokens": 1}`, []string{"prefix_len: 4", "input: 0", "dataset_sample: 1", "ignore_eos: no"}, []string{
			`f.yaml:7: scenario "A": input: "0" is out of range`, `f.yaml:8: scenario "A": dataset_sample: "1" is not true or false`,
			`f.yaml:9: scenario "A": ignore_eos: "no" is not true or false`}},
		{"together", `{"prompt": "a", "output_tokens": 1}`, []string{"prefix_len: 4", "range_ratio: 0.5"}, []string{
			`f.yaml:6: scenario "A": prefix_len: "4" with a dataset`, `f.yaml:7: scenario "A": range_ratio: "0.5" has no effect`}},
	} {
		_, err := parseWith(t, c.data, c.lines...)
		checkProblems(t, c.name, err, c.want)
	}
	_, err := parseWith(t, strings.Repeat("x\n", 30))
	if lines := strings.Split(fmt.Sprint(err), "\n"); len(lines) != 21 || lines[20] != "and 10 more" {
		t.Errorf("thirty bad lines: %v", err)
	}
	_, err = Parse("f.yaml", []byte("name: s\nscenarios:\n  - {name: A, dataset: none.jsonl, concurrency: 1}\n  - {name: B, dataset_sample: true, input: 3, output: 1, prompts: 1, concurrency: 1}\n"))
	if err == nil || !strings.Contains(err.Error(), `f.yaml:3: scenario "A": dataset: "none.jsonl": no such file`) || !strings.Contains(err.Error(), "dataset_sample: without a dataset") {
		t.Errorf("a file that is not there: %v", err)
	}
}

const five = `{"prompt": "a"}
{"prompt": "bb"}
{"prompt": "ccc"}
{"prompt": "dddd"}
{"prompt": "eeeee"}
`

// Prompts come in the file's order, each once, or again where more are asked for;
// or drawn by the seed, the same in every scenario.
func TestDatasetOrder(t *testing.T) {
	got, _ := requests(t, five, 1, "output: 3")
	if diff := cmp.Diff([]string{"^a 3", "^bb 3", "^ccc 3", "^dddd 3", "^eeeee 3"}, got); diff != "" {
		t.Error(diff)
	}
	got, _ = requests(t, five, 1, "output: 3", "prompts: 7")
	if got[5] != "^a 3" || got[6] != "^bb 3" {
		t.Errorf("seven of five: %v", got)
	}
	drawn, _ := requests(t, five, 1, "output: 3", "dataset_sample: true", "prompts: 10")
	again, _ := requests(t, five, 1, "output: 3", "dataset_sample: true", "prompts: 4")
	if !slices.Equal(drawn[:4], again) || !slices.Equal(drawn[:5], drawn[5:]) {
		t.Errorf("one seed drew %v and %v", drawn, again)
	}
	if sorted := slices.Sorted(slices.Values(drawn[:5])); len(slices.Compact(sorted)) != 5 {
		t.Errorf("not each once: %v", drawn)
	}
	other, _ := requests(t, five, 2, "output: 3", "dataset_sample: true", "prompts: 10")
	if slices.Equal(drawn, other) {
		t.Errorf("two seeds drew %v", drawn)
	}
}

// A prompt that is too long keeps its beginning and its end; one that is too short
// gets the texts of those behind it in front, BOS staying first.
func TestDatasetLengths(t *testing.T) {
	got, _ := requests(t, "{\"prompt\": \"abcdefgh\"}\n{\"prompt\": \"xy\"}\n{\"prompt\": \"123\"}\n", 1, "output: 1", "input: 6")
	want := []string{"^abfgh 1", "^123xy 1", "^ab123 1"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	got, w := requests(t, five, 3, "output: 10", "input: 20", "range_ratio: 0.5", "prompts: 30")
	lengths := map[int]bool{}
	for i, r := range w.Requests {
		lengths[r.Input] = true
		if r.Input < 10 || r.Input > 30 || r.Output < 5 || r.Output > 15 || got[i][0] != '^' || strings.Count(got[i], "^") != 1 {
			t.Errorf("request %d: %d/%d, %s", i, r.Input, r.Output, got[i])
		}
	}
	if len(lengths) < 5 {
		t.Errorf("%d different lengths", len(lengths))
	}
}

// What the model's context can't hold fails by itself; where nothing is left, the
// scenario can't run.
func TestDatasetTooLong(t *testing.T) {
	s, err := parseWith(t, five, "output: 3")
	if err != nil {
		t.Fatal(err)
	}
	texts, err := Tokenize(t.Context(), s, 1, letters{})
	if err != nil {
		t.Fatal(err)
	}
	sized, unfit := texts.Measure(s, lettersVocab(), 1, 7)
	if want := (result.Lengths{Input: 4, Output: 3, Both: 7, TooLong: 2, Prompt: 9, Generated: 9}); *sized.Scenarios[0].Dataset.Lengths != want || len(unfit) > 0 {
		t.Errorf("%+v, %v", sized.Scenarios[0].Dataset.Lengths, unfit)
	}
	w := mustWorkload(t, WorkloadSpec{Scenario: s.Scenarios[0], Vocab: lettersVocab(), Seed: 1, Texts: texts.Of(s.Scenarios[0]), Context: 7})
	if r := w.Requests[3]; r.Refused != `"5" prompt tokens and 3 to generate are more than the model's context of 7` || w.Requests[2].Refused != "" {
		t.Errorf("%+v", w.Requests)
	}
	if _, unfit = texts.Measure(s, lettersVocab(), 1, 4); unfit[0] == nil || !strings.Contains(unfit[0].Error(), "no request fits") {
		t.Errorf("a context of 4: %v", unfit)
	}
}

// A file that is another one when its texts are read, a model without a template,
// and an interruption.
func TestTokenizeErrors(t *testing.T) {
	s, err := parseWith(t, `{"messages": [{"role": "user", "content": "U"}], "output_tokens": 5}`)
	if err != nil {
		t.Fatal(err)
	}
	texts, err := Tokenize(t.Context(), s, 1, letters{noChat: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, unfit := texts.Measure(s, lettersVocab(), 1, 0); unfit[0] == nil || !strings.Contains(unfit[0].Error(), "d.jsonl:1: no template: write chats out") {
		t.Errorf("no template: %v", unfit)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Tokenize(ctx, s, 1, letters{}); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
	path := s.Scenarios[0].Dataset.Path
	if err := os.WriteFile(path, []byte(five), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Tokenize(t.Context(), s, 1, letters{}); err == nil || !strings.Contains(err.Error(), "is not the file that the run was begun with") {
		t.Errorf("another file: %v", err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if _, err := Tokenize(t.Context(), s, 1, letters{}); err == nil || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("no file: %v", err)
	}
}

func TestIgnoreEOS(t *testing.T) {
	for text, want := range map[string]bool{"ignore_eos: false": true, "ignore_eos: true": false} {
		s, err := parseWith(t, five, "output: 3", text)
		if err != nil || s.Scenarios[0].UntilEnd != want {
			t.Errorf("%s: %+v, %v", text, s, err)
		}
	}
}

func FuzzDataset(f *testing.F) {
	f.Add([]byte(five))
	f.Add([]byte("[{\"prompt\": 1}, 2"))
	f.Add([]byte(`{"conversations": [{"from": "human", "value": "Q"}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		d := &dataset{Dataset: result.Dataset{Name: "d"}}
		problems := d.parse(data)
		if len(problems) == 0 && d.Entries == 0 || d.Entries != len(d.entries) {
			t.Errorf("%d entries of %d, no problem", d.Entries, len(d.entries))
		}
		for _, p := range problems {
			if p.Line < 1 || p.Line > len(data)+1 {
				t.Errorf("problem %+v of %d bytes", p, len(data))
			}
		}
	})
}

// A suite with a dataset is written as it was read.
func TestDatasetWritten(t *testing.T) {
	s, err := parseWith(t, five, "output: 3", "dataset_sample: true", "ignore_eos: false")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(filepath.Dir(s.Scenarios[0].Dataset.Path), "again.yaml")
	again, err := Parse(file, YAML(s))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(s, again); diff != "" {
		t.Error(diff)
	}
}

// The built-in datasets have ten prompts each, all different, each a chat with its
// length.
func TestBuiltinDatasets(t *testing.T) {
	seen := map[string]bool{}
	for _, name := range BuiltinDatasets() {
		s, err := Parse("f.yaml", []byte("name: s\nscenarios:\n  - {name: A, dataset: "+name+", concurrency: 1}\n"))
		if err != nil {
			t.Fatal(err)
		}
		texts, err := Tokenize(t.Context(), s, 1, letters{})
		if err != nil {
			t.Fatal(err)
		}
		want := 10
		if name == "builtin/all" {
			want = 40
			clear(seen)
		}
		d := s.Scenarios[0].Dataset
		if d.Entries != want || d.Path != "" || s.Scenarios[0].Prompts != want {
			t.Errorf("%s: %+v", name, d)
		}
		for _, v := range texts.Of(s.Scenarios[0]).at {
			text := spell(v.ids)
			if seen[text] || !strings.HasPrefix(text, "^u:") || v.output < 64 {
				t.Errorf("%s: %.60s", name, text)
			}
			seen[text] = true
		}
	}
	if len(seen) != 40 {
		t.Errorf("%d different prompts", len(seen))
	}
	for name, want := range map[string]string{"builtin/cod": `did you mean "builtin/code"?`, "builtin/poems": "use builtin/code, "} {
		if _, err := Parse("f.yaml", []byte("name: s\nscenarios:\n  - {name: A, dataset: "+name+", concurrency: 1}\n")); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// checkProblems wants a problem on each line of err, with a text in it.
func checkProblems(t *testing.T, name string, err error, want []string) {
	t.Helper()
	if err == nil {
		t.Errorf("%s: no error", name)
		return
	}
	got := strings.Split(err.Error(), "\n")
	if len(got) != len(want) {
		t.Errorf("%s: %d problems, want %d:\n%v", name, len(got), len(want), err)
		return
	}
	for i, text := range want {
		if !strings.Contains(got[i], text) {
			t.Errorf("%s: %q, want %q", name, got[i], text)
		}
	}
}
