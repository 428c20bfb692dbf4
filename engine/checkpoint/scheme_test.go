package checkpoint

import (
	"slices"
	"strings"
	"testing"

	"ceiling/engine/checkpoint/internal/strictjson"
)

// FuzzScheme reads any JSON as the description of a quantisation. What is
// accepted names a format that exists, with numbers that can be converted.
func FuzzScheme(f *testing.F) {
	for _, s := range []string{
		`{"quant_method":"awq","bits":4,"group_size":128,"version":"gemm","modules_to_not_convert":["lm_head"]}`,
		`{"zero_point":true,"q_group_size":-1,"w_bit":4,"version":"GEMV"}`,
		`{"quant_method":"gptq","bits":8,"group_size":32,"sym":true,"desc_act":false,"checkpoint_format":"gptq_v2","pack_dtype":"int32"}`,
		`{"bits":4,"desc_act":true,"group_size":64,"dynamic":{}}`,
		`{"quant_method":"auto-round","packing_format":"auto_round:auto_gptq","bits":4,"sym":false,"data_type":"int"}`,
		`{"quant_method":"compressed-tensors","format":"pack-quantized","quantization_status":"compressed","ignore":["lm_head","re:.*"],"config_groups":{"group_0":` +
			`{"targets":["Linear"],"weights":{"num_bits":4,"type":"int","symmetric":true,"strategy":"group","group_size":32,"dynamic":false},"input_activations":null}}}`,
		`{"quant_method":"compressed-tensors","format":"mixed-precision","config_groups":{"a":{"format":"pack-quantized","weights":{"num_bits":8,"type":"int","symmetric":true,"strategy":"channel"}}}}`,
		`{"quant_method":"fp8"}`, `{}`, `[]`, `{"quant_method":7}`, `{"config_groups":[]}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		v, err := strictjson.Parse(text)
		if err != nil {
			return
		}
		s, err := parseScheme(v)
		if err != nil {
			if s != nil || strings.ContainsAny(err.Error(), "\n\x1b") {
				t.Fatalf("%+v, %q", s, err)
			}
			return
		}
		if !slices.Contains(Formats(), s.format) {
			t.Fatalf("format %q", s.format)
		}
		for _, w := range s.groups {
			if w.bits != 0 && w.bits != 4 && w.bits != 8 || w.group < -1 || w.group%32 != 0 && w.group != -1 {
				t.Fatalf("accepted %+v", w)
			}
		}
		matcher(s.ignore)
	})
}
