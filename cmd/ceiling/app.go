package main

// Text rules of this program: results go to stdout, everything else to
// stderr. An error is one line, lower case, without a full stop: what was
// wrong with which value, and what to do about it. Several mistakes in one
// input are several lines.

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"strings"
	"sync/atomic"
	"syscall"

	"github.com/urfave/cli/v3"

	"ceiling/internal/oneline"
)

// Exit codes.
const (
	exitFailed      = 1   // the command failed
	exitUsage       = 2   // wrong arguments or suite
	exitInvalid     = 3   // done, but a scenario, a gate or a check of doctor failed
	exitInterrupted = 130 // stopped by a signal, the partial result is saved
	exitBrokenPipe  = 141 // nobody reads the output; as a program that SIGPIPE ends
)

// codedError is an error that knows the program's exit code.
type codedError struct {
	code int
	err  error
}

func (e codedError) Error() string { return e.err.Error() }
func (e codedError) Unwrap() error { return e.err }

// usagef is a mistake in the arguments: exit code 2.
func usagef(format string, args ...any) error {
	return codedError{exitUsage, fmt.Errorf(format, args...)}
}

// run is the whole program: arguments in, exit code out.
func run(args []string, stdout, stderr io.Writer) int {
	ctx, stop := untilSignal()
	defer stop()
	sayWhyEnded(stderr)
	err := orInterrupted(ctx, app(stdout, stderr).Run(ctx, args))
	switch {
	case err == nil:
		return 0
	case outputGone(err):
		return exitBrokenPipe
	}
	printError(stderr, err)
	if code := exitCode(err); code != exitFailed || ctx.Err() == nil {
		return code
	}
	return exitInterrupted
}

// signals are what a user ends a command with. The first ends the context, so
// that the command comes to an orderly end. The next one ends the process at
// once, but for a command that takes it as a wish to hurry: there it is the one
// after.
type signals struct {
	hurried chan struct{} // closed by the second
	taken   atomic.Bool   // someone looks at hurried
}

type signalsKey struct{}

// hurry is closed when the user does not want to wait for an orderly end.
func hurry(ctx context.Context) <-chan struct{} {
	s, ok := ctx.Value(signalsKey{}).(*signals)
	if !ok {
		return nil
	}
	s.taken.Store(true)
	return s.hurried
}

// untilSignal is a context that the first signal ends. A terminal that is
// closed sends SIGHUP, once by the kernel and once more by the shell, and nohup
// has it ignored.
func untilSignal() (ctx context.Context, stop func()) {
	// A write to a pipe without a reader is an error like any other. By default
	// Go ends the process where that is stdout or stderr, and the reader of
	// `… 2>&1 | tee log` is ended by the same Ctrl-C that ends a run.
	signal.Ignore(syscall.SIGPIPE)
	ends := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) {
		ends = append(ends, syscall.SIGHUP)
	}
	s := &signals{hurried: make(chan struct{})}
	ctx, cancel := context.WithCancel(context.WithValue(context.Background(), signalsKey{}, s))
	came := make(chan os.Signal, 1)
	signal.Notify(came, ends...)
	go func() {
		<-came
		cancel()
		signal.Ignore(syscall.SIGHUP)
		if s.taken.Load() {
			<-came
			close(s.hurried)
		}
		signal.Stop(came)
	}()
	return ctx, func() {
		signal.Stop(came)
		cancel()
	}
}

// orInterrupted is the error of a command that a signal has ended, in a user's
// words.
func orInterrupted(ctx context.Context, err error) error {
	var coded codedError
	if ctx.Err() == nil || !errors.Is(err, context.Canceled) || errors.As(err, &coded) {
		return err
	}
	return errInterrupted
}

// outputGone tells whether an error is that nobody reads stdout any more, as
// behind `| head`.
func outputGone(err error) bool {
	var path *fs.PathError
	return errors.As(err, &path) && path.Path == os.Stdout.Name() && errors.Is(path.Err, syscall.EPIPE)
}

// exitCode is the one that an error knows, exitFailed where it knows none.
func exitCode(err error) int {
	var coded codedError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &coded):
		return coded.code
	}
	return exitFailed
}

// printError writes an error, each of its lines behind the program's name.
func printError(stderr io.Writer, err error) {
	for line := range strings.Lines(err.Error()) {
		fmt.Fprintf(stderr, "ceiling: %s\n", oneline.Visible(strings.TrimRight(line, "\n")))
	}
}

// app is the command tree.
func app(stdout, stderr io.Writer) *cli.Command {
	useOwnHelp()
	root := &cli.Command{
		Name:                            "ceiling",
		Usage:                           "measure what an LLM engine can do on this machine, with no server in the way",
		Version:                         version,
		EnableShellCompletion:           true,
		ConfigureShellCompletionCommand: completionCommand,
		Writer:                          stdout,
		ErrWriter:                       stderr,
		Commands: []*cli.Command{
			runCommand(), driveCommand(), reportCommand(), synthCommand(), convertCommand(), inspectCommand(), devicesCommand(), doctorCommand(), verifyCommand(), versionCommand(),
			suitesCommand(), compareCommand(), summaryCommand(), historyCommand(), capacityCommand(), tuneCommand(), exportCommand(), rooflineCommand(), bundleCommand(), manCommand(),
		},
		// The program's exit code is decided in run, after every defer.
		ExitErrHandler: func(context.Context, *cli.Command, error) {},
		Action: func(_ context.Context, c *cli.Command) error {
			if c.Args().Len() > 0 {
				return unknownCommand(c, c.Args().First())
			}
			return cli.ShowRootCommandHelp(c)
		},
	}
	for _, c := range append(root.Commands, root) {
		c.OnUsageError, c.ShellComplete = usageError, completeValues
	}
	return root
}

// noArgs refuses stray arguments, which would otherwise be ignored.
func noArgs(c *cli.Command) error {
	if c.Args().Len() > 0 {
		return usagef("unexpected argument %q; `%s --help` lists the flags", c.Args().First(), c.FullName())
	}
	return nil
}
