package compare

import (
	"math"
	"strconv"
	"strings"

	"ceiling/internal/figure"
)

// ratioText has three decimals, or three digits where those say more.
func ratioText(v float64) string {
	switch a := math.Abs(v); {
	case a >= 100:
		return figure.Fixed(v, 0)
	case a >= 10:
		return figure.Fixed(v, 1)
	case a >= 0.1 || a == 0:
		return figure.Fixed(v, 3)
	}
	return strconv.FormatFloat(v, 'g', 3, 64)
}

// signed writes a difference with its sign, a true minus.
func signed(v float64, decimals int) string {
	s := figure.Fixed(math.Abs(v), decimals)
	switch {
	case strings.Trim(s, "0.") == "":
		return s
	case v < 0:
		return "−" + s
	}
	return "+" + s
}

// pText is a p value; below what its digits show it is a bound.
func pText(p float64) string {
	if p < 0.001 {
		return "<0.001"
	}
	return figure.Fixed(p, 3)
}
