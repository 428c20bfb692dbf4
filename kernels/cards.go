package kernels

import (
	"slices"
	"strings"
)

// Probes of cards that limits are made of (kernels/gpu).
const (
	cardRead       = "hbm.read"
	cardGEMV       = "hbm.gemv." // and the storage type
	cardNode       = "launch.graph"
	cardDot        = "valu.dot4"
	cardReduceRCCL = "allreduce.rccl"
	cardReduceCopy = "allreduce.butterfly"
)

// EachNode is the variant of launch.graph that says what a node takes.
const EachNode = "each node"

// alone says whether a measurement is of one card that had the machine for itself.
func alone(m Measurement) bool { return len(m.Devices) == 1 }

// CardRoofs are the limits of a number of cards that share a model, by tensors or by
// layers, as each was measured alone. Matrices are read at the rate of the products
// of their storage type, where those were measured. Sums over cards are RCCL's where it was
// measured, else those of copies, as llama.cpp without it.
func (c *Ceilings) CardRoofs(devices int, tensors bool) (Roofs, error) {
	r := Roofs{Name: CardsName, Devices: devices, Tensors: tensors && devices > 1, Compute: map[Class]float64{}, Matrices: map[string]MatrixRates{},
		Dot: c.best(cardDot, alone), DotTokens: mmvqTokens,
		Node: c.best(cardNode, func(m Measurement) bool { return alone(m) && m.Variant == EachNode })}
	memory := c.best(cardRead, alone)
	for _, m := range c.Measurements {
		storage, gemv := strings.CutPrefix(m.Probe, cardGEMV)
		if rate := c.best(m.Probe, alone); gemv && rate > 0 {
			r.Matrices[storage] = MatrixRates{Read: rate}
			memory = max(memory, rate)
		}
	}
	if memory == 0 {
		return r, ErrNoRoofs
	}
	r.Read = []Level{{Name: "HBM", Rate: memory}}
	for _, m := range c.Measurements {
		if m.Verdict == OK && alone(m) && (m.Probe == cardRead || strings.HasPrefix(m.Probe, cardGEMV)) {
			r.Sources = append(r.Sources, source("memory", m))
		}
	}
	for class, probe := range map[Class]string{F32: "mfma.f32", F16: "mfma.f16", BF: "mfma.bf16", Int8: "mfma.i8"} {
		if rate := c.best(probe, alone); rate > 0 {
			r.Compute[class] = rate
		}
	}
	if r.Tensors {
		r.AllReduce = c.reduces(cardReduceRCCL, devices)
		if r.AllReduce == nil {
			r.AllReduce = c.reduces(cardReduceCopy, devices)
		}
	}
	return r, r.Check()
}

// reduces are the best times of a way of adding up over a number of cards, by size.
func (c *Ceilings) reduces(probe string, devices int) []TimeForBytes {
	var out []TimeForBytes
	for _, m := range c.find(probe, func(m Measurement) bool { return len(m.Devices) == devices }) {
		i := slices.IndexFunc(out, func(p TimeForBytes) bool { return p.Bytes == float64(m.Bytes) })
		if i < 0 {
			out = append(out, TimeForBytes{float64(m.Bytes), m.Summary.Best})
			continue
		}
		out[i].Seconds = min(out[i].Seconds, m.Summary.Best)
	}
	slices.SortFunc(out, func(a, b TimeForBytes) int { return int(a.Bytes - b.Bytes) })
	return out
}

// Cards is how many cards were measured alone.
func (c *Ceilings) Cards() int {
	var seen []int
	for _, m := range c.Measurements {
		if alone(m) && !slices.Contains(seen, m.Devices[0]) {
			seen = append(seen, m.Devices[0])
		}
	}
	return len(seen)
}
