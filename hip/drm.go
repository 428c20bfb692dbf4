package hip

import (
	"path"
	"slices"
	"strconv"
	"strings"
)

const (
	vendorAMD = 0x1002 // of GPUs and of the bridges on their boards; AMD's CPUs have another
	drmClass  = "sys/class/drm"
)

// drmCard is one of the amdgpu driver's cards.
type drmCard struct {
	name     string // "card0"
	dir      string // its PCI device's folder
	pci      string
	uniqueID uint64
	listed   bool // by KFD
}

// cards lists AMD's cards. A server's management controller is often card0.
func (t tree) cards() []drmCard {
	var out []drmCard
	for _, name := range t.numbered(drmClass, "card") {
		dir := path.Join(drmClass, name, "device")
		if v, ok := t.number(dir + "/vendor"); !ok || v != vendorAMD {
			continue
		}
		uevent := t.text(dir + "/uevent")
		if slices.Contains(strings.Fields(uevent), "DRIVER="+oldDriver) {
			continue
		}
		c := drmCard{name: name, dir: dir, pci: parseSlot(uevent)}
		c.uniqueID, _ = strconv.ParseUint(t.text(dir+"/unique_id"), 16, 64)
		if c.pci == "" {
			if base := path.Base(t.link(dir)); isPCI(base) {
				c.pci = base
			}
		}
		out = append(out, c)
	}
	return out
}

// findCard returns the card of a GPU that KFD lists, by its PCI address or,
// where one of the two is unknown, by its unique id.
func findCard(cards []drmCard, g GPU) *drmCard {
	for i := range cards {
		if c := &cards[i]; c.pci != "" && c.pci == g.PCI {
			return c
		}
	}
	for i := range cards {
		if c := &cards[i]; c.uniqueID != 0 && c.uniqueID == uint64(g.UniqueID) && (c.pci == "" || g.PCI == "") {
			return c
		}
	}
	return nil
}

// parseSlot is the PCI address in a uevent file, or "".
func parseSlot(uevent string) string {
	for line := range strings.Lines(uevent) {
		if slot, ok := strings.CutPrefix(strings.TrimSpace(line), "PCI_SLOT_NAME="); ok && isPCI(slot) {
			return strings.ToLower(slot)
		}
	}
	return ""
}

// isPCI tells whether s has the form of 0000:83:00.0.
func isPCI(s string) bool {
	f := strings.FieldsFunc(s, func(r rune) bool { return r == ':' || r == '.' })
	if len(f) != 4 || strings.Count(s, ":") != 2 || len(s) < 12 || len(s) > 16 {
		return false
	}
	for _, part := range f {
		if _, err := strconv.ParseUint(part, 16, 32); err != nil {
			return false
		}
	}
	return true
}

// completeDRM adds what the card's own files tell.
func (t tree) completeDRM(g *GPU) {
	g.Integrated = g.Integrated || t.integrated(g.dir)
	// KFD may count what a processor's GPU can borrow from the system's memory.
	if g.VRAM == 0 || g.Integrated {
		if v, ok := t.number(g.dir + "/mem_info_vram_total"); ok && v < 1<<50 {
			g.VRAM = int64(v)
		}
	}
	if v, ok := t.number(g.dir + "/mem_info_vram_used"); ok && v < 1<<50 {
		used := int64(v)
		g.VRAMUsed = &used
	}
	if g.Device == 0 {
		g.Device, _ = t.number(g.dir + "/device")
	}
	if g.HiveID == 0 {
		hive, _ := t.number(g.dir + "/xgmi_hive_info/xgmi_hive_id")
		g.HiveID = ID(hive)
	}
	if n, err := strconv.Atoi(t.text(g.dir + "/numa_node")); err == nil && n >= 0 && n < 1<<16 {
		g.NUMANode = &n
	}
	g.VBIOS = t.line(g.dir + "/vbios_version")
	g.PerfMode = t.line(g.dir + "/power_dpm_force_performance_level")
	g.SCLK = parseDPM(t.text(g.dir + "/pp_dpm_sclk"))
	g.MCLK = parseDPM(t.text(g.dir + "/pp_dpm_mclk"))
	for _, name := range t.numbered(g.dir+"/hwmon", "hwmon") {
		dir := path.Join(g.dir, "hwmon", name)
		if t.text(dir+"/name") == "amdgpu" {
			g.hwmon = dir
			break
		}
	}
	if g.hwmon != "" {
		g.PowerCapW = t.watts(g.hwmon + "/power1_cap")
		g.PowerCapDefaultW = t.watts(g.hwmon + "/power1_cap_default")
	}
}

// integrated tells a processor's GPU by its gpu_metrics: formats 2 and 3 are
// of processors, 1 is of cards.
func (t tree) integrated(dir string) bool {
	f, err := t.open(dir + "/gpu_metrics")
	if err != nil {
		return false
	}
	defer f.Close()
	var head [4]byte // size (2), format, content
	_, err = f.ReadAt(head[:], 0)
	return err == nil && (head[2] == 2 || head[2] == 3)
}

// watts reads a file in µW; nil for none and for 0, which means "not set".
func (t tree) watts(name string) *float64 {
	v, ok := t.number(name)
	if !ok || v == 0 || v > 1e11 {
		return nil
	}
	w := float64(v) / 1e6
	return &w
}

func (t tree) revision(dir string) uint64 {
	if dir == "" {
		return 0
	}
	v, _ := t.number(dir + "/revision")
	return v
}

// DPM is a clock's levels.
type DPM struct {
	LevelsMHz []int `json:"levels_mhz"`
	Current   int   `json:"current"` // index of the level in use; -1: unknown
}

// parseDPM reads a pp_dpm file: lines such as "1: 495Mhz *", the star at the
// level in use. nil where there is no level ("unavailable").
func parseDPM(text string) *DPM {
	d := DPM{Current: -1}
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) < 2 || !strings.HasSuffix(f[0], ":") {
			continue
		}
		number, ok := cutFold(f[1], "mhz")
		mhz, err := strconv.Atoi(number)
		if !ok || err != nil || mhz < 0 || mhz > 1<<20 {
			continue
		}
		if len(f) > 2 && f[2] == "*" {
			d.Current = len(d.LevelsMHz)
		}
		d.LevelsMHz = append(d.LevelsMHz, mhz)
	}
	if len(d.LevelsMHz) == 0 {
		return nil
	}
	return &d
}

// cutFold removes a suffix in whatever case.
func cutFold(s, suffix string) (string, bool) {
	if len(s) < len(suffix) || !strings.EqualFold(s[len(s)-len(suffix):], suffix) {
		return s, false
	}
	return s[:len(s)-len(suffix)], true
}

// PCIeLink is the slowest PCIe link between a card and the CPU. Many cards
// have a bridge of their own: the GPU's link is then an inner one that says
// nothing about the slot, which only the bridge's upstream port tells.
type PCIeLink struct {
	Port     string  `json:"port"`                 // PCI address of the link's lower end
	SpeedGTs float64 `json:"speed_gt_s,omitempty"` // GT/s per lane, now
	Width    int     `json:"width,omitempty"`      // lanes
	MaxGTs   float64 `json:"max_speed_gt_s,omitempty"`
	MaxWidth int     `json:"max_width,omitempty"`
	// Inner is true where only the GPU's own link is known and the card's
	// upstream port, if it has one, is not.
	Inner bool `json:"inner,omitempty"`
}

// rate compares links: lanes × transfers.
func (l PCIeLink) rate() float64 { return l.SpeedGTs * float64(l.Width) }

// pcieLink is the slowest of the links from the card's upstream port up to
// the CPU. dir is the GPU's own folder, used where sysfs does not tell what
// is above it (a copied tree without links).
func (t tree) pcieLink(pci, dir string) *PCIeLink {
	above := t.pciPath(pci, dir)
	if len(above) == 0 {
		if dir == "" {
			return nil
		}
		if l, ok := t.link1(dir); ok {
			l.Port, l.Inner = pci, true
			return &l
		}
		return nil
	}
	// The path goes from the CPU down to the GPU; the card begins at the
	// topmost of the AMD devices at its end.
	up := len(above) - 1
	for up > 0 {
		if v, ok := t.number(above[up-1] + "/vendor"); !ok || v != vendorAMD {
			break
		}
		up--
	}
	var slowest *PCIeLink
	for i := up; i >= 0; i-- {
		l, ok := t.link1(above[i])
		l.Port = path.Base(above[i])
		if ok && (slowest == nil || l.rate() < slowest.rate()) {
			slowest = &l
		}
	}
	return slowest
}

// pciPath is the folders of the PCI devices from the root port down to the
// device itself, nil where sysfs does not tell.
func (t tree) pciPath(pci, dir string) []string {
	full := t.link("sys/bus/pci/devices/" + pci)
	if full == "" && dir != "" {
		// card0/device is itself a link, but card0 may be one too.
		if card := t.link(path.Dir(dir)); card != "" {
			full = t.link(path.Join(card, "device"))
		} else {
			full = t.link(dir)
		}
	}
	var out []string
	for at := full; at != "." && at != "/" && at != ""; at = path.Dir(at) {
		if isPCI(path.Base(at)) {
			out = append(out, at)
		}
	}
	slices.Reverse(out)
	return out
}

// link1 reads one device's link; ok is false where its speed or width is not
// told.
func (t tree) link1(dir string) (l PCIeLink, ok bool) {
	l = PCIeLink{
		SpeedGTs: parseSpeed(t.text(dir + "/current_link_speed")), Width: t.lanes(dir + "/current_link_width"),
		MaxGTs: parseSpeed(t.text(dir + "/max_link_speed")), MaxWidth: t.lanes(dir + "/max_link_width"),
	}
	return l, l.SpeedGTs > 0 && l.Width > 0
}

// lanes is a link's width; 0 for none. 255 is what a device answers that has
// no such register.
func (t tree) lanes(name string) int {
	v, ok := t.number(name)
	if !ok || v > 32 {
		return 0
	}
	return int(v)
}

// parseSpeed reads "16.0 GT/s PCIe"; 0 for anything else ("Unknown").
func parseSpeed(text string) float64 {
	f := strings.Fields(text)
	if len(f) < 2 || f[1] != "GT/s" {
		return 0
	}
	v, err := strconv.ParseFloat(f[0], 64)
	if err != nil || !(v > 0 && v < 1000) {
		return 0
	}
	return v
}
