package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/urfave/cli/v3"

	"ceiling/internal/files"
	"ceiling/internal/outfile"
)

// What --out and --force mean is the same in every command that has them, and
// stands in docs/files.md.

// outFlags take where a command's result goes.
func outFlags(out *cli.StringFlag) []cli.Flag {
	out.Name = "out"
	return []cli.Flag{out, forceFlag()}
}

func forceFlag() cli.Flag {
	return &cli.BoolFlag{Name: "force", Usage: "replace a file that is there already"}
}

// output is a file, or several in a folder, that a command writes.
type output struct {
	flag  string // that names it
	path  string
	force bool
}

// readOutput reads outFlags. What nobody has named is the program's own place,
// usual, where an older file is replaced.
func readOutput(c *cli.Command, usual string) output {
	if c.String("out") == "" || !c.IsSet("out") {
		return output{"out", usual, true}
	}
	return output{"out", c.String("out"), c.Bool("force")}
}

// onStdout tells whether the text goes to stdout.
func (o output) onStdout() bool { return o.path == "" || o.path == "-" }

// check refuses, before the work, what could not be written after it.
func (o output) check() error {
	if o.onStdout() {
		return nil
	}
	return o.explain(outfile.Check(o.path, o.force))
}

// checkModel is check for a model, which is written at more than one place.
func (o output) checkModel() error {
	if o.path == "-" {
		return usagef("--%s -: a model can't be written to a stream; name a file", o.flag)
	}
	return o.explain(outfile.CheckFile(o.path, o.force))
}

// write writes the result, to stdout where nothing else is named.
func (o output) write(stdout io.Writer, data []byte) error {
	if o.onStdout() {
		_, err := stdout.Write(data)
		return err
	}
	return o.explain(outfile.Put(o.path, data, o.force))
}

// in is one of several files in the folder that the output is.
func (o output) in(name string) output {
	return output{o.flag, filepath.Join(o.path, name), o.force}
}

// checkFolder refuses what stands in the way of files of some names in the folder
// that the output is.
func (o output) checkFolder(names []string) error {
	if info, err := os.Stat(filepath.Clean(o.path)); err == nil && !info.IsDir() {
		return fmt.Errorf("--%s %q is not a directory; name a new folder, or one that is there", o.flag, o.path)
	}
	for _, name := range names {
		f := o.in(name)
		if _, err := os.Lstat(f.path); err == nil {
			if err := f.check(); err != nil {
				return err
			}
		}
	}
	return nil
}

// makeFolder makes the folder that the output is, with those above it, for files
// of some names. Nothing else in it is touched.
func (o output) makeFolder(names []string) error {
	if err := o.checkFolder(names); err != nil {
		return err
	}
	if err := os.MkdirAll(o.path, 0o755); err != nil {
		return fmt.Errorf("--%s %q: %w; name a folder that can be written to", o.flag, o.path, outfile.Cause(err))
	}
	return nil
}

// isFolder tells whether the output names a folder: one that is there, or by its
// end.
func (o output) isFolder() bool {
	return o.path != "" && (os.IsPathSeparator(o.path[len(o.path)-1]) || files.IsDir(o.path))
}

// explain says what to do about a file that is in the way.
func (o output) explain(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("--%s %q: there is no folder %q; make it, or name another file", o.flag, o.path, filepath.Dir(o.path))
	}
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("--%s %q exists already; name another file, or replace it with --force", o.flag, o.path)
	}
	return err
}
