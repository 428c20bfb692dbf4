package result

import (
	"cmp"
	"fmt"
	"strings"
)

// SpecNone is the kind of no speculation, as --spec takes it.
const SpecNone = "none"

// Speculates tells whether anything is drafted; s may be nil.
func (s *SpecSettings) Speculates() bool { return s != nil && s.Kind != SpecNone }

// String is "none", or "draft, small.gguf, at most 3, SYNTHETIC acceptance 0.9/0.5";
// what is not known is left out.
func (s *SpecSettings) String() string {
	if !s.Speculates() {
		return SpecNone
	}
	parts := []string{cmp.Or(s.Kind, "kind not told")}
	if s.DraftModel != "" {
		parts = append(parts, s.DraftModel)
	}
	if s.DraftMax > 0 {
		parts = append(parts, fmt.Sprintf("at most %d", s.DraftMax))
	}
	if s.DraftMin > 0 {
		parts = append(parts, fmt.Sprintf("at least %d", s.DraftMin))
	}
	if s.DraftPMin > 0 {
		parts = append(parts, fmt.Sprintf("p ≥ %g", s.DraftPMin))
	}
	if s.Synthetic {
		var rates []string
		for _, r := range s.SynthRates {
			rates = append(rates, fmt.Sprintf("%g", r))
		}
		parts = append(parts, strings.TrimRight("SYNTHETIC acceptance "+strings.Join(rates, "/"), " "))
	}
	return strings.Join(parts, ", ")
}
