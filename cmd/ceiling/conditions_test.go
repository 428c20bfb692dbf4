package main

import (
	"testing"
	"time"

	"ceiling/engine"
)

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

func TestLeft(t *testing.T) {
	for want, d := range map[string]time.Duration{
		"59 s": 59 * time.Second, "2 min": 2 * time.Minute, "3 h 20 min": 3*time.Hour + 20*time.Minute + 30*time.Second,
	} {
		if got := left(d); got != want {
			t.Errorf("%v is %q, want %q", d, got, want)
		}
	}
}
