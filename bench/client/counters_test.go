package client

import (
	"context"
	"fmt"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ceiling/bench/result"
)

func TestPrefixCacheCounters(t *testing.T) {
	for _, tc := range []struct {
		name         string
		kind         string
		text         string
		queried, hit int64
		ok           bool
	}{
		{"vLLM, two engines", kindVLLM, `# HELP vllm:prefix_cache_queries_total Prefix cache queries, in terms of number of queried tokens.
# TYPE vllm:prefix_cache_queries_total counter
vllm:prefix_cache_queries_total{engine="0",model_name="a b"} 1000.0
vllm:prefix_cache_queries_total{engine="1",model_name="a b"} 1.341177e+06
vllm:prefix_cache_queries_created{engine="0"} 1.7e9
vllm:prefix_cache_hits_total{engine="0",model_name="a b"} 250.0
vllm:prefix_cache_hits_total{engine="1",model_name="a b"} 0.0
`, 1342177, 250, true},
		{"without labels", kindVLLM, "vllm:prefix_cache_queries_total 3\nvllm:prefix_cache_hits_total 2\n", 3, 2, true},
		{"hits alone", kindVLLM, "vllm:prefix_cache_hits_total 2\n", 0, 2, false},
		{"no number", kindVLLM, "vllm:prefix_cache_queries_total x\nvllm:prefix_cache_hits_total NaN\n", 0, 0, false},
		{"no metrics", kindVLLM, "", 0, 0, false},
		{"another server", kindLlama, "vllm:prefix_cache_queries_total 3\nvllm:prefix_cache_hits_total 2\n", 0, 0, false},
	} {
		c := (&fake{kind: tc.kind, metrics: func(w http.ResponseWriter) { fmt.Fprint(w, tc.text) }}).start(t).mustConnect(t, nil)
		if q, h, ok := c.PrefixCache(context.Background()); q != tc.queried || h != tc.hit || ok != tc.ok {
			t.Errorf("%s: %d of %d, %v", tc.name, h, q, ok)
		}
	}
	if _, _, ok := (&fake{kind: kindVLLM}).start(t).mustConnect(t, nil).PrefixCache(context.Background()); ok {
		t.Error("a server without /metrics has counters")
	}
}

func TestDraftCounters(t *testing.T) {
	const counters = `vllm:spec_decode_num_drafts_total{engine="0",model_name="m"} 40.0
vllm:spec_decode_num_drafts_total{engine="1",model_name="m"} 10.0
vllm:spec_decode_num_draft_tokens_total{engine="0",model_name="m"} 150.0
vllm:spec_decode_num_accepted_tokens_total{engine="0",model_name="m"} 60.0
vllm:spec_decode_num_accepted_tokens_per_pos_total{engine="0",model_name="m",position="0"} 40.0
vllm:spec_decode_num_accepted_tokens_per_pos_total{engine="1",model_name="m",position="0"} 1.0
vllm:spec_decode_num_accepted_tokens_per_pos_total{engine="0",model_name="m",position="1"} 15.0
vllm:spec_decode_num_accepted_tokens_per_pos_total{engine="0",model_name="m",position="10"} 9.0
`
	for _, tc := range []struct {
		name, kind, text string
		want             *result.Speculation
	}{
		{"vLLM", kindVLLM, counters, &result.Speculation{SpecSettings: result.SpecSettings{DraftMax: 2}, Verifications: 50, Drafted: 150, Accepted: 60, AcceptedAt: []int64{41, 15}}},
		{"vLLM that does not speculate", kindVLLM, "vllm:prefix_cache_hits_total 2\n", nil},
		{"another server", kindLlama, counters, nil},
	} {
		c := (&fake{kind: tc.kind, metrics: func(w http.ResponseWriter) { fmt.Fprint(w, tc.text) }}).start(t).mustConnect(t, nil)
		if diff := cmp.Diff(tc.want, c.Drafts(t.Context())); diff != "" {
			t.Errorf("%s:\n%s", tc.name, diff)
		}
	}
}
