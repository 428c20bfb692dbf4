package client

import (
	"encoding/base64"
	"net/url"
	"strings"
	"testing"
)

func TestSecretsHidden(t *testing.T) {
	const key = "sk-0/Ab+c d?e~"
	address := &url.URL{User: url.UserPassword("me", "pass/word")}
	hide := findSecrets(key, address).hide
	for _, text := range []string{
		key, strings.ToUpper(key), url.QueryEscape(key), url.PathEscape(key), `sk-0\/Ab+c d?e~`, `sk-0/Ab\u002bc d?e~`, "pass%2fword", "pass/word",
	} {
		if got := hide("a " + text + " b " + text); got != "a … b …" {
			t.Errorf("%q: %q", text, got)
		}
	}
	for _, before := range []string{"", "x", "me:", "Bearer ", "user:"} {
		for _, behind := range []string{"", "!", " and so on"} {
			for _, code := range []*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding, base64.RawURLEncoding} {
				text := code.EncodeToString([]byte(before + key + behind))
				// What stands for bytes of the key alone.
				from, to := (8*len(before)+5)/6, 8*(len(before)+len(key))/6
				if got := hide(text); strings.Contains(got, text[from:from+4]) || strings.Contains(got, text[to-4:to]) || behind == "" && strings.HasSuffix(got, "=") {
					t.Errorf("%q: %q", text, got)
				}
				if got := hide(url.QueryEscape(text)); strings.Contains(got, url.QueryEscape(text[from:from+4])) {
					t.Errorf("%q: %q", url.QueryEscape(text), got)
				}
			}
		}
	}
	if got := findSecrets("", &url.URL{}).hide("nothing to hide"); got != "nothing to hide" {
		t.Error(got)
	}
	// A short key hides nothing but itself.
	if got := findSecrets("ab", &url.URL{}).hide("an ab in YWI="); got != "an … in YWI=" {
		t.Error(got)
	}
}
