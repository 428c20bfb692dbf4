package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"ceiling/engine/internal/llama"
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
	Free    uint64 `json:"free_bytes"`
	Total   uint64 `json:"total_bytes"`
	// Estimated: of a tensor split the library tells the sum over its devices
	// only. Weights and KV cache are then divided by the devices' shares, and
	// the compute buffers are those of an unsplit model, which is more than
	// each device takes.
	Estimated bool `json:"estimated,omitempty"`
}

// Sum is everything that the device has to hold.
func (n Need) Sum() uint64 { return n.Model + n.Context + n.Compute }

// DryRun adds up, by the library's own rules, what loading the model and
// opening a session would take on each device. It reads the file's metadata
// and allocates none of the memory. Errors: those of Load and Open, or
// ErrNoDryRun.
func DryRun(ctx context.Context, path string, load LoadOptions, open SessionOptions) ([]Need, error) {
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
	llama.ResetErrors()
	native := llama.LoadModel(p)
	if native == nil {
		return nil, fmt.Errorf("%w: %s%s", ErrLoad, modelName(path), logged())
	}
	defer native.Free()
	m := &Model{native: native, file: file, path: path, opts: load, split: split}
	o, err := m.openParams(&open)
	if err != nil {
		return nil, err
	}
	session := native.OpenSession(o)
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
	return needs(list, Devices(), split, load.TensorSplit), nil
}

// needs adds up the buffer types of each device, in the devices' order, and
// says what those have. What lies on none of them belongs to the device that
// the library puts before those of a tensor split.
func needs(list []llama.Memory, all []Device, split Split, shares []float32) []Need {
	var joint llama.Memory
	for _, m := range list {
		if !slices.ContainsFunc(all, func(d Device) bool { return d.Name == m.Device }) {
			joint.Model, joint.Context, joint.Compute = joint.Model+m.Model, joint.Context+m.Context, joint.Compute+m.Compute
		}
	}
	var out []Need
	for _, d := range all {
		n := Need{Device: d.Name, Free: d.MemoryFree, Total: d.MemoryTotal}
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
		if d.Type == DeviceCPU {
			// The library reports the machine's memory, not the group's limit.
			n.Free = uint64(max(0, hostMemory("/")))
		}
		out = append(out, n)
	}
	return out
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
