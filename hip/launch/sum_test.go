package launch

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"ceiling/hip"
)

// compile makes a library of sources in hip/testdata.
func compile(t *testing.T, out string, args ...string) {
	t.Helper()
	cc := os.Getenv("CC")
	if cc == "" {
		cc = "cc"
	}
	cmd := exec.Command(cc, append([]string{"-shared", "-fPIC", "-O1", "-o", out}, args...)...)
	cmd.Dir = "../testdata"
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", args, err, text)
	}
}

// A known vector is added up over four stand-in cards by a stand-in of RCCL, and by
// one that loses a number.
func TestCheckSum(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	rocm := t.TempDir()
	lib := filepath.Join(rocm, "lib")
	if err := os.Mkdir(lib, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("ROCM_PATH", rocm)
	compile(t, filepath.Join(lib, "libamdhip64.so.6"), "standin.c", "compute.c")
	r, err := hip.OpenRuntime()
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(r.Path(), lib) {
		t.Fatalf("the runtime is %s", r.Path())
	}
	all := []int{0, 1, 2, 3}
	if _, err := checkSum(r, all, []string{filepath.Join(lib, "librccl.so")}); !errors.Is(err, ErrNoRCCL) {
		t.Errorf("without RCCL: %v", err)
	}
	wrong := filepath.Join(lib, "wrong.so")
	compile(t, wrong, "-DWRONG", "rccl.c")
	if _, err := checkSum(r, all, []string{wrong}); !errors.Is(err, ErrWrongSum) || !strings.Contains(err.Error(), "device 0 of 4: number 1048575 of 1048576 is ") {
		t.Errorf("a sum that lacks a number: %v", err)
	}
	compile(t, filepath.Join(lib, "librccl.so"), "rccl.c")
	for _, devices := range [][]int{all, {1, 3}} {
		if version, err := CheckSum(r, devices); version != "2.22.3" || err != nil {
			t.Errorf("over %v: %q, %v", devices, version, err)
		}
	}
	if _, err := CheckSum(r, []int{0, 9}); err == nil {
		t.Error("a device that is not there added up")
	}
}
