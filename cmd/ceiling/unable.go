package main

import (
	"context"
	"errors"

	"github.com/urfave/cli/v3"

	"ceiling/engine"
)

// refuseUnable refuses, before a command begins, all its flags that ask for what the
// engine in use can't do.
func refuseUnable(ctx context.Context, c *cli.Command) (context.Context, error) {
	if errs := unable(c); len(errs) > 0 {
		return ctx, codedError{exitUsage, errors.Join(errs...)}
	}
	return ctx, nil
}

// unable are a line for each of those flags.
func unable(c *cli.Command) []error {
	var errs []error
	for _, f := range c.Flags {
		if err := engine.Refuse(f.Names()[0], flagText(f)); err != nil {
			errs = append(errs, err)
		}
	}
	return errs
}
