package gguf

import "fmt"

// Type is the storage format of a tensor's elements, with ggml's numbers.
type Type uint32

// The types that this project writes or decodes. TypeInfo knows all others.
const (
	F32  Type = 0
	F16  Type = 1
	Q4_0 Type = 2
	Q4_1 Type = 3
	Q5_0 Type = 6
	Q8_0 Type = 8
	I32  Type = 26
	BF16 Type = 30
)

// TypeInfo describes how a type stores elements: in blocks of Block
// consecutive elements of one row, each block Bytes long.
type TypeInfo struct {
	Name  string
	Block int64 // elements per block
	Bytes int64 // bytes per block
	// Weight says that llama.cpp can multiply by a matrix of this type and
	// look rows up in it. Integers, float64 and the types that exist only for
	// activations can't be weights: using one aborts the process.
	Weight bool
}

// types holds every type of ggml as of llama.cpp v0.5.0, by number. One
// without a block was given up: its name is kept for the refusal.
var types = [...]TypeInfo{
	0:  {"F32", 1, 4, true},
	1:  {"F16", 1, 2, true},
	2:  {"Q4_0", 32, 18, true},
	3:  {"Q4_1", 32, 20, true},
	4:  {Name: "Q4_2"},
	5:  {Name: "Q4_3"},
	6:  {"Q5_0", 32, 22, true},
	7:  {"Q5_1", 32, 24, true},
	8:  {"Q8_0", 32, 34, true},
	9:  {"Q8_1", 32, 36, false},
	10: {"Q2_K", 256, 84, true},
	11: {"Q3_K", 256, 110, true},
	12: {"Q4_K", 256, 144, true},
	13: {"Q5_K", 256, 176, true},
	14: {"Q6_K", 256, 210, true},
	15: {"Q8_K", 256, 292, false},
	16: {"IQ2_XXS", 256, 66, true},
	17: {"IQ2_XS", 256, 74, true},
	18: {"IQ3_XXS", 256, 98, true},
	19: {"IQ1_S", 256, 50, true},
	20: {"IQ4_NL", 32, 18, true},
	21: {"IQ3_S", 256, 110, true},
	22: {"IQ2_S", 256, 82, true},
	23: {"IQ4_XS", 256, 136, true},
	24: {"I8", 1, 1, false},
	25: {"I16", 1, 2, false},
	26: {"I32", 1, 4, false},
	27: {"I64", 1, 8, false},
	28: {"F64", 1, 8, false},
	29: {"IQ1_M", 256, 56, true},
	30: {"BF16", 1, 2, true},
	31: {Name: "Q4_0_4_4"},
	32: {Name: "Q4_0_4_8"},
	33: {Name: "Q4_0_8_8"},
	34: {"TQ1_0", 256, 54, true},
	35: {"TQ2_0", 256, 66, true},
	36: {Name: "IQ4_NL_4_4"},
	37: {Name: "IQ4_NL_4_8"},
	38: {Name: "IQ4_NL_8_8"},
	39: {"MXFP4", 32, 17, true},
	40: {"NVFP4", 64, 36, true},
	41: {"Q1_0", 128, 18, true},
	42: {"Q2_0", 64, 18, true},
}

// Info returns the storage format of t; ok is false for a number that names no
// type of llama.cpp v0.5.0.
func (t Type) Info() (info TypeInfo, ok bool) {
	if int64(t) >= int64(len(types)) || types[t].Block == 0 {
		return TypeInfo{}, false
	}
	return types[t], true
}

// foreign is the first number of ik_llama.cpp's own types.
const foreign = 97

// unknown says of a number that names no type what the file may be and what to
// use in its place.
func (t Type) unknown() string {
	what := fmt.Sprintf("type %d, which llama.cpp v0.5.0 does not know: ", uint32(t))
	switch {
	case t >= 36 && t <= 38:
		return what + types[t].Name + " was removed, use an IQ4_NL file, which is laid out so while it is loaded; or it is BitNet's own type"
	case t >= 31 && t <= 33:
		return what + types[t].Name + " was removed, use a Q4_0 file, which is laid out so while it is loaded"
	case int64(t) < int64(len(types)):
		return what + types[t].Name + " was removed, convert the model again"
	case t >= foreign && t < 1000:
		return what + "perhaps one of ik_llama.cpp's own, use a file that was made for llama.cpp"
	}
	return what + "the file is newer, or another program's"
}

// String returns the type's name, such as "Q4_0".
func (t Type) String() string {
	if info, ok := t.Info(); ok {
		return info.Name
	}
	return fmt.Sprintf("type %d", uint32(t))
}

// RowBytes returns the bytes of one row of n elements. It fails for an unknown
// type, for n < 1 and where n is not whole blocks.
func (t Type) RowBytes(n int64) (int64, error) {
	info, ok := t.Info()
	if !ok {
		return 0, fmt.Errorf("tensor type %d does not exist", uint32(t))
	}
	if n < 1 || n%info.Block != 0 {
		return 0, fmt.Errorf("a row of %d elements is not whole blocks of %d, as %s needs", n, info.Block, info.Name)
	}
	blocks := n / info.Block
	if blocks > maxElements/info.Bytes {
		return 0, fmt.Errorf("a row of %d elements is too large", n)
	}
	return blocks * info.Bytes, nil
}

// Type numbers that metadata values carry in a file.
const (
	kindUint8   = 0
	kindInt8    = 1
	kindUint16  = 2
	kindInt16   = 3
	kindUint32  = 4
	kindInt32   = 5
	kindFloat32 = 6
	kindBool    = 7
	kindString  = 8
	kindArray   = 9
	kindUint64  = 10
	kindInt64   = 11
	kindFloat64 = 12
)

// Scalar lists the Go types of single metadata values, one for each type of
// the format.
type Scalar interface {
	uint8 | int8 | uint16 | int16 | uint32 | int32 | uint64 | int64 | float32 | float64 | bool | string
}

// KV is one metadata entry. Value is of a Scalar type, or a slice of one for an
// array. A []uint8 is an array of UINT8, never text.
type KV struct {
	Key   string
	Value any
}

// kindOf returns the format's type number of a metadata value and, for a
// slice, the number of its elements' type and its length.
func kindOf(v any) (kind, elem uint32, n int, ok bool) {
	switch x := v.(type) {
	case uint8:
		return kindUint8, 0, 1, true
	case int8:
		return kindInt8, 0, 1, true
	case uint16:
		return kindUint16, 0, 1, true
	case int16:
		return kindInt16, 0, 1, true
	case uint32:
		return kindUint32, 0, 1, true
	case int32:
		return kindInt32, 0, 1, true
	case float32:
		return kindFloat32, 0, 1, true
	case bool:
		return kindBool, 0, 1, true
	case string:
		return kindString, 0, 1, true
	case uint64:
		return kindUint64, 0, 1, true
	case int64:
		return kindInt64, 0, 1, true
	case float64:
		return kindFloat64, 0, 1, true
	case []uint8:
		return kindArray, kindUint8, len(x), true
	case []int8:
		return kindArray, kindInt8, len(x), true
	case []uint16:
		return kindArray, kindUint16, len(x), true
	case []int16:
		return kindArray, kindInt16, len(x), true
	case []uint32:
		return kindArray, kindUint32, len(x), true
	case []int32:
		return kindArray, kindInt32, len(x), true
	case []float32:
		return kindArray, kindFloat32, len(x), true
	case []bool:
		return kindArray, kindBool, len(x), true
	case []string:
		return kindArray, kindString, len(x), true
	case []uint64:
		return kindArray, kindUint64, len(x), true
	case []int64:
		return kindArray, kindInt64, len(x), true
	case []float64:
		return kindArray, kindFloat64, len(x), true
	}
	return 0, 0, 0, false
}

var kindNames = [...]string{
	"uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "bool",
	"string", "array", "uint64", "int64", "float64",
}

// KindName names the type of a metadata value as the format does: "uint32",
// "array of string".
func KindName(v any) string {
	kind, elem, _, ok := kindOf(v)
	switch {
	case !ok:
		return fmt.Sprintf("%T", v)
	case kind == kindArray:
		return "array of " + kindNames[elem]
	}
	return kindNames[kind]
}
