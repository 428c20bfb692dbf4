package main

import (
	"strings"
	"testing"

	"ceiling/bench/result"
)

// What is the same of several scenarios is said once.
func TestTextNotes(t *testing.T) {
	short := &result.Dataset{Name: "f", Lengths: &result.Lengths{Continued: 4}}
	long := &result.Dataset{Name: "f", Lengths: &result.Lengths{Continued: 4, TooLong: 1}}
	var told strings.Builder
	r := &runner{show: newProgress(&told)}
	for _, sc := range []result.Scenario{{Name: "A", Prompts: 4, Turns: 2, Dataset: short}, {Name: "B", Prompts: 4, Turns: 2, Dataset: long}, {Name: "C", Prompts: 4, Turns: 2, Dataset: short}, {Name: "D"}} {
		r.suite.Scenarios = append(r.suite.Scenarios, sc)
	}
	r.tellTexts(100)
	want := "note: scenario \"A\" and 2 more: 4 of 4 conversations have fewer than 2 questions, and go on with those of the lines behind them\n" +
		"note: scenario \"B\": 1 of 8 requests are longer than the model's context of 100 tokens, and will fail\n"
	if told.String() != want {
		t.Errorf("got\n%swant\n%s", told.String(), want)
	}
}
