package prose

import (
	"fmt"
	"strings"
)

// instructions are the same for every section, so that a model computes them
// once.
const instructions = `You edit the report of a benchmark. You get a list of true statements. Pick those that tell a reader the most and write them down, the most important first, each on a line of its own that begins with "- ". Change nothing in them.
TTFT is the time to the first token, TPOT the time per further token, ITL the gap between two tokens: lower is better. Of throughput, higher is better.`

// prompt asks for the bullets of a section beside those that stand in any case.
func prompt(s *ProseSection, claims []*Claim, standing int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\nTrue statements:\n", s.Title)
	for _, claim := range claims {
		b.WriteString(bullet + sentence(claim.Phrases[0]) + "\n")
	}
	fmt.Fprintf(&b, "Write %d to %d lines.", max(1, s.Min-standing), s.Max-standing)
	return b.String()
}
