package report

import (
	"ceiling/internal/figure"
	"ceiling/internal/machine"
	"ceiling/internal/oneline"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"ceiling/bench/result"
	"ceiling/report/doc"
	"ceiling/report/metric"
)

// The tables below are the reference's, character for character: the same
// columns, alignment marks and decimals.

// What the reference's tables show.
var (
	performanceFigures = []metric.Key{metric.OutputThroughput, metric.TTFTMean, metric.TPOTMean, metric.TPOTP99}
	speedFigures       = []metric.Key{metric.PP, metric.TG}
	scalingFigures     = []metric.Key{metric.OutputThroughput, metric.PerUser, metric.TTFTP99, metric.TPOTP99}
)

// headings are the columns of metrics.
func headings(keys []metric.Key) []doc.Column {
	var titles []string
	for _, k := range keys {
		titles = append(titles, k.Info().Heading())
	}
	return doc.Numbers(titles...)
}

// figures are a scenario's, as they are printed.
func (s *scenario) figures(keys []metric.Key) []string {
	var out []string
	for _, k := range keys {
		out = append(out, s.figure(k))
	}
	return out
}

func (s *scenario) figure(k metric.Key) string {
	info := k.Info()
	return info.Text(info.Of(&s.Summary, s.detail))
}

// performanceTable has one row per scenario, in the run's order.
func performanceTable(all []scenario) *doc.Table {
	t := &doc.Table{Columns: slices.Concat(doc.Words("Scenario"),
		[]doc.Column{{Title: "Category", Right: true, Aside: true}},
		doc.Asides("Input (tok)", "Output (tok)", "Concurrency"),
		headings(performanceFigures))}
	for i := range all {
		s := &all[i]
		figures := s.figures(performanceFigures)
		if _, failed := s.referenceError(); failed {
			figures = []string{"ERROR", "-", "-", "-"}
		}
		t.Add(append([]string{s.Name, s.category(), strconv.Itoa(s.InputLen), strconv.Itoa(s.OutputLen), strconv.Itoa(s.Concurrency)}, figures...)...)
	}
	return t
}

// speedTable holds the derived prefill and decode speeds.
func speedTable(all []scenario) *doc.Table {
	t := &doc.Table{Columns: slices.Concat(doc.Words("Scenario"), headings(speedFigures))}
	for i := range all {
		s := &all[i]
		if _, failed := s.referenceError(); failed {
			t.Add(s.Name, "ERROR", "ERROR")
			continue
		}
		t.Add(append([]string{s.Name}, s.figures(speedFigures)...)...)
	}
	return t
}

// scalingTable has one row per scaling point.
func scalingTable(points []scenario) *doc.Table {
	t := &doc.Table{Columns: append(doc.Numbers("Concurrency"), headings(scalingFigures)...)}
	for i := range points {
		p := &points[i]
		t.Add(append([]string{strconv.Itoa(p.Concurrency)}, p.figures(scalingFigures)...)...)
	}
	return t
}

// scalingChart is the reference's mermaid block, "" where fewer than two
// points were measured and there is no line to draw. Points without a
// throughput are left out: mermaid has no sign for missing.
func scalingChart(points []scenario) doc.Mermaid {
	var x, y []string
	for i := range points {
		if v := points[i].figure(metric.OutputThroughput); v != figure.Missing {
			x = append(x, strconv.Quote(strconv.Itoa(points[i].Concurrency)))
			y = append(y, v)
		}
	}
	if len(x) < 2 {
		return ""
	}
	return doc.Mermaid("xychart-beta\n" +
		"    title \"Output throughput vs concurrency\"\n" +
		"    x-axis \"Concurrency\" [" + strings.Join(x, ", ") + "]\n" +
		"    y-axis \"tok/s\"\n" +
		"    line [" + strings.Join(y, ", ") + "]")
}

// keyMetrics is the list below a scenario's heading.
func keyMetrics(s *scenario) doc.Properties {
	var out doc.Properties
	add := func(name, format string, args ...any) {
		out = append(out, doc.Field{Name: name, Value: doc.Tf(format, args...)})
	}
	if reason, failed := s.referenceError(); failed {
		add("ERROR", "%s", reason)
		return out
	}
	add("Input/Output", "%d / %d tokens", s.InputLen, s.OutputLen)
	add("Concurrency", "%d", s.Concurrency)
	add("Prompts", "%d", s.NumPrompts)
	add("Output throughput", "%s tok/s (peak %s)", s.figure(metric.OutputThroughput), metric.PeakThroughput.Info().Text(s.peak()))
	add("TTFT mean/median/p99", "%s / %s / %s ms", s.figure(metric.TTFTMean), s.figure(metric.TTFTMedian), s.figure(metric.TTFTP99))
	add("TPOT mean/median/p99", "%s / %s / %s ms", s.figure(metric.TPOTMean), s.figure(metric.TPOTMedian), s.figure(metric.TPOTP99))
	add("PP/TG (derived)", "%s / %s tok/s", s.figure(metric.PP), s.figure(metric.TG))
	out = append(out, ownMetrics(s)...)
	if reason, failed := s.failed(); failed {
		add("ERROR", "%s", reason)
	}
	return out
}

// ownMetrics are the lines below those that the reference has: how the load
// differs from a plain closed loop, and what was asked of it.
func ownMetrics(s *scenario) doc.Properties {
	d := s.detail
	if d == nil {
		return nil
	}
	var out doc.Properties
	add := func(name, format string, args ...any) {
		out = append(out, doc.Field{Name: name, Value: doc.Tf(format, args...)})
	}
	if s.peakUntold() {
		add("Peak", "not given for a run of under %d s (%s s), of which no second is typical", shortestPeak, s.figure(metric.Duration))
	}
	if d.Dataset != nil && d.Dataset.Trace {
		add("Arrivals", "as in the trace, %s times as fast: %s req/s in the mean, whether or not earlier requests have ended", number(d.Dataset.Speedup), figure.Decimals(d.RequestRate, 4))
	} else if d.RequestRate != nil {
		add("Request rate", "%s req/s, whether or not earlier requests have ended", number(*d.RequestRate))
	}
	if d.Burstiness != nil {
		add("Burstiness", "%s (1: Poisson arrivals; less: burstier)", number(*d.Burstiness))
	}
	if d.Dataset != nil {
		add("Prompts from", "%s", datasetText(d))
	}
	if d.UntilEnd {
		add("End of text", "where the model ends it, after %s at the latest", latest(s))
	}
	if d.MeanInput != nil && d.MeanOutput != nil {
		add("Mean lengths", "%s tokens in, %s out", figure.Decimals(d.MeanInput, 1), figure.Decimals(d.MeanOutput, 1))
	}
	if n := len(d.Turns); n > 0 {
		add("Conversations", "of %d turns, %s s from an answer's end to the next turn", n, number(d.ThinkS))
	}
	if d.PrefixLen > 0 {
		add("Shared prefix", "%s in front of every prompt, not counted as input", figure.Count(d.PrefixLen, "token"))
	}
	if d.Cache != "" {
		add("Prompt cache", "%s, %s prompt tokens reused", d.Cache, figure.Grouped(d.ReusedTokens))
	}
	if d.SLO != nil {
		add("SLO", "%s", sloText(d.SLO))
	}
	if d.Goodput != nil {
		add("Goodput", "%s req/s within the SLO", s.figure(metric.Goodput))
	}
	return out
}

// datasetText says which file prompts came from, and how they were taken.
func datasetText(of *result.Detail) string {
	d, kind := of.Dataset, "prompt"
	if len(of.Turns) > 0 {
		kind = "conversation"
	}
	if d.Trace {
		return fmt.Sprintf("the trace %s, %s", oneline.Of(d.String()), figure.Count(d.Entries, "request"))
	}
	text := fmt.Sprintf("%s, %s, in the file's order", oneline.Of(d.String()), figure.Count(d.Entries, kind))
	if d.Sample {
		text = fmt.Sprintf("%s, %s, drawn by the seed", oneline.Of(d.String()), figure.Count(d.Entries, kind))
	}
	if d.Input > 0 {
		text += "; cut and filled to the input length"
	}
	return text
}

// latest is how long a text may become.
func latest(s *scenario) string {
	if d := s.detail.Dataset; d != nil && d.Output == 0 {
		return "the file's length"
	}
	return figure.Count(s.OutputLen, "token")
}

// sloText is the limits of an SLO.
func sloText(s *result.SLO) string {
	var out []string
	for _, l := range []struct {
		name string
		ms   float64
	}{{"TTFT", s.TTFTMs}, {"TPOT", s.TPOTMs}, {"E2EL", s.E2ELMs}} {
		if l.ms > 0 {
			out = append(out, l.name+" ≤ "+number(l.ms)+" ms")
		}
	}
	return strings.Join(out, ", ")
}

// number prints what somebody gave with the digits that it was given with.
func number(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }

// sloTable has a row for every scenario with an SLO.
func sloTable(all []scenario) *doc.Table {
	t := &doc.Table{Columns: slices.Concat(doc.Words("Scenario", "SLO"), doc.Numbers("Requests (req/s)", "Goodput (req/s)", "Requests within the SLO"))}
	for i := range all {
		s := &all[i]
		if s.detail == nil || s.detail.SLO == nil {
			continue
		}
		share := figure.Missing
		if sent := s.SuccessfulRequests + s.FailedRequests; s.detail.Goodput != nil && s.DurationS != nil && sent > 0 {
			good := *s.detail.Goodput * *s.DurationS
			share = fmt.Sprintf("%.0f of %.0f", good, sent)
		}
		t.Add(s.Name, sloText(s.detail.SLO), s.figure(metric.RequestThroughput), s.figure(metric.Goodput), share)
	}
	return t
}

const turnText = "A turn's prompt is the conversation so far with its answers, and what the user adds. Reused is what of it was served from the KV of the turns before."

// turnTable has a row for every turn of the scenarios with conversations.
func turnTable(all []scenario) *doc.Table {
	t := &doc.Table{Columns: slices.Concat(doc.Words("Scenario"), doc.Numbers("Turn", "Requests", "Prompt (tok)", "Reused (tok)", "New (tok)", "TTFT mean (ms)", "TTFT p99 (ms)", "TPOT mean (ms)"))}
	ms := func(d *result.Dist, of func(*result.Dist) float64) string {
		if d == nil {
			return figure.Missing
		}
		v := 1000 * of(d)
		return figure.Decimals(&v, 2)
	}
	mean := func(d *result.Dist) float64 { return d.Mean }
	for i := range all {
		if all[i].detail == nil {
			continue
		}
		for k, f := range all[i].detail.Turns {
			input, reused, rest := &f.Input, &f.Reused, &f.New
			if f.Requests == 0 {
				input, reused, rest = nil, nil, nil
			}
			t.Add(all[i].Name, strconv.Itoa(k+1), strconv.Itoa(f.Requests), figure.Decimals(input, 1), figure.Decimals(reused, 1), figure.Decimals(rest, 1),
				ms(f.TTFT, mean), ms(f.TTFT, func(d *result.Dist) float64 { return d.P99 }), ms(f.TPOT, mean))
		}
	}
	return t
}

// systemTable is System Configuration. A row that nobody could fill is left
// out, but for the GPU's, which says what the model ran on.
func systemTable(r *result.Run) *doc.Table {
	sys := r.System
	if sys == nil {
		sys = &machine.System{}
	}
	memory := ""
	if sys.MemoryBytes > 0 {
		memory = gibibytes(sys.MemoryBytes)
	}
	t := &doc.Table{Columns: doc.Words("Component", "Value")}
	t.Add("GPU(s)", gpus(r))
	for _, row := range []struct{ name, value string }{
		{"OS", sys.OS},
		{"Kernel", sys.Kernel},
		{"CPU", sys.CPU},
		{"System RAM", memory},
		{"ROCk Module Version", sys.ROCkModule},
		{"ROCm", sys.ROCm},
		{"xGMI", sys.XGMI},
	} {
		if row.value != "" {
			t.Add(row.name, row.value)
		}
	}
	return t
}

// gpus says which GPUs the machine has and whether the model was on them. In
// a file without a system, as the reference's, the hardware line is all that
// is known.
func gpus(r *result.Run) string {
	var present string
	if r.System != nil {
		present = r.System.GPUs
	}
	if r.Engine == nil || len(r.Engine.Devices) == 0 {
		if present == "" && r.System == nil {
			present = r.Hardware
		}
		return figure.OrMissing(present)
	}
	used := gpuDevices(r.Engine.Devices)
	switch {
	case len(used) > 0 && present != "":
		if n := countGPUs(r.Engine.Devices); n < len(r.System.Cards) {
			present += fmt.Sprintf(", %d used", n)
		}
		return present
	case len(used) > 0:
		return strings.Join(used, ", ")
	case present != "":
		return present + ", not used: the model ran on the CPU"
	default:
		return "none used: the model ran on the CPU"
	}
}

// countGPUs is the number of GPUs among the devices.
func countGPUs(devices []machine.DeviceInfo) int {
	n := 0
	for _, d := range devices {
		if d.Type == "gpu" || d.Type == "igpu" {
			n++
		}
	}
	return n
}

// gpuDevices are the descriptions of the GPUs among the devices, equal ones
// counted: "4× AMD Instinct MI100". A device of type accel is a library such
// as BLAS that works on the CPU's memory.
func gpuDevices(devices []machine.DeviceInfo) []string {
	var names []string
	count := map[string]int{}
	for _, d := range devices {
		if d.Type != "gpu" && d.Type != "igpu" {
			continue
		}
		name := d.Description
		if name == "" {
			name = d.Name
		}
		if count[name] == 0 {
			names = append(names, name)
		}
		count[name]++
	}
	for i, name := range names {
		if n := count[name]; n > 1 {
			names[i] = strconv.Itoa(n) + "× " + name
		}
	}
	return names
}
