package gcn

import (
	"encoding/binary"
	"encoding/hex"
	"os"
	"strings"
	"testing"
)

// testdata/forms.txt has one instruction of each form that occurs in
// llama.cpp's and rocBLAS's code for gfx908, with LLVM's reading of it; it was
// written by `standin check-decoder -sample`.
func TestDecodeAsLLVM(t *testing.T) {
	content, err := os.ReadFile("testdata/forms.txt")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for line := range strings.Lines(string(content)) {
		encoding, want, ok := strings.Cut(strings.TrimSpace(line), " ")
		code, err := hex.DecodeString(encoding)
		if err != nil || !ok {
			t.Fatalf("forms.txt: %q", line)
		}
		in, err := Decode(code)
		switch {
		case err != nil:
			t.Errorf("%s: %v, want %s", encoding, err, want)
		case in.String() != want:
			t.Errorf("%s: %s, want %s", encoding, in.String(), want)
		case in.Size != len(code):
			t.Errorf("%s: %d bytes, want %d", want, in.Size, len(code))
		}
		n++
	}
	if n < 400 {
		t.Errorf("%d forms in the file: some are gone", n)
	}
}

// Literals of 16-bit sources have 16 bits, others 32; one that fits an inline
// constant reads as it.
func TestLiterals(t *testing.T) {
	for want, code := range map[string][]byte{
		"v_add_u16_e32 v10, 0xf800, v10":     word(0x4c1414ff, 0xfffff800),
		"v_add_u32_e32 v10, 0xfffff800, v10": word(0x681414ff, 0xfffff800),
		"s_addc_u32 s1, s1, 0":               word(0x8201ff01, 0),
		"v_mul_f32_e32 v1, 1.0, v2":          word(0x0a0204ff, 0x3f800000),
	} {
		if in, err := Decode(code); err != nil || in.String() != want {
			t.Errorf("%s: %v, want %s", in.String(), err, want)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	for name, code := range map[string][]byte{
		"nothing":         {},
		"three bytes":     {0x7e, 0, 0},
		"no such opcode":  word(0xbf800000 | 0x7f<<16),
		"half":            word(0xd2850000),
		"literal missing": word(0x8000ff00),
		"an image load":   word(0xf0000000, 0),
		"flat segment 3":  word(0xdc00c000, 0),
	} {
		if in, err := Decode(code); err == nil {
			t.Errorf("%s: decoded as %s", name, in.String())
		}
	}
}

func word(words ...uint32) []byte {
	var b []byte
	for _, w := range words {
		b = binary.LittleEndian.AppendUint32(b, w)
	}
	return b
}

// Any bits are an instruction or an error, and every instruction has a text.
func FuzzDecode(f *testing.F) {
	for _, w := range []uint32{0x7e000280, 0xd2850000, 0xbf8c0f70, 0xdc508000, 0xe0501000, 0xd3e44000, 0x260000f9, 0x260000fa} {
		f.Add(word(w, 0x01234567))
	}
	f.Fuzz(func(t *testing.T, code []byte) {
		in, err := Decode(code)
		if err == nil && (in.String() == "" || in.Size > len(code)) {
			t.Errorf("% x: %q of %d bytes", code, in.String(), in.Size)
		}
	})
}

// Every name of the table is of one instruction alone in its format.
func TestTable(t *testing.T) {
	seen := map[string]bool{}
	for _, o := range Ops() {
		key := o.Format.String() + " " + o.Name
		if seen[key] && o.Name != "buffer_wbinvl1" {
			t.Errorf("%s stands twice in the table", key)
		}
		seen[key] = true
	}
	if len(seen) < 1000 {
		t.Errorf("%d instructions in the table", len(seen))
	}
}
