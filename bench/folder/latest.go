package folder

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Runs is the folder that holds the folders of runs unless another is named, and
// Latest the link in it to the last one.
const (
	Runs   = "results"
	Latest = "latest"
)

// Among is the folder of runs that the folder lies in, results; ok is false where
// it lies elsewhere.
func (d *Folder) Among() (runs string, ok bool) {
	path := filepath.Clean(d.Path)
	runs = filepath.Dir(path)
	return runs, filepath.Base(runs) == Runs && filepath.Base(path) != Latest
}

// Point makes results/latest point to the folder, where it lies in results. What
// is there and no link stays.
func (d *Folder) Point() error {
	path := filepath.Clean(d.Path)
	parent, ok := d.Among()
	if !ok {
		return nil
	}
	link := filepath.Join(parent, Latest)
	info, err := os.Lstat(link)
	switch {
	case err == nil && info.Mode()&fs.ModeSymlink == 0:
		return fmt.Errorf("%q is no link: remove it, so that it can point to the last run", link)
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("link %q: %w", link, err)
	}
	// A link is replaced whole: one that is made beside it takes its name.
	beside := fmt.Sprintf("%s.%d", link, os.Getpid())
	if err := os.Symlink(filepath.Base(path), beside); err != nil {
		return fmt.Errorf("link %q: %w", link, err)
	}
	if err := os.Rename(beside, link); err != nil {
		os.Remove(beside)
		return fmt.Errorf("link %q: %w", link, err)
	}
	return nil
}
