package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/urfave/cli/v3"

	"ceiling/internal/outfile"
	"ceiling/report/export"
)

func exportCommand() *cli.Command {
	format := choice("format", "the form, see above", export.Formats())
	format.Value, format.Required = "", true
	return &cli.Command{
		Name:      "export",
		Usage:     "write a run in the form of another tool",
		ArgsUsage: "FOLDER|RESULTS.json",
		Description: "vllm         vllm bench serve's saved results with the detailed arrays, a file per scenario\n" +
			"benchfmt     Go's benchmark format, for benchstat; passes are its samples\n" +
			"csv          one row per scenario and pass\n" +
			"llama-bench  the JSON of llama-bench, of the scenarios with one request in flight",
		Flags: []cli.Flag{
			format,
			&cli.StringFlag{Name: "out", Usage: "the `FILE` to write, for vllm the FOLDER; -: stdout (default: into the folder of the run)"},
		},
		Action: exportAction,
	}
}

func exportAction(_ context.Context, c *cli.Command) error {
	if c.Args().Len() != 1 {
		return usagef("%d arguments; name one results.json or the folder of a run", c.Args().Len())
	}
	format := c.String("format")
	out := c.String("out")
	if out == "-" && format == "vllm" {
		return usagef("--out -: the vllm format is several files; name a folder")
	}
	path := c.Args().First()
	source, err := export.Open(path)
	if err != nil {
		return err
	}
	files, notes, err := export.Format(format, source)
	for _, n := range notes {
		fmt.Fprintf(c.Root().ErrWriter, "note: %s\n", n)
	}
	if err != nil {
		return fmt.Errorf("export %q as %s: %w", path, format, err)
	}
	if out == "-" {
		_, err := c.Root().Writer.Write(files[0].Data)
		return err
	}
	if !isDir(path) {
		path = filepath.Dir(path)
	}
	if format == "vllm" {
		return exportFolder(c, files, out, filepath.Join(path, "vllm"))
	}
	if out == "" {
		out = filepath.Join(path, files[0].Name)
	}
	if err := outfile.Write(out, files[0].Data); err != nil {
		return err
	}
	fmt.Fprintln(c.Root().Writer, out)
	return nil
}

// exportFolder writes several files into the folder out, or the default one.
func exportFolder(c *cli.Command, files []export.File, out, usual string) error {
	if out == "" {
		out = usual
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return fmt.Errorf("output folder %q: %w; choose one that can be written to with --out", out, cause(err))
	}
	var errs []error
	for _, f := range files {
		errs = append(errs, outfile.Write(filepath.Join(out, f.Name), f.Data))
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	fmt.Fprintln(c.Root().Writer, out)
	return nil
}
