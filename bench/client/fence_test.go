package client

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestSockets: no other part of the program opens a socket, but for the look
// at a ggml-rpc-server before its device is used. cmd/peers is a tool of its
// own, which asks llama-server.
func TestSockets(t *testing.T) {
	allowed := map[string][]string{
		"bench/client": {`"net"`, `"net/http"`},
		"engine":       {`"net"`},
		"cmd/peers":    {`"net"`, `"net/http"`},
	}
	const root = "../.."
	checked, found := 0, 0
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		if d.IsDir() && (strings.HasPrefix(rel, "build") || strings.HasPrefix(rel, ".git") || rel == "scripts") {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		checked++
		for _, i := range file.Imports {
			if !slices.Contains([]string{`"net"`, `"net/http"`, `"net/rpc"`, `"net/smtp"`, `"crypto/tls"`}, i.Path.Value) {
				continue
			}
			found++
			if dir := filepath.ToSlash(filepath.Dir(rel)); !slices.Contains(allowed[dir], i.Path.Value) {
				t.Errorf("%s imports %s", rel, i.Path.Value)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	// A check that finds nothing where there is something checks nothing.
	if checked < 50 || found < 4 {
		t.Fatalf("%d files and %d imports seen", checked, found)
	}
}
