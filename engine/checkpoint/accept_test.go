package checkpoint

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"ceiling/engine/checkpoint/awqtest"
	"ceiling/engine/gguf"
)

// accepted change a good checkpoint into a less usual one that is converted
// too; warn is what must be said about it.
var accepted = []struct {
	name   string
	o      awqtest.VariantOptions
	warn   string
	change func(m *model)
}{
	{"weight_shape of int32", symmetric, "", func(m *model) {
		p := m.parts[target+".weight_shape"]
		p.dtype, p.data = "I32", slices.Concat(p.data.([]byte)[:4], p.data.([]byte)[8:12])
	}},
	{"packed, though its status says less", symmetric, "", func(m *model) { m.quantization()["quantization_status"] = "frozen" }},
	{"no weight_shape", symmetric, "", func(m *model) { delete(m.parts, target+".weight_shape") }},
	{"neutral zero points left over", symmetric, "", func(m *model) {
		m.parts[target+".weight_zero_point"] = &part{"", "I32", []int{32, 20}, make([]byte, 32*20*4)}
		m.fill(target+".weight_zero_point", 0x88888888)
	}},
	{"neutral zero points left over, old", symmetric, "", func(m *model) {
		m.parts[target+".weight_zero_point"] = &part{"", "I8", []int{256, 20}, make([]byte, 256*20)}
	}},
	{"g_idx never filled in", symmetric, "", func(m *model) {
		m.parts[target+".weight_g_idx"] = &part{"", "I32", []int{640}, make([]byte, 640*4)}
		m.fill(target+".weight_g_idx", 1<<32-1)
	}},
	{"scales of float32", symmetric, "", func(m *model) {
		p := m.parts[target+".weight_scale"]
		var wide []byte
		for b := p.data.([]byte); len(b) > 0; b = b[2:] {
			wide = append(wide, 0, 0, b[0], b[1])
		}
		p.dtype, p.data = "F32", wide
	}},
	{"zero and negative scales", symmetric, "2 scales are zero or negative", func(m *model) {
		p := m.parts[target+".weight_scale"].data.([]byte)
		p[0], p[1] = 0, 0
		p[3] |= 0x80
	}},
	{"small scales", symmetric, "1 scales are below 2^-14", func(m *model) { le.PutUint16(m.parts[target+".weight_scale"].data.([]byte), 0x3780) }},
	{"dense sparsity", symmetric, "", func(m *model) { m.quantization()["sparsity_config"] = map[string]any{"format": "dense"} }},
	{"format by group", symmetric, "", func(m *model) { m.quantization()["format"] = "mixed-precision" }},
	{"quantised activations", symmetric, "activations are quantised", func(m *model) {
		m.quantization()["config_groups"].(map[string]any)["group_0"].(map[string]any)["input_activations"] = map[string]any{"num_bits": 8}
	}},
	{"quantised KV cache", symmetric, "kv_cache_scheme is set", func(m *model) { m.quantization()["kv_cache_scheme"] = map[string]any{"num_bits": 8} }},
	{"scales of the KV cache", symmetric, "2 tensors named .k_scale", func(m *model) {
		m.parts[layer+"self_attn.k_scale"] = &part{"", "BF16", []int{1}, []byte{0, 0}}
		m.parts["language_model.model.layers.0.self_attn.k_scale"] = &part{"", "BF16", []int{1}, []byte{0, 0}}
	}},
	{"rotary frequencies", symmetric, "", func(m *model) {
		m.parts[layer+"self_attn.rotary_emb.inv_freq"] = &part{"", "F32", []int{1}, make([]byte, 4)}
	}},
	{"packed though ignored", symmetric, `1 matrices are quantised though the configuration lists them under ignore, the first is "model.layers.1.mlp.down_proj"`, func(m *model) {
		m.quantization()["ignore"] = []any{"language_model.lm_head", "re:.*1.mlp.down.*"}
	}},
	{"plain though not ignored", awqtest.VariantOptions{Plain: []string{"layers.1.mlp.down_proj"}}, "1 matrices are not quantised though the configuration does not list them", func(m *model) {
		m.quantization()["ignore"] = []any{"language_model.lm_head"}
	}},
	{"ignored by a pattern that Go can't read", awqtest.VariantOptions{Plain: []string{"layers.1.mlp.down_proj"}}, "", func(m *model) {
		m.quantization()["ignore"] = []any{"re:(?!x).*"}
	}},
	{"tied, but with an output matrix", symmetric, `"language_model.lm_head" is left out: tie_word_embeddings is true`, func(m *model) {
		m.config["text_config"].(map[string]any)["tie_word_embeddings"] = true
	}},
	{"biases", gptq, "", func(m *model) {
		for name, n := range map[string]int{"self_attn.q_proj": 512, "self_attn.k_proj": 128, "self_attn.o_proj": 256, "mlp.down_proj": 256} {
			data := make([]byte, 2*n)
			for i := range n {
				le.PutUint16(data[2*i:], gguf.Float32ToHalf(float32(i)))
			}
			m.parts[layer+name+".bias"] = &part{"", "F16", []int{n}, data}
		}
	}},
	{"GPTQ with settings by module", gptq, "", func(m *model) {
		m.quantization()["dynamic"], m.quantization()["bits"] = map[string]any{"-:x": map[string]any{}}, 8
	}},
	{"GPTQModel's name of the format", gptq, "", func(m *model) {
		delete(m.quantization(), "checkpoint_format")
		m.quantization()["format"] = "gptq"
	}},
	{"AutoRound with settings by layer", awqtest.VariantOptions{Format: awqtest.AutoRoundAWQ, Zeros: true}, "", func(m *model) {
		m.quantization()["extra_config"], m.quantization()["group_size"] = map[string]any{"x": map[string]any{"bits": 16}}, 128
	}},
	{"asymmetric AutoRound as GPTQ", awqtest.VariantOptions{Format: awqtest.AutoRoundGPTQ, Zeros: true}, "zero points are read as GPTQ version 1", func(m *model) {}},
}

func TestAccepts(t *testing.T) {
	for _, a := range accepted {
		dir := write(t, a.o).Dir
		m := load(t, dir)
		a.change(m)
		m.store(t, dir)
		out := filepath.Join(t.TempDir(), "m.gguf")
		c, err := Open(dir, OpenOptions{})
		if err != nil {
			t.Errorf("%s: %v", a.name, err)
			continue
		}
		r, err := Convert(context.Background(), c, out, ConvertOptions{Verify: true, VerifyRows: 1 << 20})
		if err != nil {
			t.Errorf("%s: %v", a.name, err)
			continue
		}
		if a.warn == "" && len(r.Warnings) > 0 || a.warn != "" && (len(r.Warnings) != 1 || !strings.Contains(r.Warnings[0], a.warn)) {
			t.Errorf("%s: warnings %q, want %q", a.name, r.Warnings, a.warn)
		}
	}
}

// TestLegacyFiles: AutoAWQ and AutoGPTQ wrote the description of the
// quantisation into files of their own, without naming the method.
func TestLegacyFiles(t *testing.T) {
	for _, c := range []struct {
		name, want string
		o          awqtest.VariantOptions
		config     map[string]any
	}{
		{"quant_config.json", "awq", gemm, map[string]any{"zero_point": true, "q_group_size": 32, "w_bit": 4, "version": "GEMM"}},
		{"quant_config.json", "awq-gemv", gemv, map[string]any{"zero_point": true, "q_group_size": 32, "w_bit": 4, "version": "GEMV"}},
		{"quantize_config.json", "gptq", gptq, map[string]any{"bits": 4, "group_size": 32, "desc_act": false, "sym": true}},
		{"", "awq", gemm, nil}, // the tensors tell
		{"", "gptq", gptq, nil},
	} {
		dir := write(t, c.o).Dir
		m := load(t, dir)
		delete(m.config, "quantization_config")
		m.store(t, dir)
		if c.name != "" {
			text, err := json.Marshal(c.config)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, c.name), text, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		ck, err := Open(dir, OpenOptions{})
		if err != nil || ck.Format != c.want {
			t.Errorf("%s for %s: %+v, %v", c.name, c.want, ck, err)
			continue
		}
		convert(t, dir, OpenOptions{}, ConvertOptions{Verify: true})
	}
	dir := write(t, gemv).Dir
	m := load(t, dir)
	delete(m.config, "quantization_config")
	m.store(t, dir)
	if _, err := Open(dir, OpenOptions{}); err == nil || !strings.Contains(err.Error(), "must declare the group_size") {
		t.Errorf("GEMV without a configuration: %v", err)
	}
}

// TestUnquantized: a checkpoint without packed weights keeps its types.
func TestUnquantized(t *testing.T) {
	var plain []string
	for _, n := range []string{"0", "1", "2"} {
		for _, l := range layerRoles {
			if strings.HasSuffix(l.hf, "_proj") {
				plain = append(plain, "layers."+n+"."+l.hf)
			}
		}
	}
	dir := write(t, awqtest.VariantOptions{Plain: plain}).Dir
	m := load(t, dir)
	delete(m.config, "quantization_config")
	m.store(t, dir)
	out, r := convert(t, dir, OpenOptions{}, ConvertOptions{Verify: true})
	f, err := gguf.Open(out)
	if err != nil {
		t.Fatal(err)
	}
	kind, _, err := gguf.Get[uint32](f, "general.file_type")
	if err != nil || kind != 32 || r.Types[0].Type != gguf.BF16 || f.Tensor("blk.0.attn_q.weight").Type != gguf.BF16 {
		t.Errorf("file type %d, types %+v, %v", kind, r.Types, err)
	}
}

// TestLayouts fills matrices of awkward sizes with random bits, repacks them
// and compares every value with the definition. Only here are there codes of 8
// bits in GPTQ's packing, and rows that are not whole words of zero points.
func TestLayouts(t *testing.T) {
	v1 := func(x *tensor) error { return x.measureGPTQ(true, true) }
	v2 := func(x *tensor) error { return x.measureGPTQ(false, false) }
	gemv := func(x *tensor) error { return x.measureGEMV([]wscheme{{group: 64}}) }
	const out, in = 200, 320 // of the layouts whose words lie along the outputs
	for _, c := range []struct {
		name                 string
		out, in              int
		codes, scales, zeros []int
		neutral              uint32 // what zero points are filled with where they must be
		measure              func(*tensor) error
	}{
		{"compressed-tensors", 13, in, []int{13, in / 8}, []int{13, 5}, []int{2, 5}, 0, (*tensor).measureCT},
		{"compressed-tensors, 8 bits", 13, in, []int{13, in / 4}, []int{13, 5}, []int{4, 5}, 0x80808080, (*tensor).measureCT},
		{"GEMM", out, in, []int{in, out / 8}, []int{10, out}, []int{10, out / 8}, 0, (*tensor).measureGEMM},
		{"GEMV", 13, in, []int{13, in / 8}, []int{13, 16}, []int{13, 2}, 0, gemv},
		{"GPTQ", out, in, []int{in / 8, out}, []int{5, out}, []int{5, out / 8}, 0, v1},
		{"GPTQ v2", out, in, []int{in / 8, out}, []int{1, out}, []int{1, out / 8}, 0, v2},
		{"GPTQ, 8 bits", out, in, []int{in / 4, out}, []int{10, out}, []int{10, out / 4}, 0x7f7f7f7f, v1},
		{"GPTQ v2, 8 bits", out, in, []int{in / 4, out}, []int{2, out}, []int{2, out / 4}, 0x80808080, v2},
	} {
		rng := rand.New(rand.NewPCG(1, 2))
		words := func(shape []int, fixed uint32) []uint32 {
			w := make([]uint32, shape[0]*shape[1])
			for i := range w {
				if w[i] = fixed; fixed == 0 {
					w[i] = rng.Uint32()
				}
			}
			return w
		}
		scales := make([]uint16, c.scales[0]*c.scales[1])
		for i := range scales {
			scales[i] = gguf.Float32ToHalf(rng.Float32()*0.01 + 0.001)
		}
		set, files := open(t, part{"codes", "I32", c.codes, words(c.codes, 0)}, part{"scales", "F16", c.scales, scales},
			part{"zeros", "I32", c.zeros, words(c.zeros, c.neutral)})
		x := packedTensor(t, set, int64(c.out), int64(c.in), c.measure)
		kind := gguf.Q5_0
		if x.Bits == 8 {
			kind = gguf.Q8_0
		}
		rows := rawBlocks(t, files, x, kind)
		got := make([]float64, c.in)
		for first := 0; first < c.out; first += 8 {
			want, err := x.decodeRows(files, int64(first), int64(min(8, c.out-first)))
			if err != nil {
				t.Fatal(err)
			}
			for k, w := range want {
				if err := decodeExact(kind, rows[first+k], got); err != nil {
					t.Fatal(err)
				}
				for i, v := range got {
					if v != w.value(int64(i)) {
						t.Fatalf("%s: row %d, column %d is %v, want %v", c.name, first+k, i, v, w.value(int64(i)))
					}
				}
			}
		}
	}
}
