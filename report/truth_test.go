package report

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"math/rand/v2"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"ceiling/bench/result"
	"ceiling/internal/oneline"
	"ceiling/report/prose"
)

// truths are all predicates, by key.
var truths = func() map[string]truth {
	all := maps.Clone(scenarioTruths)
	maps.Copy(all, runTruths)
	return all
}()

// claimKeys are the keys in the package's source: the first argument of every
// call of claim.
func claimKeys(t *testing.T) []string {
	t.Helper()
	keys := map[string]bool{}
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".go") || strings.HasSuffix(e.Name(), "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), e.Name(), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(node ast.Node) bool {
			call, ok := node.(*ast.CallExpr)
			if !ok || len(call.Args) == 0 {
				return true
			}
			name, _ := call.Fun.(*ast.Ident)
			method, _ := call.Fun.(*ast.SelectorExpr)
			if name != nil && name.Name == "claim" || method != nil && method.Sel.Name == "sharing" {
				if lit, ok := call.Args[0].(*ast.BasicLit); ok {
					key, _ := strconv.Unquote(lit.Value)
					keys[key] = true
				}
			}
			return true
		})
	}
	return slices.Sorted(maps.Keys(keys))
}

var printed = regexp.MustCompile(`[0-9][0-9,]*(?:\.[0-9]+)?(?:e[+-][0-9]+)?`)

// figuresIn are the numbers of a phrase but for those in names.
func figuresIn(phrase string, names []string) []float64 {
	for _, name := range names {
		phrase = strings.ReplaceAll(phrase, name, "")
	}
	var out []float64
	for _, text := range printed.FindAllString(strings.ReplaceAll(phrase, "p99", ""), -1) {
		v, _ := strconv.ParseFloat(strings.ReplaceAll(text, ",", ""), 64)
		out = append(out, v)
	}
	return out
}

// sameFigures compares what a phrase prints with what it has to: measured
// figures with three significant digits, counts with all.
func sameFigures(got, want []float64) bool {
	want = slices.Clone(want)
	for _, g := range got {
		i := slices.IndexFunc(want, func(w float64) bool {
			rounded, _ := strconv.ParseFloat(strconv.FormatFloat(w, 'e', 2, 64), 64)
			return g == w || g == rounded
		})
		if i < 0 {
			return false
		}
		want = slices.Delete(want, i, i+1)
	}
	return len(want) == 0
}

// namesIn are the texts of a run that may hold digits of their own, the longest
// first.
func namesIn(r *result.Run) []string {
	names := []string{r.Model, r.Hardware}
	for i := range r.Results {
		names = append(names, oneline.Of(r.Results[i].Name))
		if e := r.Results[i].Error; e != nil {
			names = append(names, oneline.Of(*e))
		}
	}
	names = append(names, r.Planned...)
	slices.SortFunc(names, func(a, b string) int { return len(b) - len(a) })
	return slices.DeleteFunc(names, func(s string) bool { return len(s) < 2 })
}

// viewOf is what a section is about.
func viewOf(r *result.Run, s *prose.ProseSection) view {
	v := view{r, -1}
	if _, err := fmt.Sscanf(s.ID, "interpretation %d", &v.i); err == nil {
		v.i--
	}
	return v
}

// Every claim of thousands of runs is true by its predicate, prints the figures
// that this gives, in every wording, and every claim of the code occurs.
func TestClaimsAreTrue(t *testing.T) {
	seen := map[string]int{}
	faults := 0
	manyRuns(t, func(what string, r *result.Run) {
		if faults > 20 {
			return
		}
		names := namesIn(r)
		for _, s := range Sections(r) {
			for _, c := range s.Claims {
				seen[c.Key]++
				predicate := truths[c.Key]
				if predicate == nil {
					continue
				}
				holds, figures := predicate(viewOf(r, &s))
				if !holds {
					faults++
					t.Errorf("%s, %s: %s does not hold: %q", what, s.ID, c.Key, c.Phrases)
				}
				for _, phrase := range c.Phrases {
					if got, want := figuresIn(phrase, names), figures; !sameFigures(got, want) {
						faults++
						t.Errorf("%s, %s: %s prints %v, want %v: %q", what, s.ID, c.Key, got, want, phrase)
					}
				}
			}
		}
	})
	for _, key := range claimKeys(t) {
		if truths[key] == nil {
			t.Errorf("no predicate for %s", key)
		}
		if seen[key] == 0 {
			t.Errorf("%s never occurred", key)
		}
	}
	for key := range truths {
		if !slices.Contains(claimKeys(t), key) {
			t.Errorf("a predicate for %s, which no rule claims", key)
		}
	}
}

// What qualifies a section's figures is always among its claims, and printed
// whatever a model chose.
func TestNoticesAreThere(t *testing.T) {
	shown := map[string]int{}
	manyRuns(t, func(what string, r *result.Run) {
		rng := rand.New(rand.NewPCG(uint64(len(what)), 7))
		choices := choose(r, rng, 9)
		for _, s := range Sections(r) {
			v := viewOf(r, &s)
			due := []string{"use", "use.none", "rerun", "again"} // by section: which of these hold
			switch s.Kind {
			case prose.Summary:
				due = []string{"disturbed", "unreliable", "scope.part", "sweet", "sweet.none", "sweet.limits", "sweet.over"}
			case prose.Interpretation:
				due = []string{"failed", "burst"}
				if v.det() != nil {
					due = append(due, "partial", "cache", "doubt")
					if v.det().Speculation != nil {
						due = append(due, "synthetic")
					}
				}
			}
			printed := map[string]bool{}
			for _, line := range s.Lines(choices.Choices(s.ID)) {
				printed[line.Text] = true
			}
			for _, key := range due {
				if v.i < 0 && (key == "sweet" || key == "use") && v.sweet().i < 0 {
					continue
				}
				if holds, _ := truths[key](v); !holds {
					continue
				}
				i := slices.IndexFunc(s.Claims, func(c prose.Claim) bool { return c.Key == key && c.Required })
				if i < 0 || !printed[strings.ToUpper(s.Claims[i].Phrases[0][:1])+s.Claims[i].Phrases[0][1:]+"."] {
					t.Fatalf("%s, %s: %s holds but is not printed", what, s.ID, key)
				}
				shown[key]++
			}
		}
	})
	for _, key := range []string{"disturbed", "unreliable", "doubt", "again", "failed", "burst", "partial", "cache", "synthetic", "scope.part", "sweet", "sweet.none", "sweet.limits", "sweet.over", "use", "use.none", "rerun"} {
		if shown[key] < 20 {
			t.Errorf("%s was printed %d times only", key, shown[key])
		}
	}
}
