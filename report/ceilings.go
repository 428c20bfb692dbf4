package report

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"ceiling/bench/result"
	"ceiling/internal/figure"
	"ceiling/internal/oneline"
	"ceiling/kernels"
	"ceiling/report/doc"
)

// ceilingsSection is how far the scenarios are from what the machine could do at
// most. nil where that is not known. The reference has no such section.
func ceilingsSection(r *result.Run, all []scenario) []doc.Block {
	if r.Ceilings == nil {
		return nil
	}
	limits := &doc.Table{Columns: slices.Concat(doc.Words("Scenario"), doc.Numbers("Users", "TPOT (ms)", "Least TPOT (ms)", "Share (%)"), doc.Words("Bound by"),
		doc.Numbers("Prefill (tok/s)", "Highest prefill (tok/s)", "Share (%)"), doc.Words("Bound by"))}
	parts := &doc.Table{Columns: slices.Concat(doc.Words("Scenario"), doc.Numbers("TPOT (ms)", "Memory (ms)", "Compute (ms)", "Link (ms)", "Launch (ms)", "Sampling (ms)", "Residual (ms)"))}
	for i := range all {
		decode, prompt := r.Shares(i)
		if decode == nil && prompt == nil {
			continue
		}
		row := []string{all[i].Name, fmt.Sprint(all[i].Concurrency)}
		row = append(row, shareCells(decode, func(seconds float64) float64 { return 1000 * seconds }, 2)...)
		limits.Add(append(row, shareCells(prompt, func(seconds float64) float64 { return 1 / seconds }, 1)...)...)
		if decode != nil {
			parts.Add(append([]string{all[i].Name}, partCells(decode)...)...)
		}
	}
	missing := missingLimits(r)
	if len(limits.Rows) == 0 {
		if missing == nil {
			return nil
		}
		return []doc.Block{doc.Bullets(missing)}
	}
	return []doc.Block{limits, doc.Paragraph{Text: doc.T("Where the time of an output token goes, by the least that each part takes. The residual is in none of them:")}, parts,
		doc.Bullets(append(ceilingNotes(r), missing...))}
}

// shareCells are a share's measured figure, its limit, the percentage and the
// bound.
func shareCells(s *kernels.Share, of func(seconds float64) float64, decimals int) []string {
	if s == nil {
		return []string{figure.Missing, figure.Missing, figure.Missing, figure.Missing}
	}
	measured, limit, share := of(s.Measured), of(s.Least.Total()), 100*s.Of()
	return []string{figure.Decimals(&measured, decimals), figure.Decimals(&limit, decimals), figure.Decimals(&share, 0), s.Bound()}
}

func partCells(s *kernels.Share) []string {
	ms := func(seconds float64) string { seconds *= 1000; return figure.Decimals(&seconds, 3) }
	cells := []string{ms(s.Measured)}
	for _, t := range s.Least.Terms() {
		cells = append(cells, ms(t.Seconds))
	}
	return append(cells, ms(s.Residual()))
}

// disturbedShare is the share above which the figures contradict each other: a
// limit and a time that is measured beside it differ by that much on a quiet
// machine.
const disturbedShare = 1.03

func ceilingNotes(r *result.Run) []string {
	u := r.Ceilings
	var roofs []string
	for _, s := range u.Roofs.Sources {
		roofs = append(roofs, s.What+" "+s.Value)
	}
	notes := []string{fmt.Sprintf("Limits of %s (%s, %s): %s.", u.Roofs.Name, oneline.Of(u.From), u.Date.Format("2006-01-02"), oneline.Of(strings.Join(roofs, "; ")))}
	notes = append(notes, "A step reads "+stepReads(u))
	for _, name := range slices.Sorted(maps.Keys(u.Own)) {
		notes = append(notes, oneline.Of(name)+": a step reads "+stepReads(u.Own[name]))
	}
	if r.Server != nil {
		notes = append(notes, "A server tells no steps: the limit of TPOT is without the prompts that others had computed meanwhile, that of prefill is known with one user at a time.")
	}
	if hasBound(r, kernels.BoundLatency) {
		notes = append(notes, "Latency: no part takes a third of the time. Units wait for something that is none of them.")
	}
	for i := range r.Results {
		decode, prompt := r.Shares(i)
		for _, s := range []*kernels.Share{decode, prompt} {
			if s != nil && s.Of() > disturbedShare {
				share := 100 * s.Of()
				notes = append(notes, fmt.Sprintf("%s is at %s%% of a limit: the machine was disturbed while it was measured, or was another one. Measure it again.", oneline.Of(r.Results[i].Name), figure.Decimals(&share, 0)))
				break
			}
		}
	}
	return notes
}

// stepReads is what a step asks of the machine, and of how much of it.
func stepReads(u *kernels.Used) string {
	split := ""
	if n := u.Roofs.Devices; n > 1 {
		split = fmt.Sprintf(", on %d devices by layers", n)
		if u.Roofs.Tensors {
			split = fmt.Sprintf(", on %d devices by tensors", n)
		}
	}
	return fmt.Sprintf("%.2f GB of weights and %.0f bytes of KV cache for each token of context%s; its graph has %d nodes (%s).",
		u.Load.WeightBytes()/1e9, u.Load.KVBytes, split, u.Load.Nodes, oneline.Of(u.Load.NodesSource))
}

// missingLimits names the scenarios that have no row because their limits are not
// known, by the reason.
func missingLimits(r *result.Run) (notes []string) {
	var said oneline.SaidOf
	for i := range r.Results {
		if why := r.NoLimits(i); why != "" && !result.Failed(&r.Results[i], r.Detail(i)) {
			said.Add(why, r.Results[i].Name)
		}
	}
	for _, why := range said.Texts {
		list := said.Names[why]
		if more := len(list) - mostNamed; more > 0 {
			list = append(list[:mostNamed], fmt.Sprintf("%d more", more))
		}
		notes = append(notes, oneline.Of(fmt.Sprintf("No row for %s: %s.", strings.Join(list, ", "), why)))
	}
	return notes
}

func hasBound(r *result.Run, bound string) bool {
	for i := range r.Results {
		decode, prompt := r.Shares(i)
		if decode != nil && decode.Bound() == bound || prompt != nil && prompt.Bound() == bound {
			return true
		}
	}
	return false
}

// limitShare is how close one user's decoding comes to the limit: that of the
// scenario at the lowest concurrency that comes closest.
func limitShare(r *result.Run) []doc.Tile {
	at := -1
	var best *kernels.Share
	for i := range r.Results {
		decode, _ := r.Shares(i)
		if decode == nil {
			continue
		}
		users := r.Results[i].Concurrency
		if at < 0 || users < r.Results[at].Concurrency || users == r.Results[at].Concurrency && decode.Of() > best.Of() {
			at, best = i, decode
		}
	}
	if at < 0 {
		return nil
	}
	share := 100 * best.Of()
	return []doc.Tile{{Label: "Share of the limit", Value: figure.Decimals(&share, 0), Unit: "%", Note: fmt.Sprintf("decode, %s; bound by %s", r.Results[at].Name, best.Bound())}}
}
