package main

import (
	"bytes"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ceiling/hip/standin/gcn"
)

// Each fault changes one thing in the first instruction that it fits.
func TestPlant(t *testing.T) {
	const nothing = "000080bf" // s_nop 0
	for _, c := range []struct {
		name, code string
		spoil      func(in *gcn.Inst, code []byte) bool
		want       string
	}{
		{"lane", nothing + "fa0e0628070101ff", otherLane, "0x4: v_or_b32_dpp v3, v7, v7 row_shl:1 row_mask:0xf bank_mask:0xf became v_or_b32_dpp v3, v7, v7 row_shl:2 row_mask:0xf bank_mask:0xf"},
		{"swap", "0000ccd300030204", swapOperands, "0x0: v_mfma_f32_32x32x8f16 a[0:15], v[0:1], v[1:2], a[0:15] became v_mfma_f32_32x32x8f16 a[0:15], v[1:2], v[0:1], a[0:15]"},
		{"wait", nothing + "7fc08cbf", dropWait, "0x4: s_waitcnt lgkmcnt(0) became s_nop 0"},
		{"stride", "92000092", func(in *gcn.Inst, code []byte) bool { return oneMore(in, code, 18) }, "0x0: s_mul_i32 s0, 18, s0 became s_mul_i32 s0, 19, s0"},
		{"none", nothing, dropWait, ""},
	} {
		code, err := hex.DecodeString(c.code)
		if err != nil {
			t.Fatal(err)
		}
		if got := spoilFirst(code, c.spoil); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

func TestPlantRefuses(t *testing.T) {
	for _, args := range [][]string{nil, {"-fault", "melt", "-kernel", "x", "a", "b"}, {"-fault", "wait", "a", "b"}, {"-fault", "wait", "-kernel", "x", "no such file", "b"}} {
		if err := plantFault(args, new(bytes.Buffer)); err == nil {
			t.Errorf("%q: no error", args)
		}
	}
}

func TestCoverage(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "counters")
	if err := os.WriteFile(path, []byte(`{"kernel":"a","instructions":5,"forms":["x","y"]}`+"\n"+`{"kernel":"b","instructions":7,"forms":["y"]}`+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	e := executed{forms: map[string]bool{}}
	if err := e.add(path); err != nil || e.kernels != 2 || e.instructions != 12 || len(e.forms) != 2 {
		t.Errorf("%+v, %v", e, err)
	}
	if err := coverage([]string{path, path}, new(bytes.Buffer)); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("a file that is no library: %v", err)
	}
}
