package hip

import (
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// SystemState is what of the running system bears on the GPUs: how they are
// attached, who uses them, and how the kernel was set.
type SystemState struct {
	Display   []PCIDevice // GPUs and accelerators on the PCI bus, of any maker
	Processes []Process   // that have the GPUs' compute driver open
	// ProcessesKnown says that the driver lists them.
	ProcessesKnown bool
	// HugePages is transparent_hugepage/enabled's choice: always, madvise,
	// never, or "".
	HugePages string
	NUMANodes int // 0: unknown
	// NUMABalancing: the kernel moves pages between nodes on its own.
	NUMABalancing bool
	// RocBLAS are the architectures that rocBLAS has kernels for; nil where
	// its files are not found.
	RocBLAS []string
	// AvailableBytes is MemAvailable, 0 where it is unknown.
	AvailableBytes int64
}

// States of the IOMMU.
const (
	IOMMUOff         = "off"
	IOMMUPassthrough = "passthrough"
	IOMMUTranslating = "translating"
)

// PCIDevice is a display controller or an accelerator.
type PCIDevice struct {
	Address string
	Vendor  uint64
	Device  uint64
	Driver  string // "" where none is bound
}

// AMD tells whether AMD made the device, and amdgpu is its driver or can be:
// cards from before it, which only show a picture, have another.
func (d PCIDevice) AMD() bool { return d.Vendor == vendorAMD && d.Driver != oldDriver }

// oldDriver is the kernel's driver of ATI's and AMD's cards up to 2012.
const oldDriver = "radeon"

// Process has KFD open.
type Process struct {
	PID  int
	Name string
	VRAM int64 // bytes, on all GPUs together
}

// ReadState reads the state of the machine below root, leaving out the
// process self.
func ReadState(root string, self int) SystemState {
	t, err := openTree(root)
	if err != nil {
		return SystemState{}
	}
	defer t.close()
	s := SystemState{
		Display: t.display(), Processes: t.processes(self), RocBLAS: t.rocBLAS(),
		HugePages: parseChoice(t.text("sys/kernel/mm/transparent_hugepage/enabled")),
		NUMANodes: len(t.numbered("sys/devices/system/node", "node")),
	}
	for line := range strings.Lines(t.text("proc/meminfo")) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == "MemAvailable:" {
			if kb, err := strconv.ParseInt(f[1], 10, 64); err == nil && kb > 0 && kb < 1<<50 {
				s.AvailableBytes = kb << 10
			}
		}
	}
	_, err = t.root.Stat(kfdProcesses)
	s.ProcessesKnown = err == nil
	balancing, _ := t.number("proc/sys/kernel/numa_balancing")
	s.NUMABalancing = balancing > 0
	return s
}

// display lists PCI class 03 (display controllers) and 12 (processing
// accelerators).
func (t tree) display() []PCIDevice {
	const dir = "sys/bus/pci/devices"
	var out []PCIDevice
	for _, name := range t.names(dir) {
		class, ok := t.number(path.Join(dir, name, "class"))
		if kind := class >> 16; !ok || kind != 0x03 && kind != 0x12 {
			continue
		}
		d := PCIDevice{Address: name, Driver: path.Base(t.link(path.Join(dir, name, "driver")))}
		if d.Driver == "." {
			d.Driver = ""
		}
		d.Vendor, _ = t.number(path.Join(dir, name, "vendor"))
		d.Device, _ = t.number(path.Join(dir, name, "device"))
		out = append(out, d)
	}
	return out
}

// kfdProcesses has a folder for each process that computes on the GPUs.
const kfdProcesses = "sys/class/kfd/kfd/proc"

// processes lists those that KFD knows.
func (t tree) processes(self int) []Process {
	var out []Process
	for _, name := range t.numbered(kfdProcesses, "") {
		pid, err := strconv.Atoi(name)
		if err != nil || pid == self {
			continue
		}
		p := Process{PID: pid, Name: t.line(path.Join("proc", name, "comm"))}
		for _, file := range t.names(path.Join(kfdProcesses, name)) {
			if !strings.HasPrefix(file, "vram_") {
				continue
			}
			if v, ok := t.number(path.Join(kfdProcesses, name, file)); ok && v < 1<<50 {
				p.VRAM += int64(v)
			}
		}
		out = append(out, p)
	}
	return out
}

// iommu finds how a card is attached, by the type of its group: "identity"
// where addresses are passed through. The kernel's command line does not tell:
// it has several words for it, the last of them counts, and defaults differ.
func (t tree) iommu(g *GPU) string {
	groups := t.numbered("sys/kernel/iommu_groups", "")
	if len(groups) == 0 {
		if info, err := t.root.Stat("sys/kernel/iommu_groups"); err == nil && info.IsDir() {
			return IOMMUOff
		}
		return ""
	}
	for _, dir := range []string{path.Join("sys/bus/pci/devices", g.PCI), g.dir} {
		group := path.Base(t.link(path.Join(dir, "iommu_group")))
		if !slices.Contains(groups, group) {
			continue
		}
		switch kind := t.line(path.Join("sys/kernel/iommu_groups", group, "type")); kind {
		case "":
			return ""
		case "identity":
			return IOMMUPassthrough
		default: // DMA, DMA-FQ, blocked, unmanaged
			return IOMMUTranslating
		}
	}
	return ""
}

var archInName = regexp.MustCompile(`gfx[0-9a-f]+`)

// rocBLAS lists the architectures that rocBLAS has files for, those of the
// first folder that has any.
func (t tree) rocBLAS() []string {
	for _, dir := range append(t.rocmDirs(), "usr") {
		for _, lib := range []string{"lib", "lib64"} {
			if archs := t.archs(path.Join(dir, lib, "rocblas/library")); archs != nil {
				return archs
			}
		}
	}
	return nil
}

// archs lists the architectures in a folder's names, nil for none.
func (t tree) archs(dir string) []string {
	var out []string
	for _, name := range t.names(dir) {
		if arch := archInName.FindString(name); arch != "" && !slices.Contains(out, arch) {
			out = append(out, arch)
		}
	}
	slices.Sort(out)
	return out
}

// RocBLAS lists the architectures that rocBLAS's files in a folder of this
// machine are for, nil for none.
func RocBLAS(dir string) []string {
	t, err := openTree(dir)
	if err != nil {
		return nil
	}
	defer t.close()
	return t.archs(".")
}

// parseChoice is the word in brackets of "always [madvise] never", "" for
// none.
func parseChoice(text string) string {
	_, rest, ok := strings.Cut(text, "[")
	word, _, closed := strings.Cut(rest, "]")
	if !ok || !closed {
		return ""
	}
	return clean(word)
}
