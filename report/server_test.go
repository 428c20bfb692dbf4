package report

import (
	"strings"
	"testing"

	"ceiling/bench/result"
)

func serverResults() *result.Run {
	sc := result.Scenario{Name: "A", Category: "Latency", Purpose: "p", Input: 10, Output: 2, Concurrency: 1, Prompts: 1}
	first, header, prompt, decode := 1.25, 1.02, 0.2, 0.5
	records := []result.Record{{Admitted: 1, Intended: 1, FirstToken: &first, TokenTimes: []float64{1.25, 1.75}, End: 1.75,
		InputTokens: 10, OutputTokens: 2, Server: &result.ServerRecord{Header: &header, Chunks: 2, PromptS: &prompt, DecodeS: &decode}}}
	cpu := 0.012
	summed, detail := result.Summarize(sc, records, result.Measured{Status: result.StatusComplete, Cache: result.CacheCold, StartS: 1, EndS: 2, ClientCPUS: &cpu})
	slots, trip := 4, 0.0000625
	return &result.Run{
		Model: "m", Hardware: "h", Date: "2026-01-02T03:04:05", Results: []result.Summary{summed}, Details: []result.Detail{detail},
		Engine: &result.EngineInfo{Name: "llama-server", ModelFile: "m.gguf", ModelBytes: 1 << 20, Seed: 7},
		Server: &result.ServerInfo{URL: "http://h:1", API: result.APILlama, Kind: "llama-server", Version: "b1", Model: "m|x", Slots: &slots, RoundTripS: &trip,
			Conditions: []result.ServerCondition{{Name: "prompt", Outcome: result.OutcomeEqual, Detail: "64 sent"}, {Name: "slots", Outcome: result.OutcomeDiffers, Detail: "a\nb"}}},
	}
}

// The Server section takes the place of Engine: what is known from
// outside, and nothing that is not.
func TestServerSection(t *testing.T) {
	md := render(t, serverResults(), DocumentOptions{})
	for _, want := range []string{
		"\n## Server\n\n| Condition | Value |",
		"| Server | llama-server b1 |",
		"| Protocol | llama-server's own (/completion) |",
		`| Model, as the server names it | m\|x |`,
		"| Vocabulary of the prompts | m.gguf, 1.0 MiB (1,048,576 bytes) |",
		"| Slots | 4 |",
		"| Context of a request (tokens) | — |",
		"| Shortest HTTP exchange without the model | 0.062 ms |",
		"| prompt | equal | 64 sent |",
		"| slots | **differs** | a b |",
		// TTFT 250 ms, header after 20, the prompt 200 of it, 50 beyond, 10 tokens in 0.2 s.
		"| A | 250.00 | 20.00 | 200.00 | 50.00 | 50.0 | 500.00 | 0.01 |",
		"HTTP, streaming and the server's own queue are in it.",
	} {
		if !strings.Contains(md, want) {
			t.Errorf("no %q in the report", want)
		}
	}
	for _, no := range []string{"## Engine", "Split mode", "Peak resident"} {
		if strings.Contains(md, no) {
			t.Errorf("%q in the report of a run through a server", no)
		}
	}

	in := serverResults()
	in.Server = nil
	if md := render(t, in, DocumentOptions{}); strings.Contains(md, "## Server") || !strings.Contains(md, "## Engine") {
		t.Errorf("a run in process:\n%s", md)
	}
}

// A server that tells nothing has a section all the same, without a zero.
func TestServerSectionOfLittle(t *testing.T) {
	r := &result.Run{Server: &result.ServerInfo{URL: "http://h:1", API: result.APIOpenAI}}
	md := text(t, serverSection(r)...)
	for _, want := range []string{"| Server | — |", "| Protocol | OpenAI completions (/v1/completions) |", "| Slots | — |"} {
		if !strings.Contains(md, want) {
			t.Errorf("no %q in:\n%s", want, md)
		}
	}
	if strings.Contains(md, "| 0") || strings.Contains(md, "Client CPU") {
		t.Errorf("figures that nobody measured:\n%s", md)
	}
}
