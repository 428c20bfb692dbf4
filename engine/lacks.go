package engine

import (
	"errors"
	"fmt"
	"slices"

	"ceiling/engine/internal/llama"
	"ceiling/internal/figure"
)

// Refuse says of an option's value, both in the words of the command line, why the
// engine in use can't do what it asks for; nil: it can. llama.cpp can do all, and a
// second engine less.
func Refuse(option, value string) error { return refuse(llama.Library, option, value) }

func refuse(t llama.Traits, option, value string) error {
	for _, l := range t.Lacks {
		if l.Option == option && !slices.Contains(l.Takes, value) {
			return fmt.Errorf("--%s %s: the engine %s can't do that: %s", option, value, t.Name, l.Why)
		}
	}
	return nil
}

// FullWindow says that layers with a sliding window keep all positions, asked for or
// not.
func FullWindow() bool { return llama.Library.FullWindow }

// Together says that sessions which are opened one after the other find no room,
// where the engine gives the memory of none of them back: each list is what one of
// them needs, its model counted. One that finds none by itself is not among them.
func Together(sessions [][]Need) error {
	if !llama.Library.KeepsContexts {
		return nil
	}
	return together(llama.Library.Name, sessions)
}

func together(name string, sessions [][]Need) error {
	sum := map[string]Need{}
	var devices []string
	sessions = slices.DeleteFunc(sessions, func(list []Need) bool { return slices.ContainsFunc(list, Need.Lacks) })
	for _, list := range sessions {
		for _, n := range list {
			all, known := sum[n.Device]
			if !known {
				devices = append(devices, n.Device)
				all = Need{Device: n.Device, Model: n.Model, Free: n.Free, By: n.By}
			}
			all.Context += n.Context
			all.Compute += n.Compute
			sum[n.Device] = all
		}
	}
	var errs []error
	for _, d := range devices {
		if n := sum[d]; n.Lacks() {
			errs = append(errs, fmt.Errorf("%w: the engine %s can't free a context, and those of this suite, %d of different sizes, take %s on %s together with the model, of which %s is free%s; run fewer scenarios at a time (--only)",
				ErrOutOfMemory, name, len(sessions), figure.GiB(int64(n.Sum())), d, figure.GiB(int64(n.Free)), n.because()))
		}
	}
	return errors.Join(errs...)
}

// LogitsCopied is what it took that the engine hands out copies of whole rows of
// logits: the argmax counted.
type LogitsCopied struct {
	Rows        int64 // one for each sampled token
	Bytes       int64
	Seconds     float64
	StepSeconds float64 // of all steps, of which Seconds is a part
}

// Add counts another session's in.
func (c *LogitsCopied) Add(o LogitsCopied) {
	c.Rows += o.Rows
	c.Bytes += o.Bytes
	c.Seconds += o.Seconds
	c.StepSeconds += o.StepSeconds
}

// Copied is that of the session's steps up to now; zero where logits are read in
// place, or stay on the device.
func (s *Session) Copied() LogitsCopied {
	c := s.native.Copies()
	return LogitsCopied{int64(c.Rows), int64(c.Rows) * int64(s.vocab) * 4, c.Seconds, c.StepSeconds}
}
