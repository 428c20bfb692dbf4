package report

import (
	"fmt"
	"math"
	"slices"
	"strconv"

	"ceiling/bench/result"
	"ceiling/internal/figure"
	"ceiling/report/doc"
	"ceiling/report/metric"
)

// repeatsFigures are compared over passes.
var repeatsFigures = []metric.Key{metric.OutputThroughput, metric.TTFTMean, metric.TPOTMean}

// repeatsSection shows how much the passes over each scenario differ.
func repeatsSection(r *result.Run, all []scenario) []doc.Block {
	t := &doc.Table{Columns: slices.Concat(doc.Words("Scenario"), doc.Numbers("Passes complete / planned", "Shown"))}
	for _, k := range repeatsFigures {
		t.Columns = append(t.Columns, doc.Numbers(k.Info().Heading()+" min – max", "CV")...)
	}
	for i := range all {
		s := &all[i]
		if s.detail == nil || s.detail.Repeat < 2 {
			continue
		}
		sound := soundPasses(s.detail)
		row := []string{s.Name, fmt.Sprintf("%d / %d", len(sound), s.detail.Repeat), strconv.Itoa(s.detail.Pass + 1)}
		for _, k := range repeatsFigures {
			info := k.Info()
			var x []float64
			for _, p := range sound {
				if v := info.Of(&p.Result, &p.Detail); v != nil {
					x = append(x, *v)
				}
			}
			row = append(row, rangeText(info, x), cvText(x))
		}
		t.Add(row...)
	}
	return append([]doc.Block{doc.Paragraph{Text: doc.T("The suite ran in passes, one after the other. For each scenario the tables of this report show one of them, the pass with the median output throughput; here is how far the passes that completed without a failed request lie apart. " +
		"Lengths and arrivals are the same in every pass" + promptsText(r) + ". CV is the standard deviation over the passes / their mean.")}, t}, processesTable(all)...)
}

// processesTable tells the spread within processes from that between them; nil
// where one process made all passes.
func processesTable(all []scenario) []doc.Block {
	t := &doc.Table{Columns: slices.Concat(doc.Words("Scenario"), doc.Numbers("Processes", "Output Throughput, within", "between", "TPOT mean, within", "between"))}
	for i := range all {
		s := &all[i]
		if s.detail == nil {
			continue
		}
		sound := soundPasses(s.detail)
		within, between, n := variation(sound, metric.OutputThroughput)
		if n < 2 {
			continue
		}
		withinTPOT, betweenTPOT, _ := variation(sound, metric.TPOTMean)
		t.Add(s.Name, strconv.Itoa(n), percentOrMissing(within), percentOrMissing(between), percentOrMissing(withinTPOT), percentOrMissing(betweenTPOT))
	}
	if len(t.Rows) == 0 {
		return nil
	}
	return []doc.Block{doc.Paragraph{Text: doc.T("Each process had a memory layout and a start of its own. Within: the standard deviation of passes of one process; between: that of the processes' means, with what chance puts into them within taken off where it is known. Both as shares of the mean. The command compare takes one value per process.")}, t}
}

// variation splits the variance of a figure over passes into that within and
// that between processes, as coefficients of variation in percent (one-way
// analysis of variance, random effects, by the method of moments; of unequal
// numbers of passes their harmonic mean). nil: not known, of one pass per process
// within, of one process between.
func variation(passes []result.Pass, of metric.Key) (within, between *float64, processes int) {
	groups := map[int][]float64{}
	for i := range passes {
		if v := of.Info().Of(&passes[i].Result, &passes[i].Detail); v != nil {
			p := passes[i].Detail.Process
			groups[p] = append(groups[p], *v)
		}
	}
	var means []float64
	var squares, free, inverse float64
	for _, x := range groups {
		mean, _ := result.Mean(x)
		means = append(means, mean)
		inverse += 1 / float64(len(x))
		free += float64(len(x) - 1)
		for _, v := range x {
			squares += (v - mean) * (v - mean)
		}
	}
	all, ok := result.Mean(means)
	if !ok || all <= 0 {
		return nil, nil, len(means)
	}
	percent := func(variance float64) *float64 {
		cv := 100 * math.Sqrt(max(0, variance)) / all
		return &cv
	}
	chance := 0.0
	if free > 0 {
		within = percent(squares / free)
		chance = squares / free * inverse / float64(len(means))
	}
	if len(means) > 1 {
		sum := 0.0
		for _, m := range means {
			sum += (m - all) * (m - all)
		}
		between = percent(sum/float64(len(means)-1) - chance)
	}
	return within, between, len(means)
}

func percentOrMissing(v *float64) string {
	if v == nil {
		return figure.Missing
	}
	return figure.Decimals(v, 2) + "%"
}

// repeated says whether any scenario was to run more than once.
func repeated(r *result.Run) bool {
	return slices.ContainsFunc(r.Details, func(d result.Detail) bool { return d.Repeat > 1 })
}

// promptsText says whether the passes' prompts are the same.
func promptsText(r *result.Run) string {
	has := func(f func(*result.Detail) bool) bool {
		return slices.ContainsFunc(r.Details, func(d result.Detail) bool { return f(&d) })
	}
	drawn := has(func(d *result.Detail) bool { return d.Dataset == nil })
	switch {
	case has(func(d *result.Detail) bool { return d.Cache == result.CacheWarm }):
		return "; so are the prompts, which later passes may find in the prefix cache"
	case !drawn:
		return "; so are the prompts"
	case has(func(d *result.Detail) bool { return d.Dataset != nil }):
		return "; so are the prompts of files, the others differ"
	}
	return ", prompts differ"
}

// soundPasses are those that completed without a failed request.
func soundPasses(d *result.Detail) []result.Pass {
	var out []result.Pass
	for _, p := range d.Passes {
		if p.Whole() {
			out = append(out, p)
		}
	}
	return out
}

func rangeText(info metric.Info, x []float64) string {
	if len(x) == 0 {
		return figure.Missing
	}
	return info.Format(slices.Min(x)) + " – " + info.Format(slices.Max(x))
}

// cvText is the coefficient of variation of the passes, by the sample
// standard deviation: they are a sample of what further passes would give.
func cvText(x []float64) string {
	mean, squares := result.Scatter(x)
	if len(x) < 2 || mean <= 0 {
		return figure.Missing
	}
	cv := 100 * math.Sqrt(squares/float64(len(x)-1)) / mean
	return figure.Decimals(&cv, 1) + "%"
}

// otherPasses counts, over the passes that the tables do not show, those that
// failed, and the requests that failed in the others.
func otherPasses(r *result.Run) (failed int, lost float64) {
	for i := range r.Details {
		d := &r.Details[i]
		for _, p := range d.Passes {
			switch {
			case p.Pass == d.Pass:
			case p.Detail.Status == result.StatusFailed:
				failed++
			default:
				lost += p.Result.FailedRequests
			}
		}
	}
	return failed, lost
}

// passesDone is " in pass …" words for a partial run of several passes, ""
// for one of a single pass.
func passesDone(r *result.Run) string {
	if !repeated(r) {
		return ""
	}
	done, planned, most := 0, 0, 0
	for i := range r.Details {
		d := &r.Details[i]
		most = max(most, d.Repeat)
		planned += max(1, d.Repeat)
		for _, p := range d.Passes {
			if p.Detail.Status == result.StatusComplete {
				done++
			}
		}
	}
	// What has not begun yet has no detail that tells its passes.
	planned += most * max(0, len(r.Planned)-len(r.Details))
	return fmt.Sprintf(" in at least one pass (%d of %d passes over a scenario)", done, planned)
}
