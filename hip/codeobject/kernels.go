package codeobject

import (
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/vmihailenco/msgpack/v5"
)

// Kernel is one kernel of a code object: its machine code, and what the compiler
// says that it needs.
type Kernel struct {
	Name string `msgpack:".name"`
	// VGPRs and AGPRs are vector and accumulation registers of a lane, SGPRs
	// scalar registers of a wave. On gfx908 a wave is given as many of the one
	// as of the other.
	VGPRs      int `msgpack:".vgpr_count"`
	AGPRs      int `msgpack:".agpr_count"`
	SGPRs      int `msgpack:".sgpr_count"`
	VGPRSpills int `msgpack:".vgpr_spill_count"`
	SGPRSpills int `msgpack:".sgpr_spill_count"`
	LDS        int `msgpack:".group_segment_fixed_size"`   // bytes of a workgroup
	Scratch    int `msgpack:".private_segment_fixed_size"` // bytes of a lane
	MaxThreads int `msgpack:".max_flat_workgroup_size"`
	Code       []byte
}

const (
	noteSection  = ".note"
	noteName     = "AMDGPU\x00"
	noteMetadata = 32 // NT_AMDGPU_METADATA
)

// Kernels reads the kernels of one code object, in the object's order. Errors:
// it is no AMDGPU object, has no metadata (code objects of version 2 and older),
// or is damaged.
func Kernels(r io.ReaderAt) ([]Kernel, error) {
	file, err := elf.NewFile(r)
	if err != nil {
		return nil, err
	}
	if file.Machine != elf.EM_AMDGPU {
		return nil, fmt.Errorf("machine %v is no AMD GPU", file.Machine)
	}
	section := file.Section(noteSection)
	if section == nil {
		return nil, errors.New("the code object has no notes")
	}
	notes, err := section.Data()
	if err != nil {
		return nil, err
	}
	text, err := metadata(notes)
	if err != nil {
		return nil, err
	}
	var all struct {
		Kernels []Kernel `msgpack:"amdhsa.kernels"`
	}
	if err := msgpack.Unmarshal(text, &all); err != nil {
		return nil, fmt.Errorf("the code object's metadata: %w", err)
	}
	return all.Kernels, fillCode(file, all.Kernels)
}

// metadata finds its note among notes. A note is three words: the lengths of
// name and content, and the type; both are padded to words.
func metadata(notes []byte) ([]byte, error) {
	padded := func(n uint64) uint64 { return (n + 3) &^ 3 }
	for len(notes) >= 12 {
		name, size := uint64(binary.LittleEndian.Uint32(notes)), uint64(binary.LittleEndian.Uint32(notes[4:]))
		kind := binary.LittleEndian.Uint32(notes[8:])
		rest := notes[12:]
		if padded(name)+size > uint64(len(rest)) { // of 32 bits each: no overflow
			return nil, fmt.Errorf("a note of %d bytes, %d are left: the code object is damaged", size, len(rest))
		}
		content := rest[padded(name) : padded(name)+size]
		if kind == noteMetadata && string(rest[:name]) == noteName {
			return content, nil
		}
		notes = rest[min(uint64(len(rest)), padded(name)+padded(size)):]
	}
	return nil, errors.New("the code object has no AMDGPU metadata")
}

// fillCode gives each kernel its bytes out of the text section.
func fillCode(file *elf.File, kernels []Kernel) error {
	symbols, err := file.DynamicSymbols()
	if err != nil {
		return err
	}
	for i := range kernels {
		k := &kernels[i]
		for _, s := range symbols {
			if s.Name == k.Name && elf.ST_TYPE(s.Info) == elf.STT_FUNC {
				if k.Code, err = bytesOf(file, s); err != nil {
					return fmt.Errorf("kernel %s: %w", k.Name, err)
				}
			}
		}
		if k.Code == nil {
			return fmt.Errorf("kernel %s has no code", strings.ToValidUTF8(k.Name, "?"))
		}
	}
	return nil
}

func bytesOf(file *elf.File, s elf.Symbol) ([]byte, error) {
	for _, section := range file.Sections {
		at := s.Value - section.Addr
		if section.Type != elf.SHT_PROGBITS || s.Value < section.Addr || s.Size == 0 || at > section.Size || s.Size > section.Size-at {
			continue
		}
		all, err := section.Data()
		if err != nil {
			return nil, err
		}
		if at > uint64(len(all)) || s.Size > uint64(len(all))-at {
			break
		}
		return all[at : at+s.Size], nil
	}
	return nil, fmt.Errorf("%d bytes at %#x are in no section", s.Size, s.Value)
}

// What a SIMD of gfx908 has, and in which steps a wave is given of it. From AMD's
// "CDNA1 ISA" and LLVM's AMDGPUBaseInfo.
const (
	mostWaves             = 10
	vectorRegisters       = 256 // of a lane; as many accumulation registers
	vectorStep            = 4
	scalarRegisters       = 800
	scalarStep            = 16
	ldsBytes, ldsStep     = 64 << 10, 512 // of a compute unit
	simdsOfUnit, waveSize = 4, 64
)

// up is the multiple of a step that n fits into, at least one.
func up(n, step int) int { return max((n+step-1)/step*step, step) }

// RegisterWaves is how many waves of the kernel the registers of a SIMD of gfx908
// are enough for.
func (k Kernel) RegisterWaves() int {
	return min(mostWaves, vectorRegisters/up(max(k.VGPRs, k.AGPRs), vectorStep), scalarRegisters/up(k.SGPRs, scalarStep))
}

// Waves is how many waves a SIMD of gfx908 holds at once where the kernel runs in
// workgroups of a number of threads: whole workgroups of a compute unit, for which
// there are registers and LDS.
func (k Kernel) Waves(threads int) int {
	each := up(threads, waveSize) / waveSize
	groups := k.RegisterWaves() * simdsOfUnit / each
	if k.LDS > 0 {
		groups = min(groups, ldsBytes/up(k.LDS, ldsStep))
	}
	return groups * each / simdsOfUnit
}
