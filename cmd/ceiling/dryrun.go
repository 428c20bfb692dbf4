package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v3"

	"ceiling/bench"
	"ceiling/engine"
	"ceiling/internal/figure"
)

// plannedScenario is a scenario of the plan.
type plannedScenario struct {
	Name        string        `json:"name"`
	Input       int           `json:"input_len"`
	Output      int           `json:"output_len"`
	Concurrency int           `json:"concurrency"`
	Prompts     int           `json:"num_prompts"`
	Passes      int           `json:"passes"`
	Tokens      int64         `json:"tokens"` // of all passes
	Memory      []engine.Need `json:"memory"`
	Seconds     *float64      `json:"seconds"`         // of all passes; null: not known
	Refused     string        `json:"error,omitempty"` // why it can't run
}

// runPlan is what would run.
type runPlan struct {
	Suite     string            `json:"suite"`
	Scenarios []plannedScenario `json:"scenarios"`
	Tokens    int64             `json:"tokens"`
	Processes int               `json:"processes"`
	Loads     int               `json:"loads"`
	Seconds   float64           `json:"seconds"` // of the scenarios whose time is known
	Unknown   int               `json:"scenarios_without_time"`
	Steps     int               `json:"probing_steps"`
	Undrafted bool              `json:"drafts_left_out,omitempty"` // of the times: some scenarios speculate
}

// dryRun prints what would run. It writes no file.
func (r *runner) dryRun(ctx context.Context, c *cli.Command) error {
	if r.earlier != nil {
		return usagef("--dry-run with --resume %q: what is left of a run is told when it goes on; leave one of them away", r.out)
	}
	if err := r.beginProcess(); err != nil {
		return err
	}
	r.watch(c)
	r.dog.giveUp = func(reason error) int {
		printError(c.Root().ErrWriter, reason)
		return exitFailed
	}
	defer r.dog.start(ctx)()
	if err := r.dog.during("asking for devices", 0, r.initEngine); err != nil {
		return err
	}
	model, err := r.prepare(ctx)
	if err != nil {
		return err
	}
	defer r.opener.close()
	cfg := r.plan(model)
	cfg.Opener = r.opener
	r.show.update("probing", 0, "")
	var probe bench.Probe
	err = r.dog.during("probing", 0, func() (err error) {
		probe, err = bench.RunProbe(ctx, cfg)
		return err
	})
	r.show.clear()
	if err != nil {
		return err
	}
	p := r.planned(&cfg, probe)
	if r.json {
		return writeJSON(c.Root().Writer, p)
	}
	_, err = io.WriteString(c.Root().Writer, p.text())
	return err
}

// planned puts together what is known of the run.
func (r *runner) planned(cfg *bench.Config, probe bench.Probe) runPlan {
	p := runPlan{Suite: r.suite.Name, Processes: r.suite.Processes(), Steps: probe.Steps}
	loads := map[[2]int]bool{}
	for i, sc := range r.suite.Scenarios {
		input, output := sc.Tokens()
		s := plannedScenario{Name: sc.Name, Concurrency: sc.Concurrency, Prompts: sc.Requests(), Passes: sc.Passes(),
			// The means, where a dataset says the lengths.
			Input: cmp.Or(sc.Input, int(input)/sc.Requests()), Output: cmp.Or(sc.Output, int(output)/sc.Requests()),
			Tokens: int64(sc.Passes()) * (input + output)}
		if spec, err := cfg.Session(i); err == nil {
			s.Memory = r.needs[spec]
			p.Undrafted = p.Undrafted || spec.Drafts > 0
		}
		if err := r.refused[i]; err != nil {
			s.Refused = err.Error()
		} else {
			p.Tokens += s.Tokens
			loads[[2]int{r.suite.Process(0, i), sc.Load}] = true
			if t := probe.Seconds[i] * float64(sc.Passes()); math.IsNaN(t) {
				p.Unknown++
			} else {
				s.Seconds = &t
				p.Seconds += t
			}
		}
		p.Scenarios = append(p.Scenarios, s)
	}
	p.Loads = len(loads)
	return p
}

// text is the plan as a table, with what can't run behind it.
func (p *runPlan) text() string {
	rows := [][]string{{"SCENARIO", "INPUT", "OUTPUT", "CONCURRENCY", "PROMPTS", "PASSES", "TOKENS", "MEMORY", "TIME"}}
	var refused strings.Builder
	for _, s := range p.Scenarios {
		took := figure.Missing
		if s.Seconds != nil {
			took = left(time.Duration(*s.Seconds * float64(time.Second)))
		}
		if s.Refused != "" {
			took = "can't run"
			fmt.Fprintf(&refused, "%s can't run: %s\n", s.Name, s.Refused)
		}
		rows = append(rows, []string{s.Name, strconv.Itoa(s.Input), strconv.Itoa(s.Output), strconv.Itoa(s.Concurrency), strconv.Itoa(s.Prompts),
			strconv.Itoa(s.Passes), figure.Grouped(s.Tokens), memoryText(s.Memory), took})
	}
	text := figure.Table(rows) + refused.String()
	about := "about " + left(time.Duration(p.Seconds*float64(time.Second)))
	if p.Unknown > 0 {
		about += fmt.Sprintf(" without the %d scenarios whose time is not known", p.Unknown)
	}
	out := "warm-up"
	if p.Undrafted {
		out += " and drafts"
	}
	return text + fmt.Sprintf("%s tokens in %s and %s; %s by %d probing steps on an empty context, %s left out: long contexts take longer\n",
		figure.Grouped(p.Tokens), figure.Plural(p.Processes, "process", "processes"), figure.Plural(p.Loads, "load of the model", "loads of the model"), about, p.Steps, out)
}

// memoryText is what each device would hold, "—" where that is not known.
func memoryText(list []engine.Need) string {
	var parts []string
	for _, n := range list {
		parts = append(parts, n.Device+" "+figure.Size(int64(n.Sum())))
	}
	return figure.OrMissing(strings.Join(parts, ", "))
}
