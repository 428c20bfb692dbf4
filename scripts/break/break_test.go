package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestShort makes a few attempts of each kind; scripts/break.sh makes all.
func TestShort(t *testing.T) {
	bin := t.TempDir()
	if out, err := exec.Command("go", "build", "-o", filepath.Join(bin, "ceiling"), "../../cmd/ceiling").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	peers := os.Getenv("CEILING_PEERS_DIR")
	if peers == "" && os.Getenv("CI") == "true" {
		t.Fatal("set CEILING_PEERS_DIR: the RPC servers are part of this")
	}
	here, err := filepath.Abs(peers)
	if err != nil {
		t.Fatal(err)
	}
	if peers != "" {
		if err := os.Symlink(filepath.Join(here, "ggml-rpc-server"), filepath.Join(bin, "ggml-rpc-server")); err != nil {
			t.Fatal(err)
		}
	}
	for _, k := range kinds {
		if k.name == "RPC faults" && peers == "" {
			t.Log("CEILING_PEERS_DIR is not set: no RPC server was tried")
			continue
		}
		var table, log strings.Builder
		failed, err := attempt(&table, &log, bin, "../..", k.name, 0.05, 1)
		if err != nil || failed > 0 || !strings.Contains(table.String(), k.name) {
			t.Errorf("%s: %d failed, %v\n%s%s", k.name, failed, err, table.String(), log.String())
		}
	}
}

// TestCheck: what a result may not be is noticed.
func TestCheck(t *testing.T) {
	for name, r := range map[string]outcome{
		"a hang": {hung: true}, "a signal": {code: -1, text: "ceiling: x"}, "a panic": {code: 2, text: "panic: oops\n\ngoroutine 1 [running]:"},
		"too much memory": {rss: most + 1}, "an end without a word": {code: 1},
	} {
		if r.check(nil) == nil {
			t.Errorf("%s is not noticed", name)
		}
	}
	for name, r := range map[string]outcome{"success": {}, "an error": {code: 1, text: "ceiling: no such file"}} {
		if err := r.check(nil); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
