package checkpoint

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ceiling/engine/checkpoint/awqtest"
	"ceiling/engine/checkpoint/safetensors"
	"ceiling/engine/gguf"
)

// TestVerifyFinds damages a converted file in one place at a time.
func TestVerifyFinds(t *testing.T) {
	ck := write(t, awqtest.VariantOptions{Zeros: true, Plain: []string{"layers.1.self_attn.k_proj"}, EightBit: []string{"layers.0.mlp.up_proj"}})
	out, _ := convert(t, ck.Dir, OpenOptions{}, ConvertOptions{})
	good, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	f, err := gguf.Open(out)
	if err != nil {
		t.Fatal(err)
	}
	c, err := Open(ck.Dir, OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	all := ConvertOptions{VerifyRows: 1 << 20}
	if r, err := verify(context.Background(), c, out, all); err != nil || r.Tensors != len(f.Tensors) || r.Values != f.Parameters() || r.Rounded != 0 {
		t.Fatalf("undamaged: %+v, %v", r, err)
	}
	flip := func(at int64) func(b []byte, x *gguf.Tensor) {
		return func(b []byte, x *gguf.Tensor) { b[x.Start+at] ^= 0x10 }
	}
	swapRows := func(b []byte, x *gguf.Tensor) {
		row := x.Bytes / x.Dims[1]
		one, two := b[x.Start+row:x.Start+2*row], b[x.Start+2*row:x.Start+3*row]
		for i := range one {
			one[i], two[i] = two[i], one[i]
		}
	}
	for _, d := range []struct {
		name, tensor string
		damage       func(b []byte, x *gguf.Tensor)
	}{
		{"scale", "blk.0.attn_q.weight", flip(0)},
		{"fifth bit", "blk.0.attn_q.weight", flip(22*100 + 3)},
		{"nibble", "blk.2.ffn_down.weight", flip(22*77 + 9)},
		{"last byte", "blk.2.ffn_down.weight", func(b []byte, x *gguf.Tensor) { b[x.Start+x.Bytes-1] ^= 1 }},
		{"8-bit code", "blk.0.ffn_up.weight", flip(34*5 + 20)},
		{"norm", "blk.1.attn_norm.weight", flip(41)},
		{"embedding", "token_embd.weight", flip(1001)},
		{"output", "output.weight", flip(5000)},
		{"permutation of packed rows", "blk.1.attn_q.weight", swapRows},
		{"permutation of plain rows", "blk.1.attn_k.weight", swapRows},
	} {
		bad := append([]byte(nil), good...)
		d.damage(bad, f.Tensor(d.tensor))
		path := filepath.Join(t.TempDir(), "bad.gguf")
		if err := os.WriteFile(path, bad, 0o644); err != nil {
			t.Fatal(err)
		}
		var wrong *VerifyError
		if _, err := verify(context.Background(), c, path, all); !errors.As(err, &wrong) || wrong.Tensor != d.tensor || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", d.name, err)
		}
	}
}

// TestVerifyOtherModel compares with a checkpoint of the same shape.
func TestVerifyOtherModel(t *testing.T) {
	one, two := write(t, awqtest.VariantOptions{}), write(t, awqtest.VariantOptions{Seed: 1})
	out, _ := convert(t, one.Dir, OpenOptions{}, ConvertOptions{})
	c, err := Open(two.Dir, OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var wrong *VerifyError
	for seed := range uint64(4) {
		if _, err := verify(context.Background(), c, out, ConvertOptions{VerifyRows: 1, Seed: seed}); !errors.As(err, &wrong) {
			t.Errorf("seed %d: %v", seed, err)
		}
	}
	tied := write(t, awqtest.VariantOptions{Tied: true})
	if c, err = Open(tied.Dir, OpenOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := verify(context.Background(), c, out, ConvertOptions{}); !errors.As(err, &wrong) || !strings.Contains(err.Error(), "it has 30 tensors, the checkpoint 29") {
		t.Errorf("tensor counts: %v", err)
	}
}

func TestOutputIsGuarded(t *testing.T) {
	ck := write(t, awqtest.VariantOptions{})
	c, err := Open(ck.Dir, OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	out := filepath.Join(dir, "m.gguf")
	do := func(path string, o ConvertOptions) error {
		_, err := Convert(context.Background(), c, path, o)
		return err
	}
	if err := do(out, ConvertOptions{Free: func(string) (int64, error) { return 1000, nil }}); !errors.As(err, new(*gguf.SpaceError)) {
		t.Errorf("no space: %v", err)
	}
	wantEmpty(t, dir)
	ctx, cancel := context.WithCancel(context.Background())
	if _, err := Convert(ctx, c, out, ConvertOptions{Progress: func(stage string, done, _ int64) {
		if stage == "convert" {
			cancel()
		}
	}}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	wantEmpty(t, dir)
	if err := do(out, ConvertOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := do(out, ConvertOptions{}); !errors.Is(err, fs.ErrExist) {
		t.Errorf("exists: %v", err)
	}
	if err := do(out, ConvertOptions{Force: true, Verify: true}); err != nil {
		t.Errorf("forced: %v", err)
	}
	link := filepath.Join(dir, "link.gguf")
	if err := os.Link(filepath.Join(ck.Dir, "model.safetensors"), link); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		filepath.Join(ck.Dir, "model.safetensors"): "part of the checkpoint",
		filepath.Join(ck.Dir, "config.json"):       "part of the checkpoint",
		link:                                       "part of the checkpoint",
		dir:                                        "is not a regular file",
	} {
		before, _ := os.ReadFile(path)
		if err := do(path, ConvertOptions{Force: true}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", path, err, want)
		}
		if after, _ := os.ReadFile(path); string(before) != string(after) {
			t.Errorf("%q was changed", path)
		}
	}
}

// TestCheckpointChanges: the file is not kept where an input changed while it
// was read.
func TestCheckpointChanges(t *testing.T) {
	ck := write(t, awqtest.VariantOptions{})
	c, err := Open(ck.Dir, OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "m.gguf")
	touched := false
	_, err = Convert(context.Background(), c, out, ConvertOptions{Progress: func(stage string, _, _ int64) {
		if stage == "convert" && !touched {
			touched = true
			if err := os.Chtimes(filepath.Join(ck.Dir, "model.safetensors"), time.Time{}, time.Now().Add(time.Hour)); err != nil {
				t.Error(err)
			}
		}
	}})
	if err == nil || !strings.Contains(err.Error(), "has changed while it was read") {
		t.Errorf("changed: %v", err)
	}
	wantEmpty(t, filepath.Dir(out))
	if _, err := Convert(context.Background(), c, out, ConvertOptions{}); err == nil || !strings.Contains(err.Error(), "has changed") {
		t.Errorf("changed since it was opened: %v", err)
	}
}

// TestMemory: the buffers for the real 24B geometry stay within their budget on
// a machine of many processors, however the matrices are stored.
func TestMemory(t *testing.T) {
	g := gguf.Geometry{Layers: 1, Hidden: 5120, Heads: 32, KVHeads: 8, HeadDim: 128, FFN: 32768, Vocab: 131072}
	for _, layout := range []codeLayout{rowWords, colWords, colNibbles} {
		for _, group := range []int64{32, 128} {
			p := &ConversionPlan{}
			for _, l := range []string{"attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down"} {
				r := layerRole(l, g)
				codes, scales := r.out*r.in/2, r.out*r.in/group*2
				x := &tensor{
					SourceTensor: SourceTensor{Kind: KindPacked, Bits: 4, Bytes: codes + scales + scales/4, Dims: []int64{r.in, r.out}},
					role:         r, layout: layout, group: group, groups: r.in / group,
					codes: &safetensors.StoredTensor{Bytes: codes}, scales: &safetensors.StoredTensor{DType: safetensors.F16},
				}
				p.Targets = append(p.Targets, Target{SourceTensor: x.SourceTensor, t: x, Type: gguf.Q5_0, Bytes: r.out * r.in / 32 * 22})
			}
			var tileBytes, rowTileBytes int64
			for i := range p.Targets {
				tile, rowTile := p.Targets[i].memory()
				tileBytes, rowTileBytes = max(tileBytes, tile), max(rowTileBytes, rowTile)
			}
			n := int64(p.slots(128))
			if total := n*tileBytes + sharedTiles*rowTileBytes; n < 3 || total > memoryBudget {
				t.Errorf("layout %d, groups of %d: %d tiles of %d bytes and %d rowTiles of %d are %d bytes", layout, group, n, tileBytes, sharedTiles, rowTileBytes, total)
			}
		}
	}
}

// TestReadPieces compares both ways of reading with cutting a copy.
func TestReadPieces(t *testing.T) {
	const rows = 300
	for _, stride := range []int64{8, 4096, closePieces, closePieces + 4, 20000} {
		data := make([]byte, rows*stride)
		for i := range data {
			data[i] = byte(i*i>>8 ^ i)
		}
		set, files := open(t, part{"x", "U8", []int{int(rows), int(stride)}, data})
		for _, n := range []int64{1, 4, stride / 2, stride} {
			for _, off := range []int64{0, stride - n, stride} {
				lines := int64(rows)
				if off == stride {
					lines--
				}
				got := make([]byte, lines*n)
				if err := readPieces(files, set.Tensor("x"), got, lines, stride, off, n); err != nil {
					t.Fatalf("stride %d, %d bytes at %d: %v", stride, n, off, err)
				}
				for i := range lines {
					if string(got[i*n:(i+1)*n]) != string(data[off+i*stride:off+i*stride+n]) {
						t.Fatalf("stride %d, %d bytes at %d: line %d differs", stride, n, off, i)
					}
				}
			}
		}
	}
}

// TestConvertFails: an error while reading ends the conversion and leaves
// nothing.
func TestConvertFails(t *testing.T) {
	for _, o := range []awqtest.VariantOptions{{}, {Format: awqtest.AWQGemm, Zeros: true}} {
		ck := write(t, o)
		c, err := Open(ck.Dir, OpenOptions{})
		if err != nil {
			t.Fatal(err)
		}
		out := filepath.Join(t.TempDir(), "m.gguf")
		path := filepath.Join(ck.Dir, "model.safetensors")
		_, err = Convert(context.Background(), c, out, ConvertOptions{Progress: func(stage string, done, total int64) {
			if stage == "scan" && done == total {
				if err := os.Truncate(path, 200000); err != nil {
					t.Error(err)
				}
			}
		}})
		if !errors.Is(err, io.ErrUnexpectedEOF) || strings.Contains(err.Error(), "\n") {
			t.Errorf("truncated: %v", err)
		}
		wantEmpty(t, filepath.Dir(out))
	}
}

// verify compares a file with the checkpoint, apart from a conversion.
func verify(ctx context.Context, c *Checkpoint, path string, o ConvertOptions) (*VerifyReport, error) {
	files, err := c.set.Files()
	if err != nil {
		return nil, err
	}
	defer files.Close()
	return c.verify(ctx, files, path, o)
}
