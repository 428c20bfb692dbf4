// Command bundle does what scripts/bundle.sh can't do with the usual tools.
//
//	bundle pages FROM TO     FROM's Markdown files, as they are and as HTML
//	bundle licences FROM TO  the licences of all modules below FROM/vendor
//	bundle sums DIR          writes DIR/SHA256SUMS
package main

import (
	"fmt"
	"os"

	"ceiling/internal/bundle"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bundle:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	switch {
	case len(args) == 3 && args[0] == "pages":
		return writePages(args[1], args[2])
	case len(args) == 3 && args[0] == "licences":
		return writeLicences(args[1], args[2])
	case len(args) == 2 && args[0] == "sums":
		return bundle.Write(args[1])
	}
	return fmt.Errorf("usage: bundle pages FROM TO | licences FROM TO | sums DIR; got %q", args)
}
