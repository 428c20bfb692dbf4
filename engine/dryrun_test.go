package engine

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ceiling/engine/internal/llama"
)

// The dry run tells what loading the model and opening a session then takes:
// KV cache and compute buffers to the byte, and the weights as well where they
// are read into memory of their own.
func TestDryRun(t *testing.T) {
	path := synthModel(t, "q4_0")
	cpu := LoadOptions{Devices: []string{"none"}, LoadMode: "read"}
	for name, o := range map[string]SessionOptions{
		"one sequence": {Sequences: 1, TokensPerSequence: 1024, Threads: 1},
		"eight":        {Sequences: 8, TokensPerSequence: 512, Threads: 1, UBatch: 128},
		"q8_0 KV":      {Sequences: 2, TokensPerSequence: 2048, Threads: 1, KVType: "q8_0", FlashAttn: "on"},
	} {
		t.Run(name, func(t *testing.T) {
			needs, err := DryRun(context.Background(), path, cpu, o)
			if err != nil || len(needs) != 1 {
				t.Fatalf("%+v, %v", needs, err)
			}
			m := loadOn(t, path, cpu)
			list, ok := open(t, m, o).native.Memory()
			if !ok {
				t.Fatal("the library does not tell its memory")
			}
			var real [3]uint64
			for _, b := range list {
				real[0], real[1], real[2] = real[0]+b.Model, real[1]+b.Context, real[2]+b.Compute
			}
			if d := cmp.Diff(real, [3]uint64{needs[0].Model, needs[0].Context, needs[0].Compute}); d != "" {
				t.Errorf("model, KV, compute (-real +dry run):\n%s", d)
			}
			if kv := uint64(kvCache(m, o.Sequences*pad(o.TokensPerSequence), o.KVType)); needs[0].Context != kv {
				t.Errorf("KV %d, by the formula %d", needs[0].Context, kv)
			}
			if n := needs[0]; n.Device != "CPU" || n.Free == 0 || n.Sum() != n.Model+n.Context+n.Compute || n.Compute == 0 {
				t.Errorf("%+v", n)
			}
		})
	}
}

// A dry run of a model far too large for the machine takes no memory: here a
// KV cache of terabytes.
func TestDryRunTooLarge(t *testing.T) {
	needs, err := DryRun(context.Background(), synthModel(t, "q4_0"), LoadOptions{Devices: []string{"none"}},
		SessionOptions{Sequences: 256, TokensPerSequence: 16384, Threads: 1})
	if err != nil || len(needs) != 1 || needs[0].Context < 1<<33 {
		t.Errorf("%+v, %v", needs, err)
	}
}

// Of a tensor split the library tells the sum: it is divided by the shares.
func TestNeedsOfTensorSplit(t *testing.T) {
	gpus := []Device{{Name: "ROCm0", Type: DeviceGPU, MemoryFree: 70}, {Name: "ROCm1", Type: DeviceGPU, MemoryFree: 80}}
	all := append(gpus, Device{Name: "other", Type: DeviceGPU})
	list := []llama.NativeMemory{{Device: "Meta", Model: 100, Context: 40, Compute: 7}, {Device: "ROCm0", Model: 1}}
	split := Split{Mode: SplitTensor, Devices: gpus}
	want := []Need{{Device: "ROCm0", Model: 51, Context: 20, Compute: 7, Free: 70, Estimated: true},
		{Device: "ROCm1", Model: 50, Context: 20, Compute: 7, Free: 80, Estimated: true}}
	if d := cmp.Diff(want, needs(list, all, room{}, split, nil)); d != "" {
		t.Errorf("equal shares (-want +got):\n%s", d)
	}
	want[0].Model, want[0].Context, want[1].Model, want[1].Context = 76, 30, 25, 10
	if d := cmp.Diff(want, needs(list, all, room{}, split, []float32{3, 1})); d != "" {
		t.Errorf("shares 3,1 (-want +got):\n%s", d)
	}
	list[0].Device = "ROCm1"
	if got := needs(list, all, room{}, split, nil); got[1].Estimated || got[1].Model != 100 {
		t.Errorf("a layer split: %+v", got)
	}
}

func TestDryRunErrors(t *testing.T) {
	bad := filepath.Join(t.TempDir(), "bad.gguf")
	if err := os.WriteFile(bad, []byte("GGUF is not all"), 0o644); err != nil {
		t.Fatal(err)
	}
	o := SessionOptions{Sequences: 1, TokensPerSequence: 64, Threads: 1}
	if _, err := DryRun(context.Background(), bad, LoadOptions{}, o); !errors.Is(err, ErrModelFile) {
		t.Errorf("a damaged file: %v", err)
	}
	if _, err := DryRun(context.Background(), bad, LoadOptions{Devices: []string{"nope"}}, o); !errors.Is(err, ErrUnknownDevice) {
		t.Errorf("an unknown device: %v", err)
	}
	o.TokensPerSequence = 1 << 24
	if _, err := DryRun(context.Background(), synthModel(t, "q4_0"), LoadOptions{}, o); !errors.Is(err, ErrContextTooSmall) {
		t.Errorf("a context beyond the model's: %v", err)
	}
}
