package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/urfave/cli/v3"

	"ceiling/bench/result"
	"ceiling/engine"
	"ceiling/internal/figure"
	"ceiling/kernels"
	"ceiling/kernels/shape"
)

func ceilingsFlag(usage string) cli.Flag {
	return &cli.StringFlag{Name: "ceilings", Value: ceilingsPath, Usage: "`FILE`: " + usage}
}

// findCeilings takes the machine's limits, measured now or read, for the model's
// least times, and with the settings that scenarios have for themselves those of each, once
// a session has them. Without them the run is the same, and its report has no section
// about them.
func (r *runner) findCeilings(ctx context.Context) error {
	found, from, err := r.ceilingsOfRun(ctx)
	if found == nil || err != nil {
		return err
	}
	if r.limits, err = r.limitsWith(found, from, r.session); err != nil {
		r.show.line("note: no limits are computed: %v", err)
		return nil
	}
	if err := r.earlierLimits(); err != nil {
		return err
	}
	// Where the model lies is the first scenario's until another one loads it again.
	r.opener.warmed = func(p *engineSettings, s *engine.Session) {
		with, err := r.limitsWith(found, from, p.session)
		if err == nil {
			setNodes(&with.Load, s)
		}
		r.limits.SetOwn(result.OwnLimits(p.own), with, err)
	}
	return nil
}

// earlierLimits takes over what an earlier part of the run found out with its
// sessions.
func (r *runner) earlierLimits() error {
	if r.earlier == nil {
		return nil
	}
	saved, err := r.earlier.results()
	if err != nil || saved == nil || saved.Ceilings == nil {
		return err
	}
	*r.limits = *saved.Ceilings
	return nil
}

// limitsWith are the limits of the model as it is loaded now, in sessions with
// these options.
func (r *runner) limitsWith(found *kernels.Ceilings, from string, session engine.SessionOptions) (*kernels.Used, error) {
	if then := found.Machine.Threads; then != session.Threads {
		return nil, fmt.Errorf("the machine was measured with %s", figure.Count(then, "thread"))
	}
	roofs, err := r.roofsOf(found)
	if err != nil {
		return nil, err
	}
	load, err := shape.Of(r.opener.model.File(), session.KVType)
	if err != nil {
		return nil, err
	}
	load.HostLogits = !session.Greedy
	return &kernels.Used{Roofs: roofs.For(load), Load: *load, From: from, Date: found.Date}, nil
}

// ceilingsOfRun measures, or reads a file that is of this machine; nil where
// there is none.
func (r *runner) ceilingsOfRun(ctx context.Context) (found *kernels.Ceilings, from string, err error) {
	if r.roofline {
		err = r.dog.during("measuring the machine", 0, func() (err error) {
			found, err = measureCeilings(ctx, r.session.Threads, quickLimit, nil, r.show)
			return err
		})
		if err == nil {
			err = saveCeilings(output{"ceilings", r.ceilings, true}, found)
		}
		return found, "measured before the run", err
	}
	found, err = kernels.ReadCeilings(r.ceilings)
	switch {
	case errors.Is(err, fs.ErrNotExist) && !r.namedCeilings:
		return nil, "", nil
	case err != nil:
		return nil, "", err
	}
	if err := found.Fits(thisMachine(r.session.Threads), time.Now()); err != nil {
		r.show.line("note: %s is not used: %v; `ceiling roofline` measures anew", r.ceilings, err)
		return nil, "", nil
	}
	return found, r.ceilings, nil
}

// errNoCardRoofs: the model lies on devices that no probe has measured.
var errNoCardRoofs = errors.New("the model lies on devices that were not measured")

// roofsOf are the limits of the devices that the model lies on.
func (r *runner) roofsOf(found *kernels.Ceilings) (kernels.Roofs, error) {
	cards := 0
	for _, d := range r.used {
		if d.Type != engine.DeviceCPU {
			cards++
		}
	}
	switch {
	case cards == 0:
		return found.CPURoofs()
	case cards != len(r.used):
		return kernels.Roofs{}, errNoCardRoofs
	}
	roofs, err := found.CardRoofs(cards, r.split.Mode == "tensor")
	if errors.Is(err, kernels.ErrNoRoofs) {
		err = errNoCardRoofs
	}
	return roofs, err
}
