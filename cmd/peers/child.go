package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

// child is a tool's process. Its output is kept in memory: the tools print
// little, and their last lines say why they failed.
type child struct {
	name   string
	cmd    *exec.Cmd
	cancel context.CancelFunc
	ctx    context.Context
	stdout output
	stderr tail
	others disturbance
	wait   func() error // of the process, once
	exited chan struct{}
}

// stopped is what is known of a process when it has ended.
type stopped struct {
	stdout  []byte
	peakRSS int64   // bytes
	cpu     float64 // seconds
	others  float64 // cores that other programs used meanwhile
}

// start runs a program. It is killed when ctx ends or the timeout is over.
func start(ctx context.Context, s *settings, path string, args ...string) (*child, error) {
	c := &child{name: pathBase(path), exited: make(chan struct{})}
	c.ctx, c.cancel = context.WithTimeout(ctx, s.timeout)
	c.cmd = exec.CommandContext(c.ctx, path, args...)
	c.cmd.Stdout, c.cmd.Stderr = &c.stdout, &c.stderr
	c.cmd.WaitDelay = 5 * time.Second
	c.others = watchOthers()
	if err := c.cmd.Start(); err != nil {
		c.cancel()
		return nil, fmt.Errorf("%s: %w", c.name, err)
	}
	c.wait = sync.OnceValue(c.cmd.Wait)
	go func() {
		_ = c.wait()
		close(c.exited)
	}()
	return c, nil
}

// finish waits for the process to end by itself.
func (c *child) finish() (stopped, error) {
	defer c.cancel()
	if err := c.wait(); err != nil {
		return stopped{}, c.failure(err)
	}
	return c.result(), nil
}

// terminate asks the process to end, as its user would, and waits. A program
// that does not end within the grace is killed.
func (c *child) terminate(grace time.Duration) (stopped, error) {
	defer c.cancel()
	if err := c.signal(syscall.SIGTERM); err != nil {
		return stopped{}, err
	}
	timer := time.AfterFunc(grace, c.cancel)
	defer timer.Stop()
	err := c.wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return stopped{}, c.failure(err)
	}
	return c.result(), nil
}

// signal does nothing to a process that has ended.
func (c *child) signal(s os.Signal) error {
	if err := c.cmd.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("%s: %w", c.name, err)
	}
	return nil
}

func (c *child) result() stopped {
	r := stopped{stdout: c.stdout.text.Bytes()}
	if u, ok := c.cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		r.peakRSS = u.Maxrss << 10 // Linux counts KiB
		r.cpu = usage(u)
		r.others = c.others.cores(r.cpu)
	}
	return r
}

// failure adds what the process said last to its error.
func (c *child) failure(err error) error {
	if errors.Is(c.ctx.Err(), context.DeadlineExceeded) {
		err = fmt.Errorf("killed after the time that --timeout gives: %w", err)
	}
	if text := strings.TrimSpace(c.stderr.String()); text != "" {
		return fmt.Errorf("%s: %w; its last lines:\n%s", c.name, err, text)
	}
	return fmt.Errorf("%s: %w", c.name, err)
}

// output keeps what was written, and when each of its lines ended.
type output struct {
	text bytes.Buffer // not embedded: its ReadFrom would pass Write by
	ends []time.Time
}

// Write never fails.
func (o *output) Write(p []byte) (int, error) {
	at := time.Now()
	for range bytes.Count(p, []byte{'\n'}) {
		o.ends = append(o.ends, at)
	}
	return o.text.Write(p)
}

// tail keeps the last bytes that were written.
type tail struct {
	mu  sync.Mutex
	buf []byte
}

const tailBytes = 2000

// Write never fails.
func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf = append(t.buf, p...)
	if n := len(t.buf) - tailBytes; n > 0 {
		t.buf = append(t.buf[:0], t.buf[n:]...)
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.buf)
}
