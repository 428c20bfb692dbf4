package suite

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"ceiling/bench/result"
)

// ParseBounds reads limits with commas between them, "ttft_p99=2s,tpot_mean=60ms":
// a figure (ttft, tpot, e2el), its statistic (mean, median, p99, p99.9 …; p99
// where there is none) and a time with ms or s, without a unit in ms.
func ParseBounds(text string) ([]result.Bound, error) {
	return parseBounds(text, "give ttft, tpot or e2el with a statistic and a time, as in ttft_p99=2s,tpot_mean=60ms")
}

// parseBounds is that with what errors say about the form.
func parseBounds(text, form string) ([]result.Bound, error) {
	var out []result.Bound
	for part := range strings.SplitSeq(text, ",") {
		b, err := parseBound(part)
		twice := func(o result.Bound) bool { return o.Figure == b.Figure && o.Stat == b.Stat }
		if err == nil && slices.ContainsFunc(out, twice) {
			err = fmt.Errorf("%q: %s has a limit already", part, b.Title())
		}
		if err != nil {
			return nil, fmt.Errorf("%w: %s", err, form)
		}
		out = append(out, b)
	}
	return out, nil
}

func parseBound(part string) (result.Bound, error) {
	name, value, _ := strings.Cut(part, "=")
	figure, stat, _ := strings.Cut(strings.ToLower(strings.TrimSpace(name)), "_")
	b := result.Bound{Figure: figure, Stat: stat}
	switch stat {
	case "":
		b.Stat = "p99"
	case "median":
		b.Stat = "p50"
	}
	p, isPercentile := b.Percentile()
	ms, err := parseMillis(value)
	switch {
	case !slices.Contains(result.Bounded(), figure) || b.Stat != "mean" && !isPercentile || err != nil:
		return b, fmt.Errorf("%q is no limit", part)
	case isPercentile && !(p > 0 && p <= mostPercentile):
		return b, fmt.Errorf("%q: percentile \"%g\" is not above 0 and up to %g", part, p, mostPercentile)
	case !(ms >= minSLO && ms <= maxSLO):
		return b, fmt.Errorf("%q is outside %g to %g milliseconds", part, minSLO, maxSLO)
	}
	b.MaxMs = ms
	return b, nil
}

// mostPercentile is the highest that a search takes: beyond it ten thousand
// requests would not do.
const mostPercentile = 99.9

// parseMillis reads a time in ms: a number alone, or with a unit of Go's.
func parseMillis(text string) (float64, error) {
	text = strings.TrimSpace(text)
	if ms, err := strconv.ParseFloat(strings.TrimSuffix(text, "ms"), 64); err == nil {
		return ms, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		return math.NaN(), err
	}
	return float64(d) / float64(time.Millisecond), nil
}

// ParseSLO reads limits of p99 TTFT and p99 TPOT, "ttft=500,tpot=50" or one of
// the two; nil for "".
func ParseSLO(text string) (*result.SLO, error) {
	if text == "" {
		return nil, nil
	}
	const form = "give ttft=MS, tpot=MS or both with a comma, as in ttft=500,tpot=50"
	bounds, err := parseBounds(text, form)
	if err != nil {
		return nil, err
	}
	for _, b := range bounds {
		if b.Figure == "e2el" || b.Stat != "p99" {
			return nil, fmt.Errorf("%q is no limit of a p99 of TTFT or TPOT: %s", b.Title(), form)
		}
	}
	return result.SLOOf(bounds), nil
}
