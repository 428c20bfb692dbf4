// Package inventory lists what a model can be loaded on: the engine's devices and
// the machine's GPUs with their links.
package inventory

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"ceiling/hip"
	"ceiling/internal/figure"
	"ceiling/internal/machine"
)

// Inventory is what `ceiling devices` prints.
type Inventory struct {
	Devices []ListedDevice  `json:"devices"`
	Machine hip.Machine     `json:"machine"` // the cards, and the links between them
	Runtime *RuntimeListing `json:"hip_runtime,omitempty"`
	NVIDIA  *hip.NVIDIA     `json:"nvidia,omitempty"`
}

// ListedDevice is one of the engine's devices with its card; Name is "" for a card that
// no back end can use.
type ListedDevice struct {
	machine.DeviceInfo
	PCI   string   `json:"pci,omitempty"`
	GPU   *hip.GPU `json:"gpu,omitempty"`
	Index *int     `json:"gpu_index,omitempty"` // in Machine.GPUs
}

// RuntimeListing is what the HIP runtime tells beyond sysfs.
type RuntimeListing struct {
	Path    string              `json:"path,omitempty"`
	Version string              `json:"version,omitempty"`
	Devices []hip.RuntimeDevice `json:"devices,omitempty"`
	Peers   []hip.Peer          `json:"peers,omitempty"`
	Error   string              `json:"error,omitempty"`
}

// List joins the engine's devices, of which the information and the PCI address
// are set, and the cards by that address.
func List(devices []ListedDevice, m hip.Machine) *Inventory {
	list := &Inventory{Machine: m, Devices: []ListedDevice{}}
	used := map[int]bool{}
	for _, d := range devices {
		if id := d.PCI; id != "" {
			if at := slices.IndexFunc(m.GPUs, func(g hip.GPU) bool { return g.PCI == id }); at >= 0 {
				d.GPU, d.Index, used[at] = &m.GPUs[at], &at, true
			}
		}
		list.Devices = append(list.Devices, d)
	}
	for i := range m.GPUs {
		if g := &m.GPUs[i]; !used[i] {
			info := machine.DeviceInfo{Description: g.Name, Type: "gpu", MemoryTotal: g.VRAM}
			if g.Integrated {
				info.Type = "igpu"
			}
			if g.VRAMUsed != nil {
				info.MemoryFree = max(0, g.VRAM-*g.VRAMUsed)
			}
			list.Devices = append(list.Devices, ListedDevice{DeviceInfo: info, GPU: g, Index: &i})
		}
	}
	return list
}

// AddRuntime asks the HIP runtime. Where there is none, nothing is lost that
// sysfs does not tell.
func (l *Inventory) AddRuntime() {
	r, err := hip.OpenRuntime()
	if errors.Is(err, hip.ErrNoRuntime) {
		return
	}
	l.Runtime = &RuntimeListing{}
	if err == nil {
		l.Runtime.Path = r.Path()
		l.Runtime.Version, err = r.Version()
	}
	if err == nil {
		l.Runtime.Devices, err = r.Devices()
	}
	if err == nil {
		l.Runtime.Peers, err = r.Peers()
	}
	if err != nil {
		l.Runtime.Error = err.Error()
	}
}

// Print writes the tables.
func (l *Inventory) Print(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "NAME\tTYPE\tMEMORY\tFREE\tDESCRIPTION")
	for _, d := range l.Devices {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", figure.OrMissing(d.Name), d.Type, memory(d.MemoryTotal), memory(d.MemoryFree), d.Description)
	}
	if len(l.Machine.GPUs) > 0 {
		fmt.Fprintln(w, "\nGPU\tPCI\tDEVICE\tARCH\tVRAM\tBANDWIDTH\tPOWER CAP\tPCIE (PORT)\tHIVE")
		for i := range l.Machine.GPUs {
			g := &l.Machine.GPUs[i]
			fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", i, figure.OrMissing(g.PCI), l.nameOf(i), archText(g),
				memory(g.VRAM), unit(g.BandwidthGBs, "GB/s"), capText(g.PowerCapW, g.PowerCapDefaultW), portText(g.PCIe), hiveText(g))
		}
	}
	l.printNVIDIA(w)
	if err := w.Flush(); err != nil {
		return err
	}
	if err := l.printLinks(out); err != nil {
		return err
	}
	return l.printVersions(out)
}

// printNVIDIA writes the table of NVIDIA's cards, as their driver tells.
func (l *Inventory) printNVIDIA(w io.Writer) {
	if l.NVIDIA == nil || len(l.NVIDIA.Cards) == 0 {
		return
	}
	fmt.Fprintln(w, "\nNVIDIA GPU\tPCI\tDEVICE\tVRAM\tMAX CLOCK\tPOWER CAP\tDRIVER")
	for _, c := range l.NVIDIA.Cards {
		device := ""
		for _, d := range l.Devices {
			if d.PCI == c.PCI {
				device = d.Name
			}
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%d MHz\t%s\t%s\n", c.Name, c.PCI, figure.OrMissing(device), memory(c.VRAM), c.MaxClockMHz,
			capText(c.PowerCapW, c.PowerCapDefaultW), figure.OrMissing(l.NVIDIA.Driver))
	}
}

// nameOf is the engine's name of a card, or that there is none.
func (l *Inventory) nameOf(gpu int) string {
	var names []string
	for _, d := range l.Devices {
		if d.Index != nil && *d.Index == gpu && d.Name != "" {
			names = append(names, d.Name)
		}
	}
	return figure.OrMissing(strings.Join(names, ", "))
}

// printLinks writes the link matrix: the row's GPU reaches the column's.
func (l *Inventory) printLinks(out io.Writer) error {
	n := len(l.Machine.GPUs)
	if n < 2 {
		return nil
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprint(w, "\nLINK")
	for to := range n {
		fmt.Fprintf(w, "\t%d", to)
	}
	fmt.Fprintln(w)
	for from := range n {
		fmt.Fprintf(w, "%d", from)
		for to := range n {
			fmt.Fprintf(w, "\t%s", l.linkText(from, to))
		}
		fmt.Fprintln(w)
	}
	return w.Flush()
}

// linkText is one cell of the matrix. Where the kernel lists no link, the way
// goes through the host.
func (l *Inventory) linkText(from, to int) string {
	if from == to {
		return "·"
	}
	for _, k := range l.Machine.Links {
		if k.From != from || k.To != to {
			continue
		}
		switch {
		case k.Hops == 1:
			return k.Type + " 1 hop"
		case k.Hops > 1:
			return fmt.Sprintf("%s %d hops", k.Type, k.Hops)
		}
		return k.Type
	}
	return figure.Missing
}

func (l *Inventory) printVersions(out io.Writer) error {
	var lines []string
	if d := l.Machine.Driver.Text(); d != "" {
		lines = append(lines, "driver (ROCk)  "+d)
	}
	if l.Machine.ROCm != "" {
		lines = append(lines, "ROCm           "+l.Machine.ROCm)
	}
	if r := l.Runtime; r != nil && r.Error != "" {
		lines = append(lines, "HIP runtime    "+r.Error)
	} else if r != nil {
		lines = append(lines, fmt.Sprintf("HIP runtime    %s, %s, P2P access: %s", r.Version, r.Path, peersText(r.Peers)))
	}
	notes := l.Machine.Notes
	if missing := l.Machine.Missing(nil); missing != "" {
		notes = append(notes, missing+"; `ceiling doctor` says what to do")
	}
	for _, n := range notes {
		lines = append(lines, "note           "+n)
	}
	if len(lines) == 0 {
		return nil
	}
	_, err := fmt.Fprintf(out, "\n%s\n", strings.Join(lines, "\n"))
	return err
}

// peersText counts the pairs with access.
func peersText(peers []hip.Peer) string {
	can := 0
	for _, p := range peers {
		if p.Access {
			can++
		}
	}
	switch {
	case len(peers) == 0:
		return "one device"
	case can == len(peers):
		return "every pair"
	}
	return fmt.Sprintf("%d of %d ordered pairs", can, len(peers))
}

func archText(g *hip.GPU) string {
	if g.Integrated {
		return figure.OrMissing(g.Arch) + " (integrated)"
	}
	return figure.OrMissing(g.Arch)
}

func capText(now, normal *float64) string {
	if now == nil {
		return figure.Missing
	}
	text := unit(now, "W")
	if normal != nil && *normal != *now {
		text += fmt.Sprintf(" (default %.0f W)", *normal)
	}
	return text
}

func portText(l *hip.PCIeLink) string {
	switch {
	case l == nil:
		return figure.Missing
	case l.Inner:
		return l.Text() + " (the GPU's own)"
	}
	return l.Text() + " (" + l.Port + ")"
}

func hiveText(g *hip.GPU) string {
	if g.HiveID == 0 {
		return "none"
	}
	return fmt.Sprintf("0x%x", uint64(g.HiveID))
}

// unit prints a number with its unit, without needless decimals.
func unit(v *float64, name string) string {
	if v == nil {
		return figure.Missing
	}
	return strconv.FormatFloat(*v, 'f', -1, 64) + " " + name
}

// memory prints bytes in GiB; a back end that does not know reports 0.
func memory(n int64) string {
	if n <= 0 {
		return figure.Missing
	}
	return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
}
