// Package bundle writes and checks the sums of a folder that is copied to
// another machine.
package bundle

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// SumsName is the file with a folder's sums, as sha256sum writes and checks
// them: a line of hash, two spaces and path for each regular file but itself,
// sorted by path. Before them stands, as a comment, the sum of these lines, so
// that damage to the list is not taken for damage to a file.
const SumsName = "SHA256SUMS"

const ownSum = "# SHA-256 of the lines below: "

// FileFault is one file that is not as it was packed.
type FileFault struct {
	File string // slash-separated, below the folder
	What string
}

// Checked is what a check has read.
type Checked struct {
	Files  int
	Bytes  int64
	Faults []FileFault // by file; none: all is as it was packed
}

// Write writes the sums of all files below a folder. It refuses what sums can't
// vouch for: links, pipes, and names that do not fit on a line.
func Write(dir string) error {
	files, err := list(dir)
	if err != nil {
		return err
	}
	var b strings.Builder
	for _, name := range files {
		if strings.ContainsAny(name, "\n\r\\") {
			return fmt.Errorf("file name %q: a line of %s can't hold it", name, SumsName)
		}
		sum, _, err := sumOf(dir, name)
		if err != nil {
			return err
		}
		fmt.Fprintf(&b, "%s  %s\n", sum, name)
	}
	lines := b.String()
	return os.WriteFile(filepath.Join(dir, SumsName), []byte(ownLine(lines)+lines), 0o644)
}

// ownLine is the line that vouches for a list's other lines.
func ownLine(lines string) string {
	return fmt.Sprintf("%s%x\n", ownSum, sha256.Sum256([]byte(lines)))
}

// Verify reads every file below a folder and compares it with its sum. What is
// missing, and what is there without a sum, are faults, too.
func Verify(ctx context.Context, dir string) (Checked, error) {
	var c Checked
	sums, err := c.readSums(dir)
	if err != nil {
		return c, err
	}
	files, err := list(dir)
	var odd oddFile
	switch {
	case errors.As(err, &odd):
		c.fault(odd.name, "not a regular file")
	case err != nil:
		return c, err
	}
	for _, name := range files {
		if err := ctx.Err(); err != nil {
			return c, err
		}
		want, known := sums[name]
		delete(sums, name)
		if !known {
			c.fault(name, "not in "+SumsName)
			continue
		}
		got, size, err := sumOf(dir, name)
		c.Files, c.Bytes = c.Files+1, c.Bytes+size
		switch {
		case err != nil:
			c.fault(name, err.Error())
		case got != want:
			c.fault(name, fmt.Sprintf("SHA-256 is %s, packed was %s", got, want))
		}
	}
	for name := range sums {
		c.fault(name, "missing")
	}
	slices.SortStableFunc(c.Faults, func(a, b FileFault) int { return strings.Compare(a.File, b.File) })
	return c, nil
}

func (c *Checked) fault(file, what string) { c.Faults = append(c.Faults, FileFault{file, what}) }

// readSums are the hashes by file. A line that can't be read is a fault of the
// list itself, and so are lines that differ from what its first line says of
// them; sha256sum's own lists have no such line.
func (c *Checked) readSums(dir string) (map[string]string, error) {
	whole, err := os.ReadFile(filepath.Join(dir, SumsName))
	if err != nil {
		return nil, fmt.Errorf("%q is no bundle: %w", dir, err)
	}
	first, rest, _ := strings.Cut(string(whole), "\n")
	if strings.HasPrefix(first, "#") && ownLine(rest) != first+"\n" {
		c.fault(SumsName, "its lines are not those that were packed, so what it says of other files may be wrong")
	}
	sums := map[string]string{}
	n := 0
	for line := range strings.Lines(string(whole)) {
		if n++; n == 1 && strings.HasPrefix(line, "#") {
			continue
		}
		sum, name, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "  ")
		_, err := hex.DecodeString(sum)
		if !ok || err != nil || len(sum) != 2*sha256.Size || !filepath.IsLocal(filepath.FromSlash(name)) || sums[name] != "" {
			c.fault(SumsName, fmt.Sprintf("line %d is no hash and file", n))
			continue
		}
		sums[name] = sum
	}
	return sums, nil
}

// oddFile is something that has no bytes of its own.
type oddFile struct{ name string }

func (e oddFile) Error() string {
	return fmt.Sprintf("%q is not a regular file: a bundle holds nothing else", e.name)
}

// list are the files below a folder but its sums, sorted, and the first that
// is no regular file as the error.
func list(dir string) (files []string, err error) {
	var odd error
	err = filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		name = filepath.ToSlash(name)
		switch {
		case !e.Type().IsRegular() && odd == nil:
			odd = oddFile{name}
		case e.Type().IsRegular() && name != SumsName:
			files = append(files, name)
		}
		return nil
	})
	slices.Sort(files)
	if err == nil {
		err = odd
	}
	return files, err
}

func sumOf(dir, name string) (sum string, size int64, err error) {
	f, err := os.Open(filepath.Join(dir, filepath.FromSlash(name)))
	if err != nil {
		return "", 0, err
	}
	defer f.Close()
	h := sha256.New()
	if size, err = io.Copy(h, f); err != nil {
		return "", size, err
	}
	return hex.EncodeToString(h.Sum(nil)), size, nil
}
