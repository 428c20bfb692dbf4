// Package nearest finds what a misspelt word was meant to be.
package nearest

import "strings"

// To returns the known word that was most likely meant, or "" when none
// is near: at most a third of its letters differ, or one contains the other
// as a whole part between underscores.
func To(word string, known []string) string {
	best, bestDist := "", 1<<30
	for _, k := range known {
		if d := editDistance(strings.ToLower(word), k); d <= len(k)/3+1 && d < len(k) && d < bestDist {
			best, bestDist = k, d
		}
	}
	if best != "" {
		return best
	}
	parts := "_" + strings.ToLower(strings.ReplaceAll(word, "-", "_")) + "_"
	for _, k := range known {
		if strings.Contains(parts, "_"+k+"_") {
			return k
		}
	}
	return ""
}

// editDistance counts the single-byte insertions, deletions and replacements
// between a and b (Levenshtein), with one row of the table kept.
func editDistance(a, b string) int {
	const longest = 64 // a key longer than that is near nothing
	if len(a) > longest || len(b) > longest {
		return longest
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		diagonal := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			diagonal, row[j] = row[j], min(diagonal+cost, row[j]+1, row[j-1]+1)
		}
	}
	return row[len(b)]
}
