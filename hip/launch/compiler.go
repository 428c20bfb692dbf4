// Package launch compiles kernels at run time and runs them: code objects,
// memory, streams, events and graphs of AMD cards, through the HIP runtime and
// hipRTC, found at run time. It builds and loads without ROCm.
package launch

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"ceiling/hip"
	"ceiling/hip/internal/hiprtc"
	"ceiling/hip/internal/library"
)

// ErrNoCompiler: no libhiprtc was found.
var ErrNoCompiler = errors.New("no hipRTC")

// Compiler makes code objects of sources, and keeps them in a folder.
type Compiler struct {
	lib     *hiprtc.HIPRTC
	folder  string // "": nothing is kept
	release string
}

// OpenCompiler loads hipRTC where OpenRuntime looks for the runtime. folder is
// where code objects are kept, by source, options, architecture and release; ""
// for nowhere. It returns ErrNoCompiler where there is none.
func OpenCompiler(folder string) (*Compiler, error) {
	lib, err := library.First(hip.Libraries("libhiprtc.so"), hiprtc.Open)
	if err != nil {
		return nil, fmt.Errorf("%w: %w; install ROCm's hipRTC (Debian: libhiprtc, part of libamdhip64), or set ROCM_PATH", ErrNoCompiler, err)
	}
	version, err := lib.Version()
	if err != nil {
		return nil, err
	}
	return &Compiler{lib, folder, version + " " + identity(lib.Path)}, nil
}

// identity tells builds of a library apart that call themselves alike: by the
// file that it is in the end, and its size.
func identity(file string) string {
	path, err := filepath.EvalSymlinks(file)
	if err != nil {
		return file // a name that only the loader knows the place of
	}
	info, err := os.Stat(path)
	if err != nil {
		return path
	}
	return fmt.Sprintf("%s %d %d", filepath.Base(path), info.Size(), info.ModTime().Unix())
}

// Compile makes a code object of a source for an architecture, "gfx908" or with
// features. name is for messages. log is what the compiler said, "" where the
// object was kept from an earlier time.
func (c *Compiler) Compile(name, source, arch string, options ...string) (code []byte, log string, err error) {
	all := append([]string{"--offload-arch=" + arch, "-O3", "-std=c++17"}, options...)
	file := c.file(fmt.Sprintf("%q", append([]string{c.release, source}, all...)))
	if code := kept(file); code != nil {
		return code, "", nil
	}
	code, log, err = c.lib.Compile(source, name, all)
	if err != nil {
		return nil, log, err
	}
	keep(file, code)
	return code, log, nil
}

func (c *Compiler) file(key string) string {
	if c.folder == "" {
		return ""
	}
	return filepath.Join(c.folder, fmt.Sprintf("%x.co", sha256.Sum256([]byte(key))))
}

// kept reads a code object that keep wrote; nil: it is not there, or damaged.
// Its checksum stands before it.
func kept(file string) []byte {
	all, err := os.ReadFile(file)
	if err != nil || len(all) <= sha256.Size {
		return nil
	}
	code := all[sha256.Size:]
	if sum := sha256.Sum256(code); !bytes.Equal(sum[:], all[:sha256.Size]) {
		return nil
	}
	return code
}

// keep writes a code object for the next time. Where that fails it is compiled
// again then.
func keep(file string, code []byte) {
	if file == "" || os.MkdirAll(filepath.Dir(file), 0o755) != nil {
		return
	}
	f, err := os.CreateTemp(filepath.Dir(file), ".new-*")
	if err != nil {
		return
	}
	defer os.Remove(f.Name())
	sum := sha256.Sum256(code)
	_, err = f.Write(append(sum[:], code...))
	if errors.Join(err, f.Close()) == nil {
		_ = os.Rename(f.Name(), file) // on an error: as above
	}
}
