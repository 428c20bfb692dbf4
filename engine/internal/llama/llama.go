// Package llama is the only place of ceiling's engine that sees C. It turns
// llama.h, through the shim, into Go types; package engine checks arguments
// and gives the results their meaning.
//
// Nothing here is safe for concurrent use except [NativeSession.Abort].
//
// Linking it changes the whole process before main starts (process.c): Go's
// monitor thread gets a long timer slack, malloc maps every block of 128 KiB
// and more, and a broken pipe is an error of the write instead of a signal. And
// libllama finds the program's ggml_backend_sched_graph_compute_async before
// ggml's own (graphs.c).
package llama

/*
#cgo CPPFLAGS: -I${SRCDIR}/../../../build/include
#cgo CFLAGS: -std=gnu11 -O2
#cgo CXXFLAGS: -std=c++17 -O2
#cgo LDFLAGS: -L${SRCDIR}/../../../build/bin -lllama -lggml -lggml-base -ldl -lm -lpthread
#cgo LDFLAGS: -Wl,-rpath,$ORIGIN -Wl,-rpath,${SRCDIR}/../../../build/bin
#include <stdlib.h>
#include "shim.h"
#include "ggml-backend.h"
*/
import "C"

import (
	"strings"
	"sync"
	"syscall"
	"unsafe"
)

// Values of the C enumerations that package engine maps its own onto.
const (
	SplitNone   = C.LLAMA_SPLIT_MODE_NONE
	SplitLayer  = C.LLAMA_SPLIT_MODE_LAYER
	SplitRow    = C.LLAMA_SPLIT_MODE_ROW
	SplitTensor = C.LLAMA_SPLIT_MODE_TENSOR

	LoadAuto     = C.LLAMA_LOAD_MODE_AUTO
	LoadRead     = C.LLAMA_LOAD_MODE_NONE
	LoadMmap     = C.LLAMA_LOAD_MODE_MMAP
	LoadDirectIO = C.LLAMA_LOAD_MODE_DIRECT_IO

	FlashAuto = C.LLAMA_FLASH_ATTN_TYPE_AUTO
	FlashOff  = C.LLAMA_FLASH_ATTN_TYPE_DISABLED
	FlashOn   = C.LLAMA_FLASH_ATTN_TYPE_ENABLED

	TypeF32  = C.GGML_TYPE_F32
	TypeF16  = C.GGML_TYPE_F16
	TypeBF16 = C.GGML_TYPE_BF16
	TypeQ80  = C.GGML_TYPE_Q8_0
	TypeQ51  = C.GGML_TYPE_Q5_1
	TypeQ50  = C.GGML_TYPE_Q5_0
	TypeQ41  = C.GGML_TYPE_Q4_1
	TypeQ40  = C.GGML_TYPE_Q4_0

	DeviceCPU   = C.GGML_BACKEND_DEVICE_TYPE_CPU
	DeviceGPU   = C.GGML_BACKEND_DEVICE_TYPE_GPU
	DeviceIGPU  = C.GGML_BACKEND_DEVICE_TYPE_IGPU
	DeviceAccel = C.GGML_BACKEND_DEVICE_TYPE_ACCEL

	// NoLogits is Step's code when the engine gave no logits for a wanted token.
	NoLogits = C.CEIL_NO_LOGITS
	// NaNLogits is Step's code when one of a wanted token's logits is NaN.
	NaNLogits = C.CEIL_NAN_LOGITS
	// BadToken is Step's code when the back end's sampler gave no id of the
	// vocabulary.
	BadToken = C.CEIL_BAD_TOKEN
	// FlatLogits is CheckLogits' code when all logits are equal.
	FlatLogits = C.CEIL_FLAT_LOGITS
	// NoToken is a draw's code when no token may follow.
	NoToken = C.CEIL_NO_TOKEN
)

// The first thread runs all init functions. By now the monitor thread has
// started and has what it needed from it (see slow_monitor in process.c).
func init() { C.ceil_restore_timer_slack() }

// Sleep blocks the calling thread for ns nanoseconds.
func Sleep(ns int64) { C.ceil_sleep(C.int64_t(ns)) }

var loadOnce sync.Once

// LoadBackends initialises the library once and loads the back ends that lie
// in dir; "" means the folder of libllama itself.
func LoadBackends(dir string) {
	loadOnce.Do(func() {
		if dir == "" {
			dir = LibraryDir()
		}
		p := C.CString(dir)
		defer C.free(unsafe.Pointer(p))
		C.ceil_load_backends(p)
	})
}

// LibraryDir returns the folder that libllama was loaded from, or "".
func LibraryDir() string {
	var buf [4096]C.char
	if !C.ceil_library_dir(&buf[0], C.size_t(len(buf))) {
		return ""
	}
	return C.GoString(&buf[0])
}

// Version returns the library's own version text.
func Version() string { return C.GoString(C.llama_version()) }

// OpenLog appends the library's log to the file at path; "" discards it.
func OpenLog(path string) error {
	var p *C.char
	if path != "" {
		p = C.CString(path)
		defer C.free(unsafe.Pointer(p))
	}
	if errno := C.ceil_log_open(p); errno != 0 {
		return syscall.Errno(errno)
	}
	return nil
}

// ResetLogged forgets the lines that the library has logged.
func ResetLogged() { C.ceil_log_reset() }

// LoggedErrors returns the error lines logged since [ResetLogged].
func LoggedErrors() []string { return logged(C.CEIL_ERRORS) }

// LoggedWarnings returns the warning lines logged since [ResetLogged].
func LoggedWarnings() []string { return logged(C.CEIL_WARNINGS) }

// LoggedFacts returns the lines logged since [ResetLogged] that say where layers
// went and which way of computing the library has chosen.
func LoggedFacts() []string { return logged(C.CEIL_FACTS) }

func logged(kind C.enum_ceil_kind) []string {
	var buf [C.CEIL_KEPT_BYTES]C.char
	n := C.ceil_log_kept(kind, &buf[0], C.size_t(len(buf)))
	return strings.FieldsFunc(C.GoStringN(&buf[0], C.int(n)), func(r rune) bool { return r == '\n' })
}

// Captures is what back ends have said of captured graphs since the process
// began: how many were captured, and how many of those thrown away because the
// graph had changed. told is false where none has said a word.
func Captures() (captured, dropped uint64, told bool) {
	c := C.ceil_log_captures()
	return uint64(c.captured), uint64(c.dropped), bool(c.told)
}

// LogDebug logs a line as a back end does; for tests.
func LogDebug(line string) {
	p := C.CString(line)
	defer C.free(unsafe.Pointer(p))
	C.ceil_log_line(C.GGML_LOG_LEVEL_DEBUG, p, nil)
}
