package main

import (
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/urfave/cli/v3"
)

// TestDocs: every command line of ours in README and docs names a command and
// flags that there are, and every link leads to a file.
func TestDocs(t *testing.T) {
	pages, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	pages = append(pages, "../../README.md")
	root := app(io.Discard, io.Discard)
	lines, links := 0, 0
	for _, path := range pages {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range shellLines(string(text)) {
			lines++
			if err := checkLine(root, line); err != "" {
				t.Errorf("%s: %s: %s", filepath.Base(path), line, err)
			}
		}
		for _, m := range link.FindAllStringSubmatch(string(text), -1) {
			links++
			if _, err := os.Stat(filepath.Join(filepath.Dir(path), m[1])); err != nil {
				t.Errorf("%s links to %s: %v", filepath.Base(path), m[1], err)
			}
		}
	}
	if len(pages) < 10 || lines < 20 || links < 10 {
		t.Errorf("%d pages, %d command lines and %d links seen", len(pages), lines, links)
	}
}

// link is one to a file of the repository.
var link = regexp.MustCompile(`\]\(([A-Za-z0-9._/-]+)(?:#[^)]*)?\)`)

// shellLines are the lines of code blocks that start our program.
func shellLines(text string) (lines []string) {
	in := false
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "```") {
			in = line == "```sh"
			continue
		}
		line = strings.TrimPrefix(line, "build/bin/")
		if in && strings.HasPrefix(line, "ceiling ") {
			line, _, _ = strings.Cut(line, " #")
			lines = append(lines, strings.TrimRight(line, " &"))
		}
	}
	return lines
}

// checkLine says what is wrong with a command line; "": nothing.
func checkLine(root *cli.Command, line string) string {
	words := strings.Fields(line)
	command := root.Command(words[1])
	if command == nil && words[1] != "completion" {
		return "no such command"
	}
	if command == nil {
		return ""
	}
	for _, w := range words[2:] {
		name, _, _ := strings.Cut(strings.TrimLeft(w, "-"), "=")
		if !strings.HasPrefix(w, "-") || name == "" || w[1] >= '0' && w[1] <= '9' {
			continue
		}
		if !hasFlag(command, name) {
			return "no flag --" + name
		}
	}
	return ""
}

func hasFlag(c *cli.Command, name string) bool {
	for _, f := range c.Flags {
		for _, n := range f.Names() {
			if n == name {
				return true
			}
		}
	}
	return false
}
