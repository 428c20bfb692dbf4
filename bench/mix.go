package bench

import "ceiling/kernels"

// work is what the step that fill wrote consists of. It is to be asked for before
// apply. Tokens of nobody are not in it: they are no work that had to be done.
func (b *batcher) work(graphs int) kernels.Work {
	w := kernels.Work{Graphs: float64(graphs)}
	for i := range b.slots {
		s := &b.slots[i]
		if s.take == 0 {
			continue
		}
		switch s.phase {
		case decode:
			w.Decode++
			w.Wanted++
			w.Context += float64(b.base + len(s.prompt) + s.got)
		case prefill:
			n := float64(s.take)
			w.Prompt += n
			w.PromptContext += n*float64(b.base+s.done) + n*(n+1)/2
			if s.done+s.take == len(s.prompt) {
				w.Wanted++
			}
		}
	}
	return w
}
