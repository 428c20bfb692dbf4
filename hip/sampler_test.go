package hip

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ceiling/internal/machine"
)

// testClock is a clock that the test turns.
type testClock struct{ ns atomic.Int64 }

func (c *testClock) Now() time.Duration         { return time.Duration(c.ns.Load()) }
func (c *testClock) advance(d time.Duration)    { c.ns.Add(int64(d)) }
func (c *testClock) seconds() (seconds float64) { return c.Now().Seconds() }

// lines reads a telemetry file.
func lines(t *testing.T, name string) []map[string]any {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var out []map[string]any
	for s := bufio.NewScanner(f); s.Scan(); {
		var m map[string]any
		if err := json.Unmarshal(s.Bytes(), &m); err != nil {
			t.Fatalf("line %q: %v", s.Text(), err)
		}
		out = append(out, m)
	}
	return out
}

// rapl adds a CPU package with a counter in µJ.
func rapl(t *testing.T, root string, energy string) {
	put(t, root, "sys/class/powercap/intel-rapl:0/name", "package-0\n")
	put(t, root, "sys/class/powercap/intel-rapl:0/energy_uj", energy)
	put(t, root, "sys/class/powercap/intel-rapl:0/max_energy_range_uj", "262143328850\n")
	// Not packages, and not to be added to one.
	put(t, root, "sys/class/powercap/intel-rapl:0/intel-rapl:0:0/name", "dram\n")
	put(t, root, "sys/class/powercap/intel-rapl:1/name", "psys\n")
	put(t, root, "sys/class/powercap/intel-rapl:1/energy_uj", "1\n")
	put(t, root, "sys/class/powercap/intel-rapl-mmio:0/name", "package-0\n")
}

// The sampler's rounds are asked for by Observe, so that the test does not
// depend on timing: its own rate is one in 10 s.
func TestSampler(t *testing.T) {
	root, clock := copyTree(t, "hive"), &testClock{}
	rapl(t, root, "262143000000\n")
	file := filepath.Join(t.TempDir(), "telemetry.jsonl")
	s, notes, err := NewSampler(root, Read(root), clock.Now, TelemetryOptions{Hz: 0.1, File: file, Used: []string{"0000:83:00.0", "0000:a3:00.0"}})
	if err != nil || s == nil || len(notes) != 0 {
		t.Fatalf("%v, notes %q, %v", s, notes, err)
	}
	round := func(at time.Duration) *machine.Energy {
		clock.advance(at)
		e, _ := s.Observe(0, clock.seconds(), 80, ptr(40.0))
		return e
	}
	round(0)
	put(t, root, hwmon0+"power1_average", "136000000\n") // the file is read anew, from its start
	put(t, root, "sys/class/powercap/intel-rapl:0/energy_uj", "71150\n")
	e := round(2 * time.Second)
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	if e == nil || len(e.Devices) != 5 || len(e.Groups) != 3 {
		t.Fatalf("energy %+v", e)
	}
	// From 36 to 136 W in 2 s, and 44 W all along: 172 + 88 J for 80 tokens.
	if g := e.Groups[0]; g.Name != "2 GPUs" || !cmp.Equal(g.EnergyJ, ptr(260.0), near) || !cmp.Equal(g.JPerToken, ptr(3.25), near) || !cmp.Equal(g.PeakW, ptr(180.0), near) {
		t.Errorf("used GPUs: %v", cmp.Diff(machine.EnergyGroup{}, g))
	}
	if g := e.Groups[1]; g.Name != "2 GPUs (not used)" || !cmp.Equal(g.EnergyJ, ptr(164.0), near) || g.JPerToken != nil {
		t.Errorf("other GPUs: %v", cmp.Diff(machine.EnergyGroup{}, g))
	}
	// Around the counter's end: 328,850 + 71,150 µJ.
	if g := e.Groups[2]; g.Name != "1 CPU package" || !cmp.Equal(g.EnergyJ, ptr(0.4), near) || e.Devices[4].Method != machine.EnergyByCounter {
		t.Errorf("CPU: %v", cmp.Diff(machine.EnergyGroup{}, g))
	}
	checkFile(t, file)
	info := s.Info()
	if len(info.Devices) != 5 || info.Rounds < 3 || info.Hz != 0.1 {
		t.Errorf("info %+v", info)
	}
}

func checkFile(t *testing.T, file string) {
	all := lines(t, file)
	if len(all) < 15 || len(all)%5 != 0 {
		t.Fatalf("%d lines", len(all))
	}
	last, power := -1.0, map[float64]bool{}
	for _, l := range all {
		at := l["t"].(float64)
		if at < last {
			t.Errorf("time runs backwards: %v after %v", at, last)
		}
		last = at
		if l["device"] == "0000:83:00.0" {
			power[l["power_w"].(float64)] = true
			if l["sclk_mhz"] != 300.0 || l["mclk_mhz"] != 1200.0 || l["edge_c"] != 53.0 || l["junction_c"] != 55.0 || l["mem_c"] != 53.0 ||
				l["gpu_busy_percent"] != 0.0 || l["mem_busy_percent"] != 0.0 || l["vram_used_bytes"] != 6750208.0 || l["kind"] != "gpu" {
				t.Errorf("line %v", l)
			}
			if _, has := l["energy_j"]; has {
				t.Errorf("a GPU without a counter has one: %v", l)
			}
		}
	}
	if !power[36] || !power[136] {
		t.Errorf("powers read: %v, want 36 and 136", power)
	}
	if all[0]["throttle_status"] != 0.0 {
		t.Errorf("first line %v lacks the throttle status", all[0])
	}
}

// Sensors that are not there are not there: no key, and a note.
func TestSamplerMissingSensors(t *testing.T) {
	root := copyTree(t, "hive")
	drop(t, root, card0+"hwmon")
	drop(t, root, "sys/class/drm/card1")
	put(t, root, "sys/class/drm/card2/device/hwmon/hwmon6/power1_average", "N/A\n")
	file := filepath.Join(t.TempDir(), "telemetry.jsonl")
	s, notes, err := NewSampler(root, Read(root), new(testClock).Now, TelemetryOptions{Hz: 0.1, File: file})
	if err != nil || s == nil {
		t.Fatal(err)
	}
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"0000:83:00.0 (AMD Instinct MI100): unknown: power_w, sclk_mhz, mclk_mhz, edge_c, junction_c, mem_c",
		"0000:a3:00.0 (AMD Instinct MI100): no sensor can be read",
	}
	if d := cmp.Diff(want, notes); d != "" {
		t.Errorf("notes (-want +got):\n%s", d)
	}
	for _, l := range lines(t, file) {
		_, has := l["power_w"]
		if want := l["device"] == "0000:e3:00.0"; has != want {
			t.Errorf("line %v", l)
		}
	}
}

func TestSamplerRefuses(t *testing.T) {
	m := Read("testdata/hive")
	for _, hz := range []float64{0, -1, MaxHz + 1} {
		if _, _, err := NewSampler("testdata/hive", m, new(testClock).Now, TelemetryOptions{Hz: hz}); err == nil {
			t.Errorf("%v Hz was taken", hz)
		}
	}
	if s, notes, err := NewSampler(t.TempDir(), Machine{}, new(testClock).Now, TelemetryOptions{Hz: 1}); s != nil || err != nil || len(notes) != 0 {
		t.Errorf("an empty machine: %v, %q, %v", s, notes, err)
	}
	taken := filepath.Join(t.TempDir(), "telemetry.jsonl")
	put(t, filepath.Dir(taken), "telemetry.jsonl", "kept\n")
	if _, _, err := NewSampler("testdata/hive", m, new(testClock).Now, TelemetryOptions{Hz: 1, File: taken}); err == nil {
		t.Error("a file that is there was written over")
	}
	if b, err := os.ReadFile(taken); err != nil || string(b) != "kept\n" {
		t.Errorf("the file now holds %q, %v", b, err)
	}
}

// A round allocates nothing once the list of samples has grown.
func TestRoundAllocates(t *testing.T) {
	root := copyTree(t, "hive")
	s := &TelemetrySampler{now: new(testClock).Now, period: time.Second, samples: make([]sample, 0, 1<<12)}
	var err error
	if s.tree, err = openTree(root); err != nil {
		t.Fatal(err)
	}
	s.openDevices(Read(root), TelemetryOptions{})
	defer s.closeSensors()
	if s.file, err = openTelemetry(filepath.Join(t.TempDir(), "t.jsonl"), nil); err != nil {
		t.Fatal(err)
	}
	n := testing.AllocsPerRun(50, func() {
		s.round(0)
		s.flush()
	})
	if n > 0 || len(s.samples) < 4*50 {
		t.Errorf("%v allocations a round, %d samples", n, len(s.samples))
	}
}

// BenchmarkRound is what one round of four cards costs: at 10 Hz ten of them
// must take less than 0.5 % of a second of CPU time, 500 µs each.
func BenchmarkRound(b *testing.B) {
	start := time.Now()
	elapsed := func() time.Duration { return time.Since(start) }
	s := &TelemetrySampler{now: elapsed, period: time.Second}
	var err error
	if s.tree, err = openTree("testdata/hive"); err != nil {
		b.Fatal(err)
	}
	s.openDevices(Read("testdata/hive"), TelemetryOptions{})
	defer s.closeSensors()
	if s.file, err = openTelemetry(filepath.Join(b.TempDir(), "t.jsonl"), nil); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		s.round(0)
		s.samples = s.samples[:0]
	}
}

func TestTelemetryResume(t *testing.T) {
	name := filepath.Join(t.TempDir(), "telemetry.jsonl")
	keep := `{"t":0.5,"device":"a"}` + "\n" + `{"t":1.5,"device":"a"}` + "\n"
	for what, rest := range map[string]string{
		"later than the resumed clock": `{"t":2.5,"device":"a"}` + "\n" + `{"t":1.0,"device":"a"}` + "\n",
		"cut short":                    `{"t":1.7,"devi`,
		"not ours":                     "hello\n",
		"without a time":               "{}\n",
		"":                             "",
	} {
		if err := os.WriteFile(name, []byte(keep+rest), 0o644); err != nil {
			t.Fatal(err)
		}
		w, err := openTelemetry(name, ptr(2*time.Second))
		if err != nil {
			t.Fatal(err)
		}
		s := reading(2.25, 0, 0, powerW, 12.5)
		w.add(&device{name: "b", kind: kindGPU}, &s)
		if err := w.close(); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(name)
		if want := keep + `{"t":2.250000,"device":"b","kind":"gpu","power_w":12.5}` + "\n"; err != nil || string(got) != want {
			t.Errorf("%s: file %q, %v, want %q", what, got, err, want)
		}
	}
	// A run whose first part had no telemetry.
	if err := os.Remove(name); err != nil {
		t.Fatal(err)
	}
	if w, err := openTelemetry(name, ptr(time.Second)); err != nil || w.close() != nil {
		t.Error(err)
	}
}

// A full disk is the file's error, once, and the sampling goes on.
func TestTelemetryFullDisk(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	w := &telemetryFile{file: full}
	s := reading(1, 0, 0, powerW, 1.0)
	w.add(&device{name: "a"}, &s)
	first := w.flush()
	if first == nil || !strings.Contains(first.Error(), "no space left") {
		t.Errorf("flush: %v", first)
	}
	w.add(&device{name: "a"}, &s)
	if again := w.close(); again == nil || again.Error() != first.Error() {
		t.Errorf("close: %v, want the first error", again)
	}
}

func TestPowerSensors(t *testing.T) {
	root := copyTree(t, "hive")
	rapl(t, root, "1\n")
	drop(t, root, hwmon0+"power1_average")
	names, notes := PowerSensors(root, Read(root), nil)
	if d := cmp.Diff([]string{"0000:a3:00.0", "0000:c3:00.0", "0000:e3:00.0", "package-0"}, names); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"0000:83:00.0 (AMD Instinct MI100): no power sensor"}, notes); d != "" {
		t.Error(d)
	}
	drop(t, root, "sys/class/powercap/intel-rapl:0/max_energy_range_uj")
	if names, notes = PowerSensors(root, Read(root), nil); len(names) != 3 || len(notes) != 2 || !strings.Contains(notes[1], "package-0") {
		t.Errorf("a counter without its range: %q, %q", names, notes)
	}
}
