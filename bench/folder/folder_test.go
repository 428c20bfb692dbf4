package folder

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"ceiling/bench/result"
	"ceiling/internal/dirlock"
)

func names(t *testing.T, dir string) []string {
	t.Helper()
	var out []string
	list, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	for _, e := range list {
		out = append(out, e.Name())
	}
	return out
}

func put(t *testing.T, dir, name string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte("mine"), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestTakeNew: one of two has the folder, and the other one's end costs it
// nothing.
func TestTakeNew(t *testing.T) {
	root := t.TempDir()
	path := filepath.Join(root, "a", "b")
	first, err := New(path)
	if err != nil {
		t.Fatal(err)
	}
	put(t, path, result.LogFile)
	for _, take := range []func(string) (*Folder, error){New, Earlier} {
		if _, err := take(path); err == nil || !strings.Contains(err.Error(), "another run is at work there") || !errors.As(err, new(Refusal)) {
			t.Errorf("a second run in the folder: %v", err)
		}
	}
	if got := names(t, path); !slices.Equal(got, []string{dirlock.Name, result.LogFile}) {
		t.Errorf("the folder of the first holds %q", got)
	}
	first.Discard()
	if got := names(t, root); got != nil {
		t.Errorf("a run that measured nothing leaves %q", got)
	}
}

// TestTakeTogether: of many that come at once, one has the folder.
func TestTakeTogether(t *testing.T) {
	path := filepath.Join(t.TempDir(), "results", "run")
	const n = 20
	got := make(chan *Folder, n)
	for range n {
		go func() {
			d, err := New(path)
			if err != nil && !strings.Contains(err.Error(), "another run") {
				t.Error(err)
			}
			got <- d
		}()
	}
	var winners []*Folder
	for range n {
		if d := <-got; d != nil {
			winners = append(winners, d)
		}
	}
	if len(winners) != 1 {
		t.Fatalf("%d of %d have the folder", len(winners), n)
	}
	if got := names(t, path); !slices.Equal(got, []string{dirlock.Name}) {
		t.Errorf("it holds %q", got)
	}
	winners[0].Close()
}

// TestTakeForeign: a folder that holds anything is refused as it is.
func TestTakeForeign(t *testing.T) {
	for _, name := range []string{result.ReportFile, result.TelemetryFile, result.LogFile, result.ProseFile, "thesis.tex", result.ManifestFile} {
		dir := t.TempDir()
		put(t, dir, name)
		if _, err := New(dir); err == nil || !strings.Contains(err.Error(), name) || !errors.As(err, new(Refusal)) {
			t.Errorf("a folder with %s: %v", name, err)
		}
		if got := names(t, dir); !slices.Equal(got, []string{name}) {
			t.Errorf("after that it holds %q", got)
		}
	}
	// The lock of a run that was killed is in nobody's way, nor is an empty
	// folder, which stays.
	dir := t.TempDir()
	put(t, dir, dirlock.Name)
	d, err := New(dir)
	if err != nil {
		t.Fatal(err)
	}
	d.Discard()
	if got, err := os.ReadDir(dir); err != nil || len(got) != 0 {
		t.Errorf("an empty folder afterwards: %v, %v", got, err)
	}
}

// TestTakeDefault: runs of one second have folders of their own.
func TestTakeDefault(t *testing.T) {
	path := filepath.Join(t.TempDir(), "results", "model-20261130T120000Z")
	var dirs []*Folder
	for _, want := range []string{path, path + "-2", path + "-3"} {
		d, err := NewDefault(path)
		if err != nil || d.Path != want {
			t.Fatalf("%v, %v; want %s", d, err, want)
		}
		dirs = append(dirs, d)
	}
	dirs[1].Discard()
	if d, err := NewDefault(path); err != nil || d.Path != path+"-2" {
		t.Errorf("a free name is not taken again: %v, %v", d, err)
	}
	if got := names(t, filepath.Dir(path)); len(got) != 3 {
		t.Errorf("folders %q", got)
	}
}

// TestTakeEarlier: a link in place of one of the run's files is not followed.
func TestTakeEarlier(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, result.ManifestFile)
	if err := os.Symlink("/nowhere", filepath.Join(dir, result.LogFile)); err != nil {
		t.Fatal(err)
	}
	if _, err := Earlier(dir); err == nil || !strings.Contains(err.Error(), result.LogFile) {
		t.Errorf("a link: %v", err)
	}
	if err := os.Remove(filepath.Join(dir, result.LogFile)); err != nil {
		t.Fatal(err)
	}
	d, err := Earlier(dir)
	if err != nil {
		t.Fatal(err)
	}
	d.Discard()
	if got := names(t, dir); !slices.Equal(got, []string{result.ManifestFile}) {
		t.Errorf("an earlier run's folder holds %q in the end", got)
	}
	if _, err := Earlier(filepath.Join(dir, "none")); err == nil || !strings.Contains(err.Error(), "no such folder") {
		t.Errorf("no folder: %v", err)
	}
}
