// Package llama, in this folder, is the second engine: it takes the place of
// ceiling/engine/internal/llama in a build with ENGINE=ollama (scripts/with-ollama.sh),
// over the Go package github.com/ollama/ollama/llama and the llama.cpp of December
// 2025 that lies in its module. What it exports is what that package exports.
//
// Some files serve both: see "kept" in scripts/with-ollama.sh. Through them the
// library is asked for what its Go package has no word for and no handle of its own
// is needed: its log, its last words, its devices. All else goes through the package,
// with what that costs.
package llama

/*
#cgo CPPFLAGS: -I${SRCDIR}/../../../build/ollama/llama -I${SRCDIR}/../../../build/ollama/ggml
#cgo CFLAGS: -std=gnu11 -O2
#cgo LDFLAGS: -ldl -lm -lpthread -lstdc++
#include <stdlib.h>
#include "shim.h"
*/
import "C"

import (
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"unsafe"

	"github.com/ollama/ollama/llama"
	"github.com/ollama/ollama/ml"
)

// Values that package engine maps its own words onto.
const (
	SplitNone = iota
	SplitLayer
	SplitRow
	SplitTensor
)

// The ways to read a file.
const (
	LoadAuto = iota
	LoadRead
	LoadMmap
	LoadDirectIO
)

// Flash attention.
const (
	FlashAuto = int(ml.FlashAttentionAuto)
	FlashOff  = int(ml.FlashAttentionDisabled)
	FlashOn   = int(ml.FlashAttentionEnabled)
)

const noWay = "its Go package has no way to ask for it"

// Library is what this engine is called, and what it can't do.
var Library = Traits{
	Name: "ollama", Record: "ceiling-ollama.json", KeepsContexts: true, FullWindow: true, UBatchSteps: true,
	Lacks: []Lack{
		{"split-mode", []string{"auto", "layer"}, "how GPUs share a model: " + noWay},
		{"main-gpu", []string{"0"}, "one GPU of several: " + noWay + ", but --devices names one"},
		{"load-mode", []string{"auto", "mmap", "read"}, noWay},
		{"kv-type", []string{"f16", "q8_0", "q4_0"}, "its Go package takes f16, q8_0 and q4_0"},
		{"kv-unified", []string{"auto", "off"}, "one KV buffer for all sequences: " + noWay},
		{"prefix-cache", []string{"false"}, "shared prefixes need one KV buffer for all sequences: " + noWay},
		{"sampling", []string{"auto", "cpu"}, "its Go package hands out logits, and the argmax of them is ceiling's"},
		{"p2p", []string{"auto"}, "its llama.cpp copies between GPUs as it likes"},
		{"allreduce", []string{"auto"}, "its llama.cpp has no split by tensors"},
		{"rpc", []string{""}, "its module has no RPC back end"},
		{"prose", []string{"auto", "rules", "off"}, "its Go package applies no chat template"},
		{"ops", []string{"false"}, "the nodes of its graphs can't be timed: " + noWay},
		{"spec", []string{"", "none"}, "it makes no drafts"},
	},
}

var loadOnce sync.Once

// LoadBackends initialises the library once. It looks for GPU back ends where its
// package does, in ../lib/ollama from the program or in OLLAMA_LIBRARY_PATH, and
// never in dir: what lies there is the first engine's.
func LoadBackends(string) {
	loadOnce.Do(func() {
		C.ceil_restore_timer_slack()
		// The package tells the terminal what it has found.
		before := slog.SetLogLoggerLevel(slog.LevelError)
		defer slog.SetLogLoggerLevel(before)
		llama.BackendInit()
	})
}

// LibraryDir returns the folder of the program: the library is a part of it.
func LibraryDir() string {
	program, err := os.Executable()
	if err != nil {
		return ""
	}
	return filepath.Dir(program)
}

// Version returns the versions of the module and of the llama.cpp in it.
func Version() string { return "v0.24.0 (llama.cpp ec98e2002)" }

// MaxSequences is the library's limit on the sequences of a context, LLAMA_MAX_SEQ,
// which its package does not tell.
func MaxSequences() int { return 256 }

// logError leaves an error line, as the library does.
func logError(line string) {
	p := C.CString(line + "\n")
	defer C.free(unsafe.Pointer(p))
	C.ceil_log_line(C.GGML_LOG_LEVEL_ERROR, p, nil)
}
