package hip

import (
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestReadState(t *testing.T) {
	root := copyTree(t, "hive")
	put(t, root, "proc/sys/kernel/numa_balancing", "1\n")
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
	want := SystemState{
		Display:   []PCIDevice{{"0000:01:00.0", 0x1a03, 0x2000, ""}, {"0000:83:00.0", 0x1002, 0x738c, "amdgpu"}},
		Processes: []Process{{4711, "python3", 2 << 30}}, ProcessesKnown: true,
		NUMABalancing: true, HugePages: "madvise", NUMANodes: 2, AvailableBytes: 1 << 20,
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("state (-want +got):\n%s", d)
	}
	if d := cmp.Diff(SystemState{}, ReadState(t.TempDir(), 1)); d != "" {
		t.Errorf("an empty tree (-want +got):\n%s", d)
	}
}

// How a card is attached is what its IOMMU group says; the kernel's command
// line has several words for it, and the last counts.
func TestIOMMU(t *testing.T) {
	const device = "sys/bus/pci/devices/0000:83:00.0/iommu_group"
	for _, tt := range []struct {
		name, cmdline, kind, link string
		want                      string
	}{
		{"passthrough by default", "", "identity", device, IOMMUPassthrough},
		{"passthrough by way of the DRM card", "", "identity", card0 + "iommu_group", IOMMUPassthrough},
		{"translating", "", "DMA-FQ", device, IOMMUTranslating},
		{"the command line asked for passthrough, and was overruled", "iommu=pt iommu=nopt", "DMA", device, IOMMUTranslating},
		{"strict", "amd_iommu=on iommu=pt iommu.passthrough=0", "DMA", device, IOMMUTranslating},
		{"a word for another maker's", "intel_iommu=off", "DMA", device, IOMMUTranslating},
		{"held by a virtual machine", "iommu=pt", "unmanaged", device, IOMMUTranslating},
		{"a group without a type", "iommu=pt", "", device, ""},
		{"in no group", "iommu=pt", "identity", "elsewhere", ""},
	} {
		root := copyTree(t, "hive")
		put(t, root, "proc/cmdline", tt.cmdline+"\n")
		put(t, root, "sys/kernel/iommu_groups/12/type", tt.kind+"\n")
		put(t, root, "sys/bus/pci/devices/0000:83:00.0/class", "0x038000\n")
		link(t, root, tt.link, "../../../../kernel/iommu_groups/12")
		if got := Read(root).GPUs[0].IOMMU; got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
	root := copyTree(t, "hive")
	put(t, root, "proc/cmdline", "iommu=pt\n")
	if got := Read(root).GPUs[0].IOMMU; got != "" {
		t.Errorf("the command line alone: %q, want nothing", got)
	}
	put(t, root, "sys/kernel/iommu_groups/not-a-group", "")
	if got := Read(root).GPUs[0].IOMMU; got != IOMMUOff {
		t.Errorf("no groups: %q, want %q", got, IOMMUOff)
	}
}

// rocBLAS has files by architecture, in one of several places.
func TestRocBLAS(t *testing.T) {
	for _, tt := range []struct {
		files []string
		want  []string
	}{
		{nil, nil},
		{[]string{"opt/rocm/lib/rocblas/library/TensileManifest.txt"}, nil},
		{[]string{"opt/rocm/lib/rocblas/library/TensileLibrary_lazy_gfx906.dat", "opt/rocm/lib/rocblas/library/TensileLibrary_lazy_gfx90a.dat",
			"opt/rocm/lib/rocblas/library/Kernels.so-000-gfx90a-xnack+.hsaco"}, []string{"gfx906", "gfx90a"}},
		{[]string{"opt/rocm-6.4.1/lib/rocblas/library/TensileLibrary_gfx1100.co"}, []string{"gfx1100"}},
		{[]string{"usr/lib64/rocblas/library/TensileLibrary_gfx908.co"}, []string{"gfx908"}},
	} {
		root := t.TempDir()
		for _, f := range tt.files {
			put(t, root, f, "")
		}
		if d := cmp.Diff(tt.want, ReadState(root, 0).RocBLAS); d != "" {
			t.Errorf("%q (-want +got):\n%s", tt.files, d)
		}
	}
	root := t.TempDir()
	put(t, root, "TensileLibrary_lazy_gfx908.dat", "")
	if d := cmp.Diff([]string{"gfx908"}, RocBLAS(root)); d != "" {
		t.Errorf("a folder of one's own (-want +got):\n%s", d)
	}
	if got := RocBLAS(filepath.Join(root, "absent")); got != nil {
		t.Errorf("no folder: %q", got)
	}
}
