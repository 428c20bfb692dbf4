package report

import (
	"slices"
	"strconv"
	"strings"

	"ceiling/bench/result"
	"ceiling/internal/figure"
	"ceiling/internal/oneline"
	"ceiling/report/doc"
)

// serverSection takes the place of the Engine section where the requests
// went through a server: which one, what of it could be made equal to a run in
// process, and what it says of its own time.
func serverSection(r *result.Run) []doc.Block {
	blocks := []doc.Block{serverFacts(r), conditionsFound(r.Server)}
	if t := serverTimes(r); len(t.Rows) > 0 {
		blocks = append(blocks, t)
	}
	return append(blocks, doc.Paragraph{Text: doc.T("Every time in this report was taken by the client, at the arrival of the pieces of the answer: " +
		"HTTP, streaming and the server's own queue are in it.")})
}

func serverFacts(r *result.Run) *doc.Table {
	s, t := r.Server, newConditions()
	t.add("Server", strings.TrimSpace(s.Kind+" "+s.Version))
	t.add("Address", s.URL)
	t.add("Protocol", protocolText(s.API))
	t.add("Model, as the server names it", s.Model)
	if s.ModelPath != "" {
		t.add("Model path on the server", s.ModelPath)
	}
	if e := r.Engine; e != nil {
		t.add("Vocabulary of the prompts", modelFileText(e))
		t.add("SHA-256 of that file", e.ModelSHA256)
		t.add("Seed", strconv.FormatUint(e.Seed, 10))
		t.add("Prompt cache", cacheText(r))
	}
	t.add("Slots", optionalCount(s.Slots))
	t.add("Context of a request (tokens)", optionalCount(s.Context))
	if s.RoundTripS != nil {
		ms := 1000 * *s.RoundTripS
		t.add("Shortest HTTP exchange without the model", figure.Decimals(&ms, 3)+" ms")
	}
	return t.table
}

func protocolText(api string) string {
	switch api {
	case result.APILlama:
		return "llama-server's own (/completion)"
	case result.APIOpenAI:
		return "OpenAI completions (/v1/completions)"
	}
	return api
}

// conditionsFound are what was found before the run.
func conditionsFound(s *result.ServerInfo) *doc.Table {
	t := &doc.Table{Columns: doc.Words("As in process?", "Outcome", "Seen")}
	for _, c := range s.Conditions {
		outcome := doc.T(c.Outcome)
		if c.Outcome == result.OutcomeDiffers {
			outcome = doc.Marked(doc.Strong, c.Outcome)
		}
		t.Rows = append(t.Rows, []doc.Text{doc.T(c.Name), outcome, doc.T(figure.OrMissing(oneline.Of(c.Detail)))})
	}
	return t
}

// serverTimes sets the client's times beside the server's own, as means. It has
// no row where the server reports none and nothing else is known.
func serverTimes(r *result.Run) *doc.Table {
	t := &doc.Table{Columns: slices.Concat(doc.Words("Scenario"), doc.Numbers("TTFT (ms)", "Response header (ms)", "Server: prompt (ms)",
		"TTFT beyond it (ms)", "Server: prompt (tok/s)", "Server: output (ms)", "Client CPU (s)"))}
	for i := range r.Details {
		d := &r.Details[i]
		if v := d.Server; v != nil {
			t.Add(d.Name, meanMs(d.TTFT), meanMs(v.Header), meanMs(v.Prompt), meanMs(v.Wait), figure.Decimals(v.PromptRate, 1), meanMs(v.Decode), figure.Decimals(v.ClientCPUS, 2))
		}
	}
	return t
}

// meanMs is the mean of a distribution in seconds, in milliseconds.
func meanMs(d *result.Dist) string {
	if d == nil {
		return figure.Missing
	}
	ms := 1000 * d.Mean
	return figure.Decimals(&ms, 2)
}

// optionalCount is n, "" where it is not known.
func optionalCount(n *int) string {
	if n == nil {
		return ""
	}
	return figure.Grouped(int64(*n))
}
