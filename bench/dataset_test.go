package bench

import (
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"ceiling/bench/result"
	"ceiling/bench/suite"
)

// bytesTokenizer has one id for each byte of a text, below 100.
type bytesTokenizer struct{}

func (bytesTokenizer) Tokenize(text string, _, _ bool) ([]int32, error) {
	var ids []int32
	for _, b := range []byte(text) {
		ids = append(ids, int32(b)-20)
	}
	return ids, nil
}

// Chat is "u:question;a:".
func (bytesTokenizer) Chat(messages []suite.ChatMessage) (string, error) {
	text := ""
	for _, m := range messages {
		text += m.Role[:1] + ":" + m.Content + ";"
	}
	return text + "a:", nil
}

// fileSuite is a suite of one scenario over data, which fields call d.jsonl.
func fileSuite(t *testing.T, data, fields string) (result.Suite, suite.Datasets) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "d.jsonl"), []byte(data), 0o644); err != nil {
		t.Fatal(err)
	}
	s, err := suite.Parse(filepath.Join(dir, "s.yaml"), []byte("name: s\nscenarios:\n  - {name: A, "+fields+"}\n"))
	if err != nil {
		t.Fatal(err)
	}
	texts, err := suite.Tokenize(t.Context(), s, 1, bytesTokenizer{})
	if err != nil {
		t.Fatal(err)
	}
	return s, texts
}

// A request of a dataset that the model can't hold fails with the reason, and the
// others run; told before anything is opened is the rest.
func TestDatasetTooLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, texts := fileSuite(t, "{\"prompt\": \"abcdefgh\"}\n{\"prompt\": \"abcd\"}\n{\"prompt\": \"efghijklm\"}\n{\"prompt\": \"ef\"}\n", "dataset: d.jsonl, output: 2, concurrency: 1")
		s, _ = texts.Measure(s, testVocab(), 1, 8)
		o := &fakeOpener{t: t}
		cfg := Config{Suite: s, Vocab: testVocab(), Texts: texts, Context: 8, Opener: o, NoWarmup: true}
		if refused := cfg.Refusals(func(SessionSpec) error { return nil }); len(refused) > 0 {
			t.Fatal(refused)
		}
		var records []result.Record
		cfg.Journal = sinkFunc(func(r *result.Record) error { records = append(records, *r); return nil })
		run, err := Run(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, r := range records {
			if err := r.Check(); err != nil {
				t.Error(err)
			}
			got = append(got, r.Error)
		}
		want := []string{`"8" prompt tokens and 2 to generate are more than the model's context of 8`, "", `"9" prompt tokens and 2 to generate are more than the model's context of 8`, ""}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		if spec := o.opened[0].spec; spec.TokensPerSequence != 6 {
			t.Errorf("opened for %d tokens", spec.TokensPerSequence)
		}
		if r := run.Results[0]; r.SuccessfulRequests != 2 || r.FailedRequests != 2 || r.InputLen != 3 || r.OutputLen != 2 {
			t.Errorf("%+v", r)
		}
	})
}

// With ignore_eos: false a request has the tokens that came, the one that ended it
// included; the figures are over those.
func TestUntilEnd(t *testing.T) {
	lengths := func(ends []int32) (out []int, r result.Summary, d result.Detail) {
		synctest.Test(t, func(t *testing.T) {
			s, texts := fileSuite(t, "{\"prompt\": \"abcd\"}\n{\"prompt\": \"efgh\"}\n{\"prompt\": \"ijkl\"}\n", "dataset: d.jsonl, output: 40, concurrency: 2, ignore_eos: false")
			vocab := testVocab()
			vocab.Ends = ends
			w := mustWorkload(t, suite.WorkloadSpec{Scenario: s.Scenarios[0], Vocab: vocab, Seed: 1, Texts: texts.Of(s.Scenarios[0])})
			x, _ := executorOver(t, w, 16)
			if err := x.run(t.Context()); err != nil {
				t.Fatal(err)
			}
			m := result.Measured{Status: result.StatusComplete}
			x.measured(&m)
			r, d = result.Summarize(s.Scenarios[0], x.records, m)
			out = make([]int, 3)
			for _, rec := range x.records {
				out[rec.Request] = rec.OutputTokens
			}
		})
		return out, r, d
	}
	if out, _, _ := lengths(nil); !cmp.Equal(out, []int{40, 40, 40}) {
		t.Errorf("without an end: %v", out)
	}
	var ends []int32
	for id := int32(0); id < 10; id++ {
		ends = append(ends, id)
	}
	out, r, d := lengths(ends)
	total := out[0] + out[1] + out[2]
	if out[0] == 40 || out[1] == 40 || out[2] == 40 {
		t.Errorf("nothing ended: %v", out)
	}
	if r.TotalOutputTokens != float64(total) || r.OutputLen != 40 || *d.MeanOutput != float64(total)/3 || !d.UntilEnd {
		t.Errorf("%v: %v tokens, nominal %d, mean %v", out, r.TotalOutputTokens, r.OutputLen, *d.MeanOutput)
	}
	if want := float64(total) / *r.DurationS; *r.OutputThroughput != want {
		t.Errorf("%v tok/s, want %v", *r.OutputThroughput, want)
	}
	if got, want := *r.TPOTMeanMs, float64(10*time.Millisecond)/1e6; got < want-1e-6 || got > want+1e-6 {
		t.Errorf("TPOT %v ms in steps of %v", got, want)
	}
}
