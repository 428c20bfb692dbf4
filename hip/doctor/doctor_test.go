package doctor

import (
	"strings"
	"testing"

	"ceiling/hip"
	"ceiling/internal/machine"
)

func ptr[T any](v T) *T { return &v }

// healthy is a box of four bridged cards with nothing wrong.
func healthy() Facts {
	f := Facts{
		Machine: hip.Machine{Driver: hip.DriverInfo{Loaded: true, Version: "6.16.13"}, ROCm: "7.2.1-81"},
		State:   hip.SystemState{ProcessesKnown: true, HugePages: "madvise", NUMANodes: 2, AvailableBytes: 200 << 30, RocBLAS: []string{"gfx906", "gfx908"}},
		System:  machine.System{CPU: "AMD Ryzen Threadripper PRO 3945WX", Cores: 24, MemoryBytes: 256 << 30, Governor: "performance", LoadAverage: "0.05"},
		Live:    true,
		Access:  []Access{{Path: "/dev/kfd"}, {Path: "/dev/dri/renderD128"}},
		Build: Build{Backends: []string{"ROCm", "CPU"}, Toolkit: "HIP 7.2.51831", Collectives: "rccl 2.22",
			InstructionSets: []string{"AVX2"}, Off: []string{"AVX512: not advertised", "AMX_TILE: faults"}},
		Library:      HIPBackend{Path: "/x/libggml-hip.so", Archs: []string{"gfx908"}, Needs: []string{"libamdhip64.so.7", "librccl.so.1"}},
		Runtime:      &RuntimeFacts{Version: "7.2.51831", Path: "/opt/rocm/lib/libamdhip64.so.7", Sum: &CardSum{Version: "2.22.3"}},
		PowerDevices: []string{"0000:83:00.0"},
		Model:        &ModelMemory{Name: "m.gguf", Shape: "1 × 4096 tokens", Needs: []DeviceNeed{{Text: "ROCm0: 5 of 31 GiB", Known: true}}},
	}
	for i, pci := range []string{"0000:83:00.0", "0000:a3:00.0", "0000:c3:00.0", "0000:e3:00.0"} {
		f.State.Display = append(f.State.Display, hip.PCIDevice{Address: pci, Vendor: 0x1002, Device: 0x738c, Driver: "amdgpu"})
		f.Runtime.Devices = append(f.Runtime.Devices, pci)
		f.Machine.GPUs = append(f.Machine.GPUs, hip.GPU{Node: i + 1, Name: "AMD Instinct MI100", Arch: "gfx908", PCI: pci, XGMI: true, HiveID: 7, IOMMU: hip.IOMMUPassthrough,
			PerfMode: "auto", PowerCapW: ptr(290.0), PowerCapDefaultW: ptr(290.0),
			PCIe: &hip.PCIeLink{Port: pci, SpeedGTs: 16, Width: 16, MaxGTs: 16, MaxWidth: 16}})
		for j := range 4 {
			if i != j {
				f.Machine.Links = append(f.Machine.Links, hip.Link{From: i, To: j, Type: hip.LinkXGMI, Hops: 1})
				f.Runtime.Peers = append(f.Runtime.Peers, hip.Peer{From: i, To: j, Access: true})
			}
		}
	}
	return f
}

func TestHealthy(t *testing.T) {
	list := Run(healthy())
	for _, c := range list {
		if c.Status != StatusOK || c.Remedy != "" || c.Detail == "" {
			t.Errorf("%+v", c)
		}
	}
	if len(list) < 20 || Failed(list) != 0 {
		t.Errorf("%d checks, %d failed", len(list), Failed(list))
	}
}

// faults are one thing wrong each: one check changes, and says what to do.
var faults = []struct {
	fault  string
	alter  func(f *Facts)
	check  string
	status CheckStatus
	says   string // in detail and remedy
}{
	{"driver not loaded", func(f *Facts) { f.Machine.Driver.Loaded = false }, "driver", StatusFail, "modprobe amdgpu"},
	{"no KFD", func(f *Facts) { noKFD(f) }, "driver", StatusFail, "dmesg | grep kfd"},
	{"topology unsteady", func(f *Facts) { f.Machine.Notes = []string{"it kept changing"} }, "topology", StatusUnknown, "it kept changing"},
	{"no permission", func(f *Facts) { f.Access[0].Problem = "permission denied" }, "device files", StatusFail, "/dev/kfd: permission denied usermod -aG render"},
	{"no device file known", func(f *Facts) { f.Access = nil }, "device files", StatusUnknown, ""},
	{"a build without HIP", func(f *Facts) { f.Build.Backends, f.Library = []string{"CPU"}, HIPBackend{} }, "back end", StatusFail, "PRESET=gfx908"},
	{"a back end that does not load", func(f *Facts) { f.Build.Backends = nil }, "back end", StatusFail, "ldd"},
	{"code for another card", func(f *Facts) { f.Library.Archs = []string{"gfx90a", "gfx942"} }, "GPU code", StatusFail, "gfx90a, gfx942, and none for gfx908"},
	{"no code", func(f *Facts) { f.Library.Archs = nil }, "GPU code", StatusFail, "none for gfx908"},
	{"a library that can't be read", func(f *Facts) { f.Library.Problem = "compressed" }, "GPU code", StatusUnknown, "compressed"},
	{"ROCm of another major", func(f *Facts) { f.Build.Toolkit = "HIP 6.4.43482" }, "release", StatusFail, "7.2.51831 is installed, the libraries were built with HIP 6.4.43482"},
	{"build does not say", func(f *Facts) { f.Build.Toolkit, f.Library.Needs = "", nil }, "release", StatusUnknown, "7.2.51831"},
	{"only the library says", func(f *Facts) { f.Build.Toolkit, f.Library.Needs[0] = "", "libamdhip64.so.6" }, "release", StatusFail, "built with HIP 6"},
	{"ROCm unknown", func(f *Facts) { f.Machine.ROCm, f.Runtime.Version = "", "" }, "release", StatusUnknown, "ROCM_PATH"},
	{"no ROCm", func(f *Facts) { f.Machine.ROCm, f.Runtime = "", &RuntimeFacts{Missing: true, Problem: "none"} }, "release", StatusFail, "install ROCm"},
	{"runtime fails", func(f *Facts) { f.Runtime.Problem = "hipErrorNoDevice" }, "HIP runtime", StatusFail, "hipErrorNoDevice"},
	{"devices filtered", func(f *Facts) { f.Runtime.Devices = f.Runtime.Devices[:2] }, "HIP runtime", StatusWarn, "2 of 4 GPUs unset ROCR_VISIBLE_DEVICES"},
	{"no bridge", func(f *Facts) { hives(f, 0, 0, 0, 0) }, "xGMI", StatusWarn, "no bridge fit the bridge"},
	{"two hives", func(f *Facts) { hives(f, 1, 1, 2, 2) }, "xGMI", StatusWarn, "hive_id 0x1: 2 of 4 GPUs"},
	{"a card out of the hive", func(f *Facts) { hives(f, 1, 1, 1, 0) }, "xGMI", StatusWarn, "3 of 4 GPUs"},
	{"P2P cut", func(f *Facts) { f.Runtime.Peers[0].Access = false }, "P2P", StatusFail, "0→1 boot with iommu=pt"},
	{"P2P not asked", func(f *Facts) { f.Runtime.Peers = nil }, "P2P", StatusUnknown, "did not answer"},
	{"RCCL adds up wrongly", func(f *Facts) { f.Runtime.Sum = &CardSum{Version: "2.22.3", Problem: "number 7 of 8 is 3, not 4"} }, "RCCL's sum", StatusFail, "number 7 of 8 is 3, not 4 NCCL_DEBUG"},
	{"no RCCL to add up", func(f *Facts) { f.Runtime.Sum = &CardSum{Missing: true, Problem: "no RCCL"} }, "RCCL's sum", StatusUnknown, "not installed"},
	{"no RCCL", func(f *Facts) { f.Library.Needs = []string{"libamdhip64.so.7"} }, "RCCL", StatusWarn, "through the host install ROCm's rccl"},
	{"IOMMU translates for one", func(f *Facts) { f.Machine.GPUs[2].IOMMU = hip.IOMMUTranslating }, "IOMMU", StatusWarn, "of 0000:c3:00.0 iommu=pt"},
	{"IOMMU unknown", func(f *Facts) { f.Machine.GPUs[1].IOMMU = "" }, "IOMMU", StatusUnknown, "0000:a3:00.0"},
	{"a card that KFD does not list", func(f *Facts) { loseCard(f) }, "lost cards", StatusWarn, "KFD lists 3 of 4 AMD GPUs, and not 0000:e3:00.0 dmesg"},
	{"a card on the bus alone", func(f *Facts) { loseCard(f); f.Machine.Lost = nil }, "lost cards", StatusWarn, "3 of 4 AMD GPUs, and not 0000:e3:00.0"},
	{"a node that is hidden", func(f *Facts) { loseCard(f); f.Machine.Lost, f.Machine.Hidden, f.State.Display = nil, 1, nil }, "lost cards", StatusWarn, "3 of 4 AMD GPUs"},
	{"rocBLAS without the card", func(f *Facts) { f.State.RocBLAS = []string{"gfx906", "gfx90a"} }, "rocBLAS", StatusFail, "gfx906, gfx90a, and none for gfx908"},
	{"rocBLAS not found", func(f *Facts) { f.State.RocBLAS = nil }, "rocBLAS", StatusUnknown, "rocblas/library"},
	{"NUMA balancing", func(f *Facts) { f.State.NUMABalancing = true }, "NUMA balancing", StatusWarn, "2 nodes sysctl kernel.numa_balancing=0"},
	{"another architecture", func(f *Facts) { f.Env = map[string]string{"HSA_OVERRIDE_GFX_VERSION": "10.3.0"} }, "environment", StatusWarn, `"10.3.0" unset`},
	{"another architecture, empty", func(f *Facts) { f.Env = map[string]string{"HSA_OVERRIDE_GFX_VERSION": ""} }, "environment", StatusWarn, `HSA_OVERRIDE_GFX_VERSION=""`},
	{"two masks", func(f *Facts) { f.Env = map[string]string{"HIP_VISIBLE_DEVICES": "1", "ROCR_VISIBLE_DEVICES": "0,1"} }, "environment", StatusWarn,
		`ROCR_VISIBLE_DEVICES="0,1" and HIP_VISIBLE_DEVICES="1" filter one after the other`},
	{"two names of one mask", func(f *Facts) { f.Env = map[string]string{"HIP_VISIBLE_DEVICES": "1", "CUDA_VISIBLE_DEVICES": "0,1"} }, "environment", StatusOK, `HIP_VISIBLE_DEVICES="1"`},
	{"one mask", func(f *Facts) { f.Env = map[string]string{"HIP_VISIBLE_DEVICES": "0,1,2,3"} }, "environment", StatusOK, "0,1,2,3"},
	{"a narrow link", func(f *Facts) { f.Machine.GPUs[2].PCIe.Width = 8 }, "PCIe width", StatusWarn, "0000:c3:00.0: ×8 of ×16"},
	{"a slow link", func(f *Facts) { f.Machine.GPUs[2].PCIe.SpeedGTs = 2.5 }, "PCIe speed", StatusWarn, "2.5 of 16 GT/s"},
	{"only an inner link", func(f *Facts) { f.Machine.GPUs[2].PCIe.Inner = true }, "PCIe link", StatusUnknown, "0000:c3:00.0"},
	{"no link", func(f *Facts) { f.Machine.GPUs[2].PCIe = nil }, "PCIe link", StatusUnknown, "0000:c3:00.0"},
	{"a low cap", func(f *Facts) { f.Machine.GPUs[1].PowerCapW = ptr(178.0) }, "power cap", StatusWarn, "0000:a3:00.0: 178 W, default 290 W"},
	{"no cap told", func(f *Facts) { f.Machine.GPUs[0].PowerCapW = nil }, "power cap", StatusUnknown, "0000:83:00.0"},
	{"clocks held", func(f *Facts) { f.Machine.GPUs[1].PerfMode = "low" }, "clocks", StatusWarn, `0000:a3:00.0: "low"`},
	{"clocks unknown", func(f *Facts) { f.Machine.GPUs[1].PerfMode = "" }, "clocks", StatusUnknown, "0000:a3:00.0"},
	{"another process", func(f *Facts) { f.State.Processes = []hip.Process{{PID: 7, Name: "vllm", VRAM: 3 << 30}} }, "other processes", StatusWarn, "vllm (pid 7, 3.0 GiB)"},
	{"processes unknown", func(f *Facts) { f.State.ProcessesKnown = false }, "other processes", StatusUnknown, ""},
	{"CPU unknown", func(f *Facts) { f.System.CPU = "" }, "processor", StatusUnknown, ""},
	{"build without a record", func(f *Facts) { f.Build.InstructionSets = nil }, "instruction sets", StatusUnknown, "make build"},
	{"powersave", func(f *Facts) { f.System.Governor = "powersave" }, "governor", StatusWarn, "cpupower"},
	{"no governor", func(f *Facts) { f.System.Governor = "" }, "governor", StatusUnknown, ""},
	{"a busy machine", func(f *Facts) { f.System.LoadAverage = "3.10" }, "load", StatusWarn, "3.10"},
	{"load unknown", func(f *Facts) { f.System.LoadAverage = "" }, "load", StatusUnknown, ""},
	{"virtual", func(f *Facts) { f.System.Hypervisor = "QEMU/KVM" }, "hypervisor", StatusWarn, "QEMU/KVM"},
	{"memory limit", func(f *Facts) { f.System.MemoryLimit = 8 << 30 }, "memory", StatusWarn, "8.00 GiB"},
	{"memory unknown", func(f *Facts) { f.System.MemoryBytes = 0 }, "memory", StatusUnknown, ""},
	{"huge pages off", func(f *Facts) { f.State.HugePages = "never" }, "huge pages", StatusWarn, "madvise"},
	{"huge pages unknown", func(f *Facts) { f.State.HugePages = "" }, "huge pages", StatusUnknown, ""},
	{"a sensor for root only", func(f *Facts) { f.PowerNotes = []string{"CPU power: root only"} }, "sensors", StatusWarn, "root only"},
	{"no sensor", func(f *Facts) { f.PowerDevices = nil }, "sensors", StatusUnknown, ""},
	{"a model that does not fit", func(f *Facts) { f.Model.Needs[0].Lacks = true }, "memory", StatusFail, "5 of 31 GiB (1 × 4096 tokens) use fewer"},
	{"free memory unknown", func(f *Facts) { f.Model.Needs[0].Known = false }, "memory", StatusUnknown, "5 of 31 GiB"},
	{"no dry run", func(f *Facts) { f.Model.Problem = "the engine has no dry run" }, "memory", StatusUnknown, "no dry run"},
}

func TestFaults(t *testing.T) {
	for _, tt := range faults {
		f := healthy()
		tt.alter(&f)
		found := false
		for _, c := range Run(f) {
			if c.Name == tt.check && c.Status == tt.status {
				found = found || containsAll(c.Detail+" "+c.Remedy, tt.says)
			}
			if c.Status != StatusOK && c.Status != StatusUnknown && c.Remedy == "" && c.Name != "HIP runtime" {
				t.Errorf("%s: %q has no remedy: %s", tt.fault, c.Name, c.Detail)
			}
		}
		if !found {
			t.Errorf("%s: no check %q is %q and says %q", tt.fault, tt.check, tt.status, tt.says)
			for _, c := range Run(f) {
				if c.Name == tt.check {
					t.Logf("  it says %s: %s → %s", c.Status, c.Detail, c.Remedy)
				}
			}
		}
	}
}

// The texts to look for are in the detail or the remedy, in this order.
func containsAll(text, words string) bool {
	for word := range strings.FieldsSeq(words) {
		i := strings.Index(text, word)
		if i < 0 {
			return false
		}
		text = text[i+len(word):]
	}
	return true
}

// loseCard takes the last card out of KFD's list.
func loseCard(f *Facts) {
	f.Machine.GPUs, f.Machine.Lost = f.Machine.GPUs[:3], f.Machine.GPUs[3:]
	f.Machine.Lost[0].Node = -1
}

// A processor's own GPU beside the cards is mentioned and judged by nothing.
func TestIntegratedBeside(t *testing.T) {
	f := healthy()
	const pci = "0000:13:00.0"
	f.Machine.GPUs = append(f.Machine.GPUs, hip.GPU{Node: 5, Name: "AMD raphael", Arch: "gfx1036", PCI: pci, Integrated: true})
	f.State.Display = append(f.State.Display, hip.PCIDevice{Address: pci, Vendor: 0x1002, Device: 0x164e, Driver: "amdgpu"})
	f.Runtime.Devices = append(f.Runtime.Devices, pci)
	for i := range 4 {
		f.Runtime.Peers = append(f.Runtime.Peers, hip.Peer{From: i, To: 4}, hip.Peer{From: 4, To: i})
	}
	mentioned := false
	for _, c := range Run(f) {
		if c.Status != StatusOK {
			t.Errorf("%+v", c)
		}
		mentioned = mentioned || c.Name == "integrated GPU" && strings.Contains(c.Detail, pci) && strings.Contains(c.Detail, "--devices") && strings.Contains(c.Detail, "HIP_VISIBLE_DEVICES")
	}
	if !mentioned {
		t.Error("nothing says that it is there")
	}
	// Alone it is what the model runs on, or nothing to a build for the CPU.
	f.Machine.GPUs, f.Runtime.Devices, f.Runtime.Peers = f.Machine.GPUs[4:], []string{pci}, nil
	f.State.Display = f.State.Display[4:]
	code := false
	for _, c := range Run(f) {
		code = code || c.Name == "GPU code" && c.Status == StatusFail && strings.Contains(c.Detail, "none for gfx1036")
	}
	if !code {
		t.Error("alone it needs code")
	}
	f.Library, f.Build.Toolkit, f.Build.Backends = HIPBackend{}, "", []string{"CPU"}
	if list := Run(f); list[0].Name != "AMD GPU" || list[0].Status != StatusOK || list[1].Area != areaCPU {
		t.Errorf("a build for the CPU: %+v", list[:2])
	}
}

// Of the runtime's several names for one mask the first counts.
func TestMasks(t *testing.T) {
	f := healthy()
	f.Env = map[string]string{"ROCR_VISIBLE_DEVICES": "0,1", "HIP_VISIBLE_DEVICES": "1", "CUDA_VISIBLE_DEVICES": "0"}
	seen := false
	for _, c := range Run(f) {
		if c.Name == "environment" {
			seen = c.Status == StatusWarn && strings.HasPrefix(c.Detail, `ROCR_VISIBLE_DEVICES="0,1" and HIP_VISIBLE_DEVICES="1" filter one after the other`)
		}
	}
	if !seen {
		t.Error("no check says so")
	}
}

// What counts as load follows the cores.
func TestLoadFollowsCores(t *testing.T) {
	for _, tt := range []struct {
		cores int
		load  string
		want  CheckStatus
	}{{128, "2.10", StatusOK}, {128, "6.40", StatusWarn}, {24, "1.19", StatusOK}, {24, "1.20", StatusWarn}, {2, "0.49", StatusOK}, {2, "0.50", StatusWarn}, {0, "0.50", StatusWarn}} {
		f := healthy()
		f.System.Cores, f.System.LoadAverage = tt.cores, tt.load
		for _, c := range Run(f) {
			if c.Name == "load" && c.Status != tt.want {
				t.Errorf("%d cores, load %s: %s, want %s", tt.cores, tt.load, c.Status, tt.want)
			}
		}
	}
}

func hives(f *Facts, ids ...hip.ID) {
	for i, id := range ids {
		f.Machine.GPUs[i].HiveID = id
	}
}

func noKFD(f *Facts) {
	for i := range f.Machine.GPUs {
		f.Machine.GPUs[i].Node = -1
	}
}

// A machine without a GPU has one line about GPUs and is fit for the CPU.
func TestNoGPU(t *testing.T) {
	f := healthy()
	f.Machine, f.State.Display, f.Runtime, f.Access, f.Library, f.Build.Toolkit = hip.Machine{}, nil, nil, nil, HIPBackend{}, ""
	list := Run(f)
	if list[0].Name != "AMD GPU" || list[0].Status != StatusOK || list[1].Area != areaCPU {
		t.Errorf("%+v", list[:2])
	}
	f.State.Display = []hip.PCIDevice{{Address: "0000:01:00.0", Vendor: 0x10de, Device: 0x2336}}
	if c := Run(f)[0]; c.Status != StatusOK || !strings.Contains(c.Detail, "10de:2336") {
		t.Errorf("%+v", c)
	}
	f.Build.Toolkit = "HIP 7.2"
	if c := Run(f)[0]; c.Status != StatusWarn || !strings.Contains(c.Remedy, "PRESET=cpu") {
		t.Errorf("a HIP build: %+v", c)
	}
}

func TestAMXProbe(t *testing.T) {
	find := func(f Facts) string {
		for _, c := range Run(f) {
			if c.Name == "instruction sets" {
				return c.Detail
			}
		}
		return ""
	}
	f := healthy()
	if got, want := find(f), "built for AVX2; AMX is not used (faults)"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	f.Build.InstructionSets = []string{"AVX2", "AMX_INT8"}
	if got, want := find(f), "built for AVX2 AMX_INT8; AMX is used"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// One card needs no links between cards.
func TestOneCard(t *testing.T) {
	f := healthy()
	f.Machine.GPUs, f.Machine.Links = f.Machine.GPUs[:1], nil
	for _, c := range Run(f) {
		if c.Name == "xGMI" || c.Name == "P2P" || c.Name == "RCCL" || c.Name == "RCCL's sum" || c.Name == "IOMMU" {
			t.Errorf("%+v", c)
		}
	}
}
