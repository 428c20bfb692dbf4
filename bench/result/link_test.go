package result

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestLinksSince(t *testing.T) {
	before := []NetworkLink{{"a", 0.5, 10, 20, 1}, {"b", 0.5, 10, 20, 1}, {"gone", 0.5, 10, 20, 1}}
	after := []NetworkLink{{"a", 0.1, 110, 220, 3}, {"b", 0.1, 9, 30, 0}, {"new", 0.1, 7, 7, 7}}
	want := []NetworkLink{{"a", 0.1, 100, 200, 2}}
	if diff := cmp.Diff(want, LinksSince(before, after)); diff != "" {
		t.Error(diff)
	}
}
