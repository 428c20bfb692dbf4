package main

import (
	"context"
	"fmt"
	"runtime"
	"strings"

	"github.com/urfave/cli/v3"

	"ceiling/engine"
)

// version is set by the linker.
var version = "devel"

func versionCommand() *cli.Command {
	return &cli.Command{
		Name:  "version",
		Usage: "print the versions of ceiling, Go and the engine",
		Flags: []cli.Flag{jsonFlag()},
		Action: func(_ context.Context, c *cli.Command) error {
			if err := noArgs(c); err != nil {
				return err
			}
			if err := engine.Init(engine.LibraryOptions{}); err != nil {
				return err
			}
			b := engine.ReadBuild()
			if c.Bool("json") {
				return writeJSON(c.Root().Writer, map[string]any{
					"ceiling": version, "go": runtime.Version(), "engine": b, "backends": engine.Backends()})
			}
			w := c.Root().Writer
			fmt.Fprintf(w, "ceiling    %s, %s %s/%s\n", version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
			fmt.Fprintf(w, "%-10s %s, tree %s (%s)\n", engine.Name(), b.Release, b.Tree, b.TreeState)
			fmt.Fprintf(w, "build      %s\n", b)
			fmt.Fprintf(w, "backends   %s\n", strings.Join(engine.Backends(), ", "))
			return nil
		},
	}
}
