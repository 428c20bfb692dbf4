package client

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"strconv"
	"strings"

	"ceiling/bench/result"
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

// Drafts reads vLLM's counters of speculation; nil where nothing was drafted yet, or
// it does not tell.
func (c *Server) Drafts(ctx context.Context) *result.Speculation {
	if c.info.Kind != kindVLLM {
		return nil
	}
	text, err := c.fetch(ctx, "/metrics")
	if err != nil {
		return nil
	}
	verifications, ok := counter(text, "vllm:spec_decode_num_drafts_total")
	drafted, okDrafted := counter(text, "vllm:spec_decode_num_draft_tokens_total")
	accepted, okAccepted := counter(text, "vllm:spec_decode_num_accepted_tokens_total")
	if !ok || !okDrafted || !okAccepted {
		return nil
	}
	s := &result.Speculation{Verifications: verifications, Drafted: drafted, Accepted: accepted}
	for s.DraftMax < mostPlaces {
		n, ok := labelled(text, "vllm:spec_decode_num_accepted_tokens_per_pos_total", fmt.Sprintf("position=%q", strconv.Itoa(s.DraftMax)))
		if !ok {
			break
		}
		s.AcceptedAt = append(s.AcceptedAt, n)
		s.DraftMax++
	}
	return s
}

// mostPlaces is more than anything drafts at a time.
const mostPlaces = 256

// counter is the sum of a counter over its labels, in Prometheus' text format.
func counter(text []byte, name string) (sum int64, ok bool) { return labelled(text, name, "") }

// labelled is the sum over those labels that hold a text.
func labelled(text []byte, name, label string) (sum int64, ok bool) {
	for line := range bytes.Lines(text) {
		rest, found := strings.CutPrefix(string(line), name)
		if !found || !strings.HasPrefix(rest, "{") && !strings.HasPrefix(rest, " ") || !strings.Contains(rest, label) {
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
