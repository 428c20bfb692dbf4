package engine

import (
	"fmt"
	"slices"
	"strings"

	"ceiling/engine/gguf"
)

// Split modes. "auto" is not one that the library knows: PlanSplit decides.
const (
	SplitAuto   = "auto"
	SplitNone   = "none"
	SplitLayer  = "layer"
	SplitRow    = "row"
	SplitTensor = "tensor"
)

// maxDevices is the most that the library spreads a model over.
const maxDevices = 16

// Split is how a model is spread over devices.
type Split struct {
	Mode    string   // one of the modes, never auto
	Reason  string   // why this mode, for the report
	Devices []Device // that hold layers, in order; empty: the CPU alone
}

// Used are the devices that the model's layers lie on, of all that there are.
func (s Split) Used(all []Device) []Device {
	if len(s.Devices) > 0 {
		return s.Devices
	}
	if i := slices.IndexFunc(all, func(d Device) bool { return d.Type == DeviceCPU }); i >= 0 {
		return all[i : i+1]
	}
	return nil
}

// GreedyInBackend decides where the greedy argmax runs, for a word of
// SamplingWords. On a GPU the logits then stay there; on the CPU the vectorised
// argmax is the faster one, and a tensor split has no other.
func (s Split) GreedyInBackend(sampling string) bool {
	if sampling != auto {
		return sampling == "backend"
	}
	return len(s.Devices) > 0 && s.Mode != SplitTensor && Refuse("sampling", "backend") == nil
}

// SamplingWords are where the argmax can run, the first being the default.
var SamplingWords = []string{auto, "backend", "cpu"}

// PlanSplit decides how the options spread a model, and refuses what the
// library would refuse after minutes of loading, or would compute wrongly.
// The session's options matter too: not every KV cache can be split.
//
// Errors: ErrUnknownDevice, ErrUnknownOption with the reason.
func PlanSplit(file *gguf.File, load LoadOptions, session SessionOptions) (Split, error) {
	return planSplit(file, load, session, Devices())
}

func planSplit(file *gguf.File, load LoadOptions, session SessionOptions, all []Device) (Split, error) {
	mode := load.SplitMode
	if mode == "" {
		mode = SplitAuto
	}
	if _, err := splitModes.lookup("split mode", mode); err != nil {
		return Split{}, err
	}
	devices, err := splitDevices(load, all)
	if err != nil {
		return Split{}, err
	}
	if err := load.checkShares(mode, devices); err != nil {
		return Split{}, err
	}
	if len(devices) == 0 {
		if mode == SplitRow || mode == SplitTensor {
			return Split{}, fmt.Errorf("%w: split mode %s without a GPU; use split mode auto, or name devices", ErrUnknownOption, mode)
		}
		return Split{Mode: SplitNone, Reason: "no layers on a GPU"}, nil
	}
	blocked := tensorBlocked(file, load, session, devices)
	switch mode {
	case SplitNone:
		return Split{Mode: mode, Reason: "asked for", Devices: devices[load.MainGPU : load.MainGPU+1]}, nil
	case SplitRow:
		if err := checkRows(devices); err != nil {
			return Split{}, err
		}
	case SplitTensor:
		if blocked != "" {
			return Split{}, fmt.Errorf("%w: split mode tensor: %s; or use split mode layer", ErrUnknownOption, blocked)
		}
	case SplitAuto:
		return autoSplit(devices, blocked), nil
	}
	return Split{Mode: mode, Reason: "asked for", Devices: devices}, nil
}

// autoSplit takes the tensor split where it is possible and can be fast: on
// GPUs of one back end in one machine.
func autoSplit(devices []Device, blocked string) Split {
	s := Split{Mode: SplitLayer, Devices: devices}
	switch {
	case len(devices) == 1:
		s.Mode, s.Reason = SplitNone, "one device"
	case slices.ContainsFunc(devices, func(d Device) bool { return d.Backend == rpcBackend }):
		s.Reason = "not tensor: its reductions, two per layer and step, would cross the network"
	case slices.ContainsFunc(devices, func(d Device) bool { return d.Backend != devices[0].Backend || d.Type != DeviceGPU }):
		s.Reason = "not tensor: the devices are not GPUs of one back end"
	case blocked != "":
		s.Reason = "not tensor: " + blocked
	default:
		s.Mode, s.Reason = SplitTensor, fmt.Sprintf("%d GPUs of one back end", len(devices))
	}
	return s
}

// rpcBackend is the back end of the devices that LibraryOptions.RPC brings.
const rpcBackend = "RPC"

// splitDevices are the devices that get layers: those that are named, in that
// order, or every GPU. RPC devices count as GPUs, and come first, because the
// first layers' input is the smallest to send.
func splitDevices(load LoadOptions, all []Device) ([]Device, error) {
	if cpuOnly(load.Devices) || load.GPULayers == 0 {
		return nil, nil
	}
	if len(load.Devices) == 0 {
		return everyGPU(all), nil
	}
	var out []Device
	for _, name := range load.Devices {
		i := slices.IndexFunc(all, func(d Device) bool { return strings.EqualFold(d.Name, name) })
		switch {
		case i < 0:
			return nil, unknownDevice(name, all)
		case all[i].Type == DeviceCPU:
			return nil, fmt.Errorf("%w: device %q beside others; leave it out: what is not on a GPU is on the CPU", ErrUnknownOption, name)
		case slices.ContainsFunc(out, func(d Device) bool { return d.Name == all[i].Name }):
			return nil, fmt.Errorf("%w: device %q twice; name each once", ErrUnknownOption, name)
		}
		out = append(out, all[i])
	}
	if len(out) > maxDevices {
		return nil, fmt.Errorf("%w: %d devices; the engine takes %d", ErrUnknownOption, len(out), maxDevices)
	}
	return out, nil
}

// everyGPU is the library's own choice: RPC devices, then GPUs, each card
// once although two back ends may know it, and integrated ones only where
// there is no other.
func everyGPU(all []Device) []Device {
	var remote, local, integrated []Device
	for _, d := range all {
		switch {
		case d.Type == DeviceGPU && d.Backend == rpcBackend:
			remote = append(remote, d)
		case d.Type == DeviceGPU:
			known := func(o Device) bool { return d.ID != "" && o.ID == d.ID && o.Backend != d.Backend }
			if !slices.ContainsFunc(local, known) {
				local = append(local, d)
			}
		case d.Type == DeviceIGPU && (len(integrated) == 0 || integrated[0].Backend == d.Backend):
			integrated = append(integrated, d)
		}
	}
	if len(local) == 0 {
		local = integrated
	}
	out := append(remote, local...)
	return out[:min(len(out), maxDevices)]
}

// checkShares compares shares and main GPU with the devices.
func (o LoadOptions) checkShares(mode string, devices []Device) error {
	var sum float32
	for _, share := range o.TensorSplit {
		if !(share >= 0) || share > 1e9 {
			return fmt.Errorf("%w: tensor split share %v; use numbers from 0 to 1e9", ErrUnknownOption, share)
		}
		sum += share
	}
	switch n := len(o.TensorSplit); {
	case len(devices) == 0 && n > 0:
		return fmt.Errorf("%w: tensor split of %d shares: %s; leave the shares out", ErrUnknownOption, n, o.whyNoDevice())
	case len(devices) == 0 && o.MainGPU != 0:
		return fmt.Errorf("%w: main GPU %d: %s; leave it out", ErrUnknownOption, o.MainGPU, o.whyNoDevice())
	case n > 0 && n != len(devices):
		return fmt.Errorf("%w: tensor split of %d shares for %d devices (%s); give one share for each",
			ErrUnknownOption, n, len(devices), DeviceNames(devices))
	case n > 0 && mode == SplitNone:
		return fmt.Errorf("%w: tensor split with split mode none; leave one of them away", ErrUnknownOption)
	case n > 0 && sum == 0:
		return fmt.Errorf("%w: tensor split of nothing but 0; give the shares that the devices get", ErrUnknownOption)
	case o.MainGPU < 0 || mode == SplitNone && o.MainGPU >= max(1, len(devices)):
		return fmt.Errorf("%w: main GPU %d of %d devices (%s); count from 0", ErrUnknownOption, o.MainGPU, len(devices), DeviceNames(devices))
	case o.MainGPU > 0 && mode != SplitNone:
		return fmt.Errorf("%w: main GPU %d with split mode %s; it takes effect with split mode none", ErrUnknownOption, o.MainGPU, mode)
	}
	return nil
}

// whyNoDevice says why there is no GPU to load onto.
func (o LoadOptions) whyNoDevice() string {
	if cpuOnly(o.Devices) || o.GPULayers == 0 {
		return "the CPU alone was asked for"
	}
	return "this build and machine have no GPU"
}

// checkRows refuses a row split on back ends that have none any more.
func checkRows(devices []Device) error {
	for _, d := range devices {
		if !d.SplitRows {
			return fmt.Errorf("%w: split mode row on %s: the %s back end of this llama.cpp has no row split, which is deprecated; use split mode tensor or layer",
				ErrUnknownOption, d.Name, d.Backend)
		}
	}
	return nil
}

// tensorBlocked says what keeps a model from being split tensor by tensor, and
// what to change; "" is nothing.
func tensorBlocked(file *gguf.File, load LoadOptions, session SessionOptions, devices []Device) string {
	arch := file.Architecture()
	kv, err := kvTypes.lookup("KV type", session.KVType)
	switch {
	case slices.Contains(noTensorSplit, arch):
		return fmt.Sprintf("llama.cpp can't do it for architecture %q", arch)
	case session.FlashAttn == "off":
		return "it needs flash attention; turn it on"
	case err == nil && kvBytes[kv] < 64:
		return fmt.Sprintf("it needs a KV cache that is not quantised, and KV type is %s; use f16, bf16 or f32", session.KVType)
	case session.Greedy:
		return "the back end's sampler does not work on it; sample on the CPU"
	}
	return emptyShard(file, load.TensorSplit, devices)
}

func unknownDevice(name string, all []Device) error {
	return fmt.Errorf("%w %q; this build and machine have: %s", ErrUnknownDevice, name, DeviceNames(all))
}

// DeviceNames is how messages list devices.
func DeviceNames(devices []Device) string {
	names := make([]string, len(devices))
	for i, d := range devices {
		names[i] = d.Name
	}
	return strings.Join(names, ", ")
}

// noTensorSplit are the architectures for which llama.cpp v0.5.0 refuses the
// tensor split (llm_arch_supports_sm_tensor; a test compares the list with the
// source).
var noTensorSplit = []string{
	"bailingmoe3", "bitnet", "deepseek2", "deepseek32", "dots3note", "falcon-h1", "gemma3n", "glm-dsa",
	"granitehybrid", "grok", "hy_v4", "jamba", "kimi-k3", "kimi-linear", "mamba", "mamba2", "minicpm3",
	"minimax-01", "minimax-m2", "minimax-m3", "mistral4", "mpt", "nemotron_h", "nemotron_h_moe", "olmo2",
	"olmoe", "plamo2", "qwen3tts", "qwen4exp", "t5",
}
