package client

import (
	"net/http"
	"testing"
)

// Stub is a server of the tests, for those that run a whole suite through it and
// so can't be of this package.
type Stub struct {
	Answer func(w http.ResponseWriter, r *http.Request, n int) bool
	fake   *fake
}

// Start begins to serve, as llama-server does.
func (s *Stub) Start(t testing.TB) {
	s.fake = &fake{kind: kindLlama, answer: s.Answer}
	s.fake.start(t)
}

// Connect looks at the server, without the pace that tests set.
func (s *Stub) Connect(t testing.TB) *Server {
	return s.fake.mustConnect(t, func(o *ServerOptions) { o.pace = nil })
}

// Counted are the connections and completions so far.
func (s *Stub) Counted() (connections, completions int) { return s.fake.counted() }

// StopListening lets no new connection in.
func (s *Stub) StopListening() { s.fake.server.Listener.Close() }

// Begin writes the header of an answer, and CutConnection ends it in the middle.
var (
	Begin         = begin
	CutConnection = cutConnection
	TestVocab     = testVocab
)
