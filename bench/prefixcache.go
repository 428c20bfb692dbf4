package bench

import (
	"slices"

	"ceiling/bench/suite"
)

// minReuse is the shortest common prefix, in tokens, that is worth a copy. It
// is the block size of servers that cache prefixes in blocks, and keeps a
// shared BOS from counting as reuse.
const minReuse = 16

// prefixCache decides which finished prompts' KV stays in the session, and
// which of it serves a new prompt. It calls no engine: the caller copies and
// removes sequences as it is told.
//
// Kept prompts live in spare sequences, in cells beyond those that requests in
// flight can need: a unified buffer reads past every one of them in each step,
// so there are never more than the budget, and none that can't be of use.
type prefixCache struct {
	entries []cacheEntry // entry i is sequence first+i
	first   int32
	budget  int // cells that may be kept
	cached  int // cells that are
	most    int // the most that were since keepFor
	turn    int64
	evicted []int32 // reused result buffer
}

type cacheEntry struct {
	ids  []int32 // the prompt; empty: the sequence is free
	used int64   // turn of the last use
}

func newPrefixCache(first int32, sequences, cells int) *prefixCache {
	return &prefixCache{entries: make([]cacheEntry, sequences), first: first, budget: cells}
}

// match returns the kept sequence that shares the longest prefix with the
// prompt, and how many tokens of it to reuse; n = 0 means none. The last
// prompt token is never reused, because its logits are needed.
func (c *prefixCache) match(prompt []int32) (seq int32, n int) {
	best := -1
	for i, e := range c.entries {
		if l := min(commonPrefix(e.ids, prompt), len(prompt)-1); l > n {
			best, n = i, l
		}
	}
	if n < minReuse {
		return 0, 0
	}
	c.touch(best)
	return c.first + int32(best), n
}

// keepFor evicts every prompt that shares nothing with any of a workload, and
// returns the sequences that the caller must empty. The slice is valid until
// the next call.
func (c *prefixCache) keepFor(work *suite.Workload) []int32 {
	c.evicted = c.evicted[:0]
	var prompt []int32
	used := make([]bool, len(c.entries))
	for i := range work.Requests {
		prompt = work.Prompt(prompt[:0], i)
		for k, e := range c.entries {
			used[k] = used[k] || commonPrefix(e.ids, prompt) >= minReuse
		}
	}
	for k := range c.entries {
		if len(c.entries[k].ids) > 0 && !used[k] {
			c.evict(k)
		}
	}
	c.most = c.cached
	return c.evicted
}

// keep decides whether the KV of a finished prompt stays. With ok, the caller
// empties the evicted sequences and copies the prompt to seq. A prompt that
// is kept already is not kept twice.
func (c *prefixCache) keep(prompt []int32) (seq int32, evicted []int32, ok bool) {
	for i, e := range c.entries {
		if len(prompt) > 0 && commonPrefix(e.ids, prompt) == len(prompt) {
			c.touch(i)
			return 0, nil, false
		}
	}
	if len(c.entries) == 0 || len(prompt) < minReuse || len(prompt) > c.budget {
		return 0, nil, false
	}
	evicted = c.makeRoom(c.budget - len(prompt))
	at := slices.IndexFunc(c.entries, func(e cacheEntry) bool { return len(e.ids) == 0 })
	if at < 0 {
		at = c.oldest()
		evicted = c.evict(at)
	}
	c.entries[at].ids = append(c.entries[at].ids[:0], prompt...)
	c.cached += len(prompt)
	c.most = max(c.most, c.cached)
	c.touch(at)
	return c.first + int32(at), evicted, true
}

// makeRoom evicts until at most cells are kept.
func (c *prefixCache) makeRoom(cells int) []int32 {
	c.evicted = c.evicted[:0]
	for c.cached > cells {
		c.evict(c.oldest())
	}
	return c.evicted
}

func (c *prefixCache) evict(i int) []int32 {
	c.cached -= len(c.entries[i].ids)
	c.entries[i].ids = c.entries[i].ids[:0]
	c.evicted = append(c.evicted, c.first+int32(i))
	return c.evicted
}

// oldest is the least recently used entry that holds a prompt.
func (c *prefixCache) oldest() int {
	at := -1
	for i, e := range c.entries {
		if len(e.ids) > 0 && (at < 0 || e.used < c.entries[at].used) {
			at = i
		}
	}
	return at
}

func (c *prefixCache) touch(i int) {
	c.turn++
	c.entries[i].used = c.turn
}

func commonPrefix(a, b []int32) int {
	n := min(len(a), len(b))
	for i := range n {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}
