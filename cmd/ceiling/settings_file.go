package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v3"

	"ceiling/bench/result"
	"ceiling/bench/suite"
	"ceiling/internal/outfile"
)

// settingsFlag takes a file of the engine's settings.
func settingsFlag() cli.Flag {
	return &cli.StringFlag{Name: "settings", Usage: "take the engine's settings from `FILE`, as `ceiling tune` writes one (tuned.yaml); a flag beside it goes before"}
}

// takeSettings gives the flags that don't stand on the command line the values of
// the file that --settings names; nil: none does. A run that goes on has those that
// it began with.
func takeSettings(c *cli.Command, earlier *earlierRun) (*result.SettingsFile, error) {
	path := c.String("settings")
	var f result.SettingsFile
	switch {
	case path != "":
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, usagef("--settings %q: %w; name a file as `ceiling tune` writes one", path, outfile.Cause(err))
		}
		if f, err = suite.ParseSettings(filepath.Base(path), text); err != nil {
			return nil, codedError{exitUsage, err}
		}
	case earlier != nil && earlier.manifest.Engine.Settings != nil:
		f = *earlier.manifest.Engine.Settings
		f.Notes = nil
	default:
		return nil, nil
	}
	return &f, applySettings(c, &f)
}

// applySettings sets the flags, or says of all values that are none why.
func applySettings(c *cli.Command, f *result.SettingsFile) error {
	var errs []error
	for _, x := range f.Settings {
		if _, err := withSettings(c, []result.Setting{x}); err != nil {
			errs = append(errs, fmt.Errorf("--settings %q: %s: %w", f.File, x.Name, err))
		}
	}
	if errs != nil {
		return codedError{exitUsage, errors.Join(errs...)}
	}
	for _, x := range f.Settings {
		if c.IsSet(x.Name) {
			f.Notes = append(f.Notes, fmt.Sprintf("--%s stands on the command line and goes before", x.Name))
			continue
		}
		errs = append(errs, c.Set(x.Name, settingFlag(x)))
	}
	return errors.Join(errs...)
}

// settingFlag is a setting's value as its flag takes it.
func settingFlag(x result.Setting) string {
	if x.Listed() {
		return strings.ReplaceAll(x.Value, "/", ",")
	}
	return x.Value
}

// noteSettings says where the file of settings was made for something else.
func (r *runner) noteSettings() {
	f := r.info.Settings
	if f == nil {
		return
	}
	note := func(what, then, now string) {
		if then != "" && now != "" && then != now {
			f.Notes = append(f.Notes, fmt.Sprintf("it was made for %s %q, and this is %q", what, then, now))
		}
	}
	if f.SHA256 != "" && r.info.ModelSHA256 != "" {
		note("the model with SHA-256", f.SHA256, r.info.ModelSHA256)
	} else {
		note("the model", f.Model, r.info.ModelFile)
	}
	note("the hardware", f.Hardware, ranOn(&r.system, r.used))
	note("the engine", f.Engine, engineRelease(&r.info))
	for _, n := range f.Notes {
		r.show.line("note: --settings %q: %s", f.File, n)
	}
}

// engineRelease is the engine with its release.
func engineRelease(e *result.EngineInfo) string { return strings.TrimSpace(e.Name + " " + e.Release) }
