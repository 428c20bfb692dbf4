package main

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// licenceName is what licence and notice files are called; `go mod vendor`
// copies these from a module's folders up to its root.
var licenceName = regexp.MustCompile(`(?i)^(un)?(licen[cs]e|copying|copyright|notice|patents|authors)`)

// writeLicences copies the licence files of each module in from/vendor to
// to/MODULE. A module without one is an error.
func writeLicences(from, to string) error {
	modules, err := vendored(filepath.Join(from, "vendor", "modules.txt"))
	if err != nil {
		return err
	}
	for _, module := range modules {
		if err := copyLicences(filepath.Join(from, "vendor", module), filepath.Join(to, module)); err != nil {
			return fmt.Errorf("module %s: %w", module, err)
		}
	}
	return nil
}

// vendored are the modules that modules.txt says packages were copied from: a
// line "# MODULE VERSION" that a line with a package follows.
func vendored(path string) (modules []string, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	module := ""
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		line := lines.Text()
		switch {
		case strings.HasPrefix(line, "# "):
			module = strings.Fields(line)[1]
		case line != "" && !strings.HasPrefix(line, "#") && module != "":
			modules, module = append(modules, module), ""
		}
	}
	if len(modules) == 0 && lines.Err() == nil {
		return nil, fmt.Errorf("%q names no module", path)
	}
	return modules, lines.Err()
}

// copyLicences copies the licence files in a module's root.
func copyLicences(from, to string) error {
	entries, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	found := 0
	for _, e := range entries {
		if e.IsDir() || !licenceName.MatchString(e.Name()) {
			continue
		}
		text, err := os.ReadFile(filepath.Join(from, e.Name()))
		if err != nil {
			return err
		}
		if err := os.MkdirAll(to, 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(to, e.Name()), text, 0o644); err != nil {
			return err
		}
		found++
	}
	if found == 0 {
		return fmt.Errorf("no licence in %q: find out which one it has", from)
	}
	return nil
}
