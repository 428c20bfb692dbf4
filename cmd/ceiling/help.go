package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/urfave/cli/v3"
)

// helpWidth is the longest line of the help, in columns.
const helpWidth = 100

// longestShort is the longest name that is written with one dash, as llama.cpp
// does; both are read.
const longestShort = 3

// helpIndent is where the description of a flag begins.
const helpIndent = 32

// useOwnHelp puts this program's help in the place of the library's, whose
// lines are as long as they come.
func useOwnHelp() {
	cli.HelpPrinter = func(w io.Writer, _ string, data any) {
		if c, ok := data.(*cli.Command); ok {
			_, _ = io.WriteString(w, helpText(c)) // an output that is gone is told by main
		}
	}
	cli.VersionPrinter = func(c *cli.Command) { fmt.Fprintln(c.Root().Writer, "ceiling "+c.Version) }
	show := cli.DefaultShowCommandHelp
	cli.ShowCommandHelp = func(ctx context.Context, c *cli.Command, name string) error {
		if c.Command(name) == nil {
			return unknownCommand(c.Root(), name)
		}
		return show(ctx, c, name)
	}
}

// helpText is the help of a command.
func helpText(c *cli.Command) string {
	var b strings.Builder
	b.WriteString(wrapped(c.FullName()+": "+c.Usage, 0))
	fmt.Fprintf(&b, "\nUsage:\n   %s\n", synopsis(c))
	if c.Description != "" {
		fmt.Fprintf(&b, "\n%s", flowed(c.Description))
	}
	if list := examples[c.Name]; len(list) > 0 {
		b.WriteString("\nExamples:\n")
		for _, e := range list {
			fmt.Fprintf(&b, "   %s\n", e)
		}
	}
	if c == c.Root() {
		b.WriteString("\nCommands:\n")
		for _, sub := range c.VisibleCommands() {
			entry(&b, sub.Name, sub.Usage, 14)
		}
	}
	for _, g := range flagGroups(c) {
		fmt.Fprintf(&b, "\n%s:\n", g.name)
		for _, f := range g.flags {
			names, text := flagHelp(f)
			entry(&b, names, text, helpIndent)
		}
	}
	return b.String()
}

func synopsis(c *cli.Command) string {
	switch {
	case c == c.Root():
		return "ceiling COMMAND [options]"
	case c.ArgsUsage != "":
		return c.FullName() + " [options] " + c.ArgsUsage
	}
	return c.FullName() + " [options]"
}

type flagGroup struct {
	name  string
	flags []cli.Flag
}

// flagGroups are a command's flags by category, in the order in which they are
// declared.
func flagGroups(c *cli.Command) []flagGroup {
	var groups []flagGroup
	at := map[string]int{}
	for _, f := range c.VisibleFlags() {
		name := "Options"
		if category, ok := f.(cli.CategorizableFlag); ok && category.GetCategory() != "" {
			name = category.GetCategory()
		}
		if _, ok := at[name]; !ok {
			at[name] = len(groups)
			groups = append(groups, flagGroup{name: name})
		}
		groups[at[name]].flags = append(groups[at[name]].flags, f)
	}
	return groups
}

// group puts flags into a category of the help.
func group(name string, flags ...cli.Flag) []cli.Flag {
	for _, f := range flags {
		if category, ok := f.(cli.CategorizableFlag); ok {
			category.SetCategory(name)
		}
	}
	return flags
}

// flagHelp is how a flag is written, and what it does. The value's name stands
// in backquotes in the usage; at its beginning with a colon behind, it is no
// part of the text.
func flagHelp(f cli.Flag) (names, text string) {
	doc, ok := f.(cli.DocGenerationFlag)
	if !ok {
		return "--" + f.Names()[0], ""
	}
	value, text := "", doc.GetUsage()
	if before, rest, ok := strings.Cut(text, "`"); ok {
		if name, behind, ok := strings.Cut(rest, "`"); ok && doc.TakesValue() {
			value = name
			if text = before + name + behind; before == "" && strings.HasPrefix(behind, ": ") {
				text = behind[2:]
			}
		}
	}
	if doc.TakesValue() && value == "" {
		value = "N"
	}
	if d := defaultOf(f, doc); d != "" && !strings.Contains(text, "(default:") {
		text += " (default: " + d + ")"
	}
	short, other := "", ""
	for _, name := range f.Names()[1:] {
		if len(name) <= longestShort {
			short += "-" + name + ", "
		} else {
			other += "--" + name + ", "
		}
	}
	names = short + other
	long := "--" + f.Names()[0]
	if _, ok := f.(*cli.BoolWithInverseFlag); ok {
		long = "--[no-]" + f.Names()[0]
	}
	return strings.TrimSpace(names + long + " " + value), text
}

// defaultOf is a flag's default as one would write it, "" for none worth
// telling.
func defaultOf(f cli.Flag, doc cli.DocGenerationFlag) string {
	if r, ok := f.(cli.RequiredFlag); ok && r.IsRequired() || !doc.TakesValue() || !doc.IsDefaultVisible() {
		return ""
	}
	if d, ok := f.(*cli.DurationFlag); ok {
		return plainTime(d.Value)
	}
	text := strings.Trim(doc.GetValue(), `"`)
	if _, list := f.(*cli.StringSliceFlag); list {
		return ""
	}
	return text
}

// plainTime is 10m for Go's 10m0s.
func plainTime(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// entry writes a name and, from column indent on, what it is.
func entry(b *strings.Builder, name, text string, indent int) {
	line := "   " + name
	if gap := indent - utf8.RuneCountInString(line); gap >= 2 {
		line += strings.Repeat(" ", gap)
		b.WriteString(line + strings.TrimLeft(wrapped(text, indent), " "))
		return
	}
	b.WriteString(line + "\n" + wrapped(text, indent))
}

// flowed breaks the paragraphs of a description into lines. Those with blanks
// in a row, tables and lists, stay as they are.
func flowed(text string) string {
	var out []string
	for paragraph := range strings.SplitSeq(text, "\n\n") {
		if strings.Contains(paragraph, "  ") {
			out = append(out, paragraph+"\n")
		} else {
			out = append(out, wrapped(paragraph, 0))
		}
	}
	return strings.Join(out, "\n")
}

// wrapped breaks text into lines of at most helpWidth columns that begin at
// column indent.
func wrapped(text string, indent int) string {
	pad := strings.Repeat(" ", indent)
	var b strings.Builder
	column := 0
	for _, word := range strings.Fields(text) {
		n := utf8.RuneCountInString(word)
		switch {
		case column == 0:
			b.WriteString(pad + word)
			column = indent + n
		case column+1+n > helpWidth:
			b.WriteString("\n" + pad + word)
			column = indent + n
		default:
			b.WriteString(" " + word)
			column += 1 + n
		}
	}
	return b.String() + "\n"
}
