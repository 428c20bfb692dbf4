package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"ceiling/internal/figure"
	"ceiling/internal/oneline"
	"ceiling/kernels"
)

// machineLimits are the limits of a suite's scenarios on one machine.
type machineLimits struct {
	Machine   string          `json:"machine"`
	Scenarios []scenarioLimit `json:"scenarios"`
}

// scenarioLimit is the least time of a decode step of all sequences at half the
// output, and of one prompt.
type scenarioLimit struct {
	Name        string        `json:"name"`
	Concurrency int           `json:"concurrency"`
	Input       int           `json:"input"`
	Output      int           `json:"output"`
	Decode      kernels.Limit `json:"decode"`
	TPOT        float64       `json:"tpot_s"`
	DecodeBound string        `json:"decode_bound"`
	Prompt      kernels.Limit `json:"prompt"`
	PromptRate  float64       `json:"prefill_tok_s"`
	PromptBound string        `json:"prefill_bound"`
}

// computeLimits fills in the limits of the suite.
func (r *roofline) computeLimits() {
	if r.Load == nil {
		return
	}
	for i := range r.Machines {
		m := &r.Machines[i]
		list := machineLimits{Machine: m.Name}
		for _, sc := range r.suite.Scenarios {
			if sc.FileLengths() || sc.Output == 0 {
				continue // only a model's tokeniser knows its lengths
			}
			s := scenarioLimit{Name: sc.Name, Concurrency: sc.Concurrency, Input: sc.Input, Output: sc.Output}
			s.Decode, s.Prompt = m.Limits(r.Load, kernels.WorkShape{Input: sc.Input, Output: sc.Output, Concurrency: sc.Concurrency, UBatch: r.ubatch})
			s.TPOT, s.DecodeBound = s.Decode.Total(), s.Decode.Bound()
			s.PromptRate, s.PromptBound = float64(sc.Input)/s.Prompt.Total(), s.Prompt.Bound()
			list.Scenarios = append(list.Scenarios, s)
		}
		r.Limits = append(r.Limits, list)
	}
}

// print writes the tables.
func (r *roofline) print(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	if r.Ceilings != nil {
		printMeasurements(w, r.Ceilings.Measurements)
	}
	for i, list := range r.Limits {
		printLimits(w, list)
		if r.Ceilings == nil {
			printSources(w, &r.Machines[i])
		}
	}
	if r.Load != nil && len(r.Limits) > 0 {
		fmt.Fprintf(w, "\n%s: %.2f GB of weights a step, %.0f B of KV a token, %d nodes a graph (%s)\n",
			r.Load.Model, r.Load.WeightBytes()/1e9, r.Load.KVBytes, r.Load.Nodes, r.Load.NodesSource)
	}
	if r.Ceilings == nil && r.Load == nil {
		for i := range r.Machines {
			printSources(w, &r.Machines[i])
		}
	}
	if r.Ops != nil {
		r.Ops.print(w, r.Machines)
	}
	return w.Flush()
}

func printMeasurements(w io.Writer, list []kernels.Measurement) {
	fmt.Fprintln(w, "PROBE\tVARIANT\tMEDIAN\t95 % OF THE MEDIAN\tBEST\tPEAK AT CLOCK\tNOMINAL PEAK\tSHARE\tCLOCK\tPOWER\tVERDICT")
	for _, m := range list {
		fmt.Fprintf(w, "%s\t%s\t", m.Probe, figure.OrMissing(strings.TrimSpace(m.Variant+devicesText(m.Devices))))
		if s := m.Summary; s != nil {
			fmt.Fprintf(w, "%s\t%s\t%s\t", m.Unit.Format(s.Median), interval(m.Unit, s), m.Unit.Format(s.Best))
		} else {
			fmt.Fprint(w, "—\t—\t—\t")
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", inUnit(m.Unit, m.PeakAtClock), inUnit(m.Unit, m.Peak), shareOfPeak(m),
			scaled(m.ClockHz, 1e-6, "%.0f MHz"), scaled(m.PowerW, 1, "%.0f W"), verdictText(m))
	}
}

// devicesText says which cards a measurement is of; "" for the CPU.
func devicesText(devices []int) string {
	switch len(devices) {
	case 0:
		return ""
	case 1:
		return fmt.Sprintf(" (card %d)", devices[0])
	}
	return fmt.Sprintf(" (cards %s at once)", strings.Trim(fmt.Sprint(devices), "[]"))
}

func interval(u kernels.Unit, s *kernels.SampleSummary) string {
	if s.Low == nil || s.High == nil {
		return figure.Missing
	}
	return u.Format(*s.Low) + " – " + u.Format(*s.High)
}

func inUnit(u kernels.Unit, v *float64) string {
	if v == nil {
		return figure.Missing
	}
	return u.Format(*v)
}

// scaled prints v·by, and a missing one as such.
func scaled(v *float64, by float64, format string) string {
	if v == nil {
		return figure.Missing
	}
	return fmt.Sprintf(format, *v*by)
}

// shareOfPeak is the median's share of the peak at the clock, or else of the
// nominal one.
func shareOfPeak(m kernels.Measurement) string {
	peak := m.PeakAtClock
	if peak == nil {
		peak = m.Peak
	}
	if peak == nil || m.Summary == nil || *peak <= 0 {
		return figure.Missing
	}
	return fmt.Sprintf("%.0f %%", 100*m.Summary.Median / *peak)
}

func verdictText(m kernels.Measurement) string {
	if m.Reason == "" {
		return string(m.Verdict)
	}
	return fmt.Sprintf("%s: %s", m.Verdict, oneline.Of(m.Reason))
}

func printLimits(w io.Writer, list machineLimits) {
	fmt.Fprintf(w, "\nLIMITS ON %s\tUSERS\tTPOT\tTOK/S A USER\tTOK/S\tBOUND BY\tMEMORY\tCOMPUTE\tLINK\tLAUNCH\tPREFILL\tBOUND BY\n", list.Machine)
	for _, s := range list.Scenarios {
		d := s.Decode
		fmt.Fprintf(w, "%s\t%d\t%s\t%.1f\t%.1f\t%s\t%s\t%s\t%s\t%s\t%.0f tok/s\t%s\n", oneline.Of(s.Name), s.Concurrency,
			ms(s.TPOT), 1/s.TPOT, float64(s.Concurrency)/s.TPOT, s.DecodeBound, ms(d.Memory), ms(d.Compute), ms(d.Link), ms(d.Launch), s.PromptRate, s.PromptBound)
	}
}

func ms(seconds float64) string { return fmt.Sprintf("%.2f ms", 1e3*seconds) }

func printSources(w io.Writer, r *kernels.Roofs) {
	fmt.Fprintf(w, "\n%s: SOURCES\tVALUE\tFROM\n", r.Name)
	for _, s := range r.Sources {
		fmt.Fprintf(w, "%s\t%s\t%s\n", oneline.Of(s.What), oneline.Of(s.Value), oneline.Of(s.From))
	}
}
