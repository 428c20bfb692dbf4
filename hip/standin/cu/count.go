package cu

import (
	"slices"

	"ceiling/hip/standin/gcn"
)

// Counts are facts about a kernel's execution. None is a time.
type Counts struct {
	Waves        int64            `json:"waves"`
	Instructions int64            `json:"instructions"` // of waves
	ByFormat     map[string]int64 `json:"by_format"`
	MFMA         map[string]int64 `json:"mfma,omitempty"`
	Loaded       int64            `json:"loaded_bytes"`
	Stored       int64            `json:"stored_bytes"`
	Lines        int64            `json:"lines"` // of 64 bytes, touched by loads and stores
	Conflicts    int64            `json:"lds_conflicts"`
	// Forms are the forms of instructions that were executed, each once; only
	// where a program lists them.
	Forms []string `json:"forms,omitempty"`
}

func (c *Counts) add(in *gcn.Inst) {
	c.Instructions++
	increase(&c.ByFormat, in.Format.String(), 1)
	if in.MFMA() {
		increase(&c.MFMA, in.Name, 1)
	}
}

// Add adds what another kernel, or another part of one, has counted.
func (c *Counts) Add(o Counts) { c.addTimes(&o, 1) }

func (c *Counts) addTimes(o *Counts, n int64) {
	c.Waves += o.Waves * n
	c.Instructions += o.Instructions * n
	c.Loaded += o.Loaded * n
	c.Stored += o.Stored * n
	c.Lines += o.Lines * n
	c.Conflicts += o.Conflicts * n
	for f, k := range o.ByFormat {
		increase(&c.ByFormat, f, k*n)
	}
	for name, k := range o.MFMA {
		increase(&c.MFMA, name, k*n)
	}
}

// increase adds n under a name, in a map that is made when it is needed.
func increase(counts *map[string]int64, name string, n int64) {
	if *counts == nil {
		*counts = map[string]int64{}
	}
	(*counts)[name] += n
}

// counters are one worker's.
type counters struct {
	passes []int64 // through each block
	own    Counts
	clock  func() uint64
}

func (c *counters) pass(b *block) {
	for len(c.passes) <= b.id {
		c.passes = append(c.passes, 0)
	}
	c.passes[b.id]++
}

func (c *counters) moved(stored bool, bytes, lines int) {
	if stored {
		c.own.Stored += int64(bytes)
	} else {
		c.own.Loaded += int64(bytes)
	}
	c.own.Lines += int64(lines)
}

func (c *counters) sum(p *Program, into *Counts) {
	into.Add(c.own)
	for id, n := range c.passes {
		into.addTimes(&p.order[id].tally, n)
		if p.ListForms && n > 0 {
			into.Forms = append(into.Forms, p.order[id].forms()...)
		}
	}
	slices.Sort(into.Forms)
	into.Forms = slices.Compact(into.Forms)
}
