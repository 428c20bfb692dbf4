package result

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strings"

	"ceiling/internal/jsontext"
)

// Load reads a results file: results.json of a run, or the reference's JSON
// in either of its forms (an object with "results", or the bare list).
//
// As Python writes them, counts may be floats and numbers may be NaN or
// Infinity; those two mean "not measured". In the reference's files a metric
// of exactly 0 means the same, since that tool starts every metric at 0 and
// leaves it where its parser found none.
//
// The error is one line that names the file: it can't be read, it is empty
// or cut off, or it is another tool's.
func Load(path string) (*Run, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("results file %q: %w", path, errors.Unwrap(err))
	}
	r, err := Parse(b)
	if err != nil {
		return nil, fmt.Errorf("results file %q: %w", path, err)
	}
	return r, nil
}

// Parse is Load without the file.
func Parse(b []byte) (*Run, error) {
	b = jsontext.UTF8(b)
	if len(bytes.TrimSpace(b)) == 0 {
		return nil, errors.New("empty; expected the results.json of a run")
	}
	b = jsontext.Finite(b)
	if err := checkSyntax(b); err != nil {
		return nil, err
	}
	if bytes.TrimSpace(b)[0] == '[' {
		return parseList(b)
	}
	return parseObject(b)
}

// checkSyntax tells a file that ends too early from one that is not JSON.
func checkSyntax(b []byte) error {
	dec := json.NewDecoder(bytes.NewReader(b))
	var v json.RawMessage
	if err := dec.Decode(&v); err != nil {
		if errors.Is(err, io.ErrUnexpectedEOF) {
			return fmt.Errorf("cut off after %d bytes: the JSON does not end; write it again or take another copy", len(b))
		}
		return fmt.Errorf("not JSON: %w; expected the results.json of a run", err)
	}
	var rest json.RawMessage
	if err := dec.Decode(&rest); !errors.Is(err, io.EOF) {
		if tool := foreignTool(v); tool != "" {
			return foreignError(tool)
		}
		return errors.New("holds more than one JSON value; expected the results.json of a run")
	}
	return nil
}

// errNoResults is what a file without one, and without a word on what was to
// be measured, fails with.
var errNoResults = errors.New("no results in it")

// resultKeys are what each of the results of this program and of the
// reference has, and other tools' lists of results have not.
var resultKeys = []string{"name", "pp_speed"}

// IsResult says whether a JSON value is one of the results of this program or
// of the reference, or the diagnostic that the latter puts at their end.
func IsResult(b []byte) bool { return hasKeys(b, resultKeys...) || hasKeys(b, "domain_acceptance") }

// parseList reads the reference's bare list.
func parseList(b []byte) (*Run, error) {
	var items []json.RawMessage
	if err := json.Unmarshal(b, &items); err != nil {
		return nil, fmt.Errorf("list of results: %w", err)
	}
	if len(items) > 0 && !IsResult(items[0]) {
		if tool := foreignTool(items[0]); tool != "" {
			return nil, foreignError(tool)
		}
		return nil, errors.New(`a JSON list, but not of results: its first item has no "name" and "pp_speed"`)
	}
	results, err := parseResults(items, zeroMissing)
	if err != nil {
		return nil, err
	}
	if len(results) == 0 {
		return nil, errNoResults
	}
	return &Run{Results: results}, nil
}

// parseObject reads an object with a "results" list: this program's or the
// reference's.
func parseObject(b []byte) (*Run, error) {
	var file struct {
		Run
		Items *[]json.RawMessage `json:"results"` // shadows the embedded field
	}
	if !hasKeys(b, "results") {
		if tool := foreignTool(b); tool != "" {
			return nil, foreignError(tool)
		}
		return nil, errors.New(`no "results" in it; expected the results.json of a run`)
	}
	if err := json.Unmarshal(b, &file); err != nil {
		return nil, unmarshalError(err)
	}
	if file.Items == nil {
		return nil, errors.New(`"results" is null; expected a list`)
	}
	zero := zeroMissing
	if hasKeys(b, "details") || hasKeys(b, "engine") || hasKeys(b, "planned") {
		zero = zeroMeasured
	}
	if items := *file.Items; len(items) > 0 && !IsResult(items[0]) {
		return nil, fmt.Errorf("\"results\" holds no results of a run: its first item has no %q and %q", resultKeys[0], resultKeys[1])
	}
	results, err := parseResults(*file.Items, zero)
	if err != nil {
		return nil, err
	}
	r := file.Run
	r.Results = results
	if started := len(r.Planned) > 0 || r.Engine != nil || r.Server != nil; len(results) == 0 && !started {
		return nil, errNoResults
	}
	if r.Ceilings != nil {
		if err := r.Ceilings.Check(); err != nil {
			return nil, fmt.Errorf("ceilings: %w", err)
		}
	}
	if n := len(r.Details); n != 0 && n != len(results) {
		return nil, fmt.Errorf("%d details for %d results: one belongs to each", n, len(results))
	}
	return &r, nil
}

// zeroPolicy is what a metric of exactly 0 stands for.
type zeroPolicy bool

const (
	zeroMissing  zeroPolicy = true  // the reference: never set
	zeroMeasured zeroPolicy = false // this program: null is missing
)

func parseResults(items []json.RawMessage, zero zeroPolicy) ([]Summary, error) {
	results := make([]Summary, 0, len(items))
	for i, item := range items {
		// The reference appends its draft-acceptance diagnostic to the list.
		if !hasKeys(item, "name") && hasKeys(item, "domain_acceptance") {
			continue
		}
		r, err := parseResult(item, zero)
		if err != nil {
			return nil, fmt.Errorf("result %d: %w", i+1, err)
		}
		results = append(results, r)
	}
	return results, nil
}

// countKeys are the fields of a result that hold integers. Python may write
// them as 16 or as 16.0.
var countKeys = []string{"input_len", "output_len", "concurrency", "num_prompts"}

func parseResult(item json.RawMessage, zero zeroPolicy) (Summary, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(item, &fields); err != nil {
		return Summary{}, unmarshalError(err)
	}
	for _, key := range countKeys {
		raw, ok := fields[key]
		if !ok {
			continue
		}
		n, err := parseCount(raw)
		if err != nil {
			return Summary{}, fmt.Errorf("%s: %w", key, err)
		}
		fields[key] = n
	}
	whole, err := json.Marshal(fields)
	if err != nil {
		return Summary{}, err
	}
	var r Summary
	if err := json.Unmarshal(whole, &r); err != nil {
		return Summary{}, unmarshalError(err)
	}
	if strings.TrimSpace(r.Name) == "" {
		return Summary{}, errors.New("has no name")
	}
	if r.Error != nil && *r.Error == "" {
		r.Error = nil
	}
	if zero == zeroMissing {
		for _, m := range metrics(&r) {
			if *m != nil && **m == 0 {
				*m = nil
			}
		}
	}
	return r, nil
}

// parseCount returns a JSON number with an integral value as an integer.
func parseCount(raw json.RawMessage) (json.RawMessage, error) {
	// 2^31 is more than any count here and is exact in a float64.
	const most = 1 << 31
	var v float64
	if err := json.Unmarshal(raw, &v); err != nil || v != math.Trunc(v) || v < 0 || v > most {
		return nil, fmt.Errorf("%.40q is not a count", raw)
	}
	return json.RawMessage(fmt.Sprintf("%.0f", v)), nil
}

// metrics are the quantities of a result that may be missing.
func metrics(r *Summary) []**float64 {
	return []**float64{
		&r.DurationS, &r.RequestThroughput, &r.OutputThroughput, &r.PeakOutputThroughput, &r.TotalThroughput,
		&r.TTFTMeanMs, &r.TTFTMedianMs, &r.TTFTP99Ms,
		&r.TPOTMeanMs, &r.TPOTMedianMs, &r.TPOTP99Ms,
		&r.ITLMeanMs, &r.ITLMedianMs, &r.ITLP99Ms,
		&r.PPSpeed, &r.TGSpeed,
	}
}

// unmarshalError says in one line which field holds the wrong kind of value.
func unmarshalError(err error) error {
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) {
		return fmt.Errorf("field %q holds a JSON %s, which is not the kind of value that belongs there", wrong.Field, wrong.Value)
	}
	return err
}

// hasKeys says whether b is a JSON object with all of the keys.
func hasKeys(b []byte, keys ...string) bool {
	var fields map[string]json.RawMessage
	if json.Unmarshal(b, &fields) != nil {
		return false
	}
	for _, key := range keys {
		if _, ok := fields[key]; !ok {
			return false
		}
	}
	return true
}

// foreign lists the keys by which other tools' result files are known.
var foreign = []struct {
	tool string
	keys []string
}{
	{"vllm bench serve", []string{"mean_ttft_ms", "tokenizer_id"}},
	{"SGLang bench_serving", []string{"total_output_tokens_retokenized"}},
	{"llama-bench", []string{"build_commit", "avg_ts"}},
	{"llama-batched-bench", []string{"n_kv_max", "pl"}},
	{"llama-benchy", []string{"latency_mode", "benchmarks"}},
	{"GuideLLM", []string{"benchmarks"}},
	{"AIPerf or genai-perf", []string{"time_to_first_token", "input_config"}},
	{"ceiling (its manifest.json)", []string{"command_line", "suite"}},
}

// foreignTool names the tool that wrote an object, "" for none known.
func foreignTool(b []byte) string {
	for _, f := range foreign {
		if hasKeys(b, f.keys...) {
			return f.tool
		}
	}
	return ""
}

func foreignError(tool string) error {
	return fmt.Errorf("written by %s; expected the results.json of a run", tool)
}
