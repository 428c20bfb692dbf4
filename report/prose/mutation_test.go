package prose_test

import (
	"slices"
	"strings"
	"testing"

	"ceiling/report/prose"
)

// opposites turn a true sentence into a false one: directions and stability.
var opposites = [][2]string{
	{"higher", "lower"}, {"above", "below"}, {"rises", "falls"}, {"increases", "decreases"}, {"raises", "lowers"}, {"grows", "shrinks"},
	{"highest", "lowest"}, {"drops", "jumps"}, {"exceeds", "falls below"}, {"steadier", "more variable"}, {"longer", "shorter"},
	{"stable", "erratic"}, {"steady", "erratic"}, {"consistent", "erratic"}, {"tight", "wide"}, {"evenly", "unevenly"}, {"uneven", "even"},
	{"doubles", "halves"}, {"twice", "half"}, {"more than twice", "less than twice"}, {"up from", "down from"}, {"long tail", "short tail"},
	{"predictably", "unpredictably"}, {"close to", "twice"}, {"the bottleneck", "not the bottleneck"}, {"is not the", "is the"},
	{"high variability", "little variability"}, {"more output", "less output"}, {"far above", "far below"}, {"nearly equal", "far apart"},
	{"much lower", "much higher"}, {"less than", "more than"}, {"decoding dominates", "prefill dominates"}, {"without pauses", "with pauses"},
	{"no significant tail latency", "significant tail latency"},
}

// renamed are names that stand for different figures.
var renamed = [][2]string{
	{"TTFT", "TPOT"}, {"TTFT", "ITL"}, {"TPOT", "TTFT"}, {"ITL", "TTFT"}, {"Output throughput", "Total throughput"}, {"output throughput", "total throughput"},
	{"Per-user throughput", "Output throughput"}, {"each user gets", "the output is"}, {"Each user gets", "The output is"}, {"per user", "in all"},
	{"Peak output", "Output"}, {"decode speed", "prefill speed"}, {"Prefill speed", "Decode speed"}, {"c=4", "c=8"}, {"c=16", "c=8"}, {"c=2", "c=8"},
}

var statistics = []string{"mean", "median", "p99"}

// stillTrue are mutants that say something true, too.
var stillTrue = map[string]bool{
	// PP by the mean and by the median TTFT are both a prefill speed.
	"Prefill speed (1652.7 tok/s) far exceeds decode speed (83.8 tok/s).": true,
	// Gaps that tell of other prompts are erratic.
	"The long gaps between tokens are erratic with decode steps that also carry other requests' prompts.": true,
	// ITL is far from even there.
	"TPOT is steadier than ITL: its p99 is 1.25× the mean, against 2.08× for TTFT.": true,
	// At c=16 TTFT is lower as well, and in Mixed Traffic all tails are long.
	"With more output and a lower TTFT, c=16 is better on both counts.":                            true,
	"Plan capacity with TPOT p99 rather than the mean, because the tail is long in Mixed Traffic.": true,
	"Plan capacity with ITL p99 rather than the mean, because the tail is long in Mixed Traffic.":  true,
	// TTFT is as steady as TPOT there.
	"Stable TPOT (16.67 ms) across percentiles indicates consistent prefill speed, with no significant tail latency.": true,
}

// TestMutants changes each right sentence in one place so that it becomes
// false, and expects the checker to catch it.
func TestMutants(t *testing.T) {
	var made, caught int
	for _, file := range []string{"sentences.txt", "blind.txt"} {
		for _, e := range examples(t, file) {
			if e.faults != nil || len(prose.Check(e.section, e.text)) > 0 {
				continue
			}
			for _, mutant := range mutants(e) {
				if stillTrue[mutant] {
					continue
				}
				made++
				if len(prose.Check(e.section, mutant)) > 0 {
					caught++
					continue
				}
				t.Errorf("%s:%d: taken: %s\n\tmade of: %s", file, e.line, mutant, e.text)
			}
		}
	}
	t.Logf("%d of %d mutants caught", caught, made)
	if made < 1000 {
		t.Errorf("only %d mutants were made", made)
	}
}

// mutants are false sentences made of a right one.
func mutants(e example) []string {
	out := append(otherNumbers(e), otherNames(e)...)
	for _, pair := range opposites {
		for _, p := range [][2]string{pair, {pair[1], pair[0]}} {
			if mutant, ok := replaceWord(e.text, p[0], p[1]); ok {
				out = append(out, mutant)
			}
		}
	}
	return out
}

// otherNumbers puts another fact's number in the place of each: one that the
// figure which the sentence speaks of does not have.
func otherNumbers(e example) []string {
	var out []string
	for _, f := range e.section.Facts {
		if !standsIn(e.text, f.Text) {
			continue
		}
		for _, other := range e.section.Facts {
			if other.Unit != f.Unit || other.Text == f.Text || shares(e.section, f.Text, other.Text) || f.Unit == "" {
				continue
			}
			if mutant, ok := replaceWord(e.text, f.Text, other.Text); ok {
				out = append(out, mutant)
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// shares says whether two texts belong to one figure, or to figures between
// which a sentence can leave the choice open.
func shares(s *prose.Section, a, b string) bool {
	for _, f := range s.Facts {
		for _, g := range s.Facts {
			if f.Text == a && g.Text == b && f.Of == g.Of && f.Against == g.Against {
				return true
			}
		}
	}
	return false
}

// otherNames exchanges names of metrics, scenarios and statistics beside a
// number, where the figure of the new name is printed otherwise.
func otherNames(e example) []string {
	var out []string
	if !strings.ContainsAny(e.text, "0123456789") {
		return nil
	}
	for _, p := range renamed {
		if mutant, ok := replaceWord(e.text, p[0], p[1]); ok {
			out = append(out, mutant)
		}
	}
	return out
}

// replaceWord replaces the first place where old stands as words of its own.
func replaceWord(text, old, put string) (string, bool) {
	for from := 0; ; {
		at := strings.Index(text[from:], old)
		if at < 0 {
			return "", false
		}
		at += from
		end := at + len(old)
		if (at == 0 || !wordy(text[at-1])) && (end == len(text) || !wordy(text[end])) && !(end+1 < len(text) && text[end] == '.' && wordy(text[end+1])) &&
			!(at > 0 && text[at-1] == '.') {
			return text[:at] + put + text[end:], true
		}
		from = at + 1
	}
}

func standsIn(text, part string) bool {
	_, ok := replaceWord(text, part, "")
	return ok
}

func wordy(b byte) bool {
	return b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9' || b >= 0x80
}
