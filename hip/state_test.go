package hip

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestReadState(t *testing.T) {
	root := copyTree(t, "hive")
	put(t, root, "proc/cmdline", "BOOT_IMAGE=/vmlinuz root=/dev/sda1 quiet\n")
	put(t, root, "proc/meminfo", "MemTotal: 263825000 kB\nMemAvailable:   1024 kB\n")
	put(t, root, "sys/kernel/mm/transparent_hugepage/enabled", "always [madvise] never\n")
	put(t, root, "sys/devices/system/node/node0/cpulist", "0\n")
	put(t, root, "sys/devices/system/node/node1/cpulist", "1\n")
	for dir, v := range map[string][3]string{"0000:83:00.0": {"0x038000", "0x1002", "0x738c"}, "0000:01:00.0": {"0x030000", "0x1a03", "0x2000"},
		"0000:02:00.0": {"0x020000", "0x8086", "0x1521"}} {
		put(t, root, "sys/bus/pci/devices/"+dir+"/class", v[0]+"\n")
		put(t, root, "sys/bus/pci/devices/"+dir+"/vendor", v[1]+"\n")
		put(t, root, "sys/bus/pci/devices/"+dir+"/device", v[2]+"\n")
	}
	link(t, root, "sys/bus/pci/devices/0000:83:00.0/driver", "../../../../bus/pci/drivers/amdgpu")
	put(t, root, "sys/class/kfd/kfd/proc/4711/vram_42700", "1073741824\n")
	put(t, root, "sys/class/kfd/kfd/proc/4711/vram_18221", "1073741824\n")
	put(t, root, "sys/class/kfd/kfd/proc/4711/sdma_42700", "7\n")
	put(t, root, "proc/4711/comm", "python3\n")
	put(t, root, "sys/class/kfd/kfd/proc/99/vram_42700", "5\n") // this process
	got := ReadState(root, 99)
	want := State{
		Display:   []PCIDevice{{"0000:01:00.0", 0x1a03, 0x2000, ""}, {"0000:83:00.0", 0x1002, 0x738c, "amdgpu"}},
		Processes: []Process{{4711, "python3", 2 << 30}}, ProcessesKnown: true,
		Cmdline: "BOOT_IMAGE=/vmlinuz root=/dev/sda1 quiet", HugePages: "madvise", NUMANodes: 2, AvailableBytes: 1 << 20,
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("state (-want +got):\n%s", d)
	}
	if d := cmp.Diff(State{}, ReadState(t.TempDir(), 1)); d != "" {
		t.Errorf("an empty tree (-want +got):\n%s", d)
	}
}

func TestIOMMU(t *testing.T) {
	const group = "sys/kernel/iommu_groups/12/type"
	for _, tt := range []struct {
		name, cmdline, kind string
		groups              bool
		want                string
	}{
		{"passthrough by the command line", "quiet iommu=pt", "DMA", true, IOMMUPassthrough},
		{"off by the command line", "amd_iommu=off", "", false, IOMMUOff},
		{"another option of the same name", "iommu=ptx", "DMA-FQ", true, IOMMUTranslating},
		{"passthrough by default", "", "identity", true, IOMMUPassthrough},
		{"translating", "", "DMA-FQ", true, IOMMUTranslating},
		{"a group without a type", "", "", true, ""},
		{"nothing known", "", "", false, ""},
	} {
		root := t.TempDir()
		put(t, root, "proc/cmdline", tt.cmdline+"\n")
		put(t, root, "sys/bus/pci/devices/0000:83:00.0/class", "0x038000\n")
		put(t, root, "sys/bus/pci/devices/0000:83:00.0/vendor", "0x1002\n")
		if tt.groups {
			put(t, root, group, tt.kind+"\n")
			link(t, root, "sys/bus/pci/devices/0000:83:00.0/iommu_group", "../../../../kernel/iommu_groups/12")
		}
		if got := ReadState(root, 0).IOMMU; got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
	root := t.TempDir()
	put(t, root, "sys/kernel/iommu_groups/not-a-group", "")
	if got := ReadState(root, 0).IOMMU; got != IOMMUOff {
		t.Errorf("no groups: %q, want %q", got, IOMMUOff)
	}
}
