package client

import (
	"bytes"
	"context"
	"math"
	"strconv"
	"strings"
)

// PrefixCache reads vLLM's counters of prompt tokens looked up in its prefix
// cache, and of those found there, since it was started. ok is false for
// another server, and for one that does not answer at /metrics.
func (c *Server) PrefixCache(ctx context.Context) (queried, hit int64, ok bool) {
	if c.info.Kind != kindVLLM {
		return 0, 0, false
	}
	text, err := c.fetch(ctx, "/metrics")
	if err != nil {
		return 0, 0, false
	}
	q, okQ := counter(text, "vllm:prefix_cache_queries_total")
	h, okH := counter(text, "vllm:prefix_cache_hits_total")
	return q, h, okQ && okH
}

// counter is the sum of a counter over its labels, in Prometheus' text format.
func counter(text []byte, name string) (sum int64, ok bool) {
	for line := range bytes.Lines(text) {
		rest, found := strings.CutPrefix(string(line), name)
		if !found || !strings.HasPrefix(rest, "{") && !strings.HasPrefix(rest, " ") {
			continue
		}
		// Labels may hold blanks; the value, with no time stamp behind it, may not.
		fields := strings.Fields(rest)
		v, err := strconv.ParseFloat(fields[len(fields)-1], 64)
		if err != nil || !(v >= 0 && v <= math.MaxInt64/2) { // NaN too
			return 0, false
		}
		sum, ok = sum+int64(v), true
	}
	return sum, ok
}
