package kernels

import (
	"fmt"
	"slices"
	"strings"
)

// The figures of an MI100 that are built in, for planning. Sources: what was
// measured is marked [meas], what a vendor says [spec], what follows from others
// [calc], what is a guess [est].
const (
	mi100Read = 1181e9    // B/s
	mi100MFMA = 184.57e12 // op/s, of 16-bit floats and of bytes
	mi100BF16 = 92.28e12
	mi100F32  = 46.14e12
	mi100Dot4 = 92.28e12
	mi100Node = 1.33e-6 // s
	// mmvqTokens is the largest batch that llama.cpp computes vector by vector.
	mmvqTokens = 8

	ringBytes = 20_971_520 // 2048 tokens of 5120 values of 2 bytes
	ringTime  = 437e-6     // at 48 GB/s
	tinyBytes = 20_480     // one token of 5120 values of 4 bytes
)

// mi100 is the part that all have in common.
func mi100(devices int) Roofs {
	return Roofs{
		Devices: devices, Tensors: devices > 1,
		Read:    []Level{{Name: "HBM2", Rate: mi100Read}},
		Compute: map[Class]float64{Int8: mi100MFMA, F16: mi100MFMA, BF: mi100BF16, F32: mi100F32},
		Dot:     mi100Dot4, DotTokens: mmvqTokens, Node: mi100Node,
		Sources: []Origin{
			{"memory", "1,181 GB/s", "[meas] read stream of 1 GiB, te42kyfo/gpu-benches gpu-stream/mi100.txt; 96 % of 1,228.8 GB/s"},
			{"compute", "184.57 T (f16, int8), 92.28 T (bf16), 46.14 T (f32)", "[calc] MFMA at 1,502 MHz and 120 CU: the nominal peak. 108.0 TF of f16 were measured at 1,087 MHz, 81 % of that clock's peak"},
			{"dot", "92.28 TOPS", "[calc] v_dot4_i32_i8 at 1,502 MHz and 120 CU, for up to 8 tokens"},
			{"node", "1.33 µs", "[meas] kernel boundary in a graph, btbtyler09/vllm-gfx908; 1.4 to 1.8 µs in one of 1,050 nodes"},
		},
	}
}

// Machines lists the names of the built-in machines.
func Machines() []string {
	return []string{"mi100", "mi100x4", "mi100x4-rccl", "mi100x4-butterfly", "mi100x4-push"}
}

// FindMachines returns the built-in machines of a name: of one with several ways
// of adding up all of them.
func FindMachines(name string) ([]Roofs, error) {
	all := map[string]func() Roofs{
		"mi100":             func() Roofs { return mi100(1) },
		"mi100x4-rccl":      rccl,
		"mi100x4-butterfly": butterfly,
		"mi100x4-push":      push,
	}
	var out []Roofs
	for _, known := range Machines() {
		if make, ok := all[known]; ok && (known == name || name == "mi100x4" && strings.HasPrefix(known, name+"-")) {
			r := make()
			r.Name = known
			out = append(out, r)
		}
	}
	if out == nil {
		return nil, fmt.Errorf("no machine %q: it is neither a file nor one of %s", name, strings.Join(Machines(), ", "))
	}
	return out, nil
}

func rccl() Roofs {
	return mi100x4([]TimeForBytes{{tinyBytes, 19e-6}, {ringBytes, ringTime}},
		Origin{"all-reduce", "19 µs up to 20 KB, 437 µs at 21 MB", "[meas] RCCL in a graph, 5 to 10 KB, btbtyler09/vllm-gfx908; [calc] 48 GB/s"})
}

func butterfly() Roofs {
	return mi100x4([]TimeForBytes{{tinyBytes, 80e-6}, {ringBytes, 912e-6}},
		Origin{"all-reduce", "80 µs up to 20 KB, 912 µs at 21 MB", "[est] copies in two rounds, which llama.cpp makes without RCCL; [calc] twice over a link of 46 GB/s"})
}

func push() Roofs {
	return mi100x4([]TimeForBytes{{tinyBytes, 5.3e-6}, {ringBytes, ringTime}},
		Origin{"all-reduce", "5.3 µs up to 20 KB, 437 µs at 21 MB", "[meas] a push kernel in a graph, 5 KB, btbtyler09/vllm-gfx908; llama.cpp has none; [calc] 48 GB/s"})
}

func mi100x4(allReduce []TimeForBytes, source Origin) Roofs {
	r := mi100(4)
	r.AllReduce = allReduce
	r.Sources = append(slices.Clone(r.Sources), source)
	return r
}
