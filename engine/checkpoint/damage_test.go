package checkpoint

import (
	"bytes"
	"context"
	"encoding/binary"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ceiling/engine/checkpoint/awqtest"
)

// TestDamage changes single characters of the configuration and of the weights'
// header. Whatever comes of it, nothing may panic, and an error is one line and
// leaves no file.
func TestDamage(t *testing.T) {
	for _, o := range []awqtest.VariantOptions{{Zeros: true}, {Format: awqtest.AWQGemv, Zeros: true}, {Format: awqtest.GPTQ}} {
		dir := write(t, o).Dir
		weights, config := filepath.Join(dir, "model.safetensors"), filepath.Join(dir, "config.json")
		file, err := os.ReadFile(weights)
		if err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(config)
		if err != nil {
			t.Fatal(err)
		}
		rng := rand.New(rand.NewPCG(7, 7))
		refused := 0
		for n := range 150 {
			damaged, header := bytes.Clone(text), bytes.Clone(file)
			if n%2 == 0 {
				damage(rng, damaged)
			} else {
				damage(rng, header[8:8+binary.LittleEndian.Uint64(header)])
			}
			if os.WriteFile(config, damaged, 0o644) != nil || os.WriteFile(weights, header, 0o644) != nil {
				t.Fatal("can't write")
			}
			c, err := Open(dir, OpenOptions{})
			if err == nil {
				_, err = c.Plan(context.Background(), ConvertOptions{})
			}
			if err != nil {
				refused++
				if strings.ContainsAny(err.Error(), "\n\x1b") {
					t.Errorf("not one clean line: %q", err)
				}
			}
		}
		if refused < 50 || refused == 150 {
			t.Errorf("%d of 150 damaged checkpoints refused", refused)
		}
	}
}

// damage replaces one to three characters by others that JSON knows.
func damage(rng *rand.Rand, p []byte) {
	const letters = `0123456789-.eE"[]{},:xnullt `
	for range 1 + rng.IntN(3) {
		p[rng.IntN(len(p))] = letters[rng.IntN(len(letters))]
	}
}
