package engine

import (
	"os"
	"sync"
)

// keepPolling leaves a goroutine waiting in Go's network poller for the life
// of the process. Without one, Go's monitor thread, each time it takes the
// processor slot back from a long engine call, finds that nobody polls, wakes
// a thread to do so, and that thread finds nothing to wait for and sleeps
// again: up to 50 times a second a core is taken from the engine's compute
// threads. With one, a thread sits in the poller and stays there.
var keepPolling = sync.OnceFunc(func() {
	r, w, err := os.Pipe()
	if err != nil {
		return // no file descriptor left: the engine works as well, a little slower
	}
	go func() {
		var none [1]byte
		r.Read(none[:]) // nothing is ever written
		w.Close()       // also keeps the pipe's other end from being collected
	}()
})
