package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"ceiling/bench/result"
)

// onTerminal runs the program with both outputs on a pseudo-terminal of 100
// columns, and returns what it shows there.
func onTerminal(t *testing.T, args ...string) string {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer master.Close()
	fd := int(master.Fd())
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 30, Col: 100}); err != nil {
		t.Fatal(err)
	}
	slave, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("ceiling", args...)
	cmd.Stdout, cmd.Stderr = slave, slave
	if err := errors.Join(cmd.Start(), slave.Close()); err != nil {
		t.Fatal(err)
	}
	var shown bytes.Buffer
	// The end of a terminal without a writer is EIO.
	if _, err := io.Copy(&shown, master); err != nil && !errors.Is(err, syscall.EIO) && !errors.Is(err, fs.ErrClosed) {
		t.Error(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("%v: %s", err, shown.String())
	}
	return shown.String()
}

// TestBarMoves: on a terminal the bar goes on in each scenario after the tasks
// before it have filled theirs, and the run ends with its table.
func TestBarMoves(t *testing.T) {
	dir := t.TempDir()
	suite := filepath.Join(dir, "s.yaml")
	text := "name: s\nscenarios:\n"
	for _, name := range []string{"First", "Second"} {
		text += fmt.Sprintf("  - {name: %s, category: Latency, purpose: A test, input: 16, output: 384, concurrency: 2, prompts: 8}\n", name)
	}
	if err := os.WriteFile(suite, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(dir, "run")
	shown := onTerminal(t, "run", writeDemo(t), "--suite", suite, "--out", out, "--devices", "none", "--threads", "1", "--prose", "rules")
	for _, task := range []string{"1/2 First", "2/2 Second"} {
		seen := map[string]bool{}
		for _, m := range regexp.MustCompile(regexp.QuoteMeta(task)+` \(request [^%\r\n]*? ([0-9]+)% `).FindAllStringSubmatch(shown, -1) {
			seen[m[1]] = true
		}
		if delete(seen, "0"); len(seen) < 2 {
			t.Errorf("%s: the bar was seen at %v\n%q", task, seen, shown)
		}
	}
	plain := strings.ReplaceAll(shown, "\r\n", "\n")
	// What else ran on this machine is not the test's to say.
	plain = regexp.MustCompile(`\nverdict     (valid|(unknown|short|unsettled|disturbed): [^\n]+)\n`).ReplaceAllString(plain, "\nverdict     ✓\n")
	end := fmt.Sprintf("sweet spot  N/A\npeak        N/A\nverdict     ✓\n%s\n%s\n", filepath.Join(out, result.ReportFile), filepath.Join(out, result.PageFile))
	if !strings.HasSuffix(plain, end) || !regexp.MustCompile(`\nScenario +Output Throughput \(tok/s\) +TTFT mean \(ms\) +TPOT median \(ms\) +TPOT p99 \(ms\) +Verdict\nFirst +[0-9.]+ +[0-9.]+ +[0-9.]+ +[0-9.]+ +[a-z]+\nSecond +`).MatchString(plain) {
		t.Errorf("the end is\n%s", plain[max(len(plain)-1000, 0):])
	}
	again, _, code := inProcess("summary", out)
	again = regexp.MustCompile(`\nverdict     [^\n]+\n`).ReplaceAllString(again, "\nverdict     ✓\n")
	if code != 0 || !strings.HasSuffix(plain, again) {
		t.Errorf("summary: exit code %d\n%s", code, again)
	}
}
