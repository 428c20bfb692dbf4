package kernels

// Mix is what the steps of a scenario were made of, so that their least time
// follows without a record of each. Steps are told apart by what bounds them.
type Mix struct {
	Decode MixPart `json:"decode"` // no prompt tokens
	Mixed  MixPart `json:"mixed"`  // sequences that decode, and prompt tokens
	Prompt MixPart `json:"prompt"` // prompt tokens alone
}

// MixPart sums up steps of one kind.
type MixPart struct {
	Steps   int64   `json:"steps"`
	Seconds float64 `json:"seconds"`
	Sum     Work    `json:"sum"` // over steps
	// Seen is the sum over steps and the sequences that decoded in them: what a
	// sequence saw of its steps.
	Seen        Work    `json:"seen"`
	SeenSeconds float64 `json:"seen_seconds"`
}

// Add adds a step.
func (m *Mix) Add(w Work, seconds float64) {
	part := &m.Decode
	switch {
	case w.Prompt > 0 && w.Decode > 0:
		part = &m.Mixed
	case w.Prompt > 0:
		part = &m.Prompt
	}
	part.Steps++
	part.Seconds += seconds
	part.Sum.add(w, 1)
	part.Seen.add(w, w.Decode)
	part.SeenSeconds += w.Decode * seconds
}

func (w *Work) add(o Work, times float64) {
	w.Decode += times * o.Decode
	w.Context += times * o.Context
	w.Prompt += times * o.Prompt
	w.PromptContext += times * o.PromptContext
	w.Wanted += times * o.Wanted
	w.Graphs += times * o.Graphs
}

func (w Work) scaled(by float64) Work {
	var out Work
	out.add(w, by)
	return out
}

// TPOT is the least mean time per output token of sequences whose steps these
// were, and the share of it that was measured inside the steps; ok is false where
// nothing decoded.
//
// Each token of a sequence takes a step's time, so the mean over tokens is that
// over steps, each counted as often as it has sequences that decode:
//
//	TPOT = Σ d·t / Σ d ≥ Σ over kinds (Σ d / Σ d) · least(mean work seen)
//
// The least time is a maximum of sums that are linear in the work. The mean of
// such times is no less than the time of the mean work, so no order in which the
// work came can beat it.
func (m *Mix) TPOT(r *Roofs, l *Demand) (least Spent, measured float64, ok bool) {
	var tokens float64
	for _, part := range []*MixPart{&m.Decode, &m.Mixed} {
		n := part.Sum.Decode
		if n == 0 {
			continue
		}
		tokens += n
		measured += part.SeenSeconds
		least = least.plus(r.Step(l, part.Seen.scaled(1/n)).Spent(), n)
	}
	if tokens == 0 {
		return Spent{}, 0, false
	}
	return Spent{}.plus(least, 1/tokens), measured / tokens, true
}

// Prefill is the least time of all prompt tokens, and what was measured: of each
// step the prompt tokens' share of its tokens. ok is false where there were none.
//
// In a mixed step the weights are read and unpacked for the sequences that decode,
// and what is begun is begun for them: of its prompt tokens no less than their arithmetic
// counts.
func (m *Mix) Prefill(r *Roofs, l *Demand) (least Spent, tokens float64, ok bool) {
	tokens = m.Prompt.Sum.Prompt + m.Mixed.Sum.Prompt
	if tokens == 0 {
		return Spent{}, 0, false
	}
	if n := float64(m.Prompt.Steps); n > 0 {
		least = least.plus(r.Step(l, m.Prompt.Sum.scaled(1/n)).Spent(), n)
	}
	beside := m.Mixed.Sum
	if beside.Prompt > 0 {
		alone := Work{Prompt: beside.Prompt, PromptContext: beside.PromptContext, Graphs: beside.Graphs}
		least.Compute += r.productTime(l, alone) / r.together(beside.Graphs)
	}
	return least, tokens, true
}
