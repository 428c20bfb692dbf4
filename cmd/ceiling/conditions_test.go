package main

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ceiling/engine"
)

func TestEnvironment(t *testing.T) {
	got := environment([]string{"HOME=/home/x", "OMP_NUM_THREADS=4", "GGML_CUDA_P2P=1", "HIP_VISIBLE_DEVICES=0,1", "GGMLX=1", "ODD", "LLAMA_CPP_DIR=/src"})
	want := map[string]string{"OMP_NUM_THREADS": "4", "GGML_CUDA_P2P": "1", "HIP_VISIBLE_DEVICES": "0,1"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
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

func TestUsedDevices(t *testing.T) {
	gpu0 := engine.Device{Name: "ROCm0", Type: engine.DeviceGPU}
	gpu1 := engine.Device{Name: "ROCm1", Type: engine.DeviceGPU}
	cpu := engine.Device{Name: "CPU", Type: engine.DeviceCPU}
	all := []engine.Device{gpu0, gpu1, cpu}
	for _, c := range []struct {
		name string
		load engine.LoadOptions
		want []engine.Device
	}{
		{"every GPU", engine.LoadOptions{GPULayers: -1}, []engine.Device{gpu0, gpu1}},
		{"one of them", engine.LoadOptions{GPULayers: -1, Devices: []string{"rocm1"}}, []engine.Device{gpu1}},
		{"none", engine.LoadOptions{GPULayers: -1, Devices: []string{"none"}}, []engine.Device{cpu}},
		{"no layers on them", engine.LoadOptions{GPULayers: 0}, []engine.Device{cpu}},
	} {
		s := settings{load: c.load, sampling: "auto"}
		got := usedDevices(s, all)
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
		if inBackend := s.greedyInBackend(got); inBackend != (c.want[0].Type == engine.DeviceGPU) {
			t.Errorf("%s: greedy in the back end: %v", c.name, inBackend)
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
