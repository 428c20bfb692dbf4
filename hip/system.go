package hip

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"ceiling/internal/figure"
	"ceiling/internal/machine"
)

// Describe fills in what the report says of the machine's GPUs, in the
// reference's words: "4× AMD Instinct MI100 (gfx908)", "Present (hive_id
// 0x…)". Fields that the tree does not tell stay as they are.
func (m Machine) Describe(s *machine.System) {
	s.ROCkModule, s.ROCm = m.Driver.Text(), m.Release()
	if len(m.GPUs) == 0 {
		return
	}
	s.GPUs, s.XGMI, s.GPULinks = m.Summary(), m.XGMI(), m.LinkSummary()
	for _, g := range m.GPUs {
		c := machine.Card{
			Name: g.Name, Arch: g.Arch, PCI: g.PCI, VRAMBytes: g.VRAM, BandwidthGBs: g.BandwidthGBs,
			ComputeUnits: g.CUs, MaxClockMHz: g.ClockMHz, VBIOS: g.VBIOS,
			PowerCapW: g.PowerCapW, PowerCapDefaultW: g.PowerCapDefaultW, PCIe: g.PCIe.Text(),
		}
		if g.PCIe != nil && g.PCIe.Inner {
			c.PCIe += " (the GPU's own link)"
		}
		if g.HiveID != 0 {
			c.HiveID = fmt.Sprintf("0x%x", uint64(g.HiveID))
		}
		if g.UniqueID != 0 {
			c.UniqueID = fmt.Sprintf("0x%016x", uint64(g.UniqueID))
		}
		s.Cards = append(s.Cards, c)
	}
}

// Text is a link in short: "16 GT/s ×16". "" for nil.
func (l *PCIeLink) Text() string {
	if l == nil {
		return ""
	}
	return strconv.FormatFloat(l.SpeedGTs, 'f', -1, 64) + " GT/s ×" + strconv.Itoa(l.Width)
}

// XGMI says which of the cards are bridged. "" for cards that can't be.
func (m Machine) XGMI() string {
	able := 0 // a processor's GPU among others, say, can't be bridged
	members := map[ID]int{}
	var ids []ID
	for _, g := range m.GPUs {
		if g.XGMI || g.HiveID != 0 {
			able++
		}
		if g.HiveID == 0 {
			continue
		}
		if members[g.HiveID]++; members[g.HiveID] == 1 {
			ids = append(ids, g.HiveID)
		}
	}
	if able == 0 {
		return ""
	}
	if len(ids) == 0 {
		return "Not present (no bridge: hive_id 0)"
	}
	if len(ids) == 1 && members[ids[0]] == able {
		return fmt.Sprintf("Present (hive_id 0x%x)", uint64(ids[0]))
	}
	slices.Sort(ids)
	texts := make([]string, len(ids))
	for i, id := range ids {
		texts[i] = fmt.Sprintf("hive_id 0x%x: %d of %d GPUs", uint64(id), members[id], able)
	}
	return "Present (" + strings.Join(texts, ", ") + ")"
}

// LinkSummary is the GPUs' links in one line: "xGMI, 1 hop, between every
// pair", or each kind with its pairs. "" where the kernel lists none.
func (m Machine) LinkSummary() string {
	cards := len(m.Cards())
	pairs := cards * (cards - 1) / 2
	count := map[string]int{}
	var kinds []string
	for _, l := range m.Links {
		if l.From > l.To {
			continue // both directions are listed
		}
		if cards < len(m.GPUs) && (m.GPUs[l.From].Integrated || m.GPUs[l.To].Integrated) {
			continue
		}
		kind := l.Type
		if l.Hops > 0 {
			kind += ", " + figure.Count(l.Hops, "hop")
		}
		if count[kind]++; count[kind] == 1 {
			kinds = append(kinds, kind)
		}
	}
	slices.Sort(kinds)
	if len(kinds) == 1 && count[kinds[0]] == pairs {
		return kinds[0] + ", between every pair"
	}
	for i, kind := range kinds {
		kinds[i] = fmt.Sprintf("%s: %d of %s", kind, count[kind], figure.Count(pairs, "pair"))
	}
	return strings.Join(kinds, "; ")
}
