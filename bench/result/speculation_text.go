package result

import (
	"fmt"
	"strings"
)

// SpecNone is the kind of no speculation, as --spec takes it.
const SpecNone = "none"

// Speculates tells whether anything is drafted; s may be nil.
func (s *SpecSettings) Speculates() bool { return s != nil && s.Kind != SpecNone }

// String is "none", or "draft (small.gguf), at most 3 drafts, SYNTHETIC acceptance
// 0.9, 0.5"; what is not known is left out.
func (s *SpecSettings) String() string {
	if !s.Speculates() {
		return SpecNone
	}
	text := s.Kind
	if text == "" {
		text = "of a kind that is not told"
	}
	if s.DraftModel != "" {
		text += " (" + s.DraftModel + ")"
	}
	if s.DraftMax > 0 {
		text += fmt.Sprintf(", at most %d drafts", s.DraftMax)
	}
	if s.Synthetic {
		rates := make([]string, len(s.SynthRates))
		for i, r := range s.SynthRates {
			rates[i] = fmt.Sprintf("%g", r)
		}
		text += strings.TrimRight(", SYNTHETIC acceptance "+strings.Join(rates, ", "), " ")
	}
	return text
}
