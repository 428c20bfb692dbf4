package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"ceiling/engine/checkpoint/awqtest"
)

// What a command writes at --out, as far as that differs.
const (
	aText    = iota // a file, or stdout
	aModel          // a file that no stream can take
	figures         // a text file, while stdout has the tables
	severals        // files in a folder
	aRun            // a folder of its own
)

// place is what stands where --out leads, and what comes of it.
type place struct {
	name  string
	make  func(t *testing.T, path string) // nil: nothing is there
	force bool
	want  map[int]string // part of the error for each kind of output; "": it is written; kinds that are left out are not asked
}

// same is one outcome for all that write a file.
func same(want string) map[int]string {
	return map[int]string{aText: want, aModel: want, figures: want}
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func precious(t *testing.T, path string) {
	t.Helper()
	ok(t, os.WriteFile(path, []byte("precious"), 0o644))
}

func foreignFolder(t *testing.T, path string) {
	t.Helper()
	ok(t, os.Mkdir(path, 0o755))
	precious(t, filepath.Join(path, "thesis.tex"))
}

// ownFolder holds a file of each name that one of the commands writes.
func ownFolder(t *testing.T, path string) {
	t.Helper()
	foreignFolder(t, path)
	for _, name := range []string{"report.md", "results.json", "single-user-latency.json"} {
		precious(t, filepath.Join(path, name))
	}
}

func linkTo(make func(t *testing.T, path string)) func(*testing.T, string) {
	return func(t *testing.T, path string) {
		real := filepath.Join(t.TempDir(), filepath.Base(path))
		if make != nil {
			make(t, real)
		}
		ok(t, os.Symlink(real, path))
	}
}

func readOnly(t *testing.T, path string) {
	t.Helper()
	ok(t, os.WriteFile(path, []byte("precious"), 0o444))
}

// pipeRead is a pipe that somebody reads.
func pipeRead(t *testing.T, path string) {
	t.Helper()
	ok(t, unix.Mkfifo(path, 0o644))
	reader, err := os.OpenFile(path, os.O_RDWR, 0)
	ok(t, err)
	go func() { _, _ = io.Copy(io.Discard, reader) }()
	t.Cleanup(func() { reader.Close() })
}

func nullDevice(t *testing.T, path string) { ok(t, os.Symlink("/dev/null", path)) }

var places = []place{
	{"nothing", nil, false, map[int]string{aText: "", aModel: "", figures: "", severals: ""}},
	{"a file", precious, false, map[int]string{aText: "exists already", aModel: "exists already", figures: "exists already", severals: "not a directory", aRun: "not a directory"}},
	{"a file, --force", precious, true, map[int]string{aText: "", aModel: "", figures: "", severals: "not a directory"}},
	{"a link to a file", linkTo(precious), false, same("exists already")},
	{"a link to a file, --force", linkTo(precious), true, same("")},
	{"a link to nothing", linkTo(nil), true, same("link to nothing")},
	{"a file that is read-only", readOnly, true, same("read-only")},
	{"a folder", func(t *testing.T, path string) { ok(t, os.Mkdir(path, 0o755)) }, true, map[int]string{aModel: "directory", figures: "directory", severals: ""}},
	{"a folder with other files", foreignFolder, false, map[int]string{severals: "", aRun: "holds something else"}},
	{"a folder with files of that name", ownFolder, false, map[int]string{severals: "exists already", aRun: "holds"}},
	{"a folder with files of that name, --force", ownFolder, true, map[int]string{severals: ""}},
	{"a link to a folder", linkTo(foreignFolder), false, map[int]string{severals: "", aRun: "holds something else"}},
	{"a device", nullDevice, false, map[int]string{aText: "", aModel: "character device", figures: "", severals: "not a directory", aRun: "not a directory"}},
	{"a pipe", pipeRead, false, map[int]string{aText: "", aModel: "is a pipe", figures: "", severals: "not a directory", aRun: "not a directory"}},
}

// TestOutputs: --out and --force mean the same in every command that has them.
// What may not be replaced is as it was, and what is replaced is not.
func TestOutputs(t *testing.T) {
	run, demo, ck := "testdata/demo", writeDemo(t), filepath.Join(t.TempDir(), "ck")
	const reference = "../../report/testdata/reference/benchmark_Qwen3.6-27B-GPTQ-8bit.json" // has few charts
	if _, err := awqtest.Write(ck, awqtest.VariantOptions{}); err != nil {
		t.Fatal(err)
	}
	covered := map[string]bool{}
	for _, c := range []struct {
		kind int
		ext  string
		args string
	}{
		{aText, ".md", "report " + reference}, {aText, ".html", "report " + reference}, {severals, "", "report " + reference},
		{aText, ".md", "compare " + run + " " + run}, {aText, ".json", "compare --json " + run + " " + run},
		{aText, ".csv", "export --format csv " + run}, {severals, "", "export --format vllm " + run},
		{aModel, ".gguf", "synth --geometry testdata/tiny.json"}, {aModel, ".gguf", "convert --no-verify " + ck},
		{figures, ".json", "roofline --quick --only cpu.node"},
		{aRun, "", "run " + demo}, {aRun, "", "capacity --slo ttft=1000 " + demo}, {aRun, "", "tune " + demo}, {aRun, "", "drive --url http://127.0.0.1:1 " + demo},
	} {
		name, _, _ := strings.Cut(c.args, " ")
		covered[name] = true
		for _, p := range places {
			if want, asked := p.want[c.kind]; asked {
				t.Run(c.args+": "+p.name, func(t *testing.T) { tryOutput(t, strings.Fields(c.args), "out"+c.ext, p, want, c.kind == severals) })
			}
		}
		if c.kind != severals || name != "report" {
			tryStdout(t, c.kind, strings.Fields(c.args))
		}
	}
	for _, c := range app(io.Discard, io.Discard).Commands {
		if findFlag(c, "out") != nil && !covered[c.Name] {
			t.Errorf("%s has --out and is not tried", c.Name)
		}
	}
}

// tryStdout: "-" gets text and nothing else. A folder that is not there is made for
// no file.
func tryStdout(t *testing.T, kind int, args []string) {
	text, errText, code := inProcess(append(args, "--out", "-")...)
	if kind == aText && (code != 0 || text == "") || kind != aText && (code != exitUsage || !strings.Contains(errText, "--out -: ")) {
		t.Errorf("%q --out -: exit code %d, %d bytes, %q", args, code, len(text), errText)
	}
	if kind == severals || kind == aRun {
		return
	}
	if _, errText, code := inProcess(append(args, "--out", "/nowhere/x.md")...); code == 0 || !strings.Contains(errText, `there is no folder "/nowhere"`) {
		t.Errorf("%q in no folder: exit code %d, %q", args, code, errText)
	}
}

func tryOutput(t *testing.T, args []string, file string, p place, want string, folder bool) {
	path := filepath.Join(t.TempDir(), file)
	if p.make != nil {
		p.make(t, path)
	}
	before, _ := os.Lstat(path)
	args = append(args, "--out", path)
	if folder {
		args[len(args)-1] += "/"
	}
	if p.force {
		args = append(args, "--force")
	}
	_, errText, code := inProcess(args...)
	if (code == 0) != (want == "") || !strings.Contains(errText, want) {
		t.Fatalf("exit code %d, %q; want %q", code, errText, want)
	}
	after, err := os.Lstat(path)
	if before != nil && (err != nil || after.Mode() != before.Mode()) {
		t.Errorf("it was %v and is %v, %v", before.Mode(), after, err)
	}
	if thesis, err := os.ReadFile(filepath.Join(path, "thesis.tex")); err == nil && string(thesis) != "precious" {
		t.Errorf("another file holds %q", thesis)
	}
	if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() {
		return
	}
	if text, _ := os.ReadFile(path); (string(text) == "precious") != (want != "") {
		t.Errorf("it holds %.20q", text)
	}
}
