package suite

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"ceiling/bench/result"
	"ceiling/internal/nearest"
	"ceiling/internal/oneline"
)

// BuiltinSuites names the built-in suites, the default first.
func Builtins() []string { return []string{"standard", "extended", "smoke"} }

// BuiltinSuite returns a built-in suite by name, and whether there is one.
func Builtin(name string) (result.Suite, bool) {
	switch name {
	case "standard":
		return result.Suite{Name: name, Scenarios: standardScenarios()}, true
	case "extended":
		sc := append(standardScenarios(), scalingScenario(64, 64), scalingScenario(128, 128))
		return result.Suite{Name: name, Scenarios: sc}, true
	case "smoke":
		return result.Suite{Name: name, Scenarios: smokeScenarios()}, true
	}
	return result.Suite{}, false
}

// standardScenarios are the reference's ten, by name and number.
func standardScenarios() []result.Scenario {
	out := []result.Scenario{
		{Name: "Single User Latency", Category: "Latency", Purpose: "Best-case latency with no batching",
			Input: 2048, Output: 512, Concurrency: 1, Prompts: 20},
		{Name: "Short Context Throughput", Category: "Throughput", Purpose: "Maximum throughput with short sequences",
			Input: 512, Output: 256, Concurrency: 16, Prompts: 50},
		{Name: longContextName(16384), Category: "Long Context", Purpose: "Extended context performance",
			Input: 16384, Output: 1024, Concurrency: 4, Prompts: 10},
		{Name: "Decode Stress Test", Category: "Decode", Purpose: "Long generation with minimal prefill",
			Input: 128, Output: 2048, Concurrency: 1, Prompts: 5},
		{Name: result.MixedTraffic, Category: "Mixed", Purpose: "Variable request sizes (±50%)",
			Input: 2048, Output: 512, Concurrency: 8, Prompts: 30, RangeRatio: result.MixedRange},
	}
	for c := 2; c <= 32; c *= 2 {
		out = append(out, scalingScenario(c, 30))
	}
	return out
}

// longContextName has the prompt's length in it, as the reference's has.
func longContextName(tokens int) string { return fmt.Sprintf("Long Context (%dK)", tokens/1024) }

func scalingScenario(c, prompts int) result.Scenario {
	const category = "Concurrency Scaling"
	return result.Scenario{
		Name: fmt.Sprintf("%s (c=%d)", category, c), Category: category,
		Purpose: fmt.Sprintf("Scaling test at concurrency %d", c),
		Input:   1024, Output: 256, Concurrency: c, Prompts: prompts,
	}
}

// smokeScenarios are the standard ones at a sixteenth of the tokens and at
// most two waves, for a first look within a minute.
func smokeScenarios() []result.Scenario {
	out := standardScenarios()
	for i := range out {
		named := out[i].Name == longContextName(out[i].Input)
		out[i].Input /= 16
		if named {
			out[i].Name = longContextName(out[i].Input)
		}
		out[i].Output /= 16
		out[i].Prompts = min(out[i].Prompts, 2*out[i].Concurrency)
	}
	return out
}

// FindSuite returns the built-in suite of that name, or reads the YAML file
// at that path, with lists for every scenario of it. The error of a file that can
// be read is a *SuiteError with everything that is wrong in it.
func Find(nameOrPath string, sweeps ...Sweep) (result.Suite, error) {
	if s, ok := Builtin(nameOrPath); ok {
		if len(sweeps) == 0 {
			return s, nil
		}
		return Parse("suite "+nameOrPath, YAML(s), sweeps...)
	}
	data, err := readSuite(nameOrPath)
	looksLikePath := strings.ContainsAny(nameOrPath, `/\`) || filepath.Ext(nameOrPath) != ""
	switch {
	case errors.Is(err, fs.ErrNotExist) && !looksLikePath:
		return result.Suite{}, unknown(nameOrPath)
	case errors.Is(err, fs.ErrNotExist):
		return result.Suite{}, fmt.Errorf("suite %q does not exist: give a YAML file, or one of %s",
			nameOrPath, strings.Join(Builtins(), ", "))
	case err != nil:
		return result.Suite{}, fmt.Errorf("suite %q: %w: give a YAML file that can be read", nameOrPath, oneline.Cause(err))
	case len(data) > maxSuiteBytes:
		return result.Suite{}, fmt.Errorf("suite %q is longer than %d bytes: is it a suite?", nameOrPath, maxSuiteBytes)
	}
	return Parse(nameOrPath, data, sweeps...)
}

// readSuite reads at most one byte more than a suite may have, so that a
// device or a model file given by mistake does not fill the memory.
func readSuite(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxSuiteBytes+1))
}

func unknown(name string) error {
	known := Builtins()
	if near := nearest.To(name, known); near != "" {
		return fmt.Errorf("unknown suite %q: did you mean %q?", name, near)
	}
	return fmt.Errorf("unknown suite %q: use %s or the path of a YAML file", name, strings.Join(known, ", "))
}
