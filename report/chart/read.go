package chart

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"syscall"

	"ceiling/bench/result"
	"ceiling/internal/oneline"
)

// Sample is one reading of one device. A quantity that was not read is NaN.
type Sample struct {
	T        float64 // seconds on the run's clock
	Device   string  // PCI address, or "package-0"
	Kind     string  // result.EnergyGPU or result.EnergyCPU
	PowerW   float64
	ClockMHz float64 // of the shader engines
	TempC    float64 // the hottest spot that the device tells: junction, else edge, else memory
}

// Read gathers what lies in a run's folder beside its results: the journal
// and the telemetry. It never fails: what can't be read is left out, and
// notes has a sentence for it. A file that is not there is worth a note only
// where the results say that it should be.
func Read(dir string, r *result.Run) (in Input, notes []string) {
	in.Results = r
	note := func(file string, err error) {
		if err != nil {
			notes = append(notes, fmt.Sprintf("%s: %v", file, err))
		}
	}
	var err error
	in.Records, err = readJournal(filepath.Join(dir, result.JournalFile))
	if errors.Is(err, fs.ErrNotExist) && (r == nil || len(r.Details) == 0) {
		err = nil // a file of the reference's, which writes no journal
	}
	note(result.JournalFile, oneline.Cause(err))
	in.Telemetry, err = readTelemetry(filepath.Join(dir, result.TelemetryFile))
	if errors.Is(err, fs.ErrNotExist) && (r == nil || r.Telemetry == nil) {
		err = nil // nothing was sampled
	}
	note(result.TelemetryFile, oneline.Cause(err))
	return in, notes
}

// readJournal returns the records that can be read; err says what could not.
func readJournal(path string) ([]result.Record, error) {
	content, err := result.ReadJournalFile(path)
	switch {
	case err == nil && content.Torn:
		return content.Records, errors.New("the last line is cut short and was left out")
	case err == nil:
		return content.Records, nil
	case errors.Is(err, fs.ErrNotExist):
		return nil, &fs.PathError{Op: "open", Path: path, Err: syscall.ENOENT}
	}
	// Somewhere inside is a line that is no record: take the others.
	var records []result.Record
	good, bad, err := eachLine(path, func(line []byte) bool {
		c, err := result.ReadJournal(bytes.NewReader(line))
		records = append(records, c.Records...)
		return err == nil && len(c.Records) == 1
	})
	return records, damage(good, bad, err)
}

// reading is a line of telemetry.jsonl. Keys are those that were read.
type reading struct {
	T        *float64 `json:"t"`
	Device   string   `json:"device"`
	Kind     string   `json:"kind"`
	PowerW   *float64 `json:"power_w"`
	Clock    *float64 `json:"sclk_mhz"`
	Junction *float64 `json:"junction_c"`
	Edge     *float64 `json:"edge_c"`
	Mem      *float64 `json:"mem_c"`
}

// readTelemetry returns the samples that can be read; err says what could
// not.
func readTelemetry(path string) ([]Sample, error) {
	var samples []Sample
	names := map[string]string{} // one copy of every name
	good, bad, err := eachLine(path, func(text []byte) bool {
		var l reading
		if json.Unmarshal(text, &l) != nil || l.T == nil || l.Device == "" {
			return false
		}
		if names[l.Device] == "" {
			names[l.Device] = l.Device
		}
		if names[l.Kind] == "" {
			names[l.Kind] = l.Kind
		}
		samples = append(samples, Sample{T: *l.T, Device: names[l.Device], Kind: names[l.Kind],
			PowerW: orNaN(l.PowerW), ClockMHz: orNaN(l.Clock), TempC: orNaN(l.Junction, l.Edge, l.Mem)})
		return true
	})
	return samples, damage(good, bad, err)
}

// orNaN is the first that is there.
func orNaN(of ...*float64) float64 {
	for _, v := range of {
		if v != nil {
			return *v
		}
	}
	return math.NaN()
}

// maxLine is the longest line that is taken, in bytes: a request of a million
// tokens has one of about 12 MB.
const maxLine = 64 << 20

// eachLine calls use with every line that is not blank, and counts those that
// it took and those that it did not.
func eachLine(path string, use func([]byte) bool) (good, bad int, err error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, 0, err
	}
	defer f.Close()
	s := bufio.NewScanner(io.Reader(f))
	s.Buffer(make([]byte, 1<<16), maxLine)
	for s.Scan() {
		if len(bytes.TrimSpace(s.Bytes())) == 0 {
			continue
		}
		if use(s.Bytes()) {
			good++
		} else {
			bad++
		}
	}
	return good, bad, s.Err()
}

// damage says how much of a file was not used; nil where all was.
func damage(good, bad int, err error) error {
	switch {
	case err != nil && good > 0:
		return fmt.Errorf("%w: only the first %d lines are used", oneline.Cause(err), good)
	case err != nil:
		return err
	case bad > 0:
		return fmt.Errorf("%d of %d lines can't be read and were left out", bad, good+bad)
	}
	return nil
}
