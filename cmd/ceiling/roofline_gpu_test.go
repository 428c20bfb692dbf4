package main

import (
	"slices"
	"strings"
	"testing"
)

func TestKnownProbes(t *testing.T) {
	names := []string{"cpu.read", "hbm", "mfma.f16", "cpu.node"}
	if err := knownProbes(names); err != nil {
		t.Error(err)
	}
	ofCPU, ofCards := splitProbes(names)
	if !slices.Equal(ofCPU, []string{"cpu.read", "cpu.node"}) || !slices.Equal(ofCards, []string{"hbm", "mfma.f16"}) {
		t.Errorf("%q, %q", ofCPU, ofCards)
	}
	if err := knownProbes([]string{"hbm", "hbm.reed"}); err == nil || !strings.Contains(err.Error(), `"hbm.reed"`) {
		t.Errorf("%v", err)
	}
}

func TestDevicesText(t *testing.T) {
	for _, c := range []struct {
		devices []int
		want    string
	}{{nil, ""}, {[]int{2}, " (card 2)"}, {[]int{0, 1, 3}, " (cards 0 1 3 at once)"}} {
		if got := devicesText(c.devices); got != c.want {
			t.Errorf("%v: %q", c.devices, got)
		}
	}
}
