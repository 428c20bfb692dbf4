package hip

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"ceiling/internal/oneline"
)

// maxFile bounds one read, in bytes: sysfs files are a page long, the list of
// card names is the longest wanted here.
const maxFile = 1 << 20

// maxEntries bounds how much of a folder is looked at: a tree that is not
// sysfs must not keep the program busy. rocBLAS has some thousand files.
const maxEntries = 1 << 15

// tree reads files below a root. What can't be read is empty: no file of
// sysfs is in every kernel. Links that lead out of the root are not followed.
type tree struct{ root *os.Root }

// openTree opens the file tree at root; "" stands for "/".
func openTree(root string) (tree, error) {
	if root == "" {
		root = "/"
	}
	info, err := os.Stat(root) // OpenRoot would wait for the writer of a FIFO
	if err == nil && !info.IsDir() {
		err = errors.New("not a folder")
	}
	if err != nil {
		return tree{}, fmt.Errorf("system root %q: %w", root, oneline.Cause(err))
	}
	r, err := os.OpenRoot(root)
	if err != nil {
		return tree{}, fmt.Errorf("system root %q: %w", root, oneline.Cause(err))
	}
	return tree{r}, nil
}

func (t tree) close() { _ = t.root.Close() }

// open opens a file for reads that never wait: a FIFO in a copied tree has no
// writer.
func (t tree) open(name string) (*os.File, error) {
	return t.root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
}

// text returns a file's content without blanks around it, at most maxFile
// bytes, or "".
func (t tree) text(name string) string {
	f, err := t.open(name)
	if err != nil {
		return ""
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return ""
	}
	b, err := io.ReadAll(io.LimitReader(f, maxFile))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

// line returns a file's first line, fit to be printed.
func (t tree) line(name string) string {
	first, _, _ := strings.Cut(t.text(name), "\n")
	return clean(first)
}

// number returns a file's one number; ok is false for anything else.
func (t tree) number(name string) (v uint64, ok bool) { return parseNumber(t.text(name)) }

// names lists a folder, sorted, or nothing.
func (t tree) names(dir string) []string {
	f, err := t.open(dir)
	if err != nil {
		return nil
	}
	defer f.Close()
	names, err := f.Readdirnames(maxEntries)
	if err != nil {
		return nil
	}
	slices.Sort(names)
	return names
}

// numbered lists a folder's entries of the form prefix + number, by number.
func (t tree) numbered(dir, prefix string) []string {
	var out []string
	number := map[string]int{}
	for _, name := range t.names(dir) {
		rest, ok := strings.CutPrefix(name, prefix)
		n, err := strconv.Atoi(rest)
		if ok && err == nil && n >= 0 && rest[0] != '+' {
			number[name] = n
			out = append(out, name)
		}
	}
	slices.SortStableFunc(out, func(a, b string) int { return number[a] - number[b] })
	return out
}

// link returns where a symbolic link points, as a path below the root, or "".
func (t tree) link(name string) string {
	to, err := t.root.Readlink(name)
	if err != nil || path.IsAbs(to) {
		return ""
	}
	return path.Join(path.Dir(name), to)
}

// parseNumber reads a decimal, or a hexadecimal number with 0x.
func parseNumber(s string) (uint64, bool) {
	s = strings.TrimSpace(s)
	base := 10
	if hex, ok := strings.CutPrefix(s, "0x"); ok {
		s, base = hex, 16
	}
	v, err := strconv.ParseUint(s, base, 64)
	return v, err == nil
}

// parseProperties reads "key value" lines with unsigned decimals, KFD's form.
// Other lines are left out.
func parseProperties(text string) map[string]uint64 {
	p := map[string]uint64{}
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) != 2 {
			continue
		}
		if v, err := strconv.ParseUint(f[1], 10, 64); err == nil {
			p[f[0]] = v
		}
	}
	return p
}

// clean makes text from a file fit for one table cell.
func clean(s string) string {
	const longest = 120 // runes; longer than any name or version
	s = oneline.Of(strings.ReplaceAll(oneline.Visible(s), "�", " "))
	if r := []rune(s); len(r) > longest {
		s = strings.TrimSpace(string(r[:longest]))
	}
	return s
}
