package doctor

import (
	"fmt"
	"slices"
	"strings"

	"ceiling/hip"
	"ceiling/internal/figure"
)

const (
	areaGPU   = "GPU"
	areaROCm  = "ROCm"
	areaLinks = "links"
)

// gpus makes the checks of AMD GPUs. A machine without one has one line.
func (c *checks) gpus() {
	amd := 0
	for _, d := range c.State.Display {
		if d.AMD() {
			amd++
		}
	}
	if amd == 0 && len(c.Machine.GPUs) == 0 {
		c.noGPU()
		return
	}
	if c.onlyIntegrated() && !c.hipBuild() {
		c.add(areaGPU, "AMD GPU", StatusOK, "", "no card, and a processor's own GPU (%s), which this build leaves alone: models run on the CPU", c.Machine.Summary())
		return
	}
	c.driver(amd)
	c.integrated()
	if c.Live {
		c.access()
	}
	c.backend()
	c.code()
	c.rocBLAS()
	c.versions()
	if c.Live {
		c.runtime()
		c.environment()
	}
	if len(c.cards) > 1 {
		c.hive()
		c.peers()
		c.collectives()
		c.sum()
		c.iommu()
	}
	c.pcie()
	c.caps()
	c.clocks()
	c.processes()
}

// onlyIntegrated tells whether a processor's own GPU is all that there is.
func (c *checks) onlyIntegrated() bool {
	foreign := func(g hip.GPU) bool { return !g.Integrated }
	return len(c.Machine.GPUs) > 0 && !slices.ContainsFunc(c.Machine.GPUs, foreign) && c.Machine.Missing(c.State.Display) == ""
}

// noGPU says what that means: the CPU does the work, or another maker's card.
func (c *checks) noGPU() {
	var others []string
	for _, d := range c.State.Display {
		others = append(others, fmt.Sprintf("%s (%04x:%04x)", d.Address, d.Vendor, d.Device))
	}
	detail := "no AMD GPU in this machine: models run on the CPU"
	if len(others) > 0 {
		detail = "no AMD GPU; other display devices, which these checks do not cover: " + strings.Join(others, ", ")
	}
	if c.hipBuild() {
		c.add(areaGPU, "AMD GPU", StatusWarn, "`make build PRESET=cpu` makes a smaller build for this machine; a GPU in a container needs --device /dev/kfd --device /dev/dri",
			"%s, though the build has the HIP back end", detail)
		return
	}
	c.add(areaGPU, "AMD GPU", StatusOK, "", "%s", detail)
}

func (c *checks) hipBuild() bool {
	return c.Library.Path != "" || strings.HasPrefix(c.Build.Toolkit, "HIP")
}

// driver compares what is on the bus with what the compute driver has taken.
func (c *checks) driver(amd int) {
	const remedy = "load the amdgpu driver (`modprobe amdgpu`, then `dmesg | grep amdgpu`); \"atombios stuck\" needs Above 4G Decoding and Resizable BAR on, CSM off"
	with := 0
	for _, g := range c.Machine.GPUs {
		if g.Node >= 0 {
			with++
		}
	}
	switch {
	case !c.Machine.Driver.Loaded:
		c.add(areaGPU, "driver", StatusFail, remedy, "%d AMD device(s), and the amdgpu module is not loaded", max(amd, len(c.Machine.GPUs)))
	case with == 0:
		c.add(areaGPU, "driver", StatusFail, "check `dmesg | grep kfd`; in a container, that sys/class/kfd is visible",
			"amdgpu is loaded (%s), and its compute part (KFD) lists no GPU", c.Machine.Driver.Text())
	default:
		c.add(areaGPU, "driver", StatusOK, "", "%s; amdgpu %s", c.Machine.Summary(), c.Machine.Driver.Text())
	}
	if missing := c.Machine.Missing(c.State.Display); missing != "" && c.Machine.Driver.Loaded {
		c.add(areaGPU, "lost cards", StatusWarn, "`dmesg | grep -i kfd` says why the driver left it out; in a container, pass every card and /dev/kfd",
			"%s", missing)
	}
	for _, n := range c.Machine.Notes {
		c.add(areaGPU, "topology", StatusUnknown, "run again", "%s", n)
	}
}

// integrated says that the processor's own GPU is there beside the cards.
func (c *checks) integrated() {
	if len(c.cards) == len(c.Machine.GPUs) {
		return
	}
	var names []string
	for _, g := range c.Machine.GPUs {
		if g.Integrated {
			names = append(names, name(g))
		}
	}
	c.add(areaGPU, "integrated GPU", StatusOK, "", "%s is visible beside the cards: leave it out with --devices, or with HIP_VISIBLE_DEVICES before the program starts",
		strings.Join(names, ", "))
}

// access judges the device files.
func (c *checks) access() {
	var bad []string
	for _, a := range c.Access {
		if a.Problem != "" {
			bad = append(bad, a.Path+": "+a.Problem)
		}
	}
	switch {
	case len(c.Access) == 0:
		c.add(areaGPU, "device files", StatusUnknown, "", "none is known")
	case len(bad) > 0:
		c.add(areaGPU, "device files", StatusFail,
			"add the user to the groups that own them (`usermod -aG render,video $USER`, then log in again); in a container pass --device /dev/kfd --device /dev/dri",
			"%s", strings.Join(bad, "; "))
	default:
		paths := make([]string, len(c.Access))
		for i, a := range c.Access {
			paths[i] = a.Path
		}
		c.add(areaGPU, "device files", StatusOK, "", "%s can be opened", strings.Join(paths, ", "))
	}
}

// backend tells whether this build can use AMD GPUs at all.
func (c *checks) backend() {
	loaded := slices.ContainsFunc(c.Build.Backends, func(b string) bool { return b == "ROCm" || b == "HIP" })
	switch {
	case loaded:
		c.add(areaROCm, "back end", StatusOK, "", "llama.cpp's HIP back end is loaded")
	case c.Library.Path != "":
		c.add(areaROCm, "back end", StatusFail, "`ldd` on it names what is missing; build on this machine with `make build PRESET=gfx908`",
			"%s is there and was not loaded", c.Library.Path)
	default:
		c.add(areaROCm, "back end", StatusFail, "build with `make build PRESET=gfx908` where ROCm 6.1 or later is installed",
			"this build has no HIP back end: the GPUs can't be used")
	}
}

// code looks for each card's architecture in the library.
func (c *checks) code() {
	if c.Library.Path == "" {
		return
	}
	if c.Library.Problem != "" {
		c.add(areaROCm, "GPU code", StatusUnknown, "", "%s", c.Library.Problem)
		return
	}
	all, lacking := c.lacking(c.Library.Archs)
	have := strings.Join(c.Library.Archs, ", ")
	switch {
	case len(all) == 0:
		c.add(areaROCm, "GPU code", StatusUnknown, "", "the cards' architecture is unknown; the library has code for %s", have)
	case len(lacking) > 0:
		c.add(areaROCm, "GPU code", StatusFail, "build for the card: cmake -DCMAKE_HIP_ARCHITECTURES="+strings.Join(lacking, ";"),
			"the library has code for %s, and none for %s", figure.OrMissing(have), strings.Join(lacking, ", "))
	default:
		c.add(areaROCm, "GPU code", StatusOK, "", "the library has code for %s", have)
	}
}

// lacking lists the cards' architectures, and those of them that have lacks.
func (c *checks) lacking(have []string) (all, lacking []string) {
	for _, g := range c.cards {
		if g.Arch != "" && !slices.Contains(all, g.Arch) {
			all = append(all, g.Arch)
			if !slices.Contains(have, g.Arch) {
				lacking = append(lacking, g.Arch)
			}
		}
	}
	return all, lacking
}

// rocBLAS looks for each card's kernels among rocBLAS's: without them it ends
// the process at the first matrix product.
func (c *checks) rocBLAS() {
	all, lacking := c.lacking(c.State.RocBLAS)
	have := strings.Join(c.State.RocBLAS, ", ")
	switch {
	case len(all) == 0 || c.State.RocBLAS == nil && c.Machine.ROCm == "":
		return // the checks of code and release have said so
	case c.State.RocBLAS == nil:
		c.add(areaROCm, "rocBLAS", StatusUnknown, "", "its files are not found (/opt/rocm/lib/rocblas/library)")
	case len(lacking) > 0:
		c.add(areaROCm, "rocBLAS", StatusFail, "install a ROCm whose rocBLAS supports the card, or build rocBLAS for it",
			"rocBLAS has files for %s, and none for %s", have, strings.Join(lacking, ", "))
	default:
		c.add(areaROCm, "rocBLAS", StatusOK, "", "rocBLAS has files for %s", strings.Join(all, ", "))
	}
}

// Variables that bear on the GPUs which the HIP runtime shows.
const (
	overrideArch = "HSA_OVERRIDE_GFX_VERSION"
	maskROCr     = "ROCR_VISIBLE_DEVICES"
)

// masksHIP filter what maskROCr leaves; of several the first counts.
var masksHIP = []string{"HIP_VISIBLE_DEVICES", "CUDA_VISIBLE_DEVICES", "GPU_DEVICE_ORDINAL"}

// EnvNames are the variables that Facts.Env is asked for.
func EnvNames() []string { return append([]string{overrideArch, maskROCr}, masksHIP...) }

// environment judges variables that change which GPUs are seen, and as what.
func (c *checks) environment() {
	before := len(c.list)
	if v, set := c.Env[overrideArch]; set {
		c.add(areaROCm, "environment", StatusWarn, "unset "+overrideArch+": set to nothing it counts too",
			"%s=%q: the runtime takes every GPU for this one, whatever it is", overrideArch, v)
	}
	var masks []string
	add := func(names ...string) {
		for _, mask := range names {
			if v, set := c.Env[mask]; set {
				masks = append(masks, fmt.Sprintf("%s=%q", mask, v))
				return
			}
		}
	}
	add(maskROCr)
	add(masksHIP...)
	if _, outer := c.Env[maskROCr]; outer && len(masks) > 1 {
		c.add(areaROCm, "environment", StatusWarn, "keep one of them",
			"%s filter one after the other: the second counts among the GPUs that the first leaves", strings.Join(masks, " and "))
	}
	if len(c.list) == before {
		c.add(areaROCm, "environment", StatusOK, "", "%s", orElse(strings.Join(masks, ", "), "no variable hides or renames a GPU"))
	}
}

// versions compares ROCm's release with the one the library was built with:
// their major numbers have to be the same.
func (c *checks) versions() {
	const remedy = "build again with `make build PRESET=gfx908` against the installed ROCm, or install the release it was built with"
	installed := c.Machine.Release()
	if c.Runtime != nil && c.Runtime.Version != "" {
		installed = c.Runtime.Version
	}
	built := c.builtWith()
	switch {
	case installed == "" && c.Runtime != nil && c.Runtime.Missing:
		c.add(areaROCm, "release", StatusFail, "install ROCm 6.1 or later", "no ROCm is installed (no /opt/rocm/.info/version, no libamdhip64.so)")
	case installed == "":
		c.add(areaROCm, "release", StatusUnknown, "install ROCm 6.1 or later, or set ROCM_PATH", "ROCm's release is unknown (/opt/rocm/.info/version)")
	case built == "":
		c.add(areaROCm, "release", StatusUnknown, "", "ROCm %s is installed; the libraries were not built with HIP, or do not say with which", installed)
	case major(installed) != major(built):
		c.add(areaROCm, "release", StatusFail, remedy, "ROCm %s is installed, the libraries were built with HIP %s", installed, built)
	default:
		c.add(areaROCm, "release", StatusOK, "", "ROCm %s, libraries built with HIP %s", installed, built)
	}
}

// builtWith is the HIP release of the back end's build: as the build recorded
// it, else the major number that the library asks the loader for. "" where
// neither tells.
func (c *checks) builtWith() string {
	if v, ok := strings.CutPrefix(c.Build.Toolkit, "HIP "); ok {
		return v
	}
	for _, n := range c.Library.Needs {
		if v, ok := strings.CutPrefix(n, "libamdhip64.so."); ok {
			return v
		}
	}
	return ""
}

func major(version string) string {
	m, _, _ := strings.Cut(version, ".")
	return m
}

func (c *checks) runtime() {
	r := c.Runtime
	if r == nil || r.Missing {
		return // the release's check has said so
	}
	switch {
	case r.Problem != "":
		c.add(areaROCm, "HIP runtime", StatusFail, "", "%s", r.Problem)
	case c.shown() < len(c.cards):
		c.add(areaROCm, "HIP runtime", StatusWarn, "unset ROCR_VISIBLE_DEVICES, HIP_VISIBLE_DEVICES and CUDA_VISIBLE_DEVICES if all are wanted",
			"%s shows %d of %d GPUs", r.Path, c.shown(), len(c.cards))
	default:
		c.add(areaROCm, "HIP runtime", StatusOK, "", "%s, %s, %d device(s)", r.Version, r.Path, len(r.Devices))
	}
}

// shown counts the runtime's devices without integrated ones beside cards.
func (c *checks) shown() int {
	n := 0
	for i := range c.Runtime.Devices {
		if !c.beside(i) {
			n++
		}
	}
	return n
}

// beside tells whether a device of the runtime is a GPU, but none of the cards.
func (c *checks) beside(device int) bool {
	if len(c.cards) == len(c.Machine.GPUs) || device >= len(c.Runtime.Devices) {
		return false
	}
	pci := c.Runtime.Devices[device]
	return slices.ContainsFunc(c.Machine.GPUs, func(g hip.GPU) bool { return g.Integrated && g.PCI == pci })
}

// hive judges the xGMI bridge.
func (c *checks) hive() {
	text := c.Machine.XGMI()
	whole := strings.HasPrefix(text, "Present (hive_id ") && !strings.Contains(text, " of ")
	switch {
	case text == "":
		return // cards that can't be bridged
	case whole:
		c.add(areaLinks, "xGMI", StatusOK, "", "%s; %s", text, figure.OrMissing(c.Machine.LinkSummary()))
	case strings.HasPrefix(text, "Present"):
		c.add(areaLinks, "xGMI", StatusWarn, "load the model on the GPUs of one hive (--devices), or bridge the others", "%s", text)
	default:
		c.add(areaLinks, "xGMI", StatusWarn, "fit the bridge card, or reseat it: --split-mode tensor exchanges data at every layer, over PCIe several times slower", "%s", text)
	}
}

func (c *checks) peers() {
	if c.Runtime == nil || len(c.Runtime.Peers) == 0 {
		c.add(areaLinks, "P2P", StatusUnknown, "", "the HIP runtime was not asked or did not answer")
		return
	}
	var cut []string
	for _, p := range c.Runtime.Peers {
		if !p.Access && !c.beside(p.From) && !c.beside(p.To) {
			cut = append(cut, fmt.Sprintf("%d→%d", p.From, p.To))
		}
	}
	if len(cut) > 0 {
		c.add(areaLinks, "P2P", StatusFail, "boot with iommu=pt, turn Above 4G Decoding and Resizable BAR on, and ACS off", "no peer access for %s", strings.Join(cut, ", "))
		return
	}
	c.add(areaLinks, "P2P", StatusOK, "", "every GPU can access every other's memory")
}

// collectives judges what a tensor split reduces with.
func (c *checks) collectives() {
	if c.Library.Path == "" {
		return
	}
	linked := slices.ContainsFunc(c.Library.Needs, func(n string) bool { return strings.HasPrefix(n, "librccl.so") })
	switch {
	case linked:
		c.add(areaLinks, "RCCL", StatusOK, "", "the HIP back end is linked to RCCL %s", strings.TrimPrefix(c.Build.Collectives, "rccl"))
	case c.Library.Problem != "":
		c.add(areaLinks, "RCCL", StatusUnknown, "", "%s", c.Library.Problem)
	default:
		status := StatusWarn
		if len(c.cards) == 2 {
			status = StatusOK // two GPUs have a reduction of their own
		}
		c.add(areaLinks, "RCCL", status, "install ROCm's rccl with its development files and build again",
			"the HIP back end is not linked to RCCL: --split-mode tensor on more than two GPUs reduces through the host")
	}
}

// sum judges a sum that RCCL made.
func (c *checks) sum() {
	if c.Runtime == nil || c.Runtime.Sum == nil {
		return
	}
	const name, remedy = "RCCL's sum", "check the links and the IOMMU above, and rccl's release against ROCm's; NCCL_DEBUG=INFO says what RCCL does. Until then --split-mode layer, which needs no sums"
	switch s := c.Runtime.Sum; {
	case s.Missing:
		c.add(areaLinks, name, StatusUnknown, "", "RCCL is not installed (%s)", s.Problem)
	case s.Problem != "":
		c.add(areaLinks, name, StatusFail, remedy, "%s", s.Problem)
	default:
		c.add(areaLinks, name, StatusOK, "", "RCCL %s adds a known vector up over %s, to the bit", s.Version, figure.Count(len(c.cards), "card"))
	}
}

func (c *checks) iommu() {
	const remedy = "add iommu=pt to the kernel's command line: translated addresses slow P2P down, and copies between cards have been corrupted"
	of := map[string][]string{} // cards by state
	for _, g := range c.cards {
		of[g.IOMMU] = append(of[g.IOMMU], name(g))
	}
	switch {
	case len(of[hip.IOMMUTranslating]) > 0:
		c.add(areaLinks, "IOMMU", StatusWarn, remedy, "the IOMMU translates the addresses of %s (/sys/kernel/iommu_groups)", strings.Join(of[hip.IOMMUTranslating], ", "))
	case len(of[""]) > 0:
		c.add(areaLinks, "IOMMU", StatusUnknown, "", "/sys/kernel/iommu_groups does not tell for %s", strings.Join(of[""], ", "))
	default:
		c.add(areaLinks, "IOMMU", StatusOK, "", "%s", c.cards[0].IOMMU)
	}
}

// pcie compares each card's link with what its port can do. At rest a port
// may lower its speed, never its width.
func (c *checks) pcie() {
	var narrow, slow, unknown, fine []string
	for _, g := range c.cards {
		l := g.PCIe
		switch {
		case l == nil || l.MaxWidth == 0 || l.MaxGTs == 0:
			unknown = append(unknown, name(g))
		case l.Width < l.MaxWidth:
			narrow = append(narrow, fmt.Sprintf("%s: ×%d of ×%d (port %s)", name(g), l.Width, l.MaxWidth, l.Port))
		case l.SpeedGTs < l.MaxGTs:
			slow = append(slow, fmt.Sprintf("%s: %g of %g GT/s (port %s)", name(g), l.SpeedGTs, l.MaxGTs, l.Port))
		case l.Inner:
			unknown = append(unknown, name(g))
		default:
			fine = append(fine, name(g)+": "+l.Text())
		}
	}
	if len(narrow) > 0 {
		c.add(areaLinks, "PCIe width", StatusWarn, "reseat card and riser, and check the slot's lanes in the firmware", "%s", strings.Join(narrow, "; "))
	}
	if len(slow) > 0 {
		c.add(areaLinks, "PCIe speed", StatusWarn, "look again while a run loads its model; if it stays so, set the slot's generation in the firmware", "%s", strings.Join(slow, "; "))
	}
	if len(unknown) > 0 {
		c.add(areaLinks, "PCIe link", StatusUnknown, "", "the upstream port is unknown for %s", strings.Join(unknown, ", "))
	}
	if len(fine) > 0 {
		c.add(areaLinks, "PCIe link", StatusOK, "", "%s", strings.Join(fine, "; "))
	}
}

// caps compares power caps with their defaults.
func (c *checks) caps() {
	var low, unknown []string
	for _, g := range c.cards {
		switch {
		case g.PowerCapW == nil:
			unknown = append(unknown, name(g))
		case g.PowerCapDefaultW != nil && *g.PowerCapW < *g.PowerCapDefaultW:
			low = append(low, fmt.Sprintf("%s: %.0f W, default %.0f W", name(g), *g.PowerCapW, *g.PowerCapDefaultW))
		}
	}
	switch {
	case len(low) > 0:
		c.add(areaGPU, "power cap", StatusWarn, "`rocm-smi --resetpoweroverdrive` restores the default, if cooling allows it", "%s", strings.Join(low, "; "))
	case len(unknown) > 0:
		c.add(areaGPU, "power cap", StatusUnknown, "", "unknown for %s", strings.Join(unknown, ", "))
	default:
		c.add(areaGPU, "power cap", StatusOK, "", "at the default on every card (%.0f W on the first)", *c.cards[0].PowerCapW)
	}
}

// clocks judges the performance level, which can hold clocks down.
func (c *checks) clocks() {
	var held, unknown []string
	for _, g := range c.cards {
		switch g.PerfMode {
		case "":
			unknown = append(unknown, name(g))
		case "auto", "high", "profile_peak":
		default:
			held = append(held, fmt.Sprintf("%s: %q", name(g), g.PerfMode))
		}
	}
	switch {
	case len(held) > 0:
		c.add(areaGPU, "clocks", StatusWarn, "`rocm-smi --setperflevel auto` lets the card choose its clocks", "performance level of %s", strings.Join(held, "; "))
	case len(unknown) > 0:
		c.add(areaGPU, "clocks", StatusUnknown, "", "performance level unknown for %s", strings.Join(unknown, ", "))
	default:
		c.add(areaGPU, "clocks", StatusOK, "", "performance level %s", c.cards[0].PerfMode)
	}
}

// processes names who else uses the cards.
func (c *checks) processes() {
	var users []string
	for _, p := range c.State.Processes {
		users = append(users, fmt.Sprintf("%s (pid %d, %.1f GiB)", figure.OrMissing(p.Name), p.PID, float64(p.VRAM)/(1<<30)))
	}
	if len(users) > 0 {
		c.add(areaGPU, "other processes", StatusWarn, "end them before you measure", "%s", strings.Join(users, "; "))
		return
	}
	if !c.State.ProcessesKnown {
		c.add(areaGPU, "other processes", StatusUnknown, "", "the driver does not list them (/sys/class/kfd/kfd/proc)")
		return
	}
	c.add(areaGPU, "other processes", StatusOK, "", "no other process has the GPUs open")
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

// name is how checks call a card.
func name(g hip.GPU) string {
	if g.PCI != "" {
		return g.PCI
	}
	return figure.OrMissing(g.Card)
}
