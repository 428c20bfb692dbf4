package launch

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

func TestArguments(t *testing.T) {
	b := Buffer{Address: 0x1122334455667788, Bytes: 64}
	got := Arguments(uint32(1), b, uint32(2), uint32(3), uint64(4))
	want := []byte{1, 0, 0, 0, 0, 0, 0, 0, // and up to a multiple of 8
		0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11,
		2, 0, 0, 0, 3, 0, 0, 0,
		4, 0, 0, 0, 0, 0, 0, 0}
	if !bytes.Equal(got, want) {
		t.Errorf("% x", got)
	}
	if len(Arguments()) == 0 {
		t.Error("a launch without arguments has no bytes to point at")
	}
	defer func() {
		if recover() == nil {
			t.Error("an int, whose size a kernel doesn't know, was taken")
		}
	}()
	Arguments(1)
}

func TestPart(t *testing.T) {
	b := Buffer{Address: 1000, Bytes: 64}
	if p := b.Part(16, 48); p.Address != 1016 || p.Bytes != 48 {
		t.Errorf("%+v", p)
	}
	defer func() {
		if recover() == nil {
			t.Error("a part beyond the buffer")
		}
	}()
	b.Part(16, 49)
}

// A code object is kept for the same source, options and release, and one that is
// damaged on the disk is compiled again.
func TestKept(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "folder")
	c := &Compiler{folder: dir, release: "6.4"}
	file := c.file("a source")
	if got := kept(file); got != nil {
		t.Errorf("before anything was kept: %q", got)
	}
	keep(file, []byte("code"))
	if got := kept(file); string(got) != "code" {
		t.Errorf("%q", got)
	}
	if other := c.file("another source"); other == file {
		t.Error("another source has the same file")
	}
	all, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for name, bad := range map[string][]byte{"cut": all[:len(all)-1], "empty": nil, "changed": append(bytes.Clone(all[:len(all)-1]), 'x')} {
		if err := os.WriteFile(file, bad, 0o644); err != nil {
			t.Fatal(err)
		}
		if got := kept(file); got != nil {
			t.Errorf("%s: %q", name, got)
		}
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("%v, %v", entries, err)
	}
	none := &Compiler{}
	keep(none.file("x"), []byte("code"))
	if kept(none.file("x")) != nil {
		t.Error("kept without a folder")
	}
}

// Without the stand-in's library no card is one.
func TestStandIn(t *testing.T) {
	if StandIn() {
		t.Error("this process has no stand-in cards")
	}
}
