package main

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// The faults of an RPC server.
const (
	dies = iota
	stops
	stopsAndCtrlC
	talksNonsense
	neverAnswers
	rpcFaults
)

// rpcServer is a ggml-rpc-server, or what listens in its place.
type rpcServer struct {
	address string
	signal  func(syscall.Signal)
	close   func()
}

func (b *breaker) soundRPC() error {
	s, err := b.rpcServer(dies) // and does not
	if err != nil {
		return err
	}
	defer s.close()
	out := b.path("sound-rpc")
	return cmp.Or(b.must(append(b.oneRun(b.model, out), "--rpc", s.address)...), os.RemoveAll(out))
}

// rpcFault runs a suite on a server that fails: before the start, while the
// model is loaded, or in mid-run.
func (b *breaker) rpcFault(n int) error {
	fault, moment := n%rpcFaults, n/rpcFaults%3
	s, err := b.rpcServer(fault)
	if err != nil {
		return err
	}
	defer s.close()
	out := b.path("rpc")
	hit := func() {
		switch fault {
		case dies:
			s.signal(syscall.SIGKILL)
		case stops, stopsAndCtrlC:
			s.signal(syscall.SIGSTOP)
		}
	}
	if moment == 0 {
		hit()
	}
	p, err := b.start(append(b.wavesArgs(out), "--rpc", s.address, "--rpc-timeout", "3s")...)
	if err != nil {
		return err
	}
	if moment > 0 {
		p.await(filepath.Join(out, []string{"", "engine.log", "requests.jsonl"}[moment]))
		hit()
	}
	if fault == stopsAndCtrlC {
		time.Sleep(300 * time.Millisecond)
		_ = p.cmd.Process.Signal(syscall.SIGINT) // it may have ended
	}
	r := p.wait()
	err = r.check([]string{"fault", fmt.Sprint(fault), "moment", fmt.Sprint(moment)})
	switch {
	case err != nil:
	case r.code != 1 && r.code != 130 && r.code != 0:
		err = fmt.Errorf("exit code %d: %s", r.code, tail(r.text))
	case fault == stopsAndCtrlC && r.code == 1 && moment > 0:
		err = fmt.Errorf("Ctrl-C gives exit code 1: %s", tail(r.text))
	default:
		err = saved(out)
	}
	return cmp.Or(err, os.RemoveAll(out))
}

// saved checks that a folder that is left holds a report.
func saved(out string) error {
	if _, err := os.Stat(out); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return tidy(out, "results.json", "report.md", "report.html")
}

// await waits until a file is there or the process has ended.
func (p *process) await(file string) {
	for limit := time.Now().Add(longest); time.Now().Before(limit); {
		if info, err := os.Stat(file); err == nil && info.Size() > 0 {
			return
		}
		select {
		case <-p.ended:
			return
		case <-time.After(2 * time.Millisecond):
		}
	}
}

func (b *breaker) rpcServer(fault int) (*rpcServer, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &rpcServer{address: l.Addr().String(), signal: func(syscall.Signal) {}, close: func() { l.Close() }}
	switch fault {
	case talksNonsense:
		go serve(l, func(c net.Conn) {
			_, _ = c.Write([]byte(strings.Repeat("nonsense", 1000))) // the client may be gone
			time.Sleep(100 * time.Millisecond)
			c.Close()
		})
		return s, nil
	case neverAnswers:
		go serve(l, func(net.Conn) {})
		return s, nil
	}
	l.Close()
	_, port, err := net.SplitHostPort(s.address)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(filepath.Join(b.bin, "ggml-rpc-server"), "--host", "127.0.0.1", "--port", port, "--threads", "1")
	cmd.Env = append(os.Environ(), "OMP_WAIT_POLICY=passive")
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("%w; make peers builds it", err)
	}
	s.signal = func(sig syscall.Signal) { _ = cmd.Process.Signal(sig) } // it may have ended
	s.close = func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
	for limit := time.Now().Add(30 * time.Second); time.Now().Before(limit); time.Sleep(20 * time.Millisecond) {
		if c, err := net.Dial("tcp", s.address); err == nil {
			c.Close()
			return s, nil
		}
	}
	s.close()
	return nil, fmt.Errorf("nothing listens on %s", s.address)
}

// serve answers every connection until the listener is closed.
func serve(l net.Listener, answer func(net.Conn)) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go answer(c)
	}
}
