package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/urfave/cli/v3"

	"ceiling/internal/bundle"
)

func bundleCommand() *cli.Command {
	return &cli.Command{
		Name:  "bundle",
		Usage: "check a bundle, the folder that `make bundle` packs for a machine without a network",
		Action: func(_ context.Context, c *cli.Command) error {
			return usagef("name what to do: `ceiling bundle verify [FOLDER]`")
		},
		Commands: []*cli.Command{{
			Name:         "verify",
			Usage:        "compare every file of a bundle with its sum, and name those that differ (default: the bundle that this program lies in)",
			ArgsUsage:    "[FOLDER]",
			Action:       bundleVerify,
			OnUsageError: usageError,
		}},
	}
}

func bundleVerify(ctx context.Context, c *cli.Command) error {
	if c.Args().Len() > 1 {
		return usagef("%d arguments; name one folder", c.Args().Len())
	}
	dir := c.Args().First()
	if dir == "" {
		program, err := os.Executable()
		if err != nil {
			return fmt.Errorf("this program's own folder is not known: %w; name the bundle's", err)
		}
		dir = filepath.Dir(filepath.Dir(program))
	}
	checked, err := bundle.Verify(ctx, dir)
	if err != nil {
		return err
	}
	var broken []error
	for _, f := range checked.Faults {
		broken = append(broken, fmt.Errorf("%s: %s", f.File, f.What))
	}
	if len(broken) > 0 {
		return errors.Join(append(broken, fmt.Errorf("%d files of %q are not as they were packed; copy it again", len(broken), dir))...)
	}
	_, err = fmt.Fprintf(c.Root().Writer, "%s: %d files, %d MB, each as it was packed\n", dir, checked.Files, checked.Bytes/1e6)
	return err
}
