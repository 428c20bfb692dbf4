package chart

import (
	"fmt"
	"math"
	"strings"
	"testing"
)

// linear is a channel of sRGB as light.
func linear(c float64) float64 {
	if c <= 0.04045 {
		return c / 12.92
	}
	return math.Pow((c+0.055)/1.055, 2.4)
}

func light(t *testing.T, hex string) [3]float64 {
	t.Helper()
	var r, g, b uint8
	if n, err := fmt.Sscanf(hex, "#%02x%02x%02x", &r, &g, &b); n != 3 {
		t.Fatalf("colour %q: %v", hex, err)
	}
	return [3]float64{linear(float64(r) / 255), linear(float64(g) / 255), linear(float64(b) / 255)}
}

// contrast is WCAG's ratio of two colours.
func contrast(t *testing.T, a, b string) float64 {
	luminance := func(hex string) float64 {
		l := light(t, hex)
		return 0.2126*l[0] + 0.7152*l[1] + 0.0722*l[2]
	}
	x, y := luminance(a), luminance(b)
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

func TestContrast(t *testing.T) {
	if got := contrast(t, "#000000", "#ffffff"); math.Abs(got-21) > 1e-9 {
		t.Fatalf("contrast of black on white is %g; the formula is wrong", got)
	}
	least := map[string]float64{"fg": 7, "muted": 4.5, "fail": 4.5, "grid": 0, "band": 0, "bg": 0}
	for _, tone := range tones {
		want, ok := least[tone.name]
		if !ok {
			want = 3 // a series
		}
		for _, c := range []struct{ page, colour string }{{lightPage, tone.light}, {darkPage, tone.dark}} {
			if got := contrast(t, c.page, c.colour); got < want {
				t.Errorf("%s: %s on %s has a contrast of %.2f, want %g", tone.name, c.colour, c.page, got, want)
			}
		}
	}
	if len(series) != len(pens) {
		t.Errorf("%d series colours for %d pens", len(series), len(pens))
	}
}

// sights are ways to see colour: the matrices of Machado, Oliveira and
// Fernandes (2009) for the complete lack of one kind of cone, on linear light.
var sights = map[string][3][3]float64{
	"usual":       {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}},
	"protanopia":  {{0.152286, 1.052583, -0.204868}, {0.114503, 0.786281, 0.099216}, {-0.003882, -0.048116, 1.051998}},
	"deuteranope": {{0.367322, 0.860646, -0.227968}, {0.280085, 0.672501, 0.047413}, {-0.011820, 0.042940, 0.968881}},
	"tritanopia":  {{1.255528, -0.076749, -0.178779}, {-0.078411, 0.930809, 0.147602}, {0.004733, 0.691367, 0.303900}},
}

// lab is a colour in CIE L*a*b* as it is seen.
func lab(t *testing.T, hex string, sight [3][3]float64) [3]float64 {
	in := light(t, hex)
	var l [3]float64
	for i := range l {
		for j := range in {
			l[i] += sight[i][j] * in[j]
		}
		l[i] = min(max(l[i], 0), 1)
	}
	f := func(v float64) float64 {
		if v > 0.008856 {
			return math.Cbrt(v)
		}
		return 7.787*v + 16.0/116
	}
	x := f((0.4124*l[0] + 0.3576*l[1] + 0.1805*l[2]) / 0.95047)
	y := f(0.2126*l[0] + 0.7152*l[1] + 0.0722*l[2])
	z := f((0.0193*l[0] + 0.1192*l[1] + 0.9505*l[2]) / 1.08883)
	return [3]float64{116*y - 16, 500 * (x - y), 200 * (y - z)}
}

// TestSeriesApart holds every two series colours apart in every kind of sight.
// A difference of 2.3 can just be seen side by side.
func TestSeriesApart(t *testing.T) {
	for name, sight := range sights {
		for i := range series {
			for j := range i {
				for page, c := range map[string][2]string{"light": {series[i].light, series[j].light}, "dark": {series[i].dark, series[j].dark}} {
					a, b := lab(t, c[0], sight), lab(t, c[1], sight)
					d := math.Sqrt(math.Pow(a[0]-b[0], 2) + math.Pow(a[1]-b[1], 2) + math.Pow(a[2]-b[2], 2))
					if d < 15 {
						t.Errorf("%s, %s: series %s and %s differ by %.1f", name, page, series[i].name, series[j].name, d)
					}
				}
			}
		}
	}
}

func TestTonesAreKeys(t *testing.T) {
	seen := map[string]string{}
	for _, tone := range tones {
		if tone.light == "#000000" || strings.ToLower(tone.light) != tone.light {
			t.Errorf("%s: %s can't be found again in an SVG", tone.name, tone.light)
		}
		if other, ok := seen[tone.light]; ok {
			t.Errorf("%s and %s have the same light colour", tone.name, other)
		}
		seen[tone.light] = tone.name
	}
}

func TestCSS(t *testing.T) {
	css := CSS()
	before, after, ok := strings.Cut(css, "@media screen and (prefers-color-scheme:dark)")
	if !ok {
		t.Fatalf("no dark colours: %s", css)
	}
	for _, tone := range tones {
		if !strings.Contains(before, "--chart-"+tone.name+":"+tone.light+";") || !strings.Contains(after, "--chart-"+tone.name+":"+tone.dark+";") {
			t.Errorf("%s is not declared in both", tone.name)
		}
	}
	if strings.Count(css, "{") != strings.Count(css, "}") {
		t.Errorf("unbalanced: %s", css)
	}
}

func TestThemed(t *testing.T) {
	got := themed(`<path style="fill:#1A5FB4;stroke:#57606a"/><text style="fill:#1F2328">fill:#1a5fb4 &#34;style=&#34;</text>`)
	want := `<path style="fill:var(--chart-1,#1a5fb4);stroke:var(--chart-muted,#57606a)"/><text style="fill:var(--chart-fg,#1f2328)">fill:#1a5fb4 &#34;style=&#34;</text>`
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
