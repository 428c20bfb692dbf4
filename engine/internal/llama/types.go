package llama

// LoadParams are llama_model_params' fields that ceiling sets.
type LoadParams struct {
	Path         string
	GPULayers    int // < 0: all
	SplitMode    int
	LoadMode     int
	MainGPU      int
	Devices      []string // nil: every GPU
	CPUOnly      bool
	TensorSplit  []float32
	CheckTensors bool
	VocabOnly    bool // no weights: the model can't be opened
	Heads        bool // layers that predict further tokens
	NoAlloc      bool // only add up what the buffers would take
	// Progress gets 0…1 while the model loads; returning false stops it.
	Progress func(float32) bool
}

// OpenParams are llama_context_params' fields that ceiling sets.
type OpenParams struct {
	Context, Batch, UBatch, Sequences, Outputs int
	Threads, ThreadsBatch, ThreadsArgmax       int
	FlashAttn, TypeK, TypeV                    int
	Unified, OffloadKQV, BackendGreedy         bool
	SWAFull                                    bool // layers with a sliding window keep all positions
	TimeOps                                    bool // compute node by node, and time each
	Draft                                      DraftParams
}

// DraftParams say how a session's drafts are made.
type DraftParams struct {
	Kind     string // llama.cpp's name of it; "": nothing is drafted
	Max, Min int    // tokens of a proposal
	PMin     float32
	Model    *NativeModel // the draft model, of kinds that have one
	MTP      bool         // the model's own head drafts
	PerSeq   int          // rows of logits that a step may ask of one sequence
	Rollback int          // steps that a recurrent state can go back by
	Plan     bool         // only the contexts, to see what they take
}

// NativeMemory is what a buffer type's buffers take, in bytes.
type NativeMemory struct {
	Device                  string // that it lies on
	Buffer                  string // "CPU", "CPU_REPACK", "ROCm0"
	Model, Context, Compute uint64
}

// NativeTally is what the libraries have done on the calling thread, and of it what a
// session can tell of itself.
type NativeTally struct{ Graphs, Reused, Splits, Plans, Buffers uint64 }

// NativeOp is one node of a graph, computed by itself.
type NativeOp struct {
	Op, Name, Type    string // "MUL_MAT", "ffn_down-3", "q4_0"
	Device            string // that its result lies on
	Shape             [4]int64
	Inner             int64 // length of the sums of a matrix product
	Seconds           float64
	Bytes, Operations uint64
}

// SamplerParams configure a chain: grammar, then top-k, top-p, min-p and
// temperature, then a seeded draw; greedy at temperature 0.
type SamplerParams struct {
	Temperature, TopP, MinP float32
	TopK                    int
	Seed                    uint32
	Grammar                 string
}

// NativeDevice is one of ggml's devices. Memory is in bytes.
type NativeDevice struct {
	Name, Description, ID   string
	Backend                 string // "ROCm", "RPC"
	Type                    int
	SplitRows               bool // can hold a part of a tensor's rows
	MemoryFree, MemoryTotal uint64
}

// Backend is a loaded back end.
type Backend struct {
	Name    string
	Devices int
}

// NativeCopies is what handing out whole rows of logits has taken: those of Rows
// tokens, in seconds with the argmax of them, of all that Step took. Zero where logits
// are read in place.
type NativeCopies struct {
	Rows                 uint64
	Seconds, StepSeconds float64
}

// Traits are what a library is called, and what it can't do. One of two is linked:
// see docs/engines.md.
type Traits struct {
	Name   string // as results have it
	Record string // the file beside the program that says what was built
	// KeepsContexts: the memory of a session is never given back. A later one of the
	// same size takes it over.
	KeepsContexts bool
	FullWindow    bool // layers with a sliding window keep all positions, asked for or not
	UBatchSteps   bool // a step takes the physical batch times the sequences, whatever is asked for
	Lacks         []Lack
}

// Lack is an option of which the library does not take every value.
type Lack struct {
	Option string   // a flag's name
	Takes  []string // values that ask for nothing that is missing
	Why    string
}
