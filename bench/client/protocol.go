package client

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"strconv"

	"ceiling/bench/result"
)

// protocol is one way to ask a server for tokens.
type protocol struct {
	api    string
	path   string
	length string         // the field with the number of output tokens
	fields map[string]any // those that every request has
	tail   []byte         // fields as they are in a body
	salted bool           // every request has a cache_salt of its own
	decode func(data []byte, c *chunk) error
}

// chunk is what one event of a stream says.
type chunk struct {
	holds   bool // it may hold output tokens
	text    foreign
	ids     []int32 // of the tokens in it, where the server gives them
	total   int     // output tokens so far; < 0: unknown
	closing bool    // generation has ended
	finish  foreign // why
	failure foreign // the server's error; "": none

	prompt, cached    *int     // prompt tokens, and those taken from a cache
	promptS, decodeS  *float64 // the server's own seconds
	drafted, accepted *int     // tokens that were drafted for the answer, and those of them in it
}

// with returns the protocol with more fields in every request; a nil value
// takes a field away.
func (p protocol) with(fields map[string]any) protocol {
	p.fields = maps.Clone(p.fields)
	if p.fields == nil {
		p.fields = map[string]any{}
	}
	for k, v := range fields {
		if v == nil {
			delete(p.fields, k)
		} else {
			p.fields[k] = v
		}
	}
	text, err := json.Marshal(p.fields)
	if err != nil {
		panic(err) // the fields are literals of this package and strings
	}
	p.tail = append([]byte{','}, text[1:]...)
	return p
}

// askIDs is the field with which vLLM and SGLang give the ids of an answer's tokens.
const askIDs = "return_token_ids"

// body is a request for output tokens after the prompt ids.
func (p protocol) body(ids []int32, output int, salt string) []byte {
	b := make([]byte, 0, 7*len(ids)+len(p.tail)+len(salt)+64)
	b = append(b, `{"prompt":[`...)
	for i, id := range ids {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(b, int64(id), 10)
	}
	b = append(b, `],"`...)
	b = append(b, p.length...)
	b = append(b, `":`...)
	b = strconv.AppendInt(b, int64(output), 10)
	if p.salted {
		b = append(b, `,"cache_salt":"`...)
		b = append(b, salt...)
		b = append(b, '"')
	}
	return append(b, p.tail...)
}

// llamaProtocol is llama-server's own. Of its last event only what is read is
// asked for: it would hold the prompt as text.
func llamaProtocol(warm bool) protocol {
	p := protocol{api: result.APILlama, path: "/completion", length: "n_predict", decode: decodeLlama}
	return p.with(llamaFields(warm)).with(map[string]any{
		"response_fields": []string{"stop", "stop_type", "tokens_predicted", "tokens_evaluated", "timings"},
	})
}

// llamaFields are what llama-server needs in either protocol. With top_k 1
// the samplers behind it have one candidate; the penalties, which are neutral
// unless the server was started with others, are set to be so.
func llamaFields(warm bool) map[string]any {
	return map[string]any{
		"stream": true, "temperature": 0, "top_k": 1, "repeat_penalty": 1, "presence_penalty": 0,
		"frequency_penalty": 0, "dry_multiplier": 0, "mirostat": 0, "ignore_eos": true, "cache_prompt": warm,
	}
}

// openaiProtocol is OpenAI's completions, with what the kind of server adds.
func openaiProtocol(kind string, model foreign, warm, turns bool) protocol {
	p := protocol{api: result.APIOpenAI, path: "/v1/completions", length: "max_tokens", decode: decodeOpenAI}
	p = p.with(map[string]any{
		"stream": true, "temperature": 0, "ignore_eos": true,
		"stream_options": map[string]any{"include_usage": true, "continuous_usage_stats": true},
	})
	if model != "" {
		p = p.with(map[string]any{"model": model})
	}
	switch kind {
	case kindLlama:
		p = p.with(llamaFields(warm)).with(map[string]any{"timings_per_token": true})
	case kindVLLM, kindSGLang:
		// KV is shared only between requests of one salt.
		p.salted = !warm
		if turns {
			p = p.with(map[string]any{askIDs: true})
		}
	}
	return p
}

// timings are llama-server's figures of a request; times in milliseconds.
type timings struct {
	Cached      *int     `json:"cache_n"`
	PromptMs    *float64 `json:"prompt_ms"`
	Predicted   *int     `json:"predicted_n"`
	PredictedMs *float64 `json:"predicted_ms"`
	Drafted     *int     `json:"draft_n"` // not there where nothing was
	Accepted    *int     `json:"draft_n_accepted"`
}

func (t *timings) into(c *chunk) {
	if t == nil {
		return
	}
	c.cached = count(t.Cached)
	c.promptS, c.decodeS = inSeconds(t.PromptMs), inSeconds(t.PredictedMs)
	c.drafted, c.accepted = count(t.Drafted), count(t.Accepted)
}

// count is a number of tokens that a server tells; what can't be one is as if
// unknown.
func count(n *int) *int {
	if n == nil || *n < 0 || *n > math.MaxInt32 {
		return nil
	}
	return n
}

// inSeconds is a time that a server tells; what can't be one is as if missing.
func inSeconds(ms *float64) *float64 {
	const year = 365 * 24 * 3600 * 1000
	if ms == nil || *ms < 0 || *ms > year {
		return nil
	}
	s := *ms / 1000
	return &s
}

// serverError is the error object of either protocol; SGLang and others put
// the message beside it, or a text in its place.
type serverError struct{ Message foreign }

func (e *serverError) UnmarshalJSON(text []byte) error {
	var object struct {
		Message foreign `json:"message"`
	}
	if json.Unmarshal(text, &object) == nil && object.Message != "" {
		e.Message = object.Message
		return nil
	}
	if json.Unmarshal(text, &e.Message) != nil {
		e.Message = foreign(text)
	}
	return nil
}

func decodeLlama(data []byte, c *chunk) error {
	var v struct {
		Content   foreign      `json:"content"`
		Tokens    []int32      `json:"tokens"`
		Stop      *bool        `json:"stop"`
		StopType  foreign      `json:"stop_type"`
		Predicted *int         `json:"tokens_predicted"`
		Evaluated *int         `json:"tokens_evaluated"`
		Timings   *timings     `json:"timings"`
		Error     *serverError `json:"error"`
	}
	if err := json.Unmarshal(data, &v); err != nil {
		return fmt.Errorf("an event that is not JSON: %w", err)
	}
	*c = chunk{total: -1, text: v.Content, ids: v.Tokens, prompt: count(v.Evaluated)}
	if v.Error != nil {
		c.failure = v.Error.Message
		return nil
	}
	c.holds = v.Stop != nil
	if v.Predicted != nil {
		c.total = *v.Predicted
	}
	if c.closing = v.Stop != nil && *v.Stop; c.closing {
		c.finish = v.StopType
		v.Timings.into(c)
	}
	return nil
}

func decodeOpenAI(data []byte, c *chunk) error {
	var v struct {
		Choices []struct {
			Text   foreign  `json:"text"`
			Finish *foreign `json:"finish_reason"`
			IDs    []int32  `json:"token_ids"`
		} `json:"choices"`
		Usage *struct {
			Prompt     *int `json:"prompt_tokens"`
			Completion *int `json:"completion_tokens"`
			Details    *struct {
				Cached *int `json:"cached_tokens"`
			} `json:"prompt_tokens_details"`
		} `json:"usage"`
		Timings *timings     `json:"timings"`
		Error   *serverError `json:"error"`
	}
	if err := json.Unmarshal(data, &v); err != nil {
		return fmt.Errorf("an event that is not JSON: %w", err)
	}
	*c = chunk{total: -1}
	if v.Error != nil {
		c.failure = v.Error.Message
		return nil
	}
	if len(v.Choices) > 0 {
		choice := v.Choices[0]
		c.holds, c.text, c.ids = true, choice.Text, choice.IDs
		if choice.Finish != nil && *choice.Finish != "" {
			c.closing, c.finish = true, *choice.Finish
		}
	}
	if t := v.Timings; t != nil {
		t.into(c)
		if t.Predicted != nil {
			c.total = *t.Predicted
		}
	}
	if u := v.Usage; u != nil {
		c.prompt = count(u.Prompt)
		if u.Completion != nil {
			c.total = *u.Completion
		}
		if u.Details != nil && count(u.Details.Cached) != nil {
			c.cached = u.Details.Cached
		}
	}
	return nil
}
