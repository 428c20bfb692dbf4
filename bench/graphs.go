package bench

import "ceiling/bench/result"

// graphCounter is an [Engine] that counts what it makes of steps, from anywhere on;
// nil where it can't.
type graphCounter interface{ Graphs() *result.GraphCounts }

// graphsOf is an engine's count up to now; nil where it has none.
func graphsOf(e Engine) *result.GraphCounts {
	if c, ok := e.(graphCounter); ok {
		return c.Graphs()
	}
	return nil
}
