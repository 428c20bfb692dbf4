package main

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"ceiling/bench/result"
)

// total is the number of requests of the suite `waves`.
const total = 40 + 80 + 8

func (b *breaker) wavesArgs(out string) []string {
	return []string{"run", "--model", b.model, "--suite", b.path("waves.yaml"), "--threads", "1", "--prose", "off", "--out", out}
}

// later starts a run and returns it after a random part of the time that one
// takes, with the folder that it works in.
func (b *breaker) later(name string, n int) (*process, string, error) {
	out := b.path(fmt.Sprintf("%s-%d", name, n))
	p, err := b.start(b.wavesArgs(out)...)
	if err != nil {
		return nil, "", err
	}
	if n%4 > 0 { // the others are hit at the start
		for limit := time.Now().Add(longest); ; time.Sleep(time.Millisecond) {
			if _, err := os.Stat(filepath.Join(out, "requests.jsonl")); err == nil || time.Now().After(limit) {
				break
			}
		}
	}
	time.Sleep(time.Duration(b.rng.IntN(400)) * time.Millisecond)
	return p, out, nil
}

// kill ends a run in the midst of it, and goes on with it.
func (b *breaker) kill(n int) error {
	p, out, err := b.later("kill", n)
	if err != nil {
		return err
	}
	_ = p.cmd.Process.Kill() // it may have ended
	p.wait()
	if err := wholeWaves(out); err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(out, "manifest.json")); errors.Is(err, fs.ErrNotExist) {
		return os.RemoveAll(out) // nothing to go on with
	}
	return b.goOn(out)
}

// goOn resumes a run and checks that it is whole then.
func (b *breaker) goOn(out string) error {
	r, err := b.run("run", "--resume", out)
	if err == nil && r.code != 0 {
		err = fmt.Errorf("--resume: exit code %d: %s", r.code, tail(r.text))
	}
	if err == nil {
		err = complete(out)
	}
	if err == nil {
		err = os.RemoveAll(out)
	}
	return err
}

// wholeWaves checks that all requests that ended in one step are in the journal
// or none.
func wholeWaves(out string) error {
	c, err := result.ReadJournalFile(filepath.Join(out, "requests.jsonl"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	ended := map[string]int{}
	for _, r := range c.Records {
		ended[fmt.Sprintf("%s, which ended at %v", r.Name, r.End)]++
	}
	for what, n := range ended {
		if n != 4 && !strings.HasPrefix(what, "Third") {
			return fmt.Errorf("%s: %d of 4 requests of %s are in the journal", out, n, what)
		}
	}
	if c.Torn {
		return fmt.Errorf("%s: the journal's last line is torn", out)
	}
	return nil
}

// complete checks the folder of a finished run.
func complete(out string) error {
	c, err := result.ReadJournalFile(filepath.Join(out, "requests.jsonl"))
	if err != nil {
		return err
	}
	seen := map[[2]int]bool{}
	for _, r := range c.Records {
		seen[[2]int{r.Scenario, r.Request}] = true
	}
	if len(seen) != total || len(c.Records) != total || c.Torn {
		return fmt.Errorf("%s: %d records of %d requests, torn %v; want %d", out, len(c.Records), len(seen), c.Torn, total)
	}
	results, err := result.Load(filepath.Join(out, "results.json"))
	if err != nil {
		return err
	}
	for i, d := range results.Details {
		if d.Status != result.StatusComplete || results.Results[i].FailedRequests > 0 {
			return fmt.Errorf("%s: scenario %q is %s", out, d.Name, d.Status)
		}
	}
	if results.Partial || len(results.Details) != 3 {
		return fmt.Errorf("%s: partial %v, %d scenarios", out, results.Partial, len(results.Details))
	}
	return tidy(out, "results.json", "report.md", "report.html", "manifest.json", "engine.log")
}

// tidy checks that a folder holds the files, and none that a run leaves behind
// only where it dies.
func tidy(out string, files ...string) error {
	for _, name := range files {
		if info, err := os.Stat(filepath.Join(out, name)); err != nil || info.Size() == 0 {
			return fmt.Errorf("%s: no %s", out, name)
		}
	}
	entries, err := os.ReadDir(out)
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") || e.Name() == "running.json" || e.Name() == "crash.log" {
			return fmt.Errorf("%s: %s is left", out, e.Name())
		}
	}
	return err
}

// ways are how a user ends a run; deaf closes its outputs first, as
// `2>&1 | tee log` does.
var ways = []struct {
	signal syscall.Signal
	deaf   bool
}{{syscall.SIGINT, false}, {syscall.SIGTERM, false}, {syscall.SIGHUP, true}, {syscall.SIGINT, true}}

// signal ends a run as a user does.
func (b *breaker) signal(n int) error {
	p, out, err := b.later("signal", n)
	if err != nil {
		return err
	}
	way := ways[n/4%len(ways)]
	if way.deaf {
		p.reader.Close()
	}
	_ = p.cmd.Process.Signal(way.signal) // it may have ended
	r := p.wait()
	_, errDir := os.Stat(out)
	if r.code < 0 && r.text == "" && errors.Is(errDir, fs.ErrNotExist) {
		return nil // it was still being loaded, and had done nothing
	}
	if err := r.check([]string{way.signal.String(), strconv.FormatBool(way.deaf)}); err != nil && !way.deaf {
		return err
	}
	switch {
	case r.hung || r.code != 130 && r.code != 0:
		return fmt.Errorf("%s: exit code %d, hung %v: %s", way.signal, r.code, r.hung, tail(r.text))
	case strings.Contains(r.text, "context canceled"):
		return fmt.Errorf("%s: %s", way.signal, tail(r.text))
	case r.code == 0:
		return cmp.Or(complete(out), os.RemoveAll(out))
	case errors.Is(errDir, fs.ErrNotExist):
		return nil // nothing was measured
	}
	if err := tidy(out, "results.json", "report.md", "report.html"); err != nil {
		return err
	}
	return b.goOn(out)
}

// both runs two commands at once.
func (b *breaker) both(args []string) (codes [2]int, err error) {
	var ps [2]*process
	for i := range ps {
		if ps[i], err = b.start(args...); err != nil {
			return codes, err
		}
	}
	for i, p := range ps {
		r := p.wait()
		codes[i] = r.code
		if e := r.check(args); e != nil {
			err = e
		}
	}
	if codes[0] > codes[1] {
		codes[0], codes[1] = codes[1], codes[0]
	}
	return codes, err
}

// pairOfRuns starts two runs in one folder, or every fourth time in none that
// is named.
func (b *breaker) pairOfRuns(n int) error {
	if n%4 == 3 {
		results := b.path("results")
		codes, err := b.both(b.wavesArgs("")[:9])
		dirs, _ := filepath.Glob(filepath.Join(results, "*")) // a good pattern
		if err == nil && (codes != [2]int{0, 0} || len(dirs) != 2) {
			err = fmt.Errorf("without --out: exit codes %v, folders %q", codes, dirs)
		}
		for _, dir := range dirs {
			err = cmp.Or(err, complete(dir))
		}
		return cmp.Or(err, os.RemoveAll(results))
	}
	out := b.path(fmt.Sprintf("pair-%d", n))
	codes, err := b.both(b.wavesArgs(out))
	if err == nil && codes != [2]int{0, 2} {
		err = fmt.Errorf("two runs in %s: exit codes %v", out, codes)
	}
	return cmp.Or(err, complete(out), os.RemoveAll(out))
}

// interrupted makes the run that pairs of resumes go on with.
func (b *breaker) interrupted() error {
	for range 20 {
		out := b.path("interrupted")
		p, err := b.start(b.wavesArgs(out)...)
		if err != nil {
			return err
		}
		for {
			text, _ := os.ReadFile(filepath.Join(out, "requests.jsonl")) // not there yet
			if strings.Contains(string(text), `"Second"`) {
				break
			}
			select {
			case <-p.ended:
				return fmt.Errorf("no run to interrupt: %s", tail(p.text.String()))
			case <-time.After(time.Millisecond):
			}
		}
		_ = p.cmd.Process.Signal(syscall.SIGINT)
		if r := p.wait(); r.code == 130 {
			return nil
		}
		if err := os.RemoveAll(out); err != nil { // it had ended
			return err
		}
	}
	return errors.New("no run could be interrupted")
}

// pairOfResumes goes on with one run twice at once.
func (b *breaker) pairOfResumes(n int) error {
	out := b.path(fmt.Sprintf("resume-%d", n))
	if err := os.CopyFS(out, os.DirFS(b.path("interrupted"))); err != nil {
		return err
	}
	codes, err := b.both([]string{"run", "--resume", out})
	if err == nil && codes != [2]int{0, 2} && codes != [2]int{0, 0} { // the second may find it finished
		err = fmt.Errorf("two resumes in %s: exit codes %v", out, codes)
	}
	return cmp.Or(err, complete(out), os.RemoveAll(out))
}
