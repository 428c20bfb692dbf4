package report

import (
	"strconv"
	"time"

	"ceiling/internal/figure"
	"ceiling/internal/oneline"
)

// divide is a/b, or nil where either is missing or b is not positive.
func divide(a *float64, b float64) *float64 {
	if a == nil || b <= 0 {
		return nil
	}
	q := *a / b
	return &q
}

// gibibytes is a memory size with one decimal. The reference calls the same
// figure GB.
func gibibytes(bytes int64) string {
	if bytes <= 0 {
		return figure.Missing
	}
	return strconv.FormatFloat(float64(bytes)/(1<<30), 'f', 1, 64) + " GiB"
}

// mebibytes is for sizes that gibibytes would round to nothing.
func mebibytes(bytes int64) string {
	if bytes <= 0 {
		return figure.Missing
	}
	return strconv.FormatFloat(float64(bytes)/(1<<20), 'f', 1, 64) + " MiB"
}

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
	return figure.OrMissing(oneline.Of(s))
}

// footerDate is "December 14, 2025 at 23:11".
func footerDate(s string) string {
	if t, ok := parseDate(s); ok {
		return t.Format("January 02, 2006 at 15:04")
	}
	return figure.OrMissing(oneline.Of(s))
}
