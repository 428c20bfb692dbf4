package result

import (
	"bytes"
	"encoding/json"
	"fmt"

	"ceiling/internal/outfile"
)

// Save writes results.json, whole or not at all.
func Save(path string, r *Run) error { return saveJSON(path, r) }

// SaveManifest writes manifest.json, whole or not at all.
func SaveManifest(path string, m *Manifest) error { return saveJSON(path, m) }

// saveJSON writes v with the reference's indentation.
func saveJSON(path string, v any) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("write %q: %w", path, err)
	}
	return outfile.Write(path, b.Bytes())
}
