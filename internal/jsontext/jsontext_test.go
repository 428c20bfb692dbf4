package jsontext

import "testing"

func TestFinite(t *testing.T) {
	for in, want := range map[string]string{
		`{"a": NaN, "b": [Infinity, -Infinity, nan, -nan, inf, -inf]}`: `{"a": null, "b": [null, null, null, null, null, null]}`,
		`"NaN to \"Infinity\""`:               `"NaN to \"Infinity\""`,
		`{"nan": 1, "inform": banana, x-inf}`: `{"nan": 1, "inform": banana, x-inf}`,
		`"inf`:                                `"inf`,
		``:                                    ``,
	} {
		if got := string(Finite([]byte(in))); got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
}

func TestUTF8(t *testing.T) {
	for in, want := range map[string]string{
		"\xef\xbb\xbfab": "ab", "\xff\xfea\x00b\x00": "ab", "\xfe\xff\x00a\x00b": "ab", "\xff\xfea\x00b": "a", "ab": "ab", "": "",
	} {
		if got := string(UTF8([]byte(in))); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}
