package engine

import (
	"context"
	"testing"
)

// TestGraphs: the batches whose cutting the library's rules leave no doubt
// about.
func TestGraphs(t *testing.T) {
	m := load(t, synthModel(t, "q4_0"))
	own := open(t, m, SessionOptions{Sequences: 4, TokensPerSequence: 64, UBatch: 8, Threads: 1})
	unified := open(t, m, SessionOptions{Sequences: 4, TokensPerSequence: 64, UBatch: 8, Threads: 1, Unified: true})
	for _, c := range []struct {
		name    string
		session *Session
		lengths map[int32]int // tokens by sequence
		want    int
	}{
		{"one token", own, map[int32]int{0: 1}, 1},
		{"a full physical batch", own, map[int32]int{0: 8}, 1},
		{"one token more", own, map[int32]int{0: 9}, 2},
		{"four physical batches", own, map[int32]int{0: 25}, 4},
		{"a token of each", own, map[int32]int{0: 1, 1: 1, 2: 1, 3: 1}, 1},
		{"a gap in the sequences", own, map[int32]int{0: 1, 2: 1}, 2},
		{"unequal parts", own, map[int32]int{0: 1, 1: 7}, 2},
		{"unified, a gap", unified, map[int32]int{0: 1, 2: 1}, 1},
		{"unified, unequal parts", unified, map[int32]int{0: 1, 1: 7}, 1},
		{"unified, one token more", unified, map[int32]int{0: 9}, 2},
	} {
		c.session.Clear()
		var b Batch
		for seq := range int32(4) {
			if n := c.lengths[seq]; n > 0 {
				b.add(seq, 0, prompt(m, 1, n)...)
			}
		}
		if err := c.session.Step(context.Background(), &b); err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if b.Graphs != c.want {
			t.Errorf("%s: %d graphs, want %d", c.name, b.Graphs, c.want)
		}
		b.Graphs = 0
		c.session.Clear()
		if err := c.session.Decode(context.Background(), &b); err != nil || b.Graphs != c.want {
			t.Errorf("%s, without sampling: %d graphs, %v; want %d", c.name, b.Graphs, err, c.want)
		}
	}
}
