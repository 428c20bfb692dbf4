package suite

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"ceiling/bench/result"
)

// YAML is a suite as a file that Parse reads back to the same scenarios, with
// those of a list one by one. What a scenario leaves to its default is left out.
func YAML(s result.Suite) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "name: %s\nscenarios:\n", scalar(s.Name))
	for _, sc := range s.Scenarios {
		lead := "  - "
		field := func(name, value string) {
			fmt.Fprintf(&b, "%s%s: %s\n", lead, name, value)
			lead = "    "
		}
		number := func(name string, v float64) {
			if v != 0 {
				field(name, strconv.FormatFloat(v, 'f', -1, 64))
			}
		}
		field("name", scalar(sc.Name))
		field("category", scalar(sc.Category))
		if sc.Purpose != "" {
			field("purpose", scalar(sc.Purpose))
		}
		if d := sc.Dataset; d != nil {
			key := "dataset"
			if d.Trace {
				key = "trace"
			}
			field(key, scalar(d.Name))
			number("speedup", sc.Speedup)
			if d.Sample {
				field("dataset_sample", "true")
			}
		}
		number("turns", float64(sc.Turns))
		number("think_time", sc.ThinkS)
		if sc.UntilEnd {
			field("ignore_eos", "false")
		}
		number("input", float64(sc.Input))
		number("output", float64(sc.Output))
		field("concurrency", strconv.Itoa(sc.Concurrency))
		field("prompts", strconv.Itoa(sc.Prompts))
		number("range_ratio", sc.RangeRatio)
		number("request_rate", sc.RequestRate)
		number("burstiness", sc.Burstiness)
		number("prefix_len", float64(sc.PrefixLen))
		if sc.Depth != nil {
			field("depth", strconv.Itoa(*sc.Depth))
		}
		if sc.SLO.Given() {
			field("slo", sloText(sc.SLO))
		}
		number("repeat", float64(sc.Repeat))
		for _, own := range sc.Settings {
			field(own.Name, settingText(own.Value))
		}
	}
	return b.Bytes()
}

// scalar is text as a value: plain where it is read back as the same text, else
// in quotes.
func scalar(text string) string {
	return quotedUnless(text, func(n ast.Node) bool {
		_, ok := n.(*ast.StringNode)
		return ok && plainScalar(n) == text
	})
}

// settingText is a setting's value, which may look like a number.
func settingText(text string) string {
	return quotedUnless(text, func(n ast.Node) bool { return written(n) == text })
}

func quotedUnless(text string, same func(ast.Node) bool) string {
	file, _, err := parseYAML([]byte("key: " + text + "\n"))
	if err == nil && len(file.Docs) == 1 {
		if pairs := pairsOf(file.Docs[0].Body); len(pairs) == 1 && same(pairs[0].Value) {
			return text
		}
	}
	return strconv.Quote(text)
}

func sloText(slo result.SLO) string {
	var parts []string
	for _, f := range sloFields {
		if ms := *f.at(&result.Scenario{SLO: slo}); ms > 0 {
			parts = append(parts, fmt.Sprintf("%s: %g", f.name, ms))
		}
	}
	return "{" + strings.Join(parts, ", ") + "}"
}
