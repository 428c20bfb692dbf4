package prose

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// scripted is a model that answers each section's requests with given texts.
type scripted struct {
	texts map[string][]string // by the section's title, in order; "" behind them
	asked []BulletRequest
	err   error // after everything was answered
	pause time.Duration
}

func (m *scripted) Write(ctx context.Context, requests []BulletRequest, done func(int, BulletReply) *BulletRequest) error {
	for i := range requests {
		title, _, _ := strings.Cut(requests[i].Prompt, "\n")
		for r := &requests[i]; r != nil; {
			m.asked = append(m.asked, *r)
			select {
			case <-time.After(m.pause):
			case <-ctx.Done():
				done(i, BulletReply{Text: "- Decode is ev"})
				return ctx.Err()
			}
			text := ""
			if rest := m.texts[title]; len(rest) > 0 {
				text, m.texts[title] = rest[0], rest[1:]
			}
			r = done(i, BulletReply{Text: text, PromptTokens: 10, Reused: 4, Tokens: 5})
		}
	}
	return m.err
}

// late is a model that does not see ctx end.
type late struct{ *scripted }

func (m late) Write(ctx context.Context, requests []BulletRequest, done func(int, BulletReply) *BulletRequest) error {
	return m.scripted.Write(context.WithoutCancel(ctx), requests, done)
}

// section is small's, with a title of its own.
func section(title string) ProseSection {
	s := small(Interpretation)
	s.ID, s.Title, s.Max = "interpretation "+title, title, 4
	return *s
}

func TestWrite(t *testing.T) {
	for name, test := range map[string]struct {
		texts []string
		want  []Choice
	}{
		"two":            {[]string{"- Decode is even.", "- TTFT has a long tail."}, []Choice{{Key: "tpot.even"}, {Key: "ttft.tail"}}},
		"a wording":      {[]string{"- The slowest first tokens are late."}, []Choice{{Key: "ttft.tail", Wording: 1}}},
		"a joint":        {[]string{"- c=8 delivers 8 % more, but TTFT has a long tail."}, []Choice{{Key: "step"}, {Key: "ttft.tail", Joint: But}}},
		"up to the most": {[]string{"- Decode is even.", "- TTFT has a long tail.", "- c=8 delivers 8 % more.", "never asked"}, []Choice{{Key: "tpot.even"}, {Key: "ttft.tail"}, {Key: "step"}}},
		"cut off":        {[]string{"- Decode is even.", "- TTFT has a lo"}, []Choice{{Key: "tpot.even"}}},
		"nothing":        {nil, nil},
	} {
		m := &scripted{texts: map[string][]string{"A": test.texts}}
		f, err := Write(context.Background(), m, []ProseSection{section("A")}, WritingOptions{Model: "m", Seed: 3})
		if err != nil || f.Ended != EndedDone {
			t.Errorf("%s: %v, %v", name, err, f)
			continue
		}
		if d := cmp.Diff(test.want, f.Choices("interpretation A")); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
		if f.Totals.Chosen != len(test.want) || f.Totals.PromptTokens != 6*len(m.asked) || f.Totals.Tokens != 5*len(m.asked) {
			t.Errorf("%s: totals %+v of %d texts", name, f.Totals, len(m.asked))
		}
	}
}

// What a model is asked: the list, what it answered so far, and no more than
// what is left.
func TestWriteAsks(t *testing.T) {
	ask := func(seed uint64) []BulletRequest {
		m := &scripted{texts: map[string][]string{"A": {"- Decode is even.", "- TTFT has a long tail."}, "B": nil}}
		nothing := ProseSection{ID: "none", Title: "C", Max: 3, Claims: []Claim{{Key: "a", Required: true, Phrases: []string{"a b"}}}}
		var steps []string
		_, err := Write(context.Background(), m, []ProseSection{section("A"), section("B"), nothing}, WritingOptions{Seed: seed,
			Progress: func(done, sections int) { steps = append(steps, fmt.Sprintf("%d/%d", done, sections)) }})
		if d := cmp.Diff([]string{"0/2", "0/2", "1/2", "2/2"}, steps); err != nil || d != "" {
			t.Fatalf("%v, progress %v", err, steps)
		}
		return m.asked
	}
	a := ask(1)
	if len(a) != 4 {
		t.Fatalf("%d texts were asked for", len(a))
	}
	const list = "A\nTrue statements:\n- c=8 delivers 8 % more.\n- Decode is even.\n- TTFT has a long tail.\n- Output averages \"7\" \\ tok/s × 日本.\nWrite 1 to 3 lines."
	for i, begun := range []string{"", "- Decode is even.\n", "- Decode is even.\n- TTFT has a long tail.\n"} {
		if a[i].Begun != begun || a[i].Prompt != list || a[i].Instructions != instructions {
			t.Errorf("text %d: %q, behind %q", i, a[i].Prompt, a[i].Begun)
		}
		if strings.Contains(a[i].Grammar, "ecode") != (i == 0) || strings.Contains(a[i].Grammar, "requests failed") {
			t.Errorf("text %d: grammar\n%s", i, a[i].Grammar)
		}
	}
	seeds := map[uint32]bool{}
	for _, r := range append(ask(2), a...) {
		seeds[r.Seed] = true
		if r.MaxTokens < 40 || r.Room < 40 || r.Temperature <= 0 || r.Temperature > 1 {
			t.Errorf("%+v", r)
		}
	}
	if len(seeds) != 8 || a[0].Seed != ask(1)[0].Seed {
		t.Errorf("seeds %v", seeds)
	}
}

func TestWriteEnds(t *testing.T) {
	good := func() map[string][]string {
		return map[string][]string{"A": {"- Decode is even."}, "B": {"- Decode is even."}}
	}
	two := []ProseSection{section("A"), section("B")}

	// The limit comes in the third text: what was chosen stays.
	synctest.Test(t, func(t *testing.T) {
		f, err := Write(t.Context(), &scripted{texts: good(), pause: 25 * time.Second}, two, WritingOptions{Limit: time.Minute})
		if err != nil || f.Ended != EndedLimit || f.Totals.Chosen != 1 || f.Totals.Seconds != 60 || f.LimitSeconds != 60 {
			t.Errorf("limit: %v, %+v", err, f)
		}
	})
	// It comes while a bullet is handed over: that stays, too.
	synctest.Test(t, func(t *testing.T) {
		f, err := Write(t.Context(), late{&scripted{texts: good(), pause: 61 * time.Second}}, two, WritingOptions{Limit: time.Minute})
		if err != nil || f.Ended != EndedLimit || f.Totals.Chosen != 2 {
			t.Errorf("late: %v, %+v", err, f)
		}
	})
	// Ctrl-C: nothing.
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if f, err := Write(ctx, &scripted{texts: good(), pause: time.Hour}, two, WritingOptions{}); f != nil || !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v, %v", f, err)
	}
	// A model that breaks down keeps what it chose.
	broken := errors.New("no memory")
	f, err := Write(context.Background(), &scripted{texts: good(), err: broken}, two, WritingOptions{})
	if !errors.Is(err, broken) || f.Ended != EndedError || f.Error != "no memory" || f.Totals.Chosen != 2 {
		t.Errorf("broken: %v, %+v", err, f)
	}
	// Nothing to ask for.
	f, err = Write(context.Background(), &scripted{}, []ProseSection{{ID: "x"}}, WritingOptions{})
	if err != nil || f.Ended != EndedDone || len(f.Sections) != 0 {
		t.Errorf("no claims: %v, %+v", err, f)
	}
}

// prose.json holds choices and no text, and comes back as it was.
func TestFile(t *testing.T) {
	m := &scripted{texts: map[string][]string{"A": {"- c=8 delivers 8 % more, but the slowest first tokens are late.", "- Decode is even."}}}
	f, err := Write(context.Background(), m, []ProseSection{section("A")}, WritingOptions{Model: "m", Seed: 9, Limit: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(f)
	if err != nil {
		t.Fatal(err)
	}
	if text := string(data); strings.Contains(text, "first tokens") || !strings.Contains(text, `{"key":"ttft.tail","wording":1,"joint":"but"}`) {
		t.Errorf("the file is %s", text)
	}
	path := filepath.Join(t.TempDir(), "prose.json")
	load := func(data string) (*ChoicesFile, error) {
		if err := os.WriteFile(path, []byte(data), 0o644); err != nil {
			t.Fatal(err)
		}
		return Load(path)
	}
	got, err := load(string(data))
	if d := cmp.Diff(f, got); err != nil || d != "" {
		t.Errorf("read again: %v (-want +got)\n%s", err, d)
	}
	s := section("A")
	want := []string{"2 of 16 requests failed.", "M c=8 delivers 8 % more, but the slowest first tokens are late.", "M Decode is even."}
	if d := cmp.Diff(want, texts(s.Lines(got.Choices(s.ID)))); d != "" {
		t.Errorf("rendered (-want +got):\n%s", d)
	}
	if _, err := Load(path + "x"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file gave %v", err)
	}
	for name, text := range map[string]string{
		"empty": "", "cut off": string(data[:len(data)/2]), "a list": "[]", "another thing": `{"results":[]}`,
		"version": strings.Replace(string(data), `"version":2`, `"version":1`, 1), "a text for a key": strings.Replace(string(data), `"key":"step"`, `"key":7`, 1),
	} {
		got, err := load(text)
		if got != nil || err == nil || strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), "prose.json") {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}
