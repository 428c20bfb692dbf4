package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"ceiling/bench/result"
)

// rpcServersCmd N starts so many ggml-rpc-servers until the script ends: $RPC
// lists their addresses, $SERVER_PID is the last one's process, for `when`.
func rpcServersCmd(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: rpcservers N")
	}
	n, err := strconv.Atoi(args[0])
	ts.Check(err)
	binary, err := filepath.Abs(filepath.Join(os.Getenv("CEILING_PEERS_DIR"), "ggml-rpc-server"))
	ts.Check(err)
	var addresses []string
	for i := range n {
		address := net.JoinHostPort("127.0.0.1", freePort(ts))
		startRPCServer(ts, binary, address, fmt.Sprintf("rpc%d.log", i))
		addresses = append(addresses, address)
	}
	ts.Setenv("RPC", strings.Join(addresses, ","))
	for _, address := range addresses {
		awaitServer(ts, address)
	}
}

func startRPCServer(ts *testscript.TestScript, binary, address, logName string) {
	log, err := os.Create(ts.MkAbs(logName))
	ts.Check(err)
	defer log.Close()
	host, port, err := net.SplitHostPort(address)
	ts.Check(err)
	cmd := exec.Command(binary, "--host", host, "--port", port, "--threads", "1")
	cmd.Stdout, cmd.Stderr = log, log
	startUntilEnd(ts, cmd)
}

// awaitServer returns when something listens on the address.
func awaitServer(ts *testscript.TestScript, address string) {
	for limit := time.Now().Add(30 * time.Second); time.Now().Before(limit); time.Sleep(20 * time.Millisecond) {
		if conn, err := net.DialTimeout("tcp", address, time.Second); err == nil {
			conn.Close()
			return
		}
	}
	ts.Fatalf("nothing listens on %s after 30 s", address)
}

// placed RESULTS MODE:DEVICES… checks that all scenarios are complete, and have these
// split modes and devices for themselves.
func placed(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: placed RESULTS MODE:DEVICES…")
	}
	r, err := result.Load(ts.MkAbs(args[0]))
	ts.Check(err)
	var got []string
	for _, d := range r.Details {
		mode, devices := "", ""
		for _, s := range d.Settings {
			switch s.Name {
			case "split-mode":
				mode = s.Value
			case "devices":
				devices = s.Value
			}
		}
		if d.Status == result.StatusComplete {
			got = append(got, mode+":"+devices)
		}
	}
	if !slices.Equal(got, args[1:]) {
		ts.Fatalf("complete are %q, want %q", got, args[1:])
	}
}

// accepted JOURNAL N checks that each of N scenarios took two thirds of its drafts: where
// two logits are closer than rounding, a draft and those behind it may be lost.
func accepted(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: accepted JOURNAL N")
	}
	c, err := result.ReadJournalFile(ts.MkAbs(args[0]))
	ts.Check(err)
	sums := map[string][2]int{} // accepted, drafted
	for _, r := range c.Records {
		if r.Error != "" {
			ts.Fatalf("%s, request %d: %s", r.Name, r.Request, r.Error)
		}
		sums[r.Name] = [2]int{sums[r.Name][0] + r.Accepted, sums[r.Name][1] + r.Drafted}
	}
	for name, n := range sums {
		if n[1] == 0 || 3*n[0] < 2*n[1] {
			ts.Fatalf("%s: %d of %d drafts accepted", name, n[0], n[1])
		}
	}
	if strconv.Itoa(len(sums)) != args[1] {
		ts.Fatalf("%d scenarios, want %s", len(sums), args[1])
	}
}
