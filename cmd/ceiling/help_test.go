package main

import (
	"bytes"
	"errors"
	"io"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/urfave/cli/v3"

	"ceiling/engine/checkpoint/awqtest"
	"ceiling/internal/bundle"
)

// inProcess runs the program in this process.
func inProcess(args ...string) (stdout, stderr string, code int) {
	var out, errOut bytes.Buffer
	code = run(append([]string{"ceiling"}, args...), &out, &errOut)
	return out.String(), errOut.String(), code
}

// TestHelp: no line is wider than a terminal, every flag names its value, and
// every command has an example.
func TestHelp(t *testing.T) {
	root := app(io.Discard, io.Discard)
	commands := 0
	for _, c := range append(slices.Clone(root.Commands), root) {
		commands++
		args := []string{"--help"}
		if c != root {
			args = []string{c.Name, "--help"}
		}
		text, errText, code := inProcess(args...)
		if code != 0 || errText != "" || !strings.Contains(text, "--help") {
			t.Errorf("%s: exit code %d, %q\n%s", c.Name, code, errText, text)
		}
		for line := range strings.Lines(text) {
			if n := utf8.RuneCountInString(strings.TrimRight(line, "\n")); n > helpWidth {
				t.Errorf("%s: %d columns: %s", c.Name, n, line)
			}
		}
		if len(examples[c.Name]) == 0 || !strings.Contains(text, "\n   "+examples[c.Name][0]+"\n") {
			t.Errorf("%s: no example in its help", c.Name)
		}
		checkFlags(t, c)
	}
	if commands < 10 {
		t.Fatalf("%d commands", commands)
	}
	if text, _, _ := inProcess("run", "--help"); !strings.Contains(text, "\n   -b, --batch, --step-tokens N\n") || !strings.Contains(text, "\n   -ngl, --gpu-layers N ") {
		t.Errorf("short names are not written as such:\n%s", text)
	}
	// The other way round: no example is of a command that is not there.
	for name := range examples {
		if name != root.Name && name != "completion" && root.Command(name) == nil {
			t.Errorf("an example of %q", name)
		}
	}
}

func checkFlags(t *testing.T, c *cli.Command) {
	t.Helper()
	for _, f := range c.Flags {
		names, text := flagHelp(f)
		doc, _ := f.(cli.DocGenerationFlag)
		_, value, _ := strings.Cut(names, "--"+f.Names()[0])
		value = strings.TrimSpace(value)
		if doc.TakesValue() == (value == "") || text == "" || strings.Contains(text, "`N`") || slices.Contains([]string{"string", "int", "uint", "float", "duration", "value"}, value) {
			t.Errorf("%s: %q: %q", c.Name, names, text)
		}
		if strings.Count(text, "(default:") > 1 {
			t.Errorf("%s: %q tells its default twice: %q", c.Name, names, text)
		}
	}
}

// TestCompletion: the scripts are those of the three shells, and what they ask
// for is answered.
func TestCompletion(t *testing.T) {
	for shell, mark := range map[string]string{"bash": "complete ", "zsh": "#compdef ceiling", "fish": "complete -c ceiling"} {
		if text, errText, code := inProcess("completion", shell); code != 0 || errText != "" || !strings.Contains(text, mark) || !strings.Contains(text, "ceiling") {
			t.Errorf("%s: exit code %d, %q\n%s", shell, code, errText, text)
		}
	}
	if _, errText, code := inProcess("completion", "pwsh"); code != exitUsage || !strings.Contains(errText, "name a shell") {
		t.Errorf("another shell: exit code %d, %q", code, errText)
	}
	for args, want := range map[string]string{"c": "compare", "run --spl": "--split-mode", "": "doctor", "run --split-mode": "tensor\n", "run -sm": "tensor\n", "run --suite": "smoke\n", "export --format": "benchfmt\n"} {
		text, err := exec.Command("ceiling", append(strings.Fields(args), "--generate-shell-completion")...).Output()
		if err != nil || !strings.Contains(string(text), want) {
			t.Errorf("%q: %v, %q", args, err, text)
		}
	}
}

// TestManual: the page has every command and flag that help shows, in macros that
// man knows.
func TestManual(t *testing.T) {
	page, _, code := inProcess("man")
	if code != 0 {
		t.Fatalf("exit code %d", code)
	}
	known := []string{".TH", ".SH", ".SS", ".PP", ".TP", ".B", ".I", ".nf", ".fi", ".RS", ".RE"}
	for line := range strings.Lines(page) {
		macro, _, _ := strings.Cut(strings.TrimRight(line, "\n"), " ")
		if strings.HasPrefix(line, ".") && !slices.Contains(known, macro) || strings.HasPrefix(line, "'") {
			t.Errorf("%q is no macro", line)
		}
	}
	for _, c := range app(io.Discard, io.Discard).Commands {
		if !strings.Contains(page, "\n.SS "+c.Name+"\n") {
			t.Errorf("no %s", c.Name)
		}
		for _, f := range c.VisibleFlags() {
			if names, _ := flagHelp(f); !strings.Contains(page, "\n.B "+strings.ReplaceAll(names, "-", `\-`)+"\n") {
				t.Errorf("no %s of %s", names, c.Name)
			}
		}
	}
	if !strings.Contains(page, ".TP\n130\nstopped by a signal") {
		t.Error("no exit codes")
	}
}

// exampleOrder are the commands whose examples others build on.
var exampleOrder = []string{"run", "ceiling"}

// tinyProbe is in the place of a search's requests.
const tinyProbe = "--input 16 --output 4 --max 1 --retry 0 --waves 1 --devices none"

// tinySearch is in the place of a long search for settings.
const tinySearch = "--budget 40s --threads 1 --search ubatch=64 --input 16 --output 4 --probe 1ms --confirm 2 --retry 0 --devices none"

// TestExamples runs every example of the help as it stands, but for the
// suite, which is a short one, and the server's port.
func TestExamples(t *testing.T) {
	dir := t.TempDir()
	if err := os.Rename(writeDemo(t), filepath.Join(dir, "model.gguf")); err != nil {
		t.Fatal(err)
	}
	if _, err := awqtest.Write(filepath.Join(dir, "checkpoint"), awqtest.VariantOptions{}); err != nil {
		t.Fatal(err)
	}
	suite := "name: s\nscenarios:\n  - {name: A, category: Latency, purpose: A test, input: 20, output: 4, concurrency: 1, prompts: 2}\n"
	if err := os.WriteFile(filepath.Join(dir, "tiny.yaml"), []byte(suite), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.Mkdir(filepath.Join(dir, "bundle"), 0o755), bundle.Write(filepath.Join(dir, "bundle"))); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(&echoes{})
	defer server.Close()
	change := strings.NewReplacer("--suite smoke", "--suite tiny.yaml --devices none", "--input 1024 --output 256", tinyProbe, "--input 512 --output 64", tinyProbe, "--budget 20m", tinySearch, "http://127.0.0.1:8080", server.URL)
	names := slices.Clone(exampleOrder)
	for name := range examples {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	for _, name := range names {
		for _, example := range examples[name] {
			line := change.Replace(example)
			if name == "drive" {
				line = strings.Replace(line, " --devices none", "", 1)
			}
			cmd := exec.Command("sh", "-c", line)
			cmd.Dir = dir
			out, err := cmd.CombinedOutput()
			// doctor ends with 3 where this machine is not fit to measure on.
			if code := cmd.ProcessState.ExitCode(); err != nil && !(name == "doctor" && code == exitInvalid) {
				t.Errorf("%s: %v\n%s", example, err, out)
			}
		}
	}
	for _, made := range []string{"results/model/report.md", "results/tuned/tuned.yaml", "results/faster/report.md", "results/server/report.md", "model.html", "demo.gguf", "converted.gguf", "ceiling.1", "ceiling.bash"} {
		if info, err := os.Stat(filepath.Join(dir, made)); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v", made, err)
		}
	}
}
