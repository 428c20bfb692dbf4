// Codeobjects prints the GPU code objects that a HIP library carries, one a
// line: number, architecture, size, kernels.
//
// Usage: codeobjects [-extract FILE] LIBRARY [KERNEL]
//
// With a kernel's name, only objects that hold a kernel of that name are
// listed; -extract writes the first of them to a file, for other tools.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"ceiling/hip/codeobject"
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintf(os.Stderr, "codeobjects: %s\n", err)
		os.Exit(1)
	}
}

func run(args []string, out io.Writer) error {
	flags := flag.NewFlagSet("codeobjects", flag.ContinueOnError)
	extract := flags.String("extract", "", "write the first object listed to `FILE`")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() < 1 || flags.NArg() > 2 {
		return errors.New("name one library, and at most one kernel")
	}
	kernel := flags.Arg(1)
	number, listed, kernels := 0, 0, 0
	err := codeobject.Each(flags.Arg(0), func(o codeobject.Object, content io.ReaderAt) error {
		number++
		if kernel != "" && !slices.Contains(o.Kernels, kernel) {
			return nil
		}
		listed++
		kernels += o.Count
		if o.Arch() != o.Machine {
			return fmt.Errorf("object %d is named %s, its own header says %s", number, o.Target, o.Machine)
		}
		if *extract != "" && listed == 1 {
			if err := write(*extract, content, o.Bytes); err != nil {
				return err
			}
		}
		_, err := fmt.Fprintf(out, "%4d  %s  %8.1f KiB  %4d kernels  %s\n",
			number, o.Target, float64(o.Bytes)/1024, o.Count, strings.Join(o.Kernels, " "))
		return err
	})
	if err != nil {
		return err
	}
	switch {
	case number == 0:
		return fmt.Errorf("%q holds no GPU code", flags.Arg(0))
	case listed == 0:
		return fmt.Errorf("%q: none of %d code objects holds the kernel %q", flags.Arg(0), number, kernel)
	}
	_, err = fmt.Fprintf(out, "%d code objects, %d kernels\n", listed, kernels)
	return err
}

// write copies an object's bytes into a file.
func write(path string, content io.ReaderAt, size int64) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, io.NewSectionReader(content, 0, size))
	return errors.Join(err, f.Close())
}
