package verify

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"ceiling/engine"
	"ceiling/engine/gguf"
)

// Row is one line of the table: a configuration against the reference.
type Row struct {
	Configuration string `json:"configuration"`
	InFlight      int    `json:"in_flight"`
	Cache         string `json:"cache"`
	Graphs        string `json:"graphs,omitempty"`
	Difference
}

// Outcome is everything that was compared.
type Outcome struct {
	Model     string   `json:"model"`
	Reference string   `json:"reference"`
	Noise     Noise    `json:"noise"`
	Rows      []Row    `json:"rows"`
	Skipped   []string `json:"skipped"`
	Wrong     int      `json:"wrong"`

	// Texts are what the configurations were compared with.
	Texts *Reference `json:"-"`
	// Graphs says whether this process replayed captured graphs, "on" or "off"; ""
	// without GPUs that have them.
	Graphs string `json:"-"`
}

// Options say what is compared, and how the engine is set.
type Options struct {
	Model    string // path of the file
	Load     engine.LoadOptions
	Session  engine.SessionOptions
	Sampling string     // a word of engine.SamplingWords
	Prompts  int        // all of which are in flight at once
	Tokens   int        // of each text
	Expect   *Reference // nil: the first configuration is the reference; else its numbers are those of prompts and tokens
	Exact    bool       // the first configuration must give every logit of Expect to the bit
	Say      func(format string, args ...any)
	Alive    func() // is called whenever the engine has returned
}

// Run compares every configuration; the first is the reference where no other
// is given. The engine is ready.
func Run(ctx context.Context, o Options) (*Outcome, error) {
	v := &verifier{Options: o, out: Outcome{Model: filepath.Base(o.Model), Rows: []Row{}, Skipped: []string{}, Texts: o.Expect}}
	if o.Expect != nil {
		v.Prompts, v.Tokens = len(o.Expect.Prompts), len(o.Expect.Texts[0].Tokens)
	}
	loads, err := v.configurations()
	if err != nil {
		return nil, err
	}
	for i, load := range loads {
		if err := v.configuration(ctx, load, i == 0); err != nil {
			return nil, err
		}
	}
	return &v.out, nil
}

// verifier compares the configurations of one call.
type verifier struct {
	Options
	out Outcome
}

// Add takes the rows of another process over.
func (o *Outcome) Add(other *Outcome) {
	o.Rows = append(o.Rows, other.Rows...)
	o.Wrong += other.Wrong
}

// configurations are the ways to spread the model: one device, then every split
// mode over as many devices as it can use.
func (v *verifier) configurations() ([]engine.LoadOptions, error) {
	file, err := gguf.Open(v.Model)
	if err != nil {
		return nil, err
	}
	whole := v.Load
	whole.SplitMode, whole.TensorSplit, whole.MainGPU = engine.SplitLayer, nil, 0
	all, err := engine.PlanSplit(file, whole, v.Session)
	if err != nil {
		return nil, err
	}
	v.out.Graphs = graphsOf(all.Devices)
	if len(all.Devices) == 0 {
		return []engine.LoadOptions{v.Load}, nil
	}
	first := whole
	first.SplitMode, first.Devices = engine.SplitNone, deviceWords(all.Devices)[:1]
	out := []engine.LoadOptions{first}
	modes := []string{engine.SplitLayer, engine.SplitRow, engine.SplitTensor}
	if v.Load.SplitMode != engine.SplitAuto {
		modes = []string{v.Load.SplitMode}
	}
	for _, mode := range modes {
		load, why := v.widest(file, mode, deviceWords(all.Devices))
		if why != nil {
			v.out.Skipped = append(v.out.Skipped, fmt.Sprintf("%s: %v", mode, why))
			continue
		}
		out = append(out, load)
	}
	return out, nil
}

// widest is a split over the most of the devices that it can use, or why it can't
// use two.
func (v *verifier) widest(file *gguf.File, mode string, devices []string) (load engine.LoadOptions, why error) {
	if len(devices) < 2 || mode == engine.SplitNone {
		return load, errors.New("there is one device")
	}
	for n := len(devices); n > 1; n-- {
		load = v.Load
		load.SplitMode, load.Devices = mode, devices[:n]
		_, err := engine.PlanSplit(file, load, v.Session)
		if err == nil {
			return load, nil
		}
		why = err
		if len(load.TensorSplit) > 0 {
			break // shares are for all devices
		}
	}
	return load, why
}

func deviceWords(devices []engine.Device) []string {
	out := make([]string, len(devices))
	for i, d := range devices {
		out[i] = d.Name
	}
	return out
}

// graphsOf says whether devices replay captured graphs, "" where they have none.
func graphsOf(devices []engine.Device) string {
	if !slices.ContainsFunc(devices, func(d engine.Device) bool { return d.Backend == "ROCm" || d.Backend == "CUDA" }) {
		return ""
	}
	if _, off := os.LookupEnv("GGML_CUDA_DISABLE_GRAPHS"); off {
		return "off"
	}
	return "on"
}

// configuration loads the model in one way, and compares what it gives.
func (v *verifier) configuration(ctx context.Context, load engine.LoadOptions, first bool) error {
	load.Progress = func(float64) { v.Alive() }
	m, err := engine.Load(ctx, v.Model, load)
	if err != nil {
		return err
	}
	defer m.Close()
	name := configurationName(m.Split())
	v.Say("%s", name)
	session := v.Session
	session.Greedy = m.Split().GreedyInBackend(v.Sampling)
	check, err := NewChecker(m, session, v.Prompts, v.Tokens)
	if err != nil {
		return err
	}
	check.Alive = v.Alive
	own, err := v.refer(ctx, check, name, first)
	if err != nil {
		return err
	}
	along, err := check.Score(ctx, v.out.Texts.Tokens(), 0)
	if err != nil {
		return err
	}
	if own != nil {
		v.add(name, 1, "cold", Itself(own.Texts, own.Noise), false)
	}
	for _, way := range v.ways(check, own != nil) {
		tokens, err := check.Greedy(ctx, way.inFlight, way.warm)
		if err != nil {
			return fmt.Errorf("%s, %d in flight: %w", name, way.inFlight, err)
		}
		cache := "cold"
		if way.warm {
			cache = "warm"
		}
		v.add(name, way.inFlight, cache, Compare(v.out.Texts.Texts, Texts(tokens, along[0]), v.out.Texts.Noise), v.Exact && first)
	}
	return nil
}

// refer makes the reference where there is none yet, and says where it is from.
// It returns the one that it has made.
func (v *verifier) refer(ctx context.Context, check *Checker, name string, first bool) (own *Reference, err error) {
	if v.out.Texts == nil {
		if own, err = check.Reference(ctx); err != nil {
			return nil, err
		}
		own.Model, own.Library, own.Engine, own.Device = v.out.Model, engine.Name(), engine.Version(), name
		v.out.Texts = own
	} else if err := v.out.Texts.Same(check); err != nil {
		return nil, err
	}
	if first {
		v.out.Reference = fmt.Sprintf("%s on %s, %s, one text at a time", v.out.Texts.Model, v.out.Texts.Device, v.out.Texts.engine())
		v.out.Noise = v.out.Texts.Noise
	}
	return own, nil
}

// way is how texts are written on a loaded model.
type way struct {
	inFlight int
	warm     bool
}

// ways are all of them but the one that the reference was made in.
func (v *verifier) ways(check *Checker, refers bool) []way {
	out := []way{{v.Prompts, false}}
	if !refers {
		out = append([]way{{1, false}}, out...)
	}
	if check.Warm() {
		out = append(out, way{1, true}, way{v.Prompts, true})
	}
	return out
}

// add judges a comparison; with exact rounding is no excuse.
func (v *verifier) add(name string, inFlight int, cache string, d Difference, exact bool) {
	if exact && d.Worst > 0 {
		d.Verdict, d.Why = Wrong, fmt.Sprintf("--exact: a logit differs by %.3g", d.Worst)
	}
	if d.Verdict == Wrong {
		v.out.Wrong++
	}
	v.out.Rows = append(v.out.Rows, Row{name, inFlight, cache, v.out.Graphs, d})
}

// configurationName is how a row calls a split.
func configurationName(s engine.Split) string {
	switch n := len(s.Devices); {
	case n == 0:
		return "CPU"
	case s.Mode == engine.SplitNone:
		return s.Devices[0].Name
	default:
		return fmt.Sprintf("%s over %d (%s)", s.Mode, n, strings.Join(deviceWords(s.Devices), ", "))
	}
}
