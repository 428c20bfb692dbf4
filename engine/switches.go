package engine

import (
	"fmt"
	"os"
	"slices"
	"strings"
)

// GPUSwitches are switches of llama.cpp's GPU back ends, and of RCCL or NCCL below
// them, that one would compare: environment variables there, read when the back
// ends are loaded. Each is one of the words of its list; "auto" leaves it to the
// environment.
type GPUSwitches struct{ P2P, Graphs, AllReduce, NCCLAlgo, NCCLProto string }

// The words that a switch takes, the first being the default.
var (
	P2PWords       = []string{auto, "on", "off"}
	GraphWords     = []string{auto, "on", "off"}
	AllReduceWords = []string{auto, "nccl", "internal", "none"}
	NCCLAlgoWords  = []string{auto, "ring", "tree"}
	NCCLProtoWords = []string{auto, "simple", "ll", "ll128"}
)

const auto = "auto"

// Set changes the environment of this process, before Init.
func (s GPUSwitches) Set() error {
	for _, change := range s.changes() {
		var err error
		if change.set {
			err = os.Setenv(change.name, change.value)
		} else {
			err = os.Unsetenv(change.name)
		}
		if err != nil {
			return fmt.Errorf("environment switch %s: %w", change.name, err)
		}
	}
	return nil
}

type envChange struct {
	name, value string
	set         bool
}

// changes are those that the words ask for. The back ends only look whether the
// first two variables are there: "0" would switch them on too.
func (s GPUSwitches) changes() []envChange {
	var out []envChange
	if s.P2P != auto {
		out = append(out, envChange{"GGML_CUDA_P2P", "1", s.P2P == "on"})
	}
	if s.Graphs != auto {
		out = append(out, envChange{"GGML_CUDA_DISABLE_GRAPHS", "1", s.Graphs == "off"})
	}
	if s.AllReduce != auto {
		out = append(out, envChange{"GGML_CUDA_ALLREDUCE", s.AllReduce, true})
	}
	if s.NCCLAlgo != auto {
		out = append(out, envChange{"NCCL_ALGO", s.NCCLAlgo, true}) // in any case of letters
	}
	if s.NCCLProto != auto {
		out = append(out, envChange{"NCCL_PROTO", s.NCCLProto, true})
	}
	return out
}

// switches are environment variables that change the engine's speed or
// results and belong to none of the families below; those that are set go
// into the manifest.
var switches = []string{
	"GPU_MAX_HW_QUEUES", "GPU_ENABLE_WGP_MODE", "AMD_SERIALIZE_KERNEL", "AMD_SERIALIZE_COPY", "AMD_LOG_LEVEL", "AMD_DIRECT_DISPATCH",
	"GOMP_CPU_AFFINITY", "GOMP_SPINCOUNT", "MALLOC_ARENA_MAX", "GOMAXPROCS", "GODEBUG", "LD_PRELOAD",
}

// switchPrefixes are families of such variables.
var switchPrefixes = []string{
	"GGML_", "LLAMA_", "OMP_", "KMP_", "NCCL_", "RCCL_", "HSA_", "HIP_", "ROCR_", "ROCBLAS_", "HIPBLASLT_", "TENSILE_", "CUDA_", "VEGA_XGMI_",
}

// notSwitches belong to a family, and say where something lies or how it is
// built.
var notSwitches = []string{"LLAMA_CPP_DIR", "HIP_PATH", "HIP_PLATFORM", "HIP_COMPILER", "HIP_CLANG_PATH", "HIP_DEVICE_LIB_PATH",
	"CUDA_PATH", "CUDA_HOME", "CUDA_VERSION", "CUDA_ROOT"}

// Environment returns the switches that are set in a process's environment.
func Environment(environ []string) map[string]string {
	out := map[string]string{}
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		family := slices.ContainsFunc(switchPrefixes, func(p string) bool { return strings.HasPrefix(name, p) })
		if family && !slices.Contains(notSwitches, name) || slices.Contains(switches, name) {
			out[name] = value
		}
	}
	return out
}
