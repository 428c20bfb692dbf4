package hip

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// kfdTopology is where the driver's compute part describes the machine as a
// graph of nodes.
const kfdTopology = "sys/class/kfd/kfd/topology"

// Types of a KFD link. HIP has numbers of its own for the same kinds.
const (
	kfdPCIe = 2
	kfdXGMI = 11
)

// kfdNode is one node of the graph: a CPU socket or a GPU.
type kfdNode struct {
	number int
	id     uint64 // gpu_id; 0: a CPU
	name   string // the chip's code name, "arcturus"
	props  map[string]uint64
	banks  []map[string]uint64
	links  []map[string]uint64 // io_links first, then p2p_links
}

// kfdNodes reads the graph; stable is false where it kept changing.
func (t tree) kfdNodes() (nodes []kfdNode, stable bool) {
	stable = settled(func() string { return t.text(kfdTopology + "/generation_id") }, func() {
		nodes = nodes[:0]
		for _, name := range t.numbered(kfdTopology+"/nodes", "") {
			nodes = append(nodes, t.kfdNode(name))
		}
	})
	return nodes, stable
}

// settled calls read until the generation is the same before and after it:
// the kernel counts the graph's changes there, and what was read across one
// is of two states. It gives up after three times.
func settled(generation func() string, read func()) bool {
	for range 3 {
		before := generation()
		read()
		if generation() == before {
			return true
		}
	}
	return false
}

// kfdNode reads one node. The properties of a GPU that the control group
// hides can't be read; such a node is no GPU of ours.
func (t tree) kfdNode(name string) kfdNode {
	dir := path.Join(kfdTopology, "nodes", name)
	n := kfdNode{name: t.line(dir + "/name"), props: parseProperties(t.text(dir + "/properties"))}
	if v, ok := parseNumber(name); ok {
		n.number = int(v)
	}
	n.id, _ = t.number(dir + "/gpu_id")
	for _, bank := range t.numbered(dir+"/mem_banks", "") {
		n.banks = append(n.banks, parseProperties(t.text(path.Join(dir, "mem_banks", bank, "properties"))))
	}
	for _, kind := range []string{"io_links", "p2p_links"} {
		for _, link := range t.numbered(path.Join(dir, kind), "") {
			n.links = append(n.links, parseProperties(t.text(path.Join(dir, kind, link, "properties"))))
		}
	}
	return n
}

// gpu is the node as a GPU; ok is false for a CPU and for a hidden GPU.
func (n kfdNode) gpu() (g GPU, ok bool) {
	p := n.props
	if p["simd_count"] == 0 {
		return GPU{}, false
	}
	g = GPU{
		Node: n.number, KFDID: n.id, Name: chipName(n.name), Arch: archName(p["gfx_target_version"]),
		Device: p["device_id"], UniqueID: ID(p["unique_id"]), HiveID: ID(p["hive_id"]), XGMI: p["num_sdma_xgmi_engines"] > 0,
		ClockMHz: bounded(p["max_engine_clk_fcompute"]),
	}
	g.Integrated = p["cpu_cores_count"] > 0 || slices.Contains(integratedArchs, g.Arch)
	if perCU := p["simd_per_cu"]; perCU > 0 {
		g.CUs = bounded(p["simd_count"] / perCU)
	}
	if id, ok := p["location_id"]; ok {
		g.PCI = pciAddress(p["domain"], id)
	}
	if minor := p["drm_render_minor"]; minor > 0 && minor < 1<<20 {
		g.Render = fmt.Sprintf("/dev/dri/renderD%d", minor)
	}
	n.memory(&g)
	return g, true
}

// memory adds up the card's own memory: one bank where the CPU sees all of
// it (a large BAR), else a public and a private one.
func (n kfdNode) memory(g *GPU) {
	const public, private = 1, 2 // heap types
	var width, clock uint64
	for _, b := range n.banks {
		if h := b["heap_type"]; h != public && h != private {
			continue
		}
		if size := b["size_in_bytes"]; size < 1<<50 {
			g.VRAM += int64(size)
		}
		width, clock = max(width, b["width"]), max(clock, b["mem_clk_max"])
	}
	g.MemClockMHz = bounded(clock)
	// On other memories than HBM the clock that KFD gives is of another kind.
	// Only HBM is as wide as this.
	const hbm = 1024
	if width >= hbm && width <= 1<<16 && g.MemClockMHz > 0 {
		gbs := float64(width) / 8 * transfers(g.Arch) * float64(clock) / 1000
		g.BandwidthGBs = &gbs
	}
}

// transfers are those of one clock of an HBM stack as KFD tells it: two up to
// HBM2E, four from HBM3 on, which MI300 (gfx94x) and its successors have.
// 8192 bit at 1300 MHz are the 5.3 TB/s of an MI300X.
func transfers(arch string) float64 {
	if strings.HasPrefix(arch, "gfx94") || strings.HasPrefix(arch, "gfx95") {
		return 4
	}
	return 2
}

// integratedArchs are the architectures that only processors with a GPU in
// them have, from LLVM's list of AMDGPU processors.
var integratedArchs = []string{"gfx700", "gfx801", "gfx810", "gfx902", "gfx909", "gfx90c", "gfx1013", "gfx1033", "gfx1035", "gfx1036",
	"gfx1103", "gfx1150", "gfx1151", "gfx1152", "gfx1153", "gfx1170", "gfx1171", "gfx1172"}

// chipName is KFD's name of a chip. The driver calls every chip that it knows
// by its IP blocks alone "ip discovery", which is no name.
func chipName(name string) string {
	if name == "ip discovery" {
		return ""
	}
	return name
}

// hidden tells whether the node can't be read: a control group hides the GPU.
// The CPUs' nodes always can be.
func (n kfdNode) hidden() bool { return len(n.props) == 0 }

// bounded is a count or a clock, 0 where it is none that can be.
func bounded(v uint64) int {
	if v > 1<<20 {
		return 0
	}
	return int(v)
}

// archName is LLVM's name of a gfx_target_version, which is major × 10000 +
// minor × 100 + stepping: 90008 is gfx908, 90010 gfx90a. "" for 0.
func archName(version uint64) string {
	if version == 0 || version >= 1000000 {
		return ""
	}
	return fmt.Sprintf("gfx%d%x%x", version/10000, version/100%100, version%100)
}

// pciAddress is the address in the kernel's form. location is bus << 8 |
// device << 3 | function.
func pciAddress(domain, location uint64) string {
	if location > 0xffff || domain > 0xffffffff {
		return ""
	}
	return fmt.Sprintf("%04x:%02x:%02x.%d", domain, location>>8, location>>3&31, location&7)
}

// Kinds of a link.
const (
	LinkXGMI  = "xGMI"
	LinkPCIe  = "PCIe"
	LinkOther = "other"
)

// Link is how one GPU reaches another. From and To are indices of
// Machine.GPUs.
type Link struct {
	From   int    `json:"from"`
	To     int    `json:"to"`
	Type   string `json:"type"`
	Hops   int    `json:"hops,omitempty"`   // xGMI links on the way; 0: not known
	Weight int    `json:"weight,omitempty"` // KFD's distance
}

// xgmiWeight is KFD's distance of one xGMI hop.
const xgmiWeight = 15

// links turns the nodes' links into those between GPUs. Where the kernel
// lists a pair twice the shorter way counts.
func links(nodes []kfdNode, gpus []GPU) []Link {
	index := map[uint64]int{} // GPU by node number
	for i, g := range gpus {
		if g.Node >= 0 {
			index[uint64(g.Node)] = i
		}
	}
	best := map[[2]int]Link{}
	for _, n := range nodes {
		from, ok := index[uint64(n.number)]
		if !ok {
			continue
		}
		for _, p := range n.links {
			to, ok := index[p["node_to"]]
			if _, stated := p["node_to"]; !ok || !stated || to == from {
				continue
			}
			l := newLink(from, to, p["type"], bounded(p["weight"]))
			if old, seen := best[[2]int{from, to}]; !seen || l.Weight < old.Weight {
				best[[2]int{from, to}] = l
			}
		}
	}
	var out []Link
	for from := range gpus {
		for to := range gpus {
			if l, ok := best[[2]int{from, to}]; ok {
				out = append(out, l)
			}
		}
	}
	return out
}

func newLink(from, to int, kind uint64, weight int) Link {
	l := Link{From: from, To: to, Type: LinkOther, Weight: weight}
	switch kind {
	case kfdPCIe:
		l.Type = LinkPCIe
	case kfdXGMI:
		l.Type = LinkXGMI
		l.Hops = (weight + xgmiWeight - 1) / xgmiWeight
	}
	return l
}
