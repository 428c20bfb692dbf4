package main

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

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

func names(t *testing.T, dir string) []string {
	t.Helper()
	var out []string
	list, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	for _, e := range list {
		out = append(out, e.Name())
	}
	return out
}

func put(t *testing.T, dir, name string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte("mine"), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestTakeNew: one of two has the folder, and the other one's end costs it
// nothing.
func TestTakeNew(t *testing.T) {
	root := t.TempDir()
	path := filepath.Join(root, "a", "b")
	first, err := takeNew(path)
	if err != nil {
		t.Fatal(err)
	}
	put(t, path, logFile)
	for _, take := range []func(string) (*outDir, error){takeNew, takeEarlier} {
		if _, err := take(path); err == nil || !strings.Contains(err.Error(), "another run is at work there") || exitCode(err) != exitUsage {
			t.Errorf("a second run in the folder: %v", err)
		}
	}
	if got := names(t, path); !slices.Equal(got, []string{lockFile, logFile}) {
		t.Errorf("the folder of the first holds %q", got)
	}
	first.discard()
	if got := names(t, root); got != nil {
		t.Errorf("a run that measured nothing leaves %q", got)
	}
}

// TestTakeTogether: of many that come at once, one has the folder.
func TestTakeTogether(t *testing.T) {
	path := filepath.Join(t.TempDir(), "results", "run")
	const n = 20
	got := make(chan *outDir, n)
	for range n {
		go func() {
			d, err := takeNew(path)
			if err != nil && !strings.Contains(err.Error(), "another run") {
				t.Error(err)
			}
			got <- d
		}()
	}
	var winners []*outDir
	for range n {
		if d := <-got; d != nil {
			winners = append(winners, d)
		}
	}
	if len(winners) != 1 {
		t.Fatalf("%d of %d have the folder", len(winners), n)
	}
	if got := names(t, path); !slices.Equal(got, []string{lockFile}) {
		t.Errorf("it holds %q", got)
	}
	winners[0].close()
}

// TestTakeForeign: a folder that holds anything is refused as it is.
func TestTakeForeign(t *testing.T) {
	for _, name := range []string{reportFile, telemetryFile, logFile, proseFile, "thesis.tex", manifestFile} {
		dir := t.TempDir()
		put(t, dir, name)
		if _, err := takeNew(dir); err == nil || !strings.Contains(err.Error(), name) || exitCode(err) != exitUsage {
			t.Errorf("a folder with %s: %v", name, err)
		}
		if got := names(t, dir); !slices.Equal(got, []string{name}) {
			t.Errorf("after that it holds %q", got)
		}
	}
	// The lock of a run that was killed is in nobody's way, nor is an empty
	// folder, which stays.
	dir := t.TempDir()
	put(t, dir, lockFile)
	d, err := takeNew(dir)
	if err != nil {
		t.Fatal(err)
	}
	d.discard()
	if got, err := os.ReadDir(dir); err != nil || len(got) != 0 {
		t.Errorf("an empty folder afterwards: %v, %v", got, err)
	}
}

// TestTakeDefault: runs of one second have folders of their own.
func TestTakeDefault(t *testing.T) {
	path := filepath.Join(t.TempDir(), "results", "model-20261130T120000Z")
	var dirs []*outDir
	for _, want := range []string{path, path + "-2", path + "-3"} {
		d, err := takeDefault(path)
		if err != nil || d.path != want {
			t.Fatalf("%v, %v; want %s", d, err, want)
		}
		dirs = append(dirs, d)
	}
	dirs[1].discard()
	if d, err := takeDefault(path); err != nil || d.path != path+"-2" {
		t.Errorf("a free name is not taken again: %v, %v", d, err)
	}
	if got := names(t, filepath.Dir(path)); len(got) != 3 {
		t.Errorf("folders %q", got)
	}
}

// TestTakeEarlier: a link in place of one of the run's files is not followed.
func TestTakeEarlier(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, manifestFile)
	if err := os.Symlink("/nowhere", filepath.Join(dir, logFile)); err != nil {
		t.Fatal(err)
	}
	if _, err := takeEarlier(dir); err == nil || !strings.Contains(err.Error(), logFile) {
		t.Errorf("a link: %v", err)
	}
	if err := os.Remove(filepath.Join(dir, logFile)); err != nil {
		t.Fatal(err)
	}
	d, err := takeEarlier(dir)
	if err != nil {
		t.Fatal(err)
	}
	d.discard()
	if got := names(t, dir); !slices.Equal(got, []string{manifestFile}) {
		t.Errorf("an earlier run's folder holds %q in the end", got)
	}
	if _, err := takeEarlier(filepath.Join(dir, "none")); err == nil || !strings.Contains(err.Error(), "no such folder") {
		t.Errorf("no folder: %v", err)
	}
}
