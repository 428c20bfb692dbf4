package prose

// GrammarOf is Grammar with one of the three degrees of freedom.
func GrammarOf(s *Section, topics []Topic, degree int) string {
	return grammarOf(s, topics, freedom(degree))
}
