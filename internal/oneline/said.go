package oneline

// SaidOf are names by what is said of them, in the order in which it was said first.
type SaidOf struct {
	Texts []string
	Names map[string][]string // by text
}

// Add says a text of a name.
func (s *SaidOf) Add(text, name string) {
	if s.Names == nil {
		s.Names = map[string][]string{}
	}
	if s.Names[text] == nil {
		s.Texts = append(s.Texts, text)
	}
	s.Names[text] = append(s.Names[text], name)
}
