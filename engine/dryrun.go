package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"ceiling/engine/internal/llama"
	"ceiling/internal/figure"
)

// ErrNoDryRun: the library in use does not tell what buffers would take.
var ErrNoDryRun = errors.New("engine has no dry run")

// Need is the memory that a model with one session takes on one device, and
// what the device has, in bytes. Free and Total are 0 where it does not tell.
type Need struct {
	Device  string `json:"device"`
	Model   uint64 `json:"model_bytes"`
	Context uint64 `json:"kv_bytes"`
	Compute uint64 `json:"compute_bytes"`
	Free    uint64 `json:"free_bytes"` // what this process may still take
	Total   uint64 `json:"total_bytes"`
	// By says what sets Free: the machine, a limit on this process, the device.
	By string `json:"free_by,omitempty"`
	// Estimated: of a tensor split the library tells the sum over its devices
	// only. Weights and KV cache are then divided by the devices' shares, and
	// the compute buffers are those of an unsplit model, which is more than
	// each device takes.
	Estimated bool `json:"estimated,omitempty"`
}

// Sum is everything that the device has to hold.
func (n Need) Sum() uint64 { return n.Model + n.Context + n.Compute }

// Lacks says that the device can't hold it. Where the compute buffers are an
// upper bound they are left out.
func (n Need) Lacks() bool {
	sum := n.Sum()
	if n.Estimated {
		sum -= n.Compute
	}
	return n.Free > 0 && sum > n.Free
}

// ModelPlan is a model that is not loaded: its weights take no memory, but what
// loading it and opening sessions would take can be told.
type ModelPlan struct {
	model *Model
}

// NewPlan reads a model's metadata. The session's options bear on how the
// model is split: see PlanSplit. Errors: those of Load.
func NewPlan(ctx context.Context, path string, load LoadOptions, open SessionOptions) (*ModelPlan, error) {
	p, err := load.native()
	if err != nil {
		return nil, err
	}
	file, err := openChecked(path)
	if err != nil {
		return nil, err
	}
	split, err := PlanSplit(file, load, open)
	if err != nil {
		return nil, err
	}
	split.apply(&p)
	// Mapping the file would need no memory of its own and hide the need.
	p.Path, p.NoAlloc, p.LoadMode = path, true, llama.LoadRead
	p.Progress = func(float32) bool { return ctx.Err() == nil }
	llama.ResetLogged()
	native := llama.LoadModel(p)
	if native == nil {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("reading %s stopped: %w", modelName(path), err)
		}
		return nil, fmt.Errorf("%w: %s%s", ErrLoad, modelName(path), logged())
	}
	return &ModelPlan{&Model{native: native, file: file, path: path, opts: load, split: split, vocabOnly: true}}, nil
}

// Close frees the metadata.
func (p *ModelPlan) Close() { p.model.native.Free() }

// Model is the model without its weights: vocabulary and metadata, as
// LoadVocab has it.
func (p *ModelPlan) Model() *Model { return p.model }

// Need adds up, by the library's own rules, what loading the model and opening
// a session would take on each device, and allocates none of it. Errors: those
// of Open but ErrOutOfMemory, or ErrNoDryRun.
func (p *ModelPlan) Need(ctx context.Context, open SessionOptions) ([]Need, error) {
	o, err := p.model.openParams(&open)
	if err != nil {
		return nil, err
	}
	llama.ResetLogged()
	session := p.model.native.OpenSession(o)
	if session == nil {
		return nil, fmt.Errorf("%w: %d sequences of %d tokens%s", ErrSession, open.Sequences, open.TokensPerSequence, logged())
	}
	defer session.Free()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	list, ok := session.Memory()
	if !ok {
		return nil, fmt.Errorf("%w: this build of llama.cpp lacks llama_get_memory_breakdown", ErrNoDryRun)
	}
	return needs(list, Devices(), hostRoom(), p.model.split, p.model.opts.TensorSplit), nil
}

// Check tells what keeps the model from being loaded and the session from
// being opened: the errors of Need, or ErrOutOfMemory with what each device
// would have to hold and may hold. A library without a dry run passes, and
// tells no needs.
func (p *ModelPlan) Check(ctx context.Context, open SessionOptions) ([]Need, error) {
	list, err := p.Need(ctx, open)
	if errors.Is(err, ErrNoDryRun) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return list, outOfMemory(list, open)
}

// outOfMemory is the error of the devices that can't hold what they need; nil
// where there are none.
func outOfMemory(list []Need, open SessionOptions) error {
	var lacking []string
	for _, n := range list {
		if n.Lacks() {
			lacking = append(lacking, n.String())
		}
	}
	if len(lacking) == 0 {
		return nil
	}
	return fmt.Errorf("%w for %d sequences of %d tokens: %s; use fewer or shorter sequences, a smaller KV type, more devices or a smaller quantisation",
		ErrOutOfMemory, open.Sequences, open.TokensPerSequence, strings.Join(lacking, "; "))
}

// String has both figures: "CPU: model 1.00 GiB + KV 2.00 GiB + compute 0.10
// GiB = 3.10 GiB, and 1.50 GiB is free: what the machine has available".
func (n Need) String() string {
	equals := "="
	if n.Estimated {
		equals = "= at most about"
	}
	text := fmt.Sprintf("%s: model %s + KV %s + compute %s %s %s, and ", n.Device,
		figure.GiB(int64(n.Model)), figure.GiB(int64(n.Context)), figure.GiB(int64(n.Compute)), equals, figure.GiB(int64(n.Sum())))
	if n.Free == 0 {
		return text + "what is free is unknown"
	}
	return text + figure.GiB(int64(n.Free)) + " is free" + n.because()
}

func (n Need) because() string {
	if n.By == "" {
		return ""
	}
	return ": " + n.By
}

// DryRun is Need of a plan that serves this once.
func DryRun(ctx context.Context, path string, load LoadOptions, open SessionOptions) ([]Need, error) {
	p, err := NewPlan(ctx, path, load, open)
	if err != nil {
		return nil, err
	}
	defer p.Close()
	return p.Need(ctx, open)
}

// needs adds up the buffer types of each device, in the devices' order, and
// says what those have. What lies on none of them belongs to the device that
// the library puts before those of a tensor split.
func needs(list []llama.NativeMemory, all []Device, host room, split Split, shares []float32) []Need {
	var joint llama.NativeMemory
	for _, m := range list {
		if !slices.ContainsFunc(all, func(d Device) bool { return d.Name == m.Device }) {
			joint.Model, joint.Context, joint.Compute = joint.Model+m.Model, joint.Context+m.Context, joint.Compute+m.Compute
		}
	}
	var out []Need
	for _, d := range all {
		n := Need{Device: d.Name}
		for _, m := range list {
			if m.Device == d.Name {
				n.Model, n.Context, n.Compute = n.Model+m.Model, n.Context+m.Context, n.Compute+m.Compute
			}
		}
		at := slices.IndexFunc(split.Devices, func(o Device) bool { return o.Name == d.Name })
		if at >= 0 && joint.Compute+joint.Model > 0 {
			part := share(shares, at, len(split.Devices))
			n.Model += uint64(part * float64(joint.Model))
			n.Context += uint64(part * float64(joint.Context))
			n.Compute, n.Estimated = n.Compute+joint.Compute, true
		}
		if n.Sum() == 0 {
			continue
		}
		n.refresh(d, host)
		out = append(out, n)
	}
	return out
}

// refresh says what the device has now.
func (n *Need) refresh(d Device, host room) {
	n.Free, n.Total = d.MemoryFree, d.MemoryTotal
	if d.Type == DeviceCPU {
		// The library reports the machine's memory, not the process's limits.
		n.Free, n.By = uint64(host.bytes), host.by
	}
}

// afterLoad are the needs of a session whose model is loaded, against what the
// devices have left.
func afterLoad(list []Need, all []Device, host room) []Need {
	list = slices.Clone(list)
	for i := range list {
		list[i].Model = 0
		for _, d := range all {
			if d.Name == list[i].Device {
				list[i].refresh(d, host)
			}
		}
	}
	return list
}

// share is the part of one of n devices; without shares they are equal.
func share(shares []float32, at, n int) float64 {
	var sum float64
	for _, v := range shares {
		sum += float64(v)
	}
	if len(shares) != n || sum <= 0 {
		return 1 / float64(n)
	}
	return float64(shares[at]) / sum
}
