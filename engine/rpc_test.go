package engine

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"ceiling/engine/synth"
)

const (
	rpcServers = 4
	rpcTokens  = 16 // greedy tokens compared per sequence
)

// TestSplitAcrossDevices: four ggml-rpc-servers on loopback are four devices
// to the library, and a model gives the same on them, however they share it,
// as on one. The measure is one such device: the CPU back end of this process
// repacks some weights and rounds its sums differently.
//
// It runs in a process of its own: the library keeps the devices for good, and
// ends the process when it asks one whose server is gone.
func TestSplitAcrossDevices(t *testing.T) {
	const child = "CEILING_TEST_RPC_CHILD"
	if os.Getenv(child) == "" {
		peerBinary(t, "ggml-rpc-server")
		realModel(t)
		cmd := exec.Command(os.Args[0], "-test.run=^TestSplitAcrossDevices$", "-test.v")
		cmd.Env = append(os.Environ(), child+"=1")
		out, err := cmd.CombinedOutput()
		if err != nil || strings.Count(string(out), "    --- PASS: TestSplitAcrossDevices/") != 5 {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	servers := startRPCServers(t, peerBinary(t, "ggml-rpc-server"))
	if err := Init(LibraryOptions{RPC: servers}); err != nil {
		t.Fatal(err)
	}
	var devices []string
	for _, d := range Devices() {
		if d.Backend == rpcBackend {
			devices = append(devices, d.Name)
		}
	}
	if len(devices) != rpcServers {
		t.Fatalf("%d RPC devices of %d servers: %v", len(devices), rpcServers, devices)
	}
	t.Run("layers", func(t *testing.T) { testLayers(t, devices) })
	t.Run("tensors, one layer", func(t *testing.T) { testTensorArithmetic(t, devices) })
	t.Run("tensors, demo", func(t *testing.T) {
		testTensorRounding(t, synthModel(t, "q4_0"), devices, nil)
	})
	t.Run("tensors, real", func(t *testing.T) {
		testTensorRounding(t, firstLayers(t, realModel(t), 6), devices[:3], nil)
	})
	t.Run("refused", func(t *testing.T) { testEmptyShard(t, devices) })
}

// testLayers: whole layers on other devices change not a bit.
func testLayers(t *testing.T, devices []string) {
	for name, path := range map[string]string{"demo": synthModel(t, "q4_0"), "real": realModel(t)} {
		want := logitsOn(t, path, LoadOptions{Devices: devices[:1]})
		for _, split := range [][]float32{{1, 1, 1, 1}, {3, 1, 1, 1}} {
			got := logitsOn(t, path, LoadOptions{Devices: devices, SplitMode: SplitLayer, TensorSplit: split})
			if d := largestDifference(want, got); d != 0 {
				t.Errorf("%s, %v: logits differ by %g", name, split, d)
			}
		}
		single := loadOn(t, path, LoadOptions{Devices: devices[:1], GPULayers: -1})
		prompts := splitPrompts(single)
		alone := generate(t, open(t, single, splitSession), prompts, rpcTokens)
		got := generateOn(t, path, LoadOptions{Devices: devices, SplitMode: SplitLayer, TensorSplit: []float32{3, 1, 1, 1}}, prompts)
		if n := compareGreedy(t, single, name+", layers 3:1:1:1", prompts, got, alone); n != len(prompts)*rpcTokens {
			t.Errorf("%s: %d of %d tokens are equal", name, n, len(prompts)*rpcTokens)
		}
	}
}

// testTensorArithmetic: a split that computed something else would show here.
// With one layer nothing is rounded between the sums of the devices and the
// logits: weights and activations are 32-bit floats, and the keys and values,
// which flash attention rounds to 16 bits, are computed before the first sum
// over devices. What is left is the order of the sums.
func testTensorArithmetic(t *testing.T, devices []string) {
	eight := filepath.Join(t.TempDir(), "eight.gguf")
	g, err := synth.Find("demo")
	if err != nil {
		t.Fatal(err)
	}
	g.KVHeads = 8 // enough heads for unequal shares
	if _, err := synth.Write(t.Context(), synth.FileOptions{Geometry: g, Type: "q4_0", Out: eight, Seed: 7}); err != nil {
		t.Fatal(err)
	}
	demo := synthModel(t, "q4_0")
	for _, c := range []struct {
		name    string
		path    string
		devices []string
		split   []float32
	}{
		{"demo 1:1:1:1", demo, devices, []float32{1, 1, 1, 1}},
		{"demo over two", demo, devices[:2], nil},
		{"eight heads 1:1:1:1", eight, devices, nil},
		{"eight heads 3:1:1:1", eight, devices, []float32{3, 1, 1, 1}},
		{"real over three", realModel(t), devices[:3], nil},
	} {
		path := float32Model(t, c.path, 1)
		want := logitsOn(t, path, LoadOptions{Devices: c.devices[:1]})
		got := logitsOn(t, path, LoadOptions{Devices: c.devices, SplitMode: SplitTensor, TensorSplit: c.split})
		d := largestDifference(want, got)
		t.Logf("%s: logits differ by %.2g at most", c.name, d)
		if !(d < peerTolerance) {
			t.Errorf("%s: logits differ by %g, tolerance %g", c.name, d, peerTolerance)
		}
	}
}

// testTensorRounding: a whole quantised model does not keep the tolerance, and
// here is why that is no fault of the split. Its products round each block of
// activations to 8 bits. A sum in another order changes the last bit of an
// activation; where that lies at the edge between two of the 8-bit values, a
// whole step of 1/127 of the block's largest value follows, which pushes
// others over their edges in the next layer. So every order of summation draws
// its own rounding errors, and none is closer to the truth than another. The
// truth is what the same weights give as 32-bit floats: the split must be as
// close to it as one device is, and a greedy token may differ only where the
// two logits are closer together than one device's own error.
func testTensorRounding(t *testing.T, path string, devices []string, split []float32) {
	one := LoadOptions{Devices: devices[:1]}
	over := LoadOptions{Devices: devices, SplitMode: SplitTensor, TensorSplit: split}
	wide := float32Model(t, path, 0)
	truth := logitsOn(t, wide, one)
	own := medianError(truth, logitsOn(t, path, one))
	theirs := medianError(truth, logitsOn(t, path, over))
	t.Logf("error of the logits: %.4f on one device, %.4f over %d", own, theirs, len(devices))
	// Noise of the same size; a mistake in the split would be of the size of
	// the logits, tens of times as large.
	if !(own > 0) || !(theirs < 1.5*own) {
		t.Errorf("error of the logits %g over %d devices, %g on one", theirs, len(devices), own)
	}
	if d := largestDifference(truth, logitsOn(t, wide, over)); !(d < own) {
		t.Errorf("32-bit weights: logits differ by %g, more than what rounding activations does (%g)", d, own)
	}
	single, exact := loadOn(t, path, withAllLayers(one)), loadOn(t, wide, withAllLayers(one))
	prompts := splitPrompts(single)
	alone := generate(t, open(t, single, splitSession), prompts, rpcTokens)
	got := generateOn(t, path, over, prompts)
	equal := 0
	for i := range prompts {
		equal += compareRounded(t, single, exact, prompts[i], got[i], alone[i])
	}
	t.Logf("%d of %d greedy tokens are equal up to the first that differs", equal, len(prompts)*rpcTokens)
	if equal == 0 {
		t.Error("no token could be compared")
	}
}

// compareRounded compares two texts up to their first difference, which must
// be a choice that one device's rounding leaves open.
func compareRounded(t *testing.T, single, exact *Model, prompt, got, want []int32) (equal int) {
	t.Helper()
	for equal < len(got) && got[equal] == want[equal] {
		equal++
	}
	if equal == len(got) {
		return equal
	}
	ids := append(slices.Clone(prompt), want[:equal]...)
	logits, truth := logitsAfter(t, single, ids), logitsAfter(t, exact, ids)
	a, b := want[equal], got[equal]
	gap := math.Abs(float64(logits[a] - logits[b]))
	noise := largestDifference([][]float32{truth}, [][]float32{logits})
	t.Logf("token %d is %d with logit %.4f on one device, %d with %.4f over several: %.4f apart, one device's own error is up to %.4f",
		equal, a, logits[a], b, logits[b], gap, noise)
	if gap > max(noise, peerTolerance) {
		t.Errorf("token %d differs where rounding can't explain it", equal)
	}
	return equal
}

// testEmptyShard: what would leave a device without heads is refused before the
// load, with the reason.
func testEmptyShard(t *testing.T, devices []string) {
	demo := synthModel(t, "q4_0")
	for _, c := range []struct {
		path    string
		devices []string
		split   []float32
		want    string
	}{
		{realModel(t), devices, nil, "3 parts for 4 devices"},
		{realModel(t), devices, []float32{3, 1, 1, 1}, "3 parts for 4 devices"},
		{demo, devices, []float32{3, 1, 1, 1}, "4 parts for 4 devices"},
	} {
		_, err := Load(context.Background(), c.path, LoadOptions{Devices: c.devices, SplitMode: SplitTensor, TensorSplit: c.split, GPULayers: -1})
		if !errors.Is(err, ErrUnknownOption) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s %v: %v, want %q", filepath.Base(c.path), c.split, err, c.want)
		}
	}
	m := loadOn(t, demo, LoadOptions{Devices: devices, SplitMode: SplitTensor, GPULayers: -1})
	if got := m.Split(); got.Mode != SplitTensor || len(got.Devices) != rpcServers {
		t.Errorf("split %+v", got)
	}
	for _, o := range []SessionOptions{{FlashAttn: "off"}, {KVType: "q8_0"}} {
		o.Sequences, o.TokensPerSequence, o.Threads = 1, 64, 1
		if _, err := m.Open(context.Background(), o); !errors.Is(err, ErrUnknownOption) {
			t.Errorf("%+v: %v", o, err)
		}
	}
}

// splitSession is the session of every comparison; flash attention is on
// because a tensor split has no other.
var splitSession = SessionOptions{Sequences: 3, TokensPerSequence: 256, Threads: 1, FlashAttn: "on", Outputs: 48}

func splitPrompts(m *Model) [][]int32 {
	return [][]int32{prompt(m, 1, 40), prompt(m, 2, 25), prompt(m, 3, 33)}
}

func withAllLayers(o LoadOptions) LoadOptions {
	o.GPULayers = -1
	return o
}

// openOn loads the model in its own way and opens a session, until closeBoth.
func openOn(t *testing.T, path string, o LoadOptions) (m *Model, s *Session, closeBoth func()) {
	t.Helper()
	m, err := Load(context.Background(), path, withAllLayers(o))
	if err != nil {
		t.Fatal(err)
	}
	s, err = m.Open(context.Background(), splitSession)
	if err != nil {
		t.Fatal(errors.Join(err, m.Close()))
	}
	return m, s, func() { s.Close(); m.Close() }
}

// generateOn loads the model in its own way, generates and frees it.
func generateOn(t *testing.T, path string, o LoadOptions, prompts [][]int32) [][]int32 {
	t.Helper()
	_, s, closeBoth := openOn(t, path, o)
	defer closeBoth()
	return generate(t, s, prompts, rpcTokens)
}

// logitsOn are the logits at each position of a prompt of 40 tokens.
func logitsOn(t *testing.T, path string, o LoadOptions) [][]float32 {
	t.Helper()
	m, s, closeBoth := openOn(t, path, o)
	defer closeBoth()
	var b Batch
	for i, id := range prompt(m, 1, 40) {
		b.add(0, int32(i), id)
	}
	if err := s.Decode(context.Background(), &b); err != nil {
		t.Fatal(err)
	}
	var out [][]float32
	for i := range b.Tokens {
		out = append(out, s.Logits(i))
	}
	return out
}

// largestDifference is max |a − b|; NaN anywhere gives NaN.
func largestDifference(a, b [][]float32) float64 {
	worst := 0.0
	for i := range a {
		for k := range a[i] {
			d := math.Abs(float64(a[i][k]) - float64(b[i][k]))
			if d > worst || math.IsNaN(d) {
				worst = d
			}
		}
	}
	return worst
}

// medianError is the root mean square of b − truth at the median position:
// single positions of some prompts are chaotic.
func medianError(truth, b [][]float32) float64 {
	errs := make([]float64, len(truth))
	for i := range truth {
		for k := range truth[i] {
			d := float64(truth[i][k]) - float64(b[i][k])
			errs[i] += d * d / float64(len(truth[i]))
		}
		errs[i] = math.Sqrt(errs[i])
	}
	slices.Sort(errs)
	return errs[len(errs)/2]
}

// startRPCServers starts the servers on free ports and waits until they
// listen; they end with the test.
func startRPCServers(t *testing.T, binary string) []string {
	t.Helper()
	var addresses []string
	for i := range rpcServers {
		port := freePort(t)
		log, err := os.Create(filepath.Join(t.TempDir(), fmt.Sprintf("rpc%d.log", i)))
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(binary, "--host", "127.0.0.1", "--port", port, "--threads", "1")
		cmd.Stdout, cmd.Stderr = log, log
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			cmd.Process.Kill()
			cmd.Wait()
			log.Close()
		})
		addresses = append(addresses, net.JoinHostPort("127.0.0.1", port))
	}
	for i, address := range addresses {
		for limit := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
			conn, err := net.DialTimeout("tcp", address, time.Second)
			if err == nil {
				conn.Close()
				break
			}
			if time.Now().After(limit) {
				t.Fatalf("ggml-rpc-server %d does not listen on %s: %v", i, address, err)
			}
		}
	}
	return addresses
}
