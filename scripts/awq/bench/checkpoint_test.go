package main

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"ceiling/engine/checkpoint"
	"ceiling/engine/gguf"
)

// What is written is a checkpoint that converts exactly, into the types that
// the formats lead to.
func TestWriteCheckpoint(t *testing.T) {
	small := geometry{hidden: 256, heads: 4, kvHeads: 2, headDim: 128, ffn: 512, vocab: 2048}
	for _, c := range []struct {
		format string
		group  int
		want   gguf.Type
	}{{formatPacked, 32, gguf.Q4_0}, {formatAWQ, 128, gguf.Q5_0}} {
		dir := filepath.Join(t.TempDir(), c.format)
		size, err := writeCheckpoint(context.Background(), dir, settings{format: c.format, group: c.group, layers: 2, geometry: small})
		if err != nil {
			t.Fatal(err)
		}
		folder, err := checkpoint.Open(dir, checkpoint.OpenOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if folder.Bytes != size {
			t.Errorf("%s: %d bytes written, %d there", c.format, size, folder.Bytes)
		}
		out := filepath.Join(dir, "out.gguf")
		report, err := checkpoint.Convert(context.Background(), folder, out, checkpoint.ConvertOptions{Verify: true})
		if err != nil {
			t.Fatal(err)
		}
		if err := gguf.Check(out); err != nil {
			t.Error(err)
		}
		for _, count := range report.Types {
			if count.Type == c.want && count.Tensors != 2*7 {
				t.Errorf("%s: %d tensors of %s, want 14", c.format, count.Tensors, c.want)
			}
		}
		f, err := gguf.Open(out)
		if err != nil || f.Tensor("blk.1.ffn_down.weight").Type != c.want {
			t.Errorf("%s: %v, want %s, %v", c.format, f.Tensor("blk.1.ffn_down.weight"), c.want, err)
		}
	}
}

// The real geometry has the published model's size.
func TestGeometry(t *testing.T) {
	s := settings{format: formatPacked, group: 32, layers: 40, geometry: devstral}
	var bytes int64
	for _, x := range tensors(s) {
		bytes += x.bytes()
	}
	// 40 layers of 4-bit codes and 16-bit scales, the shapes of 280 matrices,
	// two tables and 81 norms in bfloat16.
	if want := int64(12504268800 + 280*16 + 2*131072*5120*2 + 81*5120*2); bytes != want {
		t.Errorf("%d bytes, want %d", bytes, want)
	}
	if n := len(cut(tensors(s))); n != 4 {
		t.Errorf("%d files, want 4", n)
	}
}

// Every block of random bytes holds numbers of its kind only.
func TestContents(t *testing.T) {
	r := newRandom()
	for fill, limit := range map[content][2]float64{bf16Unit: {1. / 128, 1. / 32}, bf16One: {0.5, 2}, bf16Step: {1. / 512, 1. / 128}, f16Step: {1. / 512, 1. / 128}} {
		for i := 0; i < 1<<16; i += 2 {
			h := uint16(r.blocks[fill][i]) | uint16(r.blocks[fill][i+1])<<8
			v := float64(gguf.BFloat16ToFloat32(h))
			if fill == f16Step {
				v = float64(gguf.HalfToFloat32(h))
			}
			if fill == bf16Unit && v < 0 {
				v = -v
			}
			if v < limit[0] || v >= limit[1] {
				t.Fatalf("content %d holds %v, want %v to %v", fill, v, limit[0], limit[1])
			}
		}
	}
}

func TestFlags(t *testing.T) {
	for _, args := range [][]string{{"--format", "gptq"}, {"--layers", "0"}, {"--group", "48"}, {"--rounds", "0"}, {"stray"}, {"--no-such"}} {
		if _, err := readFlags(args); err == nil {
			t.Errorf("%q was taken", args)
		}
	}
	s, err := readFlags([]string{"--format", "autoawq", "--dir", os.TempDir()})
	if err != nil || s.group != 128 || s.layers != 40 {
		t.Errorf("%+v, %v", s, err)
	}
}
