package prose

import (
	"fmt"
	"strings"
)

// Message is one turn of a chat; Role is "system" or "user".
type Message struct {
	Role    string `json:"role"`
	Content string `json:"content"`
}

// instructions are the same for every section, so that a model computes them
// once.
const instructions = `You write short comments for the report of a benchmark. You get notes. Rewrite each note as one plain English sentence, in the same order, each on a line of its own that begins with "- ".
Keep every number with its unit and with the name that it has in the note. Say what the note says and nothing else: no causes, no other numbers. TTFT, TPOT and ITL are times, so lower is better; of throughput, higher is better.
Good sentences:
- The TTFT p99 is close to the mean, so most users wait about as long.
- Most of the time of a request goes into decoding.
- The output throughput is higher than with fewer requests.`

// tasks say what is to be made of the notes.
var tasks = map[Kind]string{
	Interpretation:  "Rewrite each note as one sentence.",
	Recommendations: "Turn each note into one sentence of advice, such as: Use this setting, since its figures are the better ones.",
	Summary:         "Rewrite each note as one sentence.",
}

// Prompt asks for one sentence about each topic of a section.
func Prompt(s *Section) []Message { return prompt(s, Topics(s), nil) }

// prompt asks for one sentence about each of the topics. Of sentences that are
// written again, faults say why the earlier ones were not taken.
func prompt(s *Section, topics []Topic, faults []Fault) []Message {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s\n", headings[s.Kind], s.Title)
	for _, line := range s.About {
		b.WriteString(strings.TrimSpace(line) + "\n")
	}
	if len(faults) > 0 {
		b.WriteString("Earlier sentences on these notes were wrong (")
		for i, f := range faults {
			if i > 0 {
				b.WriteString(", ")
			}
			b.WriteString(string(f))
		}
		b.WriteString("). Stay closer to the notes.\n")
	}
	b.WriteString(tasks[s.Kind])
	n := newNotes(s)
	for _, t := range topics {
		b.WriteString("\n- " + n.note(t.Facts) + ".")
	}
	return []Message{{"system", instructions}, {"user", b.String()}}
}

// headings introduce a section's title.
var headings = map[Kind]string{
	Interpretation: "Scenario", Recommendations: "Whole run", Summary: "Whole run",
}
