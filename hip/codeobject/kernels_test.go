package codeobject

import (
	"bytes"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// store.co is store.hip, compiled for gfx908 by Debian's hipRTC 6.4.
func object(t testing.TB) []byte {
	t.Helper()
	code, err := os.ReadFile("testdata/store.co")
	if err != nil {
		t.Fatal(err)
	}
	return code
}

func TestKernels(t *testing.T) {
	got, err := Kernels(bytes.NewReader(object(t)))
	if err != nil {
		t.Fatal(err)
	}
	// As llvm-readelf --notes and -s print them.
	want := []Kernel{{Name: "store", VGPRs: 3, SGPRs: 10, LDS: 1200, MaxThreads: 256}}
	if d := cmp.Diff(want, got, cmpopts.IgnoreFields(Kernel{}, "Code")); d != "" {
		t.Error(d)
	}
	if n := len(got[0].Code); n != 76 {
		t.Errorf("%d bytes of code", n)
	}
}

// A damaged object is an error, or some other object; never a crash.
func TestKernelsOfDamaged(t *testing.T) {
	code := object(t)
	for i := 0; i < len(code); i += 5 {
		bad := bytes.Clone(code)
		bad[i] ^= 0xff
		_, _ = Kernels(bytes.NewReader(bad))
	}
	for n := 0; n < len(code); n += 13 {
		if got, err := Kernels(bytes.NewReader(code[:n])); err == nil && got != nil {
			t.Errorf("%d bytes of %d: %d kernels, no error", n, len(code), len(got))
		}
	}
}

func FuzzKernels(f *testing.F) {
	f.Add(object(f))
	f.Fuzz(func(t *testing.T, code []byte) {
		if got, err := Kernels(bytes.NewReader(code)); err == nil {
			for _, k := range got {
				if len(k.Code) == 0 {
					t.Errorf("kernel %q has no code, and there is no error", k.Name)
				}
			}
		}
	})
}

func TestWaves(t *testing.T) {
	for _, c := range []struct {
		k       Kernel
		threads int
		want    int
	}{
		{Kernel{VGPRs: 24}, 64, 10},
		{Kernel{VGPRs: 24}, 1024, 8},           // two groups of 16 waves on four SIMDs
		{Kernel{VGPRs: 25}, 64, 9},             // 28 are given
		{Kernel{VGPRs: 24, AGPRs: 64}, 256, 4}, // as many of the one as of the other
		{Kernel{VGPRs: 8, SGPRs: 81}, 64, 8},   // 96 are given
		{Kernel{VGPRs: 8, LDS: 16 << 10}, 256, 4},
		{Kernel{VGPRs: 129}, 64, 1},
		{Kernel{}, 1, 10},
	} {
		if got := c.k.Waves(c.threads); got != c.want {
			t.Errorf("%+v in groups of %d: %d waves, want %d", c.k, c.threads, got, c.want)
		}
	}
}
