package main

import (
	"os"
	"time"

	"github.com/urfave/cli/v3"

	"ceiling/bench/result"
	"ceiling/bench/suite"
)

// settings are the flags of a run, checked as far as that needs no engine.
type settings struct {
	model   string
	cache   string // of converted checkpoints
	round   bool   // scales of a checkpoint that float16 can't hold
	suite   result.Suite
	texts   suite.Datasets // of the suite; nil before the model's vocabulary is known
	out     string
	earlier *earlierRun // that is gone on with; nil: a new run
	sysroot string
	prose   string      // a word of --prose
	slo     *result.SLO // what counts as interactive; nil: by the run's own best
	noHash  bool
	// roofline: the machine's limits are measured before the suite; ceilings is
	// the file that they are read from without it, namedCeilings that it was asked
	// for by name.
	roofline      bool
	ceilings      string
	namedCeilings bool
	json          bool
	strict        bool
	maxTime       time.Duration // 0: none
	rpc           []string

	seed        uint64
	prefixCache bool
	cacheTokens int // KV cells of kept prompts; 0: without --prefix-cache
	telemetryHz float64
	proseLimit  time.Duration
	check       string // a word of --check

	// convertedFrom is the checkpoint that model was made from; nil: none.
	convertedFrom *result.CheckpointInfo

	engineSettings // of the flags
	// tuning is the plan of a search for settings; nil: it is none.
	tuning *result.TuningPlan
	// settingsFile is where flags were taken from; nil: none.
	settingsFile *result.SettingsFile
	// points are all settings that scenarios run with, and pointOf which of them
	// each scenario has.
	points  []engineSettings
	pointOf []int
	// environ is the environment that the process began with.
	environ []string
}

func readSettings(c *cli.Command, earlier *earlierRun) (settings, error) {
	s, err := readCommon(c, earlier)
	if err != nil {
		return s, err
	}
	if err := s.readPlan(c); err != nil {
		return s, err
	}
	return s, s.readPoints(c)
}

// readCommon reads all but what is run.
func readCommon(c *cli.Command, earlier *earlierRun) (settings, error) {
	s := settings{
		earlier: earlier,
		model:   c.String("model"), cache: c.String("cache"), round: c.Bool("allow-rounding"), out: c.String("out"), sysroot: c.String("sysroot"),
		slo: slo(c), noHash: c.Bool("no-hash"), json: c.Bool("json"), strict: c.Bool("strict"), rpc: c.StringSlice("rpc"),
		roofline: c.Bool("roofline"), ceilings: c.String("ceilings"), namedCeilings: c.IsSet("ceilings"),
		seed: c.Uint64("seed"), prefixCache: c.Bool("prefix-cache"), cacheTokens: c.Int("cache-tokens"),
		telemetryHz: c.Float("telemetry-hz"), proseLimit: c.Duration("prose-limit"), environ: os.Environ(),
	}
	if earlier != nil {
		earlier.processes = c.Int(nextProcess)
	}
	var err error
	if s.engineSettings, err = readEngineSettings(c); err != nil {
		return s, err
	}
	return s, s.readWords(c)
}

// resumeIn puts files where those of the run that is gone on with lie; "": it is
// a new one.
func (s *settings) resumeIn(dir string) error {
	if dir == "" {
		return nil
	}
	if s.out != "" && s.out != dir {
		return usagef("--out %q and --resume %q name two folders; leave --out away", s.out, dir)
	}
	s.out = dir
	return nil
}

// readPlan reads what is run and where its files go. The model's path must be
// known.
func (s *settings) readPlan(c *cli.Command) error {
	if err := s.resumeIn(c.String("resume")); err != nil {
		return err
	}
	s.maxTime = c.Duration("max-time")
	if s.earlier != nil && !c.IsSet("suite") && !c.IsSet("sweep") && !c.IsSet("only") {
		s.suite = s.earlier.manifest.Suite
		if c.IsSet("retry") {
			s.suite.Retry = c.Int("retry")
		}
		return s.samePlan()
	}
	var err error
	if s.suite, err = findSuite(c, c.String("suite")); err != nil {
		return err
	}
	if n := c.Int("repeat"); n > 0 {
		s.suite = s.suite.WithRepeat(n)
	}
	if n := c.Int("repeat-process"); n > 0 {
		if each := s.suite.Passes(); n*each > result.MaxRepeat {
			return usagef("--repeat-process %d of %d passes each are more than %d passes; use fewer", n, each, result.MaxRepeat)
		}
		s.suite = s.suite.WithProcesses(n)
	}
	s.suite.Retry = c.Int("retry")
	s.suite.Scenarios = markSynthetic(c, s.suite.Scenarios)
	return s.samePlan()
}

// samePlan tells early what can be told of another run without an engine.
func (s *settings) samePlan() error {
	if s.earlier == nil {
		return nil
	}
	return s.earlier.sameRun(&result.Manifest{Suite: s.suite, Seed: s.seed}, "suite", "seed")
}

// readWords reads the flags that take one of a few words.
func (s *settings) readWords(c *cli.Command) error {
	if s.cacheTokens > 0 && !s.prefixCache {
		return usagef("--cache-tokens %d without --prefix-cache: nothing is kept; use both or none", s.cacheTokens)
	}
	s.prose, s.check = c.String("prose"), c.String("check")
	return nil
}
