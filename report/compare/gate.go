package compare

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"ceiling/bench/result"
	"ceiling/internal/oneline"
	"ceiling/report/metric"
)

// Rule is a condition under which a gate fails, such as
//
//	tpot_mean > 1.05x
//	c=8: ttft_p99 > 800ms
//	c=8, in=1024: output_throughput < 0.95x
//	name="Chat: turns, short": request_throughput < 1.2req/s
//	ttft_mean > 1.05x significantly
//	failed > 0%
//
// In front of the colon stand the scenarios it is for, all of them where there
// is no colon: c (concurrency), in, out (tokens), n (prompts) and name, which
// takes single or double quotes. Then the figure, one of >, >=, <, <=, and the
// limit: a ratio to the base (x), or a value of the other run in the figure's
// unit (ms, s, tok/s, req/s, %). A ratio that is followed by "significantly"
// is violated only where the difference is significant as well.
type Rule struct {
	Text   string
	Metric metric.Key
	Op     string
	Limit  float64 // a ratio, or in the metric's unit
	Ratio  bool
	// Significant asks for a significant difference beside the ratio.
	Significant bool
	Where       []Selector
}

// Selector picks scenarios by one property.
type Selector struct {
	Key   string // "c", "in", "out", "n" or "name"
	Count int
	Name  string
}

// selectorKeys are the properties of a selector, in the order in which
// messages list them.
var selectorKeys = []string{"c", "in", "out", "n", "name"}

// ParseRule reads a rule. Its error quotes the rule.
func ParseRule(text string) (Rule, error) {
	r, err := parseRule(text)
	if err != nil {
		return Rule{}, fmt.Errorf("rule %q: %w", text, err)
	}
	return r, nil
}

// significantly is the word behind a limit that asks for significance too.
const significantly = "significantly"

func parseRule(text string) (Rule, error) {
	r := Rule{Text: strings.TrimSpace(text)}
	pieces, err := splitUnquoted(r.Text, ':', 2)
	if err != nil {
		return Rule{}, err
	}
	condition := pieces[len(pieces)-1]
	if len(pieces) == 2 {
		if r.Where, err = parseSelectors(pieces[0]); err != nil {
			return Rule{}, err
		}
	}
	at := strings.IndexAny(condition, "<>")
	if at < 0 {
		return Rule{}, errors.New("no <, <=, > or >= in it: write it as 'tpot_mean > 1.05x'")
	}
	r.Op = condition[at : at+1]
	limit := condition[at+1:]
	if strings.HasPrefix(limit, "=") {
		r.Op, limit = r.Op+"=", limit[1:]
	}
	if r.Metric, err = parseMetric(strings.TrimSpace(condition[:at])); err != nil {
		return Rule{}, err
	}
	limit, r.Significant = strings.CutSuffix(strings.TrimSpace(limit), significantly)
	r.Limit, r.Ratio, err = parseLimit(strings.TrimSpace(limit), r.Metric)
	if err == nil && r.Significant && !r.Ratio {
		return Rule{}, fmt.Errorf("%q goes with a ratio to the base, such as 1.05x %[1]s", significantly)
	}
	return r, err
}

// splitUnquoted splits text at a sign, into n pieces at most (n < 0: all), but
// not within the quotes around a value. A quote begins a value or is a part
// of a word.
func splitUnquoted(text string, at byte, n int) ([]string, error) {
	var pieces []string
	from, quote := 0, byte(0)
	for i := range len(text) {
		c := text[i]
		switch {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case (c == '"' || c == '\'') && strings.HasSuffix(strings.TrimRight(text[:i], " "), "="):
			quote = c
		case c == at && len(pieces) != n-1:
			pieces, from = append(pieces, text[from:i]), i+1
		}
	}
	if quote != 0 {
		return nil, fmt.Errorf("a quote that does not end: close it with %c", quote)
	}
	return append(pieces, text[from:]), nil
}

func parseSelectors(text string) ([]Selector, error) {
	parts, err := splitUnquoted(text, ',', -1)
	if err != nil {
		return nil, err
	}
	var out []Selector
	for _, part := range parts {
		s, err := parseSelector(part)
		if err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, nil
}

func parseSelector(text string) (Selector, error) {
	key, value, found := strings.Cut(text, "=")
	s := Selector{Key: strings.TrimSpace(key)}
	value = strings.TrimSpace(value)
	if !found || !slices.Contains(selectorKeys, s.Key) || value == "" {
		return s, fmt.Errorf("selector %q: use %s, each with = and a value; %s", strings.TrimSpace(text), strings.Join(selectorKeys, ", "), quoteHint)
	}
	if s.Key == "name" {
		s.Name = value
		if q := value[0]; q == '"' || q == '\'' {
			if len(value) < 3 || value[len(value)-1] != q {
				return s, fmt.Errorf("selector %q: the name is the whole of what is in quotes", strings.TrimSpace(text))
			}
			s.Name = value[1 : len(value)-1]
		}
		return s, nil
	}
	n, err := strconv.Atoi(value)
	if err != nil || n < 0 {
		return s, fmt.Errorf("selector %q: %q is not a count", strings.TrimSpace(text), value)
	}
	s.Count = n
	return s, nil
}

// quoteHint is for names that hold the signs of a rule.
const quoteHint = `a name with : or , in it takes quotes, name="…"`

// ruleNames are the names of metrics in rules: those of the importer, with or
// without their unit.
func ruleNames() map[string]metric.Key {
	out := map[string]metric.Key{}
	for _, i := range metric.All() {
		out[string(i.Key)] = i.Key
		for _, suffix := range []string{"_ms", "_tok_s", "_req_s", "_s", "_tokens", "_percent"} {
			if short, ok := strings.CutSuffix(string(i.Key), suffix); ok {
				out[short] = i.Key
				break
			}
		}
	}
	return out
}

func parseMetric(name string) (metric.Key, error) {
	if m, ok := ruleNames()[name]; ok {
		return m, nil
	}
	if strings.Contains(name, ":") {
		return "", fmt.Errorf("figure %q is not known: %s", name, quoteHint)
	}
	var short []string
	for _, m := range []string{"ttft", "tpot", "itl", "e2el"} {
		short = append(short, m+"_mean", m+"_median", m+"_p99")
	}
	short = append(short, "output_throughput", "request_throughput", "total_throughput", "engine_prefill", "failed")
	return "", fmt.Errorf("figure %q is not known: use %s and the like", name, strings.Join(short, ", "))
}

// unitFactors turn what a limit may be written in into a metric's unit.
var unitFactors = map[string]map[string]float64{
	"ms":    {"us": 1e-3, "µs": 1e-3, "ms": 1, "s": 1000},
	"s":     {"ms": 1e-3, "s": 1},
	"tok/s": {"tok/s": 1},
	"req/s": {"req/s": 1},
}

// parseLimit reads "1.05x" or "800ms".
func parseLimit(text string, m metric.Key) (limit float64, ratio bool, err error) {
	end := len(text)
	for end > 0 && !strings.ContainsRune("0123456789.", rune(text[end-1])) {
		end--
	}
	unit := strings.TrimSpace(text[end:])
	v, err := strconv.ParseFloat(text[:end], 64)
	if err != nil || math.IsNaN(v) || math.IsInf(v, 0) || v < 0 {
		return 0, false, fmt.Errorf("limit %q is not a number with a unit: write 1.05x, or 800ms", text)
	}
	if unit == "x" {
		if v == 0 {
			return 0, false, fmt.Errorf("limit %q: no ratio is below 0: use a positive one", text)
		}
		return v, true, nil
	}
	own := m.Info().Unit
	if factor, ok := unitFactors[own][unit]; ok {
		return v * factor, false, nil
	}
	if unit == own && own != "" {
		return v, false, nil
	}
	if own == "" {
		return 0, false, fmt.Errorf("limit %q: %s takes a ratio to the base, such as 1.05x", text, m)
	}
	return 0, false, fmt.Errorf("limit %q: %s is in %s; write that, or a ratio such as 1.05x", text, m, own)
}

// picks says whether the rule is for a scenario.
func (r *Rule) picks(name string, l ComparedLoad) bool {
	for _, s := range r.Where {
		ok := false
		switch s.Key {
		case "c":
			ok = l.Concurrency == s.Count
		case "in":
			ok = l.Input == s.Count
		case "out":
			ok = l.Output == s.Count
		case "n":
			ok = l.Prompts == s.Count
		case "name":
			ok = strings.EqualFold(name, s.Name)
		}
		if !ok {
			return false
		}
	}
	return true
}

// GateOutcome is what a gate found.
type GateOutcome struct {
	// Violations has one line per violated rule and compared run.
	Violations []string `json:"violations"`
	// Errors are rules that could not be judged, one line each: nothing
	// matched, or a figure is missing. They are not passes.
	Errors []string `json:"errors"`
	// Notices are what was judged all the same and is not beyond doubt: a
	// scenario in which requests failed, one line per rule and run.
	Notices []string `json:"notices"`
}

// Gate judges the rules. A rule is judged for every scenario that it picks in
// every compared run, and can only pass if all of them have the figure.
func (c *Comparison) Gate(rules []Rule) GateOutcome {
	var out GateOutcome
	for i := range rules {
		for k := range c.Pairs {
			rules[i].judge(&c.Pairs[k], &out)
		}
	}
	return out
}

// judging is one rule on one pair.
type judging struct {
	picked, broken int
	worst          string
	far            float64  // how far the worst is beyond the limit, as a factor
	gaps, doubts   []string // scenarios that can't be judged, and those with failures
}

// judge is one rule on one pair.
func (r *Rule) judge(p *Pair, out *GateOutcome) {
	var j judging
	for i := range p.Scenarios {
		if s := &p.Scenarios[i]; r.picks(s.Name, s.Load) {
			j.picked++
			r.judgeScenario(s, p, &j)
		}
	}
	for _, u := range p.Unmatched {
		if u.Run == p.A && r.picks(u.Name, u.Load) {
			j.picked++
			j.gaps = append(j.gaps, fmt.Sprintf("%s: only %s has it", u.Name, p.A))
		}
	}
	name := fmt.Sprintf("gate %q on %s", r.Text, p.B)
	if j.broken > 0 {
		out.Violations = append(out.Violations, fmt.Sprintf("%s: violated in %d of %d scenarios, most in %s", name, j.broken, j.picked, j.worst))
	}
	switch {
	case j.picked == 0:
		out.Errors = append(out.Errors, name+": no scenario matches it; nothing was checked")
	case len(j.gaps) > 0:
		out.Errors = append(out.Errors, fmt.Sprintf("%s: %d of %d scenarios can't be judged; %s", name, len(j.gaps), j.picked, j.gaps[0]))
	}
	if len(j.doubts) > 0 {
		out.Notices = append(out.Notices, fmt.Sprintf("%s: %d of %d scenarios are not beyond doubt; %s", name, len(j.doubts), j.picked, strings.Join(j.doubts, "; ")))
	}
}

func (r *Rule) judgeScenario(s *ComparedScenario, p *Pair, j *judging) {
	v, text, err := r.figure(s, p)
	if err != nil {
		j.gaps = append(j.gaps, fmt.Sprintf("%s: %s", s.Name, err))
		return
	}
	if doubts := s.doubts(p); len(doubts) > 0 && r.Metric != metric.FailedShare {
		j.doubts = append(j.doubts, s.Name+": "+strings.Join(doubts, ", "))
	}
	if !r.violated(v) || r.Significant && s.figure(r.Metric).Verdict() != Differs {
		return
	}
	j.broken++
	if d := math.Abs(math.Log(max(v, 1e-12) / r.limit())); d >= j.far {
		j.far, j.worst = d, s.Name+": "+text
	}
}

// side is one run's verdict on a scenario.
type side struct {
	label string
	v     *result.Verdict
}

func (s *ComparedScenario) sides(p *Pair) []side { return []side{{p.A, s.VerdictA}, {p.B, s.VerdictB}} }

// doubts are why figures of a scenario may not be its own: requests that failed,
// and what its verdict says beside that.
func (s *ComparedScenario) doubts(p *Pair) []string {
	out := slices.Clone(s.failures)
	for _, side := range s.sides(p) {
		if side.v.Trusted() || side.v.State == result.StateInvalid && len(s.failures) > 0 {
			continue
		}
		out = append(out, side.label+" is "+oneline.Of(side.v.String()))
	}
	return out
}

// wrong says that a side's output is wrong, or that it has none: not what to
// judge speed by. Requests that failed are told beside the rule instead.
func (s *ComparedScenario) wrong(p *Pair) error {
	if len(s.failures) > 0 {
		return nil
	}
	for _, side := range s.sides(p) {
		if side.v != nil && side.v.State == result.StateInvalid {
			return fmt.Errorf("%s is %s", side.label, oneline.Of(side.v.String()))
		}
	}
	return nil
}

func (r *Rule) limit() float64 { return max(r.Limit, 1e-12) }

// onLimit is the relative difference below which a figure is the limit: a
// quotient of two decimal numbers is rarely the decimal number it should be.
const onLimit = 1e-9

func (r *Rule) violated(v float64) bool {
	on := math.Abs(v-r.Limit) <= onLimit*r.Limit
	switch r.Op {
	case ">":
		return v > r.Limit && !on
	case ">=":
		return v >= r.Limit || on
	case "<":
		return v < r.Limit && !on
	}
	return v <= r.Limit || on
}

// figure is the value that the rule judges in a scenario, and its text.
func (r *Rule) figure(s *ComparedScenario, p *Pair) (v float64, text string, err error) {
	f := s.figure(r.Metric)
	info := r.Metric.Info()
	if err := s.wrong(p); err != nil && r.Metric != metric.FailedShare {
		return 0, "", err
	}
	switch {
	case f == nil || f.B == nil:
		return 0, "", fmt.Errorf("%s has no %s", p.B, r.Metric)
	case f.NotSame != "":
		return 0, "", fmt.Errorf("%s is not the same quantity in both (%s)", r.Metric, f.NotSame)
	case !r.Ratio:
		return *f.B, info.Format(*f.B) + " " + info.Unit, nil
	case f.A == nil:
		return 0, "", fmt.Errorf("%s has no %s", p.A, r.Metric)
	case s.CacheDiffers:
		return 0, "", errors.New("the cache state differs, so a ratio means nothing; compare runs of one state")
	case f.Ratio == nil:
		return 0, "", fmt.Errorf("%s is 0 in %s and has no ratio", r.Metric, p.A)
	case r.Significant && f.Verdict() == TwoRuns:
		return 0, "", fmt.Errorf("%s differs in these two runs, and one pass a side does not tell whether the next would; it takes %s", r.Metric, f.Need)
	case r.Significant && f.Interval == nil:
		return 0, "", fmt.Errorf("the difference of %s can't be tested (%s)", r.Metric, f.Why)
	}
	return *f.Ratio, fmt.Sprintf("%sx (%s against %s %s)", ratioText(*f.Ratio), info.Format(*f.B), info.Format(*f.A), info.Unit), nil
}

// ParseMetric finds a metric by its name, with or without its unit: "tpot_mean".
func ParseMetric(name string) (metric.Key, error) { return parseMetric(name) }

// Measure is a metric of both sides, nil where none has it.
func (s *ComparedScenario) Measure(m metric.Key) *Measure { return s.figure(m) }

// figure finds a metric of the scenario, nil for none.
func (s *ComparedScenario) figure(m metric.Key) *Measure {
	for i := range s.all {
		if s.all[i].Metric == m {
			return &s.all[i]
		}
	}
	return nil
}
