package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v3"
)

func manCommand() *cli.Command {
	return &cli.Command{
		Name:  "man",
		Usage: "print the manual page",
		Action: func(_ context.Context, c *cli.Command) error {
			if err := noArgs(c); err != nil {
				return err
			}
			_, err := io.WriteString(c.Root().Writer, manPage(c.Root()))
			return err
		},
	}
}

// completionCommand changes the library's into one of this program's.
func completionCommand(c *cli.Command) {
	c.Hidden = false
	c.Usage = "print what makes bash, zsh or fish complete commands and flags"
	c.ArgsUsage = "bash|zsh|fish"
	c.Description = "bash: source <(ceiling completion bash) in ~/.bashrc; zsh: likewise in ~/.zshrc; fish: the output\n" +
		"goes to ~/.config/fish/completions/ceiling.fish."
	shells := c.Commands[:0]
	for _, sub := range c.Commands {
		if sub.Name != "pwsh" {
			shells = append(shells, sub)
		}
	}
	c.Commands = shells
	c.Action = func(_ context.Context, c *cli.Command) error {
		return usagef("name a shell: `ceiling completion bash`, zsh or fish")
	}
	c.OnUsageError = usageError
}

// manPage is the help of all commands as a manual page, in roff's man macros.
func manPage(root *cli.Command) string {
	var b strings.Builder
	fmt.Fprintf(&b, ".TH CEILING 1 \"\" \"ceiling %s\" \"User Commands\"\n", roff(root.Version))
	fmt.Fprintf(&b, ".SH NAME\nceiling \\- %s\n.SH SYNOPSIS\n.B %s\n", roff(root.Usage), roff(synopsis(root)))
	b.WriteString(".SH COMMANDS\n")
	for _, c := range root.VisibleCommands() {
		if c.Name == "help" {
			continue
		}
		fmt.Fprintf(&b, ".SS %s\n%s.\n.PP\n.B %s\n", c.Name, roff(c.Usage), roff(synopsis(c)))
		if c.Description != "" {
			fmt.Fprintf(&b, ".PP\n.nf\n%s\n.fi\n", roff(c.Description))
		}
		for _, e := range examples[c.Name] {
			fmt.Fprintf(&b, ".PP\n.nf\n.RS\n%s\n.RE\n.fi\n", roff(e))
		}
		for _, g := range flagGroups(c) {
			fmt.Fprintf(&b, ".PP\n.I %s\n", roff(g.name))
			for _, f := range g.flags {
				names, text := flagHelp(f)
				fmt.Fprintf(&b, ".TP\n.B %s\n%s\n", roff(names), roff(text))
			}
		}
	}
	b.WriteString(".SH EXIT STATUS\n")
	for _, code := range exitCodes {
		fmt.Fprintf(&b, ".TP\n%d\n%s\n", code.code, roff(code.meaning))
	}
	return b.String()
}

// exitCodes are what the program's end means.
var exitCodes = []struct {
	code    int
	meaning string
}{
	{0, "done"},
	{exitFailed, "the command failed"},
	{exitUsage, "wrong arguments or suite"},
	{exitInvalid, "done, but a scenario, a gate or a check of doctor failed"},
	{exitInterrupted, "stopped by a signal; the partial result is saved"},
}

// roff escapes text for a manual page.
func roff(text string) string {
	text = strings.NewReplacer(`\`, `\e`, "-", `\-`, "'", `\(aq`, "`", `\(ga`).Replace(text)
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, ".") {
			lines[i] = `\&` + line
		}
	}
	return strings.Join(lines, "\n")
}
