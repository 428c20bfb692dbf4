package compare

import (
	"fmt"
	"strings"
)

// markdown is the section on what the server costs.
func (t *Tax) markdown(b *strings.Builder) {
	fmt.Fprintf(b, "### Server tax\n\nWhat %s, through a server, takes beyond %s, in process; means per request. A negative number is time that the server saves; ~: no significant difference was found.\n\n", t.Server, t.Engine)
	if len(t.Rows) > 0 {
		b.WriteString("| Scenario | E2EL in process (ms) | E2EL gap (ms) | TTFT gap (ms) | TPOT gap (ms/token) | Output throughput |\n|---|---:|---:|---:|---:|---:|\n")
		for i := range t.Rows {
			r := &t.Rows[i]
			fmt.Fprintf(b, "| %s | %s | %s | %s | %s | %s |\n", cell(r.Name), plain(r.EngineE2EL), withShare(r.E2EL, r.EngineE2EL)+mark(r.Verdict),
				gap(r.TTFT, 2), gap(r.TPOT, 3), loss(r.Throughput))
		}
		b.WriteString("\n")
	}
	t.parts(b)
	for _, l := range t.Limits {
		fmt.Fprintf(b, "- %s\n", l)
	}
	b.WriteString("\n")
}

// parts is the table of where the E2EL gap comes from.
func (t *Tax) parts(b *strings.Builder) {
	var rows []*TaxRow
	for i := range t.Rows {
		if t.Rows[i].Before != nil {
			rows = append(rows, &t.Rows[i])
		}
	}
	if len(rows) == 0 {
		return
	}
	b.WriteString("Where the E2EL gap comes from (ms per request; the four parts add up to it):\n\n")
	b.WriteString("| Scenario | E2EL gap | Before the prompt: HTTP, wait | Prefill: engine, scheduler | Decode: engine, scheduler, sampling | Streaming |\n|---|---:|---:|---:|---:|---:|\n")
	for _, r := range rows {
		fmt.Fprintf(b, "| %s | %s | %s | %s | %s | %s |\n", cell(r.Name), gap(r.E2EL, 2), gap(r.Before, 2),
			gap(r.Prefill, 2), gap(r.Decode, 2), gap(r.Streaming, 2))
	}
	b.WriteString("\n")
}

func mark(v Verdict) string {
	if v == Same {
		return " ~"
	}
	return ""
}

func plain(v *float64) string {
	if v == nil {
		return missing
	}
	return fixed(*v, 2)
}

func gap(v *float64, decimals int) string {
	if v == nil {
		return missing
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
		return missing
	}
	return signed(-100**v, 1) + " %"
}
