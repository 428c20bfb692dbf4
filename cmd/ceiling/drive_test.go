package main

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"ceiling/bench/result"
)

// serverStartup is how long llama-server may take to load a small model.
const serverStartup = time.Minute

// startServer MODEL SLOTS TOKENS starts llama-server on loopback with so many
// slots of so many tokens, and puts its address into $URL. It ends with the
// script.
func startServer(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: server MODEL SLOTS TOKENS")
	}
	slots, err := strconv.Atoi(args[1])
	ts.Check(err)
	tokens, err := strconv.Atoi(args[2])
	ts.Check(err)
	binary, err := filepath.Abs(filepath.Join(os.Getenv("CEILING_PEERS_DIR"), "llama-server"))
	ts.Check(err)
	port := freePort(ts)
	log, err := os.Create(ts.MkAbs("server.log"))
	ts.Check(err)
	defer log.Close()
	// Like the sessions of `run --threads 1`: KV of its own for every slot.
	cmd := exec.Command(binary, "--model", args[0], "--host", "127.0.0.1", "--port", port, "--offline",
		"--device", "none", "--threads", "1", "--threads-batch", "1", "--parallel", args[1],
		"--ctx-size", strconv.Itoa(slots*tokens), "--no-kv-unified", "--ubatch-size", "512", "--batch-size", "2048",
		"--fit", "off", "--cache-ram", "0")
	cmd.Stdout, cmd.Stderr = log, log
	ended := startUntilEnd(ts, cmd)
	ts.Setenv("URL", "http://127.0.0.1:"+port)
	for limit := time.Now().Add(serverStartup); time.Now().Before(limit); time.Sleep(20 * time.Millisecond) {
		if reply, err := http.Get("http://127.0.0.1:" + port + "/health"); err == nil {
			reply.Body.Close()
			if reply.StatusCode == http.StatusOK {
				return
			}
		}
		select {
		case <-ended:
			ts.Fatalf("llama-server ended: %s", ts.ReadFile("server.log"))
		default:
		}
	}
	ts.Fatalf("llama-server is not ready after %v", serverStartup)
}

// startUntilEnd starts a server that ends with the script, and puts its process
// into $SERVER_PID. ended is closed when it has.
func startUntilEnd(ts *testscript.TestScript, cmd *exec.Cmd) (ended chan struct{}) {
	// Should the test run out of time, the server ends with the thread that
	// started it.
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
	started, ended := make(chan error, 1), make(chan struct{})
	go func() {
		runtime.LockOSThread()
		defer close(ended)
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait() // it is killed
		}
	}()
	ts.Check(<-started)
	ts.Defer(func() { _ = cmd.Process.Kill(); <-ended })
	ts.Setenv("SERVER_PID", strconv.Itoa(cmd.Process.Pid))
	return ended
}

// signalServer sends a signal to the script's server: SIGKILL is a crash, with
// SIGSTOP it takes connections and never answers.
func signalServer(ts *testscript.TestScript, signal syscall.Signal) {
	pid, err := strconv.Atoi(ts.Getenv("SERVER_PID"))
	ts.Check(err)
	ts.Check(syscall.Kill(pid, signal))
}

// freePort returns a TCP port that nothing listens on.
func freePort(ts *testscript.TestScript) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	ts.Check(err)
	return port
}

// samePrompts A B checks that two journals hold the same requests: prompts
// token by token, and as many output tokens.
func samePrompts(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: sameprompts JOURNAL JOURNAL")
	}
	var lists [2][]string
	for i, name := range args {
		c, err := result.ReadJournalFile(ts.MkAbs(name))
		ts.Check(err)
		for _, r := range c.Records {
			lists[i] = append(lists[i], fmt.Sprintf("%s %d: prompt %s of %d tokens, %d out %s",
				r.Name, r.Request, r.PromptHash, r.InputTokens, r.OutputTokens, r.Error))
		}
		slices.Sort(lists[i])
	}
	if len(lists[0]) == 0 || !slices.Equal(lists[0], lists[1]) {
		ts.Fatalf("the requests are not the same:\n%q\n%q", lists[0], lists[1])
	}
}

// reuses JOURNAL checks that every later turn was served from the KV of what was
// said before: the prompt of the turn before and its answer, but for the answer's
// last token.
func reuses(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: reuses JOURNAL")
	}
	c, err := result.ReadJournalFile(ts.MkAbs(args[0]))
	ts.Check(err)
	slices.SortFunc(c.Records, func(a, b result.Record) int { return a.Request - b.Request })
	later := 0
	for i, r := range c.Records {
		if r.Turn == 0 {
			continue
		}
		later++
		if before := c.Records[i-1]; r.Error != "" || r.ReusedTokens != before.InputTokens+before.OutputTokens-1 {
			ts.Fatalf("request %d reused %d tokens behind %d and %d, %s", r.Request, r.ReusedTokens, before.InputTokens, before.OutputTokens, r.Error)
		}
	}
	if later == 0 {
		ts.Fatalf("no later turn in %s", args[0])
	}
}

// TestWithoutSecrets: neither a key nor a password gets into the manifest.
func TestWithoutSecrets(t *testing.T) {
	args := []string{"ceiling", "drive", "--api-key", "s3", "--url", "http://me:s3@host:1/v1", "--api-key=s3", "-url=http://me:s3@host", "--seed", "3", "--api-key"}
	want := []string{"ceiling", "drive", "--api-key", "…", "--url", "http://me:xxxxx@host:1/v1", "--api-key=…", "-url=http://me:xxxxx@host", "--seed", "3", "--api-key"}
	if got := withoutSecrets(args); !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	if args[3] != "s3" {
		t.Error("the program's own arguments were changed")
	}
}
