package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"ceiling/hip/standin/card"
)

// runProgram becomes a program with the cards of a tree of sysfs files, in a
// mount namespace of its own, where /sys has these cards too.
func runProgram(args []string) error {
	flags := flag.NewFlagSet("run", flag.ContinueOnError)
	tree := flags.String("tree", "hip/testdata/hive", "`FOLDER` with the cards' sys/")
	library := flags.String("library", "", "`FILE` of the preloaded library (default: beside standin)")
	counters := flags.String("counters", "", "`FILE` for what each kernel counted, a line of JSON each")
	var faults []string
	flags.Func("fault", "`FAULT` that a card is to have: vanish:CARD, stray:CARD (a kernel that reads what is no memory), hang:CARD,"+
		" short:CARD:BYTES (gives no more memory than that); cards from 0; may be repeated", func(text string) error {
		_, err := card.ParsePlanted(text)
		faults = append(faults, text)
		return err
	})
	when := flags.String("fault-when", "", "faults but short come once there is a `FILE` of this name (default: at once)")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() == 0 {
		return errors.New("name a program to run")
	}
	cards, err := readCards(filepath.Join(*tree, topology))
	if err != nil {
		return err
	}
	if *library == "" {
		self, err := os.Executable()
		if err != nil {
			return err
		}
		*library = filepath.Join(filepath.Dir(self), "libstandin.so")
	}
	if *library, err = filepath.Abs(*library); err != nil {
		return err
	}
	if _, err := os.Stat(*library); err != nil {
		return fmt.Errorf("%w: build it with go build -buildmode=c-shared ./hip/standin/preload", err)
	}
	for _, path := range []*string{when, counters} { // the program may be elsewhere when it opens them
		if *path != "" {
			if *path, err = filepath.Abs(*path); err != nil {
				return err
			}
		}
	}
	if err := mountCards(*tree, strings.Count(cards, ",")+1); err != nil {
		return fmt.Errorf("the cards' files in /sys and /dev: %w", err)
	}
	program, err := exec.LookPath(flags.Arg(0))
	if err != nil {
		return err
	}
	env := slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "LD_PRELOAD=") })
	env = append(env, "LD_PRELOAD="+*library, "STANDIN_CARDS="+cards, "STANDIN_COUNTERS="+*counters,
		"STANDIN_FAULTS="+strings.Join(faults, ","), "STANDIN_FAULTS_WHEN="+*when)
	return syscall.Exec(program, flags.Args(), env)
}

// topology is where a tree lists its cards.
const topology = "sys/class/kfd/kfd/topology"

// readCards returns the cards of a topology as STANDIN_CARDS has them.
func readCards(dir string) (string, error) {
	var cards []string
	for node := 0; ; node++ {
		at := filepath.Join(dir, "nodes", strconv.Itoa(node))
		id, err := os.ReadFile(filepath.Join(at, "gpu_id"))
		if errors.Is(err, os.ErrNotExist) && node > 0 {
			break
		}
		if err != nil {
			return "", err
		}
		if n := strings.TrimSpace(string(id)); n != "0" {
			bank, err := os.ReadFile(filepath.Join(at, "mem_banks/0/properties"))
			if err != nil {
				return "", err
			}
			size, err := property(string(bank), "size_in_bytes")
			if err != nil {
				return "", fmt.Errorf("%s: %w", at, err)
			}
			cards = append(cards, n+":"+size)
		}
	}
	if len(cards) == 0 {
		return "", fmt.Errorf("%s lists no card", dir)
	}
	return strings.Join(cards, ","), nil
}

func property(text, name string) (string, error) {
	for line := range strings.Lines(text) {
		if key, value, ok := strings.Cut(strings.TrimSpace(line), " "); ok && key == name {
			return value, nil
		}
	}
	return "", fmt.Errorf("no %s", name)
}

// mountCards covers /sys and /dev, for this thread and what it becomes, with all
// that is there and the files of the cards.
func mountCards(tree string, cards int) error {
	runtime.LockOSThread() // the namespace is the thread's
	if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
		return fmt.Errorf("%w: root is needed for a mount namespace", err)
	}
	tree = filepath.Join(tree, "sys")
	sys := func() error {
		for from, to := range map[string]string{
			"class/kfd": "class/kfd", "class/drm": "class/drm", "module/amdgpu": "module/amdgpu", "class/kfd/": "devices/virtual/kfd",
		} {
			if err := bind(filepath.Join(tree, from), filepath.Join("/sys", to)); err != nil {
				return err
			}
		}
		return nil
	}
	if err := cover("/sys", sys, "", "class", "module", "devices", "devices/virtual"); err != nil {
		return err
	}
	return cover("/dev", func() error { return deviceFiles(cards) }, "")
}

// deviceFiles makes plain files where the cards' device files would be, for what
// looks whether they can be opened. A program that computes locks the first.
func deviceFiles(cards int) error {
	if err := os.Mkdir("/dev/dri", 0o755); err != nil {
		return err
	}
	err := os.WriteFile("/dev/kfd", nil, 0o600)
	for i := range cards {
		err = errors.Join(err, os.WriteFile(fmt.Sprintf("/dev/dri/renderD%d", firstRender+i), nil, 0o600))
	}
	return err
}

// firstRender is the number of the first card's file.
const firstRender = 128

// cover puts a file system over a folder, with what fill makes, and all that
// was in the named folders under it.
func cover(at string, fill func() error, folders ...string) error {
	if err := unix.Mount("", at, "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return err
	}
	old, err := unix.Open(at, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	if err := unix.Mount("standin", at, "tmpfs", 0, "mode=755"); err != nil {
		return err
	}
	if err := fill(); err != nil {
		return err
	}
	return graft(fmt.Sprintf("/proc/self/fd/%d", old), at, folders)
}

// graft binds what the folders of one tree have, and another lacks.
func graft(from, to string, folders []string) error {
	for _, folder := range folders {
		entries, err := os.ReadDir(filepath.Join(from, folder))
		if err != nil {
			return err
		}
		for _, e := range entries {
			path := filepath.Join(folder, e.Name())
			if _, err := os.Lstat(filepath.Join(to, path)); err == nil || slices.Contains(folders, path) {
				continue
			}
			if err := bind(filepath.Join(from, path), filepath.Join(to, path)); err != nil {
				return err
			}
		}
	}
	return nil
}

// bind makes a file or folder appear at another place; what is not there is
// left out, and a link is copied.
func bind(from, to string) error {
	info, err := os.Lstat(from)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	switch {
	case info.Mode()&os.ModeSymlink != 0:
		target, err := os.Readlink(from)
		if err != nil {
			return err
		}
		return os.Symlink(target, to)
	case info.IsDir():
		err = os.MkdirAll(to, 0o755)
	default:
		err = os.WriteFile(to, nil, 0o644)
	}
	if err != nil {
		return err
	}
	return unix.Mount(from, to, "", unix.MS_BIND|unix.MS_REC, "")
}
