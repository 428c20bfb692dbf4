package checkpoint

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ceiling/engine/checkpoint/safetensors"
	"ceiling/engine/gguf"
)

// part is a tensor to put into a file.
type part struct {
	name, dtype string
	shape       []int
	data        any // integers, stored in their own size
}

// open writes a safetensors file of parts, given in order, and opens it.
func open(t *testing.T, parts ...part) (*safetensors.Set, *safetensors.Files) {
	t.Helper()
	dir := t.TempDir()
	writeParts(t, filepath.Join(dir, "model.safetensors"), parts)
	set, err := safetensors.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	files, err := set.Files()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(files.Close)
	return set, files
}

func writeParts(t *testing.T, path string, parts []part) {
	t.Helper()
	header := map[string]any{}
	var data bytes.Buffer
	for _, p := range parts {
		begin := data.Len()
		if err := binary.Write(&data, binary.LittleEndian, p.data); err != nil {
			t.Fatal(err)
		}
		header[p.name] = map[string]any{"dtype": p.dtype, "shape": p.shape, "data_offsets": []int{begin, data.Len()}}
	}
	text, err := json.Marshal(header)
	if err != nil {
		t.Fatal(err)
	}
	file := append(binary.LittleEndian.AppendUint64(nil, uint64(len(text))), text...)
	if err := os.WriteFile(path, append(file, data.Bytes()...), 0o644); err != nil {
		t.Fatal(err)
	}
}

// packedTensor describes a matrix of out rows and in columns from the parts
// named codes, scales and, where there are any, zeros.
func packedTensor(t *testing.T, set *safetensors.Set, out, in int64, measure func(*tensor) error) *tensor {
	t.Helper()
	x := &tensor{
		role: role{gguf: "x", out: out, in: in}, SourceTensor: SourceTensor{Kind: KindPacked, Dims: []int64{in, out}},
		codes: set.Tensor("codes"), scales: set.Tensor("scales"), zeros: set.Tensor("zeros"),
	}
	if err := measure(x); err != nil {
		t.Fatal(err)
	}
	return x
}

// blocks is rawBlocks in hex.
func blocks(t *testing.T, files *safetensors.Files, x *tensor, kind gguf.Type) []string {
	t.Helper()
	var rows []string
	for _, row := range rawBlocks(t, files, x, kind) {
		rows = append(rows, hex.EncodeToString(row))
	}
	return rows
}

// rawBlocks repacks a matrix to a type and returns the bytes of each row.
func rawBlocks(t *testing.T, files *safetensors.Files, x *tensor, kind gguf.Type) [][]byte {
	t.Helper()
	bytes, err := kind.RowBytes(x.role.in)
	if err != nil {
		t.Fatal(err)
	}
	rows := make([][]byte, x.role.out)
	var b rowTile
	var buf []byte
	all := span{0, x.role.out}
	if err := b.load(files, x, all, true); err != nil {
		t.Fatal(err)
	}
	b.rows(x, all, &buf, func(n int64, codes []byte, half []uint16, zeros []uint8) {
		dst := make([]byte, bytes)
		if !encoders[kind](dst, codes, half, zeros, int(x.group/blockSize)) {
			t.Errorf("row %d does not fit %s", n, kind)
		}
		rows[n] = dst
	})
	return rows
}

func wantHex(t *testing.T, what, got, want string) {
	t.Helper()
	if want = strings.NewReplacer(" ", "", "|", "").Replace(want); got != want {
		t.Errorf("%s:\n got %s\nwant %s", what, got, want)
	}
}

func measureGPTQv1(x *tensor) error { return x.measureGPTQ(true, false) }

// TestVectorA: compressed-tensors, symmetric, groups of 32, then the same codes
// four times in a group of 128.
func TestVectorA(t *testing.T) {
	words := []uint32{0x76543210, 0xfedcba98, 0x89abcdef, 0x01234567}
	const want = "00 22 | f0 e1 d2 c3 b4 a5 96 87 78 69 5a 4b 3c 2d 1e 0f"
	set, files := open(t, part{"codes", "I32", []int{1, 4}, words}, part{"scales", "BF16", []int{1, 1}, []uint16{0x3c40}})
	wantHex(t, "group of 32", blocks(t, files, packedTensor(t, set, 1, 32, (*tensor).measureCT), gguf.Q4_0)[0], want)

	var four []uint32
	for range 4 {
		four = append(four, words...)
	}
	set, files = open(t, part{"codes", "I32", []int{1, 16}, four}, part{"scales", "BF16", []int{1, 1}, []uint16{0x3c40}})
	wantHex(t, "group of 128", blocks(t, files, packedTensor(t, set, 1, 128, (*tensor).measureCT), gguf.Q4_0)[0], strings.Repeat(want, 4))
}

// TestVectorB: compressed-tensors, asymmetric. Zero points of 8 rows share a
// word; those of the rows beside the one looked at differ.
func TestVectorB(t *testing.T) {
	row := []uint32{0x4d6f81a3, 0xc5e7092b, 0x4d6f81a3, 0xc5e7092b}
	var codes []uint32
	for range 8 {
		codes = append(codes, row...)
	}
	scales := []uint16{0x3bc2, 0x3bc2, 0x3bc2, 0x3bff, 0x3bc2, 0x3bc2, 0x3bc2, 0x3bc2}
	set, files := open(t,
		part{"codes", "I32", []int{8, 4}, codes},
		part{"scales", "BF16", []int{8, 1}, scales},
		part{"zeros", "I32", []int{1, 1}, []uint32{0xc397f058}})
	x := packedTensor(t, set, 8, 32, (*tensor).measureCT)
	var b rowTile
	err := b.readZeros(files, x, span{0, 8})
	if want := []uint8{8, 5, 0, 15, 7, 9, 3, 12}; err != nil || !bytes.Equal(b.zeros, want) {
		t.Errorf("zero points %v, want %v: %v", b.zeros, want, err)
	}
	rows := blocks(t, files, x, gguf.Q5_0)
	wantHex(t, "Q5_0, z 5", rows[1], "10 1e | 7a f5 7a f5 | ee 55 cc 33 aa 11 88 ff 66 dd 44 bb 22 99 00 77")
	wantHex(t, "Q5_0, z 15", rows[3], "f8 1f | 10 00 10 00 | 44 bb 22 99 00 77 ee 55 cc 33 aa 11 88 ff 66 dd")

	dst := make([]byte, 20)
	raw := le.AppendUint32(le.AppendUint32(le.AppendUint32(le.AppendUint32(nil, row[0]), row[1]), row[2]), row[3])
	if !encodeQ4_1(dst, raw, []uint16{0x1e10}, []uint8{5}, 1) {
		t.Error("Q4_1 with z 5 must be exact")
	}
	wantHex(t, "Q4_1, z 5", hex.EncodeToString(dst), "10 1e | 94 a7 | 33 aa 11 88 ff 66 dd 44 bb 22 99 00 77 ee 55 cc")
	if encodeQ4_1(dst, raw, []uint16{0x1ff8}, []uint8{15}, 1) {
		t.Error("Q4_1 with z 15 and scale 255·2^-15 can't be exact")
	}
	if m, _ := minimum(0x1ff8, 15); gguf.HalfToFloat32(m) != -0.11669921875 {
		t.Errorf("nearest minimum %v", gguf.HalfToFloat32(m))
	}
}

// TestVectorC: AutoAWQ's order of outputs, for codes and zero points.
func TestVectorC(t *testing.T) {
	codes := make([]uint32, 32)
	for i := range codes {
		codes[i] = 0x86427531
	}
	scales := make([]uint16, 8)
	for i := range scales {
		scales[i] = 0x2123
	}
	set, files := open(t,
		part{"codes", "I32", []int{32, 1}, codes},
		part{"scales", "F16", []int{1, 8}, scales},
		part{"zeros", "I32", []int{1, 1}, []uint32{0x86427531}})
	x := packedTensor(t, set, 8, 32, (*tensor).measureGEMM)
	var b rowTile
	err := b.readZeros(files, x, span{0, 8})
	if want := []uint8{1, 2, 3, 4, 5, 6, 7, 8}; err != nil || !bytes.Equal(b.zeros, want) {
		t.Errorf("zero points %v, want %v: %v", b.zeros, want, err)
	}
	b.at = span{0, 8}
	if err := b.readCodes(files, x, b.at); err != nil {
		t.Fatal(err)
	}
	var buf []byte
	for o, want := range []byte{0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88} {
		row := b.codeRows(x, 0, 8, &buf)[16*o : 16*o+16]
		if !bytes.Equal(row, bytes.Repeat([]byte{want}, 16)) {
			t.Errorf("output %d has codes % x, want all %x", o, row, want&15)
		}
	}
	for z := range uint8(16) {
		_, exact := minimum(0x2123, z)
		if want := z == 0 || z == 1 || z == 2 || z == 4 || z == 8; exact != want {
			t.Errorf("minimum for z %d exact: %v, want %v", z, exact, want)
		}
	}
}

// TestVectorD: GPTQ version 1, symmetric.
func TestVectorD(t *testing.T) {
	column := []uint32{0x50b61c72, 0xd83e94fa, 0x50b61c72, 0xd83e94fa}
	codes := make([]uint32, 32) // [4][8]
	for w, v := range column {
		codes[8*w+3] = v
	}
	scales := []uint16{1, 1, 1, 0x2266, 1, 1, 1, 1}
	set, files := open(t,
		part{"codes", "I32", []int{4, 8}, codes},
		part{"scales", "F16", []int{1, 8}, scales},
		part{"zeros", "I32", []int{1, 1}, []uint32{0x77777777}})
	x := packedTensor(t, set, 8, 32, measureGPTQv1)
	wantHex(t, "Q4_0", blocks(t, files, x, gguf.Q4_0)[3], "66 22 | 22 77 cc 11 66 bb 00 55 aa ff 44 99 ee 33 88 dd")
}

// TestCarry: a stored zero point of 15 is refused without the option, and
// carries into its neighbour with it.
func TestCarry(t *testing.T) {
	set, files := open(t,
		part{"codes", "I32", []int{4, 8}, make([]uint32, 32)},
		part{"scales", "F16", []int{1, 8}, make([]uint16, 8)},
		part{"zeros", "I32", []int{1, 1}, []uint32{0x7777f777}})
	for _, c := range []struct {
		v1, carry bool
		want      []uint8
	}{
		{true, false, nil},
		{true, true, []uint8{8, 8, 8, 0, 9, 8, 8, 8}},
		{false, false, []uint8{7, 7, 7, 15, 7, 7, 7, 7}},
	} {
		x := packedTensor(t, set, 8, 32, func(x *tensor) error { return x.measureGPTQ(c.v1, c.carry) })
		var b rowTile
		err := b.readZeros(files, x, span{0, 8})
		if c.want == nil {
			if !isZeroError(err) {
				t.Errorf("v1 %v carry %v: %v, %v", c.v1, c.carry, b.zeros, err)
			}
			continue
		}
		if err != nil || !bytes.Equal(b.zeros, c.want) {
			t.Errorf("v1 %v carry %v: %v, want %v: %v", c.v1, c.carry, b.zeros, c.want, err)
		}
		rows, err := x.decodeRows(files, 0, 8)
		if err != nil {
			t.Fatal(err)
		}
		for o, want := range c.want {
			if z := rows[o].zeros[0]; z != want {
				t.Errorf("v1 %v carry %v: the verifier reads %d, want %d", c.v1, c.carry, z, want)
			}
		}
	}
}

// TestPermutation: the rows of a head of 128, and that heads stay apart.
func TestPermutation(t *testing.T) {
	r := role{out: 256, in: 32, heads: 2}
	x := &tensor{role: r}
	want := []int64{0, 64, 1, 65, 2, 66, 3, 67}
	for n, w := range want {
		if got := r.sourceRow(int64(n)); got != w {
			t.Errorf("new row %d is old row %d, want %d", n, got, w)
		}
		if got := r.sourceRow(int64(n) + 128); got != w+128 {
			t.Errorf("new row %d is old row %d, want %d", n+128, got, w+128)
		}
	}
	if r.sourceRow(127) != 127 || r.sourceRow(126) != 63 {
		t.Errorf("new rows 126, 127 are old rows %d, %d, want 63, 127", r.sourceRow(126), r.sourceRow(127))
	}
	for old := range int64(256) {
		if back := r.sourceRow(x.fileRow(old)); back != old {
			t.Errorf("row %d comes back as %d", old, back)
		}
	}
}
