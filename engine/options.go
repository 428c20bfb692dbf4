package engine

import (
	"fmt"
	"slices"
	"strings"

	"ceiling/engine/internal/llama"
)

// named maps the words of the command line to the library's values, in the
// order in which help and errors list them.
type named []struct {
	word  string
	value int
}

func (n named) words() []string {
	out := make([]string, len(n))
	for i, e := range n {
		out[i] = e.word
	}
	return out
}

// lookup finds word; "" means the first entry.
func (n named) lookup(what, word string) (int, error) {
	if word == "" {
		return n[0].value, nil
	}
	for _, e := range n {
		if e.word == word {
			return e.value, nil
		}
	}
	return 0, fmt.Errorf("%w: %s %q; use %s", ErrUnknownOption, what, word, strings.Join(n.words(), ", "))
}

var (
	splitModes = named{{SplitAuto, llama.SplitLayer}, {SplitNone, llama.SplitNone}, {SplitLayer, llama.SplitLayer},
		{SplitRow, llama.SplitRow}, {SplitTensor, llama.SplitTensor}}
	loadModes = named{{"auto", llama.LoadAuto}, {"mmap", llama.LoadMmap},
		{"direct-io", llama.LoadDirectIO}, {"read", llama.LoadRead}}
	flashModes = named{{"auto", llama.FlashAuto}, {"on", llama.FlashOn}, {"off", llama.FlashOff}}
	kvTypes    = named{{"f16", llama.TypeF16}, {"bf16", llama.TypeBF16}, {"f32", llama.TypeF32},
		{"q8_0", llama.TypeQ80}, {"q5_1", llama.TypeQ51}, {"q5_0", llama.TypeQ50},
		{"q4_1", llama.TypeQ41}, {"q4_0", llama.TypeQ40}}
	// kvBytes is the size of 32 values, which every type's rows are multiples of.
	kvBytes = map[int]int64{llama.TypeF16: 64, llama.TypeBF16: 64, llama.TypeF32: 128, llama.TypeQ80: 34,
		llama.TypeQ51: 24, llama.TypeQ50: 22, llama.TypeQ41: 20, llama.TypeQ40: 18}
)

// SplitModes, LoadModes, FlashModes and KVTypes list the words that the
// options of the same names take, the default first.
func SplitModes() []string { return splitModes.words() }

// LoadModes lists the ways to read a model file.
func LoadModes() []string { return loadModes.words() }

// FlashModes lists the settings of flash attention.
func FlashModes() []string { return flashModes.words() }

// KVTypes lists the types of the KV cache.
func KVTypes() []string { return kvTypes.words() }

// QuantKVTypes are the types of the KV cache that round to less than 16 bits.
func QuantKVTypes() []string {
	var out []string
	for _, k := range kvTypes {
		if kvBytes[k.value] < kvBytes[llama.TypeF16] {
			out = append(out, k.word)
		}
	}
	return out
}

// CheckDevices returns an error naming the first of names that no back end
// has. "none" and "cpu" stand for the CPU alone.
func CheckDevices(names []string) error {
	if cpuOnly(names) {
		return nil
	}
	all := Devices()
	for _, name := range names {
		if !slices.ContainsFunc(all, func(d Device) bool { return strings.EqualFold(d.Name, name) }) {
			return unknownDevice(name, all)
		}
	}
	return nil
}

func cpuOnly(names []string) bool {
	return len(names) == 1 && (strings.EqualFold(names[0], "none") || strings.EqualFold(names[0], "cpu"))
}
