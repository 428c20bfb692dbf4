package report

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"ceiling/bench"
	"ceiling/report/prose"
)

// What a claim says is true, and its numbers are right: each key has a predicate
// here that looks at bench.Results alone and shares no code with the rules. It
// gives the figures that the claim has to print, in any order.

// view is a scenario of a run, or with i = -1 the run.
type view struct {
	run *bench.Results
	i   int
}

// truth says whether a claim holds and which figures it prints.
type truth func(v view) (holds bool, figures []float64)

// nan is a figure that is not there; no comparison with it holds.
var nan = math.NaN()

func val(p *float64) float64 {
	if p == nil {
		return nan
	}
	return *p
}

func (v view) res() *bench.Result { return &v.run.Results[v.i] }

func (v view) det() *bench.Detail {
	if len(v.run.Details) == 0 {
		return nil
	}
	return &v.run.Details[v.i]
}

func (v view) at(i int) view { return view{v.run, i} }

func (v view) bad() bool {
	if d := v.det(); d != nil && d.Status != "" {
		return d.Status == bench.StatusFailed
	}
	return v.res().Error != nil
}

func (v view) open() bool { return v.det() != nil && v.det().RequestRate != nil }

func (v view) alone() bool { return v.res().Concurrency == 1 && !v.open() }

// ranged is the half width of the lengths' range.
func (v view) ranged() float64 {
	if d := v.det(); d != nil {
		return d.RangeRatio
	}
	if strings.Contains(v.res().Name, "Mixed") {
		return 0.5
	}
	return 0
}

func (v view) burst() bool {
	r := v.res()
	return !v.open() && r.Concurrency > 1 && r.NumPrompts >= 1 && r.NumPrompts <= r.Concurrency
}

// bundles says whether gaps are between deliveries.
func (v view) bundles() bool {
	return v.det() == nil && val(v.res().ITLMeanMs)/val(v.res().TPOTMeanMs) >= 1.5
}

// best is the peak second, where it counts all tokens.
func (v view) best() float64 {
	r := v.res()
	if v.bundles() || val(r.DurationS) >= 10 && val(r.PeakOutputThroughput) < 0.8*val(r.OutputThroughput) {
		return nan
	}
	return val(r.PeakOutputThroughput)
}

// whole is a request's mean duration in ms.
func (v view) whole() float64 {
	r, d := v.res(), v.det()
	switch {
	case d != nil && d.E2EL != nil:
		return 1000 * d.E2EL.Mean
	case v.ranged() == 0 && r.OutputLen > 1:
		return val(r.TTFTMeanMs) + float64(r.OutputLen-1)*val(r.TPOTMeanMs)
	default:
		return nan
	}
}

// measured are the scenarios with figures.
func (v view) measured() []view {
	var out []view
	for i := range v.run.Results {
		if s := v.at(i); !s.bad() {
			out = append(out, s)
		}
	}
	return out
}

// sweep are the measured points of the scaling series.
func (v view) sweep() []view {
	var out []view
	for _, i := range v.run.Series() {
		if s := v.at(i); !s.bad() {
			out = append(out, s)
		}
	}
	return out
}

func (v view) inSweep() bool { return slices.Contains(v.sweep(), v) }

// positive says whether all are figures above zero.
func positive(p ...*float64) bool {
	return !slices.ContainsFunc(p, func(x *float64) bool { return x == nil || !(*x > 0) })
}

// candidates are the sweep's points that can be the sweet spot, with the lowest
// p99 TTFT and p99 TPOT of them.
func (v view) candidates() (points []view, ttft, tpot float64) {
	ttft, tpot = math.Inf(1), math.Inf(1)
	for _, s := range v.sweep() {
		if r := s.res(); positive(r.TTFTP99Ms, r.TPOTP99Ms, r.OutputThroughput) {
			points = append(points, s)
			ttft, tpot = min(ttft, *r.TTFTP99Ms), min(tpot, *r.TPOTP99Ms)
		}
	}
	return points, ttft, tpot
}

func (v view) perUser() float64 { return val(v.res().OutputThroughput) / float64(v.res().Concurrency) }

// sweet is the sweet spot, with i = -1 for none.
func (v view) sweet() view {
	points, ttft, tpot := v.candidates()
	best := v.at(-1)
	for _, s := range points {
		if *s.res().TTFTP99Ms <= 2*ttft && *s.res().TPOTP99Ms <= 2*tpot && (best.i < 0 || s.perUser() > best.perUser()) {
			best = s
		}
	}
	return best
}

// top is the sweep's point with the highest output, with i = -1 for none.
func (v view) top() view {
	best := v.at(-1)
	for _, s := range v.sweep() {
		if positive(s.res().OutputThroughput) && (best.i < 0 || *s.res().OutputThroughput > *best.res().OutputThroughput) {
			best = s
		}
	}
	return best
}

// below is the measured point of the sweep next below, with i = -1 for none.
func (v view) below() view {
	best := v.at(-1)
	for _, s := range v.sweep() {
		if c := s.res().Concurrency; c < v.res().Concurrency && (best.i < 0 || c > best.res().Concurrency) {
			best = s
		}
	}
	return best
}

// single is the single stream with the nearest prompt length.
func (v view) single() view {
	far := func(s view) float64 {
		return math.Abs(math.Log(float64(v.res().InputLen) / float64(s.res().InputLen)))
	}
	best := v.at(-1)
	for _, s := range v.measured() {
		if s != v && s.alone() && (best.i < 0 || far(s) < far(best)) {
			best = s
		}
	}
	return best
}

// peer is the first scenario that runs as many requests at a time.
func (v view) peer() view {
	for _, s := range v.measured() {
		if s != v && s.res().Concurrency == v.res().Concurrency && (s.inSweep() || v.res().Concurrency == 1) && !v.inSweep() {
			return s
		}
	}
	return v.at(-1)
}

// Figures as they are printed.

func msFigure(v float64) float64 {
	if v >= 999.5 {
		return v / 1000
	}
	return v
}

func ms(p *float64) float64 { return msFigure(val(p)) }

func pct(part float64) float64 {
	v, _ := strconv.ParseFloat(fmt.Sprintf("%.0f", 100*part), 64)
	switch {
	case part > 0 && v == 0:
		return 1
	case part < 1 && v == 100:
		return 99
	default:
		return v
	}
}

// diff are the figures of a comparison in words.
func diff(q float64) []float64 {
	switch p := math.Round(100 * math.Abs(q-1)); {
	case q >= 2:
		return []float64{q}
	case p == 0:
		return nil
	default:
		return []float64{p}
	}
}

func n(i int) float64 { return float64(i) }

// latencyFigures says what holds of mean, median and p99.
func (v view) ttft() (mean, median, p99 float64) {
	return val(v.res().TTFTMeanMs), val(v.res().TTFTMedianMs), val(v.res().TTFTP99Ms)
}

// onTTFT makes a truth of a condition on mean, median and p99 TTFT.
func onTTFT(holds func(mean, median, p99 float64) bool, figures func(r *bench.Result) []float64) truth {
	return func(v view) (bool, []float64) {
		r := v.res()
		return positive(r.TTFTMeanMs, r.TTFTMedianMs, r.TTFTP99Ms) && holds(v.ttft()), figures(r)
	}
}

func onTPOT(holds func(tail float64) bool, ratio bool) truth {
	return func(v view) (bool, []float64) {
		r := v.res()
		tail := val(r.TPOTP99Ms) / val(r.TPOTMeanMs)
		figures := []float64{ms(r.TPOTMeanMs), ms(r.TPOTP99Ms)}
		if ratio {
			figures = append(figures, tail)
		}
		return positive(r.TPOTMeanMs, r.TPOTP99Ms) && holds(tail), figures
	}
}

func onITL(holds func(v view, reach float64) bool, more ...float64) truth {
	return func(v view) (bool, []float64) {
		r := v.res()
		return !v.bundles() && holds(v, val(r.ITLP99Ms)/val(r.ITLMedianMs)), append([]float64{ms(r.ITLMedianMs), ms(r.ITLP99Ms)}, more...)
	}
}

func onSwing(holds func(swing float64) bool) truth {
	return func(v view) (bool, []float64) {
		r := v.res()
		return val(r.DurationS) >= 3 && holds(v.best()/val(r.OutputThroughput)) || r.DurationS == nil && holds(v.best()/val(r.OutputThroughput)),
			[]float64{val(r.OutputThroughput), v.best()}
	}
}

// unequal is on equal work that took unequal time.
func unequal(holds func(d *bench.Detail) bool) truth {
	return onWork(func(v view) bool {
		return v.alone() && v.ranged() == 0 && holds(v.det())
	}, onTTFT(func(_, median, p99 float64) bool { return p99/median >= 2 },
		func(r *bench.Result) []float64 { return []float64{ms(r.TTFTMedianMs), ms(r.TTFTP99Ms)} }))
}

// onWork adds a condition to a truth.
func onWork(also func(v view) bool, t truth) truth {
	return func(v view) (bool, []float64) {
		holds, figures := t(v)
		return holds && also(v), figures
	}
}

func threeTTFT(r *bench.Result) []float64 {
	return []float64{ms(r.TTFTMeanMs), ms(r.TTFTMedianMs), ms(r.TTFTP99Ms)}
}

func twoTTFT(r *bench.Result) []float64 { return []float64{ms(r.TTFTMeanMs), ms(r.TTFTP99Ms)} }

func tailTTFT(r *bench.Result) []float64 {
	return append(twoTTFT(r), val(r.TTFTP99Ms)/val(r.TTFTMeanMs))
}

// onStep is on a point and the one below it.
func onStep(holds func(gain, more float64) bool, shown func(gain, more float64) []float64) truth {
	return func(v view) (bool, []float64) {
		p := v.below()
		if p.i < 0 {
			return false, nil
		}
		gain := val(v.res().OutputThroughput) / val(p.res().OutputThroughput)
		more := n(v.res().Concurrency) / n(p.res().Concurrency)
		figures := append(diff(gain), diff(val(v.res().TPOTMeanMs)/val(p.res().TPOTMeanMs))...)
		figures = append(figures, n(v.res().Concurrency), n(p.res().Concurrency))
		return v.inSweep() && holds(gain, more), append(figures, shown(gain, more)...)
	}
}

// onRole is on a point's p99 TTFT and TPOT against the lowest.
func onRole(ttftOver, tpotOver bool) truth {
	return func(v view) (bool, []float64) {
		points, ttft, tpot := v.candidates()
		a, b := val(v.res().TTFTP99Ms), val(v.res().TPOTP99Ms)
		return slices.Contains(points, v) && (a > 2*ttft) == ttftOver && (b > 2*tpot) == tpotOver, []float64{2, a / ttft, b / tpot}
	}
}

// onPeer compares mean TPOT with another shape at the same concurrency.
func onPeer(holds func(q float64) bool, shown func(v, o view) []float64) truth {
	return func(v view) (bool, []float64) {
		o := v.peer()
		if o.i < 0 {
			return false, nil
		}
		differs := v.res().InputLen != o.res().InputLen || v.res().OutputLen != o.res().OutputLen
		return differs && holds(val(v.res().TPOTMeanMs)/val(o.res().TPOTMeanMs)), append(shown(v, o), n(o.res().InputLen), n(o.res().OutputLen))
	}
}

func peerRatio(v, o view) []float64 { return diff(val(v.res().TPOTMeanMs) / val(o.res().TPOTMeanMs)) }

// onSingle compares with a single stream.
func onSingle(holds func(v, s view) bool, shown func(v, s view) []float64) truth {
	return func(v view) (bool, []float64) {
		s := v.single()
		if s.i < 0 || v.res().Concurrency < 2 {
			return false, nil
		}
		return holds(v, s), shown(v, s)
	}
}

func sharingFigures(v, s view) []float64 {
	return []float64{val(v.res().OutputThroughput) / val(s.res().OutputThroughput), val(v.res().TPOTMeanMs) / val(s.res().TPOTMeanMs)}
}

func sharingHolds(v, s view) bool {
	q := sharingFigures(v, s)
	return q[0] >= 1 && q[1] >= 1
}

// implied is the prefill rate that mean TTFT means for one user.
func implied(v view) float64 { return 1000 * n(v.res().InputLen) / val(v.res().TTFTMeanMs) }

func impliedFigures(v, s view) []float64 { return []float64{implied(v), implied(s)} }

func alike(v, s view) bool {
	q := n(v.res().InputLen) / n(s.res().InputLen)
	return q <= 4 && q >= 0.25
}

// waited is the part of mean TTFT before a prompt's first step.
func (v view) waited() float64 {
	d := v.det()
	if d == nil || d.TTFT == nil || d.Prefill == nil || d.TTFT.Count != d.Prefill.Count {
		return nan
	}
	return 1 - d.Prefill.Mean/d.TTFT.Mean
}

// figuresOver are a point's output, p99 TTFT and TPOT against another's.
func figuresOver(p, s view) []float64 {
	return []float64{val(p.res().OutputThroughput) / val(s.res().OutputThroughput),
		val(p.res().TTFTP99Ms) / val(s.res().TTFTP99Ms), val(p.res().TPOTP99Ms) / val(s.res().TPOTP99Ms)}
}

// most is the measured scenario with the highest figure.
func (v view) most(of func(view) float64) view {
	best := v.at(-1)
	for _, s := range v.measured() {
		if f := of(s); f > 0 && (best.i < 0 || f > of(best)) {
			best = s
		}
	}
	return best
}

func planned(v view) int { return max(len(v.run.Results), len(v.run.Planned)) }

func always(view) (bool, []float64) { return true, nil }

// claimKeys are the keys in the package's source: the first argument of every
// call of claim.
func claimKeys(t *testing.T) []string {
	t.Helper()
	keys := map[string]bool{}
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".go") || strings.HasSuffix(e.Name(), "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), e.Name(), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(node ast.Node) bool {
			call, ok := node.(*ast.CallExpr)
			if !ok || len(call.Args) == 0 {
				return true
			}
			name, _ := call.Fun.(*ast.Ident)
			method, _ := call.Fun.(*ast.SelectorExpr)
			if name != nil && name.Name == "claim" || method != nil && method.Sel.Name == "sharing" {
				if lit, ok := call.Args[0].(*ast.BasicLit); ok {
					key, _ := strconv.Unquote(lit.Value)
					keys[key] = true
				}
			}
			return true
		})
	}
	return slices.Sorted(maps.Keys(keys))
}

var printed = regexp.MustCompile(`[0-9][0-9,]*(?:\.[0-9]+)?(?:e[+-][0-9]+)?`)

// figuresIn are the numbers of a phrase but for those in names.
func figuresIn(phrase string, names []string) []float64 {
	for _, name := range names {
		phrase = strings.ReplaceAll(phrase, name, "")
	}
	var out []float64
	for _, text := range printed.FindAllString(strings.ReplaceAll(phrase, "p99", ""), -1) {
		v, _ := strconv.ParseFloat(strings.ReplaceAll(text, ",", ""), 64)
		out = append(out, v)
	}
	return out
}

// sameFigures compares what a phrase prints with what it has to: measured
// figures with three significant digits, counts with all.
func sameFigures(got, want []float64) bool {
	want = slices.Clone(want)
	for _, g := range got {
		i := slices.IndexFunc(want, func(w float64) bool {
			rounded, _ := strconv.ParseFloat(strconv.FormatFloat(w, 'e', 2, 64), 64)
			return g == w || g == rounded
		})
		if i < 0 {
			return false
		}
		want = slices.Delete(want, i, i+1)
	}
	return len(want) == 0
}

// namesIn are the texts of a run that may hold digits of their own, the longest
// first.
func namesIn(r *bench.Results) []string {
	names := []string{r.Model, r.Hardware}
	for i := range r.Results {
		names = append(names, oneLine(r.Results[i].Name))
		if e := r.Results[i].Error; e != nil {
			names = append(names, oneLine(*e))
		}
	}
	names = append(names, r.Planned...)
	slices.SortFunc(names, func(a, b string) int { return len(b) - len(a) })
	return slices.DeleteFunc(names, func(s string) bool { return len(s) < 2 })
}

// viewOf is what a section is about.
func viewOf(r *bench.Results, s *prose.Section) view {
	v := view{r, -1}
	if _, err := fmt.Sscanf(s.ID, "interpretation %d", &v.i); err == nil {
		v.i--
	}
	return v
}

// Every claim of thousands of runs is true by its predicate, prints the figures
// that this gives, in every wording, and every claim of the code occurs.
func TestClaimsAreTrue(t *testing.T) {
	seen := map[string]int{}
	faults := 0
	manyRuns(t, func(what string, r *bench.Results) {
		if faults > 20 {
			return
		}
		names := namesIn(r)
		for _, s := range Sections(r) {
			for _, c := range s.Claims {
				seen[c.Key]++
				predicate := truths[c.Key]
				if predicate == nil {
					continue
				}
				holds, figures := predicate(viewOf(r, &s))
				if !holds {
					faults++
					t.Errorf("%s, %s: %s does not hold: %q", what, s.ID, c.Key, c.Phrases)
				}
				for _, phrase := range c.Phrases {
					if got, want := figuresIn(phrase, names), figures; !sameFigures(got, want) {
						faults++
						t.Errorf("%s, %s: %s prints %v, want %v: %q", what, s.ID, c.Key, got, want, phrase)
					}
				}
			}
		}
	})
	for _, key := range claimKeys(t) {
		if truths[key] == nil {
			t.Errorf("no predicate for %s", key)
		}
		if seen[key] == 0 {
			t.Errorf("%s never occurred", key)
		}
	}
	for key := range truths {
		if !slices.Contains(claimKeys(t), key) {
			t.Errorf("a predicate for %s, which no rule claims", key)
		}
	}
}

// What qualifies a section's figures is always among its claims, and printed
// whatever a model chose.
func TestNoticesAreThere(t *testing.T) {
	shown := map[string]int{}
	manyRuns(t, func(what string, r *bench.Results) {
		rng := rand.New(rand.NewPCG(uint64(len(what)), 7))
		choices := choose(r, rng, 9)
		for _, s := range Sections(r) {
			v := viewOf(r, &s)
			due := []string{"use", "rerun"} // by section: which of these hold
			switch s.Kind {
			case prose.Summary:
				due = []string{"scope.part", "sweet", "sweet.none"}
			case prose.Interpretation:
				due = []string{"failed", "burst"}
				if v.det() != nil {
					due = append(due, "partial", "cache")
				}
			}
			printed := map[string]bool{}
			for _, line := range s.Lines(choices.Choices(s.ID)) {
				printed[line.Text] = true
			}
			for _, key := range due {
				if v.i < 0 && (key == "sweet" || key == "use") && v.sweet().i < 0 {
					continue
				}
				if holds, _ := truths[key](v); !holds {
					continue
				}
				i := slices.IndexFunc(s.Claims, func(c prose.Claim) bool { return c.Key == key && c.Required })
				if i < 0 || !printed[strings.ToUpper(s.Claims[i].Phrases[0][:1])+s.Claims[i].Phrases[0][1:]+"."] {
					t.Fatalf("%s, %s: %s holds but is not printed", what, s.ID, key)
				}
				shown[key]++
			}
		}
	})
	for _, key := range []string{"failed", "burst", "partial", "cache", "scope.part", "sweet", "sweet.none", "use", "rerun"} {
		if shown[key] < 20 {
			t.Errorf("%s was printed %d times only", key, shown[key])
		}
	}
}
