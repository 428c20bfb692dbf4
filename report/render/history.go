package render

import (
	"fmt"
	"path/filepath"
	"slices"

	"ceiling/internal/outfile"
	"ceiling/report/history"
	"ceiling/report/metric"
)

// historyPage is the name of the page of a folder's runs, without extension.
const historyPage = "index"

// HistoryFile is the page of a folder's runs, which lies in it.
func HistoryFile(dir string) string { return filepath.Join(dir, historyPage+".html") }

// SaveHistory writes the page of a folder's runs. notes say what is not drawn.
func SaveHistory(h *history.History, version string) (notes []string, err error) {
	r := &Rendering{name: historyPage, doc: h.Document(version), draw: h.Charts}
	notes = r.Illustrate()
	html, err := r.HTML()
	if err != nil {
		return notes, err
	}
	return notes, outfile.Write(HistoryFile(h.Folder), html)
}

const (
	// mostRecent is how many runs the page has that is made at the end of each,
	// so that this takes seconds however many there are.
	mostRecent = 50
	// mostRewrites bounds how often that page is made anew because others change.
	mostRewrites = 5
)

// UpdateHistory makes the page of a folder's runs, in which others may do the same
// at this moment: where runs have changed meanwhile the page may have been
// another's, which knew of them, and is made again.
func UpdateHistory(dir, version string) error {
	files, err := history.Files(dir)
	for range mostRewrites {
		if err != nil {
			return err
		}
		recent := history.Last(files, mostRecent)
		h, err := history.Read(dir, recent, metric.TPOTMean)
		if err != nil {
			return err
		}
		if n := len(files) - len(recent); n > 0 {
			h.Notes = append(h.Notes, fmt.Sprintf("%d older runs are left out; `ceiling history` makes the page of all", n))
		}
		if _, err := SaveHistory(h, version); err != nil {
			return err
		}
		now, err := history.Files(dir)
		if err == nil && slices.Equal(now, files) {
			return nil
		}
		files = now
	}
	return nil
}
