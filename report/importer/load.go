package importer

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"ceiling/bench/result"
	"ceiling/internal/figure"
	"ceiling/internal/oneline"
	"ceiling/report/metric"
	"ceiling/report/plausible"
)

// quality says whether a figure means the same as ours.
type quality struct {
	same bool
	note string
}

// Figures of the same definition, and what to know of those that were
// measured on the other side of a server.
var (
	same       = quality{same: true}
	sameServer = quality{same: true, note: "measured at a client: holds HTTP, tokenising, chat template and streaming, which an in-process figure does not"}
)

// differs is the quality of a figure that is defined in another way.
func differs(format string, args ...any) quality {
	return quality{note: fmt.Sprintf(format, args...)}
}

// put adds a figure. One that is not finite or below 0 was not measured, and
// is left out with a note.
func (l *ToolLoad) put(m metric.Key, v float64, origin string, q quality) {
	if math.IsNaN(v) || math.IsInf(v, 0) || v < 0 {
		l.note("%s is %g, which is not a measured number: left out", origin, v)
		return
	}
	if l.Values == nil {
		l.Values = map[metric.Key]ToolValue{}
	}
	l.Values[m] = ToolValue{V: v, Unit: m.Info().Unit, Origin: origin, Same: q.same, Note: q.note}
}

// putField adds a figure from a field that may be missing. scale turns the
// field's unit into the metric's.
func (l *ToolLoad) putField(m metric.Key, o object, key string, scale float64, q quality) {
	if v, ok := o.number(key); ok {
		l.put(m, v*scale, key, q)
	}
}

func (l *ToolLoad) note(format string, args ...any) {
	l.Notes = append(l.Notes, fmt.Sprintf(format, args...))
}

// family is the statistics of one distribution.
type family struct {
	title                            string
	mean, median, p90, p95, p99, std metric.Key
}

var (
	ttft = family{"TTFT", metric.TTFTMean, metric.TTFTMedian, metric.TTFTP90, metric.TTFTP95, metric.TTFTP99, metric.TTFTStd}
	tpot = family{"TPOT", metric.TPOTMean, metric.TPOTMedian, metric.TPOTP90, metric.TPOTP95, metric.TPOTP99, metric.TPOTStd}
	itl  = family{"ITL", metric.ITLMean, metric.ITLMedian, metric.ITLP90, metric.ITLP95, metric.ITLP99, metric.ITLStd}
	e2el = family{"E2EL", metric.E2ELMean, metric.E2ELMedian, metric.E2ELP90, metric.E2ELP95, metric.E2ELP99, metric.E2ELStd}
)

// stats names a family's statistics as the tools do.
func (f family) stats() []struct {
	name   string
	metric metric.Key
} {
	return []struct {
		name   string
		metric metric.Key
	}{{"mean", f.mean}, {"median", f.median}, {"p90", f.p90}, {"p95", f.p95}, {"p99", f.p99}, {"std", f.std}}
}

// stat is one statistic of a distribution, in its metric's unit.
type stat struct {
	metric metric.Key
	v      float64
	origin string
	q      quality
}

// putFamily adds the statistics of one distribution that a file has, whichever
// they are. Tools write 0 for the statistics of nothing, so where none is above
// 0 there was no value.
func (l *ToolLoad) putFamily(stats []stat) {
	if !slices.ContainsFunc(stats, func(s stat) bool { return s.v > 0 }) {
		return
	}
	for _, s := range stats {
		l.put(s.metric, s.v, s.origin, s.q)
	}
}

// attach gives the family's figures their raw values. They must reproduce the
// file's own mean, or its median where it has no mean, to within tolerance, a
// share of it: what does not is not the sample behind the figures, and is left
// out with a note.
func (l *ToolLoad) attach(f family, samples []float64, tolerance float64) {
	if len(samples) == 0 {
		return
	}
	known, what := l.Values[f.mean], "mean"
	got, _ := result.Mean(samples)
	if _, ok := l.Values[f.mean]; !ok {
		if known, ok = l.Values[f.median]; !ok {
			return
		}
		what = "median"
		got, _ = result.Percentile(slices.Sorted(slices.Values(samples)), 50)
	}
	if math.Abs(got-known.V) > tolerance*known.V {
		l.note("the raw values of %s have a %s of %.4g and the file says %.4g: left out", f.title, what, got, known.V)
		return
	}
	l.setSamples(f, samples)
}

// setSamples gives the family's figures their raw values.
func (l *ToolLoad) setSamples(f family, samples []float64) {
	for _, s := range f.stats() {
		if v, ok := l.Values[s.metric]; ok {
			v.Samples = samples
			l.Values[s.metric] = v
		}
	}
}

const itlUnknown = "gap between streamed chunks; the file does not show whether each holds one token"

// judgeITL marks ITL as what it is: the gap between chunks, equal to ours
// where each chunk is one token. chunks and tokens are totals over the same
// requests, 0 where the file does not say.
func (l *ToolLoad) judgeITL(chunks, tokens int) {
	q := quality{same: true, note: itlUnknown}
	itlMean, okITL := l.Values[metric.ITLMean]
	tpotMean, okTPOT := l.Values[metric.TPOTMean]
	switch {
	case chunks > 0 && chunks < tokens:
		q = differs("gap between streamed chunks, and there are %d chunks for %d tokens: compare TPOT instead", chunks, tokens)
	case chunks > 0:
		q = quality{same: true, note: "gap between streamed chunks, which hold one token each in the requests that the file lists"}
	case okITL && okTPOT && plausible.Bundled(itlMean.V, tpotMean.V):
		q = differs("gap between streamed chunks, and its mean is %.2f× the mean TPOT: chunks hold several tokens; compare TPOT instead", itlMean.V/tpotMean.V)
	}
	l.requalify(itl, q)
}

// requalify marks a whole family.
func (l *ToolLoad) requalify(f family, q quality) {
	for _, s := range f.stats() {
		if v, ok := l.Values[s.metric]; ok {
			v.Same, v.Note = q.same, q.note
			l.Values[s.metric] = v
		}
	}
}

// waitingPP is the quality of a PP that was computed as ours, from the TTFT
// at concurrency c.
func waitingPP(c int) quality {
	if c > 1 {
		return differs("from a TTFT at concurrency %d, so it contains waiting: not a prefill speed", c)
	}
	return same
}

// dropIfZero takes the figures away whose value is 0, for tools that write 0
// where nothing was measured.
func (l *ToolLoad) dropIfZero(metrics ...metric.Key) {
	for _, m := range metrics {
		if v, ok := l.Values[m]; ok && v.V == 0 {
			delete(l.Values, m)
		}
	}
}

// means fills Input and Output from totals over n requests.
func (l *ToolLoad) means(input, output float64, n int) {
	if n <= 0 {
		return
	}
	l.Input, l.Output = round(input/float64(n)), round(output/float64(n))
	l.Lengths = LengthsMean
}

func round(v float64) int {
	if !(v >= 0 && v <= maxCount) {
		return 0
	}
	return int(math.Round(v))
}

// describe names a load that has no name in its file.
func (l *ToolLoad) describe() string {
	var parts []string
	add := func(format string, n int) {
		if n > 0 {
			parts = append(parts, fmt.Sprintf(format, n))
		}
	}
	add("in %d", l.Input)
	add("out %d", l.Output)
	add("c=%d", l.Concurrency)
	if l.RequestRate != nil {
		parts = append(parts, "rate "+strconv.FormatFloat(*l.RequestRate, 'g', -1, 64)+"/s")
	}
	if l.Arrivals != "" {
		parts = append(parts, l.Arrivals)
	}
	add("n=%d", l.Prompts)
	if len(parts) == 0 {
		return "load"
	}
	return strings.Join(parts, ", ")
}

// part is one load and the run it belongs to, before runs are put together.
type part struct {
	run  ToolRun
	load ToolLoad
}

// gather makes one ToolRun of all parts that have the same model and conditions.
func gather(parts []part) []*ToolRun {
	var runs []*ToolRun
	index := map[string]*ToolRun{}
	for _, p := range parts {
		key := fmt.Sprintf("%q %q %q", p.run.Model, p.run.Hardware, p.run.Conditions)
		r := index[key]
		if r == nil {
			header := p.run
			r = &header
			index[key], runs = r, append(runs, r)
		}
		r.addNotes(p.run.Notes...)
		r.Loads = append(r.Loads, p.load)
	}
	return runs
}

// hubName is the name of a model of Hugging Face's hub that a tool was given as
// a folder of its cache: ".../models--org--name/snapshots/rev" is "org/name".
func hubName(path string) string {
	_, in, ok := strings.Cut("/"+path, "/models--")
	name, _, snapshot := strings.Cut(in, "/snapshots/")
	org, model, both := strings.Cut(name, "--")
	if !ok || !snapshot || !both || strings.Contains(name, "/") {
		return path
	}
	return org + "/" + model
}

func (r *ToolRun) addNotes(notes ...string) {
	for _, n := range notes {
		if !slices.Contains(r.Notes, n) {
			r.Notes = append(r.Notes, n)
		}
	}
}

// set adds a hidden condition, unless its value is not known or was known
// before.
func (r *ToolRun) set(name, value string) {
	_, there := r.Condition(name)
	if value = oneline.Of(value); value != "" && !there {
		r.Conditions = append(r.Conditions, Condition{Name: name, Value: value})
	}
}

// finish fills in what follows from the rest: names, passes over the same
// load, the order of conditions.
func (r *ToolRun) finish(path string) {
	r.Path, r.Model = path, hubName(r.Model)
	for i, c := range r.Conditions {
		if c.Name == CondTokenizer {
			r.Conditions[i].Value = hubName(c.Value)
		}
	}
	seen := map[string]int{}
	for i := range r.Loads {
		l := &r.Loads[i]
		if l.Name = oneline.Of(l.Name); l.Name == "" {
			l.Name = l.describe()
		}
		if r.Tool == ToolCeiling {
			continue // its passes are numbered already, and judged
		}
		l.judge()
		key := fmt.Sprintf("%q %d %d %d %d %d %q %s %q %s", l.Name, l.Input, l.Output, l.Concurrency, l.Prompts, l.Depth, l.Cache,
			figure.Shortest(l.RequestRate), l.Arrivals, whole(l.Prefix))
		l.Repeat = seen[key]
		seen[key]++
	}
	r.judge()
	rank := map[string]int{}
	for i, name := range conditionOrder {
		rank[name] = i
	}
	slices.SortStableFunc(r.Conditions, func(a, b Condition) int { return rank[a.Name] - rank[b.Name] })
}

const noteUnseen = "the file does not tell what else ran on the machine, so the verdict is unknown at best"

// judge gives the load the verdict that its file allows.
func (l *ToolLoad) judge() {
	var seconds *float64
	if d, ok := l.Values[metric.Duration]; ok {
		seconds = &d.V
	}
	l.Verdict = result.JudgeForeign(l.Successful, l.Failed, seconds)
}

// judge gives a run of another tool the worst verdict of its loads.
func (r *ToolRun) judge() {
	if r.Tool == ToolCeiling {
		return
	}
	r.addNotes(noteUnseen)
	worst := result.StateUnknown
	for i := range r.Loads {
		if s := r.Loads[i].Verdict.State; s.Worse(worst) {
			worst = s
		}
	}
	// That nobody looked is no condition that differs from another.
	if worst != result.StateUnknown {
		r.set(CondVerdict, string(worst))
	}
}

// whole prints an optional count.
func whole(n *int) string {
	if n == nil {
		return ""
	}
	return strconv.Itoa(*n)
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
