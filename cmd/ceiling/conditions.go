package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"

	"ceiling/bench/result"
	"ceiling/engine"
	"ceiling/engine/gguf"
)

// switches are environment variables that change the engine's speed or
// results and belong to none of the families below; those that are set go
// into the manifest.
var switches = []string{
	"GPU_MAX_HW_QUEUES", "GPU_ENABLE_WGP_MODE", "AMD_SERIALIZE_KERNEL", "AMD_SERIALIZE_COPY", "AMD_LOG_LEVEL", "AMD_DIRECT_DISPATCH",
	"GOMP_CPU_AFFINITY", "GOMP_SPINCOUNT", "MALLOC_ARENA_MAX", "GOMAXPROCS", "GODEBUG", "LD_PRELOAD",
}

// switchPrefixes are families of such variables.
var switchPrefixes = []string{
	"GGML_", "LLAMA_", "OMP_", "KMP_", "NCCL_", "RCCL_", "HSA_", "HIP_", "ROCR_", "ROCBLAS_", "HIPBLASLT_", "TENSILE_", "CUDA_", "VEGA_XGMI_",
}

// notSwitches belong to a family, and say where something lies or how it is
// built.
var notSwitches = []string{"LLAMA_CPP_DIR", "HIP_PATH", "HIP_PLATFORM", "HIP_COMPILER", "HIP_CLANG_PATH", "HIP_DEVICE_LIB_PATH",
	"CUDA_PATH", "CUDA_HOME", "CUDA_VERSION", "CUDA_ROOT"}

// environment returns the switches that are set.
func environment(environ []string) map[string]string {
	out := map[string]string{}
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		family := slices.ContainsFunc(switchPrefixes, func(p string) bool { return strings.HasPrefix(name, p) })
		if family && !slices.Contains(notSwitches, name) || slices.Contains(switches, name) {
			out[name] = value
		}
	}
	return out
}

// deviceInfos turns the engine's devices into the report's.
func deviceInfos(devices []engine.Device) []result.DeviceInfo {
	out := make([]result.DeviceInfo, len(devices))
	for i, d := range devices {
		out[i] = result.DeviceInfo{Name: d.Name, Description: d.Description, Type: d.Type,
			MemoryTotal: int64(d.MemoryTotal), MemoryFree: int64(d.MemoryFree)}
	}
	return out
}

// gpuNames is the report's GPU row: equal cards counted, "4× AMD Instinct MI100".
func gpuNames(devices []engine.Device) string {
	var names []string
	count := map[string]int{}
	for _, d := range devices {
		if d.Type != engine.DeviceGPU && d.Type != engine.DeviceIGPU {
			continue
		}
		if count[d.Description]++; count[d.Description] == 1 {
			names = append(names, d.Description)
		}
	}
	for i, n := range names {
		names[i] = fmt.Sprintf("%d× %s", count[n], n)
	}
	return strings.Join(names, ", ")
}

// tensorTypes is the model's tensor-type summary.
func tensorTypes(f *gguf.File) []result.TensorTypeCount {
	var out []result.TensorTypeCount
	for _, t := range f.TensorTypes() {
		out = append(out, result.TensorTypeCount{Type: strings.ToUpper(t.Type.String()), Tensors: t.Tensors, Bytes: t.Bytes})
	}
	return out
}

// engineInfo gathers what computed the numbers. Sampling and peak memory are
// known only at the end.
func engineInfo(s settings, m *engine.Model, b engineBuild, used []engine.Device, loadSeconds float64) result.EngineInfo {
	return result.EngineInfo{
		Name: "llama.cpp", Release: b.Release, Tree: b.Tree, TreeState: b.TreeState, Build: b.String(),
		Backends: engine.Backends(), Devices: deviceInfos(used),
		ModelFile: filepath.Base(m.Path()), ModelBytes: m.File().Size, ConvertedFrom: s.convertedFrom,
		Architecture: m.Architecture(), Description: m.Description(), Parameters: m.Params(), Synthetic: synthetic(m), TensorTypes: tensorTypes(m.File()),
		Threads: s.session.Threads, StepTokens: s.session.Batch, UBatch: s.session.UBatch,
		FlashAttn: s.session.FlashAttn, KVType: s.session.KVType, KVUnified: s.unified,
		SWAWindow: m.Window(), SWAFull: s.session.FullWindow,
		SplitMode: s.load.SplitMode, TensorSplit: s.load.TensorSplit, GPULayers: s.load.GPULayers, LoadMode: s.load.LoadMode,
		Sampling: "greedy", Seed: s.seed, PrefixCache: s.prefixCache, CacheTokens: s.cacheTokens, LoadSeconds: loadSeconds,
		Environment: environment(os.Environ()),
	}
}

// manifestModel describes the model's file.
func manifestModel(m *engine.Model, sha string) result.ManifestModel {
	path, err := filepath.Abs(m.Path())
	if err != nil {
		path = m.Path()
	}
	meta := map[string]any{}
	for _, kv := range m.File().KVs {
		switch kv.Value.(type) {
		case string, bool, uint8, int8, uint16, int16, uint32, int32, uint64, int64, float32, float64:
			meta[kv.Key] = kv.Value
		}
	}
	return result.ManifestModel{Path: path, Bytes: m.File().Size, SHA256: sha, Metadata: meta, TensorTypes: tensorTypes(m.File())}
}

// versions are the programs behind the run.
func versions() result.Versions {
	return result.Versions{Ceiling: version, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
}

// hashFiles is the SHA-256 of the files' bytes, one after the other, in hex.
func hashFiles(ctx context.Context, paths []string, progress func(done, total int64)) (string, error) {
	var total int64
	for _, p := range paths {
		if info, err := os.Stat(p); err == nil {
			total += info.Size()
		}
	}
	sum := sha256.New()
	var done int64
	buf := make([]byte, 1<<20)
	for _, p := range paths {
		f, err := os.Open(p)
		if err != nil {
			return "", err
		}
		for err == nil {
			var n int
			n, err = f.Read(buf)
			sum.Write(buf[:n])
			done += int64(n)
			progress(done, total)
			if ctx.Err() != nil {
				f.Close()
				return "", ctx.Err()
			}
		}
		f.Close()
		if err != io.EOF {
			return "", fmt.Errorf("model %q: %w", p, cause(err))
		}
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// peakRSS is this process's largest resident memory in bytes.
func peakRSS() int64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return u.Maxrss << 10 // Linux counts KiB
}
