package codeobject

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// makeELF builds a 64-bit little-endian file with one section of each given
// name, a string table for names, and the flags.
func makeELF(machine elf.Machine, flags uint32, sections ...elfSection) []byte {
	names := []byte{0}
	sections = append(sections, elfSection{name: ".shstrtab", kind: elf.SHT_STRTAB})
	offsets := make([]uint32, len(sections))
	for i, s := range sections {
		offsets[i] = uint32(len(names))
		names = append(append(names, s.name...), 0)
	}
	sections[len(sections)-1].data = names
	var body bytes.Buffer
	headers := []elf.Section64{{}}
	for i, s := range sections {
		at := uint64(64 + body.Len())
		body.Write(s.data)
		headers = append(headers, elf.Section64{Name: offsets[i], Type: uint32(s.kind), Off: at,
			Size: uint64(len(s.data)), Link: s.link, Entsize: s.entry, Addralign: 1})
	}
	head := elf.Header64{Type: uint16(elf.ET_DYN), Machine: uint16(machine), Version: 1, Flags: flags,
		Shoff: uint64(64 + body.Len()), Ehsize: 64, Shentsize: 64, Shnum: uint16(len(headers)), Shstrndx: uint16(len(sections))}
	copy(head.Ident[:], "\x7fELF\x02\x01\x01")
	var out bytes.Buffer
	binary.Write(&out, binary.LittleEndian, head)
	out.Write(body.Bytes())
	binary.Write(&out, binary.LittleEndian, headers)
	return out.Bytes()
}

type elfSection struct {
	name  string
	kind  elf.SectionType
	link  uint32
	entry uint64
	data  []byte
}

// object is a device ELF with a symbol for each name.
func plainObject(flags uint32, symbols ...string) []byte {
	strings, table := []byte{0}, new(bytes.Buffer)
	binary.Write(table, binary.LittleEndian, elf.Sym64{})
	for _, s := range symbols {
		binary.Write(table, binary.LittleEndian, elf.Sym64{Name: uint32(len(strings)), Info: 0x11, Shndx: 1})
		strings = append(append(strings, s...), 0)
	}
	return makeELF(elf.EM_AMDGPU, flags,
		elfSection{".dynsym", elf.SHT_DYNSYM, 2, elf.Sym64Size, table.Bytes()},
		elfSection{".dynstr", elf.SHT_STRTAB, 0, 0, strings})
}

type entry struct {
	triple string
	data   []byte
}

// makeBundle lays entries out as clang does, and pads to whole pages.
func makeBundle(entries ...entry) []byte {
	head := len(bundleMagic) + 8
	for _, e := range entries {
		head += 24 + len(e.triple)
	}
	var out, data bytes.Buffer
	out.WriteString(bundleMagic)
	binary.Write(&out, binary.LittleEndian, uint64(len(entries)))
	for _, e := range entries {
		binary.Write(&out, binary.LittleEndian, []uint64{uint64(head + data.Len()), uint64(len(e.data)), uint64(len(e.triple))})
		out.WriteString(e.triple)
		data.Write(e.data)
	}
	out.Write(data.Bytes())
	for out.Len()%bundleAlign != 0 {
		out.WriteByte(0)
	}
	return out.Bytes()
}

const host = "host-x86_64-unknown-linux-gnu-"

func library(t *testing.T, fatbin []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "lib.so")
	sections := []elfSection{{".text", elf.SHT_PROGBITS, 0, 0, []byte("host code")}}
	if fatbin != nil {
		sections = append(sections, elfSection{fatbinSection, elf.SHT_PROGBITS, 0, 0, fatbin})
	}
	if err := os.WriteFile(path, makeELF(elf.EM_X86_64, 0, sections...), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestLibrary(t *testing.T) {
	mmq := plainObject(0x530, "_ZL9mul_mat_qIL9ggml_type2ELi8ELb0EEvPKc.kd", "_ZL9mul_mat_qIL9ggml_type2ELi16ELb0EEvPKc.kd",
		"_ZL9mul_mat_qIL9ggml_type2ELi8ELb0EEvPKc", "_ZN4ggml4cuda7softmaxEPf.kd")
	path := library(t, append(
		makeBundle(entry{host, nil}, entry{"hipv4-amdgcn-amd-amdhsa--gfx908", mmq}),
		makeBundle(entry{host, nil}, entry{"hipv4-amdgcn-amd-amdhsa--gfx90a:xnack-", plainObject(0x3f, "plain.kd")},
			entry{"hip-amdgcn-amd-amdhsa--gfx9", plainObject(0xee)})...))
	got, err := Library(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := range got {
		if got[i].Bytes == 0 || got[i].Offset == 0 {
			t.Errorf("object %d: %d bytes at %d", i, got[i].Bytes, got[i].Offset)
		}
		got[i].Bytes, got[i].Offset = 0, 0
	}
	want := []Object{
		{Target: "gfx908", Machine: "gfx908", Kernels: []string{"mul_mat_q", "softmax"}, Count: 3},
		{Target: "gfx90a:xnack-", Machine: "gfx90a", Kernels: []string{"plain"}, Count: 1},
		{Target: "gfx9", Machine: "0xee"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got[1].Arch() != "gfx90a" {
		t.Errorf("architecture %q", got[1].Arch())
	}
}

func TestLibraryWithout(t *testing.T) {
	if got, err := Library(library(t, nil)); err != nil || len(got) != 0 {
		t.Errorf("a library without GPU code gave %v, %v", got, err)
	}
}

func TestLibraryRefuses(t *testing.T) {
	good := makeBundle(entry{host, nil}, entry{"hipv4-amdgcn-amd-amdhsa--gfx908", plainObject(0x30)})
	beyond := bytes.Clone(good)
	binary.LittleEndian.PutUint64(beyond[len(bundleMagic)+16:], 1<<40)
	many := bytes.Clone(good)
	binary.LittleEndian.PutUint64(many[len(bundleMagic):], 1<<40)
	for _, c := range []struct {
		name   string
		fatbin []byte
		want   string
	}{
		{"compressed", append([]byte(packedMagic), make([]byte, 100)...), "compressed"},
		{"an entry beyond the end", beyond, "damaged"},
		{"too many entries", many, "damaged"},
		{"an object that is none", makeBundle(entry{"hipv4-amdgcn-amd-amdhsa--gfx908", []byte("not an ELF file, but long enough")}), "gfx908"},
		{"an object for the host", makeBundle(entry{"hipv4-amdgcn-amd-amdhsa--gfx908", makeELF(elf.EM_X86_64, 0)}), "EM_X86_64"},
		{"cut short", good[:len(bundleMagic)+4], "EOF"},
	} {
		if _, err := Library(library(t, c.fatbin)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
	text := filepath.Join(t.TempDir(), "text")
	os.WriteFile(text, []byte("text"), 0o644)
	if _, err := Library(text); err == nil || !strings.Contains(err.Error(), text) {
		t.Errorf("no ELF file: %v", err)
	}
	if _, err := Library(filepath.Join(t.TempDir(), "absent")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
}

// FuzzBundles: damaged sections give errors, never a panic or a long loop.
func FuzzBundles(f *testing.F) {
	f.Add(makeBundle(entry{host, nil}, entry{"hipv4-amdgcn-amd-amdhsa--gfx908", plainObject(0x30, "k.kd")}))
	f.Add([]byte(packedMagic + "xxxxxxxxxxxxxxxxxxxxxxxxxxxxx"))
	f.Fuzz(func(t *testing.T, data []byte) {
		var objects int
		err := bundles(bytes.NewReader(data), int64(len(data)), func(o Object, _ io.ReaderAt) error {
			objects++
			if o.Bytes > int64(len(data)) {
				t.Errorf("object of %d bytes in %d", o.Bytes, len(data))
			}
			return nil
		})
		if err == nil && objects > len(data)/64 {
			t.Errorf("%d objects in %d bytes", objects, len(data))
		}
	})
}

func TestSourceName(t *testing.T) {
	for in, want := range map[string]string{
		"_ZL9mul_mat_qIL9ggml_type2E":       "mul_mat_q",
		"_Z18flash_attn_ext_f16ILi128EEvPf": "flash_attn_ext_f16",
		"_ZN2at4cuda3addEv":                 "add",
		"plain":                             "plain",
		"_Z":                                "_Z",
		"_ZL99short":                        "_ZL99short",
	} {
		if got := sourceName(in); got != want {
			t.Errorf("%s: %q, want %q", in, got, want)
		}
	}
}
