package result

import (
	"fmt"
	"math"
	"slices"
)

// TuningPlan says what a search for the fastest settings is to do.
type TuningPlan struct {
	// Goals are what is measured of each probe: the first is to become faster, the
	// others are not to become slower.
	Goals []TuningGoal `json:"goals"`
	// Knobs are the settings that are searched, in that order, and Skipped those
	// that this machine, build or load has no use for.
	Knobs   []TunedKnob   `json:"knobs"`
	Skipped []SkippedKnob `json:"skipped,omitempty"`
	// Search are the settings with values that were asked for, as they were
	// written; none: all that there are.
	Search  []string `json:"search,omitempty"`
	QuantKV bool     `json:"allow_kv_quant,omitempty"`
	BudgetS float64  `json:"budget_s"`
	Pairs   int      `json:"pairs"` // of the confirmation
}

// Reaches tells whether a knob needs more than another session.
func (p *TuningPlan) Reaches() bool {
	return p != nil && slices.ContainsFunc(p.Knobs, func(k TunedKnob) bool { return Setting{Name: k.Name}.Reach() > OfSession })
}

// Tuning is a search for the fastest settings, and what it came to.
type Tuning struct {
	TuningPlan
	// Best are the settings that the search ended with, in the order of
	// SettingNames; none: the defaults, which are the engine's flags as they were
	// given.
	Best []Setting `json:"best"`
	// Confirmation holds Best against the defaults; nil: not made.
	Confirmation *Confirmation `json:"confirmation,omitempty"`
	// Unfinished says that the search was ended before it was done, and why.
	Unfinished string   `json:"unfinished,omitempty"`
	Notes      []string `json:"notes,omitempty"`
	// Probes are all measurements in their order. A search that goes on makes its
	// decisions again from them.
	Probes []TuningProbe `json:"probes"`
}

// TuningGoal is a figure at a number of requests in flight.
type TuningGoal struct {
	Name        string  `json:"name"`   // as it was asked for: "throughput@c=32"
	Figure      string  `json:"figure"` // one of TuningFigures
	Concurrency int     `json:"concurrency"`
	Bounds      []Bound `json:"bounds,omitempty"` // of TuningSLO
}

// What can be tuned for.
const (
	TuningDecode     = "decode"     // 1 / mean TPOT, tok/s of a request
	TuningPrefill    = "prefill"    // the engine's own prefill rate, tok/s
	TuningThroughput = "throughput" // output tok/s
	TuningTTFT       = "ttft"       // mean TTFT, ms
	TuningSLO        = "slo"        // the largest share of a limit that a figure takes, percent
)

// TuningFigures are all of them.
func TuningFigures() []string {
	return []string{TuningDecode, TuningPrefill, TuningThroughput, TuningTTFT, TuningSLO}
}

// LowerIsBetter tells whether less of the goal's figure is faster.
func (g *TuningGoal) LowerIsBetter() bool { return g.Figure == TuningTTFT || g.Figure == TuningSLO }

// Unit is that of the goal's figure.
func (g *TuningGoal) Unit() string {
	switch g.Figure {
	case TuningTTFT:
		return "ms"
	case TuningSLO:
		return "% of the limit"
	}
	return "tok/s"
}

// Title names the figure with its load: "decode at c=1".
func (g *TuningGoal) Title() string {
	name := g.Figure
	switch g.Figure {
	case TuningTTFT:
		name = "TTFT mean"
	case TuningSLO:
		name = "share of the limits"
	}
	return fmt.Sprintf("%s at c=%d", name, g.Concurrency)
}

// Kept tells whether a value of TuningSLO keeps the limits.
func (g *TuningGoal) Kept(value float64) bool { return g.Figure != TuningSLO || value <= 100*(1+1e-9) }

// TunedKnob is a setting with what was found of its values.
type TunedKnob struct {
	Name   string       `json:"name"`
	Values []TunedValue `json:"values"` // the first is the default
	// Chosen is the index of the value that the search went on with.
	Chosen int `json:"chosen"`
	// Rounds are those of the knob's last race; 0: it had none.
	Rounds int `json:"rounds"`
	// Beside are the other settings that it was raced with.
	Beside []Setting `json:"beside,omitempty"`
}

// Setting is the setting of a value.
func (k *TunedKnob) Setting(value int) Setting { return Setting{k.Name, k.Values[value].Value} }

// TunedValue is a value of a setting.
type TunedValue struct {
	Value string `json:"value"`
	// Rounds that it was measured in, side by side with the default of its knob.
	Rounds int `json:"rounds"`
	// Ratios are how many times as fast as with that default it is, by goal; none
	// of the default itself.
	Ratios []SpeedRatio `json:"ratios,omitempty"`
	// Out says why it left the race; "": it did not.
	Out string `json:"out,omitempty"`
}

// SpeedRatio is how many times as fast one thing is as another, with its 95 %
// interval; nil: there are too few values for one.
type SpeedRatio struct {
	Value float64  `json:"value"`
	Lo    *float64 `json:"lo"`
	Hi    *float64 `json:"hi"`
}

// NewSpeedRatio is the geometric mean of ratios, with Student's interval on their
// logarithms; nil for none, or where one is not a positive number.
func NewSpeedRatio(ratios []float64) *SpeedRatio {
	logs := make([]float64, len(ratios))
	for i, v := range ratios {
		if logs[i] = math.Log(v); !(v > 0) || math.IsInf(v, 0) {
			return nil
		}
	}
	if len(ratios) == 0 {
		return nil
	}
	mean, half := MeanInterval(logs)
	r := &SpeedRatio{Value: math.Exp(mean)}
	if !math.IsNaN(half) {
		lo, hi := math.Exp(mean-half), math.Exp(mean+half)
		r.Lo, r.Hi = &lo, &hi
	}
	return r
}

// Faster tells whether the whole interval says so.
func (r SpeedRatio) Faster() bool { return r.Lo != nil && *r.Lo > 1 }

// Slower tells whether the whole interval says so.
func (r SpeedRatio) Slower() bool { return r.Hi != nil && *r.Hi < 1 }

// SkippedKnob is a setting, or some of its values, that was not searched.
type SkippedKnob struct {
	Name string `json:"name"`
	Why  string `json:"why"`
}

// Confirmation holds the best settings against the defaults, each measurement in a
// process that has measured nothing else.
type Confirmation struct {
	Pairs  int          `json:"pairs"`  // measured
	Ratios []SpeedRatio `json:"ratios"` // by goal: the best / the defaults; none without a pair
	// Confirmed: the first goal is faster by its interval, and no other slower.
	Confirmed bool   `json:"confirmed"`
	Why       string `json:"why,omitempty"` // it is not
}

// Kinds of probes.
const (
	ProbeBaseline = "baseline" // the defaults, to see the machine drift
	ProbeRace     = "race"
	ProbeConfirm  = "confirm"
)

// TuningProbe is one measurement with one combination of settings.
type TuningProbe struct {
	Kind     string    `json:"kind"`
	Knob     string    `json:"knob,omitempty"` // that is raced
	Settings []Setting `json:"settings"`
	// Values are the goals' figures in their units; none where it failed.
	Values []float64 `json:"values,omitempty"`
	Failed string    `json:"failed,omitempty"`
	// Passes are those of the scenarios in the results, by the goals' order of
	// loads, that the figures are of.
	Passes  []ProbePass `json:"passes,omitempty"`
	Verdict string      `json:"verdict,omitempty"` // the worst of them
	// WaitS was waited before, and TookS it took since the one before it ended,
	// loading the model and beginning a process included.
	WaitS float64 `json:"wait_s,omitempty"`
	TookS float64 `json:"took_s"`
	// Process numbers the processes of the search from 0.
	Process int `json:"process"`
	// Dropped: the machine had drifted, and it counts for nothing.
	Dropped bool `json:"dropped,omitempty"`
}

// ProbePass is a pass over a scenario of the results.
type ProbePass struct {
	Scenario string `json:"scenario"`
	Pass     int    `json:"pass"`
}

// Winner are the settings that are to be used: the best ones where they were
// confirmed, or where the search was ended before it could; else none, which are
// the defaults.
func (t *Tuning) Winner() []Setting {
	if t.Unfinished == "" && (t.Confirmation == nil || !t.Confirmation.Confirmed) {
		return nil
	}
	return t.Best
}
