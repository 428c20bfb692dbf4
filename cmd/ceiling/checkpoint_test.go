package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/testscript"

	"ceiling/engine/checkpoint/awqtest"
)

// checkpointVariants are the checkpoints that scripts can ask for.
var checkpointVariants = map[string]awqtest.VariantOptions{
	"compressed-tensors": {},
	"asymmetric":         {Zeros: true, ScaleType: "F16"},
	"sharded":            {Shards: 3},
	"mixed":              {EightBit: []string{"layers.1.mlp.down_proj"}, Plain: []string{"layers.0.self_attn.v_proj"}},
	"awq":                {Format: awqtest.AWQGemm, Zeros: true},
	"gptq":               {Format: awqtest.GPTQ},
}

// checkpointCmd DIR VARIANT [SEED] writes a small checkpoint.
func checkpointCmd(ts *testscript.TestScript, neg bool, args []string) {
	options, ok := checkpointVariants[args[1]]
	if !ok {
		ts.Fatalf("no variant %q", args[1])
	}
	if len(args) > 2 {
		_, err := fmt.Sscan(args[2], &options.Seed)
		ts.Check(err)
	}
	_, err := awqtest.Write(ts.MkAbs(args[0]), options)
	ts.Check(err)
}

// widescale DIR puts a scale that float16 can't hold into a checkpoint in one
// bfloat16 file: 2^-18 and one more bit.
func wideScale(ts *testscript.TestScript, neg bool, args []string) {
	path := filepath.Join(ts.MkAbs(args[0]), "model.safetensors")
	data, err := os.ReadFile(path)
	ts.Check(err)
	n := binary.LittleEndian.Uint64(data)
	var header map[string]struct {
		Offsets []int64 `json:"data_offsets"`
	}
	ts.Check(json.Unmarshal(data[8:8+n], &header))
	for name, t := range header {
		if strings.HasSuffix(name, "0.mlp.up_proj.weight_scale") {
			binary.LittleEndian.PutUint16(data[8+int64(n)+t.Offsets[0]:], 0x3681)
			ts.Check(os.WriteFile(path, data, 0o644))
			return
		}
	}
	ts.Fatalf("no scales in %s", path)
}

// replace FILE OLD NEW replaces the first OLD.
func replace(ts *testscript.TestScript, neg bool, args []string) {
	data, err := os.ReadFile(ts.MkAbs(args[0]))
	ts.Check(err)
	if !bytes.Contains(data, []byte(args[1])) {
		ts.Fatalf("%s holds no %q", args[0], args[1])
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), bytes.Replace(data, []byte(args[1]), []byte(args[2]), 1), 0o644))
}

// damaged ACTION FILE ARG… writes a fresh checkpoint into "bad" and damages
// one of its files: cut BYTES, replace OLD NEW, write TEXT or remove.
func damaged(ts *testscript.TestScript, neg bool, args []string) {
	ts.Check(os.RemoveAll(ts.MkAbs("bad")))
	checkpointCmd(ts, false, []string{"bad", "compressed-tensors"})
	file := filepath.Join("bad", args[1])
	switch args[0] {
	case "cut":
		cut(ts, false, []string{file, args[2], file})
	case "replace":
		replace(ts, false, []string{file, args[2], args[3]})
	case "write":
		ts.Check(os.WriteFile(ts.MkAbs(file), []byte(args[2]), 0o644))
	case "remove":
		ts.Check(os.Remove(ts.MkAbs(file)))
	default:
		ts.Fatalf("no damage %q", args[0])
	}
}

// lastline TEXT checks that the program's last words, behind any progress, are
// one line of an error that holds TEXT.
func lastline(ts *testscript.TestScript, neg bool, args []string) {
	text := ts.ReadFile("stderr")
	last := text[strings.LastIndexByte(strings.TrimSuffix(text, "\n"), '\n')+1:]
	if !strings.HasPrefix(last, "ceiling: ") || strings.Count(text, "ceiling: ") != 1 || !strings.Contains(last, args[0]) {
		ts.Fatalf("not one line of an error with %q: %q", args[0], text)
	}
}

// refused DIR TEXT checks that convert and run refuse DIR with one line that
// holds TEXT, and leave nothing behind.
func refused(ts *testscript.TestScript, neg bool, args []string) {
	ts.Check(os.MkdirAll(ts.MkAbs("refused-cache"), 0o755))
	before := entries(ts)
	for _, command := range [][]string{
		{"convert", args[0], "--out", "refused.gguf"},
		{"run", "--model", args[0], "--suite", "smoke", "--out", "refused", "--cache", "refused-cache"},
	} {
		if command[0] == "run" && strings.HasSuffix(args[0], ".gguf") {
			continue // a GGUF file can be run
		}
		exits(ts, false, append([]string{"1", "ceiling"}, command...))
		lastline(ts, false, []string{args[1]})
	}
	if diff := cmp.Diff(before, entries(ts)); diff != "" {
		ts.Fatalf("something was left behind:\n%s", diff)
	}
	glob(ts, false, []string{"0", "refused-cache/models/*.gguf*"})
}

// glob N PATTERN [VARIABLE] checks that N files match, and puts the path of
// the last into a variable.
func glob(ts *testscript.TestScript, neg bool, args []string) {
	found, err := filepath.Glob(ts.MkAbs(args[1]))
	ts.Check(err)
	if fmt.Sprint(len(found)) != args[0] {
		ts.Fatalf("%d files match %s, want %s: %v", len(found), args[1], args[0], found)
	}
	if len(args) > 2 {
		ts.Setenv(args[2], found[len(found)-1])
	}
}

// together N OUT PROGRAM ARG… starts the program N times at once, with a
// number behind the last argument, waits for all, and writes what they print
// into the file OUT.
func together(ts *testscript.TestScript, neg bool, args []string) {
	n, err := strconv.Atoi(args[0])
	ts.Check(err)
	path, err := exec.LookPath(args[2])
	ts.Check(err)
	outputs := make([]bytes.Buffer, n)
	cmds := make([]*exec.Cmd, n)
	for i := range cmds {
		all := slices.Clone(args[3:])
		all[len(all)-1] += strconv.Itoa(i)
		cmds[i] = exec.Command(path, all...)
		cmds[i].Dir = ts.MkAbs(".")
		cmds[i].Stdout, cmds[i].Stderr = &outputs[i], &outputs[i]
		ts.Check(cmds[i].Start())
	}
	var all []byte
	for i := range cmds {
		if err := cmds[i].Wait(); err != nil {
			ts.Fatalf("process %d: %v\n%s", i, err, outputs[i].String())
		}
		all = append(all, outputs[i].Bytes()...)
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), all, 0o644))
}

// entries lists the script's folder.
func entries(ts *testscript.TestScript) []string {
	list, err := os.ReadDir(ts.MkAbs("."))
	ts.Check(err)
	var names []string
	for _, e := range list {
		names = append(names, e.Name())
	}
	return names
}

func TestRate(t *testing.T) {
	if got := rate(512e6, time.Second); got != " (512 MB/s)" {
		t.Errorf("512 MB in a second is %q", got)
	}
	if got := rate(512e6, 99*time.Millisecond); got != "" {
		t.Errorf("too early a rate: %q", got)
	}
}
