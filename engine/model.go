package engine

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"ceiling/engine/gguf"
	"ceiling/engine/internal/llama"
	"ceiling/internal/oneline"
)

// LoadOptions say where a model's weights go and how they are read. The zero
// value loads onto the CPU; GPULayers −1 onto every GPU, split as PlanSplit
// decides.
type LoadOptions struct {
	Devices     []string  // names from Devices(); {"none"}: the CPU alone; nil: every GPU
	SplitMode   string    // see SplitModes; "" or auto: see PlanSplit
	TensorSplit []float32 // share of each device, in the order of the devices
	MainGPU     int       // with split mode none
	GPULayers   int       // layers on the GPUs; < 0: all
	LoadMode    string    // see LoadModes
	Heads       bool      // layers that predict further tokens, for drafts of kind mtp
	// CheckTensors makes the library look for NaN and infinities in the weights.
	CheckTensors bool
	// Progress gets the share that is loaded, 0…1, on the loading goroutine.
	Progress func(share float64)
}

// Model is loaded weights. Its methods are safe for concurrent use, but Close
// must come last.
type Model struct {
	native    *llama.NativeModel
	file      *gguf.File
	path      string
	open      atomic.Int32
	opts      LoadOptions
	vocabOnly bool // no weights: see LoadVocab
	split     Split
	placement []Placement
}

// Load reads a GGUF file (the first shard of a split one) onto the devices.
// The file's header is checked before the library sees it, because the
// library ends the process on some faults. Cancelling ctx ends the load.
//
// Errors: ErrModelFile, ErrUnknownDevice, ErrUnknownOption, ErrOutOfMemory,
// ErrLoad, ErrNotGenerative, or ctx's.
func Load(ctx context.Context, path string, o LoadOptions) (*Model, error) {
	p, err := o.native()
	if err != nil {
		return nil, err
	}
	file, err := openChecked(path)
	if err != nil {
		return nil, err
	}
	split, err := PlanSplit(file, o, SessionOptions{})
	if err != nil {
		return nil, err
	}
	split.apply(&p)
	p.Path = path
	p.Progress = func(share float32) bool {
		if o.Progress != nil {
			o.Progress(float64(share))
		}
		return ctx.Err() == nil
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	llama.ResetLogged()
	native := llama.LoadModel(p)
	if native == nil {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("loading %s stopped: %w", modelName(path), err)
		}
		return nil, fmt.Errorf("%w: %s%s", ErrLoad, modelName(path), logged())
	}
	if !native.HasDecoder() || native.HasEncoder() {
		native.Free()
		return nil, fmt.Errorf("%w: %s; choose a decoder-only model", ErrNotGenerative, modelName(path))
	}
	return &Model{native: native, file: file, path: path, opts: o, split: split, placement: placements(llama.LoggedFacts())}, nil
}

// openChecked reads a model's header and looks for everything that the library
// would end the process on.
func openChecked(path string) (*gguf.File, error) {
	file, err := gguf.Open(path)
	if err == nil {
		err = file.Check()
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrModelFile, firstProblem(err))
	}
	return file, nil
}

// firstProblem shortens a list of problems with a file to the first and a count.
func firstProblem(err error) error {
	var list *gguf.CheckError
	if !errors.As(err, &list) || len(list.Problems) == 0 {
		return err
	}
	more := ""
	if n := len(list.Problems) + list.Omitted - 1; n > 0 {
		more = fmt.Sprintf(" (and %d more problems)", n)
	}
	return fmt.Errorf("%q can't be loaded: %s%s", list.Path, list.Problems[0], more)
}

// native checks the options that need no model and turns them into the
// library's values.
func (o LoadOptions) native() (llama.LoadParams, error) {
	p := llama.LoadParams{GPULayers: o.GPULayers, TensorSplit: o.TensorSplit, CheckTensors: o.CheckTensors, Heads: o.Heads}
	if _, err := splitModes.lookup("split mode", o.SplitMode); err != nil {
		return p, err
	}
	var err error
	if p.LoadMode, err = loadModes.lookup("load mode", o.LoadMode); err != nil {
		return p, err
	}
	return p, CheckDevices(o.Devices)
}

// apply gives the library the devices that were decided on, by name: its own
// choice would take others with some split modes.
func (s Split) apply(p *llama.LoadParams) {
	p.CPUOnly = len(s.Devices) == 0
	for _, d := range s.Devices {
		p.Devices = append(p.Devices, d.Name)
	}
	if p.CPUOnly {
		p.TensorSplit = nil
	}
	p.SplitMode, _ = splitModes.lookup("split mode", s.Mode) // PlanSplit gives known words only
}

// Close frees the weights. It fails while sessions are open.
func (m *Model) Close() error {
	if n := m.open.Load(); n > 0 {
		return fmt.Errorf("%w: %d; close them before the model", ErrSessionsOpen, n)
	}
	m.native.Free()
	return nil
}

// Split is how the model is spread over devices.
func (m *Model) Split() Split { return m.split }

// File is the header of the model's file.
func (m *Model) File() *gguf.File { return m.file }

// Path is the file that was loaded.
func (m *Model) Path() string { return m.path }

// Meta returns a scalar metadata value as text.
func (m *Model) Meta(key string) (string, bool) { return m.native.Meta(key) }

// Architecture is the GGUF's general.architecture.
func (m *Model) Architecture() string {
	a, _ := m.native.Meta("general.architecture")
	return oneline.Of(a)
}

// Description is llama.cpp's short name, "llama 1B Q4_1".
func (m *Model) Description() string { return oneline.Of(m.native.Description()) }

// Params returns the number of parameters.
func (m *Model) Params() int64 { return m.native.Params() }

// Bytes returns the size of all tensors.
func (m *Model) Bytes() int64 { return m.native.Bytes() }

// Context returns the number of positions that the model was trained for.
func (m *Model) Context() int {
	_, _, n, _ := m.native.Shape()
	return n
}

// Embedding returns the length of a token's row between the layers.
func (m *Model) Embedding() int {
	_, _, _, n := m.native.Shape()
	return n
}

// Window returns the positions that some of the model's layers attend to; 0: all
// attend to all positions.
func (m *Model) Window() int { return m.native.Window() }

// Recurrent says that the model keeps a state instead of, or beside, a cache of
// every position: it can't go back to a part of what it has read.
func (m *Model) Recurrent() bool { return m.native.Recurrent() }

// VocabSize returns the number of tokens.
func (m *Model) VocabSize() int { return m.native.VocabSize() }

// BOS returns the beginning-of-sequence id, -1 if there is none, and whether
// the model wants it in front of a prompt.
func (m *Model) BOS() (id int32, add bool) { return m.native.BOS() }

// PlainTokens lists, in increasing order, the ids that stand for ordinary
// text: not control, unknown, unused or user-defined ones, and none that ends
// a text.
func (m *Model) PlainTokens() []int32 {
	var out []int32
	for id := int32(0); id < int32(m.VocabSize()); id++ {
		if m.native.Attributes(id)&llama.AttrSpecial == 0 && !m.native.EndsGeneration(id) {
			out = append(out, id)
		}
	}
	return out
}

// EndTokens lists, in increasing order, the ids of the tokens that end a text.
func (m *Model) EndTokens() []int32 {
	var out []int32
	for id := int32(0); id < int32(m.VocabSize()); id++ {
		if m.native.EndsGeneration(id) {
			out = append(out, id)
		}
	}
	return out
}

// EndsGeneration tells whether the token ends a text.
func (m *Model) EndsGeneration(token int32) bool { return m.native.EndsGeneration(token) }

// Tokenize turns text into ids. addSpecial puts BOS in front where the model
// wants it; parseSpecial reads "<s>" as the control token.
func (m *Model) Tokenize(text string, addSpecial, parseSpecial bool) ([]int32, error) {
	ids, ok := m.native.Tokenize(text, addSpecial, parseSpecial)
	if !ok {
		return nil, fmt.Errorf("%w: %d bytes", ErrTokenize, len(text))
	}
	return ids, nil
}

// Detokenize turns ids into text; special shows control tokens too.
func (m *Model) Detokenize(ids []int32, special bool) (string, error) {
	for _, id := range ids {
		if id < 0 || int(id) >= m.VocabSize() {
			return "", fmt.Errorf("%w: token %d of a vocabulary of %d", ErrTokenize, id, m.VocabSize())
		}
	}
	text, ok := m.native.Detokenize(ids, special)
	if !ok {
		return "", fmt.Errorf("%w: %d ids", ErrTokenize, len(ids))
	}
	return text, nil
}

// Message is one turn of a chat; Role is "system", "user" or "assistant".
type Message struct{ Role, Content string }

// Chat formats messages by the model's own template, ready for Tokenize with
// parseSpecial; assistant opens the assistant's turn. ErrTemplate: the model
// has none, or the library does not know its form.
func (m *Model) Chat(messages []Message, assistant bool) (string, error) {
	template := m.native.ChatTemplate()
	if template == "" {
		return "", fmt.Errorf("%w: %s carries none", ErrTemplate, modelName(m.path))
	}
	roles, contents := make([]string, len(messages)), make([]string, len(messages))
	for i, msg := range messages {
		roles[i], contents[i] = msg.Role, msg.Content
	}
	text, ok := llama.ApplyTemplate(template, roles, contents, assistant)
	if !ok {
		return "", fmt.Errorf("%w: that of %s", ErrTemplate, modelName(m.path))
	}
	return text, nil
}
