package render

import (
	"testing"

	"ceiling/report/chart"
	"ceiling/report/doc"
)

// Charts are drawn where somebody asks for them, and once.
func TestChartsOnDemand(t *testing.T) {
	drawn := 0
	r := &Rendering{name: "report", doc: &doc.Document{Title: "A"}, draw: func() ([]chart.Chart, []string) {
		drawn++
		return nil, nil
	}}
	if r.Markdown(); drawn != 0 {
		t.Error("drawn for text")
	}
	r.Illustrate()
	if r.Illustrate(); drawn != 1 {
		t.Errorf("drawn %d times", drawn)
	}
}
