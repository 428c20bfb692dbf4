package report

import (
	"strings"
	"testing"
)

// A scenario that failed in the reference's own files is printed as the
// reference prints it: ERROR and dashes in its tables, the reason alone for
// key metrics, and no row in the scaling table.
func TestReferenceErrorRow(t *testing.T) {
	r := mustLoad(t, "error-row.json")
	md := render(t, r, DocumentOptions{})
	for _, want := range []string{
		"\n| Single User Latency | Latency | 2048 | 512 | 1 | 70.42 | 833.77 | 12.60 | 13.41 |\n",
		"\n| Mixed Traffic | Mixed | 2048 | 512 | 8 | ERROR | - | - | - |\n",
		"\n| Mixed Traffic | ERROR | ERROR |\n",
		"\n### Mixed Traffic\n**Purpose:** Variable request sizes (±50%)\n**Key metrics:**\n- ERROR: Benchmark timed out after 30 minutes\n\n---\n",
	} {
		if strings.Count(md, want) != 1 {
			t.Errorf("%q stands %d times in\n%s", want, strings.Count(md, want), md)
		}
	}
	scaling := r.Results[1]
	scaling.Name = "Concurrency Scaling (c=8)"
	good := r.Results[0]
	good.Name = "Concurrency Scaling (c=1)"
	r.Results = append(r.Results, good, scaling)
	table := extract(t, render(t, r, DocumentOptions{})).Scaling
	if !strings.Contains(table, "\n| 1 | 70.42 |") || strings.Contains(table, "\n| 8 |") {
		t.Errorf("scaling table\n%s", table)
	}
}
