package report

import (
	"math"
	"testing"
)

func TestFactTexts(t *testing.T) {
	for _, tt := range []struct {
		got  fact
		want string
	}{
		{milliseconds(ptr(421.16)), "421 ms"}, {milliseconds(ptr(99.95)), "100 ms"}, {milliseconds(ptr(99.94)), "99.9 ms"},
		{milliseconds(ptr(999.4)), "999 ms"}, {milliseconds(ptr(999.5)), "1 s"}, {milliseconds(ptr(26293.11)), "26.3 s"},
		{milliseconds(ptr(0.0)), "0 ms"}, {milliseconds(ptr(0.0123)), "0.0123 ms"}, {milliseconds(ptr(1e-7)), "1e-07 ms"},
		{tokPerS(ptr(127.97)), "128 tok/s"}, {tokPerS(ptr(4862.8)), "4,860 tok/s"}, {tokPerS(ptr(193.9)).bare(), "194"},
		{times(1.5), "1.5×"}, {times(1), "1×"}, {times(23.577), "23.6×"}, {count(16384), "16,384"}, {count(0), "0"},
		{percent(0), "0 %"}, {percent(0.004), "under 1 %"}, {percent(0.005), "under 1 %"}, {percent(0.0051), "1 %"}, {percent(0.256), "26 %"}, {percent(0.994), "99 %"},
		{percent(0.996), "over 99 %"}, {percent(1), "100 %"},
		// Unknown.
		{milliseconds(nil), ""}, {milliseconds(ptr(math.NaN())), ""}, {milliseconds(ptr(-1.0)), ""}, {tokPerS(ptr(math.Inf(1))), ""},
		{percent(-0.1), ""}, {percent(1.1), ""}, {percent(math.NaN()), ""}, {times(ratio(milliseconds(ptr(1.0)), fact{})), ""},
		{times(ratio(milliseconds(ptr(1.0)), milliseconds(ptr(0.0)))), ""},
	} {
		if got := tt.got.String(); got != tt.want || tt.got.known() != (tt.want != "") {
			t.Errorf("%q, want %q", got, tt.want)
		}
	}
	for q, want := range map[float64][3]string{
		1:     {"as much as", "as long as", "stays the same"},
		1.004: {"as much as", "as long as", "stays the same"},
		0.92:  {"8 % less than", "8 % less time than", "falls by 8 %"},
		1.64:  {"64 % more than", "64 % longer than", "rises by 64 %"},
		2:     {"2× as much as", "2× as long as", "rises to 2×"},
		12.34: {"12.3× as much as", "12.3× as long as", "rises to 12.3×"},
	} {
		if got := [3]string{moreThan(q), longerThan(q), changes(q)}; got != want {
			t.Errorf("%v: %q, want %q", q, got, want)
		}
	}
	if got := say("%s and %s", count(1), fact{}); got != "" {
		t.Errorf("a phrase without its fact: %q", got)
	}
}
