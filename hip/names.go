package hip

import (
	"fmt"
	"strconv"
	"strings"
)

// instincts are AMD's compute cards by PCI device id, for machines without
// libdrm's list. From the PCI ID repository.
var instincts = map[uint64]string{
	0x6860: "AMD Instinct MI25",
	0x7388: "AMD Instinct MI100", 0x738c: "AMD Instinct MI100", 0x738e: "AMD Instinct MI100",
	0x7408: "AMD Instinct MI250X", 0x740c: "AMD Instinct MI250X/MI250", 0x740f: "AMD Instinct MI210",
	0x74a0: "AMD Instinct MI300A", 0x74a1: "AMD Instinct MI300X",
}

// idLists are where libdrm's list of card names may lie.
var idLists = []string{"usr/share/libdrm/amdgpu.ids", "opt/amdgpu/share/libdrm/amdgpu.ids"}

// cardNames is libdrm's list: names by "device,revision" in upper-case hex.
func (t tree) cardNames() map[string]string {
	for _, file := range idLists {
		if text := t.text(file); text != "" {
			return parseIDs(text)
		}
	}
	return nil
}

// parseIDs reads amdgpu.ids: lines "738C, 01, AMD Instinct MI100".
func parseIDs(text string) map[string]string {
	names := map[string]string{}
	for line := range strings.Lines(text) {
		f := strings.SplitN(line, ",", 3)
		if len(f) != 3 || strings.HasPrefix(line, "#") {
			continue
		}
		device, errd := strconv.ParseUint(strings.TrimSpace(f[0]), 16, 16)
		revision, errr := strconv.ParseUint(strings.TrimSpace(f[1]), 16, 8)
		if name := clean(f[2]); errd == nil && errr == nil && name != "" {
			names[idKey(device, revision)] = name
		}
	}
	return names
}

func idKey(device, revision uint64) string { return fmt.Sprintf("%04X,%02X", device, revision) }

// cardName is what the report calls a card: its product name, else the
// chip's code name, else its PCI ids.
func cardName(g *GPU, revision uint64, names map[string]string) string {
	if n := names[idKey(g.Device, revision)]; n != "" {
		if !strings.HasPrefix(n, "AMD") {
			n = "AMD " + n
		}
		return n
	}
	switch n := instincts[g.Device]; {
	case n != "":
		return n
	case g.Name != "":
		return "AMD " + g.Name
	case g.Device != 0:
		return fmt.Sprintf("AMD GPU 1002:%04x", g.Device)
	}
	return "AMD GPU"
}
