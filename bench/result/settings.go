package result

import (
	"slices"
	"strconv"
	"strings"
)

// Setting is a setting of the engine that a scenario has for itself: the name of
// its flag, and the value. Where a flag takes several values with commas, they
// stand here with slashes, as llama-bench has them: a comma separates the values
// of a sweep.
type Setting struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

func (s Setting) String() string { return s.Name + "=" + s.Value }

// Listed tells whether the flag takes several values, which stand here with slashes.
func (s Setting) Listed() bool {
	return slices.Contains([]string{"devices", "tensor-split", "draft-devices", "spec-synth-rates"}, s.Name)
}

// Reach is what has to begin anew for a setting to change.
type Reach int

// Reaches, each with those before it.
const (
	OfSession Reach = iota // a context of the loaded model
	OfLoad                 // the loaded model
	OfProcess              // the back ends, which are loaded once in a process
)

// settings are those that a scenario may have for itself.
var settings = []struct {
	name  string
	reach Reach
}{
	{"ubatch", OfSession},
	{"step-tokens", OfSession},
	{"threads", OfSession},
	{"kv-type", OfSession},
	{"kv-unified", OfSession},
	{"flash-attn", OfSession},
	{"sampling", OfSession},
	{"spec", OfSession},
	{"draft-model", OfSession},
	{"draft-devices", OfSession},
	{"draft-max", OfSession},
	{"draft-min", OfSession},
	{"draft-p-min", OfSession},
	{"spec-synth-rates", OfSession},
	{"spec-synth-len", OfSession},
	{"split-mode", OfLoad},
	{"devices", OfLoad},
	{"tensor-split", OfLoad},
	{"gpu-layers", OfLoad},
	{"graphs", OfProcess},
	{"p2p", OfProcess},
	{"allreduce", OfProcess},
	{"nccl-algo", OfProcess},
	{"nccl-proto", OfProcess},
}

// SettingNames are the names of all settings that a scenario may have, in the
// order in which a scenario has them.
func SettingNames() []string {
	out := make([]string, len(settings))
	for i, s := range settings {
		out[i] = s.name
	}
	return out
}

// SortSettings puts settings into the order of SettingNames.
func SortSettings(list []Setting) {
	names := SettingNames()
	slices.SortStableFunc(list, func(a, b Setting) int { return slices.Index(names, a.Name) - slices.Index(names, b.Name) })
}

// Reach is what has to begin anew for the setting to change.
func (s Setting) Reach() Reach {
	for _, known := range settings {
		if known.name == s.Name {
			return known.reach
		}
	}
	return OfSession
}

// SettingsText is settings in one line, "" for none: "ubatch=256 kv-type=q8_0".
func SettingsText(list []Setting) string {
	texts := make([]string, len(list))
	for i, s := range list {
		texts[i] = s.String()
	}
	return strings.Join(texts, " ")
}

// SweepPoint says which of a sweep's points a scenario is.
type SweepPoint struct {
	Of string    `json:"of"` // the scenario as it was written
	At []Setting `json:"at"` // its place: fields of the scenario and settings of the engine
}

// ProcessGroups numbers the scenarios by what a process is begun anew for, in the
// order of the suite, and counts the numbers.
func (s Suite) ProcessGroups() (group []int, groups int) {
	var known []string
	for _, sc := range s.Scenarios {
		own := SettingsText(slices.DeleteFunc(slices.Clone(sc.Settings), func(x Setting) bool { return x.Reach() < OfProcess }))
		if !slices.Contains(known, own) {
			known = append(known, own)
		}
		group = append(group, slices.Index(known, own))
	}
	return group, max(1, len(known))
}

// Number is the value as a number, 4096 for 4k; ok is false where it is none.
func (s Setting) Number() (v float64, ok bool) {
	text, kilo := strings.CutSuffix(strings.ToLower(s.Value), "k")
	v, err := strconv.ParseFloat(text, 64)
	if kilo {
		v *= 1024
	}
	return v, err == nil
}

// With is what computed a scenario that has settings of its own.
func (e EngineInfo) With(own []Setting) EngineInfo {
	for _, s := range own {
		n, _ := strconv.Atoi(s.Value)
		switch s.Name {
		case "ubatch":
			e.UBatch = n
		case "step-tokens":
			e.StepTokens = n
		case "threads":
			e.Threads = n
		case "gpu-layers":
			e.GPULayers = n
		case "kv-type":
			e.KVType = s.Value
		case "kv-unified":
			e.KVUnified = s.Value == "on"
		case "flash-attn":
			e.FlashAttn = s.Value
		case "split-mode":
			e.SplitMode = s.Value
		}
	}
	return e
}

// SettingsFile is a file of engine settings, which stand in the place of flags, and
// what they were found on.
type SettingsFile struct {
	File     string    `json:"file"`               // its name, without the folder
	Model    string    `json:"model,omitempty"`    // the file's name
	SHA256   string    `json:"sha256,omitempty"`   // of the model
	Hardware string    `json:"hardware,omitempty"` // as of Run
	Engine   string    `json:"engine,omitempty"`   // with its release
	TunedFor string    `json:"tuned_for,omitempty"`
	Outcome  string    `json:"outcome,omitempty"`
	Settings []Setting `json:"settings"` // none: the defaults
	// Notes say what of the run the file was not made for.
	Notes []string `json:"notes,omitempty"`
}
