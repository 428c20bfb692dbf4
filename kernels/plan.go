package kernels

import (
	"math"
	"slices"
)

// WorkShape is what a scenario's limits are made of where nothing was run.
type WorkShape struct {
	Input, Output, Concurrency int
	UBatch                     int // tokens of a graph at most
}

// Decode is a step of all sequences, each half-way through its output.
func (p WorkShape) Decode() Work { return decodeWork(float64(p.Concurrency), p.Input, p.Output) }

// decodeWork is a step of n sequences, on the mean half-way through their output.
func decodeWork(n float64, input, output int) Work {
	return Work{Decode: n, Wanted: n, Context: n * (float64(input) + float64(output)/2)}
}

// Prompt is the whole prompt of one request.
func (p WorkShape) Prompt() Work { return PromptWork(float64(p.Input), float64(p.UBatch)) }

// PromptWork is a prompt of n tokens, each of which attends to itself and those
// before it, in graphs of up to ubatch tokens.
func PromptWork(n, ubatch float64) Work {
	return Work{Prompt: n, PromptContext: n * (n + 1) / 2, Wanted: 1, Graphs: math.Ceil(n / ubatch)}
}

// Limits are the least time of a decode step, which is the least TPOT, and of a
// request's prompt.
func (r *Roofs) Limits(m *Demand, p WorkShape) (decode, prompt Limit) {
	return r.Step(m, p.Decode()), r.Step(m, p.Prompt())
}

// Asks are the bytes that work has read, and the operations that it makes.
func (l *Demand) Asks(w Work) (bytes, ops float64) {
	for _, x := range l.Layers {
		ops += (w.Decode + w.Prompt) * x.Ops
	}
	for _, x := range l.Output {
		ops += w.Wanted * x.Ops
	}
	return max(w.Graphs, 1)*l.WeightBytes() + w.Context*l.KVBytes, ops + (w.Context+w.PromptContext)*l.AttentionOps
}

// Roof is a line of a roofline: what so many operations a byte allow.
type Roof struct {
	Name    string
	Read    float64 // bytes/s of all devices
	Compute float64 // operations/s of all devices
}

// At is the rate at so many operations a byte.
func (r Roof) At(intensity float64) float64 { return min(intensity*r.Read, r.Compute) }

// RoofsOf are the lines of the memory and of each kind of arithmetic that the
// model's products are made with.
func (u *Used) RoofsOf() []Roof {
	devices := float64(max(u.Roofs.Devices, 1))
	memory := u.Roofs.Read[len(u.Roofs.Read)-1]
	var out []Roof
	for _, c := range []Class{Int8, F16, BF, F32} {
		var ops float64
		for _, w := range slices.Concat(u.Load.Layers, u.Load.Output) {
			if classOf(w.Type) == c {
				ops += w.Ops
			}
		}
		if rate := u.Roofs.Compute[c]; rate > 0 && ops > 0 {
			out = append(out, Roof{string(c), devices * memory.Rate, devices * rate})
		}
	}
	return out
}
