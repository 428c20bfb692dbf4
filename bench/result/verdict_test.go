package result

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The worst finding gives the state, whatever the order they come in.
func TestVerdictIsTheWorst(t *testing.T) {
	v := &Verdict{State: StateValid}
	if v.String() != "valid" || !v.Valid() || !v.Trusted() {
		t.Errorf("without findings: %v", v)
	}
	v.add(StateShort, "%d requests", 2)
	v.add(StateDisturbed, "waited")
	v.add(StateUnsettled, "drifted")
	v.add(StateDisturbed, "stopped")
	want := &Verdict{StateDisturbed, []Finding{{StateDisturbed, "waited"}, {StateDisturbed, "stopped"}, {StateUnsettled, "drifted"}, {StateShort, "2 requests"}}}
	if diff := cmp.Diff(want, v); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := v.String(); got != "disturbed: waited; stopped" {
		t.Errorf("String() = %q", got)
	}
	if v.Valid() || v.Trusted() {
		t.Error("disturbed figures are valid or trusted")
	}
}

// What nobody looked at is not valid, and nothing speaks against it.
func TestUnknownIsNotValid(t *testing.T) {
	for _, v := range []*Verdict{nil, {State: StateUnknown}} {
		if v.Valid() || !v.Trusted() || v.String() != "unknown" {
			t.Errorf("%v: valid %v, trusted %v", v, v.Valid(), v.Trusted())
		}
	}
	if !State("of a later version").Worse(StateInvalid) {
		t.Error("a state that is not known is better than the worst that is")
	}
}
