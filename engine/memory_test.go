package engine

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"ceiling/engine/internal/llama"
	"ceiling/internal/figure"
)

// What a process may still take is the least that any limit leaves. Figures
// are in MiB; the machine has 1000 available.
func TestRoom(t *testing.T) {
	const mib = 1 << 20
	const machine = "what the machine has available"
	group := func(limit int) string { return "of its control group's limit of " + figure.GiB(int64(limit)*mib) }
	bytes := func(n int) string { return fmt.Sprintln(n * mib) }
	for _, c := range []struct {
		name      string
		files     map[string]string
		addresses int64 // MiB; 0: no limit
		want      int   // MiB
		by        string
	}{
		{"no limit", nil, 0, 1000, machine},
		{"version 2, the container's own group", map[string]string{
			"proc/self/cgroup":             "0::/\n",
			"sys/fs/cgroup/memory.max":     bytes(500),
			"sys/fs/cgroup/memory.current": bytes(100),
		}, 0, 400, group(500)},
		{"pages of files in the cache are given back", map[string]string{
			"proc/self/cgroup":             "0::/\n",
			"sys/fs/cgroup/memory.max":     bytes(500),
			"sys/fs/cgroup/memory.current": bytes(450),
			"sys/fs/cgroup/memory.stat":    "anon 1\nfile 999\ninactive_file " + bytes(300) + "active_file " + bytes(50),
		}, 0, 400, group(500)},
		{"the group above is the tighter", map[string]string{
			"proc/self/cgroup":                 "0::/a/b\n",
			"sys/fs/cgroup/a/memory.max":       bytes(300),
			"sys/fs/cgroup/a/memory.current":   bytes(100),
			"sys/fs/cgroup/a/b/memory.max":     bytes(600),
			"sys/fs/cgroup/a/b/memory.current": bytes(50),
		}, 0, 200, group(300)},
		{"no limit in the group", map[string]string{
			"proc/self/cgroup": "0::/a\n", "sys/fs/cgroup/a/memory.max": "max\n", "sys/fs/cgroup/a/memory.current": bytes(900),
		}, 0, 1000, machine},
		{"version 1", map[string]string{
			"proc/self/cgroup": "4:memory:/x\n0::/\n",
			"sys/fs/cgroup/memory/x/memory.limit_in_bytes": bytes(1500),
			"sys/fs/cgroup/memory/x/memory.usage_in_bytes": bytes(1400),
			"sys/fs/cgroup/memory/x/memory.stat":           "inactive_file 1\ntotal_inactive_file " + bytes(25) + "total_active_file 0\n",
			"sys/fs/cgroup/memory/memory.limit_in_bytes":   "9223372036854771712\n",
		}, 0, 125, group(1500)},
		{"version 2 beside version 1", map[string]string{
			"proc/self/cgroup":                       "0::/u\n",
			"sys/fs/cgroup/unified/u/memory.max":     bytes(70),
			"sys/fs/cgroup/unified/u/memory.current": bytes(7),
		}, 0, 63, group(70)},
		{"a group that is full has one byte, which is not unknown", map[string]string{
			"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": bytes(70), "sys/fs/cgroup/memory.current": bytes(80),
		}, 0, 0, group(70)},
		{"addresses", map[string]string{"proc/self/statm": fmt.Sprintf("%d 3 3 3 0 3 0\n", 200*mib/os.Getpagesize())}, 900, 700,
			"of the address space limit of " + figure.GiB(900*mib)},
	} {
		root := fstest.MapFS{"proc/meminfo": {Data: []byte("MemTotal: 9 kB\nMemAvailable:    1024000 kB\n")}}
		for name, content := range c.files {
			root[name] = &fstest.MapFile{Data: []byte(content)}
		}
		addresses := int64(math.MaxInt64)
		if c.addresses > 0 {
			addresses = c.addresses * mib
		}
		got := roomIn(root, addresses)
		if got.by != c.by || got.bytes != max(1, int64(c.want)*mib) {
			t.Errorf("%s: %d bytes, %q; want %d MiB, %q", c.name, got.bytes, got.by, c.want, c.by)
		}
	}
	if got := roomIn(fstest.MapFS{}, math.MaxInt64); got != (room{}) {
		t.Errorf("nothing known: %+v", got)
	}
	if got := hostRoom(); got.bytes <= 1 || got.by == "" {
		t.Errorf("this machine: %+v", got)
	}
}

// Each device is compared with its own memory, not with the sum over all, and
// the error has both figures.
func TestOutOfMemoryIsPerDevice(t *testing.T) {
	const gb = 1 << 30
	list := []Need{
		{Device: "ROCm0", Model: 6 * gb, Context: 3 * gb, Compute: gb, Free: 9 * gb},
		{Device: "ROCm1", Model: 6 * gb, Context: 3 * gb, Compute: gb, Free: 90 * gb},
		{Device: "CPU", Model: 2 * gb, Free: gb, By: "what the machine has available"},
		{Device: "RPC0", Model: 9 * gb},                                                // does not tell
		{Device: "est", Model: 5 * gb, Compute: 5 * gb, Free: 6 * gb, Estimated: true}, // may fit
	}
	err := outOfMemory(list, SessionOptions{Sequences: 3, TokensPerSequence: 700})
	want := "not enough memory for 3 sequences of 700 tokens: ROCm0: model 6.00 GiB + KV 3.00 GiB + compute 1.00 GiB = 10.00 GiB, and 9.00 GiB is free; " +
		"CPU: model 2.00 GiB + KV 0.00 GiB + compute 0.00 GiB = 2.00 GiB, and 1.00 GiB is free: what the machine has available; use fewer"
	if !errors.Is(err, ErrOutOfMemory) || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("%v\nwant %s", err, want)
	}
	for i, want := range []string{4: "est: model 5.00 GiB + KV 0.00 GiB + compute 5.00 GiB = at most about 10.00 GiB, and 6.00 GiB is free"} {
		if got := list[i].String(); want != "" && got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	list[0].Free, list[2].Free = 10*gb, 2*gb
	if err := outOfMemory(list, SessionOptions{}); err != nil {
		t.Errorf("fits exactly: %v", err)
	}
	// Of a model that is loaded only the session counts, against what is left.
	left := afterLoad(list[:1], []Device{{Name: "ROCm0", Type: DeviceGPU, MemoryFree: 3 * gb, MemoryTotal: 32 * gb}}, room{})
	if diff := cmp.Diff([]Need{{Device: "ROCm0", Context: 3 * gb, Compute: gb, Free: 3 * gb, Total: 32 * gb}}, left); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	host := room{7, "x"}
	got := needs([]llama.NativeMemory{{Device: "CPU", Model: 1}}, []Device{{Name: "CPU", Type: DeviceCPU, MemoryFree: 99, MemoryTotal: 100}}, host, Split{}, nil)
	if diff := cmp.Diff([]Need{{Device: "CPU", Model: 1, Free: 7, Total: 100, By: "x"}}, got); diff != "" {
		t.Errorf("the host's own limits count (-want +got):\n%s", diff)
	}
}

// A plan tells what keeps sessions from being opened, without opening one.
func TestPlanCheck(t *testing.T) {
	p, err := NewPlan(context.Background(), synthModel(t, "q4_0"), LoadOptions{Devices: []string{"none"}}, SessionOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	trained := p.Model().Context()
	for _, c := range []struct {
		name string
		o    SessionOptions
		want error
	}{
		{"fits", SessionOptions{Sequences: 2, TokensPerSequence: 300, Threads: 1}, nil},
		{"memory", SessionOptions{Sequences: 256, TokensPerSequence: trained, Threads: 1}, ErrOutOfMemory},
		{"still fits", SessionOptions{Sequences: 256, TokensPerSequence: 16, Threads: 1}, nil},
		{"context", SessionOptions{Sequences: 1, TokensPerSequence: trained + 1, Threads: 1}, ErrContextTooSmall},
		{"sequences", SessionOptions{Sequences: 257, TokensPerSequence: 16, Threads: 1}, ErrSession},
		{"KV type", SessionOptions{Sequences: 1, TokensPerSequence: 16, Threads: 1, KVType: "f8"}, ErrUnknownOption},
	} {
		if list, err := p.Check(context.Background(), c.o); !errors.Is(err, c.want) || err == nil && len(list) != 1 {
			t.Errorf("%s: %+v, %v, want %v", c.name, list, err, c.want)
		}
	}
	if s, err := p.Model().Open(context.Background(), SessionOptions{Sequences: 1, TokensPerSequence: 16, Threads: 1}); s != nil || !errors.Is(err, ErrSession) {
		t.Errorf("a session of a plan: %v", err)
	}
	if p.Model().Recurrent() {
		t.Error("a transformer keeps no state")
	}
}
