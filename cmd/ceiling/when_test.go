package main

import (
	"bytes"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// process is a program that a script watches: both its outputs are one pipe.
type process struct {
	cmd    *exec.Cmd
	reader *os.File
	ended  chan struct{}

	mu   sync.Mutex
	text bytes.Buffer
}

func startProcess(ts *testscript.TestScript, args []string) *process {
	// Where the tests themselves run under nohup the program would ignore
	// SIGHUP, too; a signal that is caught here is at its default there.
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	defer signal.Stop(hangups)
	path, err := exec.LookPath(args[0])
	ts.Check(err)
	p := &process{cmd: exec.Command(path, args[1:]...), ended: make(chan struct{})}
	p.cmd.Dir = ts.MkAbs(".")
	var writer *os.File
	p.reader, writer, err = os.Pipe()
	ts.Check(err)
	p.cmd.Stdout, p.cmd.Stderr = writer, writer
	ts.Check(p.cmd.Start())
	ts.Check(writer.Close())
	go p.read()
	return p
}

// read collects the output until the process has ended.
func (p *process) read() {
	defer close(p.ended)
	buf := make([]byte, 4096)
	for {
		n, err := p.reader.Read(buf)
		p.mu.Lock()
		p.text.Write(buf[:n])
		p.mu.Unlock()
		if err != nil {
			break
		}
	}
	_ = p.cmd.Wait() // the exit code says it
}

func (p *process) output() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.String()
}

// actions are what `when` does to a program or around it.
var actions = map[string]func(ts *testscript.TestScript, p *process, file string){
	"interrupt": func(ts *testscript.TestScript, p *process, _ string) { ts.Check(p.cmd.Process.Signal(syscall.SIGINT)) },
	"terminate": func(ts *testscript.TestScript, p *process, _ string) { ts.Check(p.cmd.Process.Signal(syscall.SIGTERM)) },
	// A terminal that is closed: the kernel sends the signal, and so does the shell.
	"hangup": func(ts *testscript.TestScript, p *process, _ string) {
		ts.Check(p.reader.Close())
		ts.Check(p.cmd.Process.Signal(syscall.SIGHUP))
		time.Sleep(20 * time.Millisecond)
		_ = p.cmd.Process.Signal(syscall.SIGHUP)
	},
	// Ctrl-C with `2>&1 | tee log`, which ends at once.
	"deaf": func(ts *testscript.TestScript, p *process, _ string) {
		ts.Check(p.reader.Close())
		ts.Check(p.cmd.Process.Signal(syscall.SIGINT))
	},
	"pause": func(ts *testscript.TestScript, p *process, _ string) {
		ts.Check(p.cmd.Process.Signal(syscall.SIGSTOP))
		time.Sleep(2 * time.Second)
		ts.Check(p.cmd.Process.Signal(syscall.SIGCONT))
	},
	"shoot": func(ts *testscript.TestScript, p *process, _ string) { ts.Check(p.cmd.Process.Kill()) },
	"crash": func(ts *testscript.TestScript, p *process, _ string) { ts.Check(p.cmd.Process.Signal(syscall.SIGABRT)) },
	"fill": func(ts *testscript.TestScript, _ *process, file string) {
		fill(ts, filepath.Join(filepath.Dir(file), "..", "filler"))
	},
	"kill":    func(ts *testscript.TestScript, _ *process, _ string) { signalServer(ts, syscall.SIGKILL) },
	"unplug":  unplug,
	"silence": func(ts *testscript.TestScript, _ *process, _ string) { signalServer(ts, syscall.SIGSTOP) },
	"silence+interrupt": func(ts *testscript.TestScript, p *process, _ string) {
		signalServer(ts, syscall.SIGSTOP)
		time.Sleep(300 * time.Millisecond) // the step under way does not end any more
		ts.Check(p.cmd.Process.Signal(syscall.SIGINT))
		time.Sleep(100 * time.Millisecond)
		_ = p.cmd.Process.Signal(syscall.SIGINT)
	},
}

// when FILE TEXT ACTION CODE PROGRAM ARG… starts the program, does something
// once the file, or its own output with "-", holds the text, and checks the
// exit code. The file "output" gets its output.
func when(ts *testscript.TestScript, neg bool, args []string) {
	file, text, code := ts.MkAbs(args[0]), args[1], args[3]
	action := actions[args[2]]
	if neg || action == nil {
		ts.Fatalf("unknown action %q", args[2])
	}
	p := startProcess(ts, args[4:])
	holds := func() bool {
		if args[0] == "-" {
			return strings.Contains(p.output(), text)
		}
		data, err := os.ReadFile(file)
		return err == nil && bytes.Contains(data, []byte(text))
	}
	limit := time.After(2 * time.Minute)
	for !holds() {
		select {
		case <-p.ended:
			ts.Fatalf("ended before %s held %q\n%s", args[0], text, p.output())
		case <-limit:
			p.cmd.Process.Kill()
			ts.Fatalf("%s does not hold %q after two minutes\n%s", args[0], text, p.output())
		case <-time.After(5 * time.Millisecond):
		}
	}
	action(ts, p, file)
	select {
	case <-p.ended:
	case <-limit:
		p.cmd.Process.Kill()
		ts.Fatalf("still running two minutes after the start\n%s", p.output())
	}
	if got := strconv.Itoa(p.cmd.ProcessState.ExitCode()); got != code {
		ts.Fatalf("exit code %s, want %s\n%s", got, code, p.output())
	}
	ts.Check(os.WriteFile(ts.MkAbs("output"), []byte(p.output()), 0o644))
}
