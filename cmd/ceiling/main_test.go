package main

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"unicode"

	"github.com/rogpeppe/go-internal/testscript"

	"ceiling/engine"
	"ceiling/engine/synth"
	"ceiling/internal/passive"
)

// TestMain lets the scripts run this program as "ceiling".
func TestMain(m *testing.M) {
	passive.Reexec()
	testscript.Main(m, map[string]func(){"ceiling": main})
}

// TestScripts runs the program as a user does. Each script of testdata says
// in its head what it is about.
func TestScripts(t *testing.T) {
	demo := writeDemo(t)
	scripts, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(scripts) == 0 {
		t.Fatalf("%d scripts in testdata, %v", len(scripts), err)
	}
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	trees := filepath.Join(here, "../../hip/testdata")
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Setup: func(e *testscript.Env) error {
			e.Setenv("DEMO", demo)
			e.Setenv("TREES", trees)
			e.Setenv("RUN", filepath.Join(here, "testdata", "demo"))
			e.Setenv("REFERENCE", filepath.Join(here, "../../report/testdata/reference"))
			e.Setenv("SAMPLES", filepath.Join(here, "../../report/importer/testdata"))
			e.Setenv("REAL", os.Getenv("CEILING_TEST_MODEL"))
			e.Setenv("OMP_WAIT_POLICY", os.Getenv("OMP_WAIT_POLICY")) // see TestMain
			return nil
		},
		Condition: func(cond string) (bool, error) {
			switch cond {
			case "ollama":
				return engine.Name() == "ollama", nil
			case "root":
				return os.Geteuid() == 0, nil
			case "hosts": // CI runs as root, and `make test` installs the tools
				return os.Getenv("CI") == "true" || canLinkHosts(), nil
			case "drafts": // CI has it: `make build` makes the library
				_, err := os.Stat(filepath.Join(engine.LibraryDir(), "libllama-spec.so"))
				return err == nil || os.Getenv("CI") == "true", nil
			case "netem":
				return hasNetem(), nil
			case "strace":
				return canTrace(), nil
			case "real": // CI has it: `make test` fetches the model or fails
				return os.Getenv("CEILING_TEST_MODEL") != "", nil
			case "peers": // likewise: `make test` builds llama-server
				return os.Getenv("CEILING_PEERS_DIR") != "" || os.Getenv("CI") == "true", nil
			}
			return false, errors.New("unknown condition " + cond)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"server": startServer, "pair": pair, "rpcservers": rpcServersCmd, "placed": placed, "accepted": accepted, "sameprompts": samePrompts, "reuses": reuses,
			"exits": exits, "when": when, "cut": cut, "oneline": oneLineOnly, "shown": shown, "smalldisk": smallDisk, "copytree": copyTree, "rising": rising,
			"checkpoint": checkpointCmd, "widescale": wideScale, "replace": replace, "damaged": damaged, "refused": refused,
			"chosen": chosen, "glob": glob, "lastline": lastline, "together": together, "split": split, "sizes": sizes, "poison": poison, "mamba": mamba, "offline": offline, "hosts": hosts, "linktime": linkTime,
			"flipbit": flipbit, "swapshares": swapshares,
		},
	})
}

// writeDemo writes the model that most tests run: of the demo model's kind, and a
// twentieth of its work.
func writeDemo(t *testing.T) string { return writeModel(t, "testdata/little.json") }

// writeModel writes a model by its geometry.
func writeModel(t *testing.T, geometry string) string {
	path := filepath.Join(t.TempDir(), "demo.gguf")
	g, err := synth.Find(geometry)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := synth.Write(context.Background(), synth.FileOptions{Geometry: g, Type: "q4_0", Out: path}); err != nil {
		t.Fatal(err)
	}
	return path
}

// exits CODE PROGRAM ARG… runs the program and checks its exit code.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM ARG…")
	}
	code := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			ts.Fatalf("%v", err)
		}
		code = exit.ExitCode()
	}
	if want := args[0]; strconv.Itoa(code) != want {
		ts.Fatalf("exit code %d, want %s", code, want)
	}
}

// oneline FILE checks that a captured stderr is one line of ceiling's.
func oneLineOnly(ts *testscript.TestScript, neg bool, args []string) {
	text := ts.ReadFile(args[0])
	if !strings.HasPrefix(text, "ceiling: ") || strings.Count(text, "\n") != 1 {
		ts.Fatalf("not one line of an error: %q", text)
	}
}

// shown FILE… checks that all in the files can be seen: they hold no control
// character but the end of a line and a tabulator, and none that turns the
// direction of text or has no width.
func shown(ts *testscript.TestScript, neg bool, args []string) {
	for _, name := range args {
		for line := range strings.Lines(ts.ReadFile(name)) {
			if i := strings.IndexFunc(strings.TrimRight(line, "\n"), func(r rune) bool { return r != '\t' && !unicode.IsPrint(r) && !unicode.IsSpace(r) || r == '\r' }); i >= 0 {
				ts.Fatalf("%s: %q in %q", name, line[i:min(i+4, len(line))], line)
			}
		}
	}
}

// cut FILE BYTES OUT copies the first bytes of a file.
func cut(ts *testscript.TestScript, neg bool, args []string) {
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	data, err := os.ReadFile(ts.MkAbs(args[0]))
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[2]), data[:n], 0o644))
}

// fill writes until the disk is full.
func fill(ts *testscript.TestScript, path string) {
	f, err := os.Create(path)
	ts.Check(err)
	defer f.Close()
	for size := 1 << 16; size > 0; size /= 2 {
		for err = nil; err == nil; {
			_, err = f.Write(make([]byte, size))
		}
	}
	if !errors.Is(err, syscall.ENOSPC) {
		ts.Fatalf("filling %s: %v", path, err)
	}
}

// copytree FROM TO copies a folder's content into a folder.
func copyTree(ts *testscript.TestScript, neg bool, args []string) {
	ts.Check(os.CopyFS(ts.MkAbs(args[1]), os.DirFS(ts.MkAbs(args[0]))))
}

// smallDisk DIR KIB mounts a file system of that size for the script's time.
func smallDisk(ts *testscript.TestScript, neg bool, args []string) {
	dir := ts.MkAbs(args[0])
	ts.Check(os.MkdirAll(dir, 0o755))
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size="+args[1]+"k"); err != nil {
		ts.Fatalf("mount: %v", err)
	}
	ts.Defer(func() { syscall.Unmount(dir, syscall.MNT_DETACH) })
}
