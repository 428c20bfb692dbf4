package engine

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"ceiling/engine/gguf"
)

// headedModel writes a small model of an architecture with a layer that predicts a
// further token (MTP), of random weights with the vocabulary of another model. Its
// layers add little to what a token says by itself, and the head passes on the token:
// so much of what the head drafts is what the model says.
func headedModel(t *testing.T) string {
	t.Helper()
	words, err := gguf.Open(littleModel(t, "f16", 7))
	if err != nil {
		t.Fatal(err)
	}
	const width, heads, head, experts, inner, layers = 128, 2, 64, 4, 32, 3
	path := filepath.Join(t.TempDir(), "headed.gguf")
	w := gguf.NewWriter(path)
	defer w.Abort()
	w.Add("general.architecture", "glm4moe")
	for _, kv := range []struct {
		key   string
		value uint32
	}{{"context_length", 4096}, {"embedding_length", width}, {"block_count", layers}, {"feed_forward_length", 2 * inner}, {"attention.head_count", heads},
		{"attention.head_count_kv", heads}, {"attention.key_length", head}, {"attention.value_length", head}, {"rope.dimension_count", head}, {"expert_count", experts},
		{"expert_used_count", 2}, {"expert_shared_count", 1}, {"expert_feed_forward_length", inner}, {"leading_dense_block_count", 1}, {"nextn_predict_layers", 1}} {
		w.Add("glm4moe."+kv.key, kv.value)
	}
	w.Add("glm4moe.attention.layer_norm_rms_epsilon", float32(1e-5))
	w.Add("glm4moe.rope.freq_base", float32(10000))
	tokens := int64(0)
	for _, kv := range words.KVs {
		if strings.HasPrefix(kv.Key, "tokenizer.") {
			w.Add(kv.Key, kv.Value)
		}
		if list, ok := kv.Value.([]string); ok && kv.Key == "tokenizer.ggml.tokens" {
			tokens = int64(len(list))
		}
	}
	add := func(name string, dims ...int64) { w.AddTensor(name, gguf.F32, dims...) }
	add("token_embd.weight", width, tokens)
	add("output_norm.weight", width)
	add("output.weight", width, tokens)
	for i := range layers {
		blk := fmt.Sprintf("blk.%d.", i)
		for _, name := range []string{"attn_q", "attn_k", "attn_v", "attn_output"} {
			add(blk+name+".weight", width, width)
		}
		add(blk+"attn_norm.weight", width)
		add(blk+"post_attention_norm.weight", width)
		if i == 0 {
			add(blk+"ffn_gate.weight", width, 2*inner)
			add(blk+"ffn_down.weight", 2*inner, width)
			add(blk+"ffn_up.weight", width, 2*inner)
			continue
		}
		add(blk+"ffn_gate_inp.weight", width, experts)
		add(blk+"exp_probs_b.bias", experts)
		for kind, of := range map[string][]int64{"exps": {experts}, "shexp": nil} {
			add(blk+"ffn_gate_"+kind+".weight", append([]int64{width, inner}, of...)...)
			add(blk+"ffn_up_"+kind+".weight", append([]int64{width, inner}, of...)...)
			add(blk+"ffn_down_"+kind+".weight", append([]int64{inner, width}, of...)...)
		}
	}
	blk := fmt.Sprintf("blk.%d.nextn.", layers-1)
	add(blk+"eh_proj.weight", 2*width, width)
	add(blk+"enorm.weight", width)
	add(blk+"hnorm.weight", width)
	if err := w.Begin(); err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(5, 6))
	for {
		info, to, err := w.Next()
		if err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		if _, err := to.Write(headedWeights(info, rng)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Commit(); err != nil {
		t.Fatal(err)
	}
	return path
}

func headedWeights(info *gguf.Tensor, rng *rand.Rand) []byte {
	data := make([]byte, 0, info.Bytes)
	for i := range info.Elements() {
		v := float32(rng.NormFloat64()) / float32(math.Sqrt(float64(info.Dims[0])))
		switch {
		case strings.Contains(info.Name, "norm"):
			v = 1
		case strings.Contains(info.Name, "embd"):
			v *= 10
		case strings.Contains(info.Name, "attn_output"), strings.Contains(info.Name, "ffn_down"):
			v *= 0.02
		case strings.Contains(info.Name, "eh_proj"): // of the token and the model's last state, the token
			if v = 0; i%info.Dims[0] == i/info.Dims[0] {
				v = 1
			}
		}
		data = binary.LittleEndian.AppendUint32(data, math.Float32bits(v))
	}
	return data
}

// TestMTP: a model whose own layer drafts.
func TestMTP(t *testing.T) {
	needSpeculation(t)
	path := headedModel(t)
	spec := Drafting{Kind: "mtp"}
	plain := load(t, path)
	if err := plain.CheckSpeculation(spec); !errors.Is(err, ErrSpeculation) || !strings.Contains(err.Error(), "were not loaded") {
		t.Errorf("without its head: %v", err)
	}
	m := loadOn(t, path, LoadOptions{Devices: []string{"none"}, Heads: true})
	for _, n := range []int{1, 4} {
		prompts := make([][]int32, n)
		for i := range prompts {
			prompts[i] = prompt(m, i, 9+5*i)
		}
		o := SessionOptions{Sequences: n, TokensPerSequence: 256, Threads: 1, Unified: true, KVType: "f32"}
		want, _ := speculate(t, open(t, plain, o), prompts, 60, 0, nil)
		o.Speculation, o.Drafts = &spec, 3
		s := open(t, m, o)
		if err := s.Warm(context.Background()); err != nil {
			t.Fatal(err)
		}
		got, sum := speculate(t, s, prompts, 60, 3, func(asks []Ask) error { return s.Draft(context.Background(), asks) })
		for i := range prompts {
			if !slices.Equal(got[i], want[i]) {
				t.Errorf("%d sequences, text %d: %v, want %v", n, i, got[i], want[i])
			}
		}
		t.Logf("%d sequences: %d of %d drafts accepted in %d verifications", n, sum.accepted, sum.proposed, sum.verifications)
		if sum.accepted*4 < sum.proposed || sum.proposed == 0 {
			t.Errorf("%d sequences: %d of %d drafts were accepted", n, sum.accepted, sum.proposed)
		}
	}
}
