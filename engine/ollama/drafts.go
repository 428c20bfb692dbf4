package llama

// SpeculationFault says why this engine can't draft.
func SpeculationFault() string { return "the engine ollama has no drafts" }

// VocabType, EOS and TokenText are asked of two models that speculate.
func (m *NativeModel) VocabType() int { return 0 }

// EOS is not asked for: see VocabType.
func (m *NativeModel) EOS() (id int32, add bool) { return -1, false }

// TokenText is not asked for: see VocabType.
func (m *NativeModel) TokenText(int32) string { return "" }

// DraftBegin, Draft and DraftAccept are for sessions that draft, of which there are
// none.
func (s *NativeSession) DraftBegin(int32, []int32, int32) bool { return false }

// Draft: see DraftBegin.
func (s *NativeSession) Draft(seq, last, pos, max, count, tokens []int32) int { return NoDrafts }

// DraftAccept: see DraftBegin.
func (s *NativeSession) DraftAccept(int32, int, []int32) bool { return false }

// CheckDraft finds nothing wrong with a draft model that is not there.
func (s *NativeSession) CheckDraft() int { return 0 }

// Drafting is the time of the last Step that drafts took.
func (s *NativeSession) Drafting() int64 { return 0 }
