package report

import (
	"math"
	"strconv"
	"time"

	"ceiling/internal/oneline"
)

// missing is printed where a quantity was not measured. A missing number is
// never 0.
const missing = "—"

// fixed formats with the given number of decimals as the reference does: the
// float64's exact value, correctly rounded, ties to even. 60.9475 is stored a
// little above itself and gives 60.95; 39.525 a little below and gives 39.52.
// A number that is nil, NaN or infinite was not measured.
func fixed(v *float64, decimals int) string {
	if v == nil || math.IsNaN(*v) || math.IsInf(*v, 0) {
		return missing
	}
	return strconv.FormatFloat(*v, 'f', decimals, 64)
}

// divide is a/b, or nil where either is missing or b is not positive.
func divide(a *float64, b float64) *float64 {
	if a == nil || b <= 0 {
		return nil
	}
	q := *a / b
	return &q
}

// orMissing is s, or the sign for missing where s is empty.
func orMissing(s string) string {
	if s == "" {
		return missing
	}
	return s
}

// gibibytes is a memory size with one decimal. The reference calls the same
// figure GB.
func gibibytes(bytes int64) string {
	if bytes <= 0 {
		return missing
	}
	return strconv.FormatFloat(float64(bytes)/(1<<30), 'f', 1, 64) + " GiB"
}

// mebibytes is for sizes that gibibytes would round to nothing.
func mebibytes(bytes int64) string {
	if bytes <= 0 {
		return missing
	}
	return strconv.FormatFloat(float64(bytes)/(1<<20), 'f', 1, 64) + " MiB"
}

// grouped writes an integer with commas between thousands.
func grouped(n int64) string {
	s := strconv.FormatInt(n, 10)
	sign := ""
	if n < 0 {
		sign, s = "-", s[1:]
	}
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return sign + s
}

// oneLine keeps text from a file or an error on the line it is printed on.
func oneLine(s string) string { return oneline.Of(s) }

// pythonLayouts are the forms that datetime.isoformat prints without a zone;
// it leaves the fraction out when it is 0.
var pythonLayouts = []string{"2006-01-02T15:04:05.999999", "2006-01-02T15:04:05", time.RFC3339Nano}

// parseDate reads the date of a results file. ok is false for one that is
// missing or in no known form.
func parseDate(s string) (t time.Time, ok bool) {
	for _, layout := range pythonLayouts {
		if t, err := time.Parse(layout, s); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

// longDate is "December 14, 2025"; what can't be read as a date stays as it
// is. The day has two digits, as strftime's %d gives it.
func longDate(s string) string {
	if t, ok := parseDate(s); ok {
		return t.Format("January 02, 2006")
	}
	return orMissing(oneLine(s))
}

// footerDate is "December 14, 2025 at 23:11".
func footerDate(s string) string {
	if t, ok := parseDate(s); ok {
		return t.Format("January 02, 2006 at 15:04")
	}
	return orMissing(oneLine(s))
}
