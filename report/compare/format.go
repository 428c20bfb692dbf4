package compare

import (
	"math"
	"strconv"
	"strings"
)

// missing is printed where there is no figure.
const missing = "—"

func fixed(v float64, decimals int) string { return strconv.FormatFloat(v, 'f', decimals, 64) }

// grouped writes a count with commas between thousands.
func grouped(n int) string {
	s := strconv.Itoa(n)
	sign := ""
	if n < 0 {
		sign, s = "−", s[1:]
	}
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return sign + s
}

// ratioText has three decimals, or three digits where those say more.
func ratioText(v float64) string {
	switch a := math.Abs(v); {
	case a >= 100:
		return fixed(v, 0)
	case a >= 10:
		return fixed(v, 1)
	case a >= 0.1 || a == 0:
		return fixed(v, 3)
	}
	return strconv.FormatFloat(v, 'g', 3, 64)
}

// signed writes a difference with its sign, a true minus.
func signed(v float64, decimals int) string {
	s := fixed(math.Abs(v), decimals)
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
	return fixed(p, 3)
}
