package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/urfave/cli/v3"

	"ceiling/bench"
	"ceiling/engine"
)

// watchdog looks after the calls into the engine. One that waits for a server
// behind --rpc that is silent, or for a device that hangs, never returns, and
// can't be made to.
type watchdog struct {
	calls *bench.Calls
	rpc   []string
	limit time.Duration
	flag  string // that sets the limit
	tell  func(format string, args ...any)
	// giveUp keeps what is finished and returns the code that the process ends
	// with: the thread that is in the engine does not come back. The reason is
	// errInterrupted where the user has had enough.
	giveUp func(reason error) int
	// stopped is told of a pause of the whole process that has just ended.
	stopped func(time.Duration)

	phase atomic.Pointer[phase]
}

// phase is what the calls of the moment are for.
type phase struct {
	what  string
	extra time.Duration // beyond the limit
}

func stepTimeoutFlag() cli.Flag {
	return &cli.DurationFlag{Name: "step-timeout", Value: 10 * time.Minute, Validator: aTime,
		Usage: "give up when the engine does not return for `TIME`; what is finished is saved"}
}

// newWatchdog reads its limit from the flags. A command without --step-timeout
// is not bounded where it uses no server.
func newWatchdog(c *cli.Command, calls *bench.Calls) *watchdog {
	w := &watchdog{calls: calls, rpc: c.StringSlice("rpc"), limit: c.Duration("step-timeout"), flag: "step-timeout"}
	if w.limit == 0 {
		w.limit = 1 << 62
	}
	if limit := c.Duration("rpc-timeout"); len(w.rpc) > 0 && limit < w.limit {
		w.limit, w.flag = limit, "rpc-timeout"
	}
	w.phase.Store(&phase{what: "a step"})
	w.stopped = func(time.Duration) {}
	return w
}

// during makes a call under the watchdog's eyes. It may take so much longer
// than the limit.
func (w *watchdog) during(what string, extra time.Duration, call func() error) error {
	before := w.phase.Swap(&phase{what, extra})
	w.calls.Begin()
	defer func() {
		w.calls.End()
		w.phase.Store(before)
	}()
	return call()
}

// alive says that the call that is under way makes progress.
func (w *watchdog) alive() {
	w.calls.End()
	w.calls.Begin()
}

// start watches until stop is called.
func (w *watchdog) start(ctx context.Context) (stop func()) {
	quit, resumed := make(chan struct{}), make(chan os.Signal, 1)
	signal.Notify(resumed, syscall.SIGCONT)
	go w.watch(ctx, resumed, quit)
	return func() {
		signal.Stop(resumed)
		close(quit)
	}
}

func (w *watchdog) watch(ctx context.Context, resumed <-chan os.Signal, quit <-chan struct{}) {
	ticker := time.NewTicker(watchEvery)
	defer ticker.Stop()
	v := vigil{tells: len(w.rpc) > 0, limit: w.limit}
	var pause time.Duration // that no signal has explained yet
	hurried, hurries := hurry(ctx), false
	for {
		signaled := false
		select {
		case <-quit:
			return
		case <-hurried:
			hurried, hurries = nil, true
		case <-resumed:
			signaled = true
		case <-ticker.C:
		}
		call, inside := w.calls.Now()
		p := w.phase.Load()
		is, gap := v.look(time.Now(), sight{call, inside, p.extra, ctx.Err() != nil, hurries})
		// The look after a pause and the signal that ended it come in any order.
		if pause = max(pause, gap); signaled {
			w.stopped(pause)
		}
		if gap == 0 && !signaled {
			pause = 0
		}
		switch is {
		case quiet:
			w.tell("note: %s: no answer from rpc server %s for %v; given up after --%s %v", p.what, w.servers(), quietAfter, w.flag, w.limit)
		case hangs:
			os.Exit(w.giveUp(fmt.Errorf("%s %s", p.what, w.silence(p.extra))))
		case unheard:
			os.Exit(w.giveUp(codedError{exitInterrupted, errInterrupted}))
		}
	}
}

func (w *watchdog) silence(extra time.Duration) string {
	if len(w.rpc) > 0 {
		return fmt.Sprintf("got no answer from rpc server %s for %v (--%s)", w.servers(), w.limit+extra, w.flag)
	}
	return fmt.Sprintf("did not return for %v (--%s)", w.limit+extra, w.flag)
}

// servers names those that take no connection, or all where every one does: a
// process that is stopped, or busy, still takes them.
func (w *watchdog) servers() string {
	if silent := engine.SilentServers(); len(silent) > 0 {
		return strings.Join(silent, ", ")
	}
	return strings.Join(w.rpc, ", ")
}

// underWatch is an action of a command that has nothing to save when the engine
// does not return.
func underWatch(action func(ctx context.Context, c *cli.Command) error) cli.ActionFunc {
	return withWatch(func(ctx context.Context, c *cli.Command, _ *watchdog) error { return action(ctx, c) })
}

// withWatch is underWatch for an action of many calls, which tells the watchdog
// that it gets on.
func withWatch(action func(ctx context.Context, c *cli.Command, w *watchdog) error) cli.ActionFunc {
	return func(ctx context.Context, c *cli.Command) error {
		w := newWatchdog(c, new(bench.Calls))
		w.tell = func(format string, args ...any) { fmt.Fprintf(c.Root().ErrWriter, format+"\n", args...) }
		w.giveUp = func(reason error) int {
			printError(c.Root().ErrWriter, reason)
			return exitCode(reason)
		}
		defer w.start(ctx)()
		return w.during("asking for devices", 0, func() error { return action(ctx, c, w) })
	}
}
