package client

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"ceiling/bench/result"
	"ceiling/bench/suite"
)

// An answer is what the server's ids say; where a piece has fewer ids than tokens,
// or none, its text is tokenised, that of neighbours together.
func TestWords(t *testing.T) {
	letters := func(text string) (ids []int32, err error) {
		for _, b := range []byte(text) {
			ids = append(ids, 1000+int32(b))
		}
		return append(ids, -int32(len(text))), nil // which shows what came together
	}
	piece := func(total int, text string, ids ...int32) chunk {
		return chunk{holds: true, total: total, text: foreign(text), ids: ids}
	}
	for _, c := range []struct {
		name     string
		pieces   []chunk
		want     []int32
		fromText int
	}{
		{"ids, the last without text", []chunk{piece(1, "a", 7), piece(2, "b", 8), piece(3, "", 2), {holds: true, closing: true, total: 3}}, []int32{7, 8, 2}, 0},
		{"ids and no counts", []chunk{piece(-1, "ab", 7, 8), piece(-1, "c", 9)}, []int32{7, 8, 9}, 0},
		{"a character of two tokens: the last one's id", []chunk{piece(1, "a", 7), piece(3, "b", 8), piece(4, "c", 9)}, []int32{7, 1098, -1, 9}, 2},
		{"text alone", []chunk{piece(1, "a"), piece(2, "b"), {holds: true, closing: true, total: 2}}, []int32{1097, 1098, -2}, 3},
		{"what holds no token", []chunk{{total: 5}, piece(-1, "a", 7)}, []int32{7}, 0},
		{"nothing", nil, nil, 0},
	} {
		var w words
		for i := range c.pieces {
			w.take(&c.pieces[i])
		}
		got, fromText, err := w.tokens(letters)
		if err != nil || !slices.Equal(got, c.want) || fromText != c.fromText {
			t.Errorf("%s: %v, %d from text, %v; want %v, %d", c.name, got, fromText, err, c.want, c.fromText)
		}
	}
	w := words{pieces: []saying{{text: "a"}, {ids: []int32{1}}}}
	if _, _, err := w.tokens(func(string) ([]int32, error) { return nil, errors.New("no") }); err == nil {
		t.Error("a text that can't be tokenised is taken")
	}
}

// Conversations through a server: each turn's prompt is all that was said, token by
// token, and what the user adds; what the server took from its cache is recorded.
func TestConversations(t *testing.T) {
	for _, c := range []struct {
		name   string
		server *fake
		said   []int32 // an answer of three tokens, in the next prompt
		text   int
	}{
		{"llama-server", &fake{kind: kindLlama}, []int32{1, 2, 3}, 0},
		{"vLLM", &fake{kind: kindVLLM}, []int32{1, 2, 3}, 0},
		{"no ids", &fake{kind: kindVLLM, noIDs: true}, []int32{90, 90, 90}, 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.server.cached = func(_ int, body map[string]any) int { return len(body["prompt"].([]any)) - 1 }
			f := c.server.start(t)
			s := f.mustConnect(t, withTurns)
			_, before := f.counted()
			work, err := suite.NewWorkload(t.Context(), suite.WorkloadSpec{Vocab: testVocab(), Seed: 1, Total: 6,
				Scenario: result.Scenario{Name: "C", Input: 5, Output: 3, Turns: 3, Concurrency: 2, Prompts: 2}})
			if err != nil {
				t.Fatal(err)
			}
			g := NewLoadGenerator(s, result.NewClock(0), work, 0)
			if err := g.Run(t.Context()); err != nil {
				t.Fatal(err)
			}
			var sent [][]int32
			for _, body := range f.bodies[before:] {
				var ids []int32
				for _, id := range body["prompt"].([]any) {
					ids = append(ids, int32(id.(float64)))
				}
				sent = append(sent, ids)
			}
			slices.SortFunc(g.Records, func(a, b result.Record) int { return a.Request - b.Request })
			for i := range g.Records {
				r := &g.Records[i]
				if err := r.Check(); err != nil || r.Error != "" {
					t.Error(err, r.Error)
				}
				want := work.Prompt(nil, i-i%3)
				for k := i - i%3 + 1; k <= i; k++ {
					want = work.Prompt(append(want, c.said...), k)
				}
				if !slices.ContainsFunc(sent, func(p []int32) bool { return slices.Equal(p, want) }) {
					t.Errorf("request %d was not sent as %v", i, want)
				}
				if r.Turn != i%3 || r.InputTokens != 5+8*r.Turn || r.ReusedTokens != r.InputTokens-1 || r.Server.FromText != c.text {
					t.Errorf("request %d: %+v, %+v", i, r, r.Server)
				}
			}
			if len(g.Records) != 6 || len(sent) != 6 {
				t.Errorf("%d records of %d requests", len(g.Records), len(sent))
			}
			_, d := result.Summarize(work.Spec.Scenario, g.Records, result.Measured{Status: result.StatusComplete, Cache: result.CacheWarm})
			if d.Server.FromText != int64(6*c.text) || len(d.Turns) != 3 || d.Turns[2].Reused != 20 {
				t.Errorf("%+v, %+v", d.Server, d.Turns)
			}
			warned := slices.Contains(d.Warnings, fmt.Sprintf("%d tokens of answers in later turns' prompts are what the answers' text is tokenised into: the server gave no ids of them, and may have others in its cache", 6*c.text))
			if warned != (c.text > 0) {
				t.Errorf("%q", d.Warnings)
			}
		})
	}
}

// What llama-server says of drafts is in each record.
func TestDraftedRecords(t *testing.T) {
	s := (&fake{kind: kindLlama, draft: true}).start(t).mustConnect(t, nil)
	work, err := suite.NewWorkload(t.Context(), suite.WorkloadSpec{Vocab: testVocab(), Seed: 1, Total: 2,
		Scenario: result.Scenario{Name: "D", Input: 5, Output: 4, Concurrency: 1, Prompts: 2}})
	if err != nil {
		t.Fatal(err)
	}
	g := NewLoadGenerator(s, result.NewClock(0), work, 0)
	if err := g.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, r := range g.Records {
		if r.Drafted != 12 || r.Accepted != 2 {
			t.Errorf("%d of %d drafts accepted", r.Accepted, r.Drafted)
		}
	}
}
