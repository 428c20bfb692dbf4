package hip

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"ceiling/internal/machine"

	"github.com/google/go-cmp/cmp"
)

func TestKFDEdges(t *testing.T) {
	t.Run("a GPU that the control group hides", func(t *testing.T) {
		root := copyTree(t, "hive")
		drop(t, root, "sys/class/kfd/kfd/topology/nodes/3/properties")
		m := Read(root)
		if len(m.GPUs) != 3 || len(m.Links) != 6 {
			t.Errorf("%d GPUs and %d links, want 3 and 6", len(m.GPUs), len(m.Links))
		}
		// The three others still say that they are of one hive.
		if got, want := m.XGMI(), "Present (hive_id 0xb868aeba19fb5cee)"; got != want {
			t.Errorf("xGMI %q, want %q", got, want)
		}
	})
	t.Run("no KFD: the DRM cards alone", func(t *testing.T) {
		root := copyTree(t, "hive")
		drop(t, root, "sys/class/kfd")
		m := Read(root)
		if got, want := m.Summary(), "4× AMD Instinct MI100"; got != want {
			t.Errorf("summary %q, want %q", got, want)
		}
		if g := m.GPUs[0]; g.Node != -1 || g.VRAM != 34342961152 || g.HiveID != 0xb868aeba19fb5cee {
			t.Errorf("first GPU %+v", g)
		}
	})
	t.Run("links by way of the CPU and across sockets", func(t *testing.T) {
		root := copyTree(t, "hive")
		put(t, root, node1+"io_links/1/properties", "type 2\nnode_from 1\nnode_to 2\nweight 52\n")
		put(t, root, node1+"p2p_links/0/properties", "type 2\nnode_from 1\nnode_to 2\nweight 40\n")
		put(t, root, node1+"io_links/2/properties", "type 11\nnode_from 1\nnode_to 3\nweight 30\n")
		put(t, root, node1+"io_links/3/properties", "type 1\nnode_from 1\nnode_to 4\nweight 7\n")
		put(t, root, node1+"io_links/4/properties", "type 2\nweight 1\n")                    // no end
		put(t, root, node1+"io_links/5/properties", "type 2\nnode_to 99\nweight 1\n")        // to nowhere
		put(t, root, node1+"io_links/6/properties", "type 2\nnode_to 1\nweight 1\n")         // to itself
		put(t, root, node1+"io_links/x/properties", "type 11\nnode_to 2\nweight 1\n")        // not a link
		put(t, root, "sys/class/kfd/kfd/topology/nodes/9/properties", "simd_count banana\n") // not a node of ours
		var got []Link
		for _, l := range Read(root).Links {
			if l.From == 0 {
				got = append(got, l)
			}
		}
		want := []Link{{0, 1, LinkPCIe, 0, 40}, {0, 2, LinkXGMI, 2, 30}, {0, 3, LinkOther, 0, 7}}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("links (-want +got):\n%s", d)
		}
	})
	t.Run("no such root", func(t *testing.T) {
		m := Read(filepath.Join(t.TempDir(), "absent"))
		if len(m.GPUs) != 0 || len(m.Notes) != 1 {
			t.Errorf("%+v", m)
		}
	})
	t.Run("a FIFO for the root", func(t *testing.T) {
		pipe := filepath.Join(t.TempDir(), "pipe")
		if err := syscall.Mkfifo(pipe, 0o644); err != nil {
			t.Fatal(err)
		}
		m := Read(pipe)
		if len(m.GPUs) != 0 || len(m.Notes) != 1 || !strings.Contains(m.Notes[0], "not a folder") {
			t.Errorf("%+v", m)
		}
	})
}

// A card that the driver's compute part left out is not counted as one to
// compute on, and not forgotten.
func TestLostCard(t *testing.T) {
	const nodes = "sys/class/kfd/kfd/topology/nodes/"
	for _, tt := range []struct {
		name, want string
		alter      func(root string)
	}{
		{"all there", "", func(string) {}},
		{"no node", "KFD lists 3 of 4 AMD GPUs, and not 0000:e3:00.0", func(root string) { drop(t, root, nodes+"4") }},
		{"an empty node", "KFD lists 3 of 4 AMD GPUs, and not 0000:e3:00.0", func(root string) { put(t, root, nodes+"4/properties", "") }},
		{"hidden from DRM too", "KFD lists 3 of 4 AMD GPUs", func(root string) {
			put(t, root, nodes+"4/properties", "")
			drop(t, root, "sys/class/drm/card3")
		}},
		{"no KFD at all", "", func(root string) { drop(t, root, "sys/class/kfd") }},
		{"a card that only shows a picture", "", func(root string) {
			put(t, root, "sys/class/drm/card9/device/vendor", "0x1002\n")
			put(t, root, "sys/class/drm/card9/device/uevent", "DRIVER=radeon\nPCI_SLOT_NAME=0000:02:00.0\n")
		}},
		{"a processor's GPU that KFD does not know", "", func(root string) {
			put(t, root, "sys/class/drm/card9/device/vendor", "0x1002\n")
			put(t, root, "sys/class/drm/card9/device/uevent", "PCI_SLOT_NAME=0000:13:00.0\n")
			put(t, root, "sys/class/drm/card9/device/gpu_metrics", "\x80\x00\x02\x02")
		}},
	} {
		root := copyTree(t, "hive")
		tt.alter(root)
		if got := Read(root).Missing(nil); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
	bus := []PCIDevice{{Address: "0000:83:00.0", Vendor: vendorAMD}, {Address: "0000:07:00.0", Vendor: vendorAMD}, {Address: "0000:01:00.0", Vendor: 0x1a03},
		{Address: "0000:02:00.0", Vendor: vendorAMD, Driver: "radeon"}}
	if got, want := Read("testdata/hive").Missing(bus), "KFD lists 4 of 5 AMD GPUs, and not 0000:07:00.0"; got != want {
		t.Errorf("on the bus alone: %q, want %q", got, want)
	}
}

// withIntegrated is the hive and the GPU of its processor.
func withIntegrated(t *testing.T) string {
	t.Helper()
	root := copyTree(t, "hive")
	const node = "sys/class/kfd/kfd/topology/nodes/5/"
	put(t, root, node+"gpu_id", "12345\n")
	put(t, root, node+"name", "raphael\n")
	put(t, root, node+"properties", "cpu_cores_count 0\nsimd_count 4\nsimd_per_cu 2\ngfx_target_version 100306\nvendor_id 4098\ndevice_id 5710\nlocation_id 4864\ndomain 0\nhive_id 0\nnum_sdma_xgmi_engines 0\n")
	put(t, root, node+"mem_banks/0/properties", "heap_type 1\nsize_in_bytes 34359738368\nwidth 128\nmem_clk_max 2400\n") // borrowed memory
	put(t, root, node+"p2p_links/0/properties", "type 2\nnode_from 5\nnode_to 1\nweight 40\n")
	put(t, root, node1+"p2p_links/0/properties", "type 2\nnode_from 1\nnode_to 5\nweight 40\n")
	const card = "sys/class/drm/card4/device/"
	put(t, root, card+"vendor", "0x1002\n")
	put(t, root, card+"uevent", "PCI_SLOT_NAME=0000:13:00.0\n")
	put(t, root, card+"mem_info_vram_total", "536870912\n")
	put(t, root, card+"mem_info_gtt_total", "33822867456\n")
	return root
}

func TestIntegratedGPU(t *testing.T) {
	m := Read(withIntegrated(t))
	if len(m.GPUs) != 5 || len(m.Cards()) != 4 {
		t.Fatalf("%d GPUs, %d cards", len(m.GPUs), len(m.Cards()))
	}
	if g := m.GPUs[4]; !g.Integrated || g.VRAM != 512<<20 || g.Name != "AMD raphael" || g.BandwidthGBs != nil {
		t.Errorf("%+v", g)
	}
	for got, want := range map[string]string{
		m.XGMI():        "Present (hive_id 0xb868aeba19fb5cee)",
		m.LinkSummary(): "xGMI, 1 hop, between every pair",
		m.Summary():     "4× AMD Instinct MI100 (gfx908), 1× AMD raphael (gfx1036, integrated)",
		m.Missing(nil):  "",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// A chip that the driver knows by its blocks alone has no name in KFD.
func TestIPDiscovery(t *testing.T) {
	m := Read("testdata/7900xtx")
	if len(m.GPUs) != 1 || m.GPUs[0].Name != "AMD GPU 1002:744c" || m.GPUs[0].Arch != "gfx1100" || m.GPUs[0].VRAM != 24<<30 || m.GPUs[0].BandwidthGBs != nil {
		t.Errorf("%+v", m.GPUs)
	}
	root := copyTree(t, "7900xtx")
	put(t, root, "usr/share/libdrm/amdgpu.ids", "744C,\t00,\tAMD Radeon RX 7900 XTX\n")
	if got := Read(root).GPUs[0].Name; got != "AMD Radeon RX 7900 XTX" {
		t.Errorf("with libdrm's list: %q", got)
	}
}

// Bandwidths as the makers state them: 4 transfers a clock from HBM3 on.
func TestBandwidth(t *testing.T) {
	for _, tt := range []struct {
		card                string
		version, width, clk uint64
		gbs                 float64
	}{
		{"MI100, HBM2", 90008, 4096, 1200, 1228.8},
		{"MI210, HBM2E", 90010, 4096, 1600, 1638.4},
		{"MI300X, HBM3", 90402, 8192, 1300, 5324.8},
		{"MI325X, HBM3E", 90402, 8192, 1500, 6144},
		{"MI355X, HBM3E", 90500, 8192, 2000, 8192},
	} {
		n := kfdNode{props: map[string]uint64{"simd_count": 4, "gfx_target_version": tt.version},
			banks: []map[string]uint64{{"heap_type": 1, "width": tt.width, "mem_clk_max": tt.clk}}}
		if g, _ := n.gpu(); g.BandwidthGBs == nil || *g.BandwidthGBs != tt.gbs {
			t.Errorf("%s: %+v, want %v", tt.card, g.BandwidthGBs, tt.gbs)
		}
	}
}

func TestXGMI(t *testing.T) {
	gpu := func(hive ID) GPU { return GPU{HiveID: hive, XGMI: true} }
	for want, gpus := range map[string][]GPU{
		"":                                   {{}, {}},
		"Present (hive_id 0x5)":              {gpu(5), gpu(5)},
		"Present (hive_id 0x5: 2 of 3 GPUs)": {gpu(5), gpu(0), gpu(5)},
		"Present (hive_id 0x5: 1 of 2 GPUs, hive_id 0xffffffffffffffff: 1 of 2 GPUs)": {gpu(1<<64 - 1), gpu(5)},
		"Not present (no bridge: hive_id 0)":                                          {gpu(0), gpu(0)},
	} {
		if got := (Machine{GPUs: gpus}).XGMI(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestLinkSummary(t *testing.T) {
	three := []GPU{{}, {}, {}}
	x := func(from, to int) Link { return Link{From: from, To: to, Type: LinkXGMI, Hops: 1} }
	for want, m := range map[string]Machine{
		"":                                {GPUs: three},
		"xGMI, 1 hop, between every pair": {GPUs: three, Links: []Link{x(0, 1), x(0, 2), x(1, 0), x(1, 2), x(2, 0), x(2, 1)}},
		"PCIe: 1 of 3 pairs; xGMI, 2 hops: 1 of 3 pairs": {GPUs: three, Links: []Link{
			{From: 0, To: 1, Type: LinkPCIe, Weight: 40}, {From: 1, To: 2, Type: LinkXGMI, Hops: 2}}},
	} {
		if got := m.LinkSummary(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestDescribe(t *testing.T) {
	got := machine.System{CPU: "kept"}
	Read("testdata/hive").Describe(&got)
	if len(got.Cards) != 4 {
		t.Fatalf("%d cards", len(got.Cards))
	}
	card := machine.Card{Name: "AMD Instinct MI100", Arch: "gfx908", PCI: "0000:83:00.0", VRAMBytes: 34342961152, BandwidthGBs: ptr(1228.8),
		ComputeUnits: 120, MaxClockMHz: 1502, PowerCapW: ptr(290.0), PowerCapDefaultW: ptr(290.0), PCIe: "16 GT/s ×16 (the GPU's own link)",
		HiveID: "0xb868aeba19fb5cee", UniqueID: "0x79ccd55167a2124a", VBIOS: "113-D3431401-101"}
	if d := cmp.Diff(card, got.Cards[0]); d != "" {
		t.Errorf("card (-want +got):\n%s", d)
	}
	got.Cards = nil
	want := machine.System{CPU: "kept", GPUs: "4× AMD Instinct MI100 (gfx908)", ROCkModule: "6.16.13", ROCm: "7.2.1",
		XGMI: "Present (hive_id 0xb868aeba19fb5cee)", GPULinks: "xGMI, 1 hop, between every pair"}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("system (-want +got):\n%s", d)
	}
	none := machine.System{GPUs: "1× NVIDIA"}
	Read(t.TempDir()).Describe(&none)
	if d := cmp.Diff(machine.System{GPUs: "1× NVIDIA"}, none); d != "" {
		t.Errorf("an empty tree (-want +got):\n%s", d)
	}
}

// pciTree is a GPU below a bridge of its own board, below a switch of the
// host, as sysfs links them.
func pciTree(t *testing.T) string {
	root := copyTree(t, "hive")
	const host = "sys/devices/pci0000:80/"
	root1, sw, up, down, gpu := host+"0000:80:01.1/", host+"0000:80:01.1/0000:7e:00.0/", host+"0000:80:01.1/0000:7e:00.0/0000:81:00.0/",
		host+"0000:80:01.1/0000:7e:00.0/0000:81:00.0/0000:82:00.0/", host+"0000:80:01.1/0000:7e:00.0/0000:81:00.0/0000:82:00.0/0000:83:00.0/"
	for dir, v := range map[string][3]string{
		root1: {"0x1022", "16.0", "16"}, sw: {"0x10b5", "16.0", "16"}, up: {"0x1002", "8.0", "8"}, down: {"0x1002", "16.0", "16"}, gpu: {"0x1002", "16.0", "16"},
	} {
		put(t, root, dir+"vendor", v[0]+"\n")
		put(t, root, dir+"current_link_speed", v[1]+" GT/s PCIe\n")
		put(t, root, dir+"current_link_width", v[2]+"\n")
		put(t, root, dir+"max_link_speed", "16.0 GT/s PCIe\n")
		put(t, root, dir+"max_link_width", "16\n")
	}
	link(t, root, "sys/bus/pci/devices/0000:83:00.0", "../../../devices/pci0000:80/0000:80:01.1/0000:7e:00.0/0000:81:00.0/0000:82:00.0/0000:83:00.0")
	return root
}

// The GPU's own link is that to the bridge on its board: what counts is the
// board's upstream port, and a slower link above it.
func TestPCIeUpstreamPort(t *testing.T) {
	want := &PCIeLink{Port: "0000:81:00.0", SpeedGTs: 8, Width: 8, MaxGTs: 16, MaxWidth: 16}
	t.Run("the board's own port", func(t *testing.T) {
		if d := cmp.Diff(want, Read(pciTree(t)).GPUs[0].PCIe); d != "" {
			t.Errorf("(-want +got):\n%s", d)
		}
	})
	t.Run("the path by way of the card's link", func(t *testing.T) {
		root := pciTree(t)
		drop(t, root, "sys/bus")
		card := filepath.Join(root, "sys/devices/pci0000:80/0000:80:01.1/0000:7e:00.0/0000:81:00.0/0000:82:00.0/0000:83:00.0/drm/card0")
		if err := os.MkdirAll(filepath.Dir(card), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(filepath.Join(root, "sys/class/drm/card0"), card); err != nil {
			t.Fatal(err)
		}
		// As in sysfs: class/drm/card0 and card0/device are links.
		for _, name := range []string{"uevent", "unique_id", "vendor", "current_link_speed", "current_link_width"} {
			b, err := os.ReadFile(filepath.Join(card, "device", name))
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(card, "../..", name), b, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.RemoveAll(filepath.Join(card, "device")); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink("../..", filepath.Join(card, "device")); err != nil {
			t.Fatal(err)
		}
		link(t, root, "sys/class/drm/card0", "../../devices/pci0000:80/0000:80:01.1/0000:7e:00.0/0000:81:00.0/0000:82:00.0/0000:83:00.0/drm/card0")
		g := Read(root).GPUs[0]
		if d := cmp.Diff(want, g.PCIe); d != "" || g.Card != "card0" {
			t.Errorf("card %q (-want +got):\n%s", g.Card, d)
		}
	})
	t.Run("a slower link in the host", func(t *testing.T) {
		root := pciTree(t)
		put(t, root, "sys/devices/pci0000:80/0000:80:01.1/current_link_width", "1\n")
		if got := Read(root).GPUs[0].PCIe; got == nil || got.Port != "0000:80:01.1" || got.Width != 1 {
			t.Errorf("link %+v, want that of the root port", got)
		}
	})
	t.Run("a card without a bridge", func(t *testing.T) {
		root := pciTree(t)
		for _, v := range []string{"0000:81:00.0/vendor", "0000:81:00.0/0000:82:00.0/vendor"} {
			put(t, root, "sys/devices/pci0000:80/0000:80:01.1/0000:7e:00.0/"+v, "0x8086\n")
		}
		// Its own link is the slot's; the slowest is still above it.
		if got := Read(root).GPUs[0].PCIe; got == nil || got.Port != "0000:81:00.0" {
			t.Errorf("link %+v", got)
		}
	})
}

func TestROCmPrefixes(t *testing.T) {
	for name, tt := range map[string]struct {
		files map[string]string
		want  string
	}{
		"old":           {map[string]string{"opt/rocm/.info/version-rocm": "5.7.1-98\n"}, "5.7.1-98"},
		"several":       {map[string]string{"opt/rocm-6.3.3/.info/version": "6.3.3-74\n", "opt/rocm-6.1.0/.info/version": "6.1.0-1\n"}, "6.3.3-74"},
		"TheRock":       {map[string]string{"opt/rocm/core-7.12/.info/version": "7.12.0\n"}, "7.12.0"},
		"none":          {map[string]string{"opt/other/.info/version": "1\n"}, ""},
		"the link wins": {map[string]string{"opt/rocm/.info/version": "7.2.1-81\n", "opt/rocm-9/.info/version": "9\n"}, "7.2.1-81"},
	} {
		root := t.TempDir()
		for file, text := range tt.files {
			put(t, root, file, text)
		}
		if got := Read(root).ROCm; got != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
}

func TestDriverText(t *testing.T) {
	for want, d := range map[string]DriverInfo{
		"":                       {Kernel: "6.8"},
		"6.16.13":                {Loaded: true, Version: "6.16.13", Kernel: "6.8"},
		"in-tree, kernel 6.12.1": {Loaded: true, SrcVersion: "ABC", Kernel: "6.12.1"},
		"in-tree":                {Loaded: true},
	} {
		if got := d.Text(); got != want {
			t.Errorf("%+v: %q, want %q", d, got, want)
		}
	}
}

// What was read while the topology changed is read again, three times at most.
func TestSettled(t *testing.T) {
	for _, tt := range []struct {
		generations string // as they are asked for, one letter each
		want        bool
		reads       int
	}{{"aa", true, 1}, {"abbb", true, 2}, {"abbccc", true, 3}, {"abcdef", false, 3}} {
		asked, reads := 0, 0
		got := settled(func() string { asked++; return tt.generations[asked-1 : asked] }, func() { reads++ })
		if got != tt.want || reads != tt.reads {
			t.Errorf("%s: %v after %d reads, want %v after %d", tt.generations, got, reads, tt.want, tt.reads)
		}
	}
}
