package doc

import (
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// Text on the grounds it stands on must have a contrast of 4.5 in both schemes
// (WCAG 2, level AA).
func TestContrast(t *testing.T) {
	light, dark := schemes(t)
	for name, colours := range map[string]map[string]string{"light": light, "dark": dark} {
		for text, grounds := range map[string][]string{
			"ink":   {"bg", "panel", "warn-bg"},
			"muted": {"bg", "panel"},
			"link":  {"bg", "panel"},
			"warn":  {"warn-bg"},
		} {
			for _, ground := range grounds {
				if got := contrast(t, colours[text], colours[ground]); got < 4.5 {
					t.Errorf("%s: --%s %s on --%s %s has a contrast of %.2f", name, text, colours[text], ground, colours[ground], got)
				}
			}
		}
	}
	if light["bg"] == dark["bg"] || light["ink"] == dark["ink"] {
		t.Error("both schemes are one")
	}
}

// The arithmetic itself, against the values of the definition.
func TestContrastOfKnown(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want float64
	}{{"#000000", "#ffffff", 21}, {"#777777", "#ffffff", 4.48}, {"#ffffff", "#ffffff", 1}} {
		if got := contrast(t, c.a, c.b); math.Abs(got-c.want) > 0.005 {
			t.Errorf("%s on %s: %.3f, want %.2f", c.a, c.b, got, c.want)
		}
	}
}

// Every variable that the style sheet uses is defined.
func TestVariablesDefined(t *testing.T) {
	light, dark := schemes(t)
	used := regexp.MustCompile(`var\(--([a-z-]+)\)`).FindAllStringSubmatch(styleSheet, -1)
	if len(used) < 20 {
		t.Fatalf("only %d uses of variables", len(used))
	}
	for _, m := range used {
		if light[m[1]] == "" || dark[m[1]] == "" {
			t.Errorf("--%s is %q in light, %q in dark", m[1], light[m[1]], dark[m[1]])
		}
	}
}

var colourVariable = regexp.MustCompile(`--([a-z-]+): (#[0-9a-f]{6}|#[0-9a-f]{8});`)

// schemes reads the colours of the style sheet.
func schemes(t *testing.T) (light, dark map[string]string) {
	t.Helper()
	first, rest, ok := strings.Cut(styleSheet, "@media screen and (prefers-color-scheme: dark) {")
	second, _, ok2 := strings.Cut(rest, "\n}\n")
	if !ok || !ok2 {
		t.Fatal("the style sheet has no dark scheme")
	}
	read := func(css string) map[string]string {
		out := map[string]string{}
		for _, m := range colourVariable.FindAllStringSubmatch(css, -1) {
			out[m[1]] = m[2]
		}
		if len(out) < 8 {
			t.Fatalf("only %d colours", len(out))
		}
		return out
	}
	return read(first), read(second)
}

// contrast is WCAG's ratio of two colours "#rrggbb".
func contrast(t *testing.T, a, b string) float64 {
	t.Helper()
	la, lb := luminance(t, a), luminance(t, b)
	return (max(la, lb) + 0.05) / (min(la, lb) + 0.05)
}

func luminance(t *testing.T, colour string) float64 {
	t.Helper()
	n, err := strconv.ParseUint(strings.TrimPrefix(colour, "#"), 16, 32)
	if err != nil || len(colour) != 7 {
		t.Fatalf("%q is no colour", colour)
	}
	linear := func(c uint64) float64 {
		v := float64(c&0xff) / 255
		if v <= 0.04045 {
			return v / 12.92
		}
		return math.Pow((v+0.055)/1.055, 2.4)
	}
	return 0.2126*linear(n>>16) + 0.7152*linear(n>>8) + 0.0722*linear(n)
}
