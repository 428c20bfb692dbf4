package hip

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// standin compiles the stand-in of the HIP runtime.
func standin(t *testing.T, flags ...string) string {
	t.Helper()
	return compile(t, "testdata/standin.c", "libamdhip64.so.6", flags...)
}

// compile makes a library. Each test gets a file of its own: the loader gives
// a file that is loaded already again.
func compile(t *testing.T, source, name string, flags ...string) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), name)
	cc := os.Getenv("CC")
	if cc == "" {
		cc = "cc"
	}
	args := append([]string{"-shared", "-fPIC", "-O1", "-o", out, source}, flags...)
	if text, err := exec.Command(cc, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", cc, err, text)
	}
	return out
}

func open(t *testing.T, flags ...string) *Runtime {
	t.Helper()
	r, err := openRuntime([]string{standin(t, flags...)})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestRuntime(t *testing.T) {
	r := open(t)
	if v, err := r.Version(); v != "7.2.51831" || err != nil {
		t.Errorf("version %q, %v", v, err)
	}
	got, err := r.Devices()
	if err != nil || len(got) != 4 {
		t.Fatalf("%d devices, %v", len(got), err)
	}
	// The numbers of the stand-in, which are an MI100's.
	want := RuntimeDevice{Index: 1, Name: "Stand-in MI100 number 1", Arch: "gfx908:sramecc+:xnack-", PCI: "0000:a3:00.0", Memory: 34342961153, Free: ptr(uint64(33999999999)),
		CUs: 120, ClockKHz: 1502000, MemKHz: 1200000, BusBits: 4096, L2Bytes: 8388608, WarpSize: 64}
	if d := cmp.Diff(want, got[1]); d != "" {
		t.Errorf("device 1 (-want +got):\n%s", d)
	}
	peers, err := r.Peers()
	if err != nil || len(peers) != 12 {
		t.Fatalf("%d pairs, %v", len(peers), err)
	}
	for _, want := range []Peer{
		{0, 1, true, LinkXGMI, 1}, {0, 2, true, LinkPCIe, 2}, {0, 3, false, LinkXGMI, 1}, {3, 0, true, LinkXGMI, 1}, {1, 3, true, LinkOther, 1},
	} {
		i := 0
		for ; i < len(peers) && (peers[i].From != want.From || peers[i].To != want.To); i++ {
		}
		if i == len(peers) || peers[i] != want {
			t.Errorf("pair %+v is missing or different", want)
		}
	}
	if free, total, err := r.FreeMemory(2); free != 33999999998 || total != 34342961152 || err != nil {
		t.Errorf("memory %d of %d, %v", free, total, err)
	}
	if _, _, err := r.FreeMemory(7); !errors.Is(err, ErrRuntime) || !strings.Contains(err.Error(), "hipErrorInvalidDevice (code 101)") {
		t.Errorf("device 7: %v", err)
	}
}

// ROCm 5 has neither link types nor the newer layout of properties.
func TestRuntimeOld(t *testing.T) {
	r := open(t, "-DOLD")
	devices, err := r.Devices()
	if err != nil || devices[0].Arch != "gfx908:sramecc+:xnack-" {
		t.Errorf("%+v, %v", devices, err)
	}
	peers, err := r.Peers()
	if err != nil || len(peers) != 12 || peers[0] != (Peer{From: 0, To: 1, Access: true}) {
		t.Errorf("%+v, %v", peers, err)
	}
}

// What stands where the architecture should be is taken only if it is one.
func TestRuntimeLayout(t *testing.T) {
	devices, err := open(t, "-DLAYOUT_BAD").Devices()
	if err != nil || devices[0].Arch != "" {
		t.Errorf("%+v, %v", devices, err)
	}
}

func TestRuntimeErrors(t *testing.T) {
	tests := []struct {
		name  string
		flags []string
		is    error
		says  string
	}{
		{"no device", []string{"-DCOUNT=0"}, ErrNoDevice, "hipErrorNoDevice, code 100"},
		{"no device and no error", []string{"-DCOUNT=0", "-DZERO_OK"}, ErrNoDevice, "code 100"},
		{"no device at the start", []string{"-DINIT=100"}, ErrNoDevice, "/dev/kfd"},
		{"does not start", []string{"-DINIT=35"}, ErrRuntime, "hipInit: hipErrorUnknown (code 35)"},
		{"a function is missing", []string{"-DNO_COUNT"}, ErrNoRuntime, "has no hipGetDeviceCount"},
	}
	for _, tt := range tests {
		_, err := openRuntime([]string{standin(t, tt.flags...)})
		if !errors.Is(err, tt.is) || !strings.Contains(err.Error(), tt.says) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want one that says %q", tt.name, err, tt.says)
		}
	}
	r := open(t, "-DBROKEN")
	_, errDevices := r.Devices()
	_, errPeers := r.Peers()
	_, errVersion := r.Version()
	_, _, errMemory := r.FreeMemory(0)
	for call, err := range map[string]error{"hipDeviceGetPCIBusId": errDevices, "hipDeviceCanAccessPeer": errPeers,
		"hipRuntimeGetVersion": errVersion, "hipSetDevice": errMemory} {
		if !errors.Is(err, ErrRuntime) || !strings.Contains(err.Error(), call+": hipErrorUnknown (code 999)") {
			t.Errorf("%s: %v", call, err)
		}
	}
}

func TestRuntimeNotThere(t *testing.T) {
	_, err := openRuntime([]string{"libamdhip64-that-nobody-has.so.7"})
	if !errors.Is(err, ErrNoRuntime) || !strings.Contains(err.Error(), "install ROCm") {
		t.Errorf("no library: %v", err)
	}
	broken := filepath.Join(t.TempDir(), "libamdhip64.so.6")
	if err := os.WriteFile(broken, []byte("not a library"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := openRuntime([]string{broken, "libamdhip64-that-nobody-has.so.7"}); !errors.Is(err, ErrNoRuntime) || !strings.Contains(err.Error(), broken) {
		t.Errorf("a broken library: %v, want one that names it", err)
	}
}

func TestRuntimeCandidates(t *testing.T) {
	root := t.TempDir()
	rocm := filepath.Join(root, "other")
	for _, f := range []string{"opt/rocm/lib/libamdhip64.so.6", "opt/rocm/lib/libamdhip64.so.7", "opt/rocm/core-7.12/lib/libamdhip64.so.7",
		"opt/rocm/core-6.4/lib/libamdhip64.so", "other/lib/libamdhip64.so.5"} {
		put(t, root, f, "")
	}
	want := []string{rocm + "/lib/libamdhip64.so.5", root + "/opt/rocm/lib/libamdhip64.so.7", root + "/opt/rocm/lib/libamdhip64.so.6",
		root + "/opt/rocm/core-7.12/lib/libamdhip64.so.7", root + "/opt/rocm/core-6.4/lib/libamdhip64.so",
		"libamdhip64.so.7", "libamdhip64.so.6", "libamdhip64.so.5", "libamdhip64.so"}
	if d := cmp.Diff(want, candidates(root, runtimeName, rocm, "")); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	// Two releases in one process crash: what is loaded already is taken.
	maps := "7f0-7f1 r--p 00000000 00:1f 5 /usr/lib/libc.so.6\n7f2-7f3 r-xp 0 00:1f 6 /opt/my rocm/lib/libamdhip64.so.6.4.60403\n"
	if d := cmp.Diff([]string{"/opt/my rocm/lib/libamdhip64.so.6.4.60403"}, candidates(root, runtimeName, rocm, maps)); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}
