package suite

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ceiling/bench/result"
)

func TestBuiltinSuites(t *testing.T) {
	shapes := func(s result.Suite) []string {
		var out []string
		for _, sc := range s.Scenarios {
			out = append(out, fmt.Sprintf("%s | %s | %s | %d/%d c%d n%d r%g",
				sc.Name, sc.Category, sc.Purpose, sc.Input, sc.Output, sc.Concurrency, sc.Prompts, sc.RangeRatio))
		}
		return out
	}
	standard := []string{
		"Single User Latency | Latency | Best-case latency with no batching | 2048/512 c1 n20 r0",
		"Short Context Throughput | Throughput | Maximum throughput with short sequences | 512/256 c16 n50 r0",
		"Long Context (16K) | Long Context | Extended context performance | 16384/1024 c4 n10 r0",
		"Decode Stress Test | Decode | Long generation with minimal prefill | 128/2048 c1 n5 r0",
		"Mixed Traffic | Mixed | Variable request sizes (±50%) | 2048/512 c8 n30 r0.5",
	}
	for _, c := range []int{2, 4, 8, 16, 32} {
		standard = append(standard, fmt.Sprintf(
			"Concurrency Scaling (c=%d) | Concurrency Scaling | Scaling test at concurrency %d | 1024/256 c%d n30 r0", c, c, c))
	}
	extended := append(standard[:10:10],
		"Concurrency Scaling (c=64) | Concurrency Scaling | Scaling test at concurrency 64 | 1024/256 c64 n64 r0",
		"Concurrency Scaling (c=128) | Concurrency Scaling | Scaling test at concurrency 128 | 1024/256 c128 n128 r0")
	for name, want := range map[string][]string{"standard": standard, "extended": extended} {
		s, ok := Builtin(name)
		if !ok || s.Name != name {
			t.Fatalf("suite %q: %v", name, ok)
		}
		if diff := cmp.Diff(want, shapes(s)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	smoke, _ := Builtin("smoke")
	var got []string
	for _, sc := range smoke.Scenarios {
		if strings.Contains(sc.Name, "K)") && sc.Name != "Long Context (1K)" {
			t.Errorf("%q has %d input tokens", sc.Name, sc.Input)
		}
		got = append(got, fmt.Sprintf("%d/%d c%d n%d", sc.Input, sc.Output, sc.Concurrency, sc.Prompts))
	}
	want := []string{"128/32 c1 n2", "32/16 c16 n32", "1024/64 c4 n8", "8/128 c1 n2", "128/32 c8 n16",
		"64/16 c2 n4", "64/16 c4 n8", "64/16 c8 n16", "64/16 c16 n30", "64/16 c32 n30"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("smoke (-want +got):\n%s", diff)
	}
	for _, name := range Builtins() {
		if s, _ := Builtin(name); Validate(s) != nil {
			t.Errorf("%s: %v", name, Validate(s))
		}
	}
}

const goodYAML = `# a comment first
name: nightly
scenarios:
  - name: Chat
    category: Latency
    purpose: |
      What a user feels
    input: 2048
    output: 512
    concurrency: 4
    prompts: 30
    range_ratio: 0.5
    request_rate: 2
    burstiness: 0.5
    prefix_len: 256
    slo: {ttft: 0.2s, tpot: 50.5}
    repeat: 1
  - {name: Tiny, input: 2, output: 1, concurrency: 1, prompts: 1}
`

func TestParseSuite(t *testing.T) {
	got, err := Parse("s.yaml", []byte(goodYAML))
	if err != nil {
		t.Fatal(err)
	}
	want := result.Suite{Name: "nightly", Scenarios: []result.Scenario{{
		Name: "Chat", Category: "Latency", Purpose: "What a user feels", Input: 2048, Output: 512, Concurrency: 4, Prompts: 30,
		RangeRatio: 0.5, RequestRate: 2, Burstiness: 0.5, PrefixLen: 256, SLO: result.SLO{TTFTMs: 200, TPOTMs: 50.5}, Repeat: 1,
	}, {
		Name: "Tiny", Category: "Custom", Input: 2, Output: 1, Concurrency: 1, Prompts: 1,
	}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if err := Validate(got); err != nil {
		t.Error(err)
	}
}

// scenario is a suite whose one scenario has the given lines for those of a
// good one, from line 3 on.
func scenario(lines ...string) string {
	return "name: s\nscenarios:\n  - name: A\n    input: 10\n    output: 10\n    concurrency: 2\n    prompts: 4\n    " +
		strings.Join(lines, "\n    ") + "\n"
}

// everyKey is the list as people read it.
const everyKey = "name, category, purpose, input, output, concurrency, prompts, range_ratio, request_rate, burstiness, prefix_len, depth, slo, repeat, turns, think_time, dataset, dataset_sample, trace, speedup, ignore_eos, ubatch, step-tokens, threads, kv-type, kv-unified, flash-attn, sampling, spec, draft-model, draft-devices, draft-max, draft-min, draft-p-min, spec-synth-rates, spec-synth-len, split-mode, devices, tensor-split, gpu-layers, graphs, p2p, allreduce, nccl-algo, nccl-proto, zip"

var suiteMistakes = []struct {
	name, yaml string
	want       []string
}{
	{"three mistakes, all reported, each with its line", `name: s
scenarios:
  - name: A
    input: lots
    output: 10
    concurency: 2
    prompts: 4
  - name: B
    input: 10
    output: 10
    concurrency: 2
    prompts: -4
`, []string{
		`f.yaml:4: scenario "A": input: "lots" is not a whole number: write digits only, without quotes`,
		`f.yaml:6: scenario "A": unknown key "concurency": did you mean "concurrency"?`,
		`f.yaml:12: scenario "B": prompts: "-4" is out of range: use 1 to 100000`,
	}},
	{"an empty file", "", []string{`f.yaml:1: empty: give the suite a name and a list of scenarios`}},
	{"comments only", "# nothing\n", []string{`f.yaml:1: empty: give the suite a name and a list of scenarios`}},
	{"no scenarios key, no name", "description: x\n", []string{
		`f.yaml:1: the suite: unknown key "description": use name, scenarios`,
		`f.yaml:1: name: missing: give the suite a name`,
		`f.yaml:1: scenarios: missing: list at least one`}},
	{"an empty list", "name: s\nscenarios: []\n", []string{`f.yaml:2: scenarios: empty: list at least one`}},
	{"an empty value", "name:\nscenarios:\n", []string{
		`f.yaml:1: name: an empty value is not text: write it in quotes`,
		`f.yaml:2: scenarios: an empty value is not a list: begin each scenario with "- name: …"`}},
	{"a list on top", "- a\n- b\n", []string{`f.yaml:1: the suite: a list is not a mapping: write "key: value" lines`}},
	{"a scenario that is a word", "name: s\nscenarios:\n  - quick\n", []string{
		`f.yaml:3: scenario 1: "quick" is not a mapping: write "key: value" lines`}},
	{"a name twice", scenario("repeat: 1") + "  - {name: A, input: 2, output: 1, concurrency: 1, prompts: 1}\n", []string{
		`f.yaml:9: scenario "A": name: already used in line 3: give every scenario a name of its own`}},
	{"a key twice", scenario("input: 12"), []string{`f.yaml:8: scenario "A": input: given twice: keep one`}},
	{"repeat", scenario("repeat: 1001"), []string{
		`f.yaml:8: scenario "A": repeat: "1001" is out of range: use 1 to 1000`}},
	{"repeat 0", scenario("repeat: 0"), []string{
		`f.yaml:8: scenario "A": repeat: "0" is out of range: use 1 to 1000`}},
	{"other tools' names", scenario("num_prompts: 3", "max-concurrency: 4", "colour: red"), []string{
		`f.yaml:8: scenario "A": unknown key "num_prompts": did you mean "prompts"?`,
		`f.yaml:9: scenario "A": unknown key "max-concurrency": did you mean "concurrency"?`,
		`f.yaml:10: scenario "A": unknown key "colour": use ` + everyKey}},
	{"ranges", scenario("range_ratio: 1", "request_rate: -2", "burstiness: 0", "prefix_len: -1"), []string{
		`f.yaml:8: scenario "A": range_ratio: "1" is out of range: use at least 0 and less than 1`,
		`f.yaml:9: scenario "A": request_rate: "-2" is out of range: use 0.000001 to 1000000 requests per second, or leave it out for a closed loop`,
		`f.yaml:10: scenario "A": burstiness: "0" is out of range: use more than 0, or leave it out`,
		`f.yaml:11: scenario "A": prefix_len: "-1" is out of range: use 0 to 16777216`}},
	{"not numbers", scenario("range_ratio: .nan", "request_rate: .nan", "burstiness: '1'", "slo: {ttft: .inf}"), []string{
		`f.yaml:8: scenario "A": range_ratio: ".nan" is not a number: write one without quotes, for example 0.5`,
		`f.yaml:9: scenario "A": request_rate: ".nan" is not a number: write one without quotes, for example 0.5`,
		`f.yaml:10: scenario "A": burstiness: "1" is not a number: write one without quotes, for example 0.5`,
		`f.yaml:11: scenario "A": slo.ttft: ".inf" is no time: write milliseconds or a unit, for example 500 or 0.5s`}},
	{"limits of another shape", scenario("slo: -1", "targets: -1"), []string{
		`f.yaml:8: scenario "A": slo: "-1" is not a mapping: write "key: value" lines`,
		`f.yaml:9: scenario "A": unknown key "targets": use ` + everyKey}},
	{"targets of the suite", "targets: -1\n" + goodYAML, []string{
		`f.yaml:1: the suite: unknown key "targets": use name, scenarios`}},
	{"UTF-16", "\xff\xfen\x00", []string{`f.yaml:1: UTF-16 text: save it as UTF-8`}},
	{"limits", scenario("slo:", "  ttft: -1", "  tpot: fast", "  e2e: 3"), []string{
		`f.yaml:9: scenario "A": slo.ttft: "-1" is out of range: use 0.001 to 1000000000 milliseconds`,
		`f.yaml:10: scenario "A": slo.tpot: "fast" is no time: write milliseconds or a unit, for example 500 or 0.5s`,
		`f.yaml:11: scenario "A": slo: unknown key "e2e": did you mean "e2el"?`}},
	{"limits of nothing", scenario("slo: {ttft: 0ms, tpot: 0}"), []string{
		`f.yaml:8: scenario "A": slo.ttft: "0" is out of range: use more than 0, or leave it out`,
		`f.yaml:8: scenario "A": slo.tpot: "0" is out of range: use more than 0, or leave it out`}},
	{"missing keys", "name: s\nscenarios:\n  - purpose: none\n", []string{
		`f.yaml:3: scenario 1: name: missing: add it`,
		`f.yaml:3: scenario 1: input: missing: add it`,
		`f.yaml:3: scenario 1: output: missing: add it`,
		`f.yaml:3: scenario 1: concurrency: missing: add it`,
		`f.yaml:3: scenario 1: prompts: missing: add it`}},
	{"a range that leaves no prompt", scenario("range_ratio: 0.9"), []string{
		`f.yaml:8: scenario "A": range_ratio: "0.9" lets prompts of 10 tokens shrink to 1, and at least 2 are needed: lower it or raise input`}},
	{"burstiness in a closed loop", scenario("burstiness: 2"), []string{
		`f.yaml:8: scenario "A": burstiness: "2" has no effect in a closed loop: add request_rate or leave it out`}},
	{"a number too large for any type", scenario("prefix_len: 99999999999999999999"), []string{
		`f.yaml:8: scenario "A": prefix_len: "99999999999999999999" is not a whole number: write digits only, without quotes`}},
	{"a float for a count", scenario("prefix_len: 1.5"), []string{
		`f.yaml:8: scenario "A": prefix_len: "1.5" is not a whole number: write digits only, without quotes`}},
	{"an alias", scenario("category: &x Y", "purpose: *x"), []string{
		`f.yaml:8: scenario "A": category: an anchor or alias is not text: write it in quotes`,
		`f.yaml:9: scenario "A": purpose: an anchor or alias is not text: write it in quotes`}},
	{"a name that breaks tables", "name: s\nscenarios:\n  - {name: 'a|b', input: 2, output: 1, concurrency: 1, prompts: 1}\n", []string{
		`f.yaml:3: scenario "a|b": name: "a|b": a name is printed in tables: leave out tabs, line breaks and |`}},
	{"two documents", goodYAML + "---\nname: t\n", []string{`f.yaml:20: a second document: keep one suite per file`}},
}

func TestSuiteMistakes(t *testing.T) {
	for _, tc := range suiteMistakes {
		t.Run(tc.name, func(t *testing.T) {
			s, err := Parse("f.yaml", []byte(tc.yaml))
			if err == nil {
				t.Fatalf("no error, suite %+v", s)
			}
			if diff := cmp.Diff(strings.Join(tc.want, "\n"), err.Error()); diff != "" {
				t.Error("(-want +got):\n" + diff)
			}
			if s.Name != "" || s.Scenarios != nil {
				t.Errorf("half a suite with the error: %+v", s)
			}
		})
	}
}

// Numbers are those of YAML 1.2, as the tools that other suites come from
// write them.
func TestSuiteNumbers(t *testing.T) {
	for text, want := range map[string]float64{
		"1e3": 1000, "1E2": 100, "5e-1": 0.5, "1.0e3": 1000, "1e-6": 1e-6, "+2": 2, ".5": 0.5, "3.": 3, "010": 10, "1_000": 1000, "0x10": 16,
		"0o17": 15, "1e3 # a thousand": 1000,
	} {
		s, err := Parse("f.yaml", []byte(scenario("request_rate: "+text)))
		if err != nil || s.Scenarios[0].RequestRate != want {
			t.Errorf("request_rate %s: %+v, %v, want %v", text, s.Scenarios, err, want)
		}
	}
	for text, want := range map[string]int{"010": 10, "08": 8, "1e2": 100, "1_000": 1000, "0x10": 16, "2.0": 2, "0": 0} {
		s, err := Parse("f.yaml", []byte(scenario("prefix_len: "+text)))
		if err != nil || s.Scenarios[0].PrefixLen != want {
			t.Errorf("prefix_len %s: %+v, %v, want %v", text, s.Scenarios, err, want)
		}
	}
	for _, text := range []string{"1e-1", "1e300", "'10'", "_1", "1e", "e3", "0x", "-0x1", "9e999"} {
		if _, err := Parse("f.yaml", []byte(scenario("prefix_len: "+text))); err == nil || !strings.Contains(err.Error(), "is not a whole number") {
			t.Errorf("prefix_len %s: %v", text, err)
		}
	}
	for _, text := range []string{"inf", ".inf", "Infinity", "+.INF", "'inf'", "-inf"} {
		_, err := Parse("f.yaml", []byte(scenario("request_rate: "+text)))
		if err == nil || !strings.HasSuffix(err.Error(), "is no rate: leave it out: all at once is a closed loop with concurrency = prompts") {
			t.Errorf("request_rate %s: %v", text, err)
		}
	}
}

// What editors and generators put in front of a suite changes nothing.
func TestSuitePreamble(t *testing.T) {
	want, err := Parse("f.yaml", []byte(goodYAML))
	if err != nil {
		t.Fatal(err)
	}
	for _, front := range []string{"\ufeff", "%YAML 1.2\n---\n", "\ufeff%YAML 1.1\n--- # suite\n", "%TAG ! tag:example.org,2000:\n---\n", "---\n"} {
		got, err := Parse("f.yaml", []byte(front+goodYAML))
		if d := cmp.Diff(want, got); err != nil || d != "" {
			t.Errorf("%q in front: %v\n%s", front, err, d)
		}
	}
}

// A file that is wrong from end to end does not fill the screen.
func TestManyMistakes(t *testing.T) {
	s := result.Suite{Name: "s"}
	for i := range 100 {
		s.Scenarios = append(s.Scenarios, result.Scenario{Name: fmt.Sprint(i), Output: 1, Concurrency: 1, Prompts: 1})
	}
	err := Validate(s)
	lines := strings.Split(err.Error(), "\n")
	if len(lines) != 21 || lines[19] != `scenario "19": input: "0" is out of range: use 2 to 16777216` || lines[20] != "and 80 more" {
		t.Errorf("%d lines: %q", len(lines), lines)
	}
	var list *Error
	if !errors.As(err, &list) || len(list.Problems) != 100 {
		t.Errorf("the list itself is cut: %d", len(list.Problems))
	}
	s.Scenarios = s.Scenarios[:20]
	if got := strings.Count(Validate(s).Error(), "\n"); got != 19 {
		t.Errorf("%d lines for twenty mistakes", got+1)
	}
}

func TestSyntaxErrorHasItsLine(t *testing.T) {
	_, err := Parse("f.yaml", []byte("name: s\nscenarios:\n  - name: [A\n    input: 3\n"))
	var se *Error
	if !errors.As(err, &se) || len(se.Problems) != 1 || se.Problems[0].Line < 3 || !strings.Contains(err.Error(), "not YAML: ") {
		t.Errorf("error %v", err)
	}
}

// Nesting without end would take the parser minutes and the machine's memory.
func TestDeepNesting(t *testing.T) {
	for _, s := range []string{"[", "{a: ", "- ", "? ", "!x ", "&a ", "&a\n", "a: [\n"} {
		_, err := Parse("f.yaml", []byte("name: s\nscenarios:\n"+strings.Repeat(s, 40)))
		if err == nil || !strings.Contains(err.Error(), "nested too deeply") {
			t.Errorf("%q repeated: %v", s, err)
		}
	}
	_, err := Parse("f.yaml", make([]byte, maxSuiteBytes+1))
	if err == nil || err.Error() != `f.yaml:1: "65537" bytes: a suite has at most 65536` {
		t.Errorf("error %v", err)
	}
}

// Validate says what the reader of a file says, and changes nothing.
func TestValidate(t *testing.T) {
	s := result.Suite{Scenarios: []result.Scenario{
		{Name: "A", Input: 1, Output: 1, Concurrency: 1, Prompts: 1},
		{Name: "A", Input: 2, Output: 1, Concurrency: 9999, Prompts: 1, Burstiness: 2},
	}}
	want := `name: missing: give the suite a name
scenario "A": input: "1" is out of range: use 2 to 16777216
scenario "A": concurrency: "9999" is out of range: use 1 to 4096
scenario "A": name: used twice: give every scenario a name of its own`
	if err := Validate(s); err == nil || err.Error() != want {
		t.Errorf("error:\n%v\nwant:\n%s", err, want)
	}
	if err := Validate(result.Suite{Name: "x"}); err == nil || err.Error() != "scenarios: empty: list at least one" {
		t.Errorf("error %v", err)
	}
}

func TestFindSuite(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "mine.yaml")
	if err := os.WriteFile(path, []byte(goodYAML), 0o644); err != nil {
		t.Fatal(err)
	}
	huge := filepath.Join(dir, "huge.yaml")
	if err := os.WriteFile(huge, make([]byte, maxSuiteBytes+1), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct{ arg, name, err string }{
		{"smoke", "smoke", ""},
		{path, "nightly", ""},
		{"standrd", "", `unknown suite "standrd": did you mean "standard"?`},
		{"zzz", "", `unknown suite "zzz": use standard, extended, smoke or the path of a YAML file`},
		{dir + "/none.yaml", "", `does not exist: give a YAML file, or one of standard, extended, smoke`},
		{dir, "", `is a directory: give a YAML file that can be read`},
		{huge, "", `is longer than 65536 bytes: is it a suite?`},
	} {
		s, err := Find(tc.arg)
		if tc.err == "" && (err != nil || s.Name != tc.name) {
			t.Errorf("%q: %q, %v", tc.arg, s.Name, err)
		}
		if tc.err != "" && (err == nil || !strings.Contains(err.Error(), tc.err)) {
			t.Errorf("%q: error %v, want …%s", tc.arg, err, tc.err)
		}
	}
}

// Whatever the text, there is either a valid suite or an error with a line,
// never both and never a panic.
func FuzzParseSuite(f *testing.F) {
	f.Add([]byte(goodYAML))
	f.Add([]byte(scenario("slo: {ttft: 1}", "repeat: 2")))
	f.Add([]byte("name: &a [*a]\n"))
	f.Add([]byte("? x\n: y\n<<: {a: b}\n---\n!!map {}\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := Parse("f", data)
		if err == nil {
			if err := Validate(s); err != nil {
				t.Errorf("accepted a suite that is not valid: %v", err)
			}
			return
		}
		var se *Error
		if !errors.As(err, &se) || len(se.Problems) == 0 || s.Scenarios != nil {
			t.Fatalf("error %v with suite %+v", err, s)
		}
		for _, p := range se.Problems {
			if p.Line < 1 || p.Text == "" {
				t.Errorf("problem %+v", p)
			}
		}
	})
}

func TestParseSLO(t *testing.T) {
	for text, want := range map[string]result.SLO{
		"ttft=500,tpot=50":       {TTFTMs: 500, TPOTMs: 50},
		" TPOT = 33.5ms ":        {TPOTMs: 33.5},
		"tpot=0.001, ttft=1e9ms": {TTFTMs: 1e9, TPOTMs: 0.001},
	} {
		if got, err := ParseSLO(text); err != nil || *got != want {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
	if got, err := ParseSLO(""); got != nil || err != nil {
		t.Errorf("nothing: %v, %v", got, err)
	}
	for _, text := range []string{",", "500", "ttft", "ttft=", "ttft=0", "ttft=-1", "ttft=NaN", "ttft=Inf", "ttft=2e9", "e2el=5", "ttft=1,ttft=2", "ttft=1;tpot=2", "ttft=500,"} {
		if got, err := ParseSLO(text); err == nil || got != nil || !strings.Contains(err.Error(), "ttft=500,tpot=50") {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
}

// prompts may be a multiple of the concurrency, wherever the two stand.
func TestPromptsAsAMultiple(t *testing.T) {
	for text, want := range map[string]int{"4x": 32, "1x": 8, "12": 12} {
		s, err := Parse("s.yaml", []byte("name: s\nscenarios:\n  - {prompts: "+text+", name: A, input: 8, output: 4, concurrency: 8}\n"))
		if err != nil || s.Scenarios[0].Prompts != want {
			t.Errorf("%s: %+v, %v", text, s, err)
		}
	}
	for text, want := range map[string]string{
		"prompts: 0x, concurrency: 8":       `prompts: "0" is out of range`,
		"prompts: 99999x, concurrency: 80":  `prompts: "7999920" is out of range`,
		"prompts: x, concurrency: 8":        "prompts: ",
		"prompts: -4x, concurrency: 8":      "prompts: ",
		"prompts: 4 x, concurrency: 8":      "prompts: ",
		"prompts: 9999999x, concurrency: 8": "prompts: ",
		"prompts: 4x, concurrency: 0.5":     "concurrency: ",
	} {
		_, err := Parse("s.yaml", []byte("name: s\nscenarios:\n  - {name: A, input: 8, output: 4, "+text+"}\n"))
		if err == nil || !strings.Contains(err.Error(), want) || strings.Count(err.Error(), "\n") > 0 {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// Of the built-in suites only smoke can never be valid: two and four requests are
// too few.
func TestNeverValid(t *testing.T) {
	for _, name := range Builtins() {
		s, _ := Builtin(name)
		why := s.NeverValid()
		if (why != "") != (name == "smoke") || name == "smoke" && !strings.Contains(why, `suite smoke has fewer in "Single User Latency" (2), `) {
			t.Errorf("%s: %q", name, why)
		}
	}
}
