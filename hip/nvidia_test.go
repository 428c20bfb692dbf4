package hip

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ceiling/internal/machine"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// nvidia opens the stand-in of NVML.
func nvidia(t *testing.T, flags ...string) *NVIDIA {
	t.Helper()
	n, err := openNVIDIA(compile(t, "testdata/nvml.c", "libnvidia-ml.so.1", flags...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.Close)
	return n
}

func TestNVIDIACards(t *testing.T) {
	n := nvidia(t)
	want := []NVIDIACard{
		{Name: "Stand-in H200 number 0", PCI: "0000:1b:00.0", VRAM: 150754820096, MaxClockMHz: 1980, PowerCapW: ptr(700.0), PowerCapDefaultW: ptr(700.0)},
		{Name: "Stand-in H200 number 1", PCI: "0000:3b:00.0", VRAM: 150754820096, MaxClockMHz: 1980, PowerCapW: ptr(500.0), PowerCapDefaultW: ptr(700.0)},
	}
	if d := cmp.Diff(want, n.Cards, cmpopts.IgnoreUnexported(NVIDIACard{})); d != "" || n.Driver != "550.54.15" {
		t.Errorf("driver %q, cards (-want +got):\n%s", n.Driver, d)
	}
	var s machine.System
	n.Describe(&s, []string{"0000:3b:00.0", "0000:99:00.0"})
	if d := cmp.Diff([]machine.Card{{Name: "Stand-in H200 number 1", PCI: "0000:3b:00.0", VRAMBytes: 150754820096, MaxClockMHz: 1980,
		PowerCapW: ptr(500.0), PowerCapDefaultW: ptr(700.0)}}, s.Cards); d != "" {
		t.Errorf("described (-want +got):\n%s", d)
	}
	if lost := nvidia(t, "-DLOST"); len(lost.Cards) != 1 || lost.Cards[0].PCI != "0000:3b:00.0" {
		t.Errorf("with a lost card: %+v", lost.Cards)
	}
	var none *NVIDIA
	none.Describe(&s, []string{"0000:3b:00.0"})
	none.Close()
	if len(s.Cards) != 1 {
		t.Errorf("cards of nothing: %+v", s.Cards)
	}
}

func TestNVIDIAErrors(t *testing.T) {
	for _, tt := range []struct {
		name, file string
		is         error
		says       string
	}{
		{"no library", "libnvidia-ml-that-nobody-has.so.1", ErrNoNVML, "can't be loaded"},
		{"another library", standin(t), ErrNoNVML, "has no nvmlInit_v2"},
		{"no driver", compile(t, "testdata/nvml.c", "a.so", "-DINIT=9"), ErrRuntime, "nvmlInit: Driver Not Loaded (code 9)"},
		{"a function is missing", compile(t, "testdata/nvml.c", "b.so", "-DNO_COUNT"), ErrNoNVML, "has no nvmlDeviceGetCount_v2"},
	} {
		n, err := openNVIDIA(tt.file)
		if n != nil || !errors.Is(err, tt.is) || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: %v, want one that says %q", tt.name, err, tt.says)
		}
	}
}

// The sampler reads NVIDIA's cards as it reads AMD's; their energy is the
// difference of the card's own counter.
func TestNVIDIASampler(t *testing.T) {
	clock, file := &testClock{}, filepath.Join(t.TempDir(), "telemetry.jsonl")
	s, notes, err := NewSampler(t.TempDir(), Machine{}, clock.Now, TelemetryOptions{Hz: 0.1, File: file, Used: []string{"0000:3b:00.0"}, NVIDIA: nvidia(t)})
	if err != nil || s == nil || len(notes) != 0 {
		t.Fatalf("%v, notes %q, %v", s, notes, err)
	}
	s.Observe(0, 0, 0, nil)
	clock.advance(2 * time.Second)
	energy, warnings := s.Observe(0, 2, 75, ptr(37.5))
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	e := energy
	if e == nil || len(e.Devices) != 2 || len(e.Groups) != 2 || e.Groups[0].Name != "1 GPU" || e.Groups[1].Name != "1 GPU (not used)" {
		t.Fatalf("%+v", e)
	}
	// Two readings after the first of all, 150 J each by the counter, whatever
	// the momentary power was.
	got := e.Devices[1]
	if got.PeakW == nil || *got.PeakW < 300 || got.Samples < 2 {
		t.Errorf("power %+v", got)
	}
	got.PeakW, got.Samples = nil, 0
	want := machine.DeviceEnergy{Name: "0000:3b:00.0", Kind: machine.EnergyGPU, Used: true, EnergyJ: ptr(300.0), MeanW: ptr(150.0), Method: machine.EnergyByCounter,
		MinClockMHz: ptr(1755.0), MaxTempC: ptr(42.0), MaxTempAt: "edge", MeanBusy: ptr(97.0), PeakVRAM: ptr(6442450945.0),
		Throttled: []string{"power", "temperature"}, ThrottleReadings: got.ThrottleChecks, ThrottleChecks: got.ThrottleChecks}
	if d := cmp.Diff(want, got); d != "" || got.ThrottleChecks == 0 {
		t.Errorf("device (-want +got):\n%s", d)
	}
	if g := e.Groups[0]; g.JPerToken == nil || *g.JPerToken != 4 || g.TokPerSPerKW == nil || *g.TokPerSPerKW != 250 {
		t.Errorf("group %+v", g)
	}
	if idle := e.Devices[0]; len(idle.Throttled) != 0 || idle.ThrottleChecks == 0 || *idle.EnergyJ != 0 || *idle.PeakW != 76.543 {
		t.Errorf("the idle card %+v", idle)
	}
	all := strings.Join(warnings, "\n")
	if !strings.Contains(all, "0000:3b:00.0 lowered its clocks") || !strings.Contains(all, "capped at 500 W, its default is 700 W") {
		t.Errorf("warnings %q", all)
	}
	first := lines(t, file)[0]
	for key, v := range map[string]any{"device": "0000:1b:00.0", "kind": "gpu", "power_w": 76.543, "sclk_mhz": 1755.0, "mclk_mhz": 3201.0, "edge_c": 41.0,
		"gpu_busy_percent": 97.0, "mem_busy_percent": 64.0, "vram_used_bytes": 6442450944.0, "energy_j": 0.0, "throttle_status": 0.0} {
		if first[key] != v {
			t.Errorf("telemetry: %s is %v, want %v", key, first[key], v)
		}
	}
}

// What a card or an older library does not tell is missing, never 0.
func TestNVIDIAMissing(t *testing.T) {
	open := func(flags ...string) (device, string) {
		n := nvidia(t, flags...)
		d, missing := n.openCard(n.Cards[1])
		return d, strings.Join(missing, ", ")
	}
	d, missing := open("-DOLD")
	if missing != "edge_c" || d.counter != nil {
		t.Errorf("old: missing %q, counter %v", missing, d.counter)
	}
	var s sample
	if d.readMetrics(&s, nil); s.throttled {
		t.Errorf("reasons out of nothing: %+v", s)
	}
	if _, missing = open("-DNO_POWER"); missing != "power_w" {
		t.Errorf("no power: missing %q", missing)
	}
	n := nvidia(t, "-DDEAF")
	if c := n.Cards[0]; c.VRAM != 0 || c.PowerCapW != nil || c.MaxClockMHz != 0 {
		t.Errorf("a deaf card: %+v", c)
	}
	sampler, notes, err := NewSampler(t.TempDir(), Machine{}, new(testClock).Now, TelemetryOptions{Hz: 1, NVIDIA: n})
	if sampler != nil || err != nil || len(notes) != 2 || !strings.Contains(notes[0], "0000:1b:00.0 (Stand-in H200 number 0): no sensor can be read") {
		t.Errorf("%v, notes %q, %v", sampler, notes, err)
	}
	names, notes := PowerSensors(t.TempDir(), Machine{}, nvidia(t))
	if d := cmp.Diff([]string{"0000:1b:00.0", "0000:3b:00.0"}, names); d != "" || len(notes) != 0 {
		t.Errorf("power sensors %q, notes %q", names, notes)
	}
	names, notes = PowerSensors(t.TempDir(), Machine{}, nvidia(t, "-DNO_POWER"))
	if len(names) != 0 || len(notes) != 2 || !strings.Contains(notes[1], "0000:3b:00.0") {
		t.Errorf("without power: %q, notes %q", names, notes)
	}
}

// A slowdown without a cause is a reason of its own.
func TestHardwareSlowdown(t *testing.T) {
	if got := Throttle(1 << hardwareBit).Reasons(); !cmp.Equal(got, []string{"hardware slowdown"}) {
		t.Errorf("%q", got)
	}
}

// Who else computes on the cards: this process is none of them, also where the
// driver counts processes otherwise than this container does.
func TestNVIDIAOthers(t *testing.T) {
	root := t.TempDir()
	put(t, root, "proc/102/comm", "llama-server\n")
	both := []string{"0000:1b:00.0", "0000:3b:00.0"}
	for _, c := range []struct {
		name  string
		flags []string
		cards []string
		want  []Process
		known bool
	}{
		{"this process alone", []string{"-DPROCESSES=1"}, both, nil, true},
		{"two others, one of which has no name", []string{"-DPROCESSES=2"}, both,
			[]Process{{PID: 2, VRAM: 1000000001}, {PID: 102, Name: "llama-server", VRAM: 1000000001}}, true},
		{"one of the two cards", []string{"-DPROCESSES=2"}, both[1:], []Process{{PID: 102, Name: "llama-server", VRAM: 1000000001}}, true},
		{"memory that is not told", []string{"-DPROCESSES=3"}, both[1:], []Process{{PID: 102, Name: "llama-server", VRAM: 1000000001}, {PID: 103}}, true},
		{"more than fit at first", []string{"-DPROCESSES=100"}, both[:1], nil, true},
		{"in a container, alone", []string{"-DPROCESSES=1", "-DHOST"}, both[:1], nil, true},
		{"in a container, with another", []string{"-DPROCESSES=2", "-DHOST"}, both[:1], []Process{{PID: 1, Name: "outside this container", VRAM: 1000000000}}, true},
		{"an older library", []string{"-DOLD"}, both, nil, false},
		{"a library that answers nothing", []string{"-DDEAF"}, both, nil, false},
		{"no card of NVIDIA's", nil, []string{"0000:99:00.0"}, nil, false},
	} {
		got, known := nvidia(t, c.flags...).Others(root, c.cards, os.Getpid())
		if c.name == "more than fit at first" {
			if len(got) != 99 {
				t.Errorf("%s: %d", c.name, len(got))
			}
			got = nil
		}
		if d := cmp.Diff(c.want, got, cmpopts.EquateEmpty()); d != "" || known != c.known {
			t.Errorf("%s: known %v (-want +got):\n%s", c.name, known, d)
		}
	}
}
