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
//
// Tests and `go run` find the libraries in build/bin. With the build tag
// `shipped` a program looks beside itself alone, and holds no path of the
// machine that built it.
package llama

/*
#cgo CPPFLAGS: -I${SRCDIR}/../../../build/include
#cgo CFLAGS: -std=gnu11 -O2
#cgo CXXFLAGS: -std=c++17 -O2
#cgo LDFLAGS: -L${SRCDIR}/../../../build/bin -lllama -lggml -lggml-base -ldl -lm -lpthread
#cgo LDFLAGS: -Wl,-rpath,$ORIGIN
#cgo !shipped LDFLAGS: -Wl,-rpath,${SRCDIR}/../../../build/bin
#include <stdlib.h>
#include "shim.h"
#include "ggml-backend.h"
*/
import "C"

import (
	"sync"
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
)

// Library is what this engine is called.
var Library = Traits{Name: "llama.cpp", Record: "engine.json"}

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
