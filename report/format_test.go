package report

import "testing"

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
}
