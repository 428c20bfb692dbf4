package figure

import (
	"fmt"
	"strings"
	"text/tabwriter"
)

// Table lines rows up: names on the left, the figures behind them on the right.
func Table(rows [][]string) string {
	var figures strings.Builder
	w := tabwriter.NewWriter(&figures, 0, 0, 2, ' ', tabwriter.AlignRight)
	widest := 0
	for _, row := range rows {
		widest = max(widest, len([]rune(row[0])))
		// The writer puts what has no tab on the left.
		fmt.Fprintf(w, "%s\t\n", strings.Join(row[1:], "\t"))
	}
	_ = w.Flush() // into memory
	var b strings.Builder
	for i, line := range strings.Split(strings.TrimRight(figures.String(), "\n"), "\n") {
		if i < len(rows) {
			name := rows[i][0]
			fmt.Fprintf(&b, "%s%s%s\n", name, strings.Repeat(" ", widest-len([]rune(name))), line)
		}
	}
	return b.String()
}
