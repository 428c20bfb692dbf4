package main

import (
	"context"
	"errors"
	"io/fs"
	"time"

	"github.com/urfave/cli/v3"

	"ceiling/engine"
	"ceiling/kernels"
	"ceiling/kernels/shape"
)

func ceilingsFlag(usage string) cli.Flag {
	return &cli.StringFlag{Name: "ceilings", Value: ceilingsPath, Usage: "`FILE`: " + usage}
}

// findCeilings takes the machine's limits, measured now or read, for the model's
// least times. Without them the run is the same, and its report has no section
// about them.
func (r *runner) findCeilings(ctx context.Context, model *engine.Model) error {
	found, from, err := r.ceilingsOfRun(ctx)
	if found == nil || err != nil {
		return err
	}
	roofs, err := r.roofsOf(found)
	if err != nil {
		r.show.line("note: no limits are computed: %v", err)
		return nil
	}
	load, err := shape.Of(model.File(), r.session.KVType)
	if err != nil {
		r.show.line("note: no limits are computed: %v", err)
		return nil
	}
	load.HostLogits = !r.session.Greedy
	r.limits = &kernels.Used{Roofs: roofs.For(load), Load: *load, From: from, Date: found.Date}
	r.opener.warmed = func(s *engine.Session) { setNodes(&r.limits.Load, s) }
	return nil
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
