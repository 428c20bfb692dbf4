package engine

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"ceiling/engine/internal/llama"
	"ceiling/internal/oneline"
)

// abortDialTimeout is how long an RPC server may take to answer before it is
// named as the one that is gone.
const abortDialTimeout = time.Second

// OnAbort sets the function that is called when the library gives up on a
// fault (a GPU error, an RPC server that is gone) and is about to abort the
// process. It is the last chance to keep what is finished: the process ends
// with the status that save returns, and with 1 after a minute in any case.
//
// save runs on whatever thread met the fault. The goroutine that drives the
// engine may be inside a call that never returns. save must not call the
// engine, nor wait for that goroutine. reason is one line.
func OnAbort(save func(reason string) (status int)) {
	llama.OnAbort(func(message string) int { return save(abortReason(message, SilentServers())) })
}

// CrashOutput sets the file that gets what can be said when the process
// crashes past OnAbort: Go's own last words, and a line for a thread of a
// library that calls abort, as ROCm's does when a kernel reads memory that is
// not there. The file stays open for good.
func CrashOutput(f *os.File) error {
	llama.CrashOutput(f)
	return debug.SetCrashOutput(f, debug.CrashOptions{})
}

// abortReason is the library's message, "…/ggml-rpc.cpp:560: text", for a
// user: without the build's folder, and with the servers that are gone.
func abortReason(message string, silent []string) string {
	place, text, ok := strings.Cut(strings.TrimSpace(message), ": ")
	if ok {
		message = fmt.Sprintf("%s (%s)", text, filepath.Base(place))
	}
	message = oneline.Of(message)
	if len(silent) > 0 {
		message = fmt.Sprintf("rpc server %s does not answer: %s", strings.Join(silent, ", "), message)
	}
	return message
}

// SilentServers are the RPC servers in use that don't take a connection. One
// that is stopped still takes them.
func SilentServers() []string {
	// The lock may be held by a goroutine that is inside the library.
	if !rpcKnown.TryLock() {
		return nil
	}
	defer rpcKnown.Unlock()
	var (
		silent []string
		mu     sync.Mutex
		wg     sync.WaitGroup
	)
	for server := range rpcKnown.servers {
		wg.Go(func() {
			conn, err := net.DialTimeout("tcp", server, abortDialTimeout)
			if err == nil {
				conn.Close()
				return
			}
			mu.Lock()
			defer mu.Unlock()
			silent = append(silent, server)
		})
	}
	wg.Wait()
	slices.Sort(silent)
	return silent
}
