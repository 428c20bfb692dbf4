// Package result keeps what a run was asked for and what happened: records and
// their journal, the figures computed from them, results.json and manifest.json.
// It is the leaf that everything else imports.
package result

import (
	"ceiling/internal/machine"
	"cmp"
	"fmt"
	"strings"

	"ceiling/kernels"
)

// Run is results.json: one finished or partial run. The fields model,
// hardware, date and results are the reference's, name for name, so that its
// own tools read the file; everything else is beside them.
type Run struct {
	Model    string `json:"model"`
	Hardware string `json:"hardware"`
	// Date is the local time of second 0 of the journal's clock, of a resumed run
	// that at which its last part began, in ISO 8601 with microseconds and no
	// zone, as Python's datetime.isoformat prints it.
	Date    string    `json:"date"`
	Results []Summary `json:"results"`

	// SLO is what the user takes for interactive: limits of p99 TTFT and p99 TPOT
	// that the sweet spot has to keep; nil: twice the lowest of the sweep.
	SLO *SLO `json:"slo,omitempty"`

	// Partial says that the run ended before its suite did.
	Partial bool `json:"partial,omitempty"`
	// PartialReason says why, for example "interrupted".
	PartialReason string `json:"partial_reason,omitempty"`
	// Planned lists every scenario of the suite, in order, also those that
	// have no result.
	Planned []string `json:"planned,omitempty"`

	// Capacity is what a search for the highest load came to; nil: there was none.
	Capacity *Capacity `json:"capacity,omitempty"`

	// Tuning is what a search for the fastest settings came to; nil: there was
	// none.
	Tuning *Tuning `json:"tuning,omitempty"`

	// Verdict is the worst of the scenarios'; nil: nobody looked.
	Verdict *Verdict `json:"verdict,omitempty"`

	Details []Detail `json:"details,omitempty"`
	// Telemetry says how devices were sampled; nil: they were not.
	Telemetry *machine.TelemetryInfo `json:"telemetry,omitempty"`
	System    *machine.System        `json:"system,omitempty"`
	Engine    *EngineInfo            `json:"engine,omitempty"`
	// Server is set where the requests went through a server. Engine then
	// holds only what is known of it from outside.
	Server *ServerInfo `json:"server,omitempty"`
	// Ceilings are the limits of the machine and what the model asks of it; nil:
	// they were not measured.
	Ceilings *kernels.Used `json:"ceilings,omitempty"`
}

// Summary holds the reference's 26 fields of one scenario. A pointer is nil,
// and null in the file, where the quantity was not measured.
type Summary struct {
	Name                 string   `json:"name"`
	InputLen             int      `json:"input_len"`   // tokens, nominal
	OutputLen            int      `json:"output_len"`  // tokens, nominal
	Concurrency          int      `json:"concurrency"` // requests in flight
	NumPrompts           int      `json:"num_prompts"`
	SuccessfulRequests   float64  `json:"successful_requests"`
	FailedRequests       float64  `json:"failed_requests"`
	DurationS            *float64 `json:"duration_s"`
	TotalInputTokens     float64  `json:"total_input_tokens"`
	TotalOutputTokens    float64  `json:"total_output_tokens"`
	RequestThroughput    *float64 `json:"request_throughput"`     // requests/s
	OutputThroughput     *float64 `json:"output_throughput"`      // tokens/s
	PeakOutputThroughput *float64 `json:"peak_output_throughput"` // tokens in the fullest 1 s bucket
	TotalThroughput      *float64 `json:"total_throughput"`       // tokens/s, input and output
	TTFTMeanMs           *float64 `json:"ttft_mean_ms"`
	TTFTMedianMs         *float64 `json:"ttft_median_ms"`
	TTFTP99Ms            *float64 `json:"ttft_p99_ms"`
	TPOTMeanMs           *float64 `json:"tpot_mean_ms"`
	TPOTMedianMs         *float64 `json:"tpot_median_ms"`
	TPOTP99Ms            *float64 `json:"tpot_p99_ms"`
	ITLMeanMs            *float64 `json:"itl_mean_ms"`
	ITLMedianMs          *float64 `json:"itl_median_ms"`
	ITLP99Ms             *float64 `json:"itl_p99_ms"`
	PPSpeed              *float64 `json:"pp_speed"` // input_len / mean TTFT, tokens/s
	TGSpeed              *float64 `json:"tg_speed"` // 1000 / mean TPOT, tokens/s
	Error                *string  `json:"error"`
}

// Status of a scenario.
const (
	StatusComplete = "complete" // every request ended, successfully or not
	StatusPartial  = "partial"  // the run stopped inside the scenario
	StatusFailed   = "failed"   // the scenario could not run; Error says why
)

// Cache states of a scenario's prompts.
const (
	CacheCold = "cold" // every prompt differs from every other; nothing is reused
	CacheWarm = "warm" // KV of earlier prompts may be reused
)

// Detail is what ceiling knows of a scenario beyond the reference's fields.
// Details[i] belongs to Results[i].
type Detail struct {
	Name     string `json:"name"`
	Category string `json:"category"`
	Purpose  string `json:"purpose"`
	Status   string `json:"status"`

	// Verdict says how far the figures can be trusted; nil: nobody looked.
	Verdict *Verdict `json:"verdict,omitempty"`
	// Disturbance is what others did to the engine meanwhile; nil: not measured.
	Disturbance *machine.Disturbance `json:"disturbance,omitempty"`
	// Steadiness compares steps of equal batches; nil: too few were equal.
	Steadiness *Steadiness `json:"steadiness,omitempty"`
	// SteadyState is the time with all slots busy; nil: there was none.
	SteadyState *SteadyState `json:"steady_state,omitempty"`

	// What was asked for beyond the reference's fields.
	RangeRatio  float64  `json:"range_ratio"`
	RequestRate *float64 `json:"request_rate"` // requests/s; null: closed loop
	Burstiness  *float64 `json:"burstiness"`
	PrefixLen   int      `json:"prefix_len"`
	// Dataset is where the prompts came from; nil: they were drawn. UntilEnd says
	// that the model could end its texts. The means are tokens per successful
	// request; nil: all were as long as asked.
	Dataset *Dataset `json:"dataset,omitempty"`
	// Turns are the figures of each turn of the scenario's conversations, in
	// order, and ThinkS the seconds between two; nil: requests stand alone.
	Turns      []TurnFigures `json:"turns,omitempty"`
	ThinkS     float64       `json:"think_time,omitempty"`
	UntilEnd   bool          `json:"until_end,omitempty"`
	MeanInput  *float64      `json:"mean_input,omitempty"`
	MeanOutput *float64      `json:"mean_output,omitempty"`
	// Depth is the tokens in the KV cache that every request began behind, and
	// Context how they came there; nil: no depth was asked for. They are no input
	// tokens.
	Depth   *int       `json:"depth,omitempty"`
	Context *KVContext `json:"context,omitempty"`
	// Settings are those of the engine that were the scenario's own, beside
	// Run.Engine. Sweep says which point of a sweep it is; nil: none.
	Settings []Setting   `json:"settings,omitempty"`
	Sweep    *SweepPoint `json:"sweep,omitempty"`
	SLO      *SLO        `json:"slo,omitempty"` // what Goodput counts by; nil: none given, or by an older version

	Cache        string `json:"cache"`
	ReusedTokens int64  `json:"reused_tokens"` // prompt tokens served from KV of earlier prompts
	// KeptCells is the most KV cells that finished prompts had in a warm run
	// while the scenario ran. Every step reads past them.
	KeptCells int `json:"kept_cells,omitempty"`

	// Latency distributions, in seconds.
	TTFT    *Dist `json:"ttft_s"`
	TPOT    *Dist `json:"tpot_s"`
	ITL     *Dist `json:"itl_s"`
	E2EL    *Dist `json:"e2el_s"`
	Queue   *Dist `json:"queue_s"`   // admission − intended start; before TTFT begins
	Wait    *Dist `json:"wait_s"`    // first engine call with a token of the prompt − admission; TTFT is wait_s + prefill_s
	Prefill *Dist `json:"prefill_s"` // first token − first engine call with a token of the prompt
	Decode  *Dist `json:"decode_s"`  // last token − first token

	// PPMean and PPMedian are input_len / mean and / median TTFT, tokens/s.
	PPMean   *float64 `json:"pp_mean"`
	PPMedian *float64 `json:"pp_median"`
	// EnginePrefill is the engine's own rate: prompt tokens computed / Σ over
	// steps of step time × their share of the step's tokens, tokens/s. Neither
	// waiting nor the tokens that were decoded beside them are in it.
	EnginePrefill *float64 `json:"engine_prefill"`
	PerUser       *float64 `json:"per_user_throughput"` // output throughput / concurrency, tokens/s
	Goodput       *float64 `json:"goodput"`             // requests/s within the SLO, which in an open loop holds from the intended start; null: none given

	PeakConcurrent int     `json:"peak_concurrent"` // exact sweep over half-open intervals
	Waves          float64 `json:"waves"`           // num_prompts / concurrency
	LateRequests   int     `json:"late_requests"`   // open loop: waited for a slot, see Record.Late
	Dropped        int     `json:"dropped_requests"`

	Steps int64 `json:"steps,omitempty"`
	// GraphsPerStep is the mean number of compute graphs that the engine made of a
	// step; null where it does not tell.
	GraphsPerStep *float64 `json:"graphs_per_step"`
	// Graphs is what else the engine tells of those graphs; nil: nothing.
	Graphs        *GraphCounts `json:"graphs,omitempty"`
	EngineS       float64      `json:"engine_s,omitempty"` // seconds inside Step
	OverheadRatio *float64     `json:"overhead_ratio"`     // time between first and last Step spent outside Step and not waiting for arrivals / time inside Step
	StartS        float64      `json:"start_s"`            // on the run's clock
	EndS          float64      `json:"end_s"`

	// Mix is what the steps were made of; nil: not known, as through a server, or
	// with drafts, which the model of a step does not have.
	Mix *kernels.Mix `json:"step_mix,omitempty"`

	// Speculation is what was drafted, and what came of it; nil: nothing speculates.
	Speculation *Speculation `json:"speculation,omitempty"`

	// Warmup is what ran before StartS; nil: nothing, or what a server saw.
	Warmup *Warmup `json:"warmup,omitempty"`

	// Server is set where the requests went through a server. Wait, Prefill,
	// EnginePrefill, Steps, EngineS and OverheadRatio, which can't be seen
	// from outside, are then missing.
	Server *ServerDetail `json:"server,omitempty"`

	// Links are the connections to servers of --rpc; nil: there are none.
	Links []NetworkLink `json:"links,omitempty"`

	// Energy is what the devices drew; nil: they were not sampled.
	Energy *machine.Energy `json:"energy,omitempty"`

	Failures []Failure `json:"failures,omitempty"` // reasons with counts
	// Warnings are sentences that qualify a figure, for example "p99 of 20
	// values: need 100".
	Warnings []string `json:"warnings,omitempty"`

	// Repeat is how many passes were planned, 0 for a scenario that runs
	// once. Passes are those that were attempted, and Pass the one (from 0)
	// that the figures above and the Summary are of: see Combine.
	// Process is the process of the run, from 0, that made the pass: see
	// Suite.PassesPerProcess.
	Process int    `json:"process,omitempty"`
	Repeat  int    `json:"repeat,omitempty"`
	Pass    int    `json:"pass,omitempty"`
	Passes  []Pass `json:"passes,omitempty"`
	// Discarded are passes that were disturbed, and run again: see Suite.Retry.
	Discarded []Pass `json:"discarded_passes,omitempty"`
}

// Failed says whether a scenario could not be measured; d may be nil. An error
// beside the status "partial" is the reason why the run stopped, not a failure.
func Failed(r *Summary, d *Detail) bool {
	if d != nil && d.Status != "" {
		return d.Status == StatusFailed
	}
	return r.Error != nil
}

// Detail is what is known of result i beyond the reference's fields; nil where
// the file has none.
func (r *Run) Detail(i int) *Detail {
	if i < len(r.Details) {
		return &r.Details[i]
	}
	return nil
}

// Failed says whether the scenario of result i could not be measured.
func (r *Run) Failed(i int) bool { return Failed(&r.Results[i], r.Detail(i)) }

// Failure counts the requests that failed for one reason.
type Failure struct {
	Reason string `json:"reason"`
	Count  int    `json:"count"`
}

// Dist is a sample's summary. Quantiles are by linear interpolation
// (numpy's default); Std is the population's.
type Dist struct {
	Count  int     `json:"count"`
	Mean   float64 `json:"mean"`
	Std    float64 `json:"std"`
	Min    float64 `json:"min"`
	Median float64 `json:"median"`
	P90    float64 `json:"p90"`
	P95    float64 `json:"p95"`
	P99    float64 `json:"p99"`
	Max    float64 `json:"max"`
}

// EngineInfo says what computed the numbers and under which conditions.
type EngineInfo struct {
	Name      string `json:"name"`    // "llama.cpp"
	Release   string `json:"release"` // "v0.5.0"
	Tree      string `json:"tree"`    // git tree hash of the source, or what LLAMA_CPP_DIR held
	TreeState string `json:"tree_state"`
	Build     string `json:"build"` // preset, compiler and flags

	Backends []string             `json:"backends"`
	Devices  []machine.DeviceInfo `json:"devices"` // those the model was loaded on

	ModelFile   string `json:"model_file"`
	ModelBytes  int64  `json:"model_bytes"`
	ModelSHA256 string `json:"model_sha256,omitempty"`
	// ConvertedFrom is the checkpoint that ModelFile was made from; nil: the
	// run was given the file itself.
	ConvertedFrom *CheckpointInfo   `json:"converted_from,omitempty"`
	Architecture  string            `json:"architecture"`
	Description   string            `json:"description"` // llama.cpp's own, "llama 1B Q4_1"
	Parameters    int64             `json:"parameters"`
	Synthetic     bool              `json:"synthetic,omitempty"` // the weights are random numbers
	TensorTypes   []TensorTypeCount `json:"tensor_types"`

	Threads      int               `json:"threads"`
	StepTokens   int               `json:"step_tokens"` // most tokens of one step, and the logical batch of a context; see StepBudget
	UBatch       int               `json:"ubatch"`      // physical batch
	FlashAttn    string            `json:"flash_attn"`  // on | off | auto
	KVType       string            `json:"kv_type"`
	KVUnified    bool              `json:"kv_unified"`
	SWAWindow    int               `json:"swa_window,omitempty"`          // positions that some layers attend to; 0: all attend to all
	SWAFull      bool              `json:"swa_full"`                      // those layers keep all positions in the KV cache, not their window
	SplitMode    string            `json:"split_mode"`                    // none | layer | row | tensor, as it was done
	SplitReason  string            `json:"split_reason,omitempty"`        // why: "asked for", "4 GPUs of one back end"
	TensorSplit  []float32         `json:"tensor_split,omitempty"`        // shares asked for, device by device
	AllReduce    string            `json:"allreduce,omitempty"`           // of a tensor split: rccl | nccl | internal | butterfly
	BF16From     int               `json:"allreduce_bf16_from,omitempty"` // tokens of a physical batch from which the sums are rounded to bfloat16; 0: never
	GPULayers    int               `json:"gpu_layers"`
	Layers       []LayersOn        `json:"layers,omitempty"`         // where they are, as the engine says; nil: it does not
	Weights      []WeightBuffer    `json:"weight_buffers,omitempty"` // of which kind they are in; nil: not told
	Choices      []string          `json:"choices,omitempty"`        // the engine's words on ways to compute that it chose: "Flash Attention enabled"
	LoadMode     string            `json:"load_mode"`                // mmap | direct-io | read
	Sampling     string            `json:"sampling"`                 // "greedy, in the backend" | "greedy, argmax on the CPU"
	LogitsCopy   *LogitsCopy       `json:"logits_copy,omitempty"`    // nil: logits are read in place, or stay on the device
	Check        string            `json:"check,omitempty"`          // what the check of the output before the first scenario found; "": not made
	Speculation  *SpecSettings     `json:"speculation,omitempty"`    // of scenarios without settings of their own; nil: none
	Seed         uint64            `json:"seed"`
	PrefixCache  bool              `json:"prefix_cache"`
	CacheTokens  int               `json:"cache_tokens,omitempty"`  // most KV cells that a warm run keeps of finished prompts
	Settings     *SettingsFile     `json:"settings_file,omitempty"` // that flags were taken from; nil: none was
	LoadSeconds  float64           `json:"load_s"`
	PeakRSSBytes int64             `json:"peak_rss_bytes"`
	Environment  map[string]string `json:"environment,omitempty"` // switches that change speed or results
}

// Describe is Description with the parameter count where llama.cpp has no
// name for the model's size ("mistral3 ?B Q4_K").
func (e *EngineInfo) Describe() string {
	const unknown = "?B"
	if e.Parameters <= 0 {
		return strings.Join(strings.Fields(strings.ReplaceAll(e.Description, unknown, "")), " ")
	}
	size := fmt.Sprintf("%.1fB", float64(e.Parameters)/1e9)
	if e.Parameters < 1e9 { // llama.cpp's names of small models are in millions, too
		size = fmt.Sprintf("%.0fM", float64(e.Parameters)/1e6)
	}
	return strings.ReplaceAll(e.Description, unknown, size)
}

// StepBudget is the most tokens of one step. Files that don't give it are of
// runs whose steps had the physical batch for a budget.
func (e *EngineInfo) StepBudget() int { return cmp.Or(e.StepTokens, e.UBatch) }

// LogitsCopy is what it took that the engine hands out whole rows of logits, of all
// steps of a run.
type LogitsCopy struct {
	Rows       int64   `json:"rows"` // of the vocabulary's length, one for each sampled token
	Bytes      int64   `json:"bytes"`
	Seconds    float64 `json:"s"`     // with the argmax of each
	OfStepTime float64 `json:"ratio"` // Seconds of the time of all steps
}

// LayersOn is what of the model the engine has put on one device.
type LayersOn struct {
	Device string `json:"device"`
	Layers int    `json:"layers"` // repeating ones
	Output bool   `json:"output,omitempty"`
}

// WeightBuffer is the weights in the engine's buffers of one kind.
type WeightBuffer struct {
	Kind  string `json:"kind"` // "CPU", "CPU_REPACK", "ROCm0"
	Bytes int64  `json:"bytes"`
}

// TensorTypeCount is one row of the model's tensor-type summary.
type TensorTypeCount struct {
	Type    string `json:"type"` // "Q4_1"
	Tensors int    `json:"tensors"`
	Bytes   int64  `json:"bytes"`
}

// Warmup says how a session was warmed up before the scenario's clock.
type Warmup struct {
	Rounds int     `json:"rounds"` // blocks of steps
	TookS  float64 `json:"took_s"` // all of them, seconds
	// Spread is the difference between the last two blocks / the longer of
	// them; null: there was one only.
	Spread *float64 `json:"spread"`
}

// warmupAgree is the most by which two blocks that agree differ: their
// difference / the longer one.
const warmupAgree = 0.05

// Settled tells whether the last two blocks took the same time, within 5 %.
func (w *Warmup) Settled() bool { return w.Spread != nil && *w.Spread <= warmupAgree }
