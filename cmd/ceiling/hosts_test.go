package main

import (
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"ceiling/bench/result"
)

// Two hosts are two network namespaces with a link between them and nothing
// else. A program enters one by `nsenter --target $HERE --net`.
const hereIP, thereIP = "10.77.0.1", "10.77.0.2"

// canLinkHosts tells whether this process may make network namespaces, and
// links between them.
func canLinkHosts() bool {
	return exec.Command("unshare", "--net", "ip", "link", "add", "cable", "type", "veth").Run() == nil &&
		exec.Command("nsenter", "--version").Run() == nil
}

// hasNetem tells whether the kernel can delay what goes over a link.
func hasNetem() bool {
	return exec.Command("unshare", "--net", "tc", "qdisc", "add", "dev", "lo", "root", "netem", "delay", "1ms").Run() == nil
}

// hosts makes both hosts, a ggml-rpc-server on each: $HERE and $THERE are
// processes of theirs, $RPC the servers' addresses.
func hosts(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: hosts")
	}
	here, there := newHost(ts), newHost(ts)
	inHost(ts, here, "ip", "link", "add", "cable", "type", "veth", "peer", "name", "cable", "netns", there)
	var servers []string
	for host, ip := range map[string]string{here: hereIP, there: thereIP} {
		inHost(ts, host, "ip", "address", "add", ip+"/24", "dev", "cable")
		inHost(ts, host, "ip", "link", "set", "cable", "up")
		inHost(ts, host, "ip", "link", "set", "lo", "up")
		servers = append(servers, ip+":50052")
		startHostServer(ts, host, ip)
	}
	ts.Setenv("HERE", here)
	ts.Setenv("THERE", there)
	ts.Setenv("RPC", strings.Join(servers, ","))
	awaitHostServers(ts, here, servers)
}

// newHost is the id of a process in a network namespace of its own.
func newHost(ts *testscript.TestScript) string {
	holder := exec.Command("sleep", "infinity")
	holder.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	startUntilEnd(ts, holder)
	return strconv.Itoa(holder.Process.Pid)
}

func inHost(ts *testscript.TestScript, host string, command ...string) {
	ts.Check(ts.Exec("nsenter", enter(host, command...)...))
}

// enter are nsenter's arguments for a command on a host.
func enter(host string, command ...string) []string {
	return append([]string{"--target", host, "--net"}, command...)
}

func startHostServer(ts *testscript.TestScript, host, ip string) {
	binary, err := filepath.Abs(filepath.Join(os.Getenv("CEILING_PEERS_DIR"), "ggml-rpc-server"))
	ts.Check(err)
	log, err := os.Create(ts.MkAbs("rpc-" + ip + ".log"))
	ts.Check(err)
	defer log.Close()
	cmd := exec.Command("nsenter", enter(host, binary, "--host", ip, "--port", "50052", "--threads", "1")...)
	cmd.Stdout, cmd.Stderr = log, log
	startUntilEnd(ts, cmd)
}

// awaitHostServers returns when the engine on the host sees every server.
func awaitHostServers(ts *testscript.TestScript, host string, servers []string) {
	for limit := time.Now().Add(30 * time.Second); time.Now().Before(limit); time.Sleep(50 * time.Millisecond) {
		open := 0
		for _, server := range servers {
			ip, port, err := net.SplitHostPort(server)
			ts.Check(err)
			probe := exec.Command("nsenter", enter(host, "bash", "-c", "exec 3<>/dev/tcp/"+ip+"/"+port)...)
			if probe.Run() == nil {
				open++
			}
		}
		if open == len(servers) {
			return
		}
	}
	ts.Fatalf("not all of %v answer after 30 s", servers)
}

// unplug takes the link away from the other host; its end here stays up.
func unplug(ts *testscript.TestScript, _ *process, _ string) {
	inHost(ts, ts.Getenv("THERE"), "ip", "link", "set", "cable", "down")
}

// linktime FILE BITS/S checks a run over a link of that speed by its results: each
// scenario that sent something took at least the time that the link needs for it.
func linkTime(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: linktime FILE BITS/S")
	}
	rate, err := strconv.ParseFloat(args[1], 64)
	ts.Check(err)
	checked := 0
	var results result.Run
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[0])), &results))
	for _, d := range results.Details {
		for _, l := range d.Links {
			if !strings.HasPrefix(l.Server, thereIP) {
				continue
			}
			checked++
			// The link lets a burst of 32 KiB through at once.
			if least := 8 * float64(l.SentBytes-32<<10) / rate; d.EndS-d.StartS < least {
				ts.Fatalf("%s: %d bytes sent in %.3f s, the link needs %.3f s", d.Name, l.SentBytes, d.EndS-d.StartS, least)
			}
		}
	}
	if checked == 0 {
		ts.Fatalf("no link to %s in %s", thereIP, args[0])
	}
}
