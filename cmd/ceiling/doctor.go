package main

import (
	"context"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"text/tabwriter"

	"github.com/urfave/cli/v3"

	"ceiling/engine"
	"ceiling/hip"
	"ceiling/hip/codeobject"
	"ceiling/hip/doctor"
	"ceiling/hip/host"
	"ceiling/internal/oneline"
)

func doctorCommand() *cli.Command {
	return &cli.Command{
		Name:  "doctor",
		Usage: "check whether this machine is fit to measure on, and say what to do where it is not",
		Description: "Each check is ok, warn (works, but slower or less certain), fail (does not work, or would end\n" +
			"a run) or unknown (could not be checked). With --model the memory that the model, its KV cache\n" +
			"and the compute buffers take is compared with what each device has free, by llama.cpp's own dry\n" +
			"run. Exit code 3: a check failed.",
		ArgsUsage: "[MODEL]",
		Flags: append([]cli.Flag{
			jsonFlag(), sysrootFlag(),
			modelFlag("GGUF `FILE` whose memory to add up"),
			sequencesFlag(),
			&cli.IntFlag{Name: "context", Value: 4096, Usage: "`TOKENS` of a sequence, prompt and output", Validator: atLeast(1)},
		}, engineFlags()...),
		Action: underWatch(doctorAction),
	}
}

func doctorAction(ctx context.Context, c *cli.Command) error {
	if err := takeModel(c); err != nil {
		return err
	}
	if err := engine.Init(engine.Options{RPC: c.StringSlice("rpc")}); err != nil {
		return err
	}
	facts := readFacts(c.String("sysroot"))
	if path := c.String("model"); path != "" {
		model, err := readNeeds(ctx, c, path)
		if err != nil {
			return err
		}
		facts.Model = model
	}
	list := doctor.Run(facts)
	failed := doctor.Failed(list)
	if c.Bool("json") {
		if err := writeJSON(c.Root().Writer, map[string]any{"checks": list, "failed": failed}); err != nil {
			return err
		}
	} else if err := printChecks(c.Root().Writer, list); err != nil {
		return err
	}
	if failed > 0 {
		return codedError{exitInvalid, fmt.Errorf("%d of %d checks failed", failed, len(list))}
	}
	return nil
}

// readFacts gathers what the checks judge. Device files and the HIP runtime
// are of the machine that runs this program, so a copied tree leaves them out.
func readFacts(sysroot string) doctor.Facts {
	f := doctor.Facts{Machine: hip.Read(sysroot), State: hip.ReadState(sysroot, os.Getpid()), Live: sysroot == "/" || sysroot == ""}
	f.System, _ = host.Read(sysroot)
	nv, note := openNVIDIA(sysroot)
	defer nv.Close()
	f.PowerDevices, f.PowerNotes = hip.PowerSensors(sysroot, f.Machine, nv)
	if note != "" {
		f.PowerNotes = append(f.PowerNotes, note)
	}
	b := readEngineBuild()
	f.Build = doctor.Build{Backends: engine.Backends(), Preset: b.Preset, Toolkit: b.Toolkit, Targets: b.GPUTargets,
		Collectives: b.Collectives, InstructionSets: b.InstructionSets, Off: b.Off}
	f.Library = readLibrary(filepath.Join(engine.LibraryDir(), "libggml-hip.so"))
	if f.Live {
		f.State.RocBLAS = rocBLAS(f.State.RocBLAS, os.Getenv)
	}
	if f.Live && len(f.Machine.GPUs) > 0 {
		f.Env = environ(doctor.EnvNames())
		f.Access = tryAccess(f.Machine)
		f.Runtime = askRuntime()
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
func readLibrary(path string) doctor.Library {
	if _, err := os.Stat(path); err != nil {
		return doctor.Library{}
	}
	l := doctor.Library{Path: path}
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
func tryAccess(m hip.Machine) []doctor.Access {
	paths := []string{"/dev/kfd"}
	for _, g := range m.GPUs {
		if g.Render != "" {
			paths = append(paths, g.Render)
		}
	}
	var out []doctor.Access
	for _, p := range paths {
		a := doctor.Access{Path: p}
		f, err := os.OpenFile(p, os.O_RDWR, 0)
		if err != nil {
			a.Problem = cause(err).Error()
		} else {
			f.Close()
		}
		out = append(out, a)
	}
	return out
}

func askRuntime() *doctor.Runtime {
	out := &doctor.Runtime{}
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
	}
	return out
}

// readNeeds adds up a model's memory. A file that is no model is an error; a
// library without a dry run leaves the check open.
func readNeeds(ctx context.Context, c *cli.Command, path string) (*doctor.Model, error) {
	load := engine.LoadOptions{
		Devices: c.StringSlice("devices"), SplitMode: c.String("split-mode"), TensorSplit: tensorSplit(c),
		MainGPU: c.Int("main-gpu"), GPULayers: c.Int("gpu-layers"),
	}
	open := engine.SessionOptions{
		Sequences: c.Int("sequences"), TokensPerSequence: c.Int("context"), Unified: c.String("kv-unified") == "on",
		Threads:   max(1, runtime.NumCPU()),
		FlashAttn: c.String("flash-attn"), KVType: c.String("kv-type"),
	}
	open.Batch, open.UBatch = readBatches(c)
	m := &doctor.Model{Name: filepath.Base(path), Shape: fmt.Sprintf("%d × %d tokens, ubatch %d, KV %s", open.Sequences, open.TokensPerSequence, open.UBatch, open.KVType)}
	// The OpenMP pool of the CPU back end belongs to the thread that calls it.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	needs, err := engine.DryRun(ctx, path, load, open)
	if errors.Is(err, engine.ErrNoDryRun) || errors.Is(err, engine.ErrSession) {
		m.Problem = err.Error()
		return m, nil
	}
	if err != nil {
		return nil, err
	}
	for _, n := range needs {
		m.Needs = append(m.Needs, doctor.Need{Text: n.String(), Known: n.Free > 0, Lacks: n.Lacks()})
	}
	return m, nil
}

// printChecks writes the checks by area, remedies below those that need one.
func printChecks(out io.Writer, list []doctor.Check) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, k := range list {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", k.Status, k.Area, k.Name, oneLineText(k.Detail))
		if k.Remedy != "" {
			fmt.Fprintf(w, "\t\t\t→ %s\n", oneLineText(k.Remedy))
		}
	}
	return w.Flush()
}

// oneLineText keeps text from files and errors in its table cell.
func oneLineText(s string) string { return oneline.Of(s) }
