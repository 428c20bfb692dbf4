package main

import (
	"context"
	"fmt"
	"text/tabwriter"

	"github.com/urfave/cli/v3"

	"ceiling/bench/suite"
	"ceiling/internal/figure"
)

func suitesCommand() *cli.Command {
	return &cli.Command{
		Name:        "suites",
		Usage:       "list the suites that are built in, or print one as YAML to copy",
		Description: "A file prints as its scenarios one by one: what its lists and those of --sweep come to.",
		ArgsUsage:   "[NAME|FILE]",
		Flags:       []cli.Flag{sweepFlag(), onlyFlag()},
		Action:      suitesAction,
	}
}

func suitesAction(_ context.Context, c *cli.Command) error {
	switch c.Args().Len() {
	case 0:
		return listSuites(c)
	case 1:
	default:
		return usagef("%d arguments; name one suite, or none for the list", c.Args().Len())
	}
	s, err := findSuite(c, c.Args().First())
	if err != nil {
		return err
	}
	_, err = c.Root().Writer.Write(suite.YAML(s))
	return err
}

// listSuites says of each built-in suite what it asks for.
func listSuites(c *cli.Command) error {
	if c.IsSet("sweep") || c.IsSet("only") {
		return usagef("--sweep and --only choose scenarios of one suite; name it")
	}
	w := tabwriter.NewWriter(c.Root().Writer, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "SUITE\tSCENARIOS\tREQUESTS\tTOKENS\tLARGEST CONCURRENCY")
	for _, name := range suite.Builtins() {
		s, _ := suite.Builtin(name)
		tokens, most := int64(0), 0
		for _, sc := range s.Scenarios {
			tokens += int64(sc.Prompts * (sc.Input + sc.Output))
			most = max(most, sc.Concurrency)
		}
		fmt.Fprintf(w, "%s\t%d\t%d\t%s\t%d\n", name, len(s.Scenarios), s.Prompts(), figure.Grouped(tokens), most)
	}
	return w.Flush()
}
