package gguf

import (
	"fmt"
	"math"
)

// SizeLabel shortens a count of parameters, as "24B": the value of
// general.size_label.
func SizeLabel(parameters int64) string {
	n, unit := float64(parameters), ""
	for _, u := range []string{"K", "M", "B", "T"} {
		if n < 999.5 {
			break
		}
		n, unit = n/1000, u
	}
	if n < 9.95 && unit != "" {
		return fmt.Sprintf("%.1f%s", n, unit)
	}
	return fmt.Sprintf("%.0f%s", math.Round(n), unit)
}
