package doctor

import (
	"fmt"
	"io"
	"text/tabwriter"

	"ceiling/internal/oneline"
)

// Print writes the checks by area, remedies below those that need one.
func Print(out io.Writer, list []Check) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, k := range list {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", k.Status, k.Area, k.Name, oneline.Of(k.Detail))
		if k.Remedy != "" {
			fmt.Fprintf(w, "\t\t\t→ %s\n", oneline.Of(k.Remedy))
		}
	}
	return w.Flush()
}
