package hip

import (
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"strings"

	"ceiling/hip/internal/amdhip"
)

// Errors of the HIP runtime.
var (
	// ErrNoRuntime: no libamdhip64 was found. Everything that sysfs tells is
	// there without it.
	ErrNoRuntime = errors.New("no HIP runtime")
	// ErrNoDevice: the runtime works and has no device (hipErrorNoDevice).
	ErrNoDevice = errors.New("HIP runtime has no device")
	// ErrRuntime: a call of the runtime failed.
	ErrRuntime = errors.New("HIP runtime failed")
)

const runtimeName = "libamdhip64.so"

// releases end a library's name, the newest first. ROCm 10 has that of 7 still.
var releases = []string{".7", ".6", ".5", ""}

// Runtime is AMD's HIP runtime in this process.
type Runtime struct{ lib *amdhip.HIPRuntime }

// RuntimeDevice is a device as the runtime sees it: after filters such as
// HIP_VISIBLE_DEVICES, and in its order.
type RuntimeDevice struct {
	Index  int    `json:"index"`
	Name   string `json:"name"`
	Arch   string `json:"arch,omitempty"` // "gfx908:sramecc+:xnack-"
	PCI    string `json:"pci"`
	Memory uint64 `json:"memory_total_bytes"`
	// Free is nil where the runtime could not make a context on the device.
	Free     *uint64 `json:"memory_free_bytes,omitempty"`
	CUs      int     `json:"compute_units"`
	ClockKHz int     `json:"clock_khz"`
	MemKHz   int     `json:"memory_clock_khz"`
	BusBits  int     `json:"memory_bus_bits"`
	L2Bytes  int     `json:"l2_bytes"`
	WarpSize int     `json:"warp_size"`
}

// Peer is how device From reaches device To.
type Peer struct {
	From   int    `json:"from"`
	To     int    `json:"to"`
	Access bool   `json:"access"`         // From can address To's memory
	Type   string `json:"type,omitempty"` // LinkXGMI, LinkPCIe, LinkOther; "": unknown
	Hops   int    `json:"hops,omitempty"`
}

// OpenRuntime loads the HIP runtime: the one that is in this process already
// (two of different releases in one process crash), else the first that is
// found in $ROCM_PATH/lib, /opt/rocm/lib, /opt/rocm/core-*/lib and by the
// loader's own search. It returns ErrNoRuntime where there is none, and
// ErrNoDevice or ErrRuntime where it does not start.
func OpenRuntime() (*Runtime, error) {
	return openRuntime(Libraries(runtimeName))
}

// Libraries are the files to try for one of ROCm's libraries, "libhiprtc.so", in
// the order of OpenRuntime.
func Libraries(name string) []string {
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		maps = nil // without it nothing is known to be loaded
	}
	return candidates("/", name, os.Getenv("ROCM_PATH"), string(maps))
}

func openRuntime(candidates []string) (*Runtime, error) {
	var first error
	for _, file := range candidates {
		lib, err := amdhip.Open(file)
		if err != nil {
			// A file that is there and does not load says more than that the
			// loader's search found nothing.
			if first == nil || !strings.Contains(first.Error(), "/") {
				first = err
			}
			continue
		}
		return start(lib)
	}
	return nil, fmt.Errorf("%w: %w; install ROCm 6.1 or later, or set ROCM_PATH", ErrNoRuntime, first)
}

func start(lib *amdhip.HIPRuntime) (*Runtime, error) {
	r := &Runtime{lib}
	if s := lib.Init(); s != amdhip.Success {
		return nil, r.failure("hipInit", s)
	}
	if n, s := lib.DeviceCount(); s != amdhip.Success {
		return nil, r.failure("hipGetDeviceCount", s)
	} else if n == 0 {
		return nil, r.failure("hipGetDeviceCount", amdhip.NoDevice)
	}
	return r, nil
}

// failure turns a status into an error that says what to do.
func (r *Runtime) failure(call string, s amdhip.ErrorCode) error {
	if s == amdhip.NoDevice {
		return fmt.Errorf("%w (%s, code %d, from %q): check that amdgpu is loaded, that /dev/kfd can be opened, and ROCR_VISIBLE_DEVICES and HIP_VISIBLE_DEVICES",
			ErrNoDevice, r.lib.ErrorName(s), s, r.lib.Path)
	}
	return fmt.Errorf("%w: %s: %s (code %d) from %q: check that driver and ROCm fit together", ErrRuntime, call, r.lib.ErrorName(s), s, r.lib.Path)
}

// candidates are the files to try for a library, in order. root is where /opt
// lies.
func candidates(root, library, rocmPath, maps string) []string {
	for line := range strings.Lines(maps) {
		// The last of six fields is the file, which may hold blanks.
		if i := strings.Index(line, "/"); i >= 0 {
			file := strings.TrimSpace(line[i:])
			if strings.HasPrefix(path.Base(file), library) {
				return []string{file}
			}
		}
	}
	var dirs []string
	if rocmPath != "" {
		dirs = append(dirs, filepath.Join(rocmPath, "lib"))
	}
	dirs = append(dirs, filepath.Join(root, "opt/rocm/lib"))
	// The only error of Glob is a malformed pattern.
	cores, _ := filepath.Glob(filepath.Join(root, "opt/rocm/core-*/lib"))
	for i := len(cores) - 1; i >= 0; i-- {
		dirs = append(dirs, cores[i])
	}
	var out []string
	for _, dir := range dirs {
		for _, release := range releases {
			file := filepath.Join(dir, library+release)
			if info, err := os.Stat(file); err == nil && !info.IsDir() {
				out = append(out, file)
			}
		}
	}
	for _, release := range releases {
		out = append(out, library+release)
	}
	return out
}

// Library is the binding, for the packages of hip.
func (r *Runtime) Library() *amdhip.HIPRuntime { return r.lib }

// Path is the library that was loaded.
func (r *Runtime) Path() string { return r.lib.Path }

// Version is the runtime's own, "6.2.41133".
func (r *Runtime) Version() (string, error) {
	v, s := r.lib.Version()
	if s != amdhip.Success {
		return "", r.failure("hipRuntimeGetVersion", s)
	}
	return runtimeVersion(v), nil
}

// runtimeVersion is a HIP version number, major × 10⁷ + minor × 10⁵ + patch,
// as text.
func runtimeVersion(v int) string {
	return fmt.Sprintf("%d.%d.%d", v/10000000, v/100000%100, v%100000)
}

// Devices describes every device. What one of them does not tell is 0.
func (r *Runtime) Devices() ([]RuntimeDevice, error) {
	n, s := r.lib.DeviceCount()
	if s != amdhip.Success {
		return nil, r.failure("hipGetDeviceCount", s)
	}
	out := make([]RuntimeDevice, n)
	for i := range out {
		d := &out[i]
		d.Index, d.Arch = i, r.lib.Arch(i)
		if d.PCI, s = r.lib.PCI(i); s != amdhip.Success {
			return nil, r.failure("hipDeviceGetPCIBusId", s)
		}
		if d.Name, s = r.lib.Name(i); s != amdhip.Success {
			return nil, r.failure("hipDeviceGetName", s)
		}
		if d.Memory, s = r.lib.TotalMemory(i); s != amdhip.Success {
			return nil, r.failure("hipDeviceTotalMem", s)
		}
		for _, a := range []struct {
			to *int
			of amdhip.Attribute
		}{
			{&d.CUs, amdhip.Multiprocessors}, {&d.ClockKHz, amdhip.ClockRate}, {&d.MemKHz, amdhip.MemoryClockRate},
			{&d.BusBits, amdhip.MemoryBusWidth}, {&d.L2Bytes, amdhip.L2CacheSize}, {&d.WarpSize, amdhip.WarpSize},
		} {
			if v, s := r.lib.Attribute(a.of, i); s == amdhip.Success {
				*a.to = v
			}
		}
		if free, _, err := r.FreeMemory(i); err == nil {
			d.Free = &free
		}
	}
	return out, nil
}

// Peers describes every ordered pair of devices.
func (r *Runtime) Peers() ([]Peer, error) {
	n, s := r.lib.DeviceCount()
	if s != amdhip.Success {
		return nil, r.failure("hipGetDeviceCount", s)
	}
	var out []Peer
	for from := range n {
		for to := range n {
			if from == to {
				continue
			}
			p := Peer{From: from, To: to}
			if p.Access, s = r.lib.CanAccessPeer(from, to); s != amdhip.Success {
				return nil, r.failure("hipDeviceCanAccessPeer", s)
			}
			if kind, hops, s := r.lib.Link(from, to); s == amdhip.Success {
				p.Type, p.Hops = linkType(kind), hops
			}
			out = append(out, p)
		}
	}
	return out, nil
}

func linkType(kind int) string {
	switch kind {
	case amdhip.LinkPCIe:
		return LinkPCIe
	case amdhip.LinkXGMI:
		return LinkXGMI
	}
	return LinkOther
}

// FreeMemory is what a device has free and in all, in bytes. The runtime
// makes a context on the device for it, which takes some of its memory.
func (r *Runtime) FreeMemory(device int) (free, total uint64, err error) {
	// The current device is the thread's.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if s := r.lib.SetDevice(device); s != amdhip.Success {
		return 0, 0, r.failure("hipSetDevice", s)
	}
	free, total, s := r.lib.Memory()
	if s != amdhip.Success {
		return 0, 0, r.failure("hipMemGetInfo", s)
	}
	return free, total, nil
}
