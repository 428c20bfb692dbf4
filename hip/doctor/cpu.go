package doctor

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"ceiling/hip/host"
	"ceiling/internal/figure"
)

const (
	areaCPU   = "CPU"
	areaPower = "power"
	areaModel = "model"
)

// cpu makes the checks of the processor and of what runs beside.
func (c *checks) cpu() {
	s := c.System
	if s.CPU == "" {
		c.add(areaCPU, "processor", StatusUnknown, "", "the model is unknown (/proc/cpuinfo)")
	} else {
		detail := s.CPU
		if s.Cores > 0 {
			detail += ", usable: " + figure.Count(s.Cores, "logical CPU")
		}
		if n := c.State.NUMANodes; n > 0 {
			detail += ", " + figure.Count(n, "NUMA node")
		}
		c.add(areaCPU, "processor", StatusOK, "", "%s", detail)
	}
	c.instructionSets()
	c.governor()
	c.load()
	c.hypervisor()
	c.memory()
	c.numa()
	switch c.State.HugePages {
	case "":
		c.add(areaCPU, "huge pages", StatusUnknown, "", "transparent_hugepage is unknown")
	case "never":
		c.add(areaCPU, "huge pages", StatusWarn, "`echo madvise > /sys/kernel/mm/transparent_hugepage/enabled`, or always", "transparent huge pages are off")
	default:
		c.add(areaCPU, "huge pages", StatusOK, "", "transparent huge pages: %s", c.State.HugePages)
	}
}

// instructionSets tells what the CPU back end was built for, and the result
// of the AMX probe.
func (c *checks) instructionSets() {
	if len(c.Build.InstructionSets) == 0 {
		c.add(areaCPU, "instruction sets", StatusUnknown, "build with `make build`, which records them", "engine.json does not tell what the CPU back end was built for")
		return
	}
	amx := "AMX is used"
	if !slices.ContainsFunc(c.Build.InstructionSets, func(s string) bool { return strings.HasPrefix(s, "AMX") }) {
		amx = "AMX is not used"
		for _, off := range c.Build.Off {
			if set, reason, ok := strings.Cut(off, ": "); ok && strings.HasPrefix(set, "AMX") {
				amx += " (" + reason + ")"
				break
			}
		}
	}
	c.add(areaCPU, "instruction sets", StatusOK, "", "built for %s; %s", strings.Join(c.Build.InstructionSets, " "), amx)
}

func (c *checks) governor() {
	switch g := c.System.Governor; {
	case g == "" && c.System.Hypervisor != "":
		c.add(areaCPU, "governor", StatusUnknown, "", "the host's, which a virtual machine does not see")
	case g == "":
		c.add(areaCPU, "governor", StatusUnknown, "", "unknown (no cpufreq)")
	case g != "performance":
		c.add(areaCPU, "governor", StatusWarn, "`cpupower frequency-set -g performance` holds the clocks", "%s: clocks may change during a run", g)
	default:
		c.add(areaCPU, "governor", StatusOK, "", "%s", g)
	}
}

func (c *checks) load() {
	v, err := strconv.ParseFloat(c.System.LoadAverage, 64)
	busy := host.BusyLoad(c.System.Cores)
	switch {
	case err != nil:
		c.add(areaCPU, "load", StatusUnknown, "", "the load average is unknown")
	case v >= busy:
		c.add(areaCPU, "load", StatusWarn, fmt.Sprintf("end other work, and wait until the load average is below %.3g", busy), "load average %s: other work is using this machine", c.System.LoadAverage)
	default:
		c.add(areaCPU, "load", StatusOK, "", "load average %s", c.System.LoadAverage)
	}
}

func (c *checks) hypervisor() {
	if h := c.System.Hypervisor; h != "" {
		if strings.HasPrefix(h, "yes") {
			h = "its kind is unknown"
		}
		c.add(areaCPU, "hypervisor", StatusWarn, "measure on bare metal where figures are to be compared between machines",
			"virtual machine (%s): its neighbours and its clock are not seen from here", h)
		return
	}
	if c.System.CPU == "" {
		c.add(areaCPU, "hypervisor", StatusUnknown, "", "unknown")
		return
	}
	c.add(areaCPU, "hypervisor", StatusOK, "", "none seen")
}

func (c *checks) memory() {
	s := c.System
	switch {
	case s.MemoryBytes == 0:
		c.add(areaCPU, "memory", StatusUnknown, "", "unknown (/proc/meminfo)")
	case s.MemoryLimit > 0:
		c.add(areaCPU, "memory", StatusWarn, "raise the container's limit if a model does not fit",
			"%s, of which a control group allows %s", figure.GiB(uint64(s.MemoryBytes)), figure.GiB(uint64(s.MemoryLimit)))
	case c.State.AvailableBytes > 0:
		c.add(areaCPU, "memory", StatusOK, "", "%s, %s available", figure.GiB(uint64(s.MemoryBytes)), figure.GiB(uint64(c.State.AvailableBytes)))
	default:
		c.add(areaCPU, "memory", StatusOK, "", "%s", figure.GiB(uint64(s.MemoryBytes)))
	}
}

// numa judges the kernel's moving of pages between nodes, which does nothing
// where there is one.
func (c *checks) numa() {
	switch {
	case c.State.NUMANodes < 2:
	case c.State.NUMABalancing:
		c.add(areaCPU, "NUMA balancing", StatusWarn, "`sysctl kernel.numa_balancing=0` while you measure", "on: the kernel stops threads to move their pages between %d nodes", c.State.NUMANodes)
	default:
		c.add(areaCPU, "NUMA balancing", StatusOK, "", "off")
	}
}

// power tells which sensors a run can sample.
func (c *checks) power() {
	if len(c.PowerDevices) > 0 {
		c.add(areaPower, "sensors", StatusOK, "", "can be read: %s", strings.Join(c.PowerDevices, ", "))
	}
	for _, n := range c.PowerNotes {
		c.add(areaPower, "sensors", StatusWarn, "without them the report has no energy for the device", "%s", n)
	}
	if len(c.PowerDevices)+len(c.PowerNotes) == 0 {
		c.add(areaPower, "sensors", StatusUnknown, "", "no power sensor on this machine: neither amdgpu's hwmon nor RAPL")
	}
}

// model compares what a model takes with what is free.
func (c *checks) model() {
	m := c.Model
	if m == nil {
		return
	}
	if m.Problem != "" {
		c.add(areaModel, "memory", StatusUnknown, "", "%s", m.Problem)
		return
	}
	for _, n := range m.Needs {
		switch {
		case !n.Known:
			c.add(areaModel, "memory", StatusUnknown, "", "%s (%s)", n.Text, m.Shape)
		case n.Lacks:
			c.add(areaModel, "memory", StatusFail, "use fewer or shorter sequences, a smaller --kv-type, more devices or a smaller quantisation",
				"%s (%s)", n.Text, m.Shape)
		default:
			c.add(areaModel, "memory", StatusOK, "", "%s (%s)", n.Text, m.Shape)
		}
	}
}
