// Package importer reads the result files of LLM benchmarks, this program's
// and other tools', into one form that can be compared. Every figure keeps
// its unit, the field it came from, and whether it means the same as ours.
package importer

import (
	"math"
	"slices"

	"ceiling/bench/result"
	"ceiling/report/metric"
)

// Tools, as they are in ToolRun.Tool.
const (
	ToolCeiling      = "ceiling"
	ToolReference    = "benchmark_and_report.py" // the reports that ceiling's are modelled on
	ToolVLLM         = "vllm bench serve"
	ToolVLLMBench    = "vllm-bench" // the client in Rust
	ToolVLLMLatency  = "vllm bench latency"
	ToolVLLMThrough  = "vllm bench throughput"
	ToolLlamaBench   = "llama-bench"
	ToolBatchedBench = "llama-batched-bench"
	ToolLlamaBenchy  = "llama-benchy"
	ToolGuideLLM     = "GuideLLM"
	ToolAIPerf       = "AIPerf"
	ToolGenAIPerf    = "genai-perf"
	ToolInferenceX   = "InferenceX"
	ToolOllama       = "ollama's benchmark"
	ToolSGLang       = "SGLang bench_serving"
)

// ToolRun is what one tool measured under one set of hidden conditions: a result
// file, a part of one, or a folder of them.
type ToolRun struct {
	Tool     string // one of the Tool constants
	Path     string // the file or folder, as it was given
	Model    string // as the file names it; "": not known
	Hardware string // "": not known
	Date     string // as the file writes it; "": not known
	// InProcess says that no HTTP server stood between the clock and the
	// engine.
	InProcess bool
	// Server is what is known of the server in between; nil for a run in
	// process and for files of other tools.
	Server *result.ServerInfo
	// Conditions are what the figures depend on beside the load, in the order
	// of the Cond constants. What the file does not say is absent.
	Conditions []Condition
	Loads      []ToolLoad
	// Notes are sentences that qualify the whole run.
	Notes []string
}

// Condition is one hidden condition.
type Condition struct {
	Name  string // one of the Cond constants
	Value string // never empty
}

// Condition names, in the order in which they are listed.
const (
	CondModelFile   = "model file" // without its folder
	CondModelSHA256 = "model SHA-256"
	CondCheckpoint  = "converted from"
	CondModelBytes  = "model size"   // bytes
	CondQuant       = "quantisation" // "Q4_1", "w8a8_int8"
	CondEngine      = "engine"       // "llama.cpp", "vllm", "sglang"
	CondVersion     = "engine version"
	CondBackend     = "backends" // "CPU", "ROCm"
	CondDevice      = "devices"
	CondCPU         = "CPU"
	CondSplit       = "split mode" // none | layer | row | tensor, or "tensor parallel 16"
	CondTensorSplit = "tensor split"
	CondAllReduce   = "all-reduce" // of a tensor split
	CondGPULayers   = "GPU layers"
	CondKV          = "KV type"         // "f16", or "K q8_0, V f16"
	CondLayout      = "KV layout"       // "one buffer" | "a buffer per sequence"
	CondSWA         = "SWA cache"       // window | full; of models with sliding windows
	CondFlash       = "flash attention" // on | off | auto
	CondStep        = "step tokens"     // most of one step: llama.cpp's n_batch, vLLM's max-num-batched-tokens
	CondUBatch      = "ubatch"          // physical batch
	CondThreads     = "threads"
	CondLoadMode    = "load mode"
	CondSpeculative = "speculative decoding"
	CondSampling    = "sampling"
	CondCache       = "cache state" // cold | warm | "prefix caching on" | "prefix caching off"
	CondPower       = "power cap"
	CondGovernor    = "CPU governor"
	CondBusy        = "load before" // "none", or the load average where others used the machine
	CondVerdict     = "verdict"     // of the run: valid, disturbed …
	CondDisturbance = "disturbance" // "none found", or the first that was
	CondSeed        = "seed"
	CondDataset     = "dataset"
	CondPrompts     = "prompts"       // of one batch: "one, shared" or "one per sequence"
	CondClient      = "client"        // "in process", "HTTP, /v1/chat/completions"
	CondTokenizer   = "tokenizer"     // of the client
	CondDriver      = "driver"        // "ROCm 7.1.0, ROCk 6.16.6"
	CondServer      = "server"        // kind and version, or the options a sweep varied
	CondOther       = "other options" // those of the engine that differ from its defaults
	CondEnvironment = "environment"   // switches that change speed or results
)

// clientInProcess is the CondClient of a run without a server.
const clientInProcess = "in process"

// ConditionNames lists the Cond constants in their order.
func ConditionNames() []string { return slices.Clone(conditionOrder) }

// conditionOrder is the order in which conditions are listed.
var conditionOrder = []string{
	CondModelFile, CondModelSHA256, CondCheckpoint, CondModelBytes, CondQuant, CondEngine, CondVersion,
	CondVerdict, CondDisturbance, CondBusy, CondBackend, CondDevice, CondCPU, CondSplit, CondTensorSplit, CondAllReduce, CondGPULayers,
	CondKV, CondLayout, CondSWA, CondFlash, CondStep, CondUBatch, CondThreads, CondLoadMode,
	CondSpeculative, CondSampling, CondCache, CondPower, CondGovernor, CondSeed, CondDataset, CondPrompts,
	CondClient, CondTokenizer, CondDriver, CondServer, CondOther, CondEnvironment,
}

// ToolLoad is one workload at one offered load, and what was measured under it.
type ToolLoad struct {
	Name string // never empty; made of the load where the file has none

	Input       int // prompt tokens per request; 0: not known
	Output      int // generated tokens per request; 0: not known
	Concurrency int // most requests in flight; 0: not known, or no limit
	Prompts     int // requests in total; 0: not known
	Depth       int // tokens in the KV cache before the measurement (llama-bench -d); 0: none

	// Lengths says what Input and Output are: one of the Lengths constants,
	// "" where neither is known.
	Lengths string

	RangeRatio  *float64 // lengths spread by ± this share; nil: not known
	RequestRate *float64 // arrivals in requests/s; nil: closed loop, all at once, see Arrivals, or not known
	// Arrivals says how the requests of an open loop come where no one rate
	// does: "a ramp from 1 to 20 req/s (linear)", "a trace". "": by RequestRate.
	Arrivals string
	// Burstiness is the shape of the gaps between arrivals: 1: Poisson,
	// infinity: all alike; nil: not known, or no rate.
	Burstiness *float64
	// Dataset is the file that the prompts came from, "" where they were drawn;
	// nil: not known. Varies says that its lengths differ from request to request.
	Dataset *string
	Varies  bool
	// Prefix is how many tokens all prompts begin with in common; nil: not
	// known.
	Prefix *int
	Cache  string // result.CacheCold | result.CacheWarm | "": not known
	// Speculation is what was drafted, as far as the file tells; nil: it does not
	// say whether anything was. Of the kind SpecNone nothing was.
	Speculation *result.Speculation
	Repeat      int // which pass over the same load, from 0
	// Process is the one of the run's processes that made the pass, from 0.
	Process int
	// Verdict says how far the figures can be trusted; nil: nobody looked.
	Verdict *result.Verdict

	Successful *int // requests; nil: not known
	Failed     *int
	// Tokenless counts the requests among the successful that got no token:
	// tools that count them have a TTFT of 0 for them.
	Tokenless int

	Values  map[metric.Key]ToolValue
	Records []result.Record // of this load, from our journal; nil where there is none
	// Notes are sentences that qualify this load's figures.
	Notes []string
}

// gaps notes how the arrivals of a rate lie.
func (l *ToolLoad) gaps(kind string, shape float64) {
	switch kind {
	case "constant":
		shape = math.Inf(1)
	case "poisson":
		shape = 1
	case "gamma":
	default:
		shape = 0
	}
	if l.RequestRate != nil && shape > 0 {
		l.Burstiness = &shape
	}
}

// Open says whether requests come on a schedule of their own, whatever became
// of those before.
func (l *ToolLoad) Open() bool { return l.RequestRate != nil || l.Arrivals != "" }

// What a load's Input and Output are.
const (
	LengthsNominal = "nominal" // what was asked for
	LengthsExact   = "exact"   // every request had them
	LengthsMean    = "mean"    // mean over the requests, rounded to a whole token
)

// ToolValue is one figure.
type ToolValue struct {
	V    float64 // finite, in Unit
	Unit string  // that of its metric
	// Origin is the field or the place in the file that V came from, with the
	// file's unit where that is another one, or the formula V was derived by.
	Origin string
	// Same says that the figure is defined as ours is. Note says why not, or
	// what else to know.
	Same bool
	Note string
	// Samples are the raw values behind the figure, in Unit: one per request,
	// per gap between tokens (ITL), or per repetition. nil: the file has only
	// summaries. The statistics of one distribution share one slice: read
	// only.
	Samples []float64
}

// Condition is the value of a hidden condition; ok is false where the file
// does not say.
func (r *ToolRun) Condition(name string) (value string, ok bool) {
	for _, c := range r.Conditions {
		if c.Name == name {
			return c.Value, true
		}
	}
	return "", false
}
