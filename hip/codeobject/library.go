// Package codeobject lists the GPU code that a HIP library carries: which
// architectures it was compiled for, and which kernels are in it. It reads the
// file alone, so it needs neither ROCm nor a GPU.
package codeobject

import (
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// The parts of the format, from LLVM's documentation of clang-offload-bundler
// and of the AMDGPU ELF header.
const (
	fatbinSection = ".hip_fatbin"
	bundleMagic   = "__CLANG_OFFLOAD_BUNDLE__"
	packedMagic   = "CCOB"
	bundleAlign   = 4096 // the loader maps each bundle by pages
	maxEntries    = 64
	maxTriple     = 256
	elfFlags      = 48 // offset of e_flags in a 64-bit header
)

// ErrCompressed is the error of a library whose bundles are compressed, which
// this package does not undo.
var ErrCompressed = errors.New("the library's code objects are compressed: build it without --offload-compress")

// Object is one GPU code object: the device side of one source file.
type Object struct {
	Target  string   // "gfx908", or with features: "gfx908:sramecc+:xnack-"
	Machine string   // the same by the object's own header: "gfx908", "0x42" where the name is not known
	Offset  int64    // in the file
	Bytes   int64    // size of the object
	Kernels []string // names of the kernels as in the source, sorted, each once
	Count   int      // kernels, every instance of a template counted
}

// Arch is the target without its features.
func (o Object) Arch() string {
	arch, _, _ := strings.Cut(o.Target, ":")
	return arch
}

// Library lists the code objects of the shared library at path, in its order.
// A library without any is no error: the list is empty. Errors: the file can't
// be read, is no ELF file, or holds a damaged or a compressed bundle.
func Library(path string) ([]Object, error) {
	var out []Object
	err := Each(path, func(o Object, _ io.ReaderAt) error {
		out = append(out, o)
		return nil
	})
	return out, err
}

// Each calls f with every code object of the library and a reader of its
// bytes, until f returns an error.
func Each(path string, f func(o Object, content io.ReaderAt) error) error {
	file, err := elf.Open(path)
	if err != nil {
		return fmt.Errorf("%q: %w", path, err)
	}
	defer file.Close()
	section := file.Section(fatbinSection)
	if section == nil {
		return nil
	}
	inFile := func(o Object, content io.ReaderAt) error {
		o.Offset += int64(section.Offset)
		return f(o, content)
	}
	if err := bundles(section, int64(section.Size), inFile); err != nil {
		return fmt.Errorf("%q: %w", path, err)
	}
	return nil
}

// bundles walks the section, which is one bundle after the other, each at the
// start of a page.
func bundles(r io.ReaderAt, size int64, f func(Object, io.ReaderAt) error) error {
	head := make([]byte, len(bundleMagic))
	for at := int64(0); at+int64(len(head)) <= size; {
		if _, err := r.ReadAt(head, at); err != nil {
			return err
		}
		switch {
		case strings.HasPrefix(string(head), packedMagic):
			return ErrCompressed
		case string(head) != bundleMagic:
			at += bundleAlign
			continue
		}
		end, err := bundle(io.NewSectionReader(r, at, size-at), at, f)
		if err != nil {
			return fmt.Errorf("bundle at byte %d of %s: %w", at, fatbinSection, err)
		}
		at += (end + bundleAlign - 1) / bundleAlign * bundleAlign
	}
	return nil
}

// bundle reads one bundle and returns the bytes that it spans.
func bundle(r *io.SectionReader, base int64, f func(Object, io.ReaderAt) error) (end int64, err error) {
	at := int64(len(bundleMagic))
	word := func() (v int64) {
		var b [8]byte
		if err == nil {
			_, err = r.ReadAt(b[:], at)
		}
		at += 8
		return int64(binary.LittleEndian.Uint64(b[:]))
	}
	n := word()
	if err != nil || n < 1 || n > maxEntries {
		return 0, fmt.Errorf("%d entries: %w", n, cmpErr(err, errDamaged))
	}
	for range n {
		offset, size, length := word(), word(), word()
		if err != nil || offset < 0 || size < 0 || length < 0 || length > maxTriple || offset > r.Size() || size > r.Size()-offset {
			return 0, fmt.Errorf("entry of %d bytes at %d: %w", size, offset, cmpErr(err, errDamaged))
		}
		triple := make([]byte, length)
		if _, err = r.ReadAt(triple, at); err != nil {
			return 0, err
		}
		at += length
		end = max(end, at, offset+size)
		target, device := deviceTarget(string(triple))
		if !device || size == 0 {
			continue
		}
		content := io.NewSectionReader(r, offset, size)
		o := Object{Target: target, Offset: base + offset, Bytes: size}
		if err := o.read(content); err != nil {
			return 0, fmt.Errorf("code object for %s: %w", target, err)
		}
		if err := f(o, content); err != nil {
			return 0, err
		}
	}
	return end, nil
}

var errDamaged = errors.New("damaged")

func cmpErr(err, otherwise error) error {
	if err != nil {
		return err
	}
	return otherwise
}

// deviceTarget is the processor of a bundle entry's name,
// "hipv4-amdgcn-amd-amdhsa--gfx908:xnack-". The host's entry is empty and has
// no processor.
func deviceTarget(triple string) (target string, ok bool) {
	if !strings.HasPrefix(triple, "hip") {
		return "", false
	}
	_, target, ok = strings.Cut(triple, "--")
	return target, ok && target != ""
}

// machines are the processors' numbers in an AMDGPU object's flags, of those
// that llama.cpp has kernels tuned for.
var machines = map[uint32]string{
	0x2c: "gfx900", 0x2f: "gfx906", 0x30: "gfx908", 0x3f: "gfx90a", 0x4c: "gfx942",
	0x36: "gfx1030", 0x41: "gfx1100", 0x46: "gfx1101", 0x47: "gfx1102", 0x48: "gfx1200", 0x4e: "gfx1201",
}

// read takes machine and kernels from the object's own ELF header and symbols.
func (o *Object) read(r io.ReaderAt) error {
	file, err := elf.NewFile(r)
	if err != nil {
		return err
	}
	if file.Machine != elf.EM_AMDGPU {
		return fmt.Errorf("machine %v: %w", file.Machine, errDamaged)
	}
	var flags [4]byte
	if _, err := r.ReadAt(flags[:], elfFlags); err != nil {
		return err
	}
	number := binary.LittleEndian.Uint32(flags[:]) & 0xff
	if o.Machine = machines[number]; o.Machine == "" {
		o.Machine = fmt.Sprintf("0x%x", number)
	}
	symbols, err := file.DynamicSymbols()
	if err != nil && !errors.Is(err, elf.ErrNoSymbols) {
		return err
	}
	for _, s := range symbols {
		// Each kernel has a descriptor beside its code.
		if name, ok := strings.CutSuffix(s.Name, ".kd"); ok {
			o.Count++
			o.Kernels = append(o.Kernels, sourceName(name))
		}
	}
	slices.Sort(o.Kernels)
	o.Kernels = slices.Compact(o.Kernels)
	return nil
}

// sourceName is the function's own name in a mangled one: "mul_mat_q" of
// "_ZL9mul_mat_qIL9ggml_type2ELi8E…". Other names come back as they are.
func sourceName(mangled string) string {
	rest, ok := strings.CutPrefix(mangled, "_Z")
	if !ok {
		return mangled
	}
	rest = strings.TrimLeft(rest, "NL")
	name := ""
	for {
		digits := len(rest) - len(strings.TrimLeft(rest, "0123456789"))
		n, err := strconv.Atoi(rest[:digits])
		if err != nil || n == 0 || digits+n > len(rest) {
			break
		}
		// In a nested name the last part is the function's.
		name, rest = rest[digits:digits+n], rest[digits+n:]
	}
	if name == "" {
		return mangled
	}
	return name
}
