package engine

import (
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ceiling/engine/gguf"
	"ceiling/engine/synth"
)

// header is the header of a synthetic model of the given heads.
func header(t *testing.T, heads, kvHeads int) *gguf.File {
	t.Helper()
	g, err := synth.Find("demo")
	if err != nil {
		t.Fatal(err)
	}
	g.Layers, g.Heads, g.KVHeads, g.Vocab = 2, heads, kvHeads, 1024
	path := filepath.Join(t.TempDir(), "heads.gguf")
	if _, err := synth.Write(t.Context(), synth.FileOptions{Geometry: g, Type: "q4_0", Out: path}); err != nil {
		t.Fatal(err)
	}
	file, err := gguf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func gpu(n int, backend string) Device {
	return Device{Name: fmt.Sprintf("%s%d", backend, n), Backend: backend, Type: DeviceGPU, ID: fmt.Sprintf("0000:%02x:00.0", n)}
}

func gpus(n int, backend string) []Device {
	out := make([]Device, n)
	for i := range out {
		out[i] = gpu(i, backend)
		if backend == rpcBackend {
			out[i].ID = ""
		}
	}
	return out
}

var cpuDevice = Device{Name: "CPU", Backend: "CPU", Type: DeviceCPU}

type splitCase struct {
	name    string
	file    *gguf.File
	load    LoadOptions
	session SessionOptions
	all     []Device
	mode    string // of the plan; "": an error
	devices string
	text    string // of the reason, or the error
}

// splitCases are files, wishes and machines, and the split that comes of them.
func splitCases(t *testing.T) []splitCase {
	four, eight, odd := header(t, 8, 4), header(t, 8, 8), header(t, 9, 3)
	rocm, rpc := append(gpus(4, "ROCm"), cpuDevice), append(gpus(4, rpcBackend), cpuDevice)
	mixed := []Device{gpu(0, "ROCm"), gpu(1, "Vulkan"), cpuDevice}
	twice := append(append(gpus(2, "ROCm"), gpus(2, "Vulkan")...), cpuDevice)
	igpu := Device{Name: "Vulkan7", Backend: "Vulkan", Type: DeviceIGPU}
	rows := []Device{{Name: "SYCL0", Backend: "SYCL", Type: DeviceGPU, SplitRows: true}, {Name: "SYCL1", Backend: "SYCL", Type: DeviceGPU, SplitRows: true}}
	all := LoadOptions{GPULayers: -1}
	with := func(change func(*LoadOptions)) LoadOptions { o := all; change(&o); return o }
	mode := func(word string) LoadOptions { return with(func(o *LoadOptions) { o.SplitMode = word }) }

	return []splitCase{
		{"four cards", four, all, SessionOptions{}, rocm, SplitTensor, "ROCm0, ROCm1, ROCm2, ROCm3", "4 GPUs of one back end"},
		{"no card", four, all, SessionOptions{}, rocm[4:], SplitNone, "", "no layers on a GPU"},
		{"no layers on them", four, LoadOptions{}, SessionOptions{}, rocm, SplitNone, "", "no layers on a GPU"},
		{"the CPU by name", four, with(func(o *LoadOptions) { o.Devices = []string{"cpu"} }), SessionOptions{}, rocm, SplitNone, "", "no layers"},
		{"one card by name", four, with(func(o *LoadOptions) { o.Devices = []string{"rocm2"} }), SessionOptions{}, rocm, SplitNone, "ROCm2", "one device"},
		{"order of the names", four, with(func(o *LoadOptions) { o.Devices = []string{"ROCm3", "ROCm1"} }), SessionOptions{}, rocm, SplitTensor, "ROCm3, ROCm1", "2 GPUs"},
		{"servers", four, all, SessionOptions{}, rpc, SplitLayer, "RPC0, RPC1, RPC2, RPC3", "cross the network"},
		{"servers and cards", four, all, SessionOptions{}, append(gpus(2, "ROCm"), gpus(1, rpcBackend)...), SplitLayer, "RPC0, ROCm0, ROCm1", "network"},
		{"servers, tensor asked for", four, mode(SplitTensor), SessionOptions{}, rpc, SplitTensor, "RPC0, RPC1, RPC2, RPC3", "asked for"},
		{"two back ends", four, all, SessionOptions{}, mixed, SplitLayer, "ROCm0, Vulkan1", "not GPUs of one back end"},
		{"one card, two back ends", four, all, SessionOptions{}, twice, SplitTensor, "ROCm0, ROCm1", "2 GPUs"},
		{"an integrated GPU beside cards", four, all, SessionOptions{}, []Device{igpu, gpu(0, "ROCm")}, SplitNone, "ROCm0", "one device"},
		{"an integrated GPU alone", four, all, SessionOptions{}, []Device{igpu, cpuDevice}, SplitNone, "Vulkan7", "one device"},

		{"flash attention off", four, all, SessionOptions{FlashAttn: "off"}, rocm, SplitLayer, "", "flash attention"},
		{"quantised KV", four, all, SessionOptions{KVType: "q8_0"}, rocm, SplitLayer, "", "KV type is q8_0"},
		{"sampling there", four, all, SessionOptions{Greedy: true}, rocm, SplitLayer, "", "sampler"},
		{"bf16 KV", four, all, SessionOptions{KVType: "bf16", FlashAttn: "on"}, rocm, SplitTensor, "", "4 GPUs"},
		{"three KV heads", odd, all, SessionOptions{}, rocm, SplitLayer, "", "without attention heads in layer 0: blk.0.attn_output.weight has 3 parts for 4 devices"},
		{"three KV heads, three cards", odd, all, SessionOptions{}, rocm[:3], SplitTensor, "", "3 GPUs"},

		{"tensor, flash attention off", four, mode(SplitTensor), SessionOptions{FlashAttn: "off"}, rocm, "", "", "it needs flash attention; turn it on; or use split mode layer"},
		{"tensor, quantised KV", four, mode(SplitTensor), SessionOptions{KVType: "q4_0"}, rocm, "", "", "f16, bf16 or f32"},
		{"tensor, three KV heads", odd, mode(SplitTensor), SessionOptions{}, rpc, "", "", "3 parts for 4 devices"},
		{"tensor on the CPU", four, mode(SplitTensor), SessionOptions{}, rocm[4:], "", "", "split mode tensor without a GPU"},
		{"row", four, mode(SplitRow), SessionOptions{}, rocm, "", "", "the ROCm back end of this llama.cpp has no row split"},
		{"row where there is one", four, mode(SplitRow), SessionOptions{}, rows, SplitRow, "SYCL0, SYCL1", "asked for"},
		{"layer", four, mode(SplitLayer), SessionOptions{}, rocm, SplitLayer, "ROCm0, ROCm1, ROCm2, ROCm3", "asked for"},
		{"unknown mode", four, mode("rows"), SessionOptions{}, rocm, "", "", `split mode "rows"; use auto, none, layer, row, tensor`},

		{"unequal shares starve a card", four, with(func(o *LoadOptions) { o.TensorSplit = []float32{3, 1, 1, 1} }), SessionOptions{}, rocm, SplitLayer, "", "4 parts for 4 devices"},
		{"unequal shares of eight heads", eight, with(func(o *LoadOptions) { o.TensorSplit = []float32{3, 1, 1, 1} }), SessionOptions{}, rocm, SplitTensor, "", "4 GPUs"},
		{"too few shares", four, with(func(o *LoadOptions) { o.TensorSplit = []float32{3, 1} }), SessionOptions{}, rocm, "", "", "tensor split of 2 shares for 4 devices (ROCm0, ROCm1, ROCm2, ROCm3)"},
		{"shares and no GPU", four, with(func(o *LoadOptions) { o.TensorSplit = []float32{5, 5} }), SessionOptions{}, rocm[4:], "", "", "tensor split of 2 shares: this build and machine have no GPU; leave the shares out"},
		{"shares of the CPU", four, with(func(o *LoadOptions) { o.Devices, o.TensorSplit = []string{"none"}, []float32{5, 5} }), SessionOptions{}, rocm, "", "", "tensor split of 2 shares: the CPU alone was asked for"},
		{"main GPU and no GPU", four, with(func(o *LoadOptions) { o.SplitMode, o.MainGPU = SplitNone, 1 }), SessionOptions{}, rocm[4:], "", "", "main GPU 1: this build and machine have no GPU"},
		{"a negative share", four, with(func(o *LoadOptions) { o.TensorSplit = []float32{3, -1, 1, 1} }), SessionOptions{}, rocm, "", "", "share -1"},
		{"no share", four, with(func(o *LoadOptions) { o.TensorSplit = []float32{0, 0, 0, 0} }), SessionOptions{}, rocm, "", "", "nothing but 0"},
		{"shares and no split", four, with(func(o *LoadOptions) { o.SplitMode, o.TensorSplit = SplitNone, []float32{1, 1, 1, 1} }), SessionOptions{}, rocm, "", "", "leave one of them away"},
		{"main GPU", four, with(func(o *LoadOptions) { o.SplitMode, o.MainGPU = SplitNone, 2 }), SessionOptions{}, rocm, SplitNone, "ROCm2", "asked for"},
		{"no such main GPU", four, with(func(o *LoadOptions) { o.SplitMode, o.MainGPU = SplitNone, 4 }), SessionOptions{}, rocm, "", "", "main GPU 4 of 4 devices"},
		{"main GPU of a split", four, with(func(o *LoadOptions) { o.MainGPU = 2 }), SessionOptions{}, rocm, "", "", "takes effect with split mode none"},
		{"a device twice", four, with(func(o *LoadOptions) { o.Devices = []string{"ROCm0", "rocm0"} }), SessionOptions{}, rocm, "", "", "twice"},
		{"the CPU among cards", four, with(func(o *LoadOptions) { o.Devices = []string{"ROCm0", "CPU"} }), SessionOptions{}, rocm, "", "", "leave it out"},
		{"an unknown device", four, with(func(o *LoadOptions) { o.Devices = []string{"CUDA0"} }), SessionOptions{}, rocm, "", "", `"CUDA0"; this build and machine have: ROCm0`},
	}
}

func TestPlanSplit(t *testing.T) {
	for _, c := range splitCases(t) {
		got, err := planSplit(c.file, c.load, c.session, c.all)
		if (c.mode == "") != (err != nil) {
			t.Errorf("%s: mode %q, error %v", c.name, got.Mode, err)
			continue
		}
		if err != nil {
			if !errors.Is(err, ErrUnknownOption) && !errors.Is(err, ErrUnknownDevice) || !strings.Contains(err.Error(), c.text) {
				t.Errorf("%s: %v; want %q", c.name, err, c.text)
			}
			continue
		}
		if got.Mode != c.mode || !strings.Contains(got.Reason, c.text) || c.devices != "" && DeviceNames(got.Devices) != c.devices {
			t.Errorf("%s: %s on %s, %q; want %s on %s, %q", c.name, got.Mode, DeviceNames(got.Devices), got.Reason, c.mode, c.devices, c.text)
		}
	}
}

// TestArchitectures: the list of refused architectures is that of the source
// that the libraries were built from.
func TestArchitectures(t *testing.T) {
	source := librarySource(t, "src/llama-arch.cpp")
	_, body, ok := strings.Cut(source, "bool llm_arch_supports_sm_tensor(")
	if !ok {
		t.Fatal("the source has no llm_arch_supports_sm_tensor")
	}
	body, _, _ = strings.Cut(body, "return false")
	var want []string
	for _, m := range regexp.MustCompile(`case (LLM_ARCH_\w+):`).FindAllStringSubmatch(body, -1) {
		name := regexp.MustCompile(`\{ ` + m[1] + `,\s*"([^"]+)"`).FindStringSubmatch(source)
		if name == nil {
			t.Fatalf("the source gives %s no name", m[1])
		}
		want = append(want, name[1])
	}
	slices.Sort(want)
	if len(want) < 20 {
		t.Fatalf("%d architectures found in the source", len(want))
	}
	if diff := cmp.Diff(want, noTensorSplit); diff != "" {
		t.Error(diff)
	}
}

// TestCut: parts by hand, from the library's rule.
func TestCut(t *testing.T) {
	for _, c := range []struct {
		size, grain int64
		shares      []float32
		n, turn     int
		want        []int64
	}{
		{1024, 256, nil, 4, 0, []int64{256, 256, 256, 256}},
		{1024, 256, nil, 4, 3, []int64{256, 256, 256, 256}},
		// 3 heads of 192: 144, 288, 432 are rounded down to 0, 192, 384.
		{576, 192, nil, 4, 0, []int64{0, 192, 192, 192}},
		{576, 192, nil, 4, 1, []int64{192, 0, 192, 192}},
		{576, 192, nil, 3, 2, []int64{192, 192, 192}},
		// Sums 3 4 5 6 of 6: 512, 682, 853 become 512, 512, 768.
		{1024, 256, []float32{3, 1, 1, 1}, 4, 0, []int64{512, 0, 256, 256}},
		// Turned by one, the shares are 1 1 1 3 and go to devices 1 2 3 0.
		{1024, 256, []float32{3, 1, 1, 1}, 4, 1, []int64{512, 0, 256, 256}},
		{3072, 128, []float32{3, 1, 1, 1}, 4, 0, []int64{1536, 512, 512, 512}},
		// One grain larger than the whole: the last device gets it all.
		{576, 768, nil, 4, 0, []int64{0, 0, 0, 576}},
	} {
		got := cut(c.size, c.grain, c.shares, c.n, c.turn)
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%d in %d over %v, turn %d: %s", c.size, c.grain, c.shares, c.turn, diff)
		}
	}
}
