package hip

import (
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseDPM(t *testing.T) {
	tests := []struct {
		name, text string
		want       *DPM
	}{
		{"blanks behind the levels", "0: 300Mhz \n1: 495Mhz *\n2: 731Mhz \n", &DPM{[]int{300, 495, 731}, 1}},
		{"upper case", "0: 600MHz *\n", &DPM{[]int{600}, 0}},
		{"no star", "0: 300Mhz\n", &DPM{[]int{300}, -1}},
		{"unavailable", "unavailable\n", nil},
		{"garbage", "*\n: \n0: Mhz\n0 300Mhz\n-1Mhz\n", nil},
		{"a level too large", "0: 99999999Mhz *\n1: 1200Mhz *\n", &DPM{[]int{1200}, 0}},
		{"empty", "", nil},
	}
	for _, tt := range tests {
		if d := cmp.Diff(tt.want, parseDPM(tt.text)); d != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, d)
		}
	}
}

func TestSmallParsers(t *testing.T) {
	for version, want := range map[uint64]string{90008: "gfx908", 90010: "gfx90a", 90402: "gfx942", 110501: "gfx1151", 0: "", 1 << 40: ""} {
		if got := archName(version); got != want {
			t.Errorf("archName(%d) = %q, want %q", version, got, want)
		}
	}
	for _, c := range []struct {
		domain, location uint64
		want             string
	}{{0, 8960, "0000:23:00.0"}, {0, 0xc3 << 8, "0000:c3:00.0"}, {0x10001, 0x0109, "10001:01:01.1"}, {0, 1 << 20, ""}} {
		if got := pciAddress(c.domain, c.location); got != c.want {
			t.Errorf("pciAddress(%d, %d) = %q, want %q", c.domain, c.location, got, c.want)
		}
	}
	for text, want := range map[string]float64{"16.0 GT/s PCIe": 16, "2.5 GT/s": 2.5, "Unknown": 0, "": 0, "-8 GT/s PCIe": 0, "NaN GT/s": 0, "8 Gb/s": 0} {
		if got := parseSpeed(text); got != want {
			t.Errorf("parseSpeed(%q) = %v, want %v", text, got, want)
		}
	}
	for text, want := range map[string]string{
		"DRIVER=amdgpu\nPCI_SLOT_NAME=0000:A3:00.0\n": "0000:a3:00.0", "PCI_SLOT_NAME=../../etc\n": "", "": "", "PCI_SLOT_NAME=0000:83:00\n": "",
	} {
		if got := parseSlot(text); got != want {
			t.Errorf("parseSlot(%q) = %q, want %q", text, got, want)
		}
	}
	for text, want := range map[string]string{"always [madvise] never": "madvise", "always": "", "[": "", "[never]": "never"} {
		if got := parseChoice(text); got != want {
			t.Errorf("parseChoice(%q) = %q, want %q", text, got, want)
		}
	}
	for text, want := range map[string]int64{"0\n": 0, "290000000\n": 290000000, "-5 \n": -5, "12\x00": 12} {
		if got, ok := parseDigits([]byte(text)); !ok || got != want {
			t.Errorf("parseDigits(%q) = %d, %v, want %d", text, got, ok, want)
		}
	}
	for _, text := range []string{"", "-", "1 2", "0x10", "N/A", "9999999999999999999"} {
		if got, ok := parseDigits([]byte(text)); ok {
			t.Errorf("parseDigits(%q) = %d, want none", text, got)
		}
	}
}

func TestThrottle(t *testing.T) {
	table, err := os.ReadFile("testdata/hive/sys/class/drm/card0/device/gpu_metrics")
	if err != nil {
		t.Fatal(err)
	}
	if s, ok := parseThrottle(table); !ok || s != 0 || s.Reasons() != nil {
		t.Errorf("the sample: %v, %v, %q", s, ok, s.Reasons())
	}
	for bit, want := range map[int]string{0: "power", 7: "power", 16: "current", 23: "current", 32: "temperature", 47: "temperature", 57: "voltage or fit"} {
		if got := (Throttle(1) << bit).Reasons(); len(got) != 1 || got[0] != want {
			t.Errorf("bit %d: %q, want %q", bit, got, want)
		}
	}
	if got := (Throttle(1)<<8 | 1<<24 | 1<<48 | 1<<63).Reasons(); got != nil {
		t.Errorf("bits of no group: %q", got)
	}
	binary.LittleEndian.PutUint64(table[112:], 1<<0|1<<36)
	if s, ok := parseThrottle(table); !ok || !cmp.Equal(s.Reasons(), []string{"power", "temperature"}) {
		t.Errorf("two reasons: %q, %v", s.Reasons(), ok)
	}
	none := append([]byte(nil), table...)
	binary.LittleEndian.PutUint64(none[112:], math.MaxUint64)
	old := append([]byte(nil), table...)
	old[3] = 1
	for name, b := range map[string][]byte{"not supported": none, "format 1.1": old, "cut short": table[:119], "empty": nil} {
		if _, ok := parseThrottle(b); ok {
			t.Errorf("%s: read", name)
		}
	}
}

// The accumulator is there in format 1.3 alone, and only where it counts.
func TestAccumulator(t *testing.T) {
	table, err := os.ReadFile("testdata/hive/sys/class/drm/card0/device/gpu_metrics")
	if err != nil {
		t.Fatal(err)
	}
	binary.LittleEndian.PutUint64(table[24:], 1_000_000)
	if joules, ok := parseAccumulator(table); !ok || math.Abs(joules-15.259) > 1e-9 {
		t.Errorf("%v J, %v", joules, ok)
	}
	for name, raw := range map[string]uint64{"not supported": math.MaxUint64, "counts nothing": 0} {
		binary.LittleEndian.PutUint64(table[24:], raw)
		if _, ok := parseAccumulator(table); ok {
			t.Errorf("%s: read", name)
		}
	}
	if _, ok := parseAccumulator(table[:100]); ok {
		t.Error("cut short: read")
	}
}

// A counter that wraps loses nothing, and a missed reading is made up for.
func TestCounter(t *testing.T) {
	c := counter{top: 100}
	steps := []struct{ t, read, total, watts float64 }{
		{0, 90, 0, math.NaN()},
		{1, 95, 5, 5},
		{2, 5, 15, 10}, // around
		{3, math.NaN(), math.NaN(), math.NaN()},
		{4, 25, 35, 10},
		{4, 26, 35, math.NaN()}, // no time has passed
	}
	for i, s := range steps {
		total, watts := c.update(s.t, s.read)
		same := func(a, b float64) bool { return a == b || math.IsNaN(a) && math.IsNaN(b) }
		if !same(total, s.total) || !same(watts, s.watts) {
			t.Errorf("step %d: %v J, %v W, want %v, %v", i, total, watts, s.total, s.watts)
		}
	}
}

// FuzzParsers feeds one text to every parser of text: none may panic, and
// what they return must be usable as it stands.
func FuzzParsers(f *testing.F) {
	for _, seed := range []string{"0: 300Mhz *\n1: 495Mhz \n", "16.0 GT/s PCIe", "hive_id 18446744073709551615\nsimd_count 480\n",
		"PCI_SLOT_NAME=0000:83:00.0\n", "738C,\t01,\tAMD Instinct MI100\n", "always [madvise] never", "-17\n", "unavailable", "\x00\xff"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if d := parseDPM(text); d != nil && (len(d.LevelsMHz) == 0 || d.Current < -1 || d.Current >= len(d.LevelsMHz)) {
			t.Errorf("parseDPM: %+v", d)
		}
		if v := parseSpeed(text); !(v >= 0 && v < 1000) {
			t.Errorf("parseSpeed: %v", v)
		}
		if s := parseSlot(text); s != "" && !isPCI(s) {
			t.Errorf("parseSlot: %q", s)
		}
		for _, name := range parseIDs(text) {
			if name == "" || name != clean(name) {
				t.Errorf("parseIDs: %q", name)
			}
		}
		if c := parseChoice(text); c != clean(c) {
			t.Errorf("parseChoice: %q", c)
		}
		parseThrottle([]byte(text))
		parseDigits([]byte(text))
		p := parseProperties(text)
		n := kfdNode{props: p, banks: []map[string]uint64{p}, links: []map[string]uint64{p}, name: clean(text)}
		if g, ok := n.gpu(); ok {
			if g.VRAM < 0 || g.CUs < 0 || g.ClockMHz < 0 || g.BandwidthGBs != nil && !(*g.BandwidthGBs > 0) {
				t.Errorf("gpu: %+v", g)
			}
			m := Machine{GPUs: []GPU{g, g}}
			m.Links = links([]kfdNode{n}, m.GPUs)
			m.XGMI()
			m.LinkSummary()
			m.Summary()
		}
		for _, c := range candidates("/nonexistent", runtimeName, "", text) {
			if c == "" {
				t.Error("an empty candidate")
			}
		}
	})
}

// FuzzTree puts one text into every kind of file of a card: the reader, the
// sampler's and the state's included, may not panic.
func FuzzTree(f *testing.F) {
	f.Add("0\n", "1: 2Mhz *\n")
	f.Add("290000000\n", "hive_id 1\nsimd_count 4\nsimd_per_cu 4\nlocation_id 8960\n")
	root := f.TempDir()
	if err := os.CopyFS(root, os.DirFS("testdata/hive")); err != nil {
		f.Fatal(err)
	}
	for _, other := range []string{"drm/card1", "drm/card2", "drm/card3", "kfd/kfd/topology/nodes/2", "kfd/kfd/topology/nodes/3", "kfd/kfd/topology/nodes/4"} {
		if err := os.RemoveAll(filepath.Join(root, "sys/class", other)); err != nil { // one card is enough, and quicker
			f.Fatal(err)
		}
	}
	put(f, root, "sys/class/powercap/intel-rapl:0/name", "package-0\n")
	f.Fuzz(func(t *testing.T, number, properties string) {
		for _, name := range []string{"mem_info_vram_used", "hwmon/hwmon4/power1_cap", "hwmon/hwmon4/power1_average", "hwmon/hwmon4/temp1_label",
			"gpu_metrics", "uevent", "pp_dpm_sclk", "current_link_speed", "numa_node"} {
			put(t, root, card0+name, number)
		}
		put(t, root, node1+"properties", properties)
		put(t, root, node1+"mem_banks/0/properties", properties)
		put(t, root, node1+"io_links/1/properties", properties)
		put(t, root, kfdTopology+"/generation_id", number)
		put(t, root, "sys/class/powercap/intel-rapl:0/energy_uj", number)
		put(t, root, "sys/class/powercap/intel-rapl:0/max_energy_range_uj", number)
		put(t, root, "proc/cmdline", properties)
		m := Read(root)
		for _, g := range m.GPUs {
			if g.Name == "" || g.VRAM < 0 {
				t.Errorf("%+v", g)
			}
		}
		PowerSensors(root, m, nil)
		ReadState(root, 0)
	})
}
