package hip

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"

	"ceiling/internal/oneline"
)

// telemetryFile is telemetry.jsonl: one line per device and round, the keys
// only of what was read. Lines are collected and written whole.
type telemetryFile struct {
	file *os.File
	buf  []byte
	size int64 // bytes of whole lines in the file
	err  error // the first
}

// openTelemetry makes the file, or goes on with one.
func openTelemetry(name string, resume *time.Duration) (*telemetryFile, error) {
	mode := os.O_CREATE | os.O_EXCL
	if resume != nil {
		mode = os.O_CREATE
	}
	f, err := os.OpenFile(name, os.O_RDWR|mode, 0o644)
	if err != nil {
		return nil, fmt.Errorf("telemetry %q: %w: use another --out, or --telemetry-hz 0", name, oneline.Cause(err))
	}
	w := &telemetryFile{file: f, buf: make([]byte, 0, 1<<14)}
	if resume != nil {
		if w.size, err = keepUntil(f, resume.Seconds()); err == nil {
			err = f.Truncate(w.size)
		}
		if err == nil {
			_, err = f.Seek(w.size, io.SeekStart)
		}
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("telemetry %q: %w", name, oneline.Cause(err)), f.Close())
	}
	return w, nil
}

// keepUntil is the length of the file's whole lines up to the first that is
// none of ours or later than the instant at which the run goes on: time in
// one file never runs backwards.
func keepUntil(f *os.File, until float64) (size int64, err error) {
	r := bufio.NewReader(f)
	for {
		line, err := r.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return size, nil // a line without its end was cut short
		}
		if err != nil {
			return 0, err
		}
		var head struct {
			T *float64 `json:"t"`
		}
		if json.Unmarshal(line, &head) != nil || head.T == nil || *head.T > until {
			return size, nil
		}
		size += int64(len(line))
	}
}

// add appends one reading: {"t":1.234567,"device":"0000:83:00.0",…}.
func (w *telemetryFile) add(d *device, s *sample) {
	b := append(w.buf, `{"t":`...)
	b = strconv.AppendFloat(b, s.t, 'f', 6, 64)
	b = append(b, `,"device":"`...)
	b = append(b, d.name...) // an address or a zone's name: nothing to escape
	b = append(b, `","kind":"`...)
	b = append(b, d.kind...)
	b = append(b, '"')
	for q := range quantities {
		if !s.finite(q) {
			continue
		}
		b = append(b, ',', '"')
		b = append(b, quantityNames[q]...)
		b = append(b, '"', ':')
		decimals := 3
		if q == vramBytes {
			decimals = 0
		}
		b = appendTrimmed(b, s.v[q], decimals)
	}
	if s.throttled {
		b = append(b, `,"throttle_status":`...)
		b = strconv.AppendUint(b, uint64(s.throttle), 10)
	}
	w.buf = append(b, "}\n"...)
}

// appendTrimmed prints v with at most the given decimals.
func appendTrimmed(b []byte, v float64, decimals int) []byte {
	b = strconv.AppendFloat(b, v, 'f', decimals, 64)
	if decimals == 0 {
		return b
	}
	for b[len(b)-1] == '0' {
		b = b[:len(b)-1]
	}
	if b[len(b)-1] == '.' {
		b = b[:len(b)-1]
	}
	return b
}

// flush writes what was collected. After an error nothing more is written,
// and the file ends with a whole line.
func (w *telemetryFile) flush() error {
	if w.err != nil || len(w.buf) == 0 {
		w.buf = w.buf[:0]
		return w.err
	}
	n, err := w.file.Write(w.buf)
	w.buf = w.buf[:0]
	if err == nil {
		w.size += int64(n)
		return nil
	}
	w.err = fmt.Errorf("telemetry: %w: free some space or use --telemetry-hz 0", oneline.Cause(err))
	if n > 0 {
		w.err = errors.Join(w.err, w.file.Truncate(w.size))
	}
	return w.err
}

func (w *telemetryFile) close() error {
	err := w.flush()
	// Pipes and some network file systems can't sync.
	if errSync := w.file.Sync(); err == nil && errSync != nil && !errors.Is(errSync, errors.ErrUnsupported) {
		err = fmt.Errorf("telemetry: %w", oneline.Cause(errSync))
	}
	if errClose := w.file.Close(); err == nil && errClose != nil {
		err = fmt.Errorf("telemetry: %w", oneline.Cause(errClose))
	}
	return err
}
