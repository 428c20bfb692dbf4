package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v3"
)

// choiceFlag takes one of a few words. Help, completion and the error of any
// other word come from the same list.
type choiceFlag struct {
	*cli.StringFlag
	words []string
}

// choice is a flag that takes one of words, the first being the default.
func choice(name, usage string, words []string, aliases ...string) *choiceFlag {
	return &choiceFlag{&cli.StringFlag{Name: name, Aliases: aliases, Value: words[0], Usage: "`" + strings.Join(words, "|") + "`: " + usage,
		Validator: func(got string) error {
			if !slices.Contains(words, got) {
				return fmt.Errorf("%q is unknown; use %s", got, strings.Join(words, ", "))
			}
			return nil
		}}, words}
}

// requiredChoice is a choice without a default.
func requiredChoice(name, usage string, words []string) *choiceFlag {
	f := choice(name, usage, words)
	f.Value, f.Required = "", true
	return f
}

// nameOrFile is a flag that takes a name that this program knows or a file; the
// first name is the default. Who uses the value finds out whether there is such
// a file.
func nameOrFile(name, usage string, names []string) *choiceFlag {
	return &choiceFlag{&cli.StringFlag{Name: name, Value: names[0], Usage: "`NAME|FILE`: " + strings.Join(names, ", ") + usage}, names}
}

// completeValues completes the value of a flag that has a list of them; all else
// is completed as usual.
func completeValues(ctx context.Context, c *cli.Command) {
	args := c.Args().Slice()
	if len(args) > 0 && strings.HasPrefix(args[len(args)-1], "-") {
		if f, ok := findFlag(c, strings.TrimLeft(args[len(args)-1], "-")).(*choiceFlag); ok {
			fmt.Fprintln(c.Root().Writer, strings.Join(f.words, "\n"))
			return
		}
	}
	cli.DefaultCompleteWithFlags(ctx, c)
}
