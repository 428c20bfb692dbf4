package main

import (
	"encoding/binary"
	"math"
	"os"

	"github.com/rogpeppe/go-internal/testscript"

	"ceiling/engine/gguf"
)

// poison MODEL OUT copies a model and makes one weight of its last
// normalisation NaN.
func poison(ts *testscript.TestScript, neg bool, args []string) {
	file, err := gguf.Open(ts.MkAbs(args[0]))
	ts.Check(err)
	data, err := os.ReadFile(ts.MkAbs(args[0]))
	ts.Check(err)
	at := file.Tensor("output_norm.weight").Start
	binary.LittleEndian.PutUint32(data[at:], math.Float32bits(float32(math.NaN())))
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), data, 0o644))
}
