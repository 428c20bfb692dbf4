package result

import (
	"cmp"
	"fmt"
)

// ServerInfo says through which server a run went, and what of it could be
// made equal to a run in process.
type ServerInfo struct {
	URL     string `json:"url"`     // without credentials
	API     string `json:"api"`     // APILlama or APIOpenAI
	Kind    string `json:"kind"`    // "llama-server", "vLLM", "SGLang"; "": not known
	Version string `json:"version"` // the server's own; "": unknown
	Model   string `json:"model"`   // the name that requests carry
	// ModelPath is the file or folder that the server says it has loaded; "":
	// unknown.
	ModelPath string `json:"model_path,omitempty"`
	// Slots is the number of requests that the server computes at a time, and
	// Context the tokens that one of them may have; null: unknown.
	Slots   *int `json:"slots"`
	Context *int `json:"context_tokens"`
	// RoundTripS is the shortest of several exchanges that cost the server
	// nothing, in seconds: the hop alone.
	RoundTripS *float64 `json:"round_trip_s"`

	// Conditions are what a run through a server may differ in from one in
	// process, each with what was found.
	Conditions []ServerCondition `json:"conditions"`
}

// The two protocols that requests are sent in.
const (
	APILlama  = "llama"  // llama-server's own, POST /completion
	APIOpenAI = "openai" // POST /v1/completions
)

// Condition is one thing in which a run through a server may differ from one
// in process.
type ServerCondition struct {
	Name    string `json:"name"`
	Outcome string `json:"outcome"` // OutcomeEqual and so on
	Detail  string `json:"detail"`  // what was seen, one line
}

// Outcomes of a condition.
const (
	OutcomeEqual   = "equal"   // seen to be as in process
	OutcomeSet     = "set"     // asked for in every request; that it is honoured was not seen
	OutcomeDiffers = "differs" // not as in process
	OutcomeUnknown = "unknown" // the server does not tell
)

// ServerRecord is what is known of a request that went through a server
// beyond its tokens. What the server did not report is null.
type ServerRecord struct {
	// Header is the arrival of the response's header on the run's clock.
	// llama-server sends it when a slot begins with the prompt, others when
	// they have read the request.
	Header *float64 `json:"header"`
	// Chunks counts the instants at which output tokens arrived.
	Chunks int `json:"chunks"`
	// SplitTokens counts output tokens that arrived at one instant with others.
	// Their instants in token_times lie evenly between the arrival before and
	// their own, or where the server does not say how many each piece held,
	// the tokens are shared out evenly among them.
	SplitTokens int `json:"split_tokens,omitempty"`
	// Finish is the server's reason for the end: "length", "limit", "stop".
	Finish string `json:"finish,omitempty"`
	// Short is how many tokens fewer than asked the server generated.
	Short int `json:"short,omitempty"`
	// FromText counts the tokens of the answer in the next turn's prompt that the
	// server gave no ids of: they are what its text is tokenised into.
	FromText int `json:"from_text,omitempty"`

	// The server's own figures: prompt tokens in all, those of them it took
	// from a cache, and its own seconds for the others and for the output.
	PromptTokens *int     `json:"prompt_tokens"`
	CachedTokens *int     `json:"cached_tokens"`
	PromptS      *float64 `json:"prompt_s"`
	DecodeS      *float64 `json:"decode_s"`
}

// ServerDetail sums up what a scenario's successful requests say of the
// server. A distribution is null where the server reports nothing to make it
// of.
type ServerDetail struct {
	Header *Dist `json:"header_s"` // response header − admission, seconds
	Prompt *Dist `json:"prompt_s"` // the server's own time for the prompt, seconds
	Decode *Dist `json:"decode_s"` // the server's own time for the output, seconds
	// Wait is what TTFT holds beyond the server's own time for the prompt, in
	// seconds: the hop, the queue and the work before the prompt's turn.
	Wait *Dist `json:"wait_s"`
	// PromptRate is prompt tokens that the server computed / Σ its own time
	// for them, tokens/s.
	PromptRate *float64 `json:"prompt_rate"`

	Chunks      int64 `json:"chunks"`
	SplitTokens int64 `json:"split_tokens"`
	// ZeroGaps is the share of the gaps between the tokens of an answer that
	// are zero as they arrived, 0…1: they came at one instant. Null where no
	// answer has two tokens.
	ZeroGaps *float64 `json:"zero_gap_share"`
	// AtOnce counts the answers of several tokens that all came at one instant:
	// they have no TPOT and no ITL.
	AtOnce int `json:"answers_at_once"`
	Short  int `json:"short_requests"` // got fewer tokens than asked
	// FromText sums up that of the requests.
	FromText int64 `json:"from_text,omitempty"`

	// CacheQueried and CacheHit are by how much the server's own counters of its
	// prefix cache grew in the scenario: prompt tokens looked up, and those of
	// them found, of all its clients. Null where it does not tell.
	CacheQueried *int64 `json:"cache_queried"`
	CacheHit     *int64 `json:"cache_hit"`

	// ClientCPUS is the CPU time of this program during the scenario, in
	// seconds over all threads.
	ClientCPUS *float64 `json:"client_cpu_s"`
}

// server sums up the server's side of the successful requests; nil for a run
// in process.
func (s *sample) server(m Measured) *ServerDetail {
	var d ServerDetail
	var header, prompt, decode, wait []float64
	computed, seconds := 0, 0.0
	gaps, zero := 0, 0
	seen := false
	for _, list := range [][]*Record{s.good, s.bad} {
		for _, r := range list {
			seen = seen || r.Server != nil
		}
	}
	if !seen && m.ClientCPUS == nil {
		return nil
	}
	for _, r := range s.good {
		v := r.Server
		if v == nil {
			continue
		}
		d.Chunks += int64(v.Chunks)
		d.SplitTokens += int64(v.SplitTokens)
		if v.Short > 0 {
			d.Short++
		}
		d.FromText += int64(v.FromText)
		if n := r.OutputTokens; n > 1 {
			gaps += n - 1
			zero += max(n-max(v.Chunks, 1), 0)
			if _, seen := r.TPOT(); !seen {
				d.AtOnce++
			}
		}
		if v.Header != nil {
			header = append(header, *v.Header-r.Admitted)
		}
		if v.DecodeS != nil {
			decode = append(decode, *v.DecodeS)
		}
		if v.PromptS == nil {
			continue
		}
		prompt = append(prompt, *v.PromptS)
		wait = append(wait, r.TTFT()-*v.PromptS)
		seconds += *v.PromptS
		computed += *cmp.Or(v.PromptTokens, &r.InputTokens) - r.ReusedTokens
	}
	d.Header, d.Prompt, d.Decode, d.Wait = NewDist(header), NewDist(prompt), NewDist(decode), NewDist(wait)
	d.PromptRate = perSecond(float64(computed), seconds)
	if gaps > 0 {
		share := float64(zero) / float64(gaps)
		d.ZeroGaps = &share
	}
	d.ClientCPUS, d.CacheQueried, d.CacheHit = m.ClientCPUS, m.CacheQueried, m.CacheHit
	return &d
}

// serverWarnings qualify what was seen through a server.
func serverWarnings(d *Detail) []string {
	v := d.Server
	if v == nil {
		return nil
	}
	var out []string
	if v.SplitTokens > 0 {
		text := fmt.Sprintf("%d tokens arrived several at a time, at %d instants in all", v.SplitTokens, v.Chunks)
		if v.ZeroGaps != nil {
			text += fmt.Sprintf(": %.1f%% of the gaps between tokens are zero", 100**v.ZeroGaps)
		}
		out = append(out, text+"; their own instants are estimates, so are ITL and peak, and TPOT is too low by what came along with the first tokens")
	}
	if v.AtOnce > 0 {
		out = append(out, fmt.Sprintf("%d answers came as a whole, at one instant: the server, or a proxy before it, held them back; they have no TPOT and no ITL, and their TTFT is the time of the whole answer", v.AtOnce))
	}
	if v.Short > 0 {
		out = append(out, fmt.Sprintf("%d requests ended before they had the tokens asked for: the server does not ignore the end of a text, or cuts at its context", v.Short))
	}
	if v.FromText > 0 {
		out = append(out, fmt.Sprintf("%d tokens of answers in later turns' prompts are what the answers' text is tokenised into: the server gave no ids of them, and may have others in its cache", v.FromText))
	}
	if d.Cache == CacheCold && d.ReusedTokens > 0 {
		out = append(out, fmt.Sprintf("the server took %d prompt tokens from a cache in a cold run: restart it, or use another --seed", d.ReusedTokens))
	}
	if d.Cache == CacheCold && v.CacheHit != nil && *v.CacheHit > 0 {
		out = append(out, fmt.Sprintf("by the server's own counters, %d of %d prompt tokens came from its prefix cache in a cold run: other requests were served meanwhile, or its cache_salt is not honoured; restart it, or use another --seed",
			*v.CacheHit, *v.CacheQueried))
	}
	return out
}
