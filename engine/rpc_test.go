package engine

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

const rpcServers = 4

// TestSplitAcrossDevices: four ggml-rpc-servers on loopback are four devices
// to the library. Greedy tokens do not depend on how they share the model. The
// measure is one such device: the CPU back end of this process repacks some
// weights and rounds its sums differently.
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
		if err != nil || !strings.Contains(string(out), "--- PASS: TestSplitAcrossDevices/real") {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	servers := startRPCServers(t, peerBinary(t, "ggml-rpc-server"))
	if err := Init(Options{RPC: servers}); err != nil {
		t.Fatal(err)
	}
	var devices []string
	for _, d := range Devices() {
		if slices.ContainsFunc(servers, func(s string) bool { return strings.Contains(d.Name, s) }) || strings.HasPrefix(d.Name, "RPC") {
			devices = append(devices, d.Name)
		}
	}
	if len(devices) != rpcServers {
		t.Fatalf("%d RPC devices of %d servers: %v", len(devices), rpcServers, devices)
	}
	for name, path := range map[string]string{"demo": synthModel(t, "q4_0"), "real": realModel(t)} {
		t.Run(name, func(t *testing.T) {
			single := loadOn(t, path, LoadOptions{Devices: devices[:1], GPULayers: -1})
			prompts := [][]int32{prompt(single, 1, 40), prompt(single, 2, 25), prompt(single, 3, 33)}
			options := SessionOptions{Sequences: len(prompts), TokensPerSequence: 256, Threads: 1, FlashAttn: "on"}
			want := generate(t, open(t, single, options), prompts, 24)
			for _, split := range [][]float32{{1, 1, 1, 1}, {3, 1, 1, 1}} {
				what := fmt.Sprintf("layers %v", split)
				got, err := generateOn(t, path, LoadOptions{Devices: devices, SplitMode: "layer", TensorSplit: split, GPULayers: -1}, options, prompts)
				if err != nil {
					t.Errorf("%s: %v", what, err)
					continue
				}
				n := compareGreedy(t, single, what, prompts, got, want)
				t.Logf("%s: %d of %d tokens are equal", what, n, len(prompts)*24)
			}
		})
	}
	// SmolLM2 has three KV heads: a fourth device would get none.
	_, err := Load(context.Background(), realModel(t), LoadOptions{Devices: devices, SplitMode: "tensor", GPULayers: -1})
	if !errors.Is(err, ErrUnknownOption) {
		t.Errorf("3 KV heads over 4 devices gave %v", err)
	}
}

// generateOn loads the model in its own way, generates and frees it.
func generateOn(t *testing.T, path string, o LoadOptions, so SessionOptions, prompts [][]int32) ([][]int32, error) {
	t.Helper()
	m, err := Load(context.Background(), path, o)
	if err != nil {
		return nil, err
	}
	s, err := m.Open(context.Background(), so)
	if err != nil {
		return nil, errors.Join(err, m.Close())
	}
	out, err := tryGenerate(s, prompts, 24)
	return out, errors.Join(err, s.Close(), m.Close())
}

// startRPCServers starts the servers on free ports and waits until they
// listen; they end with the test.
func startRPCServers(t *testing.T, binary string) []string {
	t.Helper()
	var addresses []string
	for i := range rpcServers {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		address := l.Addr().String()
		l.Close()
		_, port, _ := net.SplitHostPort(address)
		log, err := os.Create(filepath.Join(t.TempDir(), fmt.Sprintf("rpc%d.log", i)))
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(binary, "--host", "127.0.0.1", "--port", port, "--threads", "1")
		cmd.Stdout, cmd.Stderr = log, log
		cmd.Env = append(os.Environ(), "OMP_WAIT_POLICY=passive")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			cmd.Process.Kill()
			cmd.Wait()
			log.Close()
		})
		addresses = append(addresses, address)
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
