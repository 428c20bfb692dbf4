package result

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCombine(t *testing.T) {
	pass := func(i int, rate float64, status string, failed float64) Pass {
		p := Pass{Pass: i, Result: Summary{NumPrompts: 10, FailedRequests: failed}, Detail: Detail{Status: status}}
		if rate > 0 {
			p.Result.OutputThroughput = &rate
		}
		if status == StatusFailed {
			text := "no memory"
			p.Result.Error = &text
		}
		return p
	}
	for _, tc := range []struct {
		name    string
		planned int
		passes  []Pass
		want    int
		warn    string // all warnings
	}{
		{"three: the middle one", 3, []Pass{pass(0, 30, StatusComplete, 0), pass(1, 10, StatusComplete, 0), pass(2, 20, StatusComplete, 0)}, 2, ""},
		{"four: the lower of the two in the middle", 4,
			[]Pass{pass(0, 40, StatusComplete, 0), pass(1, 10, StatusComplete, 0), pass(2, 20, StatusComplete, 0), pass(3, 30, StatusComplete, 0)}, 2, ""},
		{"equal ones: the first", 2, []Pass{pass(0, 10, StatusComplete, 0), pass(1, 10, StatusComplete, 0)}, 0, ""},
		{"failed requests count only where every pass has some", 3,
			[]Pass{pass(0, 20, StatusComplete, 1), pass(1, 5, StatusComplete, 0), pass(2, 30, StatusComplete, 2)}, 1,
			"pass 1 of 3: 1 of 10 requests failed|pass 3 of 3: 2 of 10 requests failed"},
		{"a pass cut short says nothing beside a whole one", 3, []Pass{pass(0, 5, StatusComplete, 0), pass(1, 50, StatusPartial, 0)}, 0,
			"pass 2 of 3 is partial and counts for nothing here|2 of 3 passes ran"},
		{"a failed pass", 2, []Pass{pass(0, 0, StatusFailed, 0), pass(1, 50, StatusComplete, 0)}, 1, "pass 1 of 2 failed: no memory"},
		{"only failed ones", 2, []Pass{pass(0, 0, StatusFailed, 0), pass(1, 0, StatusFailed, 0)}, 0, "pass 2 of 2 failed: no memory"},
	} {
		r, d := Combine(tc.planned, tc.passes)
		if d.Pass != tc.want || d.Repeat != tc.planned || len(d.Passes) != len(tc.passes) {
			t.Errorf("%s: pass %d of %d, %d kept", tc.name, d.Pass, d.Repeat, len(d.Passes))
		}
		if diff := cmp.Diff(tc.passes[tc.want].Result, r); diff != "" {
			t.Errorf("%s: %s", tc.name, diff)
		}
		if got := strings.Join(d.Warnings, "|"); got != tc.warn {
			t.Errorf("%s: warnings %q, want %q", tc.name, got, tc.warn)
		}
	}
	one := pass(0, 10, StatusComplete, 0)
	if _, d := Combine(1, []Pass{one}); d.Repeat != 0 || d.Passes != nil {
		t.Errorf("a scenario that runs once: %+v", d)
	}
}
