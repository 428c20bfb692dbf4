package outfile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// bothWays runs a test with nameless files and as on a file system without.
func bothWays(t *testing.T, do func(t *testing.T)) {
	t.Run("nameless", do)
	t.Run("named", func(t *testing.T) {
		tmpfile = 0
		defer func() { tmpfile = unix.O_TMPFILE }()
		do(t)
	})
}

// holds checks the content of a file and that nothing else lies in its folder.
func holds(t *testing.T, path, want string) {
	t.Helper()
	if got, err := os.ReadFile(path); err != nil || string(got) != want {
		t.Errorf("%s holds %q, %v; want %q", filepath.Base(path), got, err, want)
	}
	alone(t, path)
}

func alone(t *testing.T, path string) {
	t.Helper()
	list, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range list {
		if e.Name() != filepath.Base(path) {
			t.Errorf("%q lies beside %q", e.Name(), filepath.Base(path))
		}
	}
}

func TestWrite(t *testing.T) {
	bothWays(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "report.md")
		for _, text := range []string{"old", "new"} {
			if err := Write(path, []byte(text)); err != nil {
				t.Fatal(err)
			}
			holds(t, path, text)
		}
		if info, err := os.Stat(path); err != nil || info.Mode().Perm()&0o400 == 0 || info.Mode().Perm()&0o133 != 0 {
			t.Errorf("permissions %v, want those of a plain file", info.Mode())
		}
		if err := os.Chmod(path, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := Write(path, []byte("private")); err != nil {
			t.Fatal(err)
		}
		if info, _ := os.Stat(path); info.Mode().Perm() != 0o600 {
			t.Errorf("permissions %v after a write, were 0600", info.Mode())
		}
	})
}

// What is whole appears, what is given up does not; a name that must be new is
// not taken from a file that appeared meanwhile.
func TestCreate(t *testing.T) {
	bothWays(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "m.gguf")
		f, err := Create(path, false)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteString("whole"); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(f.Unfinished()); string(got) != "whole" {
			t.Errorf("unfinished: %q, %v", got, err)
		}
		if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("it has its name before it is whole: %v", err)
		}
		if err := f.Commit(); err != nil {
			t.Fatal(err)
		}
		f.Abort()
		holds(t, path, "whole")

		if _, err := Create(path, false); !errors.Is(err, fs.ErrExist) {
			t.Errorf("a second time: %v", err)
		}
		f, err = Create(path, true)
		if err != nil {
			t.Fatal(err)
		}
		f.Abort()
		holds(t, path, "whole")

		late := filepath.Join(t.TempDir(), "late")
		if f, err = Create(late, false); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(late, []byte("precious"), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := f.Commit(); !errors.Is(err, fs.ErrExist) {
			t.Errorf("a file appeared: %v", err)
		}
		f.Abort()
		holds(t, late, "precious")
	})
}

// A killed write leaves no name, or one that goes with the next; what another
// process still writes stays, and so does what was never ours.
func TestLeftovers(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "report.md")
	if _, err := Create(path, true); err != nil { // and no Commit
		t.Fatal(err)
	}
	if list, _ := os.ReadDir(dir); len(list) > 0 {
		t.Errorf("a nameless file has the name %q", list[0].Name())
	}
	for _, name := range []string{".report.md.0123456789abcdef.tmp", ".report.md.778899.tmp", ".report.md.notes.tmp", ".other.md.00ff.tmp"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	tmpfile = 0
	defer func() { tmpfile = unix.O_TMPFILE }()
	alive, err := Create(path, true)
	if err != nil {
		t.Fatal(err)
	}
	if err := Write(path, []byte("x")); err != nil {
		t.Fatal(err)
	}
	var got []string
	list, _ := os.ReadDir(dir)
	for _, e := range list {
		got = append(got, e.Name())
	}
	want := []string{".other.md.00ff.tmp", filepath.Base(alive.temp), ".report.md.notes.tmp", "report.md"}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("in the folder %q, want %q", got, want)
	}
	alive.Abort()
}

// Links are followed, and stay links.
func TestLinks(t *testing.T) {
	bothWays(t, func(t *testing.T) {
		real, links := t.TempDir(), t.TempDir()
		path, link := filepath.Join(real, "results.json"), filepath.Join(links, "link")
		if err := os.WriteFile(path, []byte("old"), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(path, link); err != nil {
			t.Fatal(err)
		}
		if err := Write(link, []byte("new")); err != nil {
			t.Fatal(err)
		}
		holds(t, path, "new")
		alone(t, link)
		if to, err := os.Readlink(link); to != path {
			t.Errorf("the link became %q, %v", to, err)
		}
		if _, err := Create(link, false); !errors.Is(err, fs.ErrExist) {
			t.Errorf("a link where nothing may be replaced: %v", err)
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		if err := Write(link, nil); err == nil || !strings.Contains(err.Error(), "link to nothing") {
			t.Errorf("a link to nothing: %v", err)
		}
	})
}

// isStill checks that a file has kept its kind.
func isStill(t *testing.T, path string, kind fs.FileMode) {
	t.Helper()
	if info, err := os.Lstat(path); err != nil || info.Mode().Type() != kind {
		t.Errorf("%s is %v now, %v", filepath.Base(path), info.Mode(), err)
	}
}

func TestPipe(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := unix.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	got := make(chan string)
	go func() {
		text, err := os.ReadFile(pipe)
		if err != nil {
			t.Error(err)
		}
		got <- string(text)
	}()
	long := strings.Repeat("line\n", 50_000) // more than a pipe holds
	if err := Write(pipe, []byte(long)); err != nil {
		t.Error(err)
	}
	if text := <-got; text != long {
		t.Errorf("%d bytes came through, want %d", len(text), len(long))
	}
	isStill(t, pipe, fs.ModeNamedPipe)
	if _, err := Create(pipe, true); err == nil || !strings.Contains(err.Error(), "pipe") {
		t.Errorf("a model into a pipe: %v", err)
	}
	isStill(t, pipe, fs.ModeNamedPipe)
}

// TestDevices: nodes of the test's own, which need root.
func TestDevices(t *testing.T) {
	dir := t.TempDir()
	node := func(name string, kind uint32, major, minor uint32) string {
		path := filepath.Join(dir, name)
		if err := unix.Mknod(path, kind|0o600, int(unix.Mkdev(major, minor))); err != nil {
			t.Skipf("no device nodes here: %v", err)
		}
		return path
	}
	null, full, disk := node("null", unix.S_IFCHR, 1, 3), node("full", unix.S_IFCHR, 1, 7), node("disk", unix.S_IFBLK, 7, 200)
	if err := Write(null, []byte("x")); err != nil {
		t.Error(err)
	}
	if err := Write(full, []byte("x")); !errors.Is(err, unix.ENOSPC) {
		t.Errorf("a full device: %v", err)
	}
	if err := Write(disk, []byte("x")); err == nil || !strings.Contains(err.Error(), "block device") {
		t.Errorf("a disk: %v", err)
	}
	for _, path := range []string{null, full, disk} {
		if _, err := Create(path, true); err == nil || !strings.Contains(err.Error(), "device") {
			t.Errorf("a model onto %s: %v", filepath.Base(path), err)
		}
	}
	isStill(t, null, fs.ModeDevice|fs.ModeCharDevice)
	isStill(t, full, fs.ModeDevice|fs.ModeCharDevice)
	isStill(t, disk, fs.ModeDevice)
}

// /dev/stdout is what stdout is, a file too: what was written there stays.
func TestOwnOutput(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	stdout := os.Stdout
	os.Stdout = file
	defer func() { os.Stdout = stdout }()
	if _, err := file.WriteString("before "); err != nil {
		t.Fatal(err)
	}
	if err := Write(path, []byte("report ")); err != nil {
		t.Error(err)
	}
	if _, err := file.WriteString("after"); err != nil {
		t.Fatal(err)
	}
	holds(t, path, "before report after")
}

func TestRefused(t *testing.T) {
	dir := t.TempDir()
	readOnly := filepath.Join(dir, "kept")
	if err := os.WriteFile(readOnly, []byte("kept"), 0o444); err != nil {
		t.Fatal(err)
	}
	if err := Write(readOnly, []byte("x")); err == nil || !strings.Contains(err.Error(), "read-only") {
		t.Errorf("a read-only file: %v", err)
	}
	holds(t, readOnly, "kept")
	folder := filepath.Join(t.TempDir(), "results.json")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := Write(folder, nil); err == nil || !strings.Contains(err.Error(), folder) || !strings.Contains(err.Error(), "is a directory") {
		t.Errorf("a folder: %v", err)
	}
	alone(t, folder)
	absent := filepath.Join(dir, "absent", "x")
	if err := Write(absent, nil); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), absent) || strings.Contains(err.Error(), ".tmp") {
		t.Errorf("no such folder: %v", err)
	}
}

// A disk that fills up leaves what was there and nothing else.
func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=64k"); err != nil {
		t.Skipf("no tmpfs can be mounted here: %v", err)
	}
	defer unix.Unmount(dir, unix.MNT_DETACH)
	bothWays(t, func(t *testing.T) {
		path := filepath.Join(dir, "x")
		if err := Write(path, []byte("old")); err != nil {
			t.Fatal(err)
		}
		if err := Write(path, make([]byte, 1<<20)); !errors.Is(err, unix.ENOSPC) || strings.Contains(err.Error(), ".tmp") {
			t.Errorf("full: %v", err)
		}
		holds(t, path, "old")
	})
}
