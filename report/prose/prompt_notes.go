package prose

import (
	"fmt"
	"slices"
	"strings"
)

// notes puts a section's facts into words, for the prompt and the grammar.
type notes struct {
	points []Point
	short  map[string]string // what a point of the scaling curve is called: "c=8"
	names  []string          // that letters alone can't spell
}

// mostNames limits the names that a grammar offers.
const mostNames = 80

func newNotes(s *Section) *notes {
	n := &notes{points: s.Evidence.Points, short: map[string]string{}, names: []string{"p99"}}
	for _, p := range s.Evidence.Points {
		if p.Scaling {
			n.short[p.Scenario] = fmt.Sprintf("c=%d", p.Concurrency)
		}
		n.add(fmt.Sprintf("c=%d", p.Concurrency))
		n.add(p.Scenario)
	}
	return n
}

func (n *notes) add(name string) {
	plain := !strings.ContainsFunc(name, func(r rune) bool {
		return r != ' ' && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	})
	if printable(name) && !plain && !slices.Contains(n.names, name) && len(n.names) < mostNames {
		n.names = append(n.names, name)
	}
}

// words are what a metric is called, the first in prompts.
var words = map[Metric][]string{
	E2EL: {"request time"}, Output: {"output throughput", "throughput"}, PerUser: {"per-user throughput", "throughput per user"},
	PeakOutput: {"peak output", "peak throughput"}, PP: {"PP", "prefill speed"}, TG: {"TG", "decode speed"},
	DecodeTime: {"decode time", "decoding time"}, RunTime: {"duration"},
}

// counts says whether a fact is the number of requests in flight.
func counts(f Fact) bool { return f.Of.Metric == InFlight && f.Against == Figure{} }

// labels are what a figure may be called: "TTFT p99", "p99 TTFT".
func (n *notes) labels(f Figure) []string {
	metrics := words[f.Metric]
	if len(metrics) == 0 {
		metrics = []string{string(f.Metric)}
	}
	var out []string
	for _, m := range metrics {
		switch f.Stat {
		case "":
			out = append(out, m)
		case Mean:
			out = append(out, "mean "+m, "average "+m, m+" mean")
		case P99:
			out = append(out, m+" p99", "p99 "+m)
		default:
			out = append(out, string(f.Stat)+" "+m)
		}
	}
	if f.Scenario != "" {
		for i := range out {
			out[i] += " of " + n.name(f.Scenario)
		}
	}
	return out
}

// against are the ways to name what a ratio or a share is of: "the mean",
// "the mean TTFT", "that of c=4".
func (n *notes) against(f Fact) []string {
	a := f.Against
	var out []string
	if a.Metric == f.Of.Metric && a.Stat == f.Of.Stat && a.Scenario != f.Of.Scenario && a.Scenario != "" {
		out = append(out, "that of "+n.name(a.Scenario))
	}
	if a.Metric == f.Of.Metric && a.Scenario == f.Of.Scenario && a.Stat != "" {
		out = append(out, "the "+string(a.Stat))
	}
	here := ""
	if a.Scenario == "" && f.Of.Scenario != "" {
		here = " here"
	}
	for _, label := range n.labels(a) {
		out = append(out, label+here, "the "+label+here)
	}
	return out
}

func (n *notes) name(scenario string) string {
	if short, ok := n.short[scenario]; ok {
		return short
	}
	return scenario
}

// pointsOf are the scenarios that facts are of, else the sweet spot and the
// peak.
func (n *notes) pointsOf(facts []Fact) []Point {
	var out []Point
	for _, p := range n.points {
		if printable(n.name(p.Scenario)) && slices.ContainsFunc(facts, func(f Fact) bool { return f.Of.Scenario == p.Scenario }) {
			out = append(out, p)
		}
	}
	if len(out) > 0 {
		return out
	}
	return slices.DeleteFunc(slices.Clone(n.points), func(p Point) bool { return !p.Sweet && !p.Peak || !printable(n.name(p.Scenario)) })
}

// note is a topic in one line: "TTFT p99 is 1.01× the mean TTFT of 96.20 ms".
func (n *notes) note(facts []Fact) string {
	said, embedded := split(facts)
	value := func(f Figure) string {
		for i, e := range embedded {
			if e.Of != f {
				continue
			}
			embedded = slices.Delete(embedded, i, i+1) // once is enough
			if f.Scenario != "" {
				return " (" + e.Text + ")"
			}
			return " of " + e.Text
		}
		return ""
	}
	clauses := make([]string, len(said))
	for i, f := range said {
		of := n.labels(f.Of)[0]
		switch {
		case counts(f):
			clauses[i] = "on average, " + f.Text + " in flight"
		case f.Against == (Figure{}):
			clauses[i] = of + " is " + f.Text
		default:
			link := " "
			if f.Unit == "%" {
				link = " of "
			}
			clauses[i] = of + value(f.Of) + " is " + f.Text + link + n.against(f)[0] + value(f.Against) + remark(f)
		}
	}
	last := len(clauses) - 1
	if last < 1 {
		return clauses[0]
	}
	return strings.Join(clauses[:last], "; ") + " and " + clauses[last]
}

// remark says in words what a ratio or a share means, where the thresholds
// have a word for it.
func remark(f Fact) string {
	within := func(against Stat) bool {
		return f.Unit == "×" && f.Of.Stat == P99 && f.Against == Figure{f.Of.Metric, against, f.Of.Scenario}
	}
	switch m := f.Of.Metric; {
	case f.Unit == "%" && f.Value >= Most && f.Value < 1 && f.Against.Metric == E2EL:
		return ", most of it"
	case m == TTFT && within(Mean) && f.Value <= SteadyTTFT, m == TPOT && within(Mean) && f.Value <= SteadyTPOT:
		return ", so " + string(m) + " is steady"
	case m == TTFT && within(Mean) && f.Value >= LongTail:
		return ", so TTFT has a long tail"
	case m == ITL && within(Median) && f.Value <= EvenITL:
		return ", so tokens arrive evenly"
	}
	return ""
}

// remarksOn are the remarks on facts, each once.
func remarksOn(facts []Fact) []string {
	var out []string
	for _, f := range facts {
		if r := remark(f); r != "" && !slices.Contains(out, r) {
			out = append(out, r)
		}
	}
	return out
}

// Label names a figure as its report does: "TTFT p99", "output throughput of
// Mixed Traffic".
func Label(f Figure) string {
	label := string(f.Metric)
	if f.Stat != "" {
		label += " " + string(f.Stat)
	}
	if f.Scenario != "" {
		label += " of " + f.Scenario
	}
	return label
}
