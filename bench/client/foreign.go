package client

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"regexp"
	"strings"

	"ceiling/internal/oneline"
)

// foreign is text as a server sent it, or an error that may quote it. It is
// stored and shown only as Client.text gives it.
type foreign string

// text is the one way in for what a server says: one printable line of
// moderate length, without the key, should the server have sent it back.
func (c *Server) text(f foreign) string {
	// Once more behind the change, which may put together what was apart.
	const most = 200 // bytes
	return oneline.Shorten(c.secrets.hide(oneline.Of(c.secrets.hide(string(f)))), most)
}

// secrets finds the key and the address's password in text, in every form
// that they are sent or echoed in.
type secrets struct{ forms *regexp.Regexp } // nil: there is none

// hidden takes the place of a secret.
const hidden = "…"

func (s secrets) hide(text string) string {
	if s.forms == nil {
		return text
	}
	return s.forms.ReplaceAllLiteralString(text, hidden)
}

// findSecrets makes the pattern for the key and the password of an address.
func findSecrets(key string, u *url.URL) secrets {
	var forms []string
	password, _ := u.User.Password()
	for _, secret := range []string{key, password} {
		if secret != "" {
			forms = append(forms, "(?i:"+anyEscape(secret)+")")
			forms = append(forms, inBase64(secret)...)
		}
	}
	if forms == nil {
		return secrets{}
	}
	return secrets{regexp.MustCompile(strings.Join(forms, "|"))}
}

// anyEscape matches text of which any character may be escaped as in a URL or
// a JSON string.
func anyEscape(text string) string {
	var b strings.Builder
	for _, r := range text {
		fmt.Fprintf(&b, `(?:\\?%s|(?i:`, regexp.QuoteMeta(string(r)))
		for _, octet := range []byte(string(r)) {
			fmt.Fprintf(&b, "%%%02x", octet)
		}
		fmt.Fprintf(&b, `|\\u%04x)`, r)
		if r == ' ' {
			b.WriteString(`|\+`)
		}
		b.WriteByte(')')
	}
	return b.String()
}

// inBase64 matches base64 of any text that holds the secret: what stands for
// its bytes depends on how many stand before them, modulo three. Characters
// that it shares with its neighbours go too. Fewer than four characters of its
// own are no base64 to be known as such.
func inBase64(secret string) (forms []string) {
	for _, encoding := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		for before := range 3 {
			code := encoding.EncodeToString(append(make([]byte, before), secret...))
			own := code[(8*before+5)/6 : 8*(before+len(secret))/6]
			if len(own) < 4 {
				continue
			}
			left := ""
			if before > 0 {
				left = "[A-Za-z0-9+/_-]?"
			}
			forms = append(forms, left+anyEscape(own)+`[A-Za-z0-9+/_-]?(?:=|%3[dD]){0,2}`)
		}
	}
	return forms
}
