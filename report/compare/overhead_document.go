package compare

import (
	"fmt"
	"slices"

	"ceiling/internal/figure"
	"ceiling/report/doc"
)

// section is what the server costs.
func (t *Overhead) section() *doc.Section {
	s := &doc.Section{Title: "Server overhead", Blocks: []doc.Block{doc.Paragraph{Text: doc.Join(
		doc.Tf("What %s, through a server, takes beyond %s, in process; means per request. A negative number is time that the server saves; ", t.Server, t.Engine),
		doc.Marked(doc.Code, "~"), doc.T(": no difference shows."))}}}
	if len(t.Rows) > 0 {
		s.Blocks = append(s.Blocks, t.gaps())
	}
	if parts := t.parts(); len(parts.Rows) > 0 {
		s.Blocks = append(s.Blocks, doc.Paragraph{Text: doc.T("Where the E2EL gap comes from (ms per request; the four parts add up to it):")}, parts)
	}
	if len(t.Limits) > 0 {
		s.Blocks = append(s.Blocks, doc.Bullets(t.Limits))
	}
	return s
}

func (t *Overhead) gaps() *doc.Table {
	out := &doc.Table{Columns: slices.Concat(doc.Words("Scenario"),
		doc.Numbers("E2EL in process (ms)", "E2EL gap (ms)", "TTFT gap (ms)", "TPOT gap (ms/token)", "Output throughput"))}
	for i := range t.Rows {
		r := &t.Rows[i]
		out.Add(r.Name, plain(r.EngineE2EL), withShare(r.E2EL, r.EngineE2EL)+mark(r.Verdict), gap(r.TTFT, 2), gap(r.TPOT, 3), loss(r.Throughput))
	}
	return out
}

// parts is the table of where the E2EL gap comes from.
func (t *Overhead) parts() *doc.Table {
	out := &doc.Table{Columns: slices.Concat(doc.Words("Scenario"),
		doc.Numbers("E2EL gap", "Before the prompt: HTTP, wait", "Prefill: engine, scheduler", "Decode: engine, scheduler, sampling", "Streaming"))}
	for i := range t.Rows {
		if r := &t.Rows[i]; r.Before != nil {
			out.Add(r.Name, gap(r.E2EL, 2), gap(r.Before, 2), gap(r.Prefill, 2), gap(r.Decode, 2), gap(r.Streaming, 2))
		}
	}
	return out
}

func mark(v Significance) string {
	if v == Same {
		return " ~"
	}
	return ""
}

func plain(v *float64) string {
	if v == nil {
		return figure.Missing
	}
	return figure.Fixed(*v, 2)
}

func gap(v *float64, decimals int) string {
	if v == nil {
		return figure.Missing
	}
	return signed(*v, decimals)
}

// withShare is a gap with its share of the whole, "+12.30 (+4.1 %)".
func withShare(v, whole *float64) string {
	if v == nil || whole == nil || *whole <= 0 {
		return gap(v, 2)
	}
	return fmt.Sprintf("%s (%s %%)", gap(v, 2), signed(100**v / *whole, 1))
}

func loss(v *float64) string {
	if v == nil {
		return figure.Missing
	}
	return signed(-100**v, 1) + " %"
}
