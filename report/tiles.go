package report

import (
	"ceiling/internal/figure"
	"ceiling/internal/machine"
	"cmp"
	"fmt"
	"slices"

	"ceiling/bench/result"
	"ceiling/report/doc"
)

// tiles are the figures at the head of a run's page, printed as the report
// prints them: what one user gets, the sweet spot, the peak, the share of the limit
// and the energy of a token. One that the run does not have is left out.
func tiles(r *result.Run) []doc.Tile {
	out := oneUser(r)
	if i, ok := r.SweetSpot(); ok {
		s := r.Results[i]
		perUser := result.PerUserThroughput(s)
		label := "Interactive sweet spot"
		if r.SLO != nil {
			label = "Most users within the limits"
		}
		out = append(out, doc.Tile{
			Label: label, Value: fmt.Sprintf("c=%d", s.Concurrency),
			Note: figure.Decimals(&perUser, 1) + " tok/s per user",
		})
	}
	if i, ok := r.Peak(); ok {
		p := r.Results[i]
		out = append(out, doc.Tile{
			Label: "Peak of the sweep", Value: figure.Decimals(p.OutputThroughput, 1),
			Unit: "tok/s", Note: fmt.Sprintf("at c=%d", p.Concurrency),
		})
	}
	return slices.Concat(out, limitShare(r), energyPerToken(r))
}

// oneUser is the decode speed and the first token of a user who is alone:
// those of the scenario at concurrency 1 that decodes fastest.
func oneUser(r *result.Run) []doc.Tile {
	i, ok := leastOf(r, func(i int) *float64 {
		if res := &r.Results[i]; res.Concurrency == 1 && res.TGSpeed != nil {
			return res.TPOTMeanMs
		}
		return nil
	})
	if !ok {
		return nil
	}
	res := r.Results[i]
	out := []doc.Tile{{Label: "Decode speed of one user", Value: figure.Decimals(res.TGSpeed, 1), Unit: "tok/s", Note: res.Name}}
	if res.TTFTMeanMs != nil {
		out = append(out, doc.Tile{Label: "Mean TTFT of one user", Value: figure.Decimals(res.TTFTMeanMs, 2), Unit: "ms",
			Note: fmt.Sprintf("prompts of %d tokens", res.InputLen)})
	}
	return out
}

// energyPerToken is the scenario that needs the least energy for a token, of
// the GPUs where they were measured.
func energyPerToken(r *result.Run) []doc.Tile {
	for _, kind := range []string{machine.EnergyGPU, machine.EnergyCPU} {
		group := func(i int) *machine.EnergyGroup {
			if d := r.Detail(i); d != nil && d.Energy != nil {
				if k := slices.IndexFunc(d.Energy.Groups, func(g machine.EnergyGroup) bool { return g.Kind == kind }); k >= 0 {
					return &d.Energy.Groups[k]
				}
			}
			return nil
		}
		i, ok := leastOf(r, func(i int) *float64 {
			if g := group(i); g != nil {
				return g.JPerToken
			}
			return nil
		})
		if ok {
			g := group(i)
			return []doc.Tile{{Label: "Lowest energy per output token", Value: figure.Decimals(g.JPerToken, 3), Unit: "J",
				Note: fmt.Sprintf("%s, %s", cmp.Or(g.Name, g.Kind), r.Results[i].Name)}}
		}
	}
	return nil
}

// leastOf is the result with the least of a figure, among those that did not
// fail; ok is false where none has it.
func leastOf(r *result.Run, of func(int) *float64) (at int, ok bool) {
	var least float64
	for i := range r.Results {
		if v := of(i); v != nil && !r.Failed(i) && (!ok || *v < least) {
			at, least, ok = i, *v, true
		}
	}
	return at, ok
}
