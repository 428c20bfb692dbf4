package host

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// cpuInfo is /proc/cpuinfo as blocks of key and value, one block per logical
// CPU. Keys are in lower case: architectures differ in "model name" and
// "Model Name". A trailing block without a processor number holds what the
// kernel says once for the machine ("Hardware", "machine").
type cpuInfo []map[string]string

// parseCPUInfo never fails; text that is not /proc/cpuinfo gives few or no
// blocks.
func parseCPUInfo(text string) cpuInfo {
	var info cpuInfo
	block := map[string]string{}
	flush := func() {
		if len(block) > 0 {
			info = append(info, block)
			block = map[string]string{}
		}
	}
	for line := range strings.Lines(text) {
		if strings.TrimSpace(line) == "" {
			flush()
			continue
		}
		key, value, ok := strings.Cut(line, ":")
		if !ok {
			continue
		}
		key = strings.ToLower(strings.TrimSpace(key))
		// Some kernels print no blank line between CPUs.
		if _, seen := block[key]; seen && key == "processor" {
			flush()
		}
		block[key] = strings.TrimSpace(value)
	}
	flush()
	return info
}

// first returns the first block's value that is not empty.
func (c cpuInfo) first(key string) string {
	for _, b := range c {
		if v := b[key]; v != "" {
			return v
		}
	}
	return ""
}

// x86 holds where the kernel prints flags: ARM and RISC-V print other keys.
func (c cpuInfo) x86() bool { return c.first("vendor_id") != "" && c.first("flags") != "" }

// processors counts the logical CPUs listed.
func (c cpuInfo) processors() int {
	n := 0
	for _, b := range c {
		if _, err := strconv.Atoi(b["processor"]); err == nil {
			n++
		}
	}
	return n
}

// cpuName is the CPU's model, "" where the kernel does not tell. board is
// added on ARM, where the parts are named by core design only.
func cpuName(info cpuInfo, board string) string {
	name := info.first("model name")
	if arm := armCores(info); arm != "" {
		// 32-bit ARM's "model name" is the architecture ("ARMv7 Processor
		// rev 4"); the part says more.
		name = arm
	}
	for _, key := range []string{"cpu model", "uarch", "cpu", "hardware", "vendor_id"} {
		if name == "" {
			name = info.first(key)
		}
	}
	name = clean(name)
	if board = clean(board); board == "" || strings.Contains(name, board) {
		return name
	}
	if name == "" {
		return board
	}
	if info.x86() {
		return name
	}
	return name + " (" + board + ")"
}

// armCores decodes implementer and part numbers, each design once in the
// kernel's order: "ARM Cortex-A55 + ARM Cortex-A76". It is "" where the file
// has no part numbers.
func armCores(info cpuInfo) string {
	var names []string
	for _, b := range info {
		impl, part := b["cpu implementer"], b["cpu part"]
		if impl == "" || part == "" {
			continue
		}
		if n := armCore(impl, part); !slices.Contains(names, n) {
			names = append(names, n)
		}
	}
	return strings.Join(names, " + ")
}

func armCore(impl, part string) string {
	i, erri := strconv.ParseUint(impl, 0, 16)
	p, errp := strconv.ParseUint(part, 0, 16)
	if erri == nil && errp == nil {
		if n, ok := armParts[[2]uint16{uint16(i), uint16(p)}]; ok {
			return n
		}
		if v, ok := armVendors[uint16(i)]; ok {
			return fmt.Sprintf("%s part 0x%03x", v, p)
		}
	}
	return fmt.Sprintf("implementer %s part %s", impl, part)
}

// armVendors are MIDR_EL1 implementer codes, from the Arm Architecture
// Reference Manual and the vendors' own documents.
var armVendors = map[uint16]string{
	0x41: "ARM", 0x42: "Broadcom", 0x43: "Cavium", 0x46: "Fujitsu",
	0x48: "HiSilicon", 0x4e: "NVIDIA", 0x50: "Applied Micro",
	0x51: "Qualcomm", 0x53: "Samsung", 0x61: "Apple", 0x6d: "Microsoft",
	0xc0: "Ampere",
}

// armParts are MIDR_EL1 part numbers of cores found in servers, boards and
// laptops that run Linux.
var armParts = map[[2]uint16]string{
	{0x41, 0xc07}: "ARM Cortex-A7", {0x41, 0xc09}: "ARM Cortex-A9",
	{0x41, 0xc0f}: "ARM Cortex-A15", {0x41, 0xd03}: "ARM Cortex-A53",
	{0x41, 0xd04}: "ARM Cortex-A35", {0x41, 0xd05}: "ARM Cortex-A55",
	{0x41, 0xd07}: "ARM Cortex-A57", {0x41, 0xd08}: "ARM Cortex-A72",
	{0x41, 0xd09}: "ARM Cortex-A73", {0x41, 0xd0a}: "ARM Cortex-A75",
	{0x41, 0xd0b}: "ARM Cortex-A76", {0x41, 0xd0c}: "ARM Neoverse-N1",
	{0x41, 0xd0d}: "ARM Cortex-A77", {0x41, 0xd40}: "ARM Neoverse-V1",
	{0x41, 0xd41}: "ARM Cortex-A78", {0x41, 0xd42}: "ARM Cortex-A78AE",
	{0x41, 0xd44}: "ARM Cortex-X1", {0x41, 0xd46}: "ARM Cortex-A510",
	{0x41, 0xd47}: "ARM Cortex-A710", {0x41, 0xd48}: "ARM Cortex-X2",
	{0x41, 0xd49}: "ARM Neoverse-N2", {0x41, 0xd4b}: "ARM Cortex-A78C",
	{0x41, 0xd4d}: "ARM Cortex-A715", {0x41, 0xd4e}: "ARM Cortex-X3",
	{0x41, 0xd4f}: "ARM Neoverse-V2", {0x41, 0xd80}: "ARM Cortex-A520",
	{0x41, 0xd81}: "ARM Cortex-A720", {0x41, 0xd82}: "ARM Cortex-X4",
	{0x41, 0xd84}: "ARM Neoverse-V3", {0x41, 0xd8e}: "ARM Neoverse-N3",
	{0x42, 0x516}: "Broadcom ThunderX2", {0x43, 0x0af}: "Cavium ThunderX2",
	{0x46, 0x001}: "Fujitsu A64FX", {0x48, 0xd01}: "HiSilicon Kunpeng-920",
	{0x4e, 0x004}: "NVIDIA Carmel", {0x51, 0x001}: "Qualcomm Oryon",
	{0x61, 0x022}: "Apple M1 Icestorm", {0x61, 0x023}: "Apple M1 Firestorm",
	{0x61, 0x032}: "Apple M2 Blizzard", {0x61, 0x033}: "Apple M2 Avalanche",
	{0xc0, 0xac3}: "Ampere-1", {0xc0, 0xac4}: "Ampere-1a",
}

// usableCores is how many logical CPUs the process may run on at once: the
// affinity mask, cut by the cgroup's quota rounded up. quota is in CPUs, 0
// for none. It is 0 where nothing tells.
func usableCores(t tree, info cpuInfo, quota float64) int {
	n := len(usableCPUs(t))
	// Containers may show fewer CPUs here, with numbers of their own.
	return least(n, info.processors(), wholeCPUs(quota))
}

// usableCPUs are the numbers of the logical CPUs that the process may run on:
// the affinity mask, which names CPUs that the machine could have, without
// those that are not online. It is empty where nothing tells.
func usableCPUs(t tree) []int {
	online := CPUList(t.text("sys/devices/system/cpu/online"))
	for line := range strings.Lines(t.text("proc/self/status")) {
		list, ok := strings.CutPrefix(line, "Cpus_allowed_list:")
		if !ok {
			continue
		}
		allowed := CPUList(list)
		if len(online) > 0 {
			allowed = slices.DeleteFunc(allowed, func(cpu int) bool {
				_, found := slices.BinarySearch(online, cpu)
				return !found
			})
		}
		return allowed
	}
	return online
}

// wholeCPUs rounds a quota up; 0 for none.
func wholeCPUs(quota float64) int { return int(math.Ceil(min(quota, math.MaxInt32))) }

// least is the smallest of the counts that are known, 0 if none is.
func least(counts ...int) int {
	n := 0
	for _, c := range counts {
		if c > 0 && (n == 0 || c < n) {
			n = c
		}
	}
	return n
}

// CPUList reads a kernel list such as "0-3,8,10-11", in increasing order; nil
// for anything else.
func CPUList(list string) []int {
	// The kernel's own limit (CONFIG_NR_CPUS) is 8192.
	const most = 1 << 16
	var cpus []int
	for part := range strings.SplitSeq(strings.TrimSpace(list), ",") {
		from, to, isRange := strings.Cut(part, "-")
		if !isRange {
			to = from
		}
		a, erra := strconv.ParseUint(from, 10, 32)
		b, errb := strconv.ParseUint(to, 10, 32)
		if erra != nil || errb != nil || b < a || b-a >= most || len(cpus)+int(b-a) >= most {
			return nil
		}
		for cpu := a; cpu <= b; cpu++ {
			cpus = append(cpus, int(cpu))
		}
	}
	slices.Sort(cpus)
	return slices.Compact(cpus)
}
