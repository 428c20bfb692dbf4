package hip

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// A copied tree may be altered by the test.
func copyTree(t *testing.T, from string) string {
	t.Helper()
	root := t.TempDir()
	if err := os.CopyFS(root, os.DirFS(filepath.Join("testdata", from))); err != nil {
		t.Fatal(err)
	}
	return root
}

// put writes a file below root, making its folders.
func put(t testing.TB, root, name, content string) {
	t.Helper()
	full := filepath.Join(root, name)
	if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(full, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

// drop removes a file or folder of the tree, which must be there.
func drop(t *testing.T, root, name string) {
	t.Helper()
	full := filepath.Join(root, name)
	if _, err := os.Lstat(full); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(full); err != nil {
		t.Fatal(err)
	}
}

func link(t *testing.T, root, name, to string) {
	t.Helper()
	full := filepath.Join(root, name)
	if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(to, full); err != nil {
		t.Fatal(err)
	}
}

func ptr[T any](v T) *T { return &v }

var unexported = cmpopts.IgnoreUnexported(GPU{})

const (
	node1  = "sys/class/kfd/kfd/topology/nodes/1/"
	card0  = "sys/class/drm/card0/device/"
	hwmon0 = card0 + "hwmon/hwmon4/"
)

// The first card of the hive, every number as it is in the sample files.
func hiveCard0() GPU {
	return GPU{
		Node: 1, KFDID: 42700, Name: "AMD Instinct MI100", Arch: "gfx908", PCI: "0000:83:00.0", Device: 0x738c,
		Card: "card0", Render: "/dev/dri/renderD128", UniqueID: 0x79ccd55167a2124a, HiveID: 0xb868aeba19fb5cee, XGMI: true,
		NUMANode: ptr(0), VBIOS: "113-D3431401-101", PerfMode: "auto",
		VRAM: 34342961152, VRAMUsed: ptr(int64(6750208)), BandwidthGBs: ptr(1228.8), CUs: 120, ClockMHz: 1502, MemClockMHz: 1200,
		SCLK: &DPM{LevelsMHz: []int{300, 495, 731, 962, 1029, 1087, 1147, 1189, 1235, 1283, 1319, 1363, 1404, 1430, 1472, 1502}},
		MCLK: &DPM{LevelsMHz: []int{1200}}, PowerCapW: ptr(290.0), PowerCapDefaultW: ptr(290.0),
		PCIe: &PCIeLink{Port: "0000:83:00.0", SpeedGTs: 16, Width: 16, MaxGTs: 16, MaxWidth: 16, Inner: true},
	}
}

func TestReadHive(t *testing.T) {
	m := Read("testdata/hive")
	if len(m.GPUs) != 4 {
		t.Fatalf("%d GPUs, want 4", len(m.GPUs))
	}
	if d := cmp.Diff(hiveCard0(), m.GPUs[0], unexported); d != "" {
		t.Errorf("first GPU (-want +got):\n%s", d)
	}
	var pci, cards []string
	for _, g := range m.GPUs {
		pci, cards = append(pci, g.PCI), append(cards, g.Card)
	}
	if d := cmp.Diff([]string{"0000:83:00.0", "0000:a3:00.0", "0000:c3:00.0", "0000:e3:00.0"}, pci); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"card0", "card1", "card2", "card3"}, cards); d != "" {
		t.Error(d)
	}
	// Every ordered pair, one hop; the links to the CPU's node are none.
	if len(m.Links) != 12 {
		t.Errorf("%d links, want 12", len(m.Links))
	}
	for _, l := range m.Links {
		if want := (Link{From: l.From, To: l.To, Type: LinkXGMI, Hops: 1, Weight: 15}); l != want || l.From == l.To {
			t.Errorf("link %+v, want %+v", l, want)
		}
	}
	if d := cmp.Diff(DriverInfo{Loaded: true, Version: "6.16.13"}, m.Driver); d != "" {
		t.Error(d)
	}
	if m.ROCm != "7.2.1-81" || m.Release() != "7.2.1" {
		t.Errorf("ROCm %q, release %q", m.ROCm, m.Release())
	}
	if len(m.Notes) != 0 {
		t.Errorf("notes %q", m.Notes)
	}
}

func TestReadNoBridge(t *testing.T) {
	m := Read("testdata/nobridge")
	want := Machine{GPUs: []GPU{{
		Node: 0, KFDID: 42700, Name: "AMD Instinct MI100", Arch: "gfx908", PCI: "0000:23:00.0", Device: 0x738c,
		Render: "/dev/dri/renderD128", UniqueID: 7809984429061111111, XGMI: true, CUs: 120, ClockMHz: 1502,
	}}}
	if d := cmp.Diff(want, m, unexported); d != "" {
		t.Errorf("machine (-want +got):\n%s", d)
	}
	if got, want := m.XGMI(), "Not present (no bridge: hive_id 0)"; got != want {
		t.Errorf("xGMI %q, want %q", got, want)
	}
}

// unusualTrees are alterations of the hive, and what they change of its first
// card.
var unusualTrees = []struct {
	name  string
	alter func(t *testing.T, root string)
	want  func(g *GPU) // what differs from the first card of the hive
}{
	{"a card without hwmon", func(t *testing.T, root string) { drop(t, root, card0+"hwmon") },
		func(g *GPU) { g.PowerCapW, g.PowerCapDefaultW = nil, nil }},
	{"hwmon of another driver", func(t *testing.T, root string) { put(t, root, hwmon0+"name", "nvme\n") },
		func(g *GPU) { g.PowerCapW, g.PowerCapDefaultW = nil, nil }},
	{"no DRM card", func(t *testing.T, root string) { drop(t, root, "sys/class/drm/card0") },
		func(g *GPU) {
			*g = GPU{Node: 1, KFDID: 42700, Name: g.Name, Arch: g.Arch, PCI: g.PCI, Device: g.Device, Render: g.Render, UniqueID: g.UniqueID,
				HiveID: g.HiveID, XGMI: true, VRAM: g.VRAM, BandwidthGBs: g.BandwidthGBs, CUs: 120, ClockMHz: 1502, MemClockMHz: 1200}
		}},
	{"no memory banks: VRAM from DRM", func(t *testing.T, root string) { drop(t, root, node1+"mem_banks") },
		func(g *GPU) { g.BandwidthGBs, g.MemClockMHz = nil, 0 }},
	{"64-bit hive and unique ids", func(t *testing.T, root string) {
		p := strings.ReplaceAll(read(t, root, node1+"properties"), "hive_id 13288062814879702254", "hive_id 18446744073709551615")
		put(t, root, node1+"properties", p)
	}, func(g *GPU) { g.HiveID = 1<<64 - 1 }},
	{"clocks unavailable", func(t *testing.T, root string) { put(t, root, card0+"pp_dpm_sclk", "unavailable\n") },
		func(g *GPU) { g.SCLK = nil }},
	{"no star at any level", func(t *testing.T, root string) { put(t, root, card0+"pp_dpm_mclk", "0: 600Mhz \n1: 1200MHz\n") },
		func(g *GPU) { g.MCLK = &DPM{LevelsMHz: []int{600, 1200}, Current: -1} }},
	{"a link that is down", func(t *testing.T, root string) { put(t, root, card0+"current_link_speed", "Unknown\n") },
		func(g *GPU) { g.PCIe = nil }},
	{"numa node -1", func(t *testing.T, root string) { put(t, root, card0+"numa_node", "-1\n") },
		func(g *GPU) { g.NUMANode = nil }},
	{"cap of 0", func(t *testing.T, root string) { put(t, root, hwmon0+"power1_cap", "0\n") },
		func(g *GPU) { g.PowerCapW = nil }},
	{"garbage in every file of the card", func(t *testing.T, root string) {
		for _, f := range []string{"mem_info_vram_used", "numa_node", "vbios_version", "power_dpm_force_performance_level",
			"pp_dpm_sclk", "pp_dpm_mclk", "current_link_width", "hwmon/hwmon4/power1_cap", "hwmon/hwmon4/power1_cap_default"} {
			put(t, root, card0+f, "\x00\xff -17 99999999999999999999999\n*\n")
		}
	}, func(g *GPU) {
		g.VRAMUsed, g.NUMANode, g.SCLK, g.MCLK, g.PCIe, g.PowerCapW, g.PowerCapDefaultW = nil, nil, nil, nil, nil, nil, nil
		g.VBIOS, g.PerfMode = "-17 99999999999999999999999", "-17 99999999999999999999999"
	}},
	{"a symlink loop for the card", func(t *testing.T, root string) {
		drop(t, root, card0+"hwmon")
		link(t, root, card0+"hwmon", "hwmon")
		drop(t, root, card0+"uevent")
		link(t, root, card0+"uevent", "uevent")
		drop(t, root, card0+"vbios_version")
		link(t, root, card0+"vbios_version", "../device/vbios_version")
	}, func(g *GPU) { g.PowerCapW, g.PowerCapDefaultW, g.VBIOS = nil, nil, "" }}, // found by its unique id
	{"a link out of the root", func(t *testing.T, root string) {
		drop(t, root, card0+"vbios_version")
		link(t, root, card0+"vbios_version", "/etc/hostname")
	}, func(g *GPU) { g.VBIOS = "" }},
	{"a FIFO in place of a file", func(t *testing.T, root string) {
		drop(t, root, card0+"vbios_version")
		if err := syscall.Mkfifo(filepath.Join(root, card0+"vbios_version"), 0o644); err != nil {
			t.Fatal(err)
		}
	}, func(g *GPU) { g.VBIOS = "" }},
	{"the first card is the BMC's", func(t *testing.T, root string) {
		if err := os.Rename(filepath.Join(root, "sys/class/drm/card0"), filepath.Join(root, "sys/class/drm/card7")); err != nil {
			t.Fatal(err)
		}
		put(t, root, "sys/class/drm/card0/device/vendor", "0x1a03\n")
		put(t, root, "sys/class/drm/card7-DP-1/status", "disconnected\n")
	}, func(g *GPU) { g.Card = "card7" }},
	{"libdrm's list of names", func(t *testing.T, root string) {
		put(t, root, "usr/share/libdrm/amdgpu.ids", "# List\n1.0.0\n738C,\t01,\tAMD Instinct MI100 of the list\n738C,\t02,\tother\nbad\n")
	}, func(g *GPU) { g.Name = "AMD Instinct MI100 of the list" }},
}

// Unusual trees give missing values and the rest of what is there.
func TestUnusualTrees(t *testing.T) {
	for _, tt := range unusualTrees {
		t.Run(tt.name, func(t *testing.T) {
			root := copyTree(t, "hive")
			tt.alter(t, root)
			m := Read(root)
			if len(m.GPUs) != 4 {
				t.Fatalf("%d GPUs, want 4", len(m.GPUs))
			}
			want := hiveCard0()
			tt.want(&want)
			if d := cmp.Diff(want, m.GPUs[0], unexported); d != "" {
				t.Errorf("first GPU (-want +got):\n%s", d)
			}
		})
	}
}

func read(t *testing.T, root, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
