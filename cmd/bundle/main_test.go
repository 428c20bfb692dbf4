package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// write makes a folder of files.
func write(t *testing.T, files map[string]string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestLicences(t *testing.T) {
	const modules = "# example.org/a v1.0.0\n## explicit; go 1.21\nexample.org/a\nexample.org/a/sub\n# example.org/unused v1.0.0\n## explicit\n# example.org/b/v2 v2.0.0\nexample.org/b/v2\n"
	files := map[string]string{
		"vendor/modules.txt":                modules,
		"vendor/example.org/a/LICENSE.md":   "A's",
		"vendor/example.org/a/NOTICE":       "A's notice",
		"vendor/example.org/a/a.go":         "package a",
		"vendor/example.org/b/v2/COPYING":   "B's",
		"vendor/example.org/b/v2/licensing": "none",
	}
	out := t.TempDir()
	if err := run([]string{"licences", write(t, files), out}); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"a/LICENSE.md": "A's", "a/NOTICE": "A's notice", "b/v2/COPYING": "B's"} {
		if got, err := os.ReadFile(filepath.Join(out, "example.org", name)); string(got) != want {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	delete(files, "vendor/example.org/b/v2/COPYING")
	delete(files, "vendor/example.org/b/v2/licensing")
	files["vendor/example.org/b/v2/b.go"] = "package b"
	if err := run([]string{"licences", write(t, files), t.TempDir()}); err == nil || !strings.Contains(err.Error(), "module example.org/b/v2: no licence") {
		t.Errorf("a module without a licence: %v", err)
	}
}

// localLink is a link to a file of the bundle.
var localLink = regexp.MustCompile(`(?:href|src)="([A-Za-z0-9._/-]+)[#"]`)

// TestPages: our own pages lead to each other as HTML, what they lead to is
// there, and they load nothing from elsewhere.
func TestPages(t *testing.T) {
	out := t.TempDir()
	if err := run([]string{"pages", "../..", out}); err != nil {
		t.Fatal(err)
	}
	pages, err := filepath.Glob(filepath.Join(out, "docs", "*.html"))
	if err != nil || len(pages) < 10 {
		t.Fatalf("%d pages, %v", len(pages), err)
	}
	for _, path := range append(pages, filepath.Join(out, "README.html")) {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		page := string(text)
		for _, m := range markdownLink.FindAllString(page, -1) {
			t.Errorf("%s: %s", filepath.Base(path), m)
		}
		for _, m := range localLink.FindAllStringSubmatch(page, -1) {
			if _, err := os.Stat(filepath.Join(filepath.Dir(path), m[1])); err != nil {
				t.Errorf("%s leads to %s, which is not there", filepath.Base(path), m[1])
			}
		}
		if !strings.Contains(page, "default-src 'none'") || !strings.Contains(page, "<h1") || strings.Contains(page, "<script") {
			t.Errorf("%s is no page that loads nothing", filepath.Base(path))
		}
		if _, err := os.Stat(strings.TrimSuffix(path, ".html") + ".md"); err != nil {
			t.Error(err)
		}
	}
	if readme, _ := os.ReadFile(filepath.Join(out, "README.html")); !strings.Contains(string(readme), `href="docs/gpus.html"`) || !strings.Contains(string(readme), "<table>") {
		t.Error("README.html has no table, or does not lead to the other pages")
	}
}
