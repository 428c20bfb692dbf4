package doctor

import (
	"debug/elf"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"

	"ceiling/hip"
	"ceiling/hip/codeobject"
	"ceiling/hip/host"
	"ceiling/hip/launch"
	"ceiling/internal/outfile"
)

// Read gathers what the checks judge. Device files and the HIP runtime are of the
// machine that runs this program, so a copied tree leaves them out. build and
// libraries are the engine's: how it was built, and the folder that it lies in.
func Read(sysroot string, build Build, libraries string) Facts {
	f := Facts{Machine: hip.Read(sysroot), State: hip.ReadState(sysroot, os.Getpid()), Live: sysroot == "/" || sysroot == ""}
	f.System, _ = host.Read(sysroot)
	nv, note := hip.FindNVIDIA(sysroot)
	defer nv.Close()
	f.PowerDevices, f.PowerNotes = hip.PowerSensors(sysroot, f.Machine, nv)
	if note != "" {
		f.PowerNotes = append(f.PowerNotes, note)
	}
	f.Build = build
	f.Library = readLibrary(filepath.Join(libraries, "libggml-hip.so"))
	if f.Live {
		f.State.RocBLAS = rocBLAS(f.State.RocBLAS, os.Getenv)
	}
	if f.Live && len(f.Machine.GPUs) > 0 {
		f.Env = environ(EnvNames())
		f.Access = tryAccess(f.Machine)
		f.Runtime = askRuntime(f.Machine)
	}
	return f
}

// rocBLAS lists the architectures of the files that rocBLAS will read: the
// environment can name another folder than the installed one.
func rocBLAS(installed []string, env func(string) string) []string {
	if dir := env("ROCBLAS_TENSILE_LIBPATH"); dir != "" {
		return hip.RocBLAS(dir)
	}
	if dir := env("ROCM_PATH"); dir != "" {
		if archs := hip.RocBLAS(filepath.Join(dir, "lib/rocblas/library")); archs != nil {
			return archs
		}
	}
	return installed
}

// environ are those of the variables that are set, to nothing as well.
func environ(names []string) map[string]string {
	set := map[string]string{}
	for _, name := range names {
		if v, ok := os.LookupEnv(name); ok {
			set[name] = v
		}
	}
	return set
}

// readLibrary reads what GPU code the HIP back end holds and what it is
// linked to.
func readLibrary(path string) HIPBackend {
	if _, err := os.Stat(path); err != nil {
		return HIPBackend{}
	}
	l := HIPBackend{Path: path}
	objects, err := codeobject.Library(path)
	if err != nil {
		l.Problem = err.Error()
	}
	for _, o := range objects {
		if !slices.Contains(l.Archs, o.Arch()) {
			l.Archs = append(l.Archs, o.Arch())
		}
	}
	file, err := elf.Open(path)
	if err != nil {
		l.Problem = err.Error()
		return l
	}
	defer file.Close()
	if l.Needs, err = file.ImportedLibraries(); err != nil {
		l.Problem = err.Error()
	}
	return l
}

// tryAccess opens the files that computing on the GPUs needs.
func tryAccess(m hip.Machine) []Access {
	paths := []string{"/dev/kfd"}
	for _, g := range m.GPUs {
		if g.Render != "" {
			paths = append(paths, g.Render)
		}
	}
	var out []Access
	for _, p := range paths {
		a := Access{Path: p}
		f, err := os.OpenFile(p, os.O_RDWR, 0)
		if err != nil {
			a.Problem = outfile.Cause(err).Error()
		} else {
			f.Close()
		}
		out = append(out, a)
	}
	return out
}

func askRuntime(m hip.Machine) *RuntimeFacts {
	out := &RuntimeFacts{}
	r, err := hip.OpenRuntime()
	var devices []hip.RuntimeDevice
	if err == nil {
		out.Path = r.Path()
		out.Version, err = r.Version()
	}
	if err == nil {
		devices, err = r.Devices()
		for _, d := range devices {
			out.Devices = append(out.Devices, d.PCI)
		}
	}
	if err == nil {
		out.Peers, err = r.Peers()
	}
	if err != nil {
		out.Missing, out.Problem = errors.Is(err, hip.ErrNoRuntime), err.Error()
	} else {
		out.Sum = sumOver(r, devices, m)
	}
	return out
}

// sumOver adds a known vector up over the cards by RCCL; nil where there are not
// two of them.
func sumOver(r *hip.Runtime, devices []hip.RuntimeDevice, m hip.Machine) *CardSum {
	var indices []int
	for _, d := range devices {
		if slices.ContainsFunc(m.Cards(), func(g hip.GPU) bool { return g.PCI == d.PCI }) {
			indices = append(indices, d.Index)
		}
	}
	if len(indices) < 2 {
		return nil
	}
	// HIP's current device is the thread's.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	version, err := launch.CheckSum(r, indices)
	out := &CardSum{Version: version, Missing: errors.Is(err, launch.ErrNoRCCL)}
	if err != nil {
		out.Problem = err.Error()
	}
	return out
}
