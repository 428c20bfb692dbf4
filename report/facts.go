package report

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"ceiling/internal/figure"
)

// fact is a number as prose prints it, with three significant digits; the zero
// value is an unknown one.
type fact struct {
	value  float64
	number string
	unit   string
}

func (f fact) known() bool { return f.number != "" }

// String is the number with its unit.
func (f fact) String() string { return f.number + f.unit }

// bare is the number alone, where its unit was just said.
func (f fact) bare() fact { return fact{f.value, f.number, ""} }

// quantity is a fact unless v was not measured.
func quantity(v *float64, unit string) fact {
	if v == nil || math.IsNaN(*v) || math.IsInf(*v, 0) || *v < 0 {
		return fact{}
	}
	return fact{*v, significant(*v), unit}
}

// milliseconds prints from one second on in seconds.
func milliseconds(v *float64) fact {
	f := quantity(v, " ms")
	if f.value >= 999.5 {
		return fact{f.value, significant(f.value / 1000), " s"}
	}
	return f
}

func seconds(v *float64) fact { return quantity(v, " s") }
func tokPerS(v *float64) fact { return quantity(v, " tok/s") }

// count is a number of things, all its digits.
func count(n int) fact { return fact{float64(n), figure.Grouped(int64(n)), ""} }

// times is a factor, unknown for NaN.
func times(q float64) fact { return quantity(&q, "×") }

// percent is a part (0 to 1) of a whole, in whole percent; unknown outside.
// Nearly nothing and nearly all do not print as 0 % and 100 %.
func percent(part float64) fact {
	if !(part >= 0 && part <= 1) {
		return fact{}
	}
	number := strconv.FormatFloat(100*part, 'f', 0, 64)
	switch {
	case number == "0" && part > 0:
		number = "under 1"
	case number == "100" && part < 1:
		number = "over 99"
	}
	return fact{part, number, " %"}
}

// ratio is a/b, NaN unless both are known, positive and of one order of size.
func ratio(a, b fact) float64 {
	q := a.value / b.value
	if !a.known() || !b.known() || !(q > 0) || math.IsInf(q, 0) {
		return math.NaN()
	}
	return q
}

// wholePercent is how far a ratio is from 1; 0 for less than half a percent.
func wholePercent(q float64) int { return int(math.Round(100 * math.Abs(q-1))) }

// moreThan compares amounts: "64 % more than", "8 % less than", from twice on
// "2.33× as much as". Like the two below it takes no unknown ratio.
func moreThan(q float64) string { return compared(q, "much", "more", "less") }

// longerThan compares times: "15 % longer than", "53 % less time than".
func longerThan(q float64) string { return compared(q, "long", "longer", "less time") }

func compared(q float64, as, more, less string) string {
	switch p := wholePercent(q); {
	case q >= 2:
		return fmt.Sprintf("%s as %s as", times(q), as)
	case p == 0:
		return fmt.Sprintf("as %s as", as)
	case q > 1:
		return fmt.Sprintf("%d %% %s than", p, more)
	default:
		return fmt.Sprintf("%d %% %s than", p, less)
	}
}

// changes says what became of a figure: "rises by 19 %", "falls by 3 %",
// "stays the same", from twice on "rises to 2.33×".
func changes(q float64) string {
	switch p := wholePercent(q); {
	case q >= 2:
		return "rises to " + times(q).String()
	case p == 0:
		return "stays the same"
	case q > 1:
		return fmt.Sprintf("rises by %d %%", p)
	default:
		return fmt.Sprintf("falls by %d %%", p)
	}
}

// significant has three significant digits at most, thousands grouped:
// 127.97 is "128", 1.5 "1.5", 4862.8 "4,860".
func significant(v float64) string {
	if v != 0 && v < 1e-3 || v >= 1e15 {
		return strconv.FormatFloat(v, 'g', 3, 64)
	}
	rounded, _ := strconv.ParseFloat(strconv.FormatFloat(v, 'e', 2, 64), 64)
	if rounded >= 100 {
		return figure.Grouped(int64(rounded))
	}
	text := strconv.FormatFloat(rounded, 'f', 5, 64)
	return strings.TrimRight(strings.TrimRight(text, "0"), ".")
}

// say formats a phrase, "" where one of its facts is unknown.
func say(format string, args ...any) string {
	for _, a := range args {
		if f, ok := a.(fact); ok && !f.known() {
			return ""
		}
	}
	return fmt.Sprintf(format, args...)
}
