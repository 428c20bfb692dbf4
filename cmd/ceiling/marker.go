package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"time"

	"ceiling/bench/result"
	"ceiling/engine"
	"ceiling/internal/outfile"
)

// What lies in a run's folder while it runs, for the case that the process dies
// without a chance to say so.
const (
	// markerFile says which scenario runs.
	markerFile = "running.json"
	// crashFile gets what can be written in a crash.
	crashFile = "crash.log"
)

// marker says which scenario runs.
type marker struct {
	Name     string `json:"name"`
	Scenario int    `json:"scenario"` // index in the suite, from 0
	Pass     int    `json:"pass"`     // from 0
	Started  string `json:"started"`  // RFC 3339
	BootID   string `json:"boot_id"`  // of the kernel; another one now: the machine went down
}

// mark leaves the marker of a scenario that is about to begin.
func (r *runner) mark(pass, scenario int) error {
	text, err := json.Marshal(marker{r.suite.Scenarios[scenario].Name, scenario, pass, time.Now().Format(time.RFC3339), bootID()})
	if err != nil {
		return err
	}
	return outfile.Write(r.dir.file(markerFile), append(text, '\n'))
}

// unmark takes away what a run leaves for its death.
func (r *runner) unmark() {
	os.Remove(r.dir.file(markerFile))
	if info, err := os.Stat(r.dir.file(crashFile)); err == nil && info.Size() == 0 {
		os.Remove(r.dir.file(crashFile))
	}
}

// keepCrash opens the file for a crash.
func (r *runner) keepCrash() error {
	path := r.dir.file(crashFile)
	f, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY|os.O_APPEND|syscall.O_NOFOLLOW, 0o644)
	if err != nil {
		return fmt.Errorf("%q: %w; choose another folder with --out", path, cause(err))
	}
	return engine.CrashOutput(f)
}

// findDeath looks whether the earlier part of the run died in a scenario, and
// says so. One that the process crashed in is recorded as failed, because it
// may do so again and the others would never get their turn; one that it was
// killed in is tried again.
func (r *runner) findDeath() error {
	text, err := os.ReadFile(r.dir.file(markerFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var m marker
	if err == nil {
		err = json.Unmarshal(text, &m)
	}
	if err != nil || m.Scenario < 0 || m.Scenario >= len(r.suite.Scenarios) || r.suite.Scenarios[m.Scenario].Name != m.Name {
		return usagef("--resume %q: %s does not fit the run; remove it, or start a new run", r.dir.path, markerFile)
	}
	if r.resumed.Complete(r.suite, m.Pass, m.Scenario) {
		return nil
	}
	if word := firstLine(r.dir.file(crashFile)); word != "" {
		reason := fmt.Sprintf("the process crashed in it: %s", word)
		r.resumed.Fail(r.suite, m.Pass, m.Scenario, reason)
		r.show.line("note: scenario %q is recorded as failed: %s; the next --resume tries it again", m.Name, reason)
		return nil
	}
	why := "killed, out of memory, or ended by a library"
	if m.BootID != bootID() {
		why = "the machine went down"
	}
	r.died = &m
	r.show.line("note: the process died while scenario %q ran (%s); it is tried again", m.Name, why)
	return nil
}

// observeDeath marks a scenario that the process died in before.
func (r *runner) observeDeath(d *result.Detail) {
	if r.died != nil && r.died.Name == d.Name {
		d.Warnings = append(d.Warnings, fmt.Sprintf("the process died in this scenario in the run's earlier part, which began it at %s", r.died.Started))
	}
}

// firstLine is the first line of a file that has more than spaces, "" for none.
func firstLine(path string) string {
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if line := strings.TrimSpace(lines.Text()); line != "" {
			return line
		}
	}
	return ""
}

// bootID is different after each start of the kernel.
func bootID() string {
	text, _ := os.ReadFile("/proc/sys/kernel/random/boot_id") // where there is none, a power cut looks like a kill
	return strings.TrimSpace(string(text))
}
