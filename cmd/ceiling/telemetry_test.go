package main

import (
	"bytes"
	"ceiling/internal/machine"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/testscript"

	"ceiling/bench/result"
	"ceiling/engine"
	"ceiling/hip"
	"ceiling/hip/host"
	"ceiling/report"
)

const hive = "../../hip/testdata/hive"

// rocm are llama.cpp's names of the hive's cards.
func rocm(ids ...string) []engine.Device {
	var out []engine.Device
	for i, id := range ids {
		out = append(out, engine.Device{Name: "ROCm" + string(rune('0'+i)), Description: "AMD Instinct MI100", ID: id, Type: engine.DeviceGPU})
	}
	return out
}

// rows are the report's System Configuration on a tree, for a run on the
// given devices.
func rows(t *testing.T, root string, used []engine.Device) string {
	t.Helper()
	system, _ := host.Read(root)
	describeGPUs(&system, hip.Read(root), nil, used)
	r := result.Run{System: &system, Engine: &result.EngineInfo{Devices: deviceInfos(used)}}
	var b bytes.Buffer
	d, err := report.Document(&r, report.DocumentOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Markdown(&b); err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(b.String(), "## System Configuration\n\n")
	text, _, _ = strings.Cut(text, "\n\n")
	return text
}

// rising FILE checks that a telemetry file is whole lines in order of time.
func rising(ts *testscript.TestScript, neg bool, args []string) {
	last, n := -1.0, 0
	for line := range strings.Lines(ts.ReadFile(args[0])) {
		var reading struct {
			T      *float64 `json:"t"`
			Device string   `json:"device"`
		}
		if err := json.Unmarshal([]byte(line), &reading); err != nil || reading.T == nil || reading.Device == "" {
			ts.Fatalf("line %d is no reading: %q", n+1, line)
		}
		if *reading.T < last {
			ts.Fatalf("line %d: %v after %v", n+1, *reading.T, last)
		}
		last = *reading.T
		n++
	}
	if n < 10 {
		ts.Fatalf("%d readings", n)
	}
}

// The rows are the reference's, with its labels.
func TestSystemConfiguration(t *testing.T) {
	all := rocm("0000:83:00.0", "0000:A3:00.0", "0000:c3:00.0", "0000:e3:00.0")
	const head = "| Component | Value |\n|---|---|\n"
	const versions = "| ROCk Module Version | 6.16.13 |\n| ROCm | 7.2.1 |\n| xGMI | Present (hive_id 0xb868aeba19fb5cee) |"
	for _, tt := range []struct {
		name, root string
		used       []engine.Device
		want       string
	}{
		{"a hive of four", hive, all, head + "| GPU(s) | 4× AMD Instinct MI100 (gfx908) |\n" + versions},
		{"two of the four", hive, all[:2], head + "| GPU(s) | 4× AMD Instinct MI100 (gfx908), 2 used |\n" + versions},
		{"the CPU", hive, []engine.Device{{Name: "CPU", Type: engine.DeviceCPU}},
			head + "| GPU(s) | 4× AMD Instinct MI100 (gfx908), not used: the model ran on the CPU |\n" + versions},
		{"no bridge", "../../hip/testdata/nobridge", rocm("0000:23:00.0"),
			head + "| GPU(s) | 1× AMD Instinct MI100 (gfx908) |\n| xGMI | Not present (no bridge: hive_id 0) |"},
		{"a card that sysfs does not know", hive, []engine.Device{{Name: "CUDA0", Description: "NVIDIA H200", ID: "0000:01:00.0", Type: engine.DeviceGPU}},
			head + "| GPU(s) | 1× NVIDIA H200 |\n| ROCk Module Version | 6.16.13 |\n| ROCm | 7.2.1 |"},
	} {
		if d := cmp.Diff(tt.want, rows(t, tt.root, tt.used)); d != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, d)
		}
	}
}

func TestRanOn(t *testing.T) {
	s := machine.System{GPUs: "4× X", CPU: "EPYC"}
	cpu := []engine.Device{{Name: "CPU", Type: engine.DeviceCPU, Description: "a CPU"}}
	if got := ranOn(&s, rocm("0000:83:00.0")); got != "4× X" {
		t.Errorf("on GPUs: %q", got)
	}
	if got := ranOn(&s, cpu); got != "EPYC" {
		t.Errorf("on the CPU: %q", got)
	}
	if got := ranOn(&machine.System{GPUs: "4× X"}, cpu); got != "a CPU" {
		t.Errorf("on a CPU that procfs does not name: %q", got)
	}
}

// Virtual devices of a card count as it.
func TestCardID(t *testing.T) {
	var got []string
	for _, d := range rocm("0000:83:00.0", "0000:83:00.0-v1", "0000:E3:00.0") {
		got = append(got, cardID(d))
	}
	if d := cmp.Diff([]string{"0000:83:00.0", "0000:83:00.0", "0000:e3:00.0"}, got); d != "" {
		t.Error(d)
	}
}
