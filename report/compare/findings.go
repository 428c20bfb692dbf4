package compare

import (
	"fmt"
	"math"
	"strings"

	"ceiling/bench/result"
	"ceiling/internal/figure"
	"ceiling/report/importer"
	"ceiling/report/metric"
	"ceiling/report/plausible"
)

// Artefact is a figure that can't mean what it seems to mean, judged from its
// own file alone.
type Artefact struct {
	Run      string       `json:"run"` // label
	Scenario string       `json:"scenario"`
	Kind     ArtefactKind `json:"kind"`
	Text     string       `json:"text"`
}

// ArtefactKind says what is wrong with a figure.
type ArtefactKind string

// Kinds of findings.
const (
	PrefixCache ArtefactKind = "prefix cache"       // prompts were served from a cache
	Burst       ArtefactKind = "burst"              // a burst, not a steady state
	Tokenless   ArtefactKind = "no token"           // requests completed without one
	Impossible  ArtefactKind = "impossible figures" // two figures contradict each other
)

// kinds in the order in which they are told.
var kinds = []ArtefactKind{PrefixCache, Tokenless, Impossible, Burst}

// Limits of what is believed.
const (
	// Prompts that are prefilled together may use the engine better than one
	// does, but one of some hundred tokens keeps it busy by itself.
	fasterTogether = 4
	// Below this, fixed costs outweigh the tokens, and rates say nothing.
	leastTokens = 256
	// At concurrency 1 nothing queues, so equal prompts take equal times.
	tailSingleStream = 3
	// Streams can't get tokens faster than their TPOT says. For equal outputs
	// that holds exactly; the rest is for lengths that go with speed.
	impossibleRate = 1.25
)

// findings judges every load of a run.
func findings(label string, r *importer.ToolRun) []Artefact {
	var out []Artefact
	for i := range r.Loads {
		l := &r.Loads[i]
		add := func(k ArtefactKind, text string) {
			if text != "" && !already(out, l.Name, k) {
				out = append(out, Artefact{label, l.Name, k, text})
			}
		}
		add(PrefixCache, cached(r, l))
		add(Burst, burst(l))
		add(Tokenless, tokenless(l))
		add(Impossible, contradiction(l))
	}
	return out
}

// already keeps the passes over one load from saying the same several times.
func already(list []Artefact, name string, k ArtefactKind) bool {
	for _, f := range list {
		if f.Scenario == name && f.Kind == k {
			return true
		}
	}
	return false
}

func number(l *importer.ToolLoad, m metric.Key) float64 {
	if v, ok := l.Values[m]; ok {
		return v.V
	}
	return math.NaN()
}

// meaning says in a sentence what each kind of finding is about.
var meaning = map[ArtefactKind]string{
	PrefixCache: "These prompts can't all have been computed: a request that shares the engine is not prefilled faster than one that has it alone, nor a wave of them many times faster. TTFT, PP and throughput are of a cache",
	Burst:       "All requests start at once and no more follow: not a steady state",
	Tokenless:   "Requests that got no token count as completed: the client took an empty answer for a success. A mean TTFT over them is no TTFT, and their E2EL and request rate are of nothing",
	Impossible:  "Two figures contradict each other",
}

// rateOf is the prefill rate that a TTFT in ms implies, as text.
func rateOf(l *importer.ToolLoad, ms float64) string {
	return figure.Grouped(int(math.Round(rate(l.Input, ms))))
}

// rate is tokens per second for tokens in ms; NaN where ms is missing.
func rate(tokens int, ms float64) float64 { return 1000 * float64(tokens) / ms }

// cached says why a load's prompts can't all have been computed, "" where
// they may have been.
func cached(r *importer.ToolRun, l *importer.ToolLoad) string {
	if l.Input < leastTokens || l.Depth > 0 || knownCold(r, l) {
		return ""
	}
	var why []string
	if l.Concurrency == 1 {
		why = append(why, twoKinds(l))
	} else if ref := alone(r, l); ref != nil {
		why = append(why, tooFast(l, ref), waveTooFast(l, ref))
	}
	var said []string
	for _, w := range why {
		if w != "" {
			said = append(said, w)
		}
	}
	if len(said) == 0 {
		return ""
	}
	return strings.Join(said, "; ")
}

// knownCold says whether the run counted the reused tokens itself and there
// were none.
func knownCold(r *importer.ToolRun, l *importer.ToolLoad) bool {
	return r.Tool == importer.ToolCeiling && r.InProcess && l.Cache == result.CacheCold && number(l, metric.ReusedTokens) == 0
}

// alone is the load of the same run with one request in flight whose prompts
// are nearest in length, nil for none that is near enough.
func alone(r *importer.ToolRun, l *importer.ToolLoad) *importer.ToolLoad {
	var best *importer.ToolLoad
	distance := func(o *importer.ToolLoad) float64 { return plausible.Apart(o.Input, l.Input) }
	for i := range r.Loads {
		o := &r.Loads[i]
		if o.Concurrency != 1 || o.Input < leastTokens || o.Open() || math.IsNaN(number(o, metric.TTFTMean)) {
			continue
		}
		if plausible.Comparable(o.Input, l.Input) && (best == nil || distance(o) < distance(best)) {
			best = o
		}
	}
	return best
}

// twoKinds recognises a single stream some of whose prompts were cached and
// some not: with nothing to wait for, the slowest of equal prompts would take
// about as long as the middle one.
func twoKinds(l *importer.ToolLoad) string {
	mean, median, p99 := number(l, metric.TTFTMean), number(l, metric.TTFTMedian), number(l, metric.TTFTP99)
	if l.RangeRatio != nil && *l.RangeRatio > 0 || l.Varies || l.Prompts < 3 || !(p99 > tailSingleStream*median) {
		return ""
	}
	// One slow request among many is a stall. Where the mean is pulled up as
	// far as by two or more, they are another kind of request.
	if slow := float64(l.Prompts) * (mean - median) / (p99 - median); slow < 2 {
		return ""
	}
	return fmt.Sprintf("TTFT of equal prompts, one at a time, is %s ms in the median and %s ms at p99: %s against %s tok/s",
		figure.Fixed(median, 2), figure.Fixed(p99, 2), rateOf(l, median), rateOf(l, p99))
}

// tooFast compares the prefill rate that a request's TTFT implies with that
// of a single stream of the same file.
func tooFast(l, ref *importer.ToolLoad) string {
	single := rate(ref.Input, number(ref, metric.TTFTMean))
	computed := ""
	if twoKinds(ref) != "" {
		slowest := rate(ref.Input, number(ref, metric.TTFTP99))
		computed = fmt.Sprintf(", where that computed its prompts %s", rateOf(ref, number(ref, metric.TTFTP99)))
		if plausible.FasterThanSingleStream(single, slowest) {
			single = slowest
		}
	}
	for _, m := range []struct {
		name string
		of   metric.Key
	}{{"mean", metric.TTFTMean}, {"median", metric.TTFTMedian}} {
		if own := rate(l.Input, number(l, m.of)); plausible.FasterThanSingleStream(own, single) {
			return fmt.Sprintf("%s TTFT %s ms is %s tok/s for each of %d requests at a time, against %s of one alone (%s%s)",
				m.name, figure.Fixed(number(l, m.of), 2), rateOf(l, number(l, m.of)), l.Concurrency,
				rateOf(ref, number(ref, metric.TTFTMean)), ref.Name, computed)
		}
	}
	return ""
}

// waveTooFast looks at the first wave of a closed loop: all of its requests
// begin together, so the slowest first token has waited for the prompts of
// all of them, and their tokens over its TTFT is what the engine did at least.
func waveTooFast(l, ref *importer.ToolLoad) string {
	if l.Open() || l.Prompts == 0 || l.RangeRatio != nil && *l.RangeRatio > 0 || l.Varies {
		return ""
	}
	n := min(l.Concurrency, l.Prompts)
	together := rate(n*l.Input, number(l, metric.TTFTP99))
	if !(together > fasterTogether*rate(ref.Input, number(ref, metric.TTFTMean))) {
		return ""
	}
	return fmt.Sprintf("the %d prompts that begin together are done within TTFT p99, %s ms: %s tok/s",
		n, figure.Fixed(number(l, metric.TTFTP99), 2), figure.Grouped(int(math.Round(together))))
}

// burst recognises loads whose requests all start at once.
func burst(l *importer.ToolLoad) string {
	if l.Open() || l.Concurrency < 2 || l.Prompts == 0 || l.Prompts > l.Concurrency {
		return ""
	}
	return fmt.Sprintf("%d prompts at concurrency %d", l.Prompts, l.Concurrency)
}

// tokenless counts the requests that completed without a token.
func tokenless(l *importer.ToolLoad) string {
	if l.Tokenless == 0 || l.Successful == nil {
		return ""
	}
	return fmt.Sprintf("%d of %d completed requests got no token; TTFT is over the other %d", l.Tokenless, *l.Successful, *l.Successful-l.Tokenless)
}

// contradiction compares the throughput with what the streams' TPOT allows.
func contradiction(l *importer.ToolLoad) string {
	out, tpot := number(l, metric.OutputThroughput), number(l, metric.TPOTMean)
	if l.Concurrency == 0 || !(tpot > 0) || !l.Values[metric.TPOTMean].Same || !l.Values[metric.OutputThroughput].Same {
		return ""
	}
	most := float64(l.Concurrency) * 1000 / tpot
	// A stream's first token costs no TPOT.
	if l.Output > 1 {
		most *= float64(l.Output) / float64(l.Output-1)
	}
	if out <= impossibleRate*most {
		return ""
	}
	return fmt.Sprintf("output throughput of %s tok/s is more than %d streams at a mean TPOT of %s ms can give (%s tok/s): check concurrency and token counts",
		figure.Fixed(out, 2), l.Concurrency, figure.Fixed(tpot, 2), figure.Fixed(most, 2))
}
