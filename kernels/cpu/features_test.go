package cpu

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// cpuFeatures are the engine's names of what this CPU has, as Linux tells it.
func cpuFeatures(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "\nflags")
	line, _, _ := strings.Cut(rest, "\n")
	flags := strings.Fields(line)
	var out []string
	for name, flag := range map[string]string{"AVX2": "avx2", "FMA": "fma", "F16C": "f16c", "AVX512": "avx512bw", "AVX512_BF16": "avx512_bf16",
		"AVX512_VNNI": "avx512_vnni", "AVX_VNNI": "avx_vnni"} {
		if slices.Contains(flags, flag) {
			out = append(out, name)
		}
	}
	return out
}
