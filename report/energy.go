package report

import (
	"ceiling/internal/figure"
	"ceiling/internal/machine"
	"ceiling/internal/oneline"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"ceiling/bench/result"
	"ceiling/report/doc"
)

// energySection is what the devices drew, one row per scenario and kind of
// device. nil where nothing was sampled: then the report has no such section.
// The reference has none.
func energySection(r *result.Run, all []scenario) []doc.Block {
	table := energyTable(all)
	if len(table.Rows) == 0 {
		return nil
	}
	notes := []string{"Power is sampled during the scenario, energy is of the time from its start to its last step. " +
		"J/token is energy / output tokens: the prompts' share is in it. GPUs and CPU are not added up: which of them can be read differs between machines."}
	notes = append(notes, energyMethods(all)...)
	if t := r.Telemetry; t != nil {
		notes = append(notes, samplingNote(t))
		if len(t.Notes) > 0 {
			notes = append(notes, "Not read: "+oneline.Of(strings.Join(t.Notes, "; "))+".")
		}
	}
	return []doc.Block{table, doc.Bullets(notes)}
}

func energyTable(all []scenario) *doc.Table {
	t := &doc.Table{Columns: slices.Concat(doc.Words("Scenario", "Measured on"), doc.Numbers("Mean power (W)", "Peak power (W)", "Energy (J)",
		"J/output token", "Output tok/s per kW", "Lowest clock (MHz)", "Highest temperature (°C)"))}
	for i := range all {
		d := all[i].detail
		if d == nil || d.Energy == nil {
			continue
		}
		for _, g := range d.Energy.Groups {
			t.Add(all[i].Name, g.Name, figure.Decimals(g.MeanW, 1), figure.Decimals(g.PeakW, 1), figure.Decimals(g.EnergyJ, 1), figure.Decimals(g.JPerToken, 3),
				figure.Decimals(g.TokPerSPerKW, 1), figure.Decimals(g.MinClockMHz, 0), figure.Decimals(g.MaxTempC, 0))
		}
	}
	return t
}

// energyMethods says how the energies came about.
func energyMethods(all []scenario) []string {
	have := map[string]bool{}
	for i := range all {
		if d := all[i].detail; d != nil && d.Energy != nil {
			for _, dev := range d.Energy.Devices {
				have[dev.Kind+" "+dev.Method] = true
			}
		}
	}
	var out []string
	if have[machine.EnergyGPU+" "+machine.EnergyByTrapezoid] {
		out = append(out, "GPU energy is the integral of the power that the card's firmware reports (trapezoidal rule).")
	}
	if have[machine.EnergyGPU+" "+machine.EnergyByCounter] {
		out = append(out, "GPU energy is the difference of the card's own energy counter (NVML).")
	}
	if share, compared := accumulators(all); compared > 0 {
		out = append(out, fmt.Sprintf("The integral of the power agrees with the cards' own energy accumulators within %s%% in %s.", figure.Decimals(&share, 1), figure.Count(compared, "comparison")))
	}
	if have[machine.EnergyCPU+" "+machine.EnergyByCounter] {
		out = append(out, "CPU energy is the difference of the package's own energy counter (RAPL): cores, caches and memory controller, without the memory.")
	}
	return out
}

// accumulators is by how many percent the integral of the power and the cards'
// own accumulators differ at most, where the energy was told, and how often they
// were compared.
func accumulators(all []scenario) (percent float64, compared int) {
	for i := range all {
		d := all[i].detail
		if d == nil || d.Energy == nil {
			continue
		}
		for _, dev := range d.Energy.Devices {
			if dev.AccumulatorRatio != nil && dev.EnergyJ != nil {
				compared++
				percent = max(percent, 100*math.Abs(*dev.AccumulatorRatio-1))
			}
		}
	}
	return percent, compared
}

// samplingNote says how often the devices were read and what that cost.
func samplingNote(t *machine.TelemetryInfo) string {
	note := fmt.Sprintf("%s sampled at %s Hz", figure.Count(len(t.Devices), "device"), strconv.FormatFloat(t.Hz, 'f', -1, 64))
	if t.AchievedHz != nil {
		note += fmt.Sprintf(" (%s reached)", figure.Decimals(t.AchievedHz, 1))
	}
	if t.CPUShare != nil {
		percent := 100 * *t.CPUShare
		note += fmt.Sprintf("; the sampler's thread took %s%% of one core", figure.Decimals(&percent, 2))
	}
	if t.ReadMeanS != nil && t.ReadMaxS != nil {
		mean, longest := 1000**t.ReadMeanS, 1000**t.ReadMaxS
		note += fmt.Sprintf(", a round of readings %s ms, at most %s ms", figure.Decimals(&mean, 2), figure.Decimals(&longest, 2))
	}
	return note + "."
}
