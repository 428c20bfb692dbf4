package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"ceiling/bench/suite"
	"ceiling/engine"
	"ceiling/kernels"
)

// demoFile writes the demo model.
func demoFile(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "demo.gguf")
	if _, errText, code := inProcess("synth", "--geometry", "demo", "--out", path); code != 0 {
		t.Fatal(errText)
	}
	return path
}

// A plan measures nothing and names the source of every figure.
func TestPlanForMachine(t *testing.T) {
	model := demoFile(t)
	out, errText, code := inProcess("roofline", model, "--machine", "mi100x4")
	if code != 0 || errText != "" {
		t.Fatalf("exit code %d, %q", code, errText)
	}
	for _, want := range []string{"LIMITS ON mi100x4-rccl", "LIMITS ON mi100x4-butterfly", "LIMITS ON mi100x4-push", "Single User Latency", "[meas]", "[est]", "demo: 0.0"} {
		if !strings.Contains(out, want) {
			t.Errorf("the plan lacks %q:\n%s", want, out)
		}
	}
	for want, args := range map[string][]string{
		"no machine":       {"roofline", model, "--machine", "mi200"},
		"--quick":          {"roofline", model, "--machine", "mi100", "--quick"},
		"no probe":         {"roofline", "--only", "cpu.write"},
		"name a model":     {"roofline", "--ops"},
		"without --ops":    {"roofline", model, "--devices", "none"},
		"does not exist":   {"roofline", model + "x", "--machine", "mi100"},
		"unexpected argum": {"roofline", model, "another"},
	} {
		if out, errText, code := inProcess(args...); code == 0 || out != "" || !strings.Contains(errText, want) {
			t.Errorf("%v: exit code %d, %q, %q", args, code, out, errText)
		}
	}
}

// Nodes are summed up over layers, the longest first; of each node the fastest
// time counts.
func TestKindsOf(t *testing.T) {
	first := []engine.Op{{Op: "MUL_MAT", Name: "ffn_up-0", Type: "q4_0", Device: "CPU", Seconds: 3, Bytes: 10, Operations: 100},
		{Op: "ADD", Name: "node_7", Type: "f32", Device: "RPC0", Seconds: 9, Bytes: 1, Operations: 1},
		{Op: "MUL_MAT", Name: "ffn_up-1", Type: "q4_0", Device: "CPU", Seconds: 5, Bytes: 10, Operations: 100}}
	second := []engine.Op{first[0], first[1], first[2]}
	second[0].Seconds, second[1].Seconds = 4, 1
	kinds := kindsOf(fasterOps(fasterOps(nil, first), second))
	want := []opKind{{"MUL_MAT", "ffn_up", "q4_0", "CPU", 2, 8, 20, 200}, {"ADD", "", "f32", "RPC0", 1, 1, 1, 1}}
	if len(kinds) != 2 || kinds[0] != want[0] || kinds[1] != want[1] {
		t.Errorf("%+v", kinds)
	}
	r := []kernels.Roofs{{Name: kernels.CPUName, Devices: 1, Read: []kernels.Level{{Rate: 10}}, Compute: map[kernels.Class]float64{kernels.Int8: 50}}}
	// 20 bytes take 2 s, 200 operations 4 s.
	if got := kinds[0].ofRoof(r, 1); got != "50 %" {
		t.Error(got)
	}
	if got := kinds[1].ofRoof(r, 1); got != "—" {
		t.Errorf("of another machine: %s", got)
	}
}

// What the probes measured is in the file, with the machine and the model, and
// every figure is above 0 or has a reason.
func TestRooflineFile(t *testing.T) {
	model, path := demoFile(t), filepath.Join(t.TempDir(), "ceilings.json")
	out, errText, code := inProcess("roofline", model, "--quick", "--out", path, "--ops", "--context", "8")
	if code != 0 {
		t.Fatalf("exit code %d\n%s", code, errText)
	}
	c, err := kernels.ReadCeilings(path)
	if err != nil {
		t.Fatal(err)
	}
	if c.Load == nil || !strings.Contains(c.Load.NodesSource, "counted") || c.Machine.Threads < 1 || len(c.Machine.Instructions) == 0 || len(c.Measurements) < 4 {
		t.Errorf("%+v", c)
	}
	for _, m := range c.Measurements {
		if m.Verdict == kernels.Wrong || (m.Verdict == kernels.OK) != (m.Summary != nil) || (m.Verdict != kernels.OK) != (m.Reason != "") {
			t.Errorf("%+v", m)
		}
	}
	// Other work on the machine leaves figures out, and the chart needs memory's and int8's.
	measured := func(probe string) bool {
		return slices.ContainsFunc(c.Measurements, func(m kernels.Measurement) bool { return m.Probe == probe && m.Verdict == kernels.OK })
	}
	svg := strings.TrimSuffix(path, ".json") + ".svg"
	if drawn, err := os.ReadFile(svg); c.Measurements[0].Verdict == kernels.OK && measured("cpu.dot") && (err != nil || !strings.Contains(string(drawn), "roof of int8")) {
		t.Errorf("the chart: %v", err)
	}
	if !strings.Contains(out, "cpu.node") || !strings.Contains(out, "MUL_MAT") || !strings.Contains(out, "A decode step of 1 users with 8 tokens of context takes ") {
		t.Error(out)
	}
}

// Where --only leaves the arithmetic out there is no chart: no empty file either.
func TestChartWithoutArithmetic(t *testing.T) {
	small, err := suite.Find("smoke")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "ceilings.json")
	r := roofline{Load: &kernels.Demand{Layers: []kernels.Weights{{Type: "F16", Bytes: 1e9, Ops: 1e9}}}, suite: small, ubatch: 512,
		Machines: []kernels.Roofs{{Name: "CPU", Devices: 1, Read: []kernels.Level{{Rate: 1e10}}}}}
	if err := r.saveChart(chartBeside(output{"out", path, true})); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(strings.TrimSuffix(path, ".json") + ".svg"); !os.IsNotExist(err) {
		t.Errorf("a file: %v", err)
	}
}

func TestKnownProbes(t *testing.T) {
	names := []string{"cpu.read", "hbm", "mfma.f16", "cpu.node"}
	if err := knownProbes(names); err != nil {
		t.Error(err)
	}
	ofCPU, ofCards := splitProbes(names)
	if !slices.Equal(ofCPU, []string{"cpu.read", "cpu.node"}) || !slices.Equal(ofCards, []string{"hbm", "mfma.f16"}) {
		t.Errorf("%q, %q", ofCPU, ofCards)
	}
	if err := knownProbes([]string{"hbm", "hbm.reed"}); err == nil || !strings.Contains(err.Error(), `"hbm.reed"`) {
		t.Errorf("%v", err)
	}
}

func TestDevicesText(t *testing.T) {
	for _, c := range []struct {
		devices []int
		want    string
	}{{nil, ""}, {[]int{2}, " (card 2)"}, {[]int{0, 1, 3}, " (cards 0 1 3 at once)"}} {
		if got := devicesText(c.devices); got != c.want {
			t.Errorf("%v: %q", c.devices, got)
		}
	}
}
