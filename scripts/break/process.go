package main

import (
	"bytes"
	"cmp"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	// longest is how long any command may take.
	longest = 2 * time.Minute
	// most is the memory that a process may take where its input does not ask
	// for more: bytes.
	most = 1 << 30
)

// largest is the most memory that a process of the kind has taken.
var largest int64

// outcome is how a process ended.
type outcome struct {
	code int // −1: by a signal
	text string
	hung bool
	rss  int64 // bytes
}

// process is a program under attack. Both its outputs are one pipe.
type process struct {
	cmd    *exec.Cmd
	reader *os.File
	ended  chan struct{}
	mu     sync.Mutex
	text   bytes.Buffer
}

func (b *breaker) start(args ...string) (*process, error) {
	p := &process{cmd: exec.Command(b.program, args...), ended: make(chan struct{})}
	p.cmd.Dir = b.dir
	p.cmd.Env = append(os.Environ(), "OMP_WAIT_POLICY=passive", "CEILING_CACHE="+b.path("cache"), "CEILING_API_KEY="+secret)
	reader, writer, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	p.reader, p.cmd.Stdout, p.cmd.Stderr = reader, writer, writer
	if err := cmp.Or(p.cmd.Start(), writer.Close()); err != nil {
		return nil, err
	}
	go p.read()
	return p, nil
}

func (p *process) read() {
	defer close(p.ended)
	buf := make([]byte, 1<<16)
	for {
		n, err := p.reader.Read(buf)
		p.mu.Lock()
		p.text.Write(buf[:n])
		p.mu.Unlock()
		if err != nil {
			break
		}
	}
	_ = p.cmd.Wait() // the state says it
}

// wait returns how the process ended, and ends it where it hangs.
func (p *process) wait() outcome {
	var r outcome
	select {
	case <-p.ended:
	case <-time.After(longest):
		r.hung = true
		_ = p.cmd.Process.Kill()
		<-p.ended
	}
	r.code, r.text = p.cmd.ProcessState.ExitCode(), p.text.String()
	if u, ok := p.cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		r.rss = u.Maxrss << 10
	}
	largest = max(largest, r.rss)
	return r
}

// run runs the program to its end.
func (b *breaker) run(args ...string) (r outcome, broke error) {
	p, err := b.start(args...)
	if err != nil {
		return outcome{code: -1, text: err.Error()}, err
	}
	r = p.wait()
	return r, r.check(args)
}

// must runs the program on something sound.
func (b *breaker) must(args ...string) error {
	r, err := b.run(args...)
	if err == nil && r.code != 0 {
		err = fmt.Errorf("%q: exit code %d: %s", args, r.code, tail(r.text))
	}
	return err
}

// check is what no input and no server may bring about.
func (r outcome) check(args []string) error {
	why := ""
	switch {
	case r.hung:
		why = fmt.Sprintf("hangs for %v", longest)
	case r.code < 0:
		why = "died of a signal"
	case strings.Contains(r.text, "panic: ") || strings.Contains(r.text, "goroutine 1 ") || strings.Contains(r.text, "SIG"):
		why = "crashed"
	case r.rss > most:
		why = fmt.Sprintf("took %d MB", r.rss>>20)
	case r.code != 0 && !strings.Contains(r.text, "ceiling: "):
		why = fmt.Sprintf("exit code %d without a word", r.code)
	default:
		return nil
	}
	return fmt.Errorf("%s: %q: %s", why, args, tail(r.text))
}

// tail is the end of an output.
func tail(text string) string {
	return strings.TrimSpace(text[max(0, len(text)-400):])
}
