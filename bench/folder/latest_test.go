package folder

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestPoint: the link in results is the last run's; a run elsewhere has none, and
// what is no link stays.
func TestPoint(t *testing.T) {
	root := t.TempDir()
	at := func(name string) *Folder { return &Folder{Path: filepath.Join(root, name)} }
	for _, name := range []string{"results", "results/a", "results/b", "c"} {
		if err := os.Mkdir(filepath.Join(root, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"results/a", "results/b", "c"} {
		if err := at(name).Point(); err != nil {
			t.Error(err)
		}
	}
	link := filepath.Join(root, "results", "latest")
	if to, err := os.Readlink(link); err != nil || to != "b" {
		t.Errorf("latest points to %q, %v", to, err)
	}
	if entries, _ := os.ReadDir(filepath.Join(root, "results")); len(entries) != 3 {
		t.Errorf("%v in results", entries)
	}
	if _, err := os.Lstat(filepath.Join(root, "latest")); err == nil {
		t.Error("a link beside a run that is not in results")
	}
	if err := os.Remove(link); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(link, []byte("mine"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := at("results/a").Point(); err == nil || !strings.Contains(err.Error(), "is no link") {
		t.Error(err)
	}
}
