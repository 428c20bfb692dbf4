package suite

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ceiling/bench/result"
)

// parseTraced reads a suite of one scenario over a trace.
func parseTraced(t *testing.T, data string, fields ...string) (result.Suite, error) {
	t.Helper()
	return parseBeside(t, "t.jsonl", data, append([]string{"trace: t.jsonl", "concurrency: 4"}, fields...))
}

const threeTraced = `{"timestamp": 1000, "input_length": 1300, "output_length": 5, "hash_ids": [7, 8, 9]}
{"timestamp": 1000, "input_length": 600, "output_length": 6, "hash_ids": [7, 10]}
{"timestamp": 4000, "input_length": 1200, "output_length": 7, "hash_ids": [7, 8, 11]}
`

// Blocks of one id are the same text, arrivals are the trace's, faster where asked.
func TestTrace(t *testing.T) {
	for speed, want := range map[string][]float64{"repeat: 1": {0, 0, 3}, "speedup: 2": {0, 0, 1.5}} {
		s, err := parseTraced(t, threeTraced, speed)
		if err != nil {
			t.Fatal(err)
		}
		texts, err := Tokenize(t.Context(), s, 1, letters{})
		if err != nil {
			t.Fatal(err)
		}
		s, unfit := texts.Measure(s, lettersVocab(), 1, 0)
		sc := s.Scenarios[0]
		if len(unfit) > 0 || !sc.OpenLoop() || sc.Prompts != 3 || sc.LongestPrompt() != 1300 || sc.Dataset.Lengths.LastArrival != want[2] {
			t.Fatalf("%+v, %v", sc, unfit)
		}
		w := mustWorkload(t, WorkloadSpec{Scenario: sc, Vocab: lettersVocab(), Seed: 1, Texts: texts.Of(sc)})
		var at []float64
		var lengths []string
		var prompts [][]int32
		for i, r := range w.Requests {
			p := w.Prompt(nil, i)
			at, lengths, prompts = append(at, r.Arrival), append(lengths, fmt.Sprintf("%d %d %d", len(p), r.Input, r.Output)), append(prompts, p)
			if p[0] != 1 || slices.Contains(p[1:], 1) {
				t.Errorf("request %d: BOS stands elsewhere than in front", i)
			}
		}
		if diff := cmp.Diff(want, at); diff != "" {
			t.Errorf("%s: %s", speed, diff)
		}
		if diff := cmp.Diff([]string{"1300 1300 5", "600 600 6", "1200 1200 7"}, lengths); diff != "" {
			t.Error(diff)
		}
		for _, c := range []struct{ a, b, common int }{{0, 1, 512}, {0, 2, 1024}, {1, 2, 512}} {
			n := 0
			for n < len(prompts[c.a]) && n < len(prompts[c.b]) && prompts[c.a][n] == prompts[c.b][n] {
				n++
			}
			// A drawn token may be the other's by chance: one of 254, at most a few.
			if n < c.common || n > c.common+3 {
				t.Errorf("requests %d and %d have %d tokens in common, want %d", c.a, c.b, n, c.common)
			}
		}
	}
}

func TestTraceProblems(t *testing.T) {
	for _, c := range []struct {
		name, data string
		fields     []string
		want       []string
	}{
		{"lines", `{"timestamp": 5, "input_length": 10, "output_length": 5, "hash_ids": [1]}
{"timestamp": 4, "input_length": 10, "output_length": 5, "hash_ids": [1]}
{"timestamp": 5, "input_length": 513, "output_length": 0, "hash_ids": [1]}
{"timestamp": 5, "input_length": 513, "output_length": 1, "hash_ids": [1]}
{"timestamp": 5, "input_length": 10, "output_length": 1}
{"timestamp": 5, "input_length": 10, "output_length": 1, "hash_ids": [-1]}
x
`, nil, []string{`t.jsonl:2: timestamp: "4" is out of range: use milliseconds from 5`, `t.jsonl:3: output_length: "0" is out of range`,
			`t.jsonl:4: hash_ids: "1" for 513 tokens: one stands for 512, so give 2`, "t.jsonl:5: a request has timestamp", "t.jsonl:6: hash_ids: number -1 where", "t.jsonl:7: not JSON"}},
		{"empty", "\n", nil, []string{"t.jsonl:1: no request in it"}},
		{"fields", threeTraced, []string{"input: 5", "request_rate: 2", "prompts: 4", "turns: 2"}, []string{
			`f.yaml:6: scenario "A": input: with a trace`, `f.yaml:7: scenario "A": request_rate: with a trace`,
			`f.yaml:8: scenario "A": prompts: "4" of a trace of 3 requests`, `f.yaml:9: scenario "A": turns: "2" with a trace`}},
		{"speed", threeTraced, []string{"speedup: 0"}, []string{`f.yaml:6: scenario "A": speedup: "0" is out of range`}},
		{"both", threeTraced, []string{"dataset: t.jsonl"}, []string{`f.yaml:4: scenario "A": trace: with a dataset`, "t.jsonl:1: ", "t.jsonl:2: ", "t.jsonl:3: "}},
	} {
		_, err := parseTraced(t, c.data, c.fields...)
		checkProblems(t, c.name, err, c.want)
	}
	if _, err := Parse("f.yaml", []byte("name: s\nscenarios:\n  - {name: A, input: 3, output: 1, prompts: 1, concurrency: 1, speedup: 2}\n")); err == nil || !strings.Contains(err.Error(), "speedup: \"2\" has no effect without a trace") {
		t.Errorf("speedup alone: %v", err)
	}
}

func FuzzTrace(f *testing.F) {
	f.Add([]byte(threeTraced))
	f.Add([]byte(`{"timestamp": 1e300, "input_length": 1, "output_length": 5, "hash_ids": [7]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		d := &dataset{Dataset: result.Dataset{Name: "t"}}
		problems := d.parseTrace(data)
		if len(problems) == 0 && d.Entries == 0 {
			t.Error("nothing in it, and no problem")
		}
		for i := range d.entries {
			if e := d.entries[i].traced; e.at < 0 || i > 0 && e.at < d.entries[i-1].traced.at || len(e.blocks)*traceBlock < e.input {
				t.Errorf("%+v", e)
			}
		}
	})
}
