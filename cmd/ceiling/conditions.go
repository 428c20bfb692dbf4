package main

import (
	"ceiling/internal/machine"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"ceiling/bench/result"
	"ceiling/engine"
	"ceiling/engine/gguf"
)

// deviceInfos turns the engine's devices into the report's.
func deviceInfos(devices []engine.Device) []machine.DeviceInfo {
	out := make([]machine.DeviceInfo, len(devices))
	for i, d := range devices {
		out[i] = machine.DeviceInfo{Name: d.Name, Description: d.Description, Type: d.Type,
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
func engineInfo(s settings, m *engine.Model, b engine.BuildRecord, used []engine.Device, loadSeconds float64) result.EngineInfo {
	return result.EngineInfo{
		Name: engine.Name(), Release: b.Release, Tree: b.Tree, TreeState: b.TreeState, Build: b.String(),
		Backends: engine.Backends(), Devices: deviceInfos(used),
		ModelFile: filepath.Base(m.Path()), ModelBytes: m.File().Size, ConvertedFrom: s.convertedFrom,
		Architecture: m.Architecture(), Description: m.Description(), Parameters: m.Params(), Synthetic: synthetic(m), TensorTypes: tensorTypes(m.File()),
		Threads: s.session.Threads, StepTokens: s.session.Batch, UBatch: s.session.UBatch,
		FlashAttn: s.session.FlashAttn, KVType: s.session.KVType, KVUnified: s.unified,
		SWAWindow: m.Window(), SWAFull: s.session.FullWindow,
		SplitMode: s.load.SplitMode, TensorSplit: s.load.TensorSplit, GPULayers: s.load.GPULayers, Layers: layersOn(m), LoadMode: s.load.LoadMode,
		Settings: s.settingsFile, Speculation: s.spec.SpecSettings, Sampling: "greedy", Seed: s.seed, PrefixCache: s.prefixCache, CacheTokens: s.cacheTokens, LoadSeconds: loadSeconds,
		Environment: engine.Environment(os.Environ()),
	}
}

// layersOn says where the engine has put the layers.
func layersOn(m *engine.Model) []result.LayersOn {
	var out []result.LayersOn
	for _, p := range m.Placement() {
		out = append(out, result.LayersOn(p))
	}
	return out
}

// weightBuffers says in which kinds of buffers the weights are.
func weightBuffers(s *engine.Session) []result.WeightBuffer {
	var out []result.WeightBuffer
	for _, b := range s.WeightBuffers() {
		out = append(out, result.WeightBuffer(b))
	}
	return out
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
