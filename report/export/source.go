package export

import (
	"encoding/json"
	"os"
	"strings"
	"time"

	"ceiling/bench/result"
)

// start is the run's start from its manifest, whose time has a zone; nil
// where that can't be read.
func start(path string) *time.Time {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	var m result.Manifest
	if json.Unmarshal(text, &m) != nil {
		return nil
	}
	at, err := time.Parse(time.RFC3339, m.Start)
	if err != nil {
		return nil
	}
	return &at
}

// fileName makes a scenario's name fit for a file of any system.
func fileName(name string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(name) {
		switch {
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9':
			b.WriteRune(r)
		case !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
	}
	if s := strings.Trim(b.String(), "-"); s != "" {
		return s
	}
	return "scenario"
}
