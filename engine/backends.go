package engine

import (
	"os"
	"path/filepath"
	"strings"
	"sync"

	"ceiling/engine/internal/llama"
)

// gpuLibraries are the back ends whose silence a user would take for a
// machine without GPUs: the library's name, the back end's, and the toolkit.
var gpuLibraries = []struct{ file, backend, toolkit string }{
	{"libggml-hip.so", "ROCm", "ROCm"},
	{"libggml-cuda.so", "CUDA", "CUDA"},
}

var backendState struct {
	once  sync.Once
	notes []string
}

// loadBackends loads the back ends that lie in dir, once, and keeps what is
// wrong with those for GPUs: the library itself goes on without a word.
func loadBackends(dir string) {
	backendState.once.Do(func() {
		llama.ResetLogged()
		llama.LoadBackends(dir)
		if dir == "" {
			dir = llama.LibraryDir()
		}
		backendState.notes = backendNotes(dir, llama.Backends(), llama.LoggedErrors(), llama.LibraryFault)
	})
}

// BackendNotes says, a sentence each, why a GPU back end of this build offers
// no device: its library could not be loaded, or it found none. Empty: every
// one has devices, or the build has none.
func BackendNotes() []string { return backendState.notes }

// backendNotes looks at the GPU libraries that lie in dir. errors are the
// lines logged while the back ends were loaded; fault says why a library can't
// be loaded.
func backendNotes(dir string, loaded []llama.Backend, errors []string, fault func(path string) string) []string {
	var notes []string
	for _, lib := range gpuLibraries {
		path := filepath.Join(dir, lib.file)
		if _, err := os.Stat(path); err != nil {
			continue
		}
		found := false
		for _, b := range loaded {
			if b.Name != lib.backend {
				continue
			}
			found = true
			if b.Devices == 0 {
				notes = append(notes, "no "+lib.toolkit+" device: "+noDevice(errors, lib.backend))
			}
		}
		if !found {
			why := fault(path)
			if why == "" {
				why = "llama.cpp refused it; it must be of the same release"
			}
			notes = append(notes, "the "+lib.toolkit+" back end was not loaded: "+strings.TrimPrefix(why, path+": "))
		}
	}
	return notes
}

// noDevice is the back end's own reason, from its error line
// "ggml_cuda_init: failed to initialize ROCm: no ROCm-capable device is detected".
func noDevice(errors []string, backend string) string {
	for _, line := range errors {
		if _, reason, ok := strings.Cut(line, "failed to initialize "+backend+": "); ok {
			return reason
		}
	}
	return "the back end was loaded and lists none"
}
