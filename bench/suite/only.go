package suite

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"ceiling/bench/result"
	"ceiling/internal/nearest"
)

// Only keeps the scenarios whose name one of the patterns is or matches: in a
// pattern * stands for any text and ? for any character, letters in either case.
// A pattern that no scenario matches is an error.
func Only(s result.Suite, patterns []string) (result.Suite, error) {
	keep := map[string]bool{}
	for _, p := range patterns {
		glob := regexp.MustCompile("(?is)^" + strings.NewReplacer(`\*`, ".*", `\?`, ".").Replace(regexp.QuoteMeta(p)) + "$")
		found := false
		for _, sc := range s.Scenarios {
			if strings.EqualFold(sc.Name, p) || glob.MatchString(sc.Name) {
				keep[sc.Name], found = true, true
			}
		}
		if !found {
			return s, fmt.Errorf("%q is no scenario of suite %q: %s", p, s.Name, instead(p, s.Names()))
		}
	}
	s.Scenarios = slices.DeleteFunc(slices.Clone(s.Scenarios), func(sc result.Scenario) bool { return !keep[sc.Name] })
	return s, nil
}

// instead says what else there is in the place of a name.
func instead(name string, known []string) string {
	if near := nearest.To(name, known); near != "" {
		return fmt.Sprintf("did you mean %q?", near)
	}
	return "`ceiling suites NAME` lists them; * stands for any text"
}
