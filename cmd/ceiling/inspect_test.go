package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"ceiling/engine/gguf"
	"ceiling/engine/inspect"
)

// split FILE PREFIX writes a GGUF file's model as two files.
func split(ts *testscript.TestScript, neg bool, args []string) {
	f, err := gguf.Open(ts.MkAbs(args[0]))
	ts.Check(err)
	data, err := os.ReadFile(f.Paths[0])
	ts.Check(err)
	half := len(f.Tensors) / 2
	for no, tensors := range [][]gguf.Tensor{f.Tensors[:half], f.Tensors[half:]} {
		w := gguf.NewWriter(ts.MkAbs(fmt.Sprintf("%s-%05d-of-00002.gguf", args[1], no+1)))
		w.Add("split.no", uint16(no))
		w.Add("split.count", uint16(2))
		w.Add("split.tensors.count", int32(len(f.Tensors)))
		if no == 0 {
			for _, kv := range f.KVs {
				w.Add(kv.Key, kv.Value)
			}
		}
		for _, t := range tensors {
			w.AddTensor(t.Name, t.Type, t.Dims...)
		}
		ts.Check(w.Begin())
		for _, t := range tensors {
			_, out, err := w.Next()
			ts.Check(err)
			_, err = out.Write(data[t.Start : t.Start+t.Bytes])
			ts.Check(err)
		}
		if _, _, err := w.Next(); err != io.EOF {
			ts.Fatalf("the writer wants more than %d tensors: %v", len(tensors), err)
		}
		ts.Check(w.Commit())
	}
}

// sizes JSON FILE checks that FILE is as large as the conversion that JSON, an
// inspection, has announced.
func sizes(ts *testscript.TestScript, neg bool, args []string) {
	var found inspect.Inspection
	ts.Check(json.NewDecoder(strings.NewReader(ts.ReadFile(args[0]))).Decode(&found))
	info, err := os.Stat(ts.MkAbs(args[1]))
	ts.Check(err)
	if found.Conversion == nil || found.Conversion.Bytes != info.Size() {
		ts.Fatalf("%s announces %+v, the file has %d bytes", args[0], found.Conversion, info.Size())
	}
}
