package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

// coverage says how many of the forms of instructions in a library were executed
// by the kernels whose counters are in the files.
func coverage(args []string, out io.Writer) error {
	if len(args) < 2 {
		return errors.New("usage: coverage LIBRARY COUNTERS...")
	}
	c := corpus{seen: map[string]bool{}, forms: map[string]string{}}
	if err := c.add(args[0]); err != nil {
		return fmt.Errorf("%s: %w", args[0], err)
	}
	if len(c.forms) == 0 {
		return fmt.Errorf("%s has no gfx908 code", args[0])
	}
	run := executed{forms: map[string]bool{}}
	for _, path := range args[1:] {
		if err := run.add(path); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	var missing []string
	for form := range c.forms {
		if !run.forms[form] {
			missing = append(missing, form)
		}
	}
	slices.Sort(missing)
	fmt.Fprintf(out, "%d of %d forms of instructions were executed, by %d kernels, %d wave instructions\n",
		len(c.forms)-len(missing), len(c.forms), run.kernels, run.instructions)
	fmt.Fprintf(out, "not executed: %s\n", strings.Join(missing, "; "))
	return nil
}

// executed is what kernels did, all together.
type executed struct {
	kernels, instructions int64
	forms                 map[string]bool
}

func (e *executed) add(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	for lines := json.NewDecoder(f); ; {
		var line struct {
			Instructions int64
			Forms        []string
		}
		err := lines.Decode(&line)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		e.kernels++
		e.instructions += line.Instructions
		for _, form := range line.Forms {
			e.forms[form] = true
		}
	}
}
