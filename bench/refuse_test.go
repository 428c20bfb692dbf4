package bench

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"ceiling/bench/result"
)

// Every limit is told before anything is opened, all at once, and what is
// below each of them is not refused.
func TestRefusals(t *testing.T) {
	sc := func(name string, in, c, prompts int) result.Scenario {
		return result.Scenario{Name: name, Input: in, Output: 4, Concurrency: c, Prompts: prompts}
	}
	suite := result.Suite{Name: "t", Scenarios: []result.Scenario{
		sc("fits", 40, 8, 20),
		sc("300 with 8 prompts are 8 requests", 40, 300, 8),
		sc("300 with 301", 40, 300, 301),
		sc("more than a step has tokens", 40, 40, 40),
		sc("a session that can't be", 41, 2, 2),
		sc("too short to differ", 2, 1, 150),
	}}
	suite.Scenarios[5].Prompts = 150
	var asked []SessionSpec
	c := Config{Suite: suite, Vocab: testVocab(), Seed: 1, Budget: 32}
	c.Vocab.AddBOS = true
	got := c.Refusals(func(s SessionSpec) error {
		asked = append(asked, s)
		if s.TokensPerSequence > 44 {
			return errTooSmall
		}
		return nil
	})
	want := map[int]string{
		2: `"300" requests in flight (concurrency 300, 301 prompts) are more than the 256 sequences`,
		3: `"40" requests in flight exceed the 32 tokens of one step`,
		4: errTooSmall.Error(),
		5: `prompts of "2" tokens can't be made different`,
	}
	for i := range suite.Scenarios {
		switch err := got[i]; {
		case (err == nil) != (want[i] == ""):
			t.Errorf("%s: %v", suite.Scenarios[i].Name, err)
		case err != nil && !strings.HasPrefix(err.Error(), want[i]):
			t.Errorf("%s: %q, want %q", suite.Scenarios[i].Name, err, want[i])
		}
	}
	if diff := cmp.Diff([]SessionSpec{{Sequences: 8, TokensPerSequence: 44}, {Sequences: 8, TokensPerSequence: 44}, {Sequences: 2, TokensPerSequence: 45}}, asked); diff != "" {
		t.Error("sessions asked about (-want +got):\n" + diff)
	}
}

// The session that is asked about is the one that the run then opens.
func TestRefusalsAskForTheRunsSessions(t *testing.T) {
	for _, warm := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			suite := testSuite()
			suite.Scenarios[1].RangeRatio = 0.4
			opener := &fakeOpener{t: t}
			cfg := Config{Suite: suite, Opener: opener, Vocab: testVocab(), Seed: 3, PrefixCache: warm}
			var asked []SessionSpec
			if refused := cfg.Refusals(func(s SessionSpec) error { asked = append(asked, s); return nil }); len(refused) > 0 {
				t.Fatal(refused)
			}
			if _, err := Run(context.Background(), cfg); err != nil {
				t.Fatal(err)
			}
			var opened []SessionSpec
			for _, f := range opener.opened {
				opened = append(opened, f.spec)
			}
			if diff := cmp.Diff(asked, opened); diff != "" {
				t.Errorf("warm %v (-asked +opened):\n%s", warm, diff)
			}
		})
	}
}

// A warm run has one session: the scenarios with the longest sequences are
// given up until the rest fits.
func TestRefusalsOfAWarmRun(t *testing.T) {
	cfg := Config{Suite: testSuite(), Vocab: testVocab(), PrefixCache: true}
	longest := 0
	for i, sc := range cfg.Suite.Scenarios {
		if sc.LongestRequest() > cfg.Suite.Scenarios[longest].LongestRequest() {
			longest = i
		}
	}
	most := cfg.Suite.Scenarios[longest].LongestRequest()
	got := cfg.Refusals(func(s SessionSpec) error {
		if s.TokensPerSequence >= most {
			return errTooSmall
		}
		return nil
	})
	if len(got) != 1 || !errors.Is(got[longest], errTooSmall) {
		t.Errorf("refused %v, want scenario %d", got, longest)
	}
}

// What is refused is a result that says so; nothing is opened for it, in no
// pass, and the others run.
func TestRefusedScenariosAreResults(t *testing.T) {
	for _, warm := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			opener := &fakeOpener{t: t, refuse: func(s SessionSpec) error {
				if s.TokensPerSequence > 50 {
					t.Errorf("a session of %+v was asked for", s)
				}
				return nil
			}}
			cfg := Config{Suite: testSuite().WithRepeat(2), Opener: opener, Vocab: testVocab(), Seed: 3, PrefixCache: warm,
				Refused: map[int]error{1: fmt.Errorf("%w:\n no", errTooSmall)}}
			if n := cfg.Left(); n != 4 {
				t.Errorf("%d left of six with two refused", n)
			}
			got, err := Run(context.Background(), cfg)
			if err != nil {
				t.Fatal(err)
			}
			cfg.Resume = &ResumeState{Done: map[int]result.Entry{0: {}, 2: {}, 3: {}}}
			if n := cfg.Left(); n != 1 {
				t.Errorf("%d left with three complete", n)
			}
			want := []string{"A: complete 3+0", "B: failed 0+0 (" + errTooSmall.Error() + ": no)", "Concurrency Scaling (c=2): complete 6+0"}
			if diff := cmp.Diff(want, statuses(got)); diff != "" {
				t.Error(diff)
			}
			if got.Partial || got.Details[1].Dropped != cfg.Suite.Scenarios[1].Prompts || len(got.Details[1].Passes) != 2 {
				t.Errorf("partial %v, %+v", got.Partial, got.Details[1])
			}
		})
	}
}

// More concurrency than prompts takes as many sequences as prompts.
func TestMoreConcurrencyThanPrompts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		suite := result.Suite{Name: "t", Scenarios: []result.Scenario{{Name: "A", Input: 20, Output: 3, Concurrency: 300, Prompts: 8}}}
		opener := &fakeOpener{t: t}
		got, err := Run(context.Background(), Config{Suite: suite, Opener: opener, Vocab: testVocab()})
		if err != nil {
			t.Fatal(err)
		}
		if s := statuses(got); s[0] != "A: complete 8+0" || got.Results[0].Concurrency != 300 || opener.opened[0].spec.Sequences != 8 {
			t.Errorf("%s, concurrency %d, session %+v", s, got.Results[0].Concurrency, opener.opened[0].spec)
		}
	})
}
