// Package engine runs a language model inside this process: a narrow Go API
// over llama.cpp. A [Model] is weights on devices, a [Session] is a context
// with its KV cache, and one [Session.Step] is one batch in, sampled token
// ids out.
//
// All C lies in engine/internal/llama. Calls of one session come from one
// goroutine that is locked to its thread: the OpenMP pool of the CPU back end
// belongs to the thread that called first.
//
// Linking the package changes the whole process: the timer slack of Go's monitor
// thread, the size from which malloc maps memory, and what a broken pipe does.
package engine

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"ceiling/engine/internal/llama"
	"ceiling/internal/oneline"
)

// The native side's failures, each its own error. They come wrapped with the
// numbers and, where the library logged one, its own line.
var (
	ErrModelFile       = errors.New("model file refused")
	ErrLoad            = errors.New("model not loaded")
	ErrUnknownDevice   = errors.New("unknown device")
	ErrUnknownOption   = errors.New("unknown value")
	ErrRPC             = errors.New("rpc server not reached")
	ErrNotGenerative   = errors.New("model does not generate text")
	ErrContextTooSmall = errors.New("model context too small")
	ErrOutOfMemory     = errors.New("not enough memory")
	ErrSession         = errors.New("context not created")
	ErrInvalidBatch    = errors.New("invalid batch")            // llama_decode: -1
	ErrNoKVSlot        = errors.New("no free slot in KV cache") // llama_decode: 1
	ErrAborted         = errors.New("step aborted")             // llama_decode: 2
	ErrDecode          = errors.New("decode failed")            // llama_decode: < -1
	ErrNoLogits        = errors.New("no logits for a wanted token")
	ErrNaN             = errors.New("logits that are not numbers")
	ErrBadToken        = errors.New("the back end sampled no token of the vocabulary")
	ErrFlatLogits      = errors.New("all logits are equal")
	ErrDraft           = errors.New("drafting failed")
	ErrTokenize        = errors.New("text not tokenised")
	ErrTemplate        = errors.New("chat template not known to the engine")
	ErrGrammar         = errors.New("grammar does not parse")
	ErrNoToken         = errors.New("no token of the vocabulary may follow")
	ErrClosed          = errors.New("already closed")
	ErrSessionsOpen    = errors.New("sessions still open")
)

// LibraryOptions configure the library, once per process.
type LibraryOptions struct {
	// LibraryDir holds the back ends' shared libraries; "": where libllama is.
	LibraryDir string
	// LogFile gets llama.cpp's log; "": nowhere. The terminal never does.
	LogFile string
	// RPC are ggml-rpc-server addresses, host:port, whose devices to use.
	RPC []string
}

// Sleep blocks the calling goroutine's thread for d. Go's own timers may wake
// 20 ms late in this process, which keeps Go's monitor thread from taking time
// from the engine's; an arrival that has to be on time is waited for with this.
func Sleep(d time.Duration) {
	if d > 0 {
		llama.Sleep(d.Nanoseconds())
	}
}

const rpcDialTimeout = 5 * time.Second

var rpcKnown = struct {
	sync.Mutex
	servers map[string]netip.AddrPort // by the name that the user gave
}{servers: map[string]netip.AddrPort{}}

// Init loads the back ends and sends the log to its file. Back ends are
// loaded by the first call only; a later call can redirect the log and add
// RPC servers.
func Init(o LibraryOptions) error {
	if err := llama.OpenLog(o.LogFile); err != nil {
		return fmt.Errorf("engine log %q: %w; choose a folder that can be written to", o.LogFile, err)
	}
	loadBackends(o.LibraryDir)
	for _, server := range o.RPC {
		if err := addRPC(server); err != nil {
			return err
		}
	}
	return nil
}

// addRPC registers a server once: ggml would list its devices twice.
func addRPC(server string) error {
	rpcKnown.Lock()
	defer rpcKnown.Unlock()
	if _, known := rpcKnown.servers[server]; known {
		return nil
	}
	// The library ends the process where nobody listens, so look first.
	// It knows IPv4 alone.
	conn, err := net.DialTimeout("tcp4", server, rpcDialTimeout)
	if err != nil {
		return fmt.Errorf("%w: %q: %w; start ggml-rpc-server there, of the same release", ErrRPC, server, err)
	}
	at := conn.RemoteAddr().(*net.TCPAddr).AddrPort()
	conn.Close()
	llama.ResetLogged()
	if !llama.AddRPC(server) {
		return fmt.Errorf("%w: %q%s; start ggml-rpc-server there, of the same release", ErrRPC, server, logged())
	}
	rpcKnown.servers[server] = at
	return nil
}

// LibraryDir returns the folder of the llama.cpp libraries in use.
func LibraryDir() string { return llama.LibraryDir() }

// Name is what results call the engine: "llama.cpp".
func Name() string { return llama.Library.Name }

// Version returns llama.cpp's own version text.
func Version() string { return llama.Version() }

// Backends lists the loaded back ends: "CPU", "RPC", "ROCm" …
func Backends() []string {
	var out []string
	for _, b := range llama.Backends() {
		out = append(out, b.Name)
	}
	return out
}

// Device types.
const (
	DeviceCPU   = "cpu"
	DeviceGPU   = "gpu"
	DeviceIGPU  = "igpu"
	DeviceAccel = "accel"
)

// Device is something that a model can be loaded on. Memory is in bytes as
// the back end reports it.
type Device struct {
	Name        string // "CPU", "ROCm0", "RPC0"
	Description string // "AMD Instinct MI100"
	ID          string // PCI address, "" where there is none
	Backend     string // "CPU", "ROCm", "CUDA", "RPC"
	Type        string
	SplitRows   bool // the back end knows split mode row
	MemoryFree  uint64
	MemoryTotal uint64
}

// Devices lists the devices of all loaded back ends, in llama.cpp's order.
func Devices() []Device {
	names := map[int]string{llama.DeviceCPU: DeviceCPU, llama.DeviceGPU: DeviceGPU,
		llama.DeviceIGPU: DeviceIGPU, llama.DeviceAccel: DeviceAccel}
	var out []Device
	for _, d := range llama.Devices() {
		kind := names[d.Type]
		if kind == "" {
			kind = fmt.Sprintf("type %d", d.Type)
		}
		out = append(out, Device{Name: d.Name, Description: d.Description, ID: d.ID, Backend: d.Backend, Type: kind,
			SplitRows: d.SplitRows, MemoryFree: d.MemoryFree, MemoryTotal: d.MemoryTotal})
	}
	return out
}

// logged returns the library's last error line that says why as ": line", or
// "".
func logged() string {
	lines := llama.LoggedErrors()
	for i := len(lines) - 1; i >= 0; i-- {
		line := lines[i]
		// "function: message": the function's name tells a user nothing.
		if name, rest, ok := strings.Cut(line, ": "); ok && !strings.Contains(name, " ") {
			line = rest
		}
		if line = oneline.Of(line); line != "" && !strings.HasPrefix(line, "failed to load model") {
			return ": " + strings.TrimRight(line, ".")
		}
	}
	return ""
}

// modelName is how messages name a model file.
func modelName(path string) string { return filepath.Base(path) }
