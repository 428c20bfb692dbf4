package suite

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ceiling/bench/result"
)

// listed parses a suite of one scenario with the given lines more.
func listed(t *testing.T, lines string, sweeps ...string) (result.Suite, error) {
	t.Helper()
	s, err := ParseSweeps(sweeps)
	if err != nil {
		t.Fatal(err)
	}
	text := "name: s\nscenarios:\n  - name: A\n"
	for line := range strings.Lines(lines) {
		text += "    " + line
	}
	return Parse("s.yaml", []byte(text), s...)
}

func TestLists(t *testing.T) {
	s, err := listed(t, "input: [128, 4k]\noutput: 8\nconcurrency: [1, 4]\nprompts: 3x\nkv-type: [f16, q8_0]\nthreads: 2\n")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, sc := range s.Scenarios {
		got = append(got, fmt.Sprintf("%s | %d %d %d | %s", sc.Name, sc.Input, sc.Concurrency, sc.Prompts, result.SettingsText(sc.Settings)))
	}
	want := []string{
		"A: input=128 concurrency=1 kv-type=f16 | 128 1 3 | threads=2 kv-type=f16",
		"A: input=128 concurrency=1 kv-type=q8_0 | 128 1 3 | threads=2 kv-type=q8_0",
		"A: input=128 concurrency=4 kv-type=f16 | 128 4 12 | threads=2 kv-type=f16",
		"A: input=128 concurrency=4 kv-type=q8_0 | 128 4 12 | threads=2 kv-type=q8_0",
		"A: input=4k concurrency=1 kv-type=f16 | 4096 1 3 | threads=2 kv-type=f16",
		"A: input=4k concurrency=1 kv-type=q8_0 | 4096 1 3 | threads=2 kv-type=q8_0",
		"A: input=4k concurrency=4 kv-type=f16 | 4096 4 12 | threads=2 kv-type=f16",
		"A: input=4k concurrency=4 kv-type=q8_0 | 4096 4 12 | threads=2 kv-type=q8_0",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	at := &result.SweepPoint{Of: "A", At: []result.Setting{{Name: "input", Value: "4k"}, {Name: "concurrency", Value: "4"}, {Name: "kv-type", Value: "q8_0"}}}
	if diff := cmp.Diff(at, s.Scenarios[7].Sweep); diff != "" {
		t.Error(diff)
	}
	if err := Validate(s); err != nil {
		t.Error(err)
	}
	s, err = listed(t, "input: 16\noutput: 8\nconcurrency: 1\nprompts: 1\ndepth: [0, 4k, 65536]\n")
	if err != nil || len(s.Scenarios) != 3 || *s.Scenarios[0].Depth != 0 || *s.Scenarios[1].Depth != 4096 || s.Scenarios[2].LongestRequest() != 65536+24 {
		t.Errorf("%v, %+v", err, s.Scenarios)
	}
}

func TestDepthWithTurns(t *testing.T) {
	_, err := listed(t, "input: 16\noutput: 4\nconcurrency: 1\nprompts: 1\nturns: 2\ndepth: 64\n")
	if err == nil || !strings.Contains(err.Error(), `s.yaml:9: scenario "A": depth: "64" with turns`) {
		t.Error(err)
	}
}

func TestZip(t *testing.T) {
	for lines, want := range map[string]string{
		"input: [16, 32]\noutput: 4\nconcurrency: [1, 2]\nprompts: 1x\nzip: [input, concurrency]\n":                                               "16/1/ 32/2/",
		"input: [16, 32]\noutput: 4\nconcurrency: [1, 2]\nprompts: 1x\nubatch: [64, 128]\nstep-tokens: [64, 256]\nzip: [[ubatch, step-tokens]]\n": "16/1/ubatch=64 step-tokens=64 16/1/ubatch=128 step-tokens=256 16/2/ubatch=64 step-tokens=64 16/2/ubatch=128 step-tokens=256 32/1/ubatch=64 step-tokens=64 32/1/ubatch=128 step-tokens=256 32/2/ubatch=64 step-tokens=64 32/2/ubatch=128 step-tokens=256",
	} {
		s, err := listed(t, lines)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, sc := range s.Scenarios {
			got = append(got, fmt.Sprintf("%d/%d/%s", sc.Input, sc.Concurrency, result.SettingsText(sc.Settings)))
		}
		if text := strings.Join(got, " "); text != want {
			t.Errorf("%s: %s", lines, text)
		}
	}
}

// A flag's lists take the place of the file's, and those of a built-in suite make
// its scenarios points.
func TestSweeps(t *testing.T) {
	s, err := listed(t, "input: 16\noutput: 4\nconcurrency: [1, 2, 4]\nprompts: 2\n", "concurrency=8", "zip:kv-type=f16", "q8_0", "zip:ubatch=128", "256")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, sc := range s.Scenarios {
		got = append(got, fmt.Sprint(sc.Name, " ", sc.Prompts))
	}
	want := []string{"A: concurrency=8 ubatch=128 kv-type=f16 8", "A: concurrency=8 ubatch=256 kv-type=q8_0 8"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	sweeps, err := ParseSweeps([]string{"request-rate=1", "2"})
	if err != nil {
		t.Fatal(err)
	}
	smoke, err := Find("smoke", sweeps...)
	if err != nil || len(smoke.Scenarios) != 20 || smoke.Scenarios[1].Name != "Single User Latency: request_rate=2" || smoke.Scenarios[1].RequestRate != 2 {
		t.Errorf("%v, %+v", err, smoke.Scenarios)
	}
}

func TestListMistakes(t *testing.T) {
	_, err := listed(t, "input: []\noutput: [4, x]\nconcurrency: [1, 1]\nprompts: 2\nkv-type: [f16, [q8_0]]\nzip: [output, threads]\nslo: [{ttft: 1}]\n")
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{
		`s.yaml:4: scenario "A": input: empty list: give at least one value, or leave it out`,
		`s.yaml:5: scenario "A": output: "x" is not a whole number`,
		`s.yaml:6: scenario "A": concurrency: "1" stands twice in the list`,
		`s.yaml:8: scenario "A": kv-type: a list is no setting`,
		`s.yaml:9: scenario "A": zip: "threads" is no list of this scenario`,
		`s.yaml:10: scenario "A": slo: a list is not a mapping`,
	} {
		if n := strings.Count(err.Error(), want); n != 1 {
			t.Errorf("%d times %q in\n%v", n, want, err)
		}
	}
	_, err = listed(t, "input: [8, 16, 32]\noutput: [1, 2]\nconcurrency: 1\nprompts: 2\nzip: [input, output]\n")
	if err == nil || !strings.Contains(err.Error(), `s.yaml:5: scenario "A": output: "2" values go together with the "3" of input: give as many`) {
		t.Error(err)
	}
	many := "[1"
	for i := range 40 {
		many += fmt.Sprintf(", %d", i+2)
	}
	many += "]"
	_, err = listed(t, "input: 16\noutput: "+many+"\nconcurrency: "+many+"\nprompts: 2x\n")
	if err == nil || !strings.Contains(err.Error(), "more than 1000 combinations") {
		t.Error(err)
	}
	// Those of flags are told once, for all scenarios.
	var words []string
	for _, key := range []string{"input=", "output="} {
		for i := range 40 {
			words = append(words, fmt.Sprint(key, 16+i))
			key = ""
		}
	}
	sweeps, err := ParseSweeps(words)
	if err != nil {
		t.Fatal(err)
	}
	_, err = Find("smoke", sweeps...)
	if err == nil || err.Error() != "--sweep: its lists make more than 1000 combinations: use fewer values, or zip" {
		t.Error(err)
	}
	_, err = listed(t, "input: 16\noutput: 4\nconcurrency: 1\nprompts: 2\n", "concurrency=0")
	if err == nil || !strings.HasPrefix(err.Error(), `--sweep: concurrency: "0" is out of range`) {
		t.Error(err)
	}
}

func TestParseSweepMistakes(t *testing.T) {
	for words, want := range map[string]string{
		"4":                               "is no list",
		"kv-typ=f16":                      `did you mean "kv-type"?`,
		"frobnicate=1":                    "can't be swept: use input,",
		"name=x":                          "can't be swept",
		"ubatch=":                         `"ubatch" has an empty value`,
		"ubatch=1 ":                       `"ubatch" has an empty value`, // ubatch=1,
		"ubatch=1 kv-type=f16 ubatch=256": "given twice",
	} {
		if _, err := ParseSweeps(strings.Split(words, " ")); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", words, err, want)
		}
	}
}

// A mistake in a list of a flag is told once, however many scenarios get the list;
// what does not fit a scenario is that scenario's.
func TestSweepMistakesOnce(t *testing.T) {
	for words, want := range map[string]string{
		"zip:ubatch=256 512 zip:step-tokens=1024": `--sweep: step-tokens: "1" values go together with the "2" of ubatch: give as many`,
		"ubatch=256 256":  `--sweep: ubatch: "256" stands twice in the list: keep one`,
		"concurrency=x 1": `--sweep: concurrency: "x" is not a whole number: write digits only, without quotes`,
		"input=-4 20":     `--sweep: input: "-4" is out of range: use 2 to 16777216`,
	} {
		sweeps, err := ParseSweeps(strings.Split(words, " "))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Find("smoke", sweeps...); err == nil || err.Error() != want {
			t.Errorf("%q: %v, want %s", words, err, want)
		}
	}
	file := "input: 20\noutput: 4\nconcurrency: 1\nprompts: 1\nzip: [ubatch, step-tokens]\nubatch: [1, 2]\nstep-tokens: [4, 8]\n"
	if _, err := listed(t, file, "ubatch=1", "2", "3"); err == nil || !strings.Contains(err.Error(), `scenario "A": step-tokens: "2" values go together with the "3" of ubatch`) {
		t.Error(err)
	}
}

// What is printed is read back, of the built-in suites to the same.
func TestYAML(t *testing.T) {
	for _, name := range Builtins() {
		want, _ := Builtin(name)
		text := YAML(want)
		got, err := Parse(name, text)
		if err != nil {
			t.Errorf("%s: %v\n%s", name, err, text)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	depth := 0
	odd := result.Suite{Name: "true", Scenarios: []result.Scenario{{
		Name: "A: B # c", Category: "1e3", Purpose: "- \"x\" {y}", Input: 20, Output: 3, Concurrency: 2, Prompts: 4, RangeRatio: 0.25, RequestRate: 0.125,
		Burstiness: 2, PrefixLen: 7, Depth: &depth, SLO: result.SLO{TTFTMs: 1.5, E2ELMs: 2e6}, Repeat: 3,
		Settings: []result.Setting{{Name: "ubatch", Value: "64"}, {Name: "flash-attn", Value: "on"}, {Name: "devices", Value: "none"}},
	}}}
	got, err := Parse("odd", YAML(odd))
	if diff := cmp.Diff(odd, got); err != nil || diff != "" {
		t.Errorf("%v\n%s\n%s", err, diff, YAML(odd))
	}
}

func TestOnly(t *testing.T) {
	s, _ := Builtin("standard")
	for patterns, want := range map[string]int{"single user latency": 1, "concurrency scaling*": 5, "*(c=?)": 3, "*": 10, "Decode Stress Test|*16K*": 2} {
		got, err := Only(s, strings.Split(patterns, "|"))
		if err != nil || len(got.Scenarios) != want {
			t.Errorf("%q: %d scenarios, %v", patterns, len(got.Scenarios), err)
		}
	}
	if len(s.Scenarios) != 10 {
		t.Error("the suite was changed")
	}
	for pattern, want := range map[string]string{"Mixed Trafic": `did you mean "Mixed Traffic"?`, "zzz*": "`ceiling suites NAME` lists them"} {
		if _, err := Only(s, []string{pattern}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", pattern, err)
		}
	}
}

// FuzzLists: whatever a file has as lists, it is refused or is a suite that is
// valid.
func FuzzLists(f *testing.F) {
	f.Add("input: [16, 32]\n    zip: [input]", "8")
	f.Add("zip: [[input, output], [ubatch]]\n    ubatch: [1]", "[4, 8]")
	f.Add("devices: [[none]]", "[]")
	f.Fuzz(func(t *testing.T, lines, output string) {
		path := filepath.Join(t.TempDir(), "s.yaml")
		text := "name: s\nscenarios:\n  - name: A\n    concurrency: [1, 2]\n    prompts: 2x\n    output: " + output + "\n    " + lines + "\n"
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if s, err := Find(path); err == nil {
			if err := Validate(s); err != nil {
				t.Errorf("%s\n%v", text, err)
			}
		}
	})
}
