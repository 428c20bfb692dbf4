package main

import (
	"bufio"
	"bytes"
	"debug/elf"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"

	"ceiling/hip/codeobject"
	"ceiling/hip/standin/gcn"
)

// checkDecoder decodes every instruction of the code objects in the files, and
// compares each that differs from the others in its bits with LLVM's reading.
// An error: one differs, or nothing was compared.
func checkDecoder(args []string, out io.Writer) error {
	flags := flag.NewFlagSet("check-decoder", flag.ContinueOnError)
	llvm := flags.String("llvm-mc", "llvm-mc", "`PROGRAM` to compare with")
	sample := flags.String("sample", "", "write one instruction of each form to `FILE`: the decoder's testdata")
	if err := flags.Parse(args); err != nil {
		return err
	}
	c := corpus{seen: map[string]bool{}, forms: map[string]string{}}
	for _, path := range flags.Args() {
		if err := c.add(path); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	if len(c.list) == 0 {
		return errors.New("no gfx908 code to compare: name a HIP library or a code object")
	}
	differ, err := c.compare(*llvm, out)
	if err != nil {
		return err
	}
	for _, u := range c.unknown[:min(len(c.unknown), mostShown)] {
		fmt.Fprintln(out, u)
	}
	differ += len(c.unknown)
	fmt.Fprintf(out, "%d code objects, %d instructions, %d different ones, %d instruction forms; %d differ from LLVM\n",
		c.objects, c.instructions, len(c.list), len(c.forms), differ)
	if differ > 0 {
		return fmt.Errorf("%d instructions are read differently", differ)
	}
	if *sample == "" {
		return nil
	}
	return c.write(*llvm, *sample)
}

// write puts one instruction of each form into a file, with LLVM's text.
func (c *corpus) write(llvm, path string) error {
	list := slices.Sorted(maps.Values(c.forms))
	theirs, err := disassemble(llvm, list)
	if err != nil {
		return err
	}
	var b strings.Builder
	for i, e := range list {
		fmt.Fprintf(&b, "%x %s\n", e, theirs[i])
	}
	return os.WriteFile(path, []byte(b.String()), 0o644)
}

// mostShown is how many differences are printed.
const mostShown = 40

// corpus is the code that is compared.
type corpus struct {
	objects, instructions int
	seen                  map[string]bool
	list                  []string          // encodings, in the order in which they were met
	unknown               []string          // what the table has no instruction for
	forms                 map[string]string // one encoding of each instruction in each form
}

func (c *corpus) add(path string) error {
	content, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if f, err := elf.NewFile(bytes.NewReader(content)); err == nil && f.Machine == elf.EM_AMDGPU {
		return c.object(bytes.NewReader(content))
	}
	return codeobject.Each(path, func(o codeobject.Object, r io.ReaderAt) error {
		if o.Arch() != "gfx908" {
			return nil
		}
		return c.object(r)
	})
}

// object walks the code of one code object.
func (c *corpus) object(r io.ReaderAt) error {
	f, err := elf.NewFile(r)
	if err != nil {
		return err
	}
	section := f.Section(".text")
	if section == nil {
		return nil
	}
	code, err := section.Data()
	if err != nil {
		return err
	}
	c.objects++
	for at := 0; at < len(code); {
		if w := code[at : at+4]; w[3] == 0 && w[2] == 0 && w[1] == 0 && w[0] == 0 || bytes.Equal(w, codeEnd) {
			at += 4 // padding between functions
			continue
		}
		in, err := gcn.Decode(code[at:])
		if err != nil {
			c.unknown = append(c.unknown, fmt.Sprintf("at %#x of .text: %s", at, err))
			at += 4
			continue
		}
		c.instructions++
		if form := in.Form(); c.forms[form] == "" {
			c.forms[form] = string(code[at : at+in.Size])
		}
		if e := string(code[at : at+in.Size]); !c.seen[e] {
			c.seen[e] = true
			c.list = append(c.list, e)
		}
		at += in.Size
	}
	return nil
}

// codeEnd is s_code_end, which LLVM puts behind kernels.
var codeEnd = []byte{0, 0, 0x9f, 0xbf}

// compare has LLVM read the list, and counts what it reads differently.
func (c *corpus) compare(llvm string, out io.Writer) (differ int, err error) {
	const batch = 50000
	for part := range slices.Chunk(c.list, batch) {
		theirs, err := disassemble(llvm, part)
		if err != nil {
			return differ, err
		}
		for i, e := range part {
			in, _ := gcn.Decode([]byte(e)) // it was decoded before
			if ours := in.String(); theirs[i] != ours {
				if differ++; differ <= mostShown {
					fmt.Fprintf(out, "%s\n  ours  %s\n  LLVM  %s\n", hex.EncodeToString([]byte(e)), ours, theirs[i])
				}
			}
		}
	}
	return differ, nil
}

// disassemble returns LLVM's text for each encoding. What LLVM takes for no
// instruction, or cuts elsewhere, has the text "".
func disassemble(llvm string, list []string) ([]string, error) {
	var in bytes.Buffer
	for _, e := range list {
		for i := range len(e) {
			fmt.Fprintf(&in, "%#02x ", e[i])
		}
		in.WriteByte('\n')
	}
	cmd := exec.Command(llvm, "--disassemble", "-triple=amdgcn-amd-amdhsa", "-mcpu=gfx908", "--show-encoding")
	cmd.Stdin = &in
	var said bytes.Buffer
	cmd.Stderr = &said
	text, err := cmd.Output()
	if err != nil && len(text) == 0 {
		return nil, fmt.Errorf("%s: %w: %s", llvm, err, said.String())
	}
	var asm, encodings []string
	lines := bufio.NewScanner(bytes.NewReader(text))
	for lines.Scan() {
		a, e, ok := strings.Cut(lines.Text(), "; encoding: [")
		if !ok {
			continue
		}
		bits, err := hex.DecodeString(strings.NewReplacer("0x", "", ",", "", "]", "").Replace(strings.TrimSpace(e)))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", lines.Text(), err)
		}
		asm, encodings = append(asm, strings.Join(strings.Fields(a), " ")), append(encodings, string(bits))
	}
	return align(list, asm, encodings), lines.Err()
}

// align finds each encoding's text. LLVM prints them in order, but the bits
// that it would write itself: a literal 0 as an inline constant.
func align(list, asm, encodings []string) []string {
	if len(asm) == len(list) {
		return asm
	}
	out := make([]string, len(list))
	byBits := make(map[string]string, len(asm))
	for i, e := range encodings {
		byBits[e] = asm[i]
	}
	for i, e := range list {
		out[i] = byBits[e]
	}
	return out
}
