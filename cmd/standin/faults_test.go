//go:build cards

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// These tests start `ceiling run` on stand-in cards that fail, as
// `make standin-check` builds both. No time decides: a fault comes once the
// journal says that the second scenario is under way.

const (
	program = "../../build/bin/ceiling"
	starter = "../../build/standin/standin"
	hive    = "../../hip/testdata/hive"
)

const threeScenarios = `name: three
scenarios:
  - {name: First, category: Latency, purpose: A test, input: 8, output: 2, concurrency: 1, prompts: 1}
  - {name: Second, category: Latency, purpose: A test, input: 8, output: 2, concurrency: 1, prompts: 400}
  - {name: Third, category: Latency, purpose: A test, input: 8, output: 2, concurrency: 1, prompts: 1}
`

// A card's memory does not hold the second scenario's cells.
const wideScenarios = `name: wide
scenarios:
  - {name: First, category: Latency, purpose: A test, input: 8, output: 2, concurrency: 1, prompts: 1}
  - {name: Second, category: Latency, purpose: A test, input: 2000, output: 2, concurrency: 200, prompts: 200}
  - {name: Third, category: Latency, purpose: A test, input: 8, output: 2, concurrency: 1, prompts: 1}
`

const oneLayer = `{"name": "tiny", "layers": 1, "hidden": 256, "heads": 8, "kv_heads": 4, "head_dim": 128, "ffn": 512, "vocab": 1024, "context": 4096,
 "rms_epsilon": 1e-5, "rope_freq_base": 1e8}`

// abs is a path for a program that runs elsewhere.
func abs(t *testing.T, path string) string {
	t.Helper()
	path, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// bench is a folder with a model and suites.
func bench(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range map[string]string{"three.yaml": threeScenarios, "wide.yaml": wideScenarios, "tiny.json": oneLayer} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	synth := exec.Command(abs(t, program), "synth", "--geometry", "tiny.json", "--type", "q4_0", "--out", "tiny.gguf")
	synth.Dir = dir
	if out, err := synth.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return dir
}

// ended is how a run ended.
type ended struct {
	code   int // −1: by a signal
	output string
}

// ceiling runs the program on cards with a fault ("": none). The fault comes
// once the journal of the run in out has a request of the second scenario.
func ceiling(t *testing.T, dir, fault string, args ...string) ended {
	t.Helper()
	command := []string{"run", "-tree", abs(t, hive)}
	when := filepath.Join(dir, "now")
	os.Remove(when)
	if fault != "" {
		command = append(command, "-fault", fault, "-fault-when", when)
	}
	command = append(append(command, "--", abs(t, program)), args...)
	cmd := exec.Command(abs(t, starter), command...)
	cmd.Dir = dir
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	over := make(chan struct{})
	go func() {
		defer close(over)
		cmd.Wait()
	}()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for made := false; ; {
		select {
		case <-over:
			return ended{cmd.ProcessState.ExitCode(), out.String()}
		case <-tick.C:
			if journal, _ := os.ReadFile(filepath.Join(dir, "out/requests.jsonl")); !made && bytes.Contains(journal, []byte(`"scenario":1`)) {
				if err := os.WriteFile(when, nil, 0o600); err != nil {
					t.Error(err)
				}
				made = true
			}
		}
	}
}

func (e ended) says(t *testing.T, code int, words ...string) {
	t.Helper()
	if e.code != code {
		t.Errorf("exit code %d, want %d", e.code, code)
	}
	for _, w := range words {
		if !strings.Contains(e.output, w) {
			t.Errorf("nothing of %q", w)
		}
	}
	if t.Failed() {
		t.Fatal(e.output)
	}
}

// scenarios returns the status, or the error, of each in results.json.
func scenarios(t *testing.T, dir string) (out []string) {
	t.Helper()
	var results struct {
		Results []struct{ Error string }
		Details []struct{ Status string }
	}
	content, err := os.ReadFile(filepath.Join(dir, "out/results.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(content, &results); err != nil {
		t.Fatal(err)
	}
	for i, d := range results.Details {
		out = append(out, d.Status+results.Results[i].Error)
	}
	return out
}

// The runtime aborts the program on what the driver tells it: the first
// scenario is on the disk, and --resume records the reason, and goes on.
func TestFaultsThatAbort(t *testing.T) {
	for _, c := range []struct{ fault, said string }{
		{"vanish:2", "card 2 has vanished"},
		{"stray:1", "kernel "},
	} {
		t.Run(c.fault, func(t *testing.T) {
			dir := bench(t)
			e := ceiling(t, dir, c.fault, "run", "--model", "tiny.gguf", "--suite", "three.yaml", "--out", "out", "--prose", "rules", "--check", "off")
			e.says(t, -1, c.said)
			crash, err := os.ReadFile(filepath.Join(dir, "out/crash.log"))
			if err != nil || !bytes.Contains(crash, []byte("SIGABRT")) {
				t.Errorf("crash.log: %q, %v", crash, err)
			}
			e = ceiling(t, dir, "", "run", "--resume", "out")
			e.says(t, 3, `scenario "Second" is recorded as failed: the process crashed in it: SIGABRT`)
			if s := scenarios(t, dir); len(s) != 3 || s[0] != "complete" || !strings.Contains(s[1], "SIGABRT") || s[2] != "complete" {
				t.Errorf("scenarios: %q", s)
			}
		})
	}
}

// A step that never ends is given up; what was finished is there.
func TestFaultThatHangs(t *testing.T) {
	dir := bench(t)
	e := ceiling(t, dir, "hang:0", "run", "--model", "tiny.gguf", "--suite", "three.yaml", "--out", "out", "--prose", "rules", "--check", "off", "--step-timeout", "2m", "--devices", "ROCm0")
	e.says(t, 1, "hangs, as was asked for", "did not return for 2m0s (--step-timeout)")
	if s := scenarios(t, dir); len(s) < 2 || s[0] != "complete" || !strings.Contains(s[1], "did not return") {
		t.Errorf("scenarios: %q", s)
	}
}

// A card gives less memory than it says it has: at load nothing is left of the
// run; in a session the scenario has failed, and the next one runs. The runtime
// itself takes 140 MB for the kernels' private memory.
func TestFaultsOfMemory(t *testing.T) {
	dir := bench(t)
	e := ceiling(t, dir, "short:1:147849216", "run", "--model", "tiny.gguf", "--suite", "three.yaml", "--out", "out", "--prose", "rules", "--check", "off")
	e.says(t, 1, "out of memory")
	if _, err := os.Stat(filepath.Join(dir, "out")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a run that measured nothing left its folder: %v", err)
	}
	e = ceiling(t, dir, "short:1:805306368", "run", "--model", "tiny.gguf", "--suite", "wide.yaml", "--out", "out", "--prose", "rules", "--check", "off", "--devices", "ROCm1")
	e.says(t, 3, `scenario "Second" failed`)
	if s := scenarios(t, dir); len(s) != 3 || s[0] != "complete" || s[1] == "complete" || s[2] != "complete" {
		t.Errorf("scenarios: %q", s)
	}
}

// A second program that wants the cards is told that another has them.
func TestOneAtATime(t *testing.T) {
	// The shell holds the lock of the cards' file, as a program that computes
	// does, while the other asks for devices.
	cmd := exec.Command(abs(t, starter), "run", "-tree", abs(t, hive), "--", "/usr/bin/flock", "/dev/kfd", abs(t, program), "devices")
	out, err := cmd.CombinedOutput()
	if !bytes.Contains(out, []byte("another program uses the cards; they serve one at a time")) {
		t.Errorf("%v: %s", err, out)
	}
	out, err = exec.Command(abs(t, starter), "run", "-tree", abs(t, hive), "--", abs(t, program), "devices").CombinedOutput()
	if err != nil || bytes.Count(out, []byte("\nROCm")) < 4 || bytes.Contains(out, []byte("another program")) {
		t.Errorf("alone: %v: %s", err, out)
	}
}
