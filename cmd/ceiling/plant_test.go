package main

import (
	"os"
	"strconv"

	"github.com/rogpeppe/go-internal/testscript"

	"ceiling/engine/gguf"
)

// flipbit MODEL TENSOR BYTE BIT OUT copies a model and turns one bit of a
// tensor's data around.
func flipbit(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 5 {
		ts.Fatalf("usage: flipbit MODEL TENSOR BYTE BIT OUT")
	}
	at, err := strconv.ParseInt(args[2], 10, 64)
	ts.Check(err)
	bit, err := strconv.Atoi(args[3])
	ts.Check(err)
	plant(ts, args[0], args[1], args[4], func(data []byte, _ *gguf.Tensor) { data[at] ^= 1 << bit })
}

// swapshares MODEL TENSOR OUT copies a model with the two halves of each row of
// a tensor in each other's place: what two devices compute that split the rows
// and took each other's share.
func swapshares(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: swapshares MODEL TENSOR OUT")
	}
	plant(ts, args[0], args[1], args[2], func(data []byte, t *gguf.Tensor) {
		row := len(data) / int(t.Elements()/t.Dims[0])
		for at := 0; at < len(data); at += row {
			low, high := data[at:at+row/2], data[at+row/2:at+row]
			for i := range low {
				low[i], high[i] = high[i], low[i]
			}
		}
	})
}

// plant copies a model and changes the data of one tensor.
func plant(ts *testscript.TestScript, from, tensor, to string, change func([]byte, *gguf.Tensor)) {
	file, err := gguf.Open(ts.MkAbs(from))
	ts.Check(err)
	data, err := os.ReadFile(ts.MkAbs(from))
	ts.Check(err)
	t := file.Tensor(tensor)
	if t == nil {
		ts.Fatalf("%s has no tensor %q", from, tensor)
	}
	change(data[t.Start:t.Start+t.Bytes], t)
	ts.Check(os.WriteFile(ts.MkAbs(to), data, 0o644))
}
