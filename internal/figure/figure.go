// Package figure prints numbers for people.
package figure

import (
	"fmt"
	"math"
	"strconv"
)

// Missing stands for what is not known. It is never 0.
const Missing = "—"

// OrMissing is s, or Missing where s is empty.
func OrMissing(s string) string {
	if s == "" {
		return Missing
	}
	return s
}

// Fixed prints v with so many decimals: the float64's exact value, correctly
// rounded, ties to even. 60.9475 is stored a little above itself and gives 60.95;
// 39.525 a little below and gives 39.52. A number that is NaN or infinite was not
// measured.
func Fixed(v float64, decimals int) string {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return Missing
	}
	return strconv.FormatFloat(v, 'f', decimals, 64)
}

// Decimals is Fixed of a number that may not be known.
func Decimals(v *float64, decimals int) string {
	if v == nil {
		return Missing
	}
	return Fixed(*v, decimals)
}

// Shortest prints a number with all its digits, for machines; one that is not
// known is empty.
func Shortest(v *float64) string {
	if v == nil {
		return ""
	}
	return strconv.FormatFloat(*v, 'g', -1, 64)
}

// Share is part of whole in percent, with one decimal. A part that this would
// show as nothing is "<0.1%".
func Share(part, whole int64) string {
	if whole <= 0 {
		return Missing
	}
	percent := 100 * float64(part) / float64(whole)
	if part > 0 && percent < 0.05 {
		return "<0.1%"
	}
	return Fixed(percent, 1) + "%"
}

// Count is "1 request", "2 requests".
func Count(n int, what string) string { return Plural(n, what, what+"s") }

// Plural is Count of what has a plural of its own.
func Plural(n int, one, many string) string {
	if n == 1 {
		many = one
	}
	return Grouped(n) + " " + many
}

// GiB prints bytes in GiB.
func GiB[N int | int64 | uint64](bytes N) string {
	return strconv.FormatFloat(float64(bytes)/(1<<30), 'f', 2, 64) + " GiB"
}

// Size prints bytes in GiB, or in MiB where that would be a fraction.
func Size(bytes int64) string {
	if bytes < 1<<30 {
		return fmt.Sprintf("%.1f MiB", float64(bytes)/(1<<20))
	}
	return GiB(bytes)
}

// Grouped writes 1234567 as "1,234,567".
func Grouped[N int | int64](n N) string {
	s, sign := strconv.FormatInt(int64(n), 10), ""
	if n < 0 {
		sign, s = "-", s[1:]
	}
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return sign + s
}
