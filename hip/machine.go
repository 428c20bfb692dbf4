// Package hip knows the machine's AMD GPUs: what they are and how they are
// linked (from KFD's and DRM's sysfs, below a root that the caller names, and
// where ROCm is installed from its HIP runtime), and what they and the CPU
// draw while they work (a sampler of hwmon, DRM and RAPL files). Of NVIDIA's
// cards it knows what their driver's management library tells.
//
// It builds and runs without ROCm. A file that is missing or holds something
// unexpected leaves its field missing: nothing here fails a run, and a
// missing number is never 0.
package hip

import (
	"fmt"
	"strings"
)

// Machine is what sysfs tells of the AMD GPUs.
type Machine struct {
	GPUs   []GPU      `json:"gpus"`
	Links  []Link     `json:"links,omitempty"` // every ordered pair of GPUs that the kernel lists
	Driver DriverInfo `json:"driver"`
	ROCm   string     `json:"rocm,omitempty"` // "7.2.1-81", as the packages write it
	// Lost are AMD's cards that DRM lists and KFD does not, beside some that
	// it does: nothing can be computed on them.
	Lost []GPU `json:"not_in_kfd,omitempty"`
	// Hidden counts the nodes of KFD that may not be read.
	Hidden int `json:"kfd_nodes_hidden,omitempty"`
	// Notes are sentences about what could not be read and should have been.
	Notes []string `json:"notes,omitempty"`
}

// GPU is one card. Numbers that are 0 and pointers that are nil are not
// known, HiveID and Node excepted.
type GPU struct {
	Node   int    `json:"kfd_node"` // -1: KFD does not list the card
	KFDID  uint64 `json:"kfd_gpu_id,omitempty"`
	Name   string `json:"name"`           // "AMD Instinct MI100"
	Arch   string `json:"arch,omitempty"` // "gfx908"
	PCI    string `json:"pci,omitempty"`  // "0000:83:00.0"
	Device uint64 `json:"pci_device_id,omitempty"`
	Card   string `json:"card,omitempty"`        // "card0", in sys/class/drm
	Render string `json:"render_node,omitempty"` // "/dev/dri/renderD128"

	UniqueID ID   `json:"unique_id,omitempty"`
	HiveID   ID   `json:"hive_id,omitempty"` // 0: in no xGMI hive
	XGMI     bool `json:"xgmi_engines"`      // the card can be bridged
	// Integrated: the GPU is part of the processor and uses its memory.
	Integrated bool   `json:"integrated,omitempty"`
	NUMANode   *int   `json:"numa_node,omitempty"`   // nil also where the kernel says -1
	VBIOS      string `json:"vbios,omitempty"`       //
	PerfMode   string `json:"performance,omitempty"` // power_dpm_force_performance_level

	// IOMMU says how the card's memory accesses are translated: IOMMUOff,
	// IOMMUPassthrough, IOMMUTranslating, or "" where sysfs does not tell.
	IOMMU string `json:"iommu,omitempty"`

	VRAM         int64    `json:"vram_bytes,omitempty"`
	VRAMUsed     *int64   `json:"vram_used_bytes,omitempty"`
	BandwidthGBs *float64 `json:"memory_bandwidth_gb_s,omitempty"` // peak, 10⁹ bytes/s; HBM only
	CUs          int      `json:"compute_units,omitempty"`
	ClockMHz     int      `json:"max_clock_mhz,omitempty"`
	MemClockMHz  int      `json:"max_memory_clock_mhz,omitempty"`
	SCLK         *DPM     `json:"sclk,omitempty"`
	MCLK         *DPM     `json:"mclk,omitempty"`

	PowerCapW        *float64  `json:"power_cap_w,omitempty"`
	PowerCapDefaultW *float64  `json:"power_cap_default_w,omitempty"`
	PCIe             *PCIeLink `json:"pcie,omitempty"`

	dir   string // of the PCI device, "" where there is no DRM card
	hwmon string // "" where the card has none
}

// ID is a 64-bit name. In JSON it is a hexadecimal string: as a number it
// would lose digits in programs that keep numbers as floats.
type ID uint64

// MarshalText gives "0xb868aeba19fb5cee".
func (id ID) MarshalText() ([]byte, error) { return fmt.Appendf(nil, "0x%x", uint64(id)), nil }

// DriverInfo is the kernel driver. In-tree drivers have no version of their own.
type DriverInfo struct {
	Loaded     bool   `json:"loaded"`
	Version    string `json:"version,omitempty"` // of amdgpu-dkms
	SrcVersion string `json:"srcversion,omitempty"`
	Kernel     string `json:"kernel,omitempty"`
}

// Text is the driver in one line: the DKMS package's version, or that it is
// the kernel's own. "" for no driver.
func (d DriverInfo) Text() string {
	switch {
	case d.Version != "":
		return d.Version
	case !d.Loaded:
		return ""
	case d.Kernel != "":
		return "in-tree, kernel " + d.Kernel
	}
	return "in-tree"
}

// Release is the ROCm version without the packages' build number: 7.2.1 of
// 7.2.1-81.
func (m Machine) Release() string {
	release, _, _ := strings.Cut(m.ROCm, "-")
	return release
}

// Read returns the AMD GPUs of the machine below root ("/" or "" for this
// one, else a copied tree). It never fails: what it could not read, Notes say.
func Read(root string) Machine {
	t, err := openTree(root)
	if err != nil {
		return Machine{Notes: []string{err.Error()}}
	}
	defer t.close()
	return t.machine()
}

func (t tree) machine() Machine {
	m := Machine{Driver: t.driver(), ROCm: t.rocm()}
	nodes, stable := t.kfdNodes()
	if !stable {
		m.Notes = append(m.Notes, "KFD topology kept changing while it was read: run again")
	}
	cards := t.cards()
	names := t.cardNames()
	for _, n := range nodes {
		g, ok := n.gpu()
		if n.hidden() {
			m.Hidden++
		}
		if !ok {
			continue
		}
		if c := findCard(cards, g); c != nil {
			g.Card, g.dir, c.listed = c.name, c.dir, true
		}
		m.GPUs = append(m.GPUs, g)
	}
	var unlisted []GPU
	for _, c := range cards {
		if !c.listed {
			unlisted = append(unlisted, GPU{Node: -1, PCI: c.pci, Card: c.name, dir: c.dir, UniqueID: ID(c.uniqueID)})
		}
	}
	if len(m.GPUs) == 0 {
		m.GPUs = unlisted // the driver's KFD part is off, or hidden by a container
	} else {
		m.Lost = unlisted
	}
	for _, list := range [][]GPU{m.GPUs, m.Lost} {
		for i := range list {
			t.complete(&list[i], names)
		}
	}
	m.Links = links(nodes, m.GPUs)
	return m
}

// complete adds what the DRM card tells.
func (t tree) complete(g *GPU, names map[string]string) {
	if g.dir != "" {
		t.completeDRM(g)
	}
	if g.PCI != "" {
		g.PCIe = t.pcieLink(g.PCI, g.dir)
	}
	g.IOMMU = t.iommu(g)
	g.Name = cardName(g, t.revision(g.dir), names)
}

// driver is the state of the amdgpu module.
func (t tree) driver() DriverInfo {
	d := DriverInfo{
		Version:    t.line("sys/module/amdgpu/version"),
		SrcVersion: t.line("sys/module/amdgpu/srcversion"),
		Kernel:     t.line("proc/sys/kernel/osrelease"),
	}
	info, err := t.root.Stat("sys/module/amdgpu")
	d.Loaded = err == nil && info.IsDir()
	return d
}

// rocm is the version that ROCm's packages leave. TheRock's packages have
// their files below a folder of the version.
func (t tree) rocm() string {
	for _, dir := range t.rocmDirs() {
		for _, file := range []string{"version", "version-rocm"} {
			if v := t.line(dir + "/.info/" + file); v != "" {
				return v
			}
		}
	}
	return ""
}

// rocmDirs are the folders where a ROCm may lie, in the order in which they
// count.
func (t tree) rocmDirs() []string {
	dirs := []string{"opt/rocm"}
	for _, parent := range []string{"opt/rocm", "opt"} {
		names := t.names(parent)
		for i := len(names) - 1; i >= 0; i-- { // the newest first
			if strings.HasPrefix(names[i], "core-") || strings.HasPrefix(names[i], "rocm-") {
				dirs = append(dirs, parent+"/"+names[i])
			}
		}
	}
	return dirs
}

// Cards are the GPUs without those of processors, or all where there are no
// others: what a model would run on.
func (m Machine) Cards() []GPU {
	var out []GPU
	for _, g := range m.GPUs {
		if !g.Integrated {
			out = append(out, g)
		}
	}
	if len(out) == 0 {
		return m.GPUs
	}
	return out
}

// Missing says which AMD cards are on the bus and not in KFD, "" for none.
// display are the devices on the PCI bus, nil where they are not known.
func (m Machine) Missing(display []PCIDevice) string {
	listed, lost := map[string]bool{}, []string{}
	for _, g := range m.GPUs {
		if g.Node < 0 {
			return "" // KFD lists none: another fault
		}
		listed[g.PCI] = true
	}
	add := func(pci, card string) {
		name := pci
		if name == "" {
			name = card
		}
		if name != "" && !listed[name] {
			listed[name] = true
			lost = append(lost, name)
		}
	}
	for _, g := range m.Lost {
		if g.Integrated { // KFD knows few of them
			listed[g.PCI] = true
			continue
		}
		add(g.PCI, g.Card)
	}
	for _, d := range display {
		if d.AMD() {
			add(d.Address, "")
		}
	}
	lacking := max(len(lost), m.Hidden)
	if len(m.GPUs) == 0 || lacking == 0 {
		return ""
	}
	text := fmt.Sprintf("KFD lists %d of %d AMD GPUs", len(m.GPUs), len(m.GPUs)+lacking)
	if len(lost) > 0 {
		text += ", and not " + strings.Join(lost, ", ")
	}
	return text
}

// Summary is the GPUs in one line as the report's table has it, equal cards
// counted: "4× AMD Instinct MI100 (gfx908)". "" for none.
func (m Machine) Summary() string {
	var names []string
	count := map[string]int{}
	for _, g := range m.GPUs {
		name := g.Name
		notes := []string{}
		if g.Arch != "" {
			notes = append(notes, g.Arch)
		}
		if g.Integrated {
			notes = append(notes, "integrated")
		}
		if len(notes) > 0 {
			name += " (" + strings.Join(notes, ", ") + ")"
		}
		if count[name]++; count[name] == 1 {
			names = append(names, name)
		}
	}
	for i, n := range names {
		names[i] = fmt.Sprintf("%d× %s", count[n], n)
	}
	return strings.Join(names, ", ")
}
