package main

import (
	"bytes"
	"fmt"
	"html"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
)

// pageHead makes a page that loads nothing and is legible on its own.
const pageHead = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:">
<title>%s</title>
<style>
:root { color-scheme: light dark }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse; display: block; overflow-x: auto }
td, th { border: 1px solid #8888; padding: .25rem .5rem; text-align: left; vertical-align: top }
pre { overflow-x: auto; padding: .5rem; border: 1px solid #8888 }
</style>
`

// markdownLink is a link to another page of ours.
var markdownLink = regexp.MustCompile(`href="([A-Za-z0-9._/-]+)\.md(#[^"]*)?"`)

// writePages copies README.md and the files of docs below to, each Markdown
// page with an HTML page beside it.
func writePages(from, to string) error {
	files, err := filepath.Glob(filepath.Join(from, "docs", "*.*"))
	if err != nil {
		return err
	}
	if len(files) == 0 {
		return fmt.Errorf("no pages in %q", filepath.Join(from, "docs"))
	}
	if err := os.MkdirAll(filepath.Join(to, "docs"), 0o755); err != nil {
		return err
	}
	for _, path := range append(files, filepath.Join(from, "README.md")) {
		name, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		if err := writePage(path, filepath.Join(to, name)); err != nil {
			return err
		}
	}
	return nil
}

// writePage copies one file; a Markdown page as HTML, too.
func writePage(path, out string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := os.WriteFile(out, text, 0o644); err != nil {
		return err
	}
	name, isPage := strings.CutSuffix(out, ".md")
	if !isPage {
		return nil
	}
	page, err := htmlPage(text)
	if err != nil {
		return fmt.Errorf("%q: %w", path, err)
	}
	return os.WriteFile(name+".html", page, 0o644)
}

// htmlPage is a Markdown text as a page of its own; its first heading is the
// title.
func htmlPage(text []byte) ([]byte, error) {
	first, _, _ := strings.Cut(string(text), "\n")
	title := strings.TrimSpace(strings.TrimLeft(first, "#"))
	var b bytes.Buffer
	fmt.Fprintf(&b, pageHead, html.EscapeString(title))
	markdown := goldmark.New(goldmark.WithExtensions(extension.GFM), goldmark.WithParserOptions(parser.WithAutoHeadingID()))
	if err := markdown.Convert(text, &b); err != nil {
		return nil, err
	}
	return markdownLink.ReplaceAll(b.Bytes(), []byte(`href="$1.html$2"`)), nil
}
