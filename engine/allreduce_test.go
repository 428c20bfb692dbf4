package engine

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func devicesOf(backend string, n int) []Device {
	out := make([]Device, n)
	for i := range out {
		out[i] = Device{Name: backend, Backend: backend, Type: DeviceGPU}
	}
	return out
}

func TestUsedDevices(t *testing.T) {
	cpu := Device{Name: "CPU", Type: DeviceCPU}
	all := append(devicesOf("ROCm", 2), cpu)
	four := Split{Mode: SplitTensor, Devices: devicesOf("ROCm", 4)}
	for _, c := range []struct {
		name      string
		split     Split
		want      []Device
		inBackend bool
	}{
		{"the CPU", Split{Mode: SplitNone}, []Device{cpu}, false},
		{"one card", Split{Mode: SplitNone, Devices: all[:1]}, all[:1], true},
		{"layers", Split{Mode: SplitLayer, Devices: all[:2]}, all[:2], true},
		{"tensors", four, four.Devices, false},
	} {
		got := c.split.Used(all)
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
		if c.split.GreedyInBackend(auto) != c.inBackend {
			t.Errorf("%s: greedy in the back end: %v", c.name, !c.inBackend)
		}
	}
}

func TestGPUSwitches(t *testing.T) {
	for _, c := range []struct {
		p2p, graphs, reduce, algo, proto string
		want                             []envChange
	}{
		{auto, auto, auto, auto, auto, nil},
		{auto, auto, auto, "tree", "ll128", []envChange{{"NCCL_ALGO", "tree", true}, {"NCCL_PROTO", "ll128", true}}},
		{"on", "on", "internal", auto, auto, []envChange{{"GGML_CUDA_P2P", "1", true}, {"GGML_CUDA_DISABLE_GRAPHS", "1", false}, {"GGML_CUDA_ALLREDUCE", "internal", true}}},
		{"off", "off", "none", auto, auto, []envChange{{"GGML_CUDA_P2P", "1", false}, {"GGML_CUDA_DISABLE_GRAPHS", "1", true}, {"GGML_CUDA_ALLREDUCE", "none", true}}},
	} {
		if diff := cmp.Diff(c.want, GPUSwitches{c.p2p, c.graphs, c.reduce, c.algo, c.proto}.changes(), cmp.AllowUnexported(envChange{})); diff != "" {
			t.Errorf("%s %s %s: %s", c.p2p, c.graphs, c.reduce, diff)
		}
	}
}

func TestBF16From(t *testing.T) {
	for _, c := range []struct {
		way          string
		n, embedding int
		threshold    string
		want         int
	}{
		{ReduceRCCL, 4, 5120, "", 52}, // 51 × 5120 = 261,120, 52 × 5120 = 266,240; the limit is 262,144
		{ReduceRCCL, 8, 5120, "", 52},
		{ReduceRCCL, 4, 4096, "", 64}, // 64 × 4096 is the limit itself
		{ReduceRCCL, 3, 5120, "", 26},
		{ReduceNCCL, 2, 5120, "", 7},
		{ReduceRCCL, 2, 32768, "", 1},
		{ReduceRCCL, 4, 576, "", 456},
		{ReduceInternal, 2, 5120, "", 1},
		{ReduceInternal, 2, 5120, "0", 0},
		{ReduceInternal, 2, 5120, "1048576", 52},
		{ReduceInternal, 2, 5120, "much", 1},
		{ReduceButterfly, 4, 5120, "", 0},
		{"", 1, 5120, "", 0},
		{ReduceRCCL, 4, 0, "", 0},
	} {
		if got := BF16From(c.way, c.n, c.embedding, c.threshold); got != c.want {
			t.Errorf("%s over %d, %d values a token, threshold %q: from %d tokens, want %d", c.way, c.n, c.embedding, c.threshold, got, c.want)
		}
	}
}

// TestBF16Rule: the limits are those of the llama.cpp source that is built.
func TestBF16Rule(t *testing.T) {
	header, err := filepath.EvalSymlinks("../build/include/llama.h")
	if err != nil {
		t.Fatal(err)
	}
	for file, line := range map[string]string{
		"ggml-cuda.cu": "if ((n_backends <= 2 && ne < 32768) || (n_backends == 3 && ne < 131072) || (n_backends >= 4 && ne < 262144)) {",
		"allreduce.cu": `ggml_cuda_ar_env_u64("GGML_CUDA_AR_BF16_THRESHOLD", 1);`,
	} {
		text, err := os.ReadFile(filepath.Join(filepath.Dir(header), "../ggml/src/ggml-cuda", file))
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(text), line) {
			t.Errorf("%s has no line %q", file, line)
		}
	}
}

// The lines are llama.cpp's own.
func TestAllReduce(t *testing.T) {
	const (
		noInternal = "internal AllReduce init failed (n_devices != 2?); falling back to meta-backend butterfly"
		noNCCL     = "NCCL init failed (unhandled system error); falling back to internal AllReduce"
		notBuilt   = "NCCL not compiled in; falling back to internal AllReduce.  Recompile with -DGGML_CUDA_NCCL=ON for best multi-GPU performance."
		virtual    = "NCCL disabled: virtual devices in use; falling back to internal AllReduce"
	)
	tensor := func(backend string, n int) Split {
		return Split{Mode: SplitTensor, Devices: devicesOf(backend, n)}
	}
	mixed := Split{Mode: SplitTensor, Devices: append(devicesOf("ROCm", 1), devicesOf("RPC", 1)...)}
	for _, c := range []struct {
		name        string
		split       Split
		wish        string
		collectives string
		warnings    []string
		want        string
		note        string
	}{
		{"four MI100 with RCCL", tensor("ROCm", 4), "", "rccl 2.22.3", nil, ReduceRCCL, ""},
		{"four without", tensor("ROCm", 4), "", "none", []string{"other", noInternal}, ReduceButterfly, "this build has no RCCL"},
		{"four, RCCL fails", tensor("ROCm", 4), "", "rccl 2.22.3", []string{noNCCL, noInternal}, ReduceButterfly, "engine.log says why"},
		{"two, RCCL fails", tensor("ROCm", 2), "", "rccl 2.22.3", []string{noNCCL}, ReduceInternal, ""},
		{"two without", tensor("ROCm", 2), "", "none", nil, ReduceInternal, ""},
		{"two, internal asked for", tensor("ROCm", 2), "internal", "rccl 2.22.3", nil, ReduceInternal, ""},
		{"four, internal asked for", tensor("ROCm", 4), "internal", "rccl 2.22.3", []string{noInternal}, ReduceButterfly, "switched off or did not start"},
		{"none asked for", tensor("ROCm", 4), "none", "rccl 2.22.3", nil, ReduceButterfly, "switched off"},
		{"a wish that is none", tensor("ROCm", 4), "ring", "rccl 2.22.3", []string{"unknown GGML_CUDA_ALLREDUCE value: ring"}, ReduceButterfly, "switched off"},
		{"NVIDIA", tensor("CUDA", 4), "", "nccl", nil, ReduceNCCL, ""},
		{"NVIDIA without", tensor("CUDA", 2), "", "none", []string{notBuilt}, ReduceInternal, ""},
		{"virtual devices", tensor("CUDA", 4), "", "nccl", []string{virtual, noInternal}, ReduceButterfly, "did not start"},
		{"servers", tensor("RPC", 4), "", "", nil, ReduceButterfly, ""},
		{"a card and a server", mixed, "", "rccl 2.22.3", nil, ReduceButterfly, "switched off"},
		{"layers", Split{Mode: SplitLayer, Devices: devicesOf("ROCm", 4)}, "", "rccl 2.22.3", nil, "", ""},
		{"one device", tensor("ROCm", 1), "", "rccl 2.22.3", nil, "", ""},
	} {
		got := c.split.AllReduce(c.wish, c.collectives, c.warnings)
		if got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
		note := c.split.AllReduceNote(got, c.collectives)
		if (note == "") != (c.note == "") || !strings.Contains(note, c.note) {
			t.Errorf("%s: note %q, want %q", c.name, note, c.note)
		}
	}
}
