package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v3"

	"ceiling/bench"
	"ceiling/bench/result"
	"ceiling/engine"
)

// specNone drafts nothing.
const specNone = "none"

// specFlags say how tokens are drafted, for a step to verify several at a time.
func specFlags() []cli.Flag {
	words := []string{specNone}
	for _, k := range engine.DraftKinds() {
		words = append(words, k.Name)
	}
	return group("Speculation",
		choice("spec", "draft tokens, and verify several in one step", words),
		&cli.StringFlag{Name: "draft-model", Usage: "`FILE` of the model that drafts, with --spec draft: GGUF, the vocabulary that of the model"},
		&cli.StringSliceFlag{Name: "draft-devices", Usage: "load the draft model onto these devices, `NAME,…` as in --devices (default: as --devices)"},
		&cli.IntFlag{Name: "draft-max", Usage: "at most `N` drafts of a sequence in a step (default: " + kindDefaults(func(k engine.DraftKind) (int, bool) { return k.Max, true }) + ")", HideDefault: true, Validator: within(1, mostDrafts)},
		&cli.IntFlag{Name: "draft-min", Usage: "fewer than `N` drafts are none (default: " + kindDefaults(func(k engine.DraftKind) (int, bool) { return k.Min, k.TakesMin }) + ")", HideDefault: true, Validator: within(0, mostDrafts)},
		&cli.FloatFlag{Name: "draft-p-min", Usage: "a token that the draft model finds less likely than `P` ends a draft", Validator: func(p float64) error {
			if !(p >= 0 && p <= 1) {
				return fmt.Errorf("%g is no probability; use 0 to 1", p)
			}
			return nil
		}},
		&cli.StringFlag{Name: "spec-synth-rates", Usage: "accept drafts by lot, at these `RATES,…` by place, each with all before it; the text means nothing", Validator: func(text string) error {
			_, err := parseRates(text)
			return err
		}},
		&cli.FloatFlag{Name: "spec-synth-len", Usage: "accept drafts by lot, so that a verification gives `L` tokens on average; the text means nothing", HideDefault: true, Validator: func(l float64) error {
			if !(l >= 1 && l <= mostDrafts+1) {
				return fmt.Errorf("%g tokens; use 1, for none accepted, to 1 more than there are drafts", l)
			}
			return nil
		}},
	)
}

// mostDrafts bounds the drafts of a sequence in a step.
const mostDrafts = 1024

// kindDefaults lists the kinds' own values: "3 draft, mtp; 48 ngram-simple".
func kindDefaults(of func(engine.DraftKind) (n int, takes bool)) string {
	var values []int
	names := map[int][]string{}
	for _, k := range engine.DraftKinds() {
		n, takes := of(k)
		if !takes {
			continue
		}
		if names[n] == nil {
			values = append(values, n)
		}
		names[n] = append(names[n], k.Name)
	}
	var parts []string
	for _, n := range values {
		parts = append(parts, fmt.Sprintf("%d %s", n, strings.Join(names[n], ", ")))
	}
	return strings.Join(parts, "; ")
}

// parseRates reads rates that stand with commas.
func parseRates(text string) ([]float64, error) {
	if text == "" {
		return nil, nil
	}
	var out []float64
	for part := range strings.SplitSeq(text, ",") {
		rate, err := strconv.ParseFloat(strings.TrimSpace(part), 64)
		if err != nil || !(rate >= 0 && rate <= 1) {
			return nil, fmt.Errorf("%q is no list of rates from 0 to 1: they stand with commas, one for each draft, as in 0.8,0.6,0.4", text)
		}
		if n := len(out); n > 0 && rate > out[n-1] {
			return nil, fmt.Errorf("%q rises at %g: a draft is accepted only with all before it, so no rate is above the one before", text, rate)
		}
		out = append(out, rate)
	}
	return out, nil
}

// speculation is what is drafted, and where its model lies.
type speculation struct {
	*result.SpecSettings        // nil: nothing is drafted
	model                string // path; "": none
	devices              []string
}

// usedBy are the flags that a kind has a use for, beside spec itself.
func usedBy(kind string) []string {
	at := slices.IndexFunc(engine.DraftKinds(), func(k engine.DraftKind) bool { return k.Name == kind })
	if at < 0 {
		return nil
	}
	used := []string{"draft-max", "spec-synth-rates", "spec-synth-len"}
	k := engine.DraftKinds()[at]
	if k.NeedsModel {
		used = append(used, "draft-model", "draft-devices")
	}
	if k.TakesMin {
		used = append(used, "draft-min")
	}
	if k.TakesPMin {
		used = append(used, "draft-p-min")
	}
	return used
}

// specFlagNames are all but spec itself.
func specFlagNames() (names []string) {
	for _, f := range specFlags()[1:] {
		names = append(names, f.Names()[0])
	}
	return names
}

// readSpeculation reads specFlags. Flags that the kind has no use for are not looked
// at: see checkSpecFlags.
func readSpeculation(c *cli.Command) (s speculation, err error) {
	kind := c.String("spec")
	at := slices.IndexFunc(engine.DraftKinds(), func(k engine.DraftKind) bool { return k.Name == kind })
	if at < 0 {
		return s, nil
	}
	k := engine.DraftKinds()[at]
	s.SpecSettings = &result.SpecSettings{Kind: kind, DraftMax: cmp.Or(c.Int("draft-max"), k.Max)}
	if k.NeedsModel {
		if s.model, s.devices = c.String("draft-model"), c.StringSlice("draft-devices"); s.model == "" {
			return s, usagef("--spec %s without a model that drafts; name one with --draft-model", kind)
		}
		info, err := os.Stat(s.model)
		if err != nil || !info.Mode().IsRegular() {
			return s, usagef("--draft-model %q is no file; name a GGUF file", s.model)
		}
		s.DraftModel, s.DraftModelBytes = filepath.Base(s.model), info.Size()
	}
	if k.TakesPMin {
		s.DraftPMin = c.Float("draft-p-min")
	}
	if err := s.readSynthetic(c); err != nil {
		return s, err
	}
	if k.TakesMin {
		if s.DraftMin = c.Int("draft-min"); !c.IsSet("draft-min") {
			s.DraftMin = min(k.Min, s.DraftMax)
		}
		if s.DraftMin > s.DraftMax {
			return s, usagef("--draft-min %d is more than the %d drafts that there are at most; lower it, or raise --draft-max", s.DraftMin, s.DraftMax)
		}
	}
	return s, nil
}

// readSynthetic reads how acceptance is drawn. Rates without --draft-max say how many
// drafts there are.
func (s *speculation) readSynthetic(c *cli.Command) error {
	rates, _ := parseRates(c.String("spec-synth-rates")) // the flag's validator has seen them
	length := c.Float("spec-synth-len")
	switch {
	case rates != nil && c.IsSet("spec-synth-len"):
		return usagef("--spec-synth-rates and --spec-synth-len say the same in two ways; leave one of them away")
	case rates != nil && !c.IsSet("draft-max"):
		s.DraftMax = len(rates)
	case rates != nil && len(rates) != s.DraftMax:
		return usagef("--spec-synth-rates has %d rates for %d drafts; give one for each, or leave --draft-max away", len(rates), s.DraftMax)
	case c.IsSet("spec-synth-len"):
		var err error
		if rates, err = bench.SynthRates(length, s.DraftMax); err != nil {
			return usagef("--spec-synth-len: %w", err)
		}
	}
	s.Synthetic, s.SynthRates = rates != nil, rates
	return nil
}

// checkSpecFlags tells of each flag that no scenario has a use for, and of each setting
// of a scenario's own that it has none for.
func (s *settings) checkSpecFlags(c *cli.Command) error {
	var errs []error
	used := map[string]bool{} // flags of the command line
	for i, sc := range s.suite.Scenarios {
		uses := usedBy(s.points[s.pointOf[i]].spec.kind())
		for _, name := range specFlagNames() {
			own := slices.ContainsFunc(sc.Settings, func(x result.Setting) bool { return x.Name == name })
			used[name] = used[name] || !own && slices.Contains(uses, name)
			if own && !slices.Contains(uses, name) {
				errs = append(errs, fmt.Errorf("scenario %q: %s has no use where spec is %s; leave it away", sc.Name, name, s.points[s.pointOf[i]].spec.kind()))
			}
		}
	}
	for _, name := range specFlagNames() {
		if c.IsSet(name) && !used[name] {
			errs = append(errs, fmt.Errorf("--%s has no use with --spec %s; leave it away, or use another --spec", name, cmp.Or(c.String("spec"), specNone)))
		}
	}
	if len(errs) > 0 {
		return codedError{exitUsage, errors.Join(errs...)}
	}
	return nil
}

func (s *speculation) kind() string {
	if s.SpecSettings == nil {
		return specNone
	}
	return s.Kind
}

// mark is what the names of scenarios begin with whose acceptance is drawn, "" of others.
func (s *speculation) mark() string {
	if s.SpecSettings == nil || !s.Synthetic {
		return ""
	}
	return result.SyntheticMark
}

// markSynthetic names the scenarios whose acceptance is drawn as such, so that no table
// and no file has their figures without that.
func markSynthetic(c *cli.Command, list []result.Scenario) []result.Scenario {
	list = slices.Clone(list)
	for i := range list {
		p, err := withSettings(c, list[i].Settings)
		if err == nil { // errors are told where all are
			list[i].Name = p.spec.mark() + list[i].Name
		}
	}
	return list
}

// native says to the engine what is drafted, with the model that drafts, nil for none.
func (s *speculation) native(draft *engine.Model) *engine.Drafting {
	if s.SpecSettings == nil {
		return nil
	}
	return &engine.Drafting{Kind: s.Kind, Draft: draft, Max: s.DraftMax, Min: s.DraftMin, PMin: s.DraftPMin}
}

// draftLoad is where the draft model goes: whole onto its devices, or those of the
// model.
func (s *engineSettings) draftLoad() engine.LoadOptions {
	load := engine.LoadOptions{Devices: s.load.Devices, SplitMode: engine.SplitModes()[0], GPULayers: -1, LoadMode: s.load.LoadMode}
	if len(s.spec.devices) > 0 {
		load.Devices = s.spec.devices
	}
	return load
}

// drafter is the model that drafts, with its file and devices.
type drafter struct {
	model *engine.Model // nil: none
	from  string
}

// of is the draft model of the settings, which is loaded where it is not; nil where
// they have none. One of other settings is closed for it.
func (d *drafter) of(ctx context.Context, s *engineSettings) (*engine.Model, error) {
	if s.spec.model == "" {
		return nil, nil
	}
	from := fmt.Sprint(s.spec.model, s.draftLoad().Devices)
	if d.model != nil && d.from == from {
		return d.model, nil
	}
	if err := d.close(); err != nil {
		return nil, err
	}
	model, err := engine.Load(ctx, s.spec.model, s.draftLoad())
	if err != nil {
		return nil, fmt.Errorf("draft model: %w", err)
	}
	d.model, d.from = model, from
	return model, nil
}

func (d *drafter) close() error {
	if d.model == nil {
		return nil
	}
	err := d.model.Close()
	d.model = nil
	return err
}
