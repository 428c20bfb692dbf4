package prose

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// scripted is a model that answers each section's attempts with given texts.
type scripted struct {
	t     *testing.T
	texts map[string][]string // by the section's title, in order; "…" behind a text: cut off
	asked []Request
	err   error // after everything was answered
	pause time.Duration
}

func (m *scripted) Write(ctx context.Context, requests []Request, done func(int, Reply) *Request) error {
	next := map[string]int{}
	for i := range requests {
		for r := &requests[i]; r != nil; {
			m.asked = append(m.asked, *r)
			select {
			case <-time.After(m.pause):
			case <-ctx.Done():
				done(i, Reply{Prompt: "begun", Text: "- TTFT p99 is 20.00 ms.\n- TPOT p9"})
				return ctx.Err()
			}
			title, _, _ := strings.Cut(strings.SplitAfterN(r.Messages[1].Content, ": ", 2)[1], "\n")
			texts := m.texts[title]
			if next[title] >= len(texts) {
				m.t.Fatalf("%q is asked for the %d. time", title, next[title]+1)
			}
			text, cut := strings.CutSuffix(texts[next[title]], "…")
			next[title]++
			r = done(i, Reply{Prompt: "prompt", Text: text, Ended: !cut, PromptTokens: 10, Reused: 4, Tokens: 5})
		}
	}
	return m.err
}

// twoTopics is a section whose rules speak of TTFT and of TPOT.
func twoTopics(title string) Section {
	return Section{ID: "interpretation " + title, Kind: Interpretation, Title: title, Min: 2, Max: 4,
		Facts: []Fact{
			{Value: 20, Unit: "ms", Text: "20.00 ms", Of: Figure{TTFT, P99, ""}},
			{Value: 10, Unit: "ms", Text: "10.00 ms", Of: Figure{TTFT, Mean, ""}},
			{Value: 2, Unit: "×", Text: "2.00×", Of: Figure{TTFT, P99, ""}, Against: Figure{TTFT, Mean, ""}},
			{Value: 5, Unit: "ms", Text: "5.00 ms", Of: Figure{TPOT, P99, ""}},
			{Value: 8, Text: "8", Of: Figure{Metric: Requests}},
		},
		Rules: []string{
			"First tokens take up to 20.00 ms, 2.00× the mean.",
			"A rule without figures.",
			"With 8 requests, TPOT p99 is 5.00 ms.",
		}}
}

// honest refuses sentences with the word "wrong".
func honest(_ *Section, sentence string) []Violation {
	if strings.Contains(sentence, "wrong") {
		return []Violation{{WrongMetric, fmt.Sprintf("%q is wrong", sentence)}}
	}
	return nil
}

func TestWrite(t *testing.T) {
	const ttft, tpot = "TTFT p99 is 20.00 ms.", "TPOT p99 is 5.00 ms."
	tests := map[string]struct {
		texts    []string
		verdicts []string // of all attempts: "+" or "-" and the topic
		slots    []string // Text's, "" for the rules
		replaced string   // the last failed sentence's rule
	}{
		"both at once":          {[]string{"- " + ttft + "\n- " + tpot}, []string{"+0", "+1"}, []string{ttft, "", tpot}, ""},
		"one again":             {[]string{"- wrong.\n- " + tpot, "- " + ttft}, []string{"-0", "+1", "+0"}, []string{ttft, "", tpot}, ""},
		"one never":             {[]string{"- " + ttft + "\n- wrong.", "- wrong.", "- wrong."}, []string{"+0", "-1", "-1", "-1"}, []string{ttft, "", ""}, "With 8 requests, TPOT p99 is 5.00 ms."},
		"nothing":               {[]string{"- wrong.\n- wrong.", "- wrong.\n- wrong.", "- wrong.\n- wrong."}, []string{"-0", "-1", "-0", "-1", "-0", "-1"}, nil, "With 8 requests, TPOT p99 is 5.00 ms."},
		"cut off":               {[]string{"- " + ttft + "\n- TPOT p…", "- " + tpot}, []string{"+0", "+1"}, []string{ttft, "", tpot}, ""},
		"cut off at the end":    {[]string{"- " + ttft + "\n- " + tpot + "…"}, []string{"+0", "+1"}, []string{ttft, "", tpot}, ""},
		"too few lines":         {[]string{"- " + ttft, "- " + tpot}, []string{"+0", "+1"}, []string{ttft, "", tpot}, ""},
		"the same twice":        {[]string{"- " + ttft + "\n- The p99 of TTFT is 20.00 ms.", "- " + tpot}, []string{"+0", "-1", "+1"}, []string{ttft, "", tpot}, ""},
		"empty":                 {[]string{"", "", ""}, nil, nil, ""},
		"a line without mark":   {[]string{ttft + "\n" + tpot}, []string{"+0", "+1"}, []string{ttft, "", tpot}, ""},
		"more lines than asked": {[]string{"- " + ttft + "\n- " + tpot + "\n- wrong."}, []string{"+0", "+1"}, []string{ttft, "", tpot}, ""},
	}
	for name, test := range tests {
		s := twoTopics("A")
		m := &scripted{t: t, texts: map[string][]string{"A": test.texts}}
		f, err := Write(context.Background(), m, []Section{s}, Options{Model: "m", Seed: 3, Check: honest})
		if err != nil || f.Ended != EndedDone {
			t.Errorf("%s: %v, %v", name, err, f)
			continue
		}
		var got []string
		replaced := ""
		for _, a := range f.Sections[0].Attempts {
			for _, v := range a.Sentences {
				got = append(got, fmt.Sprintf("%s%d", map[bool]string{true: "+", false: "-"}[v.Kept], v.Topic))
				if v.Kept == (len(v.Violations) > 0) {
					t.Errorf("%s: %+v", name, v)
				}
				replaced = max(replaced, v.ReplacedBy)
			}
		}
		if !slices.Equal(got, test.verdicts) || replaced != test.replaced {
			t.Errorf("%s: verdicts %v, replaced by %q; want %v, %q", name, got, replaced, test.verdicts, test.replaced)
		}
		var slots []string
		for _, x := range f.Text().Sections[s.ID] {
			slots = append(slots, x.Text)
			if (x.Author == ByModel) != (x.Text != "") {
				t.Errorf("%s: %+v", name, x)
			}
		}
		if !slices.Equal(slots, test.slots) {
			t.Errorf("%s: slots %q, want %q", name, slots, test.slots)
		}
		if n := len(f.Sections[0].Attempts); n != len(test.texts) || f.Totals.Asked != 2 || f.Totals.PromptTokens != 6*n || f.Totals.Tokens != 5*n {
			t.Errorf("%s: %d attempts, totals %+v", name, n, f.Totals)
		}
	}
}

// TestWriteAsks: what later attempts are asked, and that a run's seed decides.
func TestWriteAsks(t *testing.T) {
	ask := func(seed uint64) []Request {
		m := &scripted{t: t, texts: map[string][]string{"A": {"- TTFT p99 is 20.00 ms.\n- wrong.", "- wrong.", "- wrong."}, "B": {"- TTFT p99 is 20.00 ms.\n- TPOT p99 is 5.00 ms."}}}
		if _, err := Write(context.Background(), m, []Section{twoTopics("A"), twoTopics("B"), {ID: "no facts", Rules: []string{"x"}}}, Options{Seed: seed, Check: honest}); err != nil {
			t.Fatal(err)
		}
		return m.asked
	}
	a := ask(1)
	if len(a) != 4 {
		t.Fatalf("%d texts were asked for", len(a))
	}
	first, second, b := a[0].Messages, a[1].Messages, a[3].Messages
	if first[0] != b[0] || first[0].Role != "system" || first[1].Role != "user" {
		t.Error("the sections do not share their first message")
	}
	for _, want := range []string{"TTFT p99 of 20.00 ms is 2.00× the mean", "TPOT p99 is 5.00 ms"} {
		if !strings.Contains(first[1].Content, want) {
			t.Errorf("%q is not in %q", want, first[1].Content)
		}
	}
	if text := second[1].Content; strings.Contains(text, "TTFT") || !strings.Contains(text, "TPOT p99 is 5.00 ms") || !strings.Contains(text, "wrong metric") {
		t.Errorf("the second attempt asks %q", text)
	}
	if strings.Contains(first[1].Content, "8") {
		t.Errorf("a bare count is asked for: %q", first[1].Content)
	}
	seeds := map[uint32]bool{}
	for _, r := range append(ask(2), a...) {
		seeds[r.Seed] = true
		if r.MaxTokens < 40 || r.Temperature <= 0 || r.Temperature > 1 || !strings.HasPrefix(r.Grammar, "root ::= ") {
			t.Errorf("%+v", r)
		}
	}
	if len(seeds) != 8 || a[0].Seed != ask(1)[0].Seed {
		t.Errorf("seeds %v", seeds)
	}
}

func TestWriteEnds(t *testing.T) {
	const ttft = "TTFT p99 is 20.00 ms."
	good := map[string][]string{"A": {"- " + ttft + "\n- TPOT p99 is 5.00 ms."}, "B": {"- " + ttft + "\n- TPOT p99 is 5.00 ms."}}
	two := []Section{twoTopics("A"), twoTopics("B")}

	// The limit comes in the second text: what the first brought stays, and so
	// does the whole sentence that the second had.
	synctest.Test(t, func(t *testing.T) {
		f, err := Write(t.Context(), &scripted{t: t, texts: good, pause: 40 * time.Second}, two, Options{Limit: time.Minute, Check: honest})
		if err != nil || f.Ended != EndedLimit || f.Totals.Accepted != 3 || f.Totals.Seconds != 60 || f.LimitSeconds != 60 {
			t.Errorf("limit: %v, %+v", err, f)
		}
		if n := len(f.Text().Sections); n != 2 {
			t.Errorf("%d sections have a sentence", n)
		}
	})
	// Ctrl-C: nothing.
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if f, err := Write(ctx, &scripted{t: t, texts: good, pause: time.Hour}, two, Options{Check: honest}); f != nil || !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v, %v", f, err)
	}
	// A model that breaks down keeps what it brought.
	broken := errors.New("no memory")
	f, err := Write(context.Background(), &scripted{t: t, texts: good, err: broken}, two, Options{Check: honest})
	if !errors.Is(err, broken) || f.Ended != EndedError || f.Error != "no memory" || f.Totals.Accepted != 4 {
		t.Errorf("broken: %v, %+v", err, f)
	}
	// Nothing to ask for.
	f, err = Write(context.Background(), &scripted{t: t}, []Section{{ID: "x", Rules: []string{"A rule."}}}, Options{Check: honest})
	if err != nil || f.Ended != EndedDone || len(f.Text().Sections) != 0 || f.Sections[0].Final[0] != (Sentence{"A rule.", ByRules}) {
		t.Errorf("no topics: %v, %+v", err, f)
	}
}

func TestLoad(t *testing.T) {
	m := &scripted{t: t, texts: map[string][]string{"A": {"- TTFT p99 is 20.00 ms.\n- wrong.", "- TPOT p99 is 5.00 ms."}}}
	f, err := Write(context.Background(), m, []Section{twoTopics("A")}, Options{Model: "m", Seed: 9, Limit: time.Minute, Check: honest})
	if err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(f)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "prose.json")
	load := func(data string) (*File, error) {
		if err := os.WriteFile(path, []byte(data), 0o644); err != nil {
			t.Fatal(err)
		}
		return Load(path)
	}
	if got, err := load(string(data)); err != nil || fmt.Sprint(got) != fmt.Sprint(f) {
		t.Errorf("read again: %v\n%+v\n%+v", err, got, f)
	}
	if _, err := Load(path + "x"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file gave %v", err)
	}
	change := func(from, to string) string {
		out := strings.ReplaceAll(string(data), from, to)
		if out == string(data) {
			t.Fatalf("%q is not in %s", from, data)
		}
		return out
	}
	for name, text := range map[string]string{
		"empty": "", "cut off": string(data[:len(data)/2]), "a list": "[]", "another thing": `{"results":[]}`,
		"version": change(`"version":1`, `"version":2`), "rule": change(`"rule":2`, `"rule":3`), "negative": change(`"rule":2`, `"rule":-2`),
		"rules": change(`"rules":3`, `"rules":-3`), "many": change(`"rules":3`, `"rules":300000000`),
		"no id": change(`"id":"interpretation A"`, `"id":""`), "lines": change("TPOT p99 is 5.00 ms.", `a\nb`),
	} {
		got, err := load(text)
		if got != nil || err == nil || strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), "prose.json") {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}
