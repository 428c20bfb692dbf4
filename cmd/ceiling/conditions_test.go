package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ceiling/engine"
)

func TestEnvironment(t *testing.T) {
	got := environment([]string{"HOME=/home/x", "OMP_NUM_THREADS=4", "GGML_CUDA_P2P=1", "HIP_VISIBLE_DEVICES=0,1", "GGMLX=1", "ODD",
		"LLAMA_CPP_DIR=/src", "HIP_PATH=/opt/rocm", "CUDA_HOME=/usr/local/cuda"})
	want := map[string]string{"OMP_NUM_THREADS": "4", "GGML_CUDA_P2P": "1", "HIP_VISIBLE_DEVICES": "0,1"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	// The variables that are known to change speed or results on four MI100s.
	for _, name := range strings.Fields(`GGML_CUDA_P2P GGML_CUDA_ALLREDUCE GGML_CUDA_AR_COPY_THRESHOLD GGML_CUDA_AR_COPY_CHUNK_BYTES
		GGML_CUDA_AR_BF16_THRESHOLD GGML_CUDA_DEVICES GGML_CUDA_CUBLAS_COMPUTE_TYPE GGML_CUDA_DISABLE_FUSION GGML_CUDA_DISABLE_GRAPHS
		GGML_CUDA_GRAPH_OPT GGML_CUDA_NO_PINNED GGML_CUDA_REGISTER_HOST GGML_CUDA_ENABLE_UNIFIED_MEMORY GGML_OP_OFFLOAD_MIN_BATCH
		HIP_VISIBLE_DEVICES CUDA_VISIBLE_DEVICES ROCR_VISIBLE_DEVICES HSA_OVERRIDE_GFX_VERSION HSA_ENABLE_SDMA HSA_ENABLE_PEER_SDMA
		HSA_ENABLE_INTERRUPT HSA_NO_SCRATCH_RECLAIM HSA_FORCE_FINE_GRAIN_PCIE GPU_MAX_HW_QUEUES HIP_FORCE_DEV_KERNARG
		HIP_LAUNCH_BLOCKING AMD_LOG_LEVEL ROCBLAS_LAYER ROCBLAS_USE_HIPBLASLT ROCBLAS_TENSILE_LIBPATH NCCL_ALGO NCCL_PROTO
		NCCL_P2P_DISABLE NCCL_DEBUG NCCL_TOPO_DUMP_FILE NCCL_MIN_NCHANNELS RCCL_MSCCL_ENABLE`) {
		if environment([]string{name + "=0"})[name] != "0" {
			t.Errorf("%s is not recorded", name)
		}
	}
}

func TestGPUNames(t *testing.T) {
	mi100 := engine.Device{Name: "ROCm0", Description: "AMD Instinct MI100", Type: engine.DeviceGPU}
	cpu := engine.Device{Name: "CPU", Description: "AMD EPYC", Type: engine.DeviceCPU}
	other := engine.Device{Name: "CUDA0", Description: "NVIDIA H200", Type: engine.DeviceGPU}
	for want, devices := range map[string][]engine.Device{
		"":                      {cpu},
		"2× AMD Instinct MI100": {mi100, cpu, mi100},
		"1× AMD Instinct MI100, 1× NVIDIA H200": {mi100, other},
	} {
		if got := gpuNames(devices); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestHashFiles(t *testing.T) {
	dir := t.TempDir()
	a, b := filepath.Join(dir, "a"), filepath.Join(dir, "b")
	os.WriteFile(a, []byte("ab"), 0o644)
	os.WriteFile(b, []byte("c"), 0o644)
	got, err := hashFiles(context.Background(), []string{a, b}, func(int64, int64) {})
	// SHA-256 of "abc", from FIPS 180-2.
	if want := "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"; err != nil || got != want {
		t.Errorf("%s, %v; want %s", got, err, want)
	}
	stopped, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := hashFiles(stopped, []string{a}, func(int64, int64) {}); err == nil {
		t.Error("a stopped hash gave no error")
	}
}

func TestLeft(t *testing.T) {
	for want, d := range map[string]time.Duration{
		"59 s": 59 * time.Second, "2 min": 2 * time.Minute, "3 h 20 min": 3*time.Hour + 20*time.Minute + 30*time.Second,
	} {
		if got := left(d); got != want {
			t.Errorf("%v is %q, want %q", d, got, want)
		}
	}
}
