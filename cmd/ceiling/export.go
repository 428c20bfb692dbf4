package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/urfave/cli/v3"

	"ceiling/internal/files"
	"ceiling/report/export"
)

func exportCommand() *cli.Command {
	return &cli.Command{
		Name:      "export",
		Usage:     "write a run in the form of another tool",
		ArgsUsage: "FOLDER|RESULTS.json",
		Description: "vllm         vllm bench serve's saved results with the detailed arrays, a file per scenario\n" +
			"benchfmt     Go's benchmark format, for benchstat; passes are its samples\n" +
			"csv          one row per scenario and pass\n" +
			"llama-bench  the JSON of llama-bench, of the scenarios with one request in flight",
		Flags: append(outFlags(&cli.StringFlag{Usage: "the `FILE` to write, for vllm the FOLDER; -: stdout (default: into the folder of the run)"}),
			requiredChoice("format", "the form, see above", export.Formats())),
		Action: exportAction,
	}
}

func exportAction(_ context.Context, c *cli.Command) error {
	if c.Args().Len() != 1 {
		return usagef("%d arguments; name one results.json or the folder of a run", c.Args().Len())
	}
	format, path := c.String("format"), c.Args().First()
	run := path
	if !files.IsDir(run) {
		run = filepath.Dir(run)
	}
	out := readOutput(c, filepath.Join(run, export.Place(format)))
	if err := checkExport(out, format); err != nil {
		return err
	}
	source, err := export.Open(path)
	if err != nil {
		return err
	}
	files, notes, err := export.Format(format, source)
	printNotes(c, notes)
	if err != nil {
		return fmt.Errorf("export %q as %s: %w", path, format, err)
	}
	if export.InFolder(format) {
		err = writeFiles(out, files)
	} else {
		err = out.write(c.Root().Writer, files[0].Data)
	}
	if err == nil && !out.onStdout() {
		_, err = fmt.Fprintln(c.Root().Writer, out.path)
	}
	return err
}

// checkExport refuses what could not be written.
func checkExport(out output, format string) error {
	switch {
	case !export.InFolder(format):
		return out.check()
	case out.onStdout():
		return usagef("--out -: the %s format is several files; name a folder", format)
	}
	return nil
}

// writeFiles writes several files into a folder.
func writeFiles(out output, files []export.ExportedFile) error {
	var names []string
	for _, f := range files {
		names = append(names, f.Name)
	}
	if err := out.makeFolder(names); err != nil {
		return err
	}
	var errs []error
	for _, f := range files {
		errs = append(errs, out.in(f.Name).write(nil, f.Data))
	}
	return errors.Join(errs...)
}
