package main

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"ceiling/internal/nearest"

	"github.com/urfave/cli/v3"
)

// usageError is a mistake in the arguments in this program's words: the
// library's are those of Go's parsers.
func usageError(_ context.Context, c *cli.Command, err error, _ bool) error {
	if c == c.Root() && c.Args().Present() {
		return unknownCommand(c, c.Args().First()) // its flags are not the mistake
	}
	text := usageText(c, err.Error())
	if !strings.HasSuffix(text, "?") {
		text += ";"
	}
	return usagef("%s `%s --help` lists the flags", text, c.FullName())
}

// unknownCommand names the command that was most likely meant.
func unknownCommand(root *cli.Command, name string) error {
	var known []string
	for _, c := range root.VisibleCommands() {
		known = append(known, c.Name)
	}
	if near := nearest.To(name, known); near != "" {
		return usagef("unknown command %q; did you mean %q? `ceiling help` lists them", name, near)
	}
	return usagef("unknown command %q; `ceiling help` lists them", name)
}

var (
	badValue = regexp.MustCompile(`^invalid value ("(?:[^"\\\\]|\\\\.)*") for flag -([^:]+): (?s:(.*))$`)
	missing  = regexp.MustCompile(`^Required flags? "(.*)" not set$`)
)

// usageText says what is wrong. text is the library's error.
func usageText(c *cli.Command, text string) string {
	if name, ok := strings.CutPrefix(text, "flag provided but not defined: -"); ok {
		return unknownFlag(c, strings.TrimLeft(name, "-"))
	}
	if name, ok := strings.CutPrefix(text, "flag needs an argument: "); ok {
		return "--" + longName(c, strings.TrimLeft(name, "-")) + " needs a value"
	}
	if m := missing.FindStringSubmatch(text); m != nil {
		return "--" + strings.Join(strings.Split(m[1], ", "), " is missing, --") + " is missing"
	}
	m := badValue.FindStringSubmatch(text)
	if m == nil {
		return text
	}
	name := longName(c, m[2])
	if !fromGo(m[3]) {
		return fmt.Sprintf("--%s: %s", name, m[3])
	}
	value, err := strconv.Unquote(m[1])
	if err != nil {
		value = m[1]
	}
	return fmt.Sprintf("--%s: %q is %s", name, value, notOfType(findFlag(c, name), m[3]))
}

// fromGo tells the errors of Go's own parsers from those of validators.
func fromGo(text string) bool {
	return strings.HasPrefix(text, "strconv.") || strings.HasPrefix(text, "time: ") || text == "parse error"
}

// notOfType is what a value is not that a flag's parser has refused.
func notOfType(f cli.Flag, why string) string {
	if strings.HasSuffix(why, "value out of range") {
		return "too large"
	}
	switch f.(type) {
	case *cli.IntFlag:
		return "no whole number"
	case *cli.Uint64Flag:
		return "no whole number from 0 on"
	case *cli.DurationFlag:
		return "no time; use something like 90s or 2m"
	case *cli.BoolFlag, *cli.BoolWithInverseFlag:
		return "neither true nor false"
	}
	return "no number"
}

func findFlag(c *cli.Command, name string) cli.Flag {
	for _, f := range c.Flags {
		for _, n := range f.Names() {
			if n == name {
				return f
			}
		}
	}
	return nil
}

// longName is a flag's own name, where name may be a short one.
func longName(c *cli.Command, name string) string {
	if f := findFlag(c, name); f != nil {
		return f.Names()[0]
	}
	return name
}

// unknownFlag names the flag that was most likely meant.
func unknownFlag(c *cli.Command, name string) string {
	var known []string
	for _, f := range c.VisibleFlags() {
		known = append(known, f.Names()[0])
	}
	if near := nearest.To(name, known); near != "" {
		return fmt.Sprintf("unknown flag --%s: did you mean --%s?", name, near)
	}
	return "unknown flag --" + name
}
