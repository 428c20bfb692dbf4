package engine

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"

	"ceiling/engine/internal/llama"
)

// BuildRecord is engine.json, which the native build leaves beside the
// libraries.
type BuildRecord struct {
	Release         string   `json:"release"`
	Tree            string   `json:"tree"`
	TreeState       string   `json:"tree_state"` // "pinned", or that LLAMA_CPP_DIR was used
	Preset          string   `json:"preset"`
	BuildType       string   `json:"build_type"`
	Compiler        string   `json:"compiler"`
	Target          string   `json:"target"`
	Flags           string   `json:"flags"`
	Toolkit         string   `json:"toolkit"` // "HIP 6.4.43482", "CUDA 13.5"
	GPUTargets      []string `json:"gpu_targets"`
	Collectives     string   `json:"collectives"` // "rccl 2.22", "nccl", "none"
	InstructionSets []string `json:"instruction_sets"`
	Off             []string `json:"instruction_sets_off"`
	Options         []string `json:"options"`
}

// ReadBuild reads engine.json from the folder of the libraries in use, or what the
// second engine has in its place.
// Without it the report says that the build is unknown.
func ReadBuild() BuildRecord {
	b := BuildRecord{Release: Version(), TreeState: "unknown: " + llama.Library.Record + " is not beside the libraries"}
	text, err := os.ReadFile(filepath.Join(LibraryDir(), llama.Library.Record))
	if err != nil {
		return b
	}
	if err := json.Unmarshal(text, &b); err != nil {
		b.TreeState = "unknown: " + llama.Library.Record + " does not parse"
	}
	return b
}

// String is the build in one line of the report.
func (b BuildRecord) String() string {
	var parts []string
	for _, s := range []string{b.Preset, b.BuildType, b.Compiler, b.Flags} {
		if s != "" {
			parts = append(parts, s)
		}
	}
	return strings.Join(parts, ", ")
}
