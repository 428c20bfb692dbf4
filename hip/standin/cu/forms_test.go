package cu

import (
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"ceiling/hip/standin/gcn"
)

// executed are the forms of instructions that tests have executed.
var executed = map[string]bool{}

// record notes the forms of a program that a test has run.
func record(p *Program) {
	for _, b := range p.order {
		for _, f := range b.forms() {
			executed[f] = true
		}
	}
}

// leastForms is how many forms the tests of this package execute; it may only
// rise.
const leastForms = 375

// TestMain counts, after all tests, how many of the forms that occur in
// llama.cpp's and rocBLAS's code they have executed.
func TestMain(m *testing.M) {
	code := m.Run()
	if flag.Lookup("test.run").Value.String() == "" && code == 0 {
		code = countForms()
	}
	os.Exit(code)
}

func countForms() int {
	content, err := os.ReadFile("../gcn/testdata/forms.txt")
	if err != nil {
		fmt.Println(err)
		return 1
	}
	var missing []string
	n := 0
	for line := range strings.Lines(string(content)) {
		encoding, text, _ := strings.Cut(strings.TrimSpace(line), " ")
		code, err := hex.DecodeString(encoding)
		if err != nil {
			fmt.Println(err)
			return 1
		}
		in, err := gcn.Decode(code)
		if err != nil {
			fmt.Println(err)
			return 1
		}
		if n++; !executed[in.Form()] {
			missing = append(missing, text)
		}
	}
	slices.Sort(missing)
	covered := n - len(missing)
	fmt.Printf("%d of %d forms of instructions are executed by the tests\n", covered, n)
	if covered < leastForms {
		fmt.Printf("%d were before; not executed: %s\n", leastForms, strings.Join(missing, "; "))
		return 1
	}
	if testing.Verbose() {
		fmt.Println(strings.Join(missing, "\n"))
	}
	return 0
}
