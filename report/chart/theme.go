package chart

import (
	"fmt"
	"image/color"
	"regexp"
	"strings"
)

// A tone is one colour of the charts: what it is for, and how it looks on a
// light and on a dark page. Charts are drawn in the light colours; for a page
// each is replaced by the CSS variable of its tone.
type tone struct {
	name        string // of the variable, without "--chart-"
	light, dark string // "#rrggbb"
}

// The backgrounds that the tones are made for.
const (
	lightPage = "#ffffff"
	darkPage  = "#14171a"
)

// The tones. The series are made to be told apart by people who do not see
// red, green or blue as others do, and in brightness where they stand side by
// side; a test computes both. No colour is used twice, so that the variable
// of each can be found from it, and none is #000000, which is not written.
var (
	toneFg    = tone{"fg", "#1f2328", "#e6e8ea"}
	toneMuted = tone{"muted", "#57606a", "#a3abb3"}
	toneGrid  = tone{"grid", "#dfe3e8", "#31373d"}
	toneShade = tone{"band", "#eef1f5", "#20252b"} // behind the data: a region, every other scenario
	toneBg    = tone{"bg", lightPage, darkPage}    // rings round markers
	toneFail  = tone{"fail", "#b3261e", "#ff6b5e"} // requests that failed

	series = []tone{
		{"1", "#1a5fb4", "#3d8beb"}, // blue
		{"2", "#d4730f", "#db5a28"}, // orange
		{"3", "#1a9460", "#4fe3a0"}, // green
		{"4", "#5e2750", "#b062a6"}, // plum
		{"5", "#7c4503", "#ecc11d"}, // brown; yellow
		{"6", "#8a92a8", "#c3c7d3"}, // grey
	}

	tones = append([]tone{toneFg, toneMuted, toneGrid, toneShade, toneBg, toneFail}, series...)
)

// color is the tone as it is drawn.
func (t tone) color() color.Color {
	var c color.NRGBA
	// A colour is one of the constants above.
	_, _ = fmt.Sscanf(t.light, "#%02x%02x%02x", &c.R, &c.G, &c.B)
	c.A = 0xff
	return c
}

// variable is the tone in a page's style: "var(--chart-1,#1a5fb4)".
func (t tone) variable() string { return "var(--chart-" + t.name + "," + t.light + ")" }

// CSS declares the variables that the inline charts are coloured with: light,
// and dark on a screen that asks for it. Print stays light.
func CSS() string {
	var light, dark strings.Builder
	for _, t := range tones {
		fmt.Fprintf(&light, "--chart-%s:%s;", t.name, t.light)
		fmt.Fprintf(&dark, "--chart-%s:%s;", t.name, t.dark)
	}
	return ":root{" + light.String() + "}\n" +
		"@media screen and (prefers-color-scheme:dark){:root{" + dark.String() + "}}\n"
}

// styled finds the style attributes of an SVG. Text can't look like one: its
// quotes are escaped.
var (
	styled = regexp.MustCompile(`style="[^"]*"`)
	hex    = regexp.MustCompile(`#[0-9A-Fa-f]{6}`)
)

// themed replaces every colour in the style attributes of an SVG by its CSS
// variable.
func themed(svg string) string {
	return styled.ReplaceAllStringFunc(svg, func(style string) string {
		return hex.ReplaceAllStringFunc(style, func(c string) string {
			for _, t := range tones {
				if strings.EqualFold(t.light, c) {
					return t.variable()
				}
			}
			return c
		})
	})
}
