package folder

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"

	"ceiling/bench/result"
	"ceiling/internal/outfile"
)

// Marker says which scenario runs. It lies in a run's folder for the case that
// the process dies without a chance to say so.
type Marker struct {
	Name     string `json:"name"`
	Scenario int    `json:"scenario"` // index in the suite, from 0
	Pass     int    `json:"pass"`     // from 0
	Started  string `json:"started"`  // RFC 3339
	BootID   string `json:"boot_id"`  // of the kernel; another one now: the machine went down
}

// Mark leaves the marker of a scenario that is about to begin.
func (d *Folder) Mark(m Marker) error {
	m.BootID = bootID()
	text, err := json.Marshal(m)
	if err != nil {
		return err
	}
	return outfile.Write(d.File(result.MarkerFile), append(text, '\n'))
}

// Marked is the marker that an earlier part of the run has left; nil: none.
func (d *Folder) Marked() (*Marker, error) {
	text, err := os.ReadFile(d.File(result.MarkerFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	m := new(Marker)
	if err == nil {
		err = json.Unmarshal(text, m)
	}
	return m, err
}

// SameBoot tells whether the machine has been up since.
func (m *Marker) SameBoot() bool { return m.BootID == bootID() }

// Unmark takes away what a run leaves for its death.
func (d *Folder) Unmark() {
	os.Remove(d.File(result.MarkerFile))
	if info, err := os.Stat(d.File(result.CrashFile)); err == nil && info.Size() == 0 {
		os.Remove(d.File(result.CrashFile))
	}
}

// KeepCrash opens the file for a crash.
func (d *Folder) KeepCrash() (*os.File, error) {
	path := d.File(result.CrashFile)
	f, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY|os.O_APPEND|syscall.O_NOFOLLOW, 0o644)
	if err != nil {
		return nil, fmt.Errorf("%q: %w; choose another folder with --out", path, outfile.Cause(err))
	}
	return f, nil
}

// Crash is the first thing that an earlier part of the run said when it crashed,
// "" where it did not.
func (d *Folder) Crash() string { return firstLine(d.File(result.CrashFile)) }

// firstLine is the first line of a file that has more than spaces, "" for none.
func firstLine(path string) string {
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if line := strings.TrimSpace(lines.Text()); line != "" {
			return line
		}
	}
	return ""
}

// bootID is different after each start of the kernel.
func bootID() string {
	text, _ := os.ReadFile("/proc/sys/kernel/random/boot_id") // where there is none, a power cut looks like a kill
	return strings.TrimSpace(string(text))
}
