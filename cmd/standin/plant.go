package main

import (
	"debug/elf"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"ceiling/hip/codeobject"
	"ceiling/hip/standin/gcn"
)

// plantFault copies a HIP library with one instruction of each kernel whose name
// holds a text made wrong, so that one sees which test notices.
func plantFault(args []string, out io.Writer) error {
	flags := flag.NewFlagSet("plant", flag.ContinueOnError)
	kind := flags.String("fault", "", "`KIND`: lane (DPP takes another lane), swap (operands of a matrix instruction), wait (an s_waitcnt less), stride (a constant one larger)")
	kernel := flags.String("kernel", "", "`TEXT` in the mangled name of the kernels")
	value := flags.Int("value", 0, "of stride: the constant `N`")
	if err := flags.Parse(args); err != nil {
		return err
	}
	spoil := map[string]func(in *gcn.Inst, code []byte) bool{
		"lane": otherLane, "swap": swapOperands, "wait": dropWait,
		"stride": func(in *gcn.Inst, code []byte) bool { return oneMore(in, code, *value) },
	}[*kind]
	if spoil == nil || *kernel == "" || flags.NArg() != 2 {
		return errors.New("usage: plant -fault lane|swap|wait|stride -kernel TEXT [-value N] LIBRARY COPY")
	}
	content, err := os.ReadFile(flags.Arg(0))
	if err != nil {
		return err
	}
	sites, err := plantAll(flags.Arg(0), content, *kernel, spoil)
	if err != nil {
		return err
	}
	if len(sites) == 0 {
		return fmt.Errorf("no kernel of %s with %q in its name has an instruction for %s", flags.Arg(0), *kernel, *kind)
	}
	fmt.Fprintf(out, "%s planted in %d kernels, for example %s\n", *kind, len(sites), sites[0])
	return os.WriteFile(flags.Arg(1), content, 0o755)
}

// plantAll spoils the first instruction of each kernel that can be, in content,
// and describes each.
func plantAll(path string, content []byte, kernel string, spoil func(in *gcn.Inst, code []byte) bool) (sites []string, err error) {
	err = codeobject.Each(path, func(o codeobject.Object, r io.ReaderAt) error {
		if o.Arch() != "gfx908" {
			return nil
		}
		object := content[o.Offset:][:o.Bytes]
		f, err := elf.NewFile(r)
		if err != nil {
			return err
		}
		symbols, err := f.DynamicSymbols()
		if err != nil && !errors.Is(err, elf.ErrNoSymbols) {
			return err
		}
		for _, s := range symbols {
			if elf.ST_TYPE(s.Info) != elf.STT_FUNC || !strings.Contains(s.Name, kernel) {
				continue
			}
			section := f.Sections[s.Section]
			at := s.Value - section.Addr + section.Offset
			if site := spoilFirst(object[at:][:s.Size], spoil); site != "" {
				sites = append(sites, fmt.Sprintf("%s+%s", s.Name, site))
			}
		}
		return nil
	})
	return sites, err
}

// spoilFirst spoils the first instruction that it can; "": none.
func spoilFirst(code []byte, spoil func(in *gcn.Inst, code []byte) bool) string {
	for at := 0; at < len(code); {
		in, err := gcn.Decode(code[at:])
		if err != nil {
			return ""
		}
		before := in.String()
		if word := code[at : at+in.Size]; spoil(&in, word) {
			after, err := gcn.Decode(word)
			if err != nil {
				panic(fmt.Sprintf("%s was made %x, which is nothing: %v", before, word, err))
			}
			return fmt.Sprintf("%#x: %s became %s", at, before, after.String())
		}
		at += in.Size
	}
	return ""
}

func word(code []byte, i int) uint32       { return binary.LittleEndian.Uint32(code[4*i:]) }
func putWord(code []byte, i int, w uint32) { binary.LittleEndian.PutUint32(code[4*i:], w) }

// otherLane makes DPP take its source from another lane than it should.
func otherLane(in *gcn.Inst, code []byte) bool {
	if in.Encoding != gcn.DPP {
		return false
	}
	c := uint32(in.DPPCtrl)
	switch {
	case c < 0x100: // four lanes in any order
		c ^= 1
	case c < 0x130: // shifts and rotations within a row
		c = c&^15 | (c&15)%15 + 1
	default: // of the wave, mirrors, broadcasts
		c ^= 1
	}
	w := word(code, 1)
	putWord(code, 1, w&^(0x1ff<<8)|c<<8)
	_, err := gcn.Decode(code)
	if err != nil {
		putWord(code, 1, w)
	}
	return err == nil
}

// swapOperands makes a matrix instruction multiply B by A.
func swapOperands(in *gcn.Inst, code []byte) bool {
	if !in.MFMA() || in.Src[0].Kind == in.Src[1].Kind && in.Src[0].Reg == in.Src[1].Reg {
		return false
	}
	w := word(code, 1)
	a, b, accA, accB := w&0x1ff, w>>9&0x1ff, w>>27&1, w>>28&1
	putWord(code, 1, w&^(0x3ffff|3<<27)|b|a<<9|accB<<27|accA<<28)
	return true
}

// dropWait makes nothing of a wait.
func dropWait(in *gcn.Inst, code []byte) bool {
	if in.Name != "s_waitcnt" {
		return false
	}
	putWord(code, 0, 0xbf800000) // s_nop 0
	return true
}

// oneMore adds one to a constant that an instruction multiplies by.
func oneMore(in *gcn.Inst, code []byte, value int) bool {
	if !strings.Contains(in.Name, "mul") && !strings.Contains(in.Name, "mad") {
		return false
	}
	i := slices.IndexFunc(in.Src[:], func(o gcn.Operand) bool { return o.Kind == gcn.Integer && o.Value == value })
	literal := slices.ContainsFunc(in.Src[:], func(o gcn.Operand) bool { return o.Kind == gcn.Literal }) && int(in.Literal) == value
	switch {
	case literal:
		putWord(code, len(code)/4-1, uint32(value+1))
	case in.Format == gcn.SOPK && in.Imm == value:
		putWord(code, 0, word(code, 0)+1)
	case i < 0 || value < 0 || value >= 64:
		return false
	case in.Format == gcn.SOP2:
		putWord(code, 0, word(code, 0)+1<<(8*i))
	case in.Size == 8: // VOP3
		putWord(code, 1, word(code, 1)+1<<(9*i))
	case i == 0: // VOP2
		putWord(code, 0, word(code, 0)+1)
	default:
		return false
	}
	return true
}
