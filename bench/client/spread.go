package client

import "time"

// piece is one part of an answer: an event of the stream that may hold output
// tokens.
type piece struct {
	at     time.Duration
	tokens int  // output tokens in it; < 0: the server does not tell
	empty  bool // it holds no text
}

// spread gives every output token an instant. total is the server's count of
// them, < 0 where it has none: then each piece with text is one token.
//
// k > 1 tokens that have come at one instant t, in one piece or in several, with
// the token before them at s: the j-th of them gets s + (t−s)·j/k, so that the
// last one has the instant itself. The first to come all have theirs. Where
// the server does not tell how many tokens each of m pieces held, and it is
// not one each, i pieces hold ⌈i·n/m⌉ of all n.
//
// chunks is the number of instants at which tokens came, and split the number
// of tokens that came along with others, or whose piece is not known.
func spread(pieces []piece, total int) (times []time.Duration, chunks, split int) {
	pieces, known := share(pieces, total)
	for _, p := range together(pieces) {
		from := p.at
		if chunks > 0 {
			from = times[len(times)-1]
		}
		for j := 1; j <= p.tokens; j++ {
			times = append(times, from+(p.at-from)*time.Duration(j)/time.Duration(p.tokens))
		}
		chunks++
		if p.tokens > 1 || !known {
			split += p.tokens
		}
	}
	return times, chunks, split
}

// atOnce is the time between two pieces below which they are one delivery: no
// model computes a token in less, but what a server or a proxy has held back
// comes in several reads as fast as it can be read.
const atOnce = 100 * time.Microsecond

// together makes one piece of those that came at once, and leaves out those
// without a token. It has the instant of the first.
func together(pieces []piece) []piece {
	var out []piece
	var last time.Duration // of the piece before
	for _, p := range pieces {
		if p.tokens <= 0 {
			continue
		}
		if n := len(out); n > 0 && p.at-last < atOnce {
			out[n-1].tokens += p.tokens
		} else {
			out = append(out, p)
		}
		last = p.at
	}
	return out
}

// share fills in how many tokens each piece holds; known tells that these are
// the server's own figures, or can't be others.
func share(pieces []piece, total int) (filled []piece, known bool) {
	filled = append(filled, pieces...)
	told, sum, texts := true, 0, 0
	for _, p := range filled {
		told = told && p.tokens >= 0
		sum += max(p.tokens, 0)
		if !p.empty {
			texts++
		}
	}
	m := len(filled)
	switch {
	case m == 0:
		return filled, true
	case told:
		// The final count may hold tokens that no piece was told with.
		if total > sum {
			filled[m-1].tokens += total - sum
		}
		return filled, true
	case total < 0 || total == texts:
		for i := range filled {
			filled[i].tokens = 1
			if filled[i].empty {
				filled[i].tokens = 0
			}
		}
		return filled, true
	case total == m || total == m-1 && filled[m-1].empty:
		// A token may be no text; a closing event may be no token.
		for i := range filled {
			filled[i].tokens = 1
		}
		filled[m-1].tokens = total - (m - 1)
		return filled, true
	}
	for i := range filled {
		filled[i].tokens = (total*(i+1)+m-1)/m - (total*i+m-1)/m
	}
	return filled, false
}
