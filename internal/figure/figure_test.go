package figure

import "testing"

func TestSize(t *testing.T) {
	for n, want := range map[int64]string{0: "0.0 MiB", 1<<30 - 1: "1024.0 MiB", 1 << 30: "1.00 GiB", 3 << 29: "1.50 GiB"} {
		if got := Size(n); got != want {
			t.Errorf("%d bytes are %q, want %q", n, got, want)
		}
	}
}

func TestGrouped(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", -1234567: "-1,234,567", 23572403200: "23,572,403,200"} {
		if got := Grouped(n); got != want {
			t.Errorf("%d is %q, want %q", n, got, want)
		}
	}
}

// A name may be of letters that take several bytes, and a figure empty.
func TestTable(t *testing.T) {
	got := Table([][]string{{"Name", "A", "Long"}, {"größer", "1.25", ""}, {"b", "—", "3"}})
	if want := "Name       A  Long\ngrößer  1.25      \nb          —     3\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
