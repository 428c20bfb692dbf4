// Standin has four MI100 that aren't there: it runs programs on stand-in cards
// whose gfx908 code is executed on the CPU. See docs/standin.md.
//
// Usage:
//
//	standin run [-tree FOLDER] [-library FILE] [-counters FILE] [-fault FAULT]... [-fault-when FILE] PROGRAM [ARGUMENT...]
//	standin check-decoder [-llvm-mc PROGRAM] [-sample FILE] FILE...
//	standin plant -fault KIND -kernel TEXT [-value N] LIBRARY COPY
//	standin coverage LIBRARY COUNTERS...
package main

import (
	"fmt"
	"io"
	"os"
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintf(os.Stderr, "standin: %s\n", err)
		os.Exit(1)
	}
}

func run(args []string, out io.Writer) error {
	if len(args) == 0 {
		return fmt.Errorf("name a command: %s", commands)
	}
	switch args[0] {
	case "run":
		return runProgram(args[1:])
	case "check-decoder":
		return checkDecoder(args[1:], out)
	case "plant":
		return plantFault(args[1:], out)
	case "coverage":
		return coverage(args[1:], out)
	}
	return fmt.Errorf("unknown command %q: there are %s", args[0], commands)
}

const commands = "run, check-decoder, plant, coverage"
