package main

import (
	"bytes"
	"encoding/json"
	"regexp"
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
	d, err := report.Document(&r, report.Options{})
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
	s := result.System{GPUs: "4× X", CPU: "EPYC"}
	cpu := []engine.Device{{Name: "CPU", Type: engine.DeviceCPU, Description: "a CPU"}}
	if got := ranOn(&s, rocm("0000:83:00.0")); got != "4× X" {
		t.Errorf("on GPUs: %q", got)
	}
	if got := ranOn(&s, cpu); got != "EPYC" {
		t.Errorf("on the CPU: %q", got)
	}
	if got := ranOn(&result.System{GPUs: "4× X"}, cpu); got != "a CPU" {
		t.Errorf("on a CPU that procfs does not name: %q", got)
	}
}

// Engine devices and cards meet by PCI address, virtual devices of one card
// as well; a card that no back end can use has no name.
func TestListDevices(t *testing.T) {
	m := hip.Read(hive)
	devices := append(rocm("0000:83:00.0", "0000:83:00.0-v1", "0000:E3:00.0"), engine.Device{Name: "CPU", Type: engine.DeviceCPU})
	list := listDevices(devices, m)
	var got []string
	for _, d := range list.Devices {
		pci := "none"
		if d.GPU != nil {
			pci = d.GPU.PCI
		}
		got = append(got, orDash(d.Name)+" "+pci)
	}
	want := []string{"ROCm0 0000:83:00.0", "ROCm1 0000:83:00.0", "ROCm2 0000:e3:00.0", "CPU none", "— 0000:a3:00.0", "— 0000:c3:00.0"}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("devices (-want +got):\n%s", d)
	}
	if got, want := list.nameOf(0), "ROCm0, ROCm1"; got != want {
		t.Errorf("the first card is %q, want %q", got, want)
	}
	list.NVIDIA = &hip.NVIDIA{Driver: "550.54.15", Cards: []hip.NVIDIACard{{Name: "NVIDIA H200", PCI: "0000:1b:00.0", VRAM: 140 << 30, MaxClockMHz: 1980}}}
	list.Devices = append(list.Devices, listedDevice{DeviceInfo: result.DeviceInfo{Name: "CUDA0", Type: engine.DeviceGPU}, PCI: "0000:1b:00.0"})
	list.Runtime = &listedRuntime{Version: "7.2.1", Path: "lib", Peers: []hip.Peer{{Access: true}, {}}}
	var b bytes.Buffer
	if err := list.print(&b); err != nil {
		t.Fatal(err)
	}
	if want := "HIP runtime    7.2.1, lib, P2P access: 1 of 2 ordered pairs\n"; !strings.HasSuffix(b.String(), want) {
		t.Errorf("printed %q, want the end %q", b.String(), want)
	}
	if want := regexp.MustCompile(`(?m)^NVIDIA H200 +0000:1b:00.0 +CUDA0 +140.0 GiB +1980 MHz +— +550.54.15$`); !want.MatchString(b.String()) {
		t.Errorf("printed %q, want %s", b.String(), want)
	}
}
