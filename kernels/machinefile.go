package kernels

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/goccy/go-yaml"

	"ceiling/internal/oneline"
)

// mostMachine bounds a machine's file.
const mostMachine = 1 << 20

// ReadMachine reads the roofs of a machine from a YAML file, whose fields are
// those of Roofs in ceilings of JSON. Without a name it has that of the file.
func ReadMachine(path string) (Roofs, error) {
	text, err := readUpTo(path, mostMachine+1)
	if err != nil {
		return Roofs{}, err
	}
	r, err := parseMachine(text)
	if err == nil && r.Name == "" {
		r.Name = strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
	}
	if err == nil {
		err = r.Check()
	}
	if err != nil {
		return Roofs{}, fmt.Errorf("%q describes no machine: %w", path, err)
	}
	return r, nil
}

func parseMachine(text []byte) (Roofs, error) {
	if len(text) > mostMachine {
		return Roofs{}, fmt.Errorf("it has more than %d KiB", mostMachine>>10)
	}
	r := Roofs{Devices: 1}
	if err := yaml.UnmarshalWithOptions(text, &r, yaml.DisallowUnknownField()); err != nil {
		return Roofs{}, errors.New(oneline.Of(yaml.FormatError(err, false, false)))
	}
	return r, nil
}
