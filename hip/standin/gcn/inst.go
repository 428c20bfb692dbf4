package gcn

import "fmt"

// Encoding is the form in which a vector instruction is written.
type Encoding uint8

// The encodings.
const (
	Base Encoding = iota
	E64           // a VOP1, VOP2 or VOPC instruction in the form of VOP3
	SDWA          // parts of registers: bytes and words
	DPP           // the first source from other lanes
)

// OperandKind is what an operand is.
type OperandKind uint8

// The kinds of operands.
const (
	None    OperandKind = iota
	SGPR                // scalar register Reg, also vcc, m0, exec, ttmp and flat_scratch by their numbers
	VGPR                // vector register
	AGPR                // accumulation register
	Integer             // inline integer Value
	Float               // inline float: Value is its code, FloatValue its value
	Literal             // the 32 bits of Inst.Literal
	Special             // one of the read-only sources, by its code in Value
)

// Codes of scalar operands with names.
const (
	FlatScratch = 102
	XnackMask   = 104
	VCC         = 106
	M0          = 124
	Exec        = 126

	SharedBase   = 235
	SharedLimit  = 236
	PrivateBase  = 237
	PrivateLimit = 238
	VCCZ         = 251
	ExecZ        = 252
	SCC          = 253
)

// Operand is a source or destination.
type Operand struct {
	Kind  OperandKind
	Reg   int // of a register
	Width int // in registers
	Value int // of an inline constant
	Neg   bool
	Abs   bool
	Sext  bool // SDWA: sign-extended
	Sel   Sel  // SDWA: which part
}

// Sel is the part of a register that SDWA takes.
type Sel uint8

// The parts.
const (
	Byte0 Sel = iota
	Byte1
	Byte2
	Byte3
	Word0
	Word1
	DWord
)

// What SDWA does with the bits of a destination that it does not write.
const (
	UnusedPad = iota
	UnusedSext
	UnusedPreserve
)

// Inst is one decoded instruction.
type Inst struct {
	*Opcode
	Encoding Encoding
	Size     int // bytes, literal included

	Dst  Operand
	Sdst Operand    // the mask that a carry or comparison writes
	Src  [3]Operand // a, b, c; of memory: address, data, second data
	Mask Operand    // the mask that v_cndmask and carries read
	// Base is the scalar address or buffer resource of memory instructions,
	// Offset the scalar offset of SMEM and MUBUF.
	Base, Offset Operand

	Imm     int    // simm16, or the byte offset of memory instructions
	Imm2    int    // offset1 of DS
	Literal uint32 // where an operand is one

	Clamp        bool
	Omod         int // 0, 1: ×2, 2: ×4, 3: ÷2
	OpSel        int // bits 0 to 2: upper half of a, b, c; 3: of the destination
	OpSelHi      int // VOP3P: the same for the upper result
	NegHi        int // VOP3P
	DstUnused    int // SDWA
	DPPCtrl      int
	RowMask      int
	BankMask     int
	BoundCtrl    bool
	Cbsz         int
	Abid         int
	Blgp         int
	GLC, SLC     bool
	LDS, GDS     bool
	Offen, Idxen bool
	ImmOffset    bool // SMEM: Imm holds the offset
}

// Form is the instruction in one of its encodings: what is decoded and executed
// by code of its own.
func (in *Inst) Form() string { return fmt.Sprint(in.Format, " ", in.Encoding, " ", in.Name) }

// Operands are all of an instruction's operands, those that it has not with
// Kind None.
func (in *Inst) Operands() [8]Operand {
	return [8]Operand{in.Dst, in.Sdst, in.Src[0], in.Src[1], in.Src[2], in.Mask, in.Base, in.Offset}
}
