package inspect

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ceiling/engine/gguf"
	"ceiling/engine/synth"
	"ceiling/internal/figure"
)

// devstral is the shape of the 24B model with 4-bit blocks and its table and
// output in bfloat16.
func devstral(t *testing.T) modelShape {
	g, _ := synth.Builtin("devstral-small-2-24b")
	plan, err := synth.NewPlan(g, "q4_0")
	if err != nil {
		t.Fatal(err)
	}
	keys := map[string]any{
		"mistral3.block_count": uint32(40), "mistral3.attention.head_count": uint32(32), "mistral3.attention.head_count_kv": uint32(8),
		"mistral3.attention.key_length": uint32(128), "mistral3.attention.value_length": uint32(128), "mistral3.embedding_length": uint32(5120),
	}
	return modelShape{"mistral3", lookup(keys), plan.Tensors}
}

func lookup(keys map[string]any) func(string) (any, bool) {
	return func(key string) (any, bool) { v, ok := keys[key]; return v, ok }
}

// The numbers are those of the roofline arithmetic for this model: 40 layers
// × 2 × 8 heads × 128 × 2 bytes = 163,840 bytes per token, a quarter of it on
// each of four devices; 4-bit layers of 12,504,268,800 bytes.
func TestNeedOf24B(t *testing.T) {
	m := devstral(t)
	const table, output = 131072 * 5120 * 2, 131072 * 5120 * 2
	const perLayer, finalNorm = 12504268800/40 + 2*5120*4, 5120 * 4
	const cells = 4 * 16640 // 16,400 tokens, rounded up to whole 256

	whole := m.need(MemoryQuery{Context: 16400, Sequences: 4, KVType: "f16", GPUs: 0, SplitMode: "layer"})
	if *whole.KVPerToken != 163840 {
		t.Errorf("KV per token %d, want 163840", *whole.KVPerToken)
	}
	kv := func(layers int64) *int64 { n := layers * 4096 * cells; return &n }
	for _, c := range []struct {
		gpus int
		mode string
		want []PlaceNeed
	}{
		{0, "layer", []PlaceNeed{{"CPU", table + 40*perLayer + finalNorm + output, kv(40)}}},
		{1, "layer", []PlaceNeed{{"GPU 1", 40*perLayer + finalNorm + output, kv(40)}, {"CPU", table, kv(0)}}},
		// 41 slots at equal shares: 11, 10, 10, and 9 with the output.
		{4, "layer", []PlaceNeed{{"GPU 1", 11 * perLayer, kv(11)}, {"GPU 2", 10 * perLayer, kv(10)}, {"GPU 3", 10 * perLayer, kv(10)},
			{"GPU 4", 9*perLayer + finalNorm + output, kv(9)}, {"CPU", table, kv(0)}}},
		{2, "tensor", []PlaceNeed{{"GPU 1", (40*perLayer + finalNorm + output) / 2, kv(20)},
			{"GPU 2", (40*perLayer + finalNorm + output) / 2, kv(20)}, {"CPU", table, kv(0)}}},
	} {
		got := m.need(MemoryQuery{Context: 16400, Sequences: 4, KVType: "f16", GPUs: c.gpus, SplitMode: c.mode})
		if diff := cmp.Diff(c.want, got.Places); diff != "" {
			t.Errorf("%d GPUs, %s (-want +got):\n%s", c.gpus, c.mode, diff)
		}
	}
}

func TestKVPerLayer(t *testing.T) {
	base := map[string]any{"x.block_count": uint32(2), "x.attention.head_count": uint32(4), "x.embedding_length": uint32(256)}
	for _, c := range []struct {
		name string
		add  map[string]any
		kind string
		want []int64
		note string
	}{
		{"as many KV heads as heads, of 256/4", nil, "f16", []int64{4 * 2 * 64 * 2, 4 * 2 * 64 * 2}, ""},
		{"8-bit blocks of 34 bytes", nil, "q8_0", []int64{4 * 2 * 68, 4 * 2 * 68}, ""},
		{"heads by layer", map[string]any{"attention.head_count_kv": []uint32{2, 1}}, "f16", []int64{2 * 256, 256}, ""},
		{"keys longer than values", map[string]any{"attention.key_length": uint32(96)}, "f16", []int64{4 * (96 + 64) * 2, 4 * (96 + 64) * 2}, ""},
		{"a window", map[string]any{"attention.sliding_window": uint32(512)}, "f16", []int64{1024, 1024}, "upper bound"},
		{"another formula", map[string]any{"ssm.state_size": uint32(16)}, "f16", nil, "not computed"},
		{"no layers", map[string]any{"block_count": uint32(0)}, "f16", nil, "does not say"},
		{"heads that no block fits", map[string]any{"attention.key_length": uint32(40)}, "q8_0", nil, "does not say"},
	} {
		keys := map[string]any{}
		for k, v := range base {
			keys[k] = v
		}
		for k, v := range c.add {
			keys["x."+k] = v
		}
		got, note := modelShape{arch: "x", value: lookup(keys)}.kvPerLayer(c.kind)
		if diff := cmp.Diff(c.want, got); diff != "" || !strings.Contains(note, c.note) || (c.note == "") != (note == "") {
			t.Errorf("%s: %s, note %q", c.name, diff, note)
		}
	}
}

// A model without an output matrix uses the token table twice: once on the
// CPU, once where the output is computed.
func TestTiedOutput(t *testing.T) {
	m := modelShape{"x", lookup(map[string]any{"x.block_count": uint32(1)}), []gguf.Tensor{
		{Name: "token_embd.weight", Bytes: 100}, {Name: "blk.0.attn_q.weight", Bytes: 7}, {Name: "output_norm.weight", Bytes: 1}}}
	got := m.need(MemoryQuery{Context: 1, Sequences: 1, KVType: "f16", GPUs: 1, SplitMode: "layer"})
	if diff := cmp.Diff([]PlaceNeed{{Place: "GPU 1", Weights: 108}, {Place: "CPU", Weights: 100}}, got.Places); diff != "" {
		t.Error(diff)
	}
}

func TestDefaultContext(t *testing.T) {
	for _, c := range []struct{ trained, asked, want, notes int }{{3072, 0, 3072, 1}, {8192, 0, 4096, 1}, {3072, 4000, 4000, 2}} {
		m := modelShape{"x", lookup(map[string]any{"x.context_length": uint32(c.trained), "x.block_count": uint32(1),
			"x.attention.head_count": uint32(1), "x.embedding_length": uint32(64)}), nil}
		got := m.need(MemoryQuery{Context: c.asked, Sequences: 1, KVType: "f16", GPUs: 1, SplitMode: "layer"})
		if got.Context != c.want || len(got.Notes) != c.notes {
			t.Errorf("%+v: %d tokens, notes %q", c, got.Context, got.Notes)
		}
	}
}

func TestGrouped(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", 23572403200: "23,572,403,200"} {
		if got := figure.Grouped(n); got != want {
			t.Errorf("%d is %q, want %q", n, got, want)
		}
	}
	for want, n := range map[string]int64{"<0.1%": 1, "50.0%": 5000, "0.0%": 0} {
		if got := figure.Share(n, 10000); got != want {
			t.Errorf("%d of 10000 is %q, want %q", n, got, want)
		}
	}
	if got := fmt.Sprint(figure.Share(1, 0)); got != figure.Missing {
		t.Errorf("a share of nothing is %q", got)
	}
}

func TestClass(t *testing.T) {
	for name, want := range map[string]string{
		"blk.12.attn_q.weight": "attn_q", "token_embd.weight": "token_embd", "blk.0.ffn_up.scale": "ffn_up.scale", "blk.x": "blk.x",
	} {
		if got := class(name); got != want {
			t.Errorf("%s is of class %q, want %q", name, got, want)
		}
	}
}
