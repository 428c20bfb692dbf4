package result

import "ceiling/internal/machine"

// Manifest is manifest.json: everything needed to repeat a run, and for a
// resumed run to check that it is the same one.
type Manifest struct {
	// CommandLine is the program's arguments, its own name first.
	CommandLine []string `json:"command_line"`
	// Start is the local start time in RFC 3339 with its zone.
	Start string `json:"start"`
	Seed  uint64 `json:"seed"`
	Suite Suite  `json:"suite"` // as it was run, defaults filled in

	Model    ManifestModel  `json:"model"`
	Engine   EngineInfo     `json:"engine"`
	System   machine.System `json:"system"`
	Versions Versions       `json:"versions"`
	Server   *ServerInfo    `json:"server,omitempty"` // where the requests went through one

	// Tuning is the plan of a search for settings; nil: it was none.
	Tuning *TuningPlan `json:"tuning,omitempty"`

	// Environment holds the environment switches that change speed or
	// results, those that were set.
	Environment map[string]string `json:"environment,omitempty"`
}

// ManifestModel says which weights were measured.
type ManifestModel struct {
	Path   string `json:"path"`       // as given, made absolute
	Bytes  int64  `json:"size_bytes"` // all parts of a split model
	SHA256 string `json:"sha256"`     // hex, of the file; of a split model, of its parts in order
	// ConvertedFrom is the checkpoint that --model named, where the file at
	// Path was made from one.
	ConvertedFrom *CheckpointInfo `json:"converted_from,omitempty"`
	// Metadata holds the GGUF key-value pairs with scalar values (numbers,
	// booleans, strings). Arrays, such as the vocabulary, are left out.
	Metadata    map[string]any    `json:"gguf_metadata"`
	TensorTypes []TensorTypeCount `json:"tensor_types"`
}

// CheckpointInfo says what a model file was converted from.
type CheckpointInfo struct {
	Path   string `json:"path"`       // the folder, absolute
	Name   string `json:"name"`       // for people
	Bytes  int64  `json:"size_bytes"` // of its weight files
	Format string `json:"format"`     // "compressed-tensors, 4 bit, group 32"
	Exact  bool   `json:"exact"`      // every weight is the checkpoint's own number
}

// Versions are the programs behind the run.
type Versions struct {
	Ceiling  string `json:"ceiling"`
	Revision string `json:"revision,omitempty"` // source revision, where the build knows it
	Go       string `json:"go"`                 // "go1.26.8"
	Platform string `json:"platform"`           // "linux/amd64"
}
