package importer

import (
	"ceiling/internal/machine"
	"ceiling/internal/oneline"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"ceiling/bench/result"
)

// engineConditions takes over what the engine says of itself.
func (r *ToolRun) engineConditions(e *result.EngineInfo) {
	if e == nil {
		return
	}
	var devices []string
	for _, d := range e.Devices {
		devices = append(devices, strings.Trim(d.Name+" "+d.Description, " "))
	}
	r.set(CondModelFile, e.ModelFile)
	r.set(CondModelSHA256, e.ModelSHA256)
	if c := e.ConvertedFrom; c != nil {
		r.set(CondCheckpoint, first(c.Name, baseName(c.Path))+" ("+c.Format+")")
	}
	r.set(CondModelBytes, positive(e.ModelBytes))
	// In a small model the embeddings outweigh the quantised tensors, so the
	// engine's own word goes first.
	r.set(CondQuant, first(quantisation(e.Description), dominantType(e.TensorTypes)))
	r.set(CondEngine, e.Name)
	r.set(CondVersion, e.Release)
	r.set(CondBackend, strings.Join(e.Backends, ", "))
	r.set(CondDevice, strings.Join(devices, ", "))
	r.set(CondSplit, e.SplitMode)
	r.set(CondTensorSplit, shares(e.TensorSplit))
	r.set(CondAllReduce, e.AllReduce)
	if e.SplitMode != "" {
		r.set(CondGPULayers, fmt.Sprint(e.GPULayers))
	}
	r.set(CondKV, e.KVType)
	if e.KVType != "" { // of a server neither is known
		r.set(CondLayout, map[bool]string{false: "a buffer per sequence", true: "one buffer"}[e.KVUnified])
	}
	if e.SWAWindow > 0 {
		r.set(CondSWA, map[bool]string{false: "window", true: "full"}[e.SWAFull])
	}
	r.set(CondFlash, e.FlashAttn)
	r.set(CondStep, positive(int64(e.StepBudget())))
	r.set(CondUBatch, positive(int64(e.UBatch)))
	r.set(CondThreads, positive(int64(e.Threads)))
	r.set(CondLoadMode, e.LoadMode)
	r.set(CondSampling, e.Sampling)
	if e.Name != "" {
		r.set(CondSeed, fmt.Sprint(e.Seed))
	}
	r.set(CondEnvironment, pairs(e.Environment))
}

// shares is "3:1" for shares of a split.
func shares(split []float32) string {
	var out []string
	for _, s := range split {
		out = append(out, strconv.FormatFloat(float64(s), 'f', -1, 32))
	}
	return strings.Join(out, ":")
}

// busyLoad is the load average per CPU from which on others used the machine
// before the run began.
const busyLoad = 0.5

// busy says whether others used the machine, "" where nobody looked.
func busy(s *machine.System) string {
	load, err := strconv.ParseFloat(s.LoadAverage, 64)
	switch {
	case err != nil || s.Cores == 0:
		return ""
	case load < busyLoad*float64(s.Cores):
		return "none"
	}
	return fmt.Sprintf("load average %g on %d CPUs", load, s.Cores)
}

// dominantType is the type of most tensors, norms and biases (F32) aside: as
// llama.cpp names a file. By bytes it would be the embeddings' in a small
// model.
func dominantType(types []result.TensorTypeCount) string {
	best := result.TensorTypeCount{}
	for _, t := range types {
		if better := t.Type != "F32" && t.Tensors > best.Tensors; better || best.Type == "" || best.Type == "F32" {
			best = t
		}
	}
	return best.Type
}

// hostConditions takes over what the machine adds: the CPU, the drivers and
// the power caps of its cards.
func (r *ToolRun) hostConditions(s *machine.System) {
	if s == nil {
		return
	}
	r.set(CondCPU, s.CPU)
	r.set(CondGovernor, s.Governor)
	r.set(CondBusy, busy(s))
	var driver []string
	for _, d := range []struct{ name, version string }{{"ROCm", s.ROCm}, {"ROCk", s.ROCkModule}} {
		if d.version != "" {
			driver = append(driver, d.name+" "+d.version)
		}
	}
	r.set(CondDriver, strings.Join(driver, ", "))
	var caps []string
	for _, c := range s.Cards {
		if c.PowerCapW == nil {
			continue
		}
		if text := strconv.FormatFloat(*c.PowerCapW, 'f', -1, 64) + " W"; !slices.Contains(caps, text) {
			caps = append(caps, text)
		}
	}
	r.set(CondPower, strings.Join(caps, ", "))
}

// serverConditions says how the requests reached the engine, and what of the
// server is not as in process.
func (r *ToolRun) serverConditions(s *result.ServerInfo) {
	if s == nil {
		r.set(CondClient, clientInProcess)
		return
	}
	r.set(CondClient, "HTTP, "+s.API+" API")
	r.set(CondServer, strings.Trim(s.Kind+" "+s.Version, " "))
	r.set(CondModelFile, baseName(s.ModelPath))
	for _, c := range s.Conditions {
		if c.Outcome == result.OutcomeDiffers || c.Outcome == result.OutcomeUnknown {
			r.addNotes(oneline.Of(fmt.Sprintf("through the server, %s: %s (%s)", c.Name, c.Outcome, c.Detail)))
		}
	}
}
