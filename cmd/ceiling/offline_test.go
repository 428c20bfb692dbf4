package main

import (
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// canTrace tells whether strace can follow a process here. CI has it: `make
// test` installs it or fails.
func canTrace() bool {
	return os.Getenv("CI") == "true" || exec.Command("strace", "-f", "-o", os.DevNull, "true").Run() == nil
}

// offline PROGRAM ARG… runs a program that must open no socket but those of
// the machine itself (Unix sockets, which system libraries use), in any of its
// threads and children; with "!" one that must.
func offline(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: offline PROGRAM ARG…")
	}
	log := ts.MkAbs("strace.log")
	traced := append([]string{"-f", "--seccomp-bpf", "-o", log, "-e", "trace=%network,io_uring_setup"}, args...)
	err := ts.Exec("strace", traced...)
	text := ts.ReadFile(log)
	if !strings.Contains(text, "+++ exited with ") {
		ts.Fatalf("strace saw no process end: %v\n%s", err, text)
	}
	sockets := foreignSockets(text)
	switch {
	case neg && len(sockets) == 0:
		ts.Fatalf("no socket seen")
	case !neg && err != nil && !strings.Contains(text, " +++ exited with 3 +++"): // 3: doctor's opinion of this machine
		ts.Fatalf("%v", err)
	case !neg && len(sockets) > 0:
		ts.Fatalf("%d calls that can leave the machine:\n%s", len(sockets), strings.Join(sockets, "\n"))
	}
}

// foreignSockets are the lines of strace's log that make a socket of another
// kind than Unix, or a ring that can make one unseen.
func foreignSockets(log string) []string {
	var found []string
	for line := range strings.Lines(log) {
		if strings.Contains(line, "io_uring_setup(") ||
			strings.Contains(line, " socket(") && !strings.Contains(line, " socket(AF_UNIX, ") {
			found = append(found, strings.TrimSpace(line))
		}
	}
	return found
}

func TestForeignSockets(t *testing.T) {
	const log = `81 socket(AF_UNIX, SOCK_STREAM|SOCK_CLOEXEC|SOCK_NONBLOCK, 0) = 3
81 connect(3, {sa_family=AF_UNIX, sun_path="/var/run/nscd/socket"}, 110) = -1 ENOENT
82 socket(AF_INET6, SOCK_STREAM, IPPROTO_TCP <unfinished ...>
81 socketpair(AF_UNIX, SOCK_STREAM, 0, [3, 4]) = 0
83 socket(AF_NETLINK, SOCK_RAW|SOCK_CLOEXEC, NETLINK_ROUTE) = 3
83 io_uring_setup(8, {flags=0}) = 5
82 <... socket resumed>) = 7
81 +++ exited with 0 +++
`
	got := foreignSockets(log)
	if len(got) != 3 || !strings.HasPrefix(got[0], "82 ") || !strings.Contains(got[1], "NETLINK") || !strings.Contains(got[2], "io_uring") {
		t.Errorf("found %q", got)
	}
}

// TestOfflineCommands keeps the script whole: it runs each command but the one
// whose purpose is a network.
func TestOfflineCommands(t *testing.T) {
	script, err := os.ReadFile("testdata/offline.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range app(io.Discard, io.Discard).Commands {
		if c.Name == "drive" || strings.Contains(string(script), "\noffline ceiling "+c.Name) {
			continue
		}
		t.Errorf("testdata/offline.txtar does not run `ceiling %s`", c.Name)
	}
}
