package verify

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"

	"ceiling/internal/figure"
)

// Print writes the table, what is wrong, and where texts part.
func (o *Outcome) Print(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "CONFIGURATION\tIN FLIGHT\tCACHE\tGRAPHS\tEQUAL TOKENS\tLOGITS, RMS\tMOST\tVERDICT\n")
	for _, r := range o.Rows {
		fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%d/%d\t%s\t%s\t%s\n", r.Configuration, r.InFlight, r.Cache, figure.OrMissing(r.Graphs), r.EqualTokens, r.Tokens,
			digits(r.RMS), digits(r.Worst), r.Verdict)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "reference: %s\n", o.Reference)
	if o.Noise.Known {
		fmt.Fprintf(&b, "rounding alone moves its logits by %s (root mean square), %s at most\n", digits(o.Noise.RMS), digits(o.Noise.Worst))
	} else {
		b.WriteString("what rounding alone does can't be measured on this model: a share of the logits' spread stands for it\n")
	}
	for _, s := range o.Skipped {
		fmt.Fprintf(&b, "not compared: %s\n", s)
	}
	for _, r := range o.Rows {
		r.partings(&b)
	}
	_, err := io.WriteString(out, b.String())
	return err
}

// partings lists where the texts of a row leave the reference.
func (r *Row) partings(b *strings.Builder) {
	name := fmt.Sprintf("%s, %d in flight, %s", r.Configuration, r.InFlight, r.Cache)
	if r.Graphs == "off" {
		name += ", no graphs"
	}
	if r.Why != "" {
		fmt.Fprintf(b, "WRONG %s: %s\n", name, r.Why)
	}
	for _, p := range r.Partings {
		fmt.Fprintf(b, "%s: prompt %d parts at token %d: %s there, %s here; tolerance %s\n", name, p.Prompt, p.Token,
			choiceText(p.Reference), choiceText(p.Other), digits(p.Tolerance))
	}
}

// choiceText is a token with its logit, and that of the other side's token.
func choiceText(c TokenChoice) string {
	other := digits(float64(c.Their))
	if c.Least {
		other += " or less"
	}
	return fmt.Sprintf("%d with %s against %s", c.Token, digits(float64(c.Own)), other)
}

// digits are four that count.
func digits(v float64) string { return strconv.FormatFloat(v, 'g', 4, 64) }
