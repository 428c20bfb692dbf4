package kernels

import "math"

// Plan is what a scenario's limits are made of where nothing was run.
type Plan struct {
	Input, Output, Concurrency int
	UBatch                     int // tokens of a graph at most
}

// decode is a step of all sequences, each half-way through its output.
func (p Plan) decode() Work {
	c := float64(p.Concurrency)
	return Work{Decode: c, Wanted: c, Context: c * (float64(p.Input) + float64(p.Output)/2)}
}

// prompt is the whole prompt of one request.
func (p Plan) prompt() Work { return PromptWork(float64(p.Input), float64(p.UBatch)) }

// PromptWork is a prompt of n tokens, each of which attends to itself and those
// before it, in graphs of up to ubatch tokens.
func PromptWork(n, ubatch float64) Work {
	return Work{Prompt: n, PromptContext: n * (n + 1) / 2, Wanted: 1, Graphs: math.Ceil(n / ubatch)}
}

// Limits are the least time of a decode step, which is the least TPOT, and of a
// request's prompt.
func (r *Roofs) Limits(m *Load, p Plan) (decode, prompt Limit) {
	return r.Step(m, p.decode()), r.Step(m, p.prompt())
}
