package report

import (
	"math"
	"slices"
	"strconv"

	"ceiling/report/prose"
)

// fact is a number that prose may use, or an unknown one: the zero value. A
// rule that needs an unknown fact is silent. Measured facts have the text of
// the tables; derived ones (ratios, shares, times per request) have one of
// their own. No number reaches a sentence any other way.
type fact struct{ prose.Fact }

func (f fact) known() bool { return f.Text != "" }

// ledger makes facts and keeps them: it is the list that the rules, the
// prompt, the grammar and the checker share. A scenario's and a run's ledgers
// are filled before any rule speaks and do not depend on which ones do.
type ledger struct{ facts []prose.Fact }

// add keeps a fact once.
func (l *ledger) add(f prose.Fact) fact {
	if !slices.Contains(l.facts, f) {
		l.facts = append(l.facts, f)
	}
	return fact{f}
}

// borrow adds facts of other ledgers, the unknown ones left out.
func (l *ledger) borrow(facts ...fact) {
	for _, f := range facts {
		if f.known() {
			l.add(f.Fact)
		}
	}
}

// measured is a quantity of the results file; unknown where that has none.
func (l *ledger) measured(of prose.Figure, v *float64, unit string, decimals int) fact {
	text := fixed(v, decimals)
	if text == missing {
		return fact{}
	}
	if unit != "" {
		text += " " + unit
	}
	return l.add(prose.Fact{Value: *v, Unit: unit, Text: text, Of: of})
}

// derived is a quantity computed here, unknown where it came out as no
// finite number.
func (l *ledger) derived(of prose.Figure, v float64, unit string, decimals int) fact {
	return l.measured(of, &v, unit, decimals)
}

// count is a number of things.
func (l *ledger) count(of prose.Figure, n int) fact {
	return l.add(prose.Fact{Value: float64(n), Text: strconv.Itoa(n), Of: of})
}

// ratio is a/b with about three digits, unknown unless both are positive.
func (l *ledger) ratio(a, b fact) fact {
	if !a.known() || !b.known() || a.Value <= 0 || b.Value <= 0 {
		return fact{}
	}
	q := a.Value / b.Value
	if math.IsInf(q, 0) || q == 0 {
		return fact{}
	}
	decimals := 2
	switch {
	case a.Unit == "" && b.Unit == "" && q == math.Trunc(q):
		decimals = 0 // counts: 32 requests are 2× 16
	case q >= 99.95:
		decimals = 0
	case q >= 9.995:
		decimals = 1
	case q < 0.0995:
		decimals = 3
	}
	text := strconv.FormatFloat(q, 'f', decimals, 64) + "×"
	return l.add(prose.Fact{Value: q, Unit: "×", Text: text, Of: a.Of, Against: b.Of})
}

// share is of as a part of against (0 to 1) in whole percent. Nearly nothing
// and nearly all do not print as 0% and 100%. It is unknown outside that range.
func (l *ledger) share(part float64, of, against prose.Figure) fact {
	if !(part >= 0 && part <= 1) {
		return fact{}
	}
	decimals := 0
	var text string
	switch {
	case part == 0 || part == 1:
	case part < 0.0005:
		text = "less than 0.1%"
	case part >= 0.9995:
		text = "more than 99.9%"
	case part <= 0.005 || part >= 0.995: // 0.005 would round to an even 0
		decimals = 1
	}
	if text == "" {
		text = strconv.FormatFloat(100*part, 'f', decimals, 64) + "%"
	}
	return l.add(prose.Fact{Value: part, Unit: "%", Text: text, Of: of, Against: against})
}
