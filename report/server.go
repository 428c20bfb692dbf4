package report

import (
	"fmt"
	"strconv"
	"strings"

	"ceiling/bench/result"
)

// serverSection takes the place of the Engine section where the requests
// went through a server: which one, what of it could be made equal to a run in
// process, and what it says of its own time.
func serverSection(r *result.Run) string {
	parts := []string{serverFacts(r), conditionRows(r.Server)}
	if t := serverTimes(r); t != "" {
		parts = append(parts, t)
	}
	parts = append(parts, "Every time in this report was taken by the client, at the arrival of the pieces of the answer: "+
		"HTTP, streaming and the server's own queue are in it.")
	return strings.Join(parts, "\n\n")
}

func serverFacts(r *result.Run) string {
	s, t := r.Server, conditions{}
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
		t.add("Shortest HTTP exchange without the model", fixed(&ms, 3)+" ms")
	}
	return t.String()
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

// conditionRows is what was found before the run.
func conditionRows(s *result.ServerInfo) string {
	rows := []string{"| As in process? | Outcome | Seen |\n|---|---|---|"}
	for _, c := range s.Conditions {
		outcome := cell(c.Outcome)
		if c.Outcome == result.OutcomeDiffers {
			outcome = "**" + outcome + "**"
		}
		rows = append(rows, fmt.Sprintf("| %s | %s | %s |", cell(c.Name), outcome, orMissing(cell(c.Detail))))
	}
	return strings.Join(rows, "\n")
}

// serverTimes sets the client's times beside the server's own, as means; ""
// where the server reports none and nothing else is known.
func serverTimes(r *result.Run) string {
	var b strings.Builder
	b.WriteString("| Scenario | TTFT (ms) | Response header (ms) | Server: prompt (ms) | TTFT beyond it (ms) | Server: prompt (tok/s) | Server: output (ms) | Client CPU (s) |\n")
	b.WriteString("|---|---:|---:|---:|---:|---:|---:|---:|")
	known := false
	for i := range r.Details {
		d := &r.Details[i]
		if d.Server == nil {
			continue
		}
		known = true
		v := d.Server
		fmt.Fprintf(&b, "\n| %s | %s | %s | %s | %s | %s | %s | %s |", cell(d.Name), meanMs(d.TTFT), meanMs(v.Header),
			meanMs(v.Prompt), meanMs(v.Wait), fixed(v.PromptRate, 1), meanMs(v.Decode), fixed(v.ClientCPUS, 2))
	}
	if !known {
		return ""
	}
	return b.String()
}

// meanMs is the mean of a distribution in seconds, in milliseconds.
func meanMs(d *result.Dist) string {
	if d == nil {
		return missing
	}
	ms := 1000 * d.Mean
	return fixed(&ms, 2)
}

// optionalCount is n, "" where it is not known.
func optionalCount(n *int) string {
	if n == nil {
		return ""
	}
	return grouped(int64(*n))
}
