package main

import (
	"context"
	"path/filepath"

	"github.com/urfave/cli/v3"

	"ceiling/report"
)

func reportCommand() *cli.Command {
	return &cli.Command{
		Name:      "report",
		Usage:     "render the report of a results.json again, or of the reference's JSON",
		ArgsUsage: "RESULTS.json|DIR",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "out", Usage: "write to `FILE` instead of stdout"},
		},
		Action: func(_ context.Context, c *cli.Command) error {
			if c.Args().Len() != 1 {
				return usagef("%d arguments; name one results.json or the folder of a run", c.Args().Len())
			}
			path := c.Args().First()
			if isDir(path) {
				path = filepath.Join(path, resultsFile)
			}
			results, err := report.Load(path)
			if err != nil {
				return err
			}
			if out := c.String("out"); out != "" {
				return report.SaveMarkdown(out, results, report.Options{Version: version})
			}
			return report.Markdown(c.Root().Writer, results, report.Options{Version: version})
		},
	}
}
