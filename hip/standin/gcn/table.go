// Package gcn decodes the machine code of gfx908 (AMD Instinct MI100).
//
// The table isa.txt names every instruction that a compute kernel may hold,
// one a line: encoding, opcode in hexadecimal, name, operands. An operand is a
// field and its width in 32-bit registers: d destination, a, b and c sources, s
// a scalar destination beside d, r a buffer resource; an "s" or "a" before it
// makes it a scalar register or an accumulation register. k, rel, lit, hwreg,
// waitcnt and msg are kinds of immediates, o an offset, vcc the mask itself.
// Encodings and opcodes are those of AMD's public ISA documents ("Vega" and
// "MI100"); `make standin-check` compares the decoding of every instruction in
// llama.cpp's gfx908 code with LLVM's.
package gcn

import (
	_ "embed"
	"fmt"
	"strconv"
	"strings"
)

//go:embed isa.txt
var isa string

// Format is the base encoding of an instruction.
type Format uint8

// The formats, in the words of isa.txt.
const (
	SOP2 Format = iota
	SOPK
	SOP1
	SOPC
	SOPP
	SMEM
	VOP2
	VOP1
	VOPC
	VOP3
	VOP3P
	DS
	Flat
	Scratch
	Global
	MUBUF
	formats
)

var formatNames = [formats]string{"sop2", "sopk", "sop1", "sopc", "sopp", "smem", "vop2", "vop1", "vopc", "vop3", "vop3p", "ds", "flat", "scratch", "global", "mubuf"}

func (f Format) String() string { return formatNames[f] }

// role is an operand of isa.txt.
type role struct {
	field byte // 'd', 'a', 'b', 'c', 's', 'r'; 0 for a word
	file  byte // 's' or 'a' where the table says so
	width int  // in registers
	word  string
}

// Opcode is an instruction without its operands.
type Opcode struct {
	Format Format
	Code   int
	Name   string // without _e32, _e64, _sdwa, _dpp
	roles  []role
}

// width is that of the operand in the field; 0: it has none.
func (o *Opcode) width(field byte) int {
	for _, r := range o.roles {
		if r.field == field {
			return r.width
		}
	}
	return 0
}

// Has says whether an operand is the word.
func (o *Opcode) Has(word string) bool {
	for _, r := range o.roles {
		if r.word == word {
			return true
		}
	}
	return false
}

// MFMA says whether it is a matrix instruction.
func (o *Opcode) MFMA() bool { return o.Format == VOP3P && strings.HasPrefix(o.Name, "v_mfma_") }

var table = parse(isa)

// Ops are all instructions of the table.
func Ops() []*Opcode {
	var all []*Opcode
	for f := range table {
		for _, o := range table[f] {
			if o != nil {
				all = append(all, o)
			}
		}
	}
	return all
}

func parse(text string) (t [formats][256 * 4]*Opcode) {
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		f := Format(0)
		for f < formats && formatNames[f] != words[0] {
			f++
		}
		code, err := strconv.ParseUint(words[1], 16, 10)
		if err != nil || f == formats || t[f][code] != nil {
			panic(fmt.Sprintf("isa.txt: %q", line)) // the file is a part of the program
		}
		o := &Opcode{Format: f, Code: int(code), Name: words[2]}
		for _, w := range words[3:] {
			o.roles = append(o.roles, parseRole(w))
		}
		t[f][code] = o
	}
	return t
}

func parseRole(w string) role {
	name := strings.TrimRight(w, "0123456789")
	n, err := strconv.Atoi(w[len(name):])
	if err != nil || len(name) > 2 {
		return role{word: w}
	}
	r := role{field: name[len(name)-1], width: n}
	if len(name) == 2 {
		r.file = name[0]
	}
	return r
}
