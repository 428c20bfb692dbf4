package bench

import (
	"fmt"
	"strings"
	"testing"

	"ceiling/bench/result"
)

// order runs a suite on paper: units as they come, those of disturbed scenarios
// run again.
func order(s result.Suite, disturbed ...int) string {
	var out []string
	ran := map[[2]int]result.Entry{}
	for {
		u, ok := next(s, func(pass, scenario int) (result.Entry, bool) {
			e, ok := ran[[2]int{pass, scenario}]
			return e, ok
		})
		if !ok {
			return strings.Join(out, " ")
		}
		state := result.StateValid
		for _, d := range disturbed {
			if d == u.Scenario && u.Pass < s.Passes() {
				state = result.StateDisturbed
			}
		}
		ran[[2]int{u.Pass, u.Scenario}] = result.Entry{Detail: result.Detail{Verdict: &result.Verdict{State: state}}}
		out = append(out, fmt.Sprintf("%d:%d%s", s.Process(u.Pass, u.Scenario), u.Pass, s.Scenarios[u.Scenario].Name))
	}
}

// What needs another process or load is done once each, whatever the passes;
// within one the passes go round, and what was disturbed runs again before the
// model goes.
func TestGroups(t *testing.T) {
	s := result.Suite{Name: "s", Retry: 1}
	for _, graphs := range []string{"on", "off"} {
		for load := range 2 {
			for _, kv := range []string{"f", "q"} {
				name := fmt.Sprintf("%s%d%s", graphs[1:], load, kv)
				s.Scenarios = append(s.Scenarios, result.Scenario{Name: name, Prompts: 1, Load: load, Repeat: 2,
					Settings: []result.Setting{{Name: "kv-type", Value: kv}, {Name: "graphs", Value: graphs}}})
			}
		}
	}
	want := "0:0n0f 0:0n0q 0:1n0f 0:1n0q 0:2n0q 0:0n1f 0:0n1q 0:1n1f 0:1n1q " +
		"1:0ff0f 1:0ff0q 1:1ff0f 1:1ff0q 1:0ff1f 1:0ff1q 1:1ff1f 1:1ff1q 1:2ff1q"
	if got := order(s, 1, 7); got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
	// Each process of several makes all groups, and the last of them what runs
	// again.
	s.Scenarios, s.PassesPerProcess = []result.Scenario{s.Scenarios[0], s.Scenarios[4]}, 1
	if got, want := order(s, 0, 1), "0:0n0f 1:0ff0f 2:1n0f 2:2n0f 3:1ff0f 3:2ff0f"; got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
	if n := s.Processes(); n != 4 {
		t.Errorf("%d processes", n)
	}
	// Nothing of that: one process, the scenarios in their order, those that were
	// disturbed at the end.
	plain := result.Suite{Name: "p", Retry: 1, Scenarios: []result.Scenario{{Name: "A", Prompts: 1}, {Name: "B", Prompts: 1}}}
	if got, want := order(plain, 0), "0:0A 0:0B 0:1A"; got != want || plain.Processes() != 1 {
		t.Errorf("%s\nwant\n%s", got, want)
	}
}
