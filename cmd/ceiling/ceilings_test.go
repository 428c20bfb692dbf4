package main

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ceiling/bench/result"
	"ceiling/engine"
	"ceiling/kernels"
)

// ceilingsOfHere writes made-up figures of this machine.
func ceilingsOfHere(t *testing.T, age time.Duration) string {
	t.Helper()
	if err := engine.Init(engine.LibraryOptions{}); err != nil {
		t.Fatal(err)
	}
	figure := func(probe, variant string, unit kernels.Unit, v float64) kernels.Measurement {
		return kernels.Measurement{Probe: probe, Variant: variant, Unit: unit, Verdict: kernels.OK, Summary: &kernels.SampleSummary{Median: v, Best: v}}
	}
	path := filepath.Join(t.TempDir(), "ceilings.json")
	err := saveCeilings(output{"out", path, true}, &kernels.Ceilings{Format: kernels.FormatVersion, Date: time.Now().Add(-age), Machine: thisMachine(1),
		Measurements: []kernels.Measurement{figure("cpu.read", "memory", kernels.BytesPerSecond, 1e13), figure("cpu.dot", "AVX2", kernels.OpsPerSecond, 1e15)}})
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// A run takes the figures of its own machine while they are fresh: its report has
// the section and its graph's nodes are counted. Older ones are left aside with a
// word.
func TestRunWithCeilings(t *testing.T) {
	model := writeDemo(t)
	suite := filepath.Join(t.TempDir(), "suite.yaml")
	if err := os.WriteFile(suite, []byte("name: s\nscenarios:\n- {name: A, category: c, purpose: p, input: 8, output: 4, concurrency: 2, prompts: 3}\n"+
		"- {name: B, category: c, purpose: p, input: 8, output: 4, concurrency: 2, prompts: 3, kv-type: q8_0}\n"+
		"- {name: D, category: c, purpose: p, input: 8, output: 4, concurrency: 2, prompts: 3, threads: 2}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for age, used := range map[time.Duration]bool{time.Hour: true, 30 * 24 * time.Hour: false} {
		dir := filepath.Join(t.TempDir(), "run")
		_, errText, code := inProcess("run", model, "--suite", suite, "--out", dir, "--threads", "1", "--devices", "none",
			"--prose", "off", "--no-hash", "--telemetry-hz", "0", "--ceilings", ceilingsOfHere(t, age))
		if code != 0 {
			t.Fatalf("exit code %d\n%s", code, errText)
		}
		r, err := result.Load(filepath.Join(dir, result.ResultsFile))
		if err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(filepath.Join(dir, result.ReportFile))
		if err != nil {
			t.Fatal(err)
		}
		if has := strings.Contains(string(text), "\n## Ceilings\n"); has != used || (r.Ceilings != nil) != used || strings.Contains(errText, "is not used") == used {
			t.Errorf("figures of %s ago: section %v\n%s", age, has, errText)
		}
		if !used {
			continue
		}
		decode, prompt := r.Shares(0)
		if decode == nil || prompt == nil || !strings.Contains(r.Ceilings.Load.NodesSource, "counted") {
			t.Errorf("%+v", r.Ceilings)
		}
		// A scenario with settings of its own has the limits of these, or none.
		if own := r.Limits(1); own == nil || own.Load.KVBytes >= r.Ceilings.Load.KVBytes || !strings.Contains(own.Load.NodesSource, "counted") {
			t.Errorf("with q8_0 %+v", own)
		}
		if !strings.Contains(string(text), "\n| B | 2 | ") || !strings.Contains(string(text), "\n- No row for D: the machine was measured with 1 thread.\n") {
			t.Errorf("own settings: %s", text)
		}
		// The limits are a thousand times what any CPU can do.
		if decode != nil && (decode.Of() <= 0 || decode.Of() > 0.5) || prompt != nil && (prompt.Of() <= 0 || prompt.Of() > 0.5) {
			t.Errorf("shares %+v, %+v", decode, prompt)
		}
	}
}

// A run that goes on keeps what its earlier sessions told of their limits.
func TestEarlierLimits(t *testing.T) {
	roofs := kernels.Roofs{Name: "CPU", Devices: 1, Read: []kernels.Level{{Name: "memory", Rate: 1e10}}}
	load := kernels.Demand{Layers: []kernels.Weights{{Type: "F16", Bytes: 1e9, Ops: 1e9}}, Nodes: 77, NodesSource: "counted"}
	then := &kernels.Used{Roofs: roofs, Load: load}
	then.SetOwn("kv-type=q8_0", &kernels.Used{Roofs: roofs, Load: load}, nil)
	then.SetOwn("threads=1", nil, errors.New("why"))
	dir := t.TempDir()
	if err := result.Save(filepath.Join(dir, result.ResultsFile), &result.Run{Results: []result.Summary{{Name: "A"}}, Details: []result.Detail{{Name: "A"}}, Ceilings: then}); err != nil {
		t.Fatal(err)
	}
	r := &runner{limits: &kernels.Used{}}
	r.earlier = &earlierRun{path: dir}
	if err := r.earlierLimits(); err != nil {
		t.Fatal(err)
	}
	if u := r.limits; u.Own["kv-type=q8_0"] == nil || u.Missing["threads=1"] != "why" || u.Load.Nodes != 77 || u.Load.NodesSource != "counted" {
		t.Errorf("%+v", u)
	}
}

// A scenario without settings of its own has the limits of the place where it ran, not
// of that of the first scenario, which the model was loaded for.
func TestLimitsOfPlace(t *testing.T) {
	model := demoModel(t)
	session := engine.SessionOptions{Threads: 1, KVType: "f16"}
	r := &runner{opener: &opener{model: model}, show: newProgress(io.Discard)}
	r.ceilings, r.namedCeilings, r.session = ceilingsOfHere(t, time.Hour), true, session
	if err := r.findCeilings(t.Context()); err != nil || r.limits == nil {
		t.Fatal(r.limits, err)
	}
	run := &result.Run{Results: []result.Summary{{Name: "A"}, {Name: "B"}}, Ceilings: r.limits,
		Details: []result.Detail{{Name: "A", Settings: []result.Setting{{Name: "devices", Value: "none"}}}, {Name: "B"}}}
	native, err := model.Open(t.Context(), engine.SessionOptions{Threads: 1, Sequences: 1, TokensPerSequence: 8})
	if err != nil {
		t.Fatal(err)
	}
	defer native.Close()
	r.opener.warmed(&engineSettings{own: run.Details[0].Settings, session: session}, native)
	r.used = []engine.Device{{Type: engine.DeviceGPU}}
	r.opener.warmed(&engineSettings{session: session}, native)
	if run.Limits(0) == nil || run.Limits(1) != nil || run.NoLimits(1) != errNoCardRoofs.Error() {
		t.Errorf("%+v, %q", r.limits, run.NoLimits(1))
	}
	r.used = nil
	r.opener.warmed(&engineSettings{session: session}, native)
	if run.Limits(0) == nil || run.Limits(1) != r.limits || run.NoLimits(1) != "" {
		t.Errorf("back on the CPU: %+v, %q", r.limits, run.NoLimits(1))
	}
}
