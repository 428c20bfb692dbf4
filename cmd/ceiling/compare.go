package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/urfave/cli/v3"

	"ceiling/report/compare"
	"ceiling/report/render"
)

func compareCommand() *cli.Command {
	return &cli.Command{
		Name:      "compare",
		Usage:     "set runs side by side: this program's, and result files of other tools",
		ArgsUsage: "A B [C…]",
		Description: "A, B, … are folders of runs or result files; what wrote them is found from the content. The first is\n" +
			"the base. Scenarios are matched by their load, not by their name.\n\n" +
			"--fail-if makes a gate of it: '[SCENARIOS:] FIGURE >|>=|<|<= LIMIT', for example\n" +
			"  --fail-if 'tpot_mean > 1.05x'                    a ratio to the base, in any scenario\n" +
			"  --fail-if 'c=8: ttft_p99 > 800ms'                a value, in ms, s, tok/s or req/s\n" +
			"  --fail-if 'c=8, in=1024: output_throughput < 0.95x'\n" +
			"  --fail-if 'name=\"Chat: short\": request_throughput < 1.2req/s'\n" +
			"  --fail-if 'ttft_mean > 1.05x significantly'      only where the difference is more than noise, too\n" +
			"  --fail-if 'failed > 0%'                          the share of requests that failed\n" +
			"\nSCENARIOS are picked by c (concurrency), in, out (tokens), n (prompts) and name, in quotes where it has : or ,.\n" +
			"A violated rule is a line on stderr and exit code 3. A rule that picks no scenario, or whose figure is missing\n" +
			"in one, is an error, code 1, and so is one over a scenario whose output is wrong, or that asks for\n" +
			"significance where there is one pass a side. Requests that failed, and verdicts below valid, are told beside\n" +
			"the rules.",
		Flags: append(outFlags(&cli.StringFlag{Usage: "write to `FILE` instead of stdout; FILE.html is a page with charts"}),
			&cli.StringSliceFlag{Name: "fail-if", Usage: "fail when `RULE` holds; may be given several times"},
			choice("assume", "what the tests take for granted of the noise", []string{string(compare.Nothing), string(compare.Normal)}),
			&cli.StringFlag{Name: "equal-within", Usage: "also test whether figures are the same within `SHARE`, such as 2%", Validator: func(text string) error {
				_, err := parseMargin(text)
				return err
			}},
			jsonFlag(),
		),
		// A rule may hold commas.
		DisableSliceFlagSeparator: true,
		Action:                    compareAction,
	}
}

func compareAction(_ context.Context, c *cli.Command) error {
	if c.Args().Len() < 2 {
		return usagef("%d arguments; name two or more folders of runs or result files", c.Args().Len())
	}
	rules, err := readRules(c.StringSlice("fail-if"))
	if err != nil {
		return err
	}
	out := readOutput(c, "")
	as, err := formOfFile(c, out)
	if err != nil {
		return err
	}
	if err := out.check(); err != nil {
		return err
	}
	runs, err := render.Open(c.Args().Slice())
	if err != nil {
		return err
	}
	margin, _ := parseMargin(c.String("equal-within")) // the flag's validator has seen it
	result, err := compare.Compare(runs, compare.ComparisonOptions{Assume: compare.Assumption(c.String("assume")), EqualWithin: margin})
	if err != nil {
		return err
	}
	gate := result.Gate(rules)
	printNotes(c, gate.Notices)
	if err := writeComparison(c, as, out, result, gate); err != nil {
		return err
	}
	return gateError(gate)
}

// parseMargin reads "2%" as 0.02, "" as 0.
func parseMargin(text string) (float64, error) {
	if text == "" {
		return 0, nil
	}
	number, ok := strings.CutSuffix(text, "%")
	v, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if !ok || err != nil || !(v > 0 && v <= mostMargin) {
		return 0, fmt.Errorf("%q is no margin: write a share above 0%% and up to %d%%, such as 2%%", text, mostMargin)
	}
	return v / 100, nil
}

// mostMargin is the largest margin of --equal-within, in percent: beyond it
// nothing is the same in any sense.
const mostMargin = 50

// readRules reports all mistakes at once.
func readRules(texts []string) ([]compare.Rule, error) {
	var rules []compare.Rule
	var errs []error
	for _, text := range texts {
		r, err := compare.ParseRule(text)
		if err != nil {
			errs = append(errs, err)
		}
		rules = append(rules, r)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, codedError{exitUsage, err}
	}
	return rules, nil
}

// formOfFile says whether --out asks for a page: every other name holds
// Markdown, or JSON where that is asked for.
func formOfFile(c *cli.Command, out output) (form, error) {
	as, err := formOf(out)
	switch {
	case err == nil && as == inHTML && c.Bool("json"):
		return 0, usagef("--json and --out %q: the page is no JSON; leave one of them out", out.path)
	case err == nil && as == inFolder:
		return 0, usagef("--out %q is a folder; name a file, or use `ceiling report` for all files at once", out.path)
	case err == nil && as == inHTML:
		return inHTML, nil
	}
	return inMarkdown, nil
}

func writeComparison(c *cli.Command, as form, out output, result *compare.Comparison, gate compare.GateOutcome) error {
	if as == inHTML || !c.Bool("json") {
		return put(c, render.Comparison(result), as, out)
	}
	var b bytes.Buffer
	if err := writeJSON(&b, struct {
		*compare.Comparison
		Gate compare.GateOutcome `json:"gate"`
	}{result, gate}); err != nil {
		return err
	}
	return out.write(c.Root().Writer, b.Bytes())
}

// gateError turns what the gate found into the exit code. A rule that could
// not be judged outweighs those that were violated: the gate is broken.
func gateError(gate compare.GateOutcome) error {
	lines := append(append([]string(nil), gate.Violations...), gate.Errors...)
	switch {
	case len(gate.Errors) > 0:
		return errors.New(strings.Join(lines, "\n"))
	case len(lines) > 0:
		return codedError{exitInvalid, errors.New(strings.Join(lines, "\n"))}
	}
	return nil
}
