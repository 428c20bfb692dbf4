package report

import (
	"math"
	"testing"
)

func TestFixed(t *testing.T) {
	tests := []struct {
		v        float64
		decimals int
		want     string
	}{
		// The binary value decides, as in Python: 243.79/4 lies a little above
		// 60.9475, 79.05/2 a little below 39.525.
		{243.79 / 4, 2, "60.95"},
		{243.79 / 4, 1, "60.9"},
		{79.05 / 2, 2, "39.52"},
		{0.5, 0, "0"}, // a true tie goes to even
		{1.5, 0, "2"},
		{2.5, 0, "2"},
		{0.125, 2, "0.12"},
		{0.375, 2, "0.38"},
		{131733.65, 2, "131733.65"},
		{60, 2, "60.00"},
		{-0.001, 2, "-0.00"},
		{math.NaN(), 2, "—"},
		{math.Inf(-1), 2, "—"},
	}
	for _, tt := range tests {
		if got := fixed(&tt.v, tt.decimals); got != tt.want {
			t.Errorf("fixed(%v, %d) = %q, want %q", tt.v, tt.decimals, got, tt.want)
		}
	}
	if got := fixed(nil, 2); got != "—" {
		t.Errorf("fixed(nil) = %q", got)
	}
}

func TestDates(t *testing.T) {
	tests := []struct{ in, long, footer string }{
		{"2025-12-14T23:11:51.889338", "December 14, 2025", "December 14, 2025 at 23:11"},
		{"2026-08-05T01:05:09.1", "August 05, 2026", "August 05, 2026 at 01:05"},
		{"2026-08-05T01:05:09", "August 05, 2026", "August 05, 2026 at 01:05"},
		{"2026-08-05T01:05:09+02:00", "August 05, 2026", "August 05, 2026 at 01:05"},
		{"yesterday", "yesterday", "yesterday"},
		{"", "—", "—"},
	}
	for _, tt := range tests {
		if got := longDate(tt.in); got != tt.long {
			t.Errorf("longDate(%q) = %q, want %q", tt.in, got, tt.long)
		}
		if got := footerDate(tt.in); got != tt.footer {
			t.Errorf("footerDate(%q) = %q, want %q", tt.in, got, tt.footer)
		}
	}
}

func TestSizes(t *testing.T) {
	// MemTotal of a machine that the reference prints as 251.6 GB.
	for bytes, want := range map[int64]string{263825000 * 1024: "251.6 GiB", 1 << 30: "1.0 GiB", 0: "—", -1: "—"} {
		if got := gibibytes(bytes); got != want {
			t.Errorf("gibibytes(%d) = %q, want %q", bytes, got, want)
		}
	}
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", 23572403200: "23,572,403,200", -1234: "-1,234"} {
		if got := grouped(n); got != want {
			t.Errorf("grouped(%d) = %q, want %q", n, got, want)
		}
	}
}
