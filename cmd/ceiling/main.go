// Command ceiling measures what an LLM engine can do on this machine, with no
// server in the way: it loads quantised weights into llama.cpp inside its own
// process, runs fixed scenarios against it and writes the report.
package main

import (
	"os"
)

func main() {
	os.Exit(run(os.Args, os.Stdout, os.Stderr))
}
