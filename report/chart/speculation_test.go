package chart

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ceiling/bench/result"
)

// A line for each scenario that speculates, over all places of its drafts; what was
// never drafted is a gap. Lines of one sweep are named by what they differ in.
func TestAcceptanceByPlace(t *testing.T) {
	r := &result.Run{}
	add := func(name string, at []result.Setting, synthetic bool, drafted, accepted []int64) {
		d := result.Detail{Name: name}
		if at != nil {
			d.Sweep = &result.SweepPoint{Of: "Code", At: at}
		}
		if drafted != nil {
			d.Speculation = &result.Speculation{SpecSettings: result.SpecSettings{Kind: "draft", Synthetic: synthetic}, Verifications: drafted[0], DraftedAt: drafted, AcceptedAt: accepted}
		}
		r.Results, r.Details = append(r.Results, result.Summary{Name: name}), append(r.Details, d)
	}
	at := func(c, spec string) []result.Setting {
		return []result.Setting{{Name: "concurrency", Value: c}, {Name: "spec", Value: spec}}
	}
	add("Code: c=1", at("1", "none"), false, nil, nil)
	add("Code: c=1 draft", at("1", "draft"), false, []int64{10, 10, 4, 0}, []int64{9, 5, 1, 0})
	add("SYNTHETIC: Code: c=4 draft", at("4", "draft"), true, []int64{8, 8}, []int64{8, 2})
	f := figures(t, Input{Results: r})["acceptance-1"]
	if f == nil {
		t.Fatal("no chart")
	}
	want := [][]string{{"1", "90.0", "100.0"}, {"2", "50.0", "25.0"}, {"3", "10.0", "—"}}
	if diff := cmp.Diff(want, f.Rows); diff != "" || f.Place != InSpeculation {
		t.Errorf("%s: %s", f.Place, diff)
	}
	if diff := cmp.Diff([]string{"Place", "concurrency=1 (%)", "SYNTHETIC: concurrency=4 (%)"}, f.Header); diff != "" {
		t.Error(diff)
	}
	if want := "Acceptance by place in the draft. concurrency=1: 90.0 % at place 1, 10.0 % at place 3. SYNTHETIC: concurrency=4: 100.0 % at place 1, 25.0 % at place 2."; f.Alt != want {
		t.Errorf("alt %q", f.Alt)
	}
	parseSVG(t, f.SVG)

	for i := range 8 {
		add(fmt.Sprintf("Alone %d", i), nil, false, []int64{2}, []int64{1})
	}
	fs := figures(t, Input{Results: r})
	if a, b := fs["acceptance-1"], fs["acceptance-2"]; a == nil || b == nil || len(a.Header) != 9 || len(b.Header) != 3 || a.Header[1] != "Code: c=1 draft (%)" {
		t.Errorf("ten lines make %v and %v", a, b)
	}
}
