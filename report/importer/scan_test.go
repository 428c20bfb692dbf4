package importer

import (
	"errors"
	"strings"
	"testing"

	"ceiling/internal/jsontext"
	"ceiling/report/metric"
)

func TestFinite(t *testing.T) {
	for _, test := range []struct{ in, want string }{
		{`{"a": Infinity, "b": -Infinity, "c": NaN}`, `{"a": null, "b": null, "c": null}`},
		{`[NaN,Infinity]`, `[null,null]`},
		{`{"speed": -nan, "t": inf, "u": -inf, "v": nan}`, `{"speed": null, "t": null, "u": null, "v": null}`},
		// Text, keys and quotes within it stay.
		{`{"NaN": "NaN, \"Infinity\" and \\", "b": NaN}`, `{"NaN": "NaN, \"Infinity\" and \\", "b": null}`},
		{`["\\", Infinity]`, `["\\", null]`},
		{`["a NaN that does not end`, `["a NaN that does not end`},
		{`"inf`, `"inf`},
		{`["x\`, `["x\`},
		// Words that only begin like one.
		{`[NaNa, Infinity2, infinite, info]`, `[NaNa, Infinity2, infinite, info]`},
		{`{"a": 1e5, "b": null}`, `{"a": 1e5, "b": null}`},
	} {
		if got := string(jsontext.Finite([]byte(test.in))); got != test.want {
			t.Errorf("jsontext.Finite(%s) = %s, want %s", test.in, got, test.want)
		}
	}
}

func TestAmongLines(t *testing.T) {
	const one, two = `{"n_kv_max":1,"pl":1}`, "[\n  {\"build_commit\":\"a\",\n  \"avg_ts\":1},\n{}]"
	for _, test := range []struct {
		name, in        string
		values, skipped int
		cut, bad        bool
	}{
		{"clean", one + "\n" + one + "\n", 2, 0, false, false},
		{"log lines", "llama_model_loader: - kv 1\n\n" + one + "\nmain: n_kv_max = 2048\n" + one, 2, 2, false, false},
		{"windows line ends", "log\r\n" + one + "\r\n", 1, 1, false, false},
		{"a list of several lines, and what follows on its last", "[INFO] log\n" + two + " done\nlog\n" + one, 2, 3, false, false},
		{"a log that is JSON itself", "{\"level\":\"info\"}\n" + one + "\n[1, 2]\n", 1, 2, false, false},
		{"cut", "log\n" + one + "\n" + one[:15], 1, 1, true, true},
		{"a list that is cut", "log\n" + two[:len(two)-3], 0, 1, true, true},
		{"broken within", "log\n{\"n_kv_max\":1,\n" + one, 0, 1, false, true},
		{"an indented value is a part of another", "log\n  " + one, 0, 2, false, false},
		{"none", "log\n", 0, 1, false, false},
	} {
		values, skipped, err := amongLines([]byte(test.in))
		if len(values) != test.values || skipped != test.skipped || (err != nil) != test.bad || errors.Is(err, errCut) != test.cut {
			t.Errorf("%s: %d values, %d skipped, %v", test.name, len(values), skipped, err)
		}
	}
}

// TestLogLines: results with a program's log around them.
func TestLogLines(t *testing.T) {
	line := `{"n_kv_max": 1024, "n_batch": 256, "n_ubatch": 128, "flash_attn": 1, "is_pp_shared": 1, "n_gpu_layers": 99, "n_threads": 2, "n_threads_batch": 4, "pp": 32, "tg": 8, "pl": 2, "n_kv": 48, "t_pp": 0.0, "speed_pp": inf, "t_tg": 0.2, "speed_tg": 80.0, "t": 0.2, "speed": -nan}`
	runs, err := Open(write(t, "log", "ggml_init: found [1] device\n\n"+line+"\nllama_perf: {load} 12\n"+line+"\n"))
	if err != nil {
		t.Fatal(err)
	}
	r := runs[0]
	if len(r.Loads) != 2 || r.Loads[1].Repeat != 1 {
		t.Fatalf("%d loads", len(r.Loads))
	}
	values := r.Loads[0].Values
	if _, ok := values[metric.EnginePrefill]; ok || values[metric.DecodeRate].V != 80 || values[metric.TG].V != 40 || values[metric.OutputThroughput].V != 80 {
		t.Errorf("values %+v", values)
	}
	if other, _ := r.Condition(CondOther); other != "n_kv_max=1024, n_threads_batch=4" {
		t.Errorf("other options %q", other)
	}
	// The log begins behind the first result.
	runs, err = Open(write(t, "log", line+"\nllama_perf: 12\n"+line+"\n"))
	if err != nil || len(runs[0].Loads) != 2 || !strings.Contains(strings.Join(runs[0].Notes, ";"), "1 line was left out: other output around the results") {
		t.Errorf("log behind a result: %v", err)
	}
	wantError(t, write(t, "cut", "log\n"+line+"\n"+line[:50]), "cut off in line 3", ToolBatchedBench)
	wantError(t, write(t, "cut", line+"\nlog\n"+line[:50]), "cut off in line 3", ToolBatchedBench)
	wantError(t, write(t, "damaged", "{\n  \"a\": 1,\n  {\"n_kv_max\": 1, \"pl\": 1}\n}"), "not JSON")
}

// TestBracketsAlone: text whose every line begins like a value costs its length
// a few times over, not its square: this test would not end.
func TestBracketsAlone(t *testing.T) {
	for _, line := range []string{"[\n", "{\"a\":\n", "[1,\n"} {
		wantError(t, write(t, "x", "log\n"+strings.Repeat(line, 20_000)), "no tool that is known")
	}
}
