package main

import (
	"bytes"
	"os"
	"os/exec"
	"slices"
	"strconv"

	"github.com/rogpeppe/go-internal/testscript"
)

// pair CODE CODE PROGRAM ARG… runs the program twice at once, and checks the
// two exit codes, the smaller one first. The file "output" gets what both say.
func pair(ts *testscript.TestScript, neg bool, args []string) {
	path, err := exec.LookPath(args[2])
	ts.Check(err)
	var cmds [2]*exec.Cmd
	var outputs [2]bytes.Buffer
	for i := range cmds {
		cmds[i] = exec.Command(path, args[3:]...)
		cmds[i].Dir = ts.MkAbs(".")
		cmds[i].Stdout, cmds[i].Stderr = &outputs[i], &outputs[i]
		ts.Check(cmds[i].Start())
	}
	var codes []string
	for _, cmd := range cmds {
		_ = cmd.Wait() // the code says it
		codes = append(codes, strconv.Itoa(cmd.ProcessState.ExitCode()))
	}
	slices.Sort(codes)
	all := outputs[0].String() + outputs[1].String()
	if !slices.Equal(codes, args[:2]) {
		ts.Fatalf("exit codes %q, want %q\n%s", codes, args[:2], all)
	}
	ts.Check(os.WriteFile(ts.MkAbs("output"), []byte(all), 0o644))
}
