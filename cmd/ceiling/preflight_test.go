package main

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"ceiling/engine/gguf"
)

// mamba writes a small recurrent model with the vocabulary of another.
func mamba(ts *testscript.TestScript, _ bool, args []string) {
	words, err := gguf.Open(args[1])
	ts.Check(err)
	const width, inner, states, conv, rank = 64, 128, 16, 4, 4
	w := gguf.NewWriter(ts.MkAbs(args[0]))
	defer w.Abort()
	w.Add("general.architecture", "mamba")
	for key, n := range map[string]uint32{"context_length": 4096, "embedding_length": width, "block_count": 2, "feed_forward_length": 0, "attention.head_count": 0,
		"ssm.conv_kernel": conv, "ssm.inner_size": inner, "ssm.state_size": states, "ssm.time_step_rank": rank} {
		w.Add("mamba."+key, n)
	}
	w.Add("mamba.attention.layer_norm_rms_epsilon", float32(1e-5))
	tokens := int64(0)
	for _, kv := range words.KVs {
		if strings.HasPrefix(kv.Key, "tokenizer.") {
			w.Add(kv.Key, kv.Value)
		}
		if list, ok := kv.Value.([]string); ok && kv.Key == "tokenizer.ggml.tokens" {
			tokens = int64(len(list))
		}
	}
	w.AddTensor("token_embd.weight", gguf.F32, width, tokens)
	w.AddTensor("output_norm.weight", gguf.F32, width)
	for i := range 2 {
		for _, v := range []struct {
			name string
			dims []int64
		}{
			{"attn_norm.weight", []int64{width}}, {"ssm_in.weight", []int64{width, 2 * inner}}, {"ssm_conv1d.weight", []int64{conv, inner}},
			{"ssm_conv1d.bias", []int64{inner}}, {"ssm_x.weight", []int64{inner, rank + 2*states}}, {"ssm_dt.weight", []int64{rank, inner}},
			{"ssm_dt.bias", []int64{inner}}, {"ssm_a", []int64{states, inner}}, {"ssm_d", []int64{inner}}, {"ssm_out.weight", []int64{inner, width}},
		} {
			w.AddTensor(fmt.Sprintf("blk.%d.%s", i, v.name), gguf.F32, v.dims...)
		}
	}
	ts.Check(w.Begin())
	rng := rand.New(rand.NewPCG(5, 6))
	for {
		info, out, err := w.Next()
		if err == io.EOF {
			break
		}
		ts.Check(err)
		data := make([]byte, 0, info.Bytes)
		for range info.Bytes / 4 {
			v := float32(rng.NormFloat64() * 0.1)
			if strings.HasSuffix(info.Name, "ssm_a") {
				v = -1 // a state that fades
			}
			data = binary.LittleEndian.AppendUint32(data, math.Float32bits(v))
		}
		_, err = out.Write(data)
		ts.Check(err)
	}
	ts.Check(w.Commit())
}
