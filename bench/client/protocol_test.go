package client

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func ptr[T any](v T) *T { return &v }

func TestBodies(t *testing.T) {
	common := `"cache_prompt":false,"dry_multiplier":0,"frequency_penalty":0,"ignore_eos":true,"mirostat":0,"presence_penalty":0,`
	for _, tc := range []struct {
		name string
		p    protocol
		want string
	}{
		{"llama-server's own", llamaProtocol(false),
			`{"prompt":[1,22,333],"n_predict":5,` + common + `"repeat_penalty":1,"response_fields":["stop","stop_type","tokens_predicted","tokens_evaluated","timings"],"stream":true,"temperature":0,"top_k":1}`},
		{"llama-server's OpenAI side", openaiProtocol(kindLlama, `a "b"`, false, false),
			`{"prompt":[1,22,333],"max_tokens":5,` + common[:len(common)-len(`"mirostat":0,"presence_penalty":0,`)] + `"mirostat":0,"model":"a \"b\"","presence_penalty":0,"repeat_penalty":1,"stream":true,` +
				`"stream_options":{"continuous_usage_stats":true,"include_usage":true},"temperature":0,"timings_per_token":true,"top_k":1}`},
		{"vLLM: a salt of its own in every request", openaiProtocol(kindVLLM, "m", false, false),
			`{"prompt":[1,22,333],"max_tokens":5,"cache_salt":"s-1","ignore_eos":true,"model":"m","stream":true,"stream_options":{"continuous_usage_stats":true,"include_usage":true},"temperature":0}`},
		{"vLLM, warm", openaiProtocol(kindVLLM, "m", true, false),
			`{"prompt":[1,22,333],"max_tokens":5,"ignore_eos":true,"model":"m","stream":true,"stream_options":{"continuous_usage_stats":true,"include_usage":true},"temperature":0}`},
		{"a server of no known kind", openaiProtocol("", "", false, false),
			`{"prompt":[1,22,333],"max_tokens":5,"ignore_eos":true,"stream":true,"stream_options":{"continuous_usage_stats":true,"include_usage":true},"temperature":0}`},
	} {
		got := string(tc.p.body([]int32{1, 22, 333}, 5, "s-1"))
		if diff := cmp.Diff(tc.want, got); diff != "" || !json.Valid([]byte(got)) {
			t.Errorf("%s:\n%s", tc.name, diff)
		}
	}
	var v struct {
		Cache bool `json:"cache_prompt"`
	}
	if err := json.Unmarshal(llamaProtocol(true).body(nil, 1, ""), &v); err != nil || !v.Cache {
		t.Errorf("warm: %+v, %v", v, err)
	}
}

func TestDecode(t *testing.T) {
	for _, tc := range []struct {
		name   string
		decode func([]byte, *chunk) error
		data   string
		want   chunk
		err    string
	}{
		{"llama: a token", decodeLlama, `{"index":0,"content":"ktc","tokens":[8124],"stop":false,"id_slot":-1,"tokens_predicted":1,"tokens_evaluated":5}`,
			chunk{holds: true, text: "ktc", ids: []int32{8124}, total: 1, prompt: ptr(5)}, ""},
		{"llama: the end", decodeLlama, `{"stop":true,"stop_type":"limit","tokens_predicted":4,"tokens_evaluated":5,"timings":{"cache_n":2,"prompt_n":3,"prompt_ms":22.5,"predicted_n":4,"predicted_ms":9.5}}`,
			chunk{holds: true, total: 4, closing: true, finish: "limit", prompt: ptr(5), cached: ptr(2), promptS: ptr(0.0225), decodeS: ptr(0.0095)}, ""},
		{"llama: the end, with drafts", decodeLlama, `{"stop":true,"stop_type":"limit","tokens_predicted":4,"tokens_evaluated":5,"timings":{"draft_n":6,"draft_n_accepted":2}}`,
			chunk{holds: true, total: 4, closing: true, finish: "limit", prompt: ptr(5), drafted: ptr(6), accepted: ptr(2)}, ""},
		{"llama: progress of the prompt holds no token", decodeLlama, `{"prompt_progress":{"total":5}}`, chunk{total: -1}, ""},
		{"llama: an error", decodeLlama, `{"error":{"code":500,"message":"no slot","type":"server_error"}}`, chunk{total: -1, failure: "no slot"}, ""},
		{"llama: not JSON", decodeLlama, `{"index"`, chunk{}, "an event that is not JSON: unexpected end of JSON input"},
		{"vLLM: a token with the count so far", decodeOpenAI, `{"id":"c","object":"text_completion","created":1,"model":"m","choices":[{"index":0,"text":" a","logprobs":null,"finish_reason":null,"stop_reason":null}],"usage":{"prompt_tokens":7,"total_tokens":9,"completion_tokens":2}}`,
			chunk{holds: true, text: " a", total: 2, prompt: ptr(7)}, ""},
		{"vLLM: the last token", decodeOpenAI, `{"choices":[{"index":0,"text":"b","finish_reason":"length"}]}`,
			chunk{holds: true, text: "b", total: -1, closing: true, finish: "length"}, ""},
		{"vLLM: usage alone", decodeOpenAI, `{"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":3,"prompt_tokens_details":{"cached_tokens":4}}}`,
			chunk{total: 3, prompt: ptr(7), cached: ptr(4)}, ""},
		{"OpenAI: no usage, an empty reason", decodeOpenAI, `{"choices":[{"text":"","finish_reason":""}],"usage":null}`, chunk{holds: true, total: -1}, ""},
		{"llama's OpenAI side: the end", decodeOpenAI, `{"choices":[{"text":"","index":0,"finish_reason":"length"}],"usage":{"completion_tokens":3,"prompt_tokens":5,"total_tokens":8,"prompt_tokens_details":{"cached_tokens":0}},"timings":{"cache_n":0,"prompt_n":5,"prompt_ms":8,"predicted_n":3,"predicted_ms":9}}`,
			chunk{holds: true, total: 3, closing: true, finish: "length", prompt: ptr(5), cached: ptr(0), promptS: ptr(0.008), decodeS: ptr(0.009)}, ""},
		{"SGLang: an error that is a text", decodeOpenAI, `{"error":"out of memory"}`, chunk{total: -1, failure: "out of memory"}, ""},
	} {
		var got chunk
		err := tc.decode([]byte(tc.data), &got)
		if tc.err != "" {
			if err == nil || err.Error() != tc.err {
				t.Errorf("%s: error %v", tc.name, err)
			}
			continue
		}
		if diff := cmp.Diff(tc.want, got, cmp.AllowUnexported(chunk{})); err != nil || diff != "" {
			t.Errorf("%s: %v\n%s", tc.name, err, diff)
		}
	}
}

func TestMessage(t *testing.T) {
	for body, want := range map[string]string{
		`{"error":{"code":400,"message":"too  long\nby 3","type":"x"}}`: "too long by 3",
		`{"object":"error","message":"no model m","code":404}`:          "no model m",
		`{"detail":[{"loc":["body","prompt"],"msg":"bad"}]}`:            "[map[loc:[body prompt] msg:bad]]",
		"<html>\nBad  Gateway</html>":                                   "<html> Bad Gateway</html>",
		"":                                                              "",
	} {
		if got := (&Server{}).text(message([]byte(body))); got != want {
			t.Errorf("%s: %q, want %q", body, got, want)
		}
	}
}

// Figures that can't be are as if missing: sums over them must stay numbers.
func TestAbsurdFigures(t *testing.T) {
	var c chunk
	event := `{"choices":[],"usage":{"prompt_tokens":-1,"completion_tokens":3,"prompt_tokens_details":{"cached_tokens":9000000000}},"timings":{"cache_n":-4,"prompt_ms":1e308,"predicted_ms":-1,"draft_n":-6,"draft_n_accepted":9000000000}}`
	if err := decodeOpenAI([]byte(event), &c); err != nil || c.prompt != nil || c.cached != nil || c.promptS != nil || c.decodeS != nil || c.drafted != nil || c.accepted != nil || c.total != 3 {
		t.Errorf("%+v, %v", c, err)
	}
	if err := decodeLlama([]byte(`{"stop":true,"tokens_evaluated":-1,"timings":{"prompt_ms":1e308}}`), &c); err != nil || c.prompt != nil || c.promptS != nil {
		t.Errorf("%+v, %v", c, err)
	}
}
