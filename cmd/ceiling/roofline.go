package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v3"

	"ceiling/bench/result"
	"ceiling/bench/suite"
	"ceiling/engine"
	"ceiling/engine/gguf"
	"ceiling/hip"
	"ceiling/hip/host"
	"ceiling/internal/machine"
	"ceiling/kernels"
	"ceiling/kernels/cpu"
	"ceiling/kernels/gpu"
	"ceiling/kernels/shape"
	"ceiling/report/chart"
)

// ceilingsPath is where the figures go, and where a run looks for them.
const ceilingsPath = "results/ceilings.json"

// How long each figure may take.
const (
	figureLimit = 10 * time.Second
	quickLimit  = 1500 * time.Millisecond
)

func rooflineCommand() *cli.Command {
	return &cli.Command{
		Name:      "roofline",
		Usage:     "measure what this machine could do at most, and what that means for a model",
		ArgsUsage: "[MODEL]",
		Description: "Probes measure memory, caches, arithmetic and what begins a node of a graph. With a model the\n" +
			"limits of a suite follow: the least time per output token and the highest prefill rate. With\n" +
			"--machine nothing is measured: the limits are those of a described machine.",
		Flags: append(append(outFlags(&cli.StringFlag{Value: ceilingsPath, Usage: "write the figures to `FILE`"}),
			modelFlag("`FILE`: a GGUF file whose limits are computed"),
			suiteFlag(),
			&cli.StringSliceFlag{Name: "only", Usage: "run these probes alone, `NAME,…`", Validator: knownProbes},
			&cli.BoolFlag{Name: "quick", Usage: "half a minute in all, with wider intervals"},
			&cli.StringFlag{Name: "machine", Usage: "plan for a machine, `NAME|FILE`: mi100, mi100x4, or a YAML file of its limits"},
			&cli.BoolFlag{Name: "ops", Usage: "time the operations of the model's decode step one by one, on the CPU or on --devices"},
			&cli.StringSliceFlag{Name: "devices", Value: []string{"none"}, HideDefault: true, Usage: "with --ops: on these devices, `NAME,…` as in `ceiling devices` (default: the CPU)"},
			&cli.IntFlag{Name: "users", Value: 1, Usage: "with --ops: a step of `N` sequences", Validator: atLeast(1)},
			&cli.IntFlag{Name: "context", Value: 512, Usage: "with --ops: `TOKENS` of context of each", Validator: atLeast(1)},
			threadsFlag(), ubatchFlag(),
			kvTypeFlag(),
			jsonFlag(),
		), rpcFlags()...),
		Before: refuseUnable,
		Action: withWatch(rooflineAction),
	}
}

// knownProbes refuses names of no probe.
func knownProbes(names []string) error {
	_, ofCards := splitProbes(names)
	for _, name := range ofCards {
		if gpu.Known([]string{name}) != nil {
			return fmt.Errorf("no probe %q; there are %q, and of cards %q", name, cpu.Probes(), gpu.Probes())
		}
	}
	return nil
}

// roofline is what the command found out.
type roofline struct {
	Machines []kernels.Roofs   `json:"machines"`
	Ceilings *kernels.Ceilings `json:"ceilings,omitempty"` // nil: nothing was measured
	Load     *kernels.Demand   `json:"model,omitempty"`
	Limits   []machineLimits   `json:"limits,omitempty"`
	Ops      *opTimes          `json:"ops,omitempty"`
	suite    result.Suite
	ubatch   int
	alive    func() // tells the watchdog that a part is done
}

func rooflineAction(ctx context.Context, c *cli.Command, w *watchdog) error {
	if err := takeModel(c); err != nil {
		return err
	}
	r := &roofline{ubatch: c.Int("ubatch"), alive: w.alive}
	var err error
	if r.suite, err = suite.Find(c.String("suite")); err != nil {
		return codedError{exitUsage, err}
	}
	if path := c.String("model"); path != "" {
		if r.Load, err = loadShape(path, c.String("kv-type")); err != nil {
			return err
		}
	}
	if c.Bool("ops") && (r.Load == nil || c.String("machine") != "") {
		return usagef("--ops: name a model, and no --machine: its operations are timed here")
	}
	if !c.Bool("ops") && (c.IsSet("devices") || c.IsSet("rpc")) {
		return usagef("--devices and --rpc without --ops: nothing but the operations is computed there; add --ops")
	}
	if c.String("machine") != "" {
		err = r.describe(c)
	} else {
		err = r.measure(ctx, c)
	}
	if err != nil {
		return err
	}
	r.computeLimits()
	if r.Ceilings != nil {
		if err := r.saveChart(chartBeside(readOutput(c, ceilingsPath))); err != nil {
			return err
		}
	}
	if c.Bool("ops") {
		if err := r.timeOps(ctx, c); err != nil {
			return err
		}
	}
	if c.Bool("json") {
		return writeJSON(c.Root().Writer, r)
	}
	return r.print(c.Root().Writer)
}

// loadShape reads what the model asks of each step.
func loadShape(path, kvType string) (*kernels.Demand, error) {
	f, err := gguf.Open(path)
	if err == nil {
		err = f.Check()
	}
	if err != nil {
		return nil, err
	}
	return shape.Of(f, kvType)
}

// describe takes the machine that --machine names.
func (r *roofline) describe(c *cli.Command) error {
	name := c.String("machine")
	for _, flag := range []string{"only", "quick", "out", "threads"} {
		if c.IsSet(flag) {
			return usagef("--%s with --machine %q: nothing is measured; leave one of them away", flag, name)
		}
	}
	var err error
	if _, stat := os.Stat(name); stat == nil {
		var roofs kernels.Roofs
		roofs, err = kernels.ReadMachine(name)
		r.Machines = []kernels.Roofs{roofs}
	} else {
		r.Machines, err = kernels.FindMachines(name)
	}
	if err != nil {
		return codedError{exitUsage, err}
	}
	return nil
}

// measure runs the probes and writes their figures.
func (r *roofline) measure(ctx context.Context, c *cli.Command) error {
	out := readOutput(c, ceilingsPath)
	if err := r.checkFigures(out); err != nil {
		return err
	}
	if err := engine.Init(engine.LibraryOptions{RPC: c.StringSlice("rpc")}); err != nil {
		return err
	}
	if err := engine.CheckDevices(c.StringSlice("devices")); err != nil {
		return codedError{exitUsage, err}
	}
	show := newProgress(c.Root().ErrWriter)
	threads := readThreads(c)
	limit := figureLimit
	if c.Bool("quick") {
		limit = quickLimit
	}
	found, err := measureCeilings(ctx, threads, limit, c.StringSlice("only"), show)
	if err != nil {
		return err
	}
	if r.Load != nil {
		if err := countNodes(ctx, r.Load, c.String("model"), threads, c.String("kv-type")); err != nil {
			return err
		}
		r.Load.HostLogits = true
	}
	r.alive()
	found.Load, r.Ceilings = r.Load, found
	roofs, err := found.CPURoofs()
	switch {
	case err == nil:
		r.Machines = []kernels.Roofs{roofs}
	case !errors.Is(err, kernels.ErrNoRoofs):
		return err
	}
	if n := found.Cards(); n > 0 {
		roofs, err := found.CardRoofs(n, true)
		switch {
		case err == nil:
			r.Machines = append(r.Machines, roofs)
		case !errors.Is(err, kernels.ErrNoRoofs):
			return err
		}
	}
	return saveCeilings(out, found)
}

// measureCeilings runs the probes of the CPU, and of cards where there are some.
func measureCeilings(ctx context.Context, threads int, limit time.Duration, only []string, show *progress) (*kernels.Ceilings, error) {
	c := &kernels.Ceilings{Format: kernels.FormatVersion, Version: version, Date: time.Now().UTC().Truncate(time.Second), Machine: thisMachine(threads)}
	ofCPU, ofCards := splitProbes(only)
	var err error
	if len(ofCPU) > 0 || len(only) == 0 {
		c.Measurements, err = cpu.Measure(ctx, cpu.HostProbeOptions{
			Threads: threads, Features: engine.CPUFeatures(), Only: ofCPU, Limit: limit, Chain: engine.Chain,
			Tell: func(what string) { show.line("measuring %s", what) },
		})
	}
	if err == nil && (len(ofCards) > 0 || len(only) == 0) {
		var cards []kernels.Measurement
		cards, err = gpu.Measure(ctx, gpu.CardProbeOptions{Only: ofCards, Quick: limit == quickLimit,
			Progress: func(probe, variant string, devices []int) {
				show.line("measuring %s", strings.TrimSpace(probe+" "+variant+devicesText(devices)))
			}}, func(text string) { show.line("note: %s", text) })
		c.Measurements = append(c.Measurements, cards...)
	}
	return c, err
}

// splitProbes sorts names of probes into those of the CPU and those of cards, which
// may be given by the first part of their names.
func splitProbes(names []string) (ofCPU, ofCards []string) {
	for _, name := range names {
		if slices.Contains(cpu.Probes(), name) {
			ofCPU = append(ofCPU, name)
		} else {
			ofCards = append(ofCards, name)
		}
	}
	return ofCPU, ofCards
}

// thisMachine is what ceilings belong to. The engine's back ends are loaded.
func thisMachine(threads int) kernels.MeasuredMachine {
	system, _ := host.Read("/")
	m := kernels.MeasuredMachine{CPU: system.CPU, Threads: threads, Instructions: engine.CPUFeatures(), Governor: system.Governor,
		Hypervisor: system.Hypervisor, Kernel: system.Kernel, Engine: engine.ReadBuild().Tree}
	hip.Read("/").Describe(&system)
	for _, card := range system.Cards {
		m.Cards = append(m.Cards, cardText(card))
	}
	return m
}

// cardText is a card with the limits of its clock and power.
func cardText(card machine.Card) string {
	text := fmt.Sprintf("%s %s", card.PCI, card.Name)
	if card.MaxClockMHz > 0 {
		text += fmt.Sprintf(", %d MHz", card.MaxClockMHz)
	}
	if card.PowerCapW != nil {
		text += fmt.Sprintf(", %.0f W", *card.PowerCapW)
	}
	return text
}

// countNodes loads the model on the CPU and counts the nodes of its graph.
func countNodes(ctx context.Context, l *kernels.Demand, path string, threads int, kvType string) error {
	// The OpenMP pool of the CPU back end belongs to the thread that calls it.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	model, err := engine.Load(ctx, path, engine.LoadOptions{Devices: []string{"none"}})
	if err != nil {
		return err
	}
	defer model.Close()
	s, err := model.Open(ctx, engine.SessionOptions{Sequences: 1, TokensPerSequence: min(256, model.Context()), Threads: threads, KVType: kvType})
	if err != nil {
		return err
	}
	defer s.Close()
	if err := s.Warm(ctx); err != nil {
		return err
	}
	setNodes(l, s)
	return nil
}

// setNodes takes the nodes of the session's graph, where they were counted.
func setNodes(l *kernels.Demand, s *engine.Session) {
	if n := s.Nodes(); n > 0 {
		l.Nodes, l.NodesSource = n, "[meas] counted in the engine's graph"
	}
}

// saveChart draws the roofs of the machine with the suite's steps.
func (r *roofline) saveChart(out output) error {
	if r.Load == nil || len(r.Machines) == 0 || out.onStdout() {
		return nil
	}
	svg, err := chart.Plan(r.Machines[0], *r.Load, r.suite.Scenarios, r.ubatch)
	if err != nil || svg == nil {
		return err
	}
	return out.write(nil, svg)
}

// checkFigures refuses, before anything is measured, where the figures and their
// chart could not be written.
func (r *roofline) checkFigures(out output) error {
	if out.path == ceilingsPath {
		if err := os.MkdirAll(filepath.Dir(out.path), 0o755); err != nil {
			return err
		}
	}
	if out.path == "-" {
		return usagef("--out -: the tables go to stdout, with --json the figures; name a file")
	}
	if err := out.check(); err != nil || r.Load == nil {
		return err
	}
	return chartBeside(out).check()
}

// chartBeside is the chart of the figures: ceilings.svg for ceilings.json. It is
// nowhere where those go to a device or a pipe.
func chartBeside(out output) output {
	if info, err := os.Stat(out.path); err == nil && !info.Mode().IsRegular() {
		return output{}
	}
	out.path = strings.TrimSuffix(out.path, filepath.Ext(out.path)) + ".svg"
	return out
}

func saveCeilings(out output, c *kernels.Ceilings) error {
	text, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return err
	}
	return out.write(nil, append(text, '\n'))
}
