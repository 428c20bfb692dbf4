package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/urfave/cli/v3"

	"ceiling/engine"
	"ceiling/engine/gguf"
	"ceiling/engine/verify"
	"ceiling/hip/host"
)

func verifyCommand() *cli.Command {
	return &cli.Command{
		Name:  "verify",
		Usage: "check that a model computes the same however it is run: alone, in a batch, from a cache, over devices",
		Description: "Greedy tokens of fixed prompts and the logits behind them are compared: one text at a time and all of them\n" +
			"in flight, cold and from a prefix cache, on one device and over several in every split mode that they\n" +
			"allow, on GPUs with graphs and without. Texts may part where the two best logits are closer together\n" +
			"than rounding moves them, which is measured first. Exit code 3: something is wrong.",
		ArgsUsage: "[MODEL]",
		Flags: slices.Concat(group("What to compare",
			modelFlag("GGUF `FILE`, of a split model the first part"),
			&cli.StringFlag{Name: "expect", Usage: "compare with the texts in `FILE`, of another machine, build or day"},
			&cli.StringFlag{Name: "write-expect", Usage: "write the reference's texts to `FILE`"},
			&cli.BoolFlag{Name: "exact", Usage: "with --expect: the first configuration must give every logit to the bit, as the same build on the same device does"},
			&cli.IntFlag{Name: "prompts", Value: 16, Usage: "`N` prompts, all of which are in flight at once", Validator: within(2, 64)},
			&cli.IntFlag{Name: "tokens", Value: 32, Usage: "`N` tokens of each text", Validator: within(2, 512)},
			stepTimeoutFlag(), jsonFlag(),
		), engineFlags(), gpuFlags()),
		Action: withWatch(verifyAction),
	}
}

// within makes a flag refuse numbers out of a range.
func within(low, high int) func(int) error {
	return func(n int) error {
		if n < low || n > high {
			return fmt.Errorf("%d; use %d to %d", n, low, high)
		}
		return nil
	}
}

// verifyRow is one line of the table: a configuration against the reference.
type verifyRow struct {
	Configuration string `json:"configuration"`
	InFlight      int    `json:"in_flight"`
	Cache         string `json:"cache"`
	Graphs        string `json:"graphs,omitempty"`
	verify.Difference
}

// verified is everything that was compared.
type verified struct {
	Model     string       `json:"model"`
	Reference string       `json:"reference"`
	Noise     verify.Noise `json:"noise"`
	Rows      []verifyRow  `json:"rows"`
	Skipped   []string     `json:"skipped"`
	Wrong     int          `json:"wrong"`
}

// verifier compares the configurations of one command.
type verifier struct {
	model     string
	load      engine.LoadOptions
	session   engine.SessionOptions
	sampling  string
	graphs    string // that this process computes with; "": not on GPUs
	prompts   int
	tokens    int
	exact     bool
	say       func(format string, args ...any)
	alive     func() // the engine has returned
	reference *verify.Reference
	out       verified
}

func verifyAction(ctx context.Context, c *cli.Command, w *watchdog) error {
	v, err := newVerifier(c)
	if err != nil {
		return err
	}
	v.alive = w.alive
	// The OpenMP pool of the CPU back end belongs to the thread that calls it.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := v.compare(ctx); err != nil {
		return err
	}
	if path := c.String("write-expect"); path != "" {
		if err := v.reference.Save(path); err != nil {
			return err
		}
	}
	if c.String("graphs") == auto && v.graphs != "" {
		if err := v.withoutGraphs(ctx); err != nil {
			return err
		}
	}
	if c.Bool("json") {
		err = writeJSON(c.Root().Writer, v.out)
	} else {
		err = v.out.print(c.Root().Writer)
	}
	if err == nil && v.out.Wrong > 0 {
		err = codedError{exitInvalid, fmt.Errorf("%d of %d comparisons are wrong", v.out.Wrong, len(v.out.Rows))}
	}
	return err
}

// newVerifier reads the flags and starts the engine.
func newVerifier(c *cli.Command) (*verifier, error) {
	if err := takeModel(c); err != nil {
		return nil, err
	}
	if err := required(c, "model"); err != nil {
		return nil, err
	}
	if c.Bool("exact") && c.String("expect") == "" {
		return nil, usagef("--exact without --expect: there is nothing that could be equal to the bit; use both or none")
	}
	v := &verifier{model: c.String("model"), sampling: c.String("sampling"), prompts: c.Int("prompts"), tokens: c.Int("tokens"), exact: c.Bool("exact"),
		load: engine.LoadOptions{
			Devices: c.StringSlice("devices"), SplitMode: c.String("split-mode"), TensorSplit: tensorSplit(c),
			MainGPU: c.Int("main-gpu"), GPULayers: c.Int("gpu-layers"), LoadMode: c.String("load-mode"),
		},
		session: engine.SessionOptions{Threads: c.Int("threads"), FlashAttn: c.String("flash-attn"), KVType: c.String("kv-type")},
		say:     func(format string, args ...any) { fmt.Fprintf(c.Root().ErrWriter, format+"\n", args...) },
	}
	v.session.Batch, v.session.UBatch = readBatches(c)
	if v.session.Threads == 0 {
		if v.session.Threads = host.PhysicalCores("/"); v.session.Threads == 0 {
			v.session.Threads = runtime.NumCPU()
		}
	}
	if path := c.String("expect"); path != "" {
		var err error
		if v.reference, err = verify.Read(path); err != nil {
			return nil, err
		}
		v.prompts, v.tokens = len(v.reference.Prompts), len(v.reference.Texts[0].Tokens)
	}
	if err := setGPUSwitches(c); err != nil {
		return nil, err
	}
	if err := engine.Init(engine.Options{RPC: c.StringSlice("rpc")}); err != nil {
		return nil, err
	}
	if err := engine.CheckDevices(v.load.Devices); err != nil {
		return nil, codedError{exitUsage, err}
	}
	v.out = verified{Model: filepath.Base(v.model), Rows: []verifyRow{}, Skipped: []string{}}
	return v, nil
}

// compare runs every configuration; the first is the reference where no file
// is.
func (v *verifier) compare(ctx context.Context) error {
	loads, err := v.configurations()
	if err != nil {
		return err
	}
	for i, load := range loads {
		if err := v.configuration(ctx, load, i == 0); err != nil {
			return err
		}
	}
	return nil
}

// configurations are the ways to spread the model: one device, then every split
// mode over as many devices as it can use.
func (v *verifier) configurations() ([]engine.LoadOptions, error) {
	file, err := gguf.Open(v.model)
	if err != nil {
		return nil, err
	}
	whole := v.load
	whole.SplitMode, whole.TensorSplit, whole.MainGPU = engine.SplitLayer, nil, 0
	all, err := engine.PlanSplit(file, whole, v.session)
	if err != nil {
		return nil, codedError{exitUsage, err}
	}
	v.graphs = graphsOf(all.Devices)
	if len(all.Devices) == 0 {
		return []engine.LoadOptions{v.load}, nil
	}
	first := whole
	first.SplitMode, first.Devices = engine.SplitNone, deviceWords(all.Devices)[:1]
	out := []engine.LoadOptions{first}
	modes := []string{engine.SplitLayer, engine.SplitRow, engine.SplitTensor}
	if v.load.SplitMode != engine.SplitAuto {
		modes = []string{v.load.SplitMode}
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
		load = v.load
		load.SplitMode, load.Devices = mode, devices[:n]
		_, err := engine.PlanSplit(file, load, v.session)
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
	load.Progress = func(float64) { v.alive() }
	m, err := engine.Load(ctx, v.model, load)
	if err != nil {
		return err
	}
	defer m.Close()
	name := configurationName(m.Split())
	v.say("%s", name)
	session := v.session
	session.Greedy = greedyInBackend(v.sampling, m.Split())
	check, err := verify.NewChecker(m, session, v.prompts, v.tokens)
	if err != nil {
		return err
	}
	check.Alive = v.alive
	own, err := v.refer(ctx, check, name, first)
	if err != nil {
		return err
	}
	along, err := check.Score(ctx, v.reference.Tokens(), 0)
	if err != nil {
		return err
	}
	if own != nil {
		v.add(name, 1, "cold", verify.Itself(own.Texts, own.Noise), false)
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
		v.add(name, way.inFlight, cache, verify.Compare(v.reference.Texts, verify.Texts(tokens, along[0]), v.reference.Noise), v.exact && first)
	}
	return nil
}

// refer makes the reference where there is none yet, and says where it is from.
// It returns the one that it has made.
func (v *verifier) refer(ctx context.Context, check *verify.Checker, name string, first bool) (own *verify.Reference, err error) {
	if v.reference == nil {
		if own, err = check.Reference(ctx); err != nil {
			return nil, err
		}
		own.Model, own.Engine, own.Device = v.out.Model, engine.Version(), name
		v.reference = own
	} else if err := v.reference.Same(check); err != nil {
		return nil, err
	}
	if first {
		v.out.Reference = fmt.Sprintf("%s on %s, llama.cpp %s, one text at a time", v.reference.Model, v.reference.Device, v.reference.Engine)
		v.out.Noise = v.reference.Noise
	}
	return own, nil
}

// way is how texts are written on a loaded model.
type way struct {
	inFlight int
	warm     bool
}

// ways are all of them but the one that the reference was made in.
func (v *verifier) ways(check *verify.Checker, refers bool) []way {
	out := []way{{v.prompts, false}}
	if !refers {
		out = append([]way{{1, false}}, out...)
	}
	if check.Warm() {
		out = append(out, way{1, true}, way{v.prompts, true})
	}
	return out
}

// add judges a comparison; with exact rounding is no excuse.
func (v *verifier) add(name string, inFlight int, cache string, d verify.Difference, exact bool) {
	if exact && d.Worst > 0 {
		d.Verdict, d.Why = verify.Wrong, fmt.Sprintf("--exact: a logit differs by %.3g", d.Worst)
	}
	if d.Verdict == verify.Wrong {
		v.out.Wrong++
	}
	v.out.Rows = append(v.out.Rows, verifyRow{name, inFlight, cache, v.graphs, d})
}

// configurationName is how a row calls a split.
func configurationName(s engine.Split) string {
	switch n := len(s.Devices); {
	case n == 0:
		return "CPU"
	case s.Mode == engine.SplitNone:
		return s.Devices[0].Name
	default:
		return fmt.Sprintf("%s over %d (%s)", s.Mode, n, deviceList(s.Devices))
	}
}

// withoutGraphs compares everything once more in a process that captures no
// graphs: the back ends look at that switch once.
func (v *verifier) withoutGraphs(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "ceiling-verify-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	expect := filepath.Join(dir, "expect.json")
	if err := v.reference.Save(expect); err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	v.say("without graphs")
	// Of a flag that is given twice the last one counts.
	args := append(slices.Clone(os.Args[1:]), "--graphs=off", "--expect="+expect, "--write-expect=", "--exact=false", "--json")
	cmd := exec.CommandContext(ctx, self, args...)
	cmd.Stderr = os.Stderr
	text, err := cmd.Output()
	if err != nil && cmd.ProcessState.ExitCode() != exitInvalid {
		return fmt.Errorf("the comparison without graphs: %w", err)
	}
	return v.take(text)
}

// take adds the rows of another process, which printed JSON.
func (v *verifier) take(text []byte) error {
	var theirs verified
	if err := json.Unmarshal(text, &theirs); err != nil {
		return fmt.Errorf("the comparison without graphs: %w", err)
	}
	v.out.Rows = append(v.out.Rows, theirs.Rows...)
	v.out.Wrong += theirs.Wrong
	return nil
}

// print writes the table, what is wrong, and where texts part.
func (o *verified) print(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "CONFIGURATION\tIN FLIGHT\tCACHE\tGRAPHS\tEQUAL TOKENS\tLOGITS, RMS\tMOST\tVERDICT\n")
	for _, r := range o.Rows {
		fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%d/%d\t%s\t%s\t%s\n", r.Configuration, r.InFlight, r.Cache, dash(r.Graphs), r.EqualTokens, r.Tokens,
			digits(r.RMS), digits(r.Worst), r.Verdict)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "reference: %s\n", o.Reference)
	if o.Noise.Known {
		fmt.Fprintf(&b, "rounding alone moves its logits by %s (root mean square), %s at most\n", digits(o.Noise.RMS), digits(o.Noise.Worst))
	} else {
		b.WriteString("what rounding alone does can't be measured on this model: a share of the logits' spread stands for it\n")
	}
	for _, s := range o.Skipped {
		fmt.Fprintf(&b, "not compared: %s\n", s)
	}
	for _, r := range o.Rows {
		r.partings(&b)
	}
	_, err := io.WriteString(out, b.String())
	return err
}

// partings lists where the texts of a row leave the reference.
func (r *verifyRow) partings(b *strings.Builder) {
	name := fmt.Sprintf("%s, %d in flight, %s", r.Configuration, r.InFlight, r.Cache)
	if r.Graphs == "off" {
		name += ", no graphs"
	}
	if r.Why != "" {
		fmt.Fprintf(b, "WRONG %s: %s\n", name, r.Why)
	}
	for _, p := range r.Partings {
		fmt.Fprintf(b, "%s: prompt %d parts at token %d: %s there, %s here; tolerance %s\n", name, p.Prompt, p.Token,
			choiceText(p.Reference), choiceText(p.Other), digits(p.Tolerance))
	}
}

// choiceText is a token with its logit, and that of the other side's token.
func choiceText(c verify.Choice) string {
	other := digits(float64(c.Their))
	if c.Least {
		other += " or less"
	}
	return fmt.Sprintf("%d with %s against %s", c.Token, digits(float64(c.Own)), other)
}

// digits are four that count.
func digits(v float64) string { return strconv.FormatFloat(v, 'g', 4, 64) }

func dash(s string) string {
	if s == "" {
		return "—"
	}
	return s
}
