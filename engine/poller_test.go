package engine

import (
	"runtime"
	"strings"
	"testing"
	"time"
)

// The goroutine has to wait in the poller: one that blocks in a read call
// would hold a thread and leave the poller empty.
func TestOneGoroutineWaitsInThePoller(t *testing.T) {
	keepPolling()
	keepPolling()
	var waiting, others int
	for range 500 {
		waiting, others = 0, 0
		stacks := make([]byte, 1<<20)
		for _, g := range strings.Split(string(stacks[:runtime.Stack(stacks, true)]), "\n\n") {
			if !strings.Contains(g, "keepPolling") && !strings.Contains(g, "poller.go") {
				continue
			}
			if strings.Contains(strings.SplitN(g, "\n", 2)[0], "[IO wait") {
				waiting++
			} else if !strings.Contains(g, "TestOneGoroutineWaitsInThePoller") {
				others++
			}
		}
		if waiting == 1 && others == 0 {
			return
		}
		time.Sleep(10 * time.Millisecond) // it may not have come that far yet
	}
	t.Errorf("%d goroutines wait in the poller, %d elsewhere; want 1 and 0", waiting, others)
}
