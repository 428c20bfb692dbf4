package llama

// #include "shim.h"
import "C"

// The first thread runs all init functions. By now the monitor thread has
// started and has what it needed from it (see slow_monitor in process.c).
func init() { C.ceil_restore_timer_slack() }

// Sleep blocks the calling thread for ns nanoseconds.
func Sleep(ns int64) { C.ceil_sleep(C.int64_t(ns)) }
