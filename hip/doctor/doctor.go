// Package doctor judges whether a machine is fit to measure on: it turns
// facts into checks, each with a state and, where something is wrong, a
// remedy. Judging reads nothing, so that every judgement can be tested; Read
// gathers the facts.
package doctor

import (
	"fmt"

	"ceiling/hip"
	"ceiling/internal/machine"
)

// CheckStatus is how a check came out.
type CheckStatus string

// A check that could not be made is StatusUnknown, never StatusOK.
const (
	StatusOK      CheckStatus = "ok"
	StatusWarn    CheckStatus = "warn" // works, but slower or less certain than it could
	StatusFail    CheckStatus = "fail" // does not work, or would end a run
	StatusUnknown CheckStatus = "unknown"
)

// Check is one judgement.
type Check struct {
	Area   string      `json:"area"` // "GPU", "links", "CPU", "model", …
	Name   string      `json:"name"`
	Status CheckStatus `json:"status"`
	Detail string      `json:"detail"`
	Remedy string      `json:"remedy,omitempty"`
}

// Facts are what the checks judge.
type Facts struct {
	Machine hip.Machine
	State   hip.SystemState
	System  machine.System
	// Live says that the facts are of this machine, not of a copied tree: only
	// then were device files and the HIP runtime tried.
	Live    bool
	Access  []Access
	Build   Build
	Library HIPBackend
	Runtime *RuntimeFacts // nil: not asked
	// Env are the variables of this process's environment that bear on the
	// GPUs. One that is set and empty is in it.
	Env   map[string]string
	Model *ModelMemory // nil: none given
	// PowerNotes say why sensors of power can't be read; PowerDevices are
	// those that can.
	PowerNotes   []string
	PowerDevices []string
}

// Access is the trial to open a device file; Problem is "" where it opened.
type Access struct{ Path, Problem string }

// Build is what the engine's libraries were built as.
type Build struct {
	Backends        []string
	Preset          string
	Toolkit         string   // "HIP 6.4.43482"; "" where not recorded
	Targets         []string // GPU architectures
	Collectives     string   // "rccl 2.22", "none", ""
	InstructionSets []string
	Off             []string // instruction sets left out, with the reason
}

// HIPBackend is libggml-hip.so as its file tells.
type HIPBackend struct {
	Path    string   // "" where the build has none
	Archs   []string // with code in it
	Needs   []string // shared libraries
	Problem string   // why it could not be read
}

// RuntimeFacts is what the HIP runtime answered.
type RuntimeFacts struct {
	Version string
	Path    string
	Devices []string // PCI addresses, in the runtime's order
	Peers   []hip.Peer
	Missing bool     // there is no runtime
	Problem string   // why it did not start
	Sum     *CardSum // nil: not tried
}

// CardSum is what came of adding a known vector up over the cards by RCCL.
type CardSum struct {
	Version string // of RCCL
	Missing bool   // there is no RCCL
	Problem string // "": the sum is right
}

// ModelMemory is the memory that a model would take, by device.
type ModelMemory struct {
	Name    string
	Shape   string // "1 sequence of 4096 tokens, ubatch 512"
	Needs   []DeviceNeed
	Problem string // why it is not known
}

// DeviceNeed is what one device would hold and what it has: see engine.Need, which
// judges it here as before a run.
type DeviceNeed struct {
	Text  string
	Known bool // what is free is told
	Lacks bool
}

// Run makes all checks that apply to the machine.
func Run(f Facts) []Check {
	c := &checks{Facts: f, cards: f.Machine.Cards()}
	c.gpus()
	c.cpu()
	c.power()
	c.model()
	return c.list
}

// Failed counts the checks that failed.
func Failed(list []Check) int {
	n := 0
	for _, c := range list {
		if c.Status == StatusFail {
			n++
		}
	}
	return n
}

// checks collects the judgements.
type checks struct {
	Facts
	cards []hip.GPU // those that a model would run on, see hip.Machine.Cards
	list  []Check
}

func (c *checks) add(area, name string, s CheckStatus, remedy, format string, args ...any) {
	if s == StatusOK {
		remedy = ""
	}
	c.list = append(c.list, Check{Area: area, Name: name, Status: s, Detail: fmt.Sprintf(format, args...), Remedy: remedy})
}
