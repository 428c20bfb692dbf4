package result

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"ceiling/internal/oneline"
)

// JournalContent is what a journal holds.
type JournalContent struct {
	Records []Record
	// Torn says that the last line was cut short by a crash and was left out.
	Torn bool
}

// ReadJournal reads records, one JSON object a line. A last line that is cut
// short or is no record is left out and reported as torn: that is what a
// crash or a loss of power leaves. Anything wrong before it is an error with
// its line.
func ReadJournal(r io.Reader) (JournalContent, error) {
	var c JournalContent
	in := bufio.NewReaderSize(r, 1<<16)
	var bad error // of the line before, which was not the last after all
	for number := 1; ; number++ {
		line, err := in.ReadBytes('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return JournalContent{}, fmt.Errorf("journal: %w", oneline.Cause(err))
		}
		last := err != nil
		if text := bytes.TrimSpace(line); len(text) > 0 {
			if bad != nil {
				return JournalContent{}, bad
			}
			rec, err := parseRecord(text)
			if err != nil {
				bad = fmt.Errorf("journal: line %d: %w: restore the file or start a new run", number, err)
			} else {
				c.Records = append(c.Records, rec)
			}
		}
		if last {
			c.Torn = bad != nil
			return c, nil
		}
	}
}

func parseRecord(text []byte) (Record, error) {
	var rec Record
	if err := json.Unmarshal(text, &rec); err != nil {
		return Record{}, fmt.Errorf("not a record: %w", err)
	}
	if err := rec.Check(); err != nil {
		return Record{}, err
	}
	return rec, nil
}

// ReadJournalFile reads the journal at path.
func ReadJournalFile(path string) (JournalContent, error) {
	f, err := os.Open(path)
	if err != nil {
		return JournalContent{}, fmt.Errorf("journal %q: %w", path, oneline.Cause(err))
	}
	defer f.Close()
	return ReadJournal(f)
}
