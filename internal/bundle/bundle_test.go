package bundle

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// packed is a folder of files with its sums.
func packed(t *testing.T) (dir string, files []string) {
	t.Helper()
	dir = t.TempDir()
	for i := range 30 {
		name := fmt.Sprintf("d%d/f %d.txt", i%4, i)
		write(t, dir, name, strings.Repeat(name, 1+100*i))
		files = append(files, name)
	}
	if err := Write(dir); err != nil {
		t.Fatal(err)
	}
	return dir, files
}

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func verify(t *testing.T, dir string) Checked {
	t.Helper()
	c, err := Verify(context.Background(), dir)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestVerifyFlips: one byte changed in one file is found, in that file alone.
func TestVerifyFlips(t *testing.T) {
	dir, files := packed(t)
	if c := verify(t, dir); c.Files != len(files) || c.Bytes == 0 || len(c.Faults) > 0 {
		t.Fatalf("as packed: %+v", c)
	}
	random := rand.New(rand.NewPCG(1, 2))
	for range 20 {
		name := files[random.IntN(len(files))]
		whole, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		at := random.IntN(len(whole))
		flipped := bytes.Clone(whole)
		flipped[at] ^= 1 << random.IntN(8)
		shorter := append(bytes.Clone(whole[:at]), whole[at+1:]...)
		for _, damaged := range [][]byte{flipped, shorter} {
			write(t, dir, name, string(damaged))
			if c := verify(t, dir); len(c.Faults) != 1 || c.Faults[0].File != name {
				t.Errorf("byte %d of %s: %+v", at, name, c.Faults)
			}
		}
		write(t, dir, name, string(whole))
	}
}

// TestVerifyFlippedSums: damage anywhere in the list is put down to the list.
func TestVerifyFlippedSums(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "a", "A")
	write(t, dir, "b/c", "C")
	if err := Write(dir); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(filepath.Join(dir, SumsName))
	if err != nil {
		t.Fatal(err)
	}
	for at := range whole {
		flipped := bytes.Clone(whole)
		flipped[at] ^= 1 << (at % 8)
		write(t, dir, SumsName, string(flipped))
		if faults := verify(t, dir).Faults; !slices.ContainsFunc(faults, func(f FileFault) bool { return f.File == SumsName }) {
			t.Errorf("byte %d: %+v", at, faults)
		}
	}
}

func TestVerifyFaults(t *testing.T) {
	for _, c := range []struct {
		name   string
		damage func(dir string) error
		want   []FileFault
	}{
		{"a file gone", func(dir string) error { return os.Remove(filepath.Join(dir, "d1/f 1.txt")) },
			[]FileFault{{"d1/f 1.txt", "missing"}}},
		{"a file too many", func(dir string) error { return os.WriteFile(filepath.Join(dir, "new"), nil, 0o644) },
			[]FileFault{{"new", "not in SHA256SUMS"}}},
		{"a link", func(dir string) error { return os.Symlink("/etc/passwd", filepath.Join(dir, "link")) },
			[]FileFault{{"link", "not a regular file"}}},
		{"lines that are none", func(dir string) error {
			return appendTo(filepath.Join(dir, SumsName), "nonsense\n"+strings.Repeat("0", 64)+"  ../../etc/passwd\n")
		}, []FileFault{{SumsName, "its lines are not those that were packed, so what it says of other files may be wrong"},
			{SumsName, "line 32 is no hash and file"}, {SumsName, "line 33 is no hash and file"}}},
	} {
		dir, _ := packed(t)
		if err := c.damage(dir); err != nil {
			t.Fatal(err)
		}
		if got := verify(t, dir).Faults; fmt.Sprint(got) != fmt.Sprint(c.want) {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
	if _, err := Verify(context.Background(), t.TempDir()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a folder without sums: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	dir, _ := packed(t)
	if _, err := Verify(ctx, dir); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
	if err := os.Symlink("f", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	if err := Write(dir); err == nil {
		t.Error("a link was packed")
	}
}

func appendTo(path, text string) error {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = f.WriteString(text)
	return err
}

// TestSha256sum: the usual tool reads the same list.
func TestSha256sum(t *testing.T) {
	dir, files := packed(t)
	cmd := exec.Command("sha256sum", "--check", "--strict", SumsName)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil || strings.Count(string(out), ": OK\n") != len(files) {
		t.Errorf("%v\n%s", err, out)
	}
}
