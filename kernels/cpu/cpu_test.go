package cpu

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"ceiling/kernels"
	"ceiling/kernels/cpu/internal/probe"
)

// here is a run on the first CPU that this process may use.
func here(t *testing.T) *run {
	t.Helper()
	cpus, err := allowed()
	if err != nil {
		t.Fatal(err)
	}
	return &run{HostProbeOptions: HostProbeOptions{Threads: 1, Limit: time.Millisecond}, cpus: cpus[:1], sys: fstest.MapFS{}}
}

// runOn runs a kernel over data, on one CPU, and returns its sum.
func runOn(t *testing.T, kernel string, data []byte, rounds uint64) uint64 {
	t.Helper()
	memory, err := probe.Map(len(data))
	if err != nil {
		t.Fatal(err)
	}
	defer memory.Free()
	memory.Write(data)
	times, err := probe.Run(kernel, memory, []probe.Part{{CPU: here(t).cpus[0], Size: len(data)}}, rounds)
	if err != nil {
		t.Fatal(err)
	}
	if !times[0].Pinned || times[0].End <= times[0].Start {
		t.Errorf("%s: %+v", kernel, times[0])
	}
	return times[0].Sum
}

// result runs a kernel on its operands and compares the result.
func result(t *testing.T, a arith, kernel string, rounds uint64) error {
	t.Helper()
	data, sum := a.operands(rand.New(rand.NewPCG(3, 4)))
	if runOn(t, kernel, data, rounds) != sum(rounds) {
		return errors.New("wrong")
	}
	return nil
}

// needPlanted ends a test of planted kernels on a CPU that can't execute them:
// they are code for AVX2. CI has it.
func needPlanted(t *testing.T) {
	t.Helper()
	switch {
	case has(cpuFeatures(t), []string{"AVX2", "FMA", "F16C"}):
	case os.Getenv("CI") == "true":
		t.Fatal("no AVX2")
	default:
		t.Skip("planted kernels need AVX2")
	}
}

// Every kernel that this CPU can run computes what its operands say, over one
// block of rounds and over several.
func TestArithmetic(t *testing.T) {
	features := cpuFeatures(t)
	ran := 0
	for _, a := range slices.Concat(fma, bf16, dot) {
		if best([]arith{a}, features) == nil {
			t.Logf("%s: not on this CPU", a.kernel)
			continue
		}
		ran++
		for _, rounds := range []uint64{1, 1000, floatBlock + 7} {
			if err := result(t, a, a.kernel, rounds); err != nil {
				t.Errorf("%s, %d rounds: %v", a.kernel, rounds, err)
			}
		}
	}
	if ran == 0 && probe.Has("fma_avx2") && slices.Contains(features, "AVX2") {
		t.Error("nothing ran")
	}
}

// A kernel that leaves something out is found out by its result.
func TestPlantedArithmetic(t *testing.T) {
	needPlanted(t)
	for kernel, of := range map[string]arith{
		"fma_halved": fma[1], "dot_halved": dot[4], "dot_dropped": dot[4],
	} {
		if result(t, of, kernel, 1000) == nil {
			t.Errorf("%s passed for %s", kernel, of.kernel)
		}
	}
}

// A reader's sum is that of the values that were written; one that drops loads
// or stops half-way has another, and its figures are gone.
func TestReaders(t *testing.T) {
	kinds := map[string]kernels.ProbeVerdict{"read_plain": kernels.OK, "read_dropped": kernels.Wrong, "read_halved": kernels.Wrong}
	for _, f := range cpuFeatures(t) {
		kinds[reader([]string{f})] = kernels.OK
	}
	for kernel, want := range kinds {
		for _, windows := range []int{1, 3} {
			r := here(t)
			m, err := r.readWith(context.Background(), kernel, 4<<20, windows)
			if err != nil {
				t.Fatal(err)
			}
			if got := m.Verdict == kernels.Wrong; got != (want == kernels.Wrong) {
				t.Errorf("%s, %d windows: %s %s", kernel, windows, m.Verdict, m.Reason)
			}
			if m.Verdict == kernels.Wrong && (m.Samples != nil || m.Summary != nil || m.Reason == "") {
				t.Errorf("%s: %+v", kernel, m)
			}
		}
	}
}

// product runs a block kernel on operands and compares the sum of all products.
func product(t *testing.T, b blockType, tokens int, kernel string, rounds uint64) error {
	t.Helper()
	data, sum := b.operands(tokens, rand.New(rand.NewPCG(3, 4)))
	if got, want := runOn(t, kernel, data, rounds), sum(rounds); got != want {
		return fmt.Errorf("%d, not %d", int64(got), int64(want))
	}
	return nil
}

// Every kernel of block products that this CPU can run computes what the blocks
// say.
func TestBlocks(t *testing.T) {
	features := cpuFeatures(t)
	ran := 0
	for _, b := range blockTypes {
		for _, s := range blockSets {
			for _, tokens := range []int{1, manyTokens} {
				kernel := b.kernel(s, tokens)
				if !probe.Has(kernel) || !has(features, s.features) {
					continue
				}
				ran++
				for _, rounds := range []uint64{1, 1000} {
					if err := product(t, b, tokens, kernel, rounds); err != nil {
						t.Errorf("%s, %d rounds: %v", kernel, rounds, err)
					}
				}
			}
		}
	}
	if ran == 0 && slices.Contains(features, "AVX2") {
		t.Error("nothing ran")
	}
	t.Logf("%d kernels", ran)
}

// A kernel that leaves a round or a block's least value out is found out.
func TestPlantedBlocks(t *testing.T) {
	needPlanted(t)
	for _, kernel := range []string{"q4_1_halved_one", "q4_1_dropped_one"} {
		if product(t, blockTypes[1], 1, kernel, 1000) == nil {
			t.Errorf("%s passed", kernel)
		}
	}
}

// With each type's blocks comes the figure of one token, and that of many where
// there is a kernel for them.
func TestBlockFigures(t *testing.T) {
	r := here(t)
	r.Features = cpuFeatures(t)
	if err := r.blocks(context.Background()); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range r.out {
		got = append(got, fmt.Sprintf("%s %d", m.Probe, m.Tokens))
		if m.Verdict == kernels.Wrong || (m.Verdict == kernels.Missing) == has(r.Features, []string{"AVX2", "FMA", "F16C"}) {
			t.Errorf("%+v", m)
		}
	}
	want := []string{"cpu.block.q4_0 1", "cpu.block.q4_0 16", "cpu.block.q4_1 1", "cpu.block.q4_1 16", "cpu.block.q8_0 1", "cpu.block.q8_0 16",
		"cpu.block.f16 1", "cpu.block.bf16 1"}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

// fakeSampler is a sampler whose rounds take 1 ms each of virtual time.
func fakeSampler(had float64, after func(call int) float64) *sampler {
	now, call := time.Unix(0, 0), 0
	return &sampler{
		limit: time.Second, now: func() time.Time { return now },
		right: func(uint64, []probe.Time) error { return nil },
		run: func(rounds uint64) (float64, []probe.Time, error) {
			call++
			took := 1e-3 * float64(rounds) * after(call)
			now = now.Add(time.Duration(took * 1e9))
			return took, []probe.Time{{Start: 0, End: took, CPUTime: had * took, ClockHz: 2e9}}, nil
		},
	}
}

func TestSampler(t *testing.T) {
	steady := func(int) float64 { return 1 }
	work := func(rounds uint64) float64 { return float64(rounds) }
	m := kernels.Measurement{Unit: kernels.OpsPerSecond}
	if err := fakeSampler(1, steady).fill(context.Background(), &m, work); err != nil {
		t.Fatal(err)
	}
	if m.Verdict != kernels.OK || len(m.Samples) != samples || m.Summary.Median < 999.9 || m.Summary.Median > 1000.1 || *m.ClockHz != 2e9 {
		t.Errorf("%+v %+v", m, m.Summary)
	}
	// Others had a tenth of the CPU: nothing of it counts.
	m = kernels.Measurement{Unit: kernels.OpsPerSecond}
	if err := fakeSampler(0.9, steady).fill(context.Background(), &m, work); err != nil {
		t.Fatal(err)
	}
	if m.Verdict != kernels.Unknown || m.Samples != nil || m.Reason == "" {
		t.Errorf("%+v", m)
	}
	// One thread began when the other had ended, and each had its CPU for all of
	// its own time.
	m = kernels.Measurement{Unit: kernels.OpsPerSecond}
	late := fakeSampler(1, steady)
	alone := late.run
	late.run = func(rounds uint64) (float64, []probe.Time, error) {
		took, _, err := alone(rounds)
		half := took / 2
		return took, []probe.Time{{End: half, CPUTime: half}, {Start: half, End: took, CPUTime: half}}, err
	}
	if err := late.fill(context.Background(), &m, work); err != nil {
		t.Fatal(err)
	}
	if m.Verdict != kernels.Unknown {
		t.Errorf("%+v", m)
	}
	// One had done its part in half of the time.
	m = kernels.Measurement{Unit: kernels.OpsPerSecond}
	late.run = func(rounds uint64) (float64, []probe.Time, error) {
		took, times, err := alone(rounds)
		return took, append(times, probe.Time{End: took / 2, CPUTime: took / 2}), err
	}
	if err := late.fill(context.Background(), &m, work); err != nil {
		t.Fatal(err)
	}
	if m.Verdict != kernels.OK {
		t.Errorf("%+v", m)
	}
	// The warm-up's slower blocks are no samples.
	m = kernels.Measurement{Unit: kernels.OpsPerSecond}
	slow := func(call int) float64 { return 1 + 2/float64(call*call) }
	if err := fakeSampler(1, slow).fill(context.Background(), &m, work); err != nil {
		t.Fatal(err)
	}
	if slices.Min(m.Samples) < 980 {
		t.Errorf("samples from %g on", slices.Min(m.Samples))
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := fakeSampler(1, steady).fill(ctx, &m, work); !errors.Is(err, context.Canceled) {
		t.Errorf("%v after the end", err)
	}
}

// Of several calls each thread's times are added up, its late starts too.
func TestFromFirst(t *testing.T) {
	var all []probe.Time
	for range 2 {
		all = add(all, fromFirst([]probe.Time{{Start: 7, End: 9, CPUTime: 2}, {Start: 8, End: 11, CPUTime: 3}}))
	}
	if diff := cmp.Diff([]probe.Time{{End: 4, CPUTime: 4}, {Start: 2, End: 8, CPUTime: 6}}, all); diff != "" {
		t.Error(diff)
	}
}

// The time of a node is the difference of two chains; a chain that ends with
// another number than its length was not computed.
func TestNode(t *testing.T) {
	for name, c := range map[string]struct {
		chain func(threads, nodes int) (float64, float64, error)
		want  kernels.ProbeVerdict
	}{
		"right":   {func(_, n int) (float64, float64, error) { return 1e-3 + 2e-6*float64(n), float64(n), nil }, kernels.OK},
		"dropped": {func(_, n int) (float64, float64, error) { return 1e-3, float64(n / 2), nil }, kernels.Wrong},
		"no time": {func(_, n int) (float64, float64, error) { return 1e-3, float64(n), nil }, kernels.Unknown},
	} {
		r := here(t)
		r.Chain = c.chain
		if err := r.node(context.Background()); err != nil {
			t.Fatal(err)
		}
		m := r.out[0]
		if m.Verdict != c.want {
			t.Errorf("%s: %+v", name, m)
		}
		if c.want == kernels.OK && (m.Summary.Median < 1.99e-6 || m.Summary.Median > 2.01e-6) {
			t.Errorf("%s: %+v", name, m.Summary)
		}
	}
}

func TestMachine(t *testing.T) {
	sys := fstest.MapFS{}
	put := func(name, text string) {
		sys["sys/devices/system/cpu/"+name] = &fstest.MapFile{Data: []byte(text + "\n")}
	}
	// Two cores of two threads each, a last cache for both.
	for cpu, core := range []string{"0,2", "1,3", "0,2", "1,3"} {
		at := "cpu" + string(rune('0'+cpu)) + "/"
		put(at+"topology/thread_siblings_list", core)
		for index, c := range [][4]string{{"1", "32K", "Data", core}, {"1", "32K", "Instruction", core}, {"2", "512K", "Unified", core}, {"3", "32768K", "Unified", "0-3"}} {
			dir := at + "cache/index" + string(rune('0'+index)) + "/"
			put(dir+"level", c[0])
			put(dir+"size", c[1])
			put(dir+"type", c[2])
			put(dir+"shared_cpu_list", c[3])
		}
	}
	if got := choose(sys, []int{0, 1, 2, 3}, 3); !slices.Equal(got, []int{0, 1, 2}) {
		t.Errorf("3 threads on %v", got)
	}
	if got := choose(sys, []int{0, 2, 3}, 2); !slices.Equal(got, []int{0, 3}) {
		t.Errorf("2 threads on %v", got)
	}
	if got := choose(sys, []int{1}, 3); !slices.Equal(got, []int{1, 1, 1}) {
		t.Errorf("3 threads on one CPU: %v", got)
	}
	want := []cache{{2, 512 << 10, 1 << 20}, {3, 16 << 20, 32 << 20}}
	if diff := cmp.Diff(want, caches(sys, []int{0, 1}), cmp.AllowUnexported(cache{})); diff != "" {
		t.Error(diff)
	}
	if got := caches(fstest.MapFS{}, []int{0}); got != nil {
		t.Errorf("caches of nothing: %v", got)
	}
}
