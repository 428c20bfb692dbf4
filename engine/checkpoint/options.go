package checkpoint

import (
	"fmt"
	"runtime"
	"strings"
	"time"

	"ceiling/engine/gguf"
)

// OpenOptions say how a checkpoint is to be read.
type OpenOptions struct {
	// GPTQv1Carry reads zero points of GPTQ version 1 as GPTQModel writes
	// them: 0x11111111 is added to the whole 32-bit word, with carry. Without
	// it, zero points where that makes a difference are refused.
	GPTQv1Carry bool
	// Format overrides the format that the configuration declares: one of
	// Formats(), or "" to believe it.
	Format string
}

// ConvertOptions say what Convert and Plan do. The zero value converts exactly
// or not at all, on all processors, without verifying.
type ConvertOptions struct {
	// AllowRounding rounds scales that float16 can't hold to the nearest that
	// it can. Otherwise such a checkpoint is refused.
	AllowRounding bool
	// Embeddings is the type of token_embd.weight and output.weight where the
	// checkpoint does not quantise them: one of EmbeddingTypes(), "" for
	// "unchanged".
	Embeddings string
	// Name becomes general.name; "" takes it from the checkpoint.
	Name string
	// ChatTemplate is the path of a Jinja file that replaces the checkpoint's
	// own template; "" keeps that.
	ChatTemplate string
	// Verify compares the finished file with the checkpoint before it gets its
	// name.
	Verify bool
	// VerifyRows is how many rows of each tensor are compared, 0 for 8.
	VerifyRows int
	// Seed chooses the rows that are compared.
	Seed uint64
	// Workers is how many tiles are converted at a time, 0 for one per
	// processor.
	Workers int
	// Progress, if not nil, is called from one goroutine at a time. Stages are
	// "scan" (bytes of scales, zero points and codes read to choose types),
	// "convert" (bytes of the file written) and "verify" (tensors compared).
	Progress func(stage string, done, total int64)
	// Force replaces a regular file at the output.
	Force bool
	// Free is gguf.Writer.Free.
	Free func(dir string) (int64, error)
}

const defaultVerifyRows = 8

// embeddingTypes maps the names to types; "unchanged" has none.
var embeddingTypes = []struct {
	name string
	kind gguf.Type
}{{"unchanged", 0}, {"bf16", gguf.BF16}, {"f16", gguf.F16}, {"q8_0", gguf.Q8_0}, {"f32", gguf.F32}}

// EmbeddingTypes returns the names that ConvertOptions.Embeddings may have.
func EmbeddingTypes() []string {
	names := make([]string, len(embeddingTypes))
	for i, e := range embeddingTypes {
		names[i] = e.name
	}
	return names
}

// embeddings returns the type asked for; keep is true for "unchanged".
func (o ConvertOptions) embeddings() (kind gguf.Type, keep bool, err error) {
	if o.Embeddings == "" {
		return 0, true, nil
	}
	for _, e := range embeddingTypes {
		if e.name == o.Embeddings {
			return e.kind, e.name == "unchanged", nil
		}
	}
	return 0, false, fmt.Errorf("no type %q for embeddings: name one of %s", o.Embeddings, strings.Join(EmbeddingTypes(), ", "))
}

func (o ConvertOptions) workers() int {
	if o.Workers > 0 {
		return o.Workers
	}
	return runtime.GOMAXPROCS(0)
}

// readers bounds the workers of stages that wait for the disk more than they
// compute, each of which has buffers of its own.
func (o ConvertOptions) readers() int { return min(o.workers(), 8) }

func (o ConvertOptions) verifyRows() int {
	if o.VerifyRows > 0 {
		return o.VerifyRows
	}
	return defaultVerifyRows
}

func (o ConvertOptions) progress(stage string, done, total int64) {
	if o.Progress != nil {
		o.Progress(stage, done, total)
	}
}

// Target is what one tensor of the checkpoint becomes.
type Target struct {
	SourceTensor
	Type  gguf.Type
	Bytes int64 // in the file, padding not counted
	// Inexact counts the scales that float16 can't hold; WorstRelative is the
	// largest |rounded - s| / |s| among them.
	Inexact       int64
	WorstRelative float64
	// Refused says why the tensor can't be converted with these options, in
	// one line; "" where it can.
	Refused string

	t     *tensor
	zeros bool // some zero points are not in the middle of the range
}

// ConversionPlan says what Convert would write.
type ConversionPlan struct {
	Targets     []Target // in file order
	Parameters  int64
	Size        int64 // bytes of the file
	FileType    uint32
	Warnings    []string
	SmallScales int64 // scales that are subnormal in float16: some devices may take them for 0
	OddScales   int64 // scales that are not positive
}

// Refusal returns the error of the first tensor that can't be converted, or
// nil.
func (p *ConversionPlan) Refusal() error {
	var first *Target
	n := 0
	for i := range p.Targets {
		if p.Targets[i].Refused == "" {
			continue
		}
		if first == nil {
			first = &p.Targets[i]
		}
		n++
	}
	if first == nil {
		return nil
	}
	return &RefusedError{Tensor: first.Name, Reason: first.Refused, More: n - 1}
}

// RefusedError says that a checkpoint can't be converted as the options ask.
type RefusedError struct {
	Tensor string // name in the checkpoint
	Reason string
	More   int // further tensors that are refused
}

// Error names the tensor and the reason.
func (e *RefusedError) Error() string {
	s := fmt.Sprintf("tensor %q %s", e.Tensor, e.Reason)
	if e.More > 0 {
		s += fmt.Sprintf(" (and %d more tensors)", e.More)
	}
	return s
}

// TypeCount counts the tensors of one type in a file.
type TypeCount struct {
	Type    gguf.Type
	Tensors int
	Bytes   int64
}

// Report says what Convert did.
type Report struct {
	Path       string
	Checkpoint string      // its folder
	Format     string      // of the checkpoint, see Checkpoint.FormatText
	Bytes      int64       // of the file
	BytesRead  int64       // of the tensors that went into it
	Types      []TypeCount // the largest in bytes first
	Parameters int64
	Seconds    float64 // all of it: scan, conversion, flush to disk, verification
	// Parts of Seconds.
	ScanSeconds, ConvertSeconds, VerifySeconds float64
	// Rounded counts the scales that were rounded, LargestError the largest
	// relative error among them and LargestErrorTensor its tensor.
	Rounded            int64
	LargestError       float64
	LargestErrorTensor string
	// EmbeddingError is the largest absolute error that ConvertOptions.Embeddings
	// brought into an element, 0 where it was exact.
	EmbeddingError float64
	SmallScales    int64         // as in Plan
	OddScales      int64         // as in Plan
	Verified       *VerifyReport // nil where it was not asked for
	Warnings       []string
}

// MBPerSecond returns the megabytes, of 10^6 bytes, of the file per second of
// conversion, verification not counted.
func (r *Report) MBPerSecond() float64 {
	return float64(r.Bytes) / 1e6 / (r.ScanSeconds + r.ConvertSeconds)
}

// VerifyReport says what was compared.
type VerifyReport struct {
	Tensors int
	Rows    int64
	Values  int64
	// Rounded counts the values that differ from the checkpoint's because
	// their scale was rounded or their embedding converted on request.
	Rounded int64
	Time    time.Duration
}
