package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/urfave/cli/v3"

	"ceiling/bench"
	"ceiling/bench/result"
	"ceiling/engine"
	"ceiling/engine/gguf"
)

// engineSettings are where the model goes and how the engine is set: of a run, or
// of the scenarios that have some of it for themselves.
type engineSettings struct {
	own      []result.Setting // of scenarios, which the others have in them
	load     engine.LoadOptions
	session  engine.SessionOptions // all but the sizes
	unified  bool
	sampling string // a word of --sampling
	switches engine.GPUSwitches
	spec     speculation
	// split is how the model is spread over devices, once that is planned; err is
	// why it can't be.
	split engine.Split
	err   error
}

// readEngineSettings reads the flags of the engine.
func readEngineSettings(c *cli.Command) (s engineSettings, err error) {
	warm, unified := c.Bool("prefix-cache"), c.String("kv-unified")
	if unified == "off" && warm {
		return s, usagef("--kv-unified off with --prefix-cache: shared prefixes need one KV buffer; leave one of them away")
	}
	spec, err := readSpeculation(c)
	if err != nil {
		return s, err
	}
	// Sequences verify different numbers of drafts, which is one graph in one buffer alone.
	s = engineSettings{unified: unified == "on" || warm || unified == auto && spec.SpecSettings != nil, sampling: c.String("sampling"), spec: spec,
		switches: readGPUSwitches(c)}
	s.load, s.session = readEngine(c)
	s.load.Heads = spec.kind() == "mtp"
	s.session.FullWindow = warm || engine.FullWindow()
	return s, nil
}

// withSettings are the engine's flags of a command as if a scenario's own settings stood
// in the place of those that it names.
func withSettings(c *cli.Command, own []result.Setting) (s engineSettings, err error) {
	flags := slices.Concat(engineFlags(), specFlags(), gpuFlags(), []cli.Flag{&cli.BoolFlag{Name: "prefix-cache"}})
	args := []string{c.Name}
	for _, f := range flags {
		name := f.Names()[0]
		if c.IsSet(name) && !slices.ContainsFunc(own, func(x result.Setting) bool { return x.Name == name }) {
			args = append(args, "--"+name+"="+flagText(findFlag(c, name)))
		}
	}
	for _, x := range own {
		args = append(args, "--"+x.Name+"="+settingFlag(x))
	}
	like := &cli.Command{Name: c.Name, Flags: flags, Writer: io.Discard, ErrWriter: io.Discard, OnUsageError: usageError,
		Action: func(_ context.Context, c *cli.Command) error {
			s, err = readEngineSettings(c)
			s.own = own
			return err
		}}
	return s, like.Run(context.Background(), args)
}

// flagText is a flag's value as it is given on a command line.
func flagText(f cli.Flag) string {
	if list, ok := f.Get().([]string); ok {
		return strings.Join(list, ",")
	}
	return fmt.Sprint(f.Get())
}

// checkSettings tries each setting that scenarios have for themselves alone, those of
// speculation together, so that all mistakes are told at once, each with the first
// scenario that has it.
func (s *settings) checkSettings(c *cli.Command) error {
	seen := map[string]bool{}
	errs := unable(c)
	for _, sc := range s.suite.Scenarios {
		for _, own := range apart(sc.Settings) {
			if text := result.SettingsText(own); seen[text] {
				continue
			} else {
				seen[text] = true
			}
			_, err := withSettings(c, own)
			for _, x := range own {
				if err == nil {
					err = engine.Refuse(x.Name, settingFlag(x))
				}
			}
			if err != nil {
				errs = append(errs, fmt.Errorf("scenario %q: %w", sc.Name, err))
			}
		}
	}
	if len(errs) > 0 {
		return codedError{exitUsage, errors.Join(errs...)}
	}
	return nil
}

// apart are the settings that can be tried one by one.
func apart(list []result.Setting) (parts [][]result.Setting) {
	drafting := append(specFlagNames(), "spec")
	var together []result.Setting
	for _, x := range list {
		if slices.Contains(drafting, x.Name) {
			together = append(together, x)
			continue
		}
		parts = append(parts, []result.Setting{x})
	}
	if together != nil {
		parts = append(parts, together)
	}
	return parts
}

// readPoints reads the settings that scenarios have for themselves.
func (s *settings) readPoints(c *cli.Command) error {
	if err := s.checkSettings(c); err != nil {
		return err
	}
	s.points, s.pointOf = nil, make([]int, len(s.suite.Scenarios))
	known := map[string]int{}
	for i, sc := range s.suite.Scenarios {
		text := result.SettingsText(sc.Settings)
		at, ok := known[text]
		if !ok {
			p, err := withSettings(c, sc.Settings)
			if err != nil {
				return codedError{exitUsage, fmt.Errorf("scenario %q: %w", sc.Name, err)}
			}
			at = len(s.points)
			known[text], s.points = at, append(s.points, p)
		}
		s.pointOf[i] = at
	}
	if err := s.checkSpecFlags(c); err != nil {
		return err
	}
	if deep := slices.IndexFunc(s.suite.Scenarios, func(sc result.Scenario) bool { return sc.Depth != nil }); s.prefixCache && deep >= 0 {
		return usagef("--prefix-cache with a depth (scenario %q): at a depth nothing but its context is reused; leave one of them away", s.suite.Scenarios[deep].Name)
	}
	if s.prefixCache && len(s.points) > 1 {
		return usagef("--prefix-cache with settings that differ between scenarios: one session holds the cache; leave one of them away")
	}
	return nil
}

// benchPoints are what the scheduler has to know of each scenario's settings.
func (s *settings) benchPoints() []bench.Point {
	out := make([]bench.Point, len(s.pointOf))
	for i, at := range s.pointOf {
		out[i] = s.benchPoint(at)
	}
	return out
}

// benchPoint is that of the settings with a number.
func (s *settings) benchPoint(at int) bench.Point {
	p := &s.points[at]
	return bench.Point{Engine: at, Budget: p.session.Batch, UBatch: p.session.UBatch, KVUnified: &p.unified, Speculation: p.spec.SpecSettings}
}

// loaded tells what differs between two loads of a model.
func (s *engineSettings) loaded() string {
	load := s.load
	load.SplitMode, load.Progress = s.split.Mode, nil
	return fmt.Sprintf("%+v", load)
}

// planSplit decides how a model is spread before it is loaded. What can't be
// done is a mistake in the arguments.
func (s *engineSettings) planSplit(model string) (engine.Split, error) {
	file, err := gguf.Open(model)
	if err != nil {
		return engine.Split{}, err
	}
	session := s.session
	session.Greedy = s.sampling == "backend"
	split, err := engine.PlanSplit(file, s.load, session)
	if err != nil {
		return split, codedError{exitUsage, err}
	}
	return split, nil
}

// planPoints decides for all settings how the model is spread, and numbers the
// scenarios by the load that they need.
func (r *runner) planPoints() error {
	for i := range r.points {
		p := &r.points[i]
		if p.split, p.err = p.planSplit(r.model); p.err != nil && len(r.points) == 1 {
			return p.err
		}
		p.session.Greedy = p.split.GreedyInBackend(p.sampling)
	}
	var loads []string
	r.suite.Scenarios = slices.Clone(r.suite.Scenarios)
	for i, at := range r.pointOf {
		text := r.points[at].loaded()
		if !slices.Contains(loads, text) {
			loads = append(loads, text)
		}
		r.suite.Scenarios[i].Load = slices.Index(loads, text)
	}
	return nil
}

// firstPoint are the settings of the scenario that is next.
func (r *runner) firstPoint() *engineSettings {
	u, _ := r.resumed.Next(r.suite)
	return &r.points[r.pointOf[u.Scenario]]
}

// beginProcess finds out which of the run's processes this one is, and turns the
// settings of its scenarios into its environment, before the engine looks at it.
func (r *runner) beginProcess() error {
	if u, ok := r.resumed.Next(r.suite); ok {
		r.process = r.suite.Process(u.Pass, u.Scenario)
	}
	return r.firstPoint().switches.Set()
}
