package bench

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// ids is a prompt of n tokens: the first same of them are 0, 1, 2 …, the
// others are unlike any other prompt's of another tag.
func ids(tag int32, same, n int) []int32 {
	out := make([]int32, n)
	for i := range out {
		out[i] = int32(i)
		if i >= same {
			out[i] += 1000 * tag
		}
	}
	return out
}

// cacheOp is one call and what it gives.
type cacheOp struct {
	do   string // match, keep
	ids  []int32
	want string
}

func match(p []int32, want string) cacheOp { return cacheOp{"match", p, want} }
func keep(p []int32, want string) cacheOp  { return cacheOp{"keep", p, want} }

// Sequences 8, 9 and 10 keep prompts in 100 cells.
var cacheCases = []struct {
	name string
	ops  []cacheOp
}{
	{"nothing is found in an empty cache", []cacheOp{match(ids(1, 0, 30), "0 of sequence 0")}},
	{"the same prompt is reused but for its last token", []cacheOp{
		keep(ids(1, 0, 30), "sequence 8, evict []"),
		match(ids(1, 0, 30), "29 of sequence 8"),
	}},
	{"a longer prompt reuses all of a shorter one, and the other way round", []cacheOp{
		keep(ids(1, 40, 30), "sequence 8, evict []"),
		match(ids(1, 40, 40), "30 of sequence 8"),
		match(ids(1, 40, 20), "19 of sequence 8"),
	}},
	{"the longest common prefix wins", []cacheOp{
		keep(ids(1, 20, 30), "sequence 8, evict []"),
		keep(ids(2, 25, 30), "sequence 9, evict []"),
		match(ids(3, 25, 30), "25 of sequence 9"),
	}},
	{"a prefix shorter than a block is not worth a copy", []cacheOp{
		keep(ids(1, minReuse-1, 30), "sequence 8, evict []"),
		match(ids(2, minReuse-1, 30), "0 of sequence 0"),
		keep(ids(2, minReuse, 30), "sequence 9, evict []"),
		match(ids(3, minReuse, 30), "16 of sequence 9"),
	}},
	{"a prompt that is kept already, alone or as a prefix, is not kept twice", []cacheOp{
		keep(ids(1, 40, 30), "sequence 8, evict []"),
		keep(ids(1, 40, 30), "no"),
		keep(ids(1, 40, 20), "no"),
		keep(ids(1, 40, 35), "sequence 9, evict []"),
	}},
	{"a prompt too short to be reused is not kept", []cacheOp{keep(ids(1, 0, minReuse-1), "no")}},
	{"without a free sequence the least recently used one goes", []cacheOp{
		keep(ids(1, 0, 20), "sequence 8, evict []"),
		keep(ids(2, 0, 20), "sequence 9, evict []"),
		keep(ids(3, 0, 20), "sequence 10, evict []"),
		match(ids(1, 0, 20), "19 of sequence 8"),
		keep(ids(4, 0, 20), "sequence 9, evict [9]"),
		match(ids(2, 0, 20), "0 of sequence 0"),
		match(ids(1, 0, 20), "19 of sequence 8"),
	}},
	{"keeping a prompt again counts as use", []cacheOp{
		keep(ids(1, 0, 20), "sequence 8, evict []"),
		keep(ids(2, 0, 20), "sequence 9, evict []"),
		keep(ids(3, 0, 20), "sequence 10, evict []"),
		keep(ids(1, 0, 20), "no"),
		keep(ids(4, 0, 20), "sequence 9, evict [9]"),
	}},
	{"no more than the budget is kept: the oldest make room", []cacheOp{
		keep(ids(1, 0, 40), "sequence 8, evict []"),
		keep(ids(2, 0, 40), "sequence 9, evict []"),
		keep(ids(3, 0, 20), "sequence 10, evict []"), // 100
		keep(ids(4, 0, 50), "sequence 8, evict [8 9]"),
		keep(ids(5, 0, 101), "no"),
		match(ids(3, 0, 20), "19 of sequence 10"), // and cost nobody a place
		keep(ids(6, 0, 100), "sequence 8, evict [8 10]"),
	}},
}

func TestPrefixCache(t *testing.T) {
	for _, tc := range cacheCases {
		t.Run(tc.name, func(t *testing.T) {
			c := newPrefixCache(8, 3, 100)
			for i, o := range tc.ops {
				got := ""
				switch o.do {
				case "match":
					seq, n := c.match(o.ids)
					got = fmt.Sprintf("%d of sequence %d", n, seq)
				case "keep":
					got = "no"
					if seq, evicted, ok := c.keep(o.ids); ok {
						got = fmt.Sprintf("sequence %d, evict %v", seq, append([]int32{}, evicted...))
					}
				}
				if diff := cmp.Diff(o.want, got); diff != "" {
					t.Errorf("operation %d, %s:\n%s", i+1, o.do, diff)
				}
				if c.cached > c.budget || c.most < c.cached {
					t.Errorf("operation %d: %d kept of %d cells, at most %d", i+1, c.cached, c.budget, c.most)
				}
			}
		})
	}
}

func TestPrefixCacheWithoutSequences(t *testing.T) {
	c := newPrefixCache(4, 0, 100)
	if _, _, ok := c.keep(ids(1, 0, 20)); ok {
		t.Error("kept a prompt in no sequence")
	}
	if _, n := c.match(ids(1, 0, 20)); n != 0 {
		t.Error("found something in no sequence")
	}
}
