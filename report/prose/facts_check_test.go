package prose_test

import (
	"strings"
	"testing"

	"ceiling/report/prose"
)

// plainly says a fact in the plainest words, as the prompt does.
func plainly(f prose.Fact) string {
	text := named(f.Of)
	switch same := f.Against.Metric == f.Of.Metric && f.Against.Stat == f.Of.Stat; {
	case f.Against == (prose.Figure{}):
		text += " is " + f.Text
	case f.Unit == "%":
		text += " is " + f.Text + " of " + named(f.Against)
	case same && f.Against.Scenario != "":
		text += " is " + f.Text + " that of " + f.Against.Scenario
	default:
		text += " is " + f.Text + " " + named(f.Against)
	}
	return strings.ToUpper(text[:1]) + text[1:] + "."
}

func named(f prose.Figure) string {
	text := string(f.Metric)
	if f.Stat != "" {
		text += " " + string(f.Stat)
	}
	if f.Scenario != "" {
		text += " of " + f.Scenario
	}
	return text
}

// TestFacts says every fact of every section in the plainest words. The
// checker has to take those on latencies and throughputs, and none with
// another fact's number.
func TestFacts(t *testing.T) {
	common := map[prose.Metric]bool{prose.TTFT: true, prose.TPOT: true, prose.ITL: true, prose.E2EL: true, prose.Output: true,
		prose.PerUser: true, prose.PeakOutput: true, prose.Total: true, prose.TG: true, prose.DecodeTime: true, prose.Proportional: true}
	var said, taken, wrong int
	for run := range runs {
		for _, s := range sections(t, run) {
			for i, f := range s.Facts {
				if f.Unit == "" || f.Unit == "tokens" || f.Of.Stat == prose.Limit || !common[f.Of.Metric] || f.Against.Metric != "" && !common[f.Against.Metric] {
					continue
				}
				if f.Against.Metric == f.Of.Metric && f.Against == f.Of {
					continue // "1.00× itself"
				}
				said++
				found := prose.Check(s, plainly(f))
				if len(found) == 1 && found[0].Kind == prose.NoNews && s.Kind == prose.Interpretation && f.Of.Scenario == "" {
					found = nil
				}
				if len(found) == 0 {
					taken++
				} else {
					t.Errorf("%s %s: refused: %s\n\t%v", run, s.ID, plainly(f), found)
				}
				other := s.Facts[(i*7+3)%len(s.Facts)]
				if other.Unit != f.Unit || shares(s, f.Text, other.Text) {
					continue
				}
				f.Text = other.Text
				wrong++
				if len(prose.Check(s, plainly(f))) == 0 {
					t.Errorf("%s %s: taken: %s", run, s.ID, plainly(f))
				}
			}
		}
	}
	t.Logf("%d of %d facts taken as they are, %d wrong ones tried", taken, said, wrong)
	if said < 1000 || wrong < 300 {
		t.Errorf("only %d facts and %d wrong ones were tried", said, wrong)
	}
}

// TestNotes holds the checker to the notes of the prompts: what a model is
// asked to say has to be sayable.
func TestNotes(t *testing.T) {
	var said, refused int
	for run := range runs {
		for _, s := range sections(t, run) {
			turns := prose.Prompt(s)
			for line := range strings.Lines(turns[len(turns)-1].Content) {
				note, ok := strings.CutPrefix(strings.TrimSpace(line), "- ")
				if !ok {
					continue
				}
				said++
				if found := prose.Check(s, strings.ToUpper(note[:1])+note[1:]); len(found) > 0 {
					refused++
					t.Logf("%s %s: refused: %s\n\t%v", run, s.ID, note, found)
				}
			}
		}
	}
	t.Logf("%d of %d notes refused", refused, said)
	if said < 100 || refused > said/10 {
		t.Errorf("%d of %d notes refused", refused, said)
	}
}
