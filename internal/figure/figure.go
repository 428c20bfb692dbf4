// Package figure prints numbers for people.
package figure

import (
	"fmt"
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

// Size prints bytes in GiB, or in MiB where that would be a fraction.
func Size(bytes int64) string {
	if bytes < 1<<30 {
		return fmt.Sprintf("%.1f MiB", float64(bytes)/(1<<20))
	}
	return fmt.Sprintf("%.2f GiB", float64(bytes)/(1<<30))
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
