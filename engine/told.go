package engine

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"ceiling/engine/internal/llama"
)

// StepTally counts what the library made of the steps of a session, up to now. What
// counts is the difference of two: it begins anywhere.
type StepTally struct {
	Graphs  int64 // compute graphs run; 0: the loader lets nobody count
	Reused  int64 // those of them that were the graph before with other inputs: neither built nor laid out
	Splits  int64 // parts of the graphs, each for one device
	Plans   int64 // times that a graph's tensors were given places in the buffers anew
	Buffers int64 // buffers of any kind allocated
	// Captured and Dropped are what the back ends of the process have said of
	// captured graphs, and of those thrown away as the graph had changed. Told is
	// false where none has said a word: it captures none, or is no GPU's.
	Captured, Dropped int64
	Told              bool
}

// Tally must be called on the thread that calls Step.
func (s *Session) Tally() StepTally {
	n := s.native.Tally()
	captured, dropped, told := llama.Captures()
	return StepTally{int64(n.Graphs), int64(n.Reused), int64(n.Splits), int64(n.Plans), int64(n.Buffers),
		int64(captured), int64(dropped), told}
}

// Placement is what of a model lies on one device.
type Placement struct {
	Device string
	Layers int  // the repeating ones
	Output bool // the output layer too
}

var placementLine = regexp.MustCompile(`layer +(\d+) assigned to device (.+), is_swa`)

// placements reads the library's words about layers. The one with the highest
// number is the output layer.
func placements(lines []string) []Placement {
	var out []Placement
	last, on := -1, 0
	for _, line := range lines {
		m := placementLine.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		i := slices.IndexFunc(out, func(p Placement) bool { return p.Device == m[2] })
		if i < 0 {
			i, out = len(out), append(out, Placement{Device: m[2]})
		}
		out[i].Layers++
		if n, err := strconv.Atoi(m[1]); err == nil && n > last {
			last, on = n, i
		}
	}
	if last >= 0 {
		out[on].Layers--
		out[on].Output = true
	}
	return out
}

// Placement says on which devices the library has put the layers, in the order of
// the layers; nil where it did not say.
func (m *Model) Placement() []Placement { return m.placement }

// choices are the library's words about flash attention, and about other ways to
// compute that it could not take. It calls them enabled in models, too, that have
// nothing to do with them.
func choices(lines []string) []string {
	var out []string
	for _, line := range lines {
		text, ok := strings.CutPrefix(line, "resolve_fused_ops: ")
		if ok && (strings.HasPrefix(text, "Flash Attention ") || strings.Contains(text, "not supported")) {
			out = append(out, text)
		}
	}
	return out
}

// Choices are what the library has said, while the session opened, of ways to
// compute that it could choose: "Flash Attention enabled".
func (s *Session) Choices() []string { return s.choices }

// WeightsIn is the weights in the buffers of one kind. Kinds decide kernels:
// the CPU's own has others for weights in the order of the file (CPU) than for
// those that it has reordered (CPU_REPACK).
type WeightsIn struct {
	Kind  string
	Bytes int64
}

// WeightBuffers says in which buffers the weights lie, the largest first; nil
// where the library does not tell.
func (s *Session) WeightBuffers() []WeightsIn {
	list, _ := s.native.Memory()
	var out []WeightsIn
	for _, m := range list {
		if m.Model > 0 {
			out = append(out, WeightsIn{m.Buffer, int64(m.Model)})
		}
	}
	slices.SortStableFunc(out, func(a, b WeightsIn) int { return int(min(1, max(-1, b.Bytes-a.Bytes))) })
	return out
}
