package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"

	"ceiling/bench"
)

// fileMode is what the files of a run are created with, less the umask.
const fileMode = 0o644

// Save writes results.json, whole or not at all.
func Save(path string, r *bench.Results) error { return saveJSON(path, r) }

// SaveManifest writes manifest.json, whole or not at all.
func SaveManifest(path string, m *bench.Manifest) error { return saveJSON(path, m) }

// SaveMarkdown renders report.md and writes it, whole or not at all.
func SaveMarkdown(path string, r *bench.Results, opt Options) error {
	var b bytes.Buffer
	if err := Markdown(&b, r, opt); err != nil {
		return err
	}
	return WriteFileAtomic(path, b.Bytes())
}

// saveJSON writes v with the reference's indentation.
func saveJSON(path string, v any) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("write %q: %w", path, err)
	}
	return WriteFileAtomic(path, b.Bytes())
}

// WriteFileAtomic makes path hold data: either all of it, or what was there
// before, also after a power cut. The bytes go to a temporary file in the
// same folder, which is flushed to the disk and then renamed. After an error
// (a full or read-only disk, a folder that is not there) the temporary file
// is gone and path is as it was.
func WriteFileAtomic(path string, data []byte) error {
	if err := writeRename(path, data); err != nil {
		return fmt.Errorf("write %q: %w", path, err)
	}
	// Make the rename itself last. Not every file system can flush a folder,
	// and the file is whole either way, so that is no error.
	if dir, err := os.Open(filepath.Dir(path)); err == nil {
		_ = dir.Sync()
		_ = dir.Close()
	}
	return nil
}

func writeRename(path string, data []byte) error {
	temp := filepath.Join(filepath.Dir(path), fmt.Sprintf(".%s.%016x.tmp", filepath.Base(path), rand.Uint64()))
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, fileMode)
	if err != nil {
		return cause(err)
	}
	return finish(f, temp, path, data)
}

// finish writes data to f, which is open as temp, and gives it its name. It
// closes f in any case, and removes temp after an error.
func finish(f *os.File, temp, path string, data []byte) error {
	_, err := f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	// Some file systems report a full disk only here.
	if errClose := f.Close(); err == nil {
		err = errClose
	}
	if err == nil {
		err = os.Rename(temp, path)
	}
	if err != nil {
		// The first error is the one to report: it says why.
		_ = os.Remove(temp)
	}
	return cause(err)
}

// cause drops the temporary file's name from an error: the user knows only
// the name that it was to get.
func cause(err error) error {
	var p *fs.PathError
	var l *os.LinkError
	switch {
	case errors.As(err, &p):
		return p.Err
	case errors.As(err, &l):
		return l.Err
	default:
		return err
	}
}
