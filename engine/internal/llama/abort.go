package llama

// #include "shim.h"
import "C"

import (
	"fmt"
	"os"
	"sync/atomic"
	"time"
)

// abortTime is how long an abort hook may take: the process must end, also
// where a disk or a lock stands still.
const abortTime = 60 * time.Second

var (
	abortHook atomic.Pointer[func(message string) int]
	aborting  atomic.Bool
)

// OnAbort sets the function that is called when the library is about to abort
// the process; nil: none. It runs on whatever thread met the fault, while the
// thread that drives the engine may be inside a call that never returns, and
// it must not call the library. The process ends with the status that it
// returns, or with 1 after a minute.
func OnAbort(hook func(message string) (status int)) {
	if hook == nil {
		abortHook.Store(nil)
		return
	}
	abortHook.Store(&hook)
}

// crashOutput is kept from being closed.
var crashOutput *os.File

// CrashOutput sets the file that gets a line when a thread that Go does not know
// calls abort.
func CrashOutput(f *os.File) {
	crashOutput = f
	C.ceil_crash_output(C.int(f.Fd()))
}

//export ceilAbort
func ceilAbort(message *C.char) {
	hook := abortHook.Load()
	if hook == nil {
		return
	}
	if !aborting.CompareAndSwap(false, true) {
		select {} // another thread is ending the process
	}
	time.AfterFunc(abortTime, func() { os.Exit(1) })
	status := 1
	defer func() {
		if r := recover(); r != nil {
			fmt.Fprintf(os.Stderr, "ceiling: while saving: %v\n", r)
		}
		os.Exit(status)
	}()
	status = (*hook)(C.GoString(message))
}
