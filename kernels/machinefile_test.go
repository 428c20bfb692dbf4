package kernels

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestReadMachine(t *testing.T) {
	path := filepath.Join(t.TempDir(), "box.yaml")
	for text, want := range map[string]string{
		"devices: 2\ntensors: true\nread:\n- name: HBM\n  b_per_s: 1.0e12\ncompute:\n  f16: 100e12\nnode_s: 1.5e-6\nall_reduce:\n- {bytes: 20480, s: 1e-5}\n": "",
		"read: []":                           "read is missing",
		"speed: 3":                           "speed",
		"read:\n- b_per_s: fast":             "[2:12]",
		"read: [":                            "box.yaml",
		"read: [{b_per_s: 1e9}]\ndevices: 0": "0 devices",
		"compute: {f16: -1}\nread: [{b_per_s: 1e9}]": "f16",
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		r, err := ReadMachine(path)
		switch {
		case want == "" && (err != nil || r.Name != "box" || r.Devices != 2 || !r.Tensors || r.Read[0].Rate != 1e12 || r.Compute[F16] != 100e12 || r.AllReduce[0].Seconds != 1e-5):
			t.Errorf("%+v, %v", r, err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%q: %v", text, err)
		}
	}
}

func FuzzParseMachine(f *testing.F) {
	f.Add([]byte("devices: 2\nread:\n- {b_per_s: 1e12}\n"))
	f.Add([]byte("compute: {f16: 1}"))
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := parseMachine(text)
		if err == nil && r.Check() == nil {
			m := devstral()
			if total := r.Step(&m, Work{Decode: 1}).Total(); !(total > 0) {
				t.Errorf("%+v: a step of %g s", r, total)
			}
		}
	})
}
