package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"time"

	"ceiling/bench/result"
)

// Kinds of servers that are known by name.
const (
	kindLlama  = "llama-server"
	kindVLLM   = "vLLM"
	kindSGLang = "SGLang"
)

// loadingPause is how often a server that is loading its model is asked again.
const loadingPause = 500 * time.Millisecond

// modelCard is one model of a server's list.
type modelCard struct {
	ID      foreign `json:"id"`
	OwnedBy string  `json:"owned_by"`
	Root    foreign `json:"root"`
	Context *int    `json:"max_model_len"` // vLLM's and SGLang's
	Meta    *struct {
		Vocab  int   `json:"n_vocab"`
		Params int64 `json:"n_params"`
		Bytes  int64 `json:"size"`
	} `json:"meta"` // llama-server's
}

// identify finds out what the server is and what it serves.
func (c *Server) identify(ctx context.Context) error {
	card, err := c.models(ctx)
	if err != nil {
		return err
	}
	c.info.Model, c.info.Context = c.text(card.ID), count(card.Context)
	switch card.OwnedBy {
	case "llamacpp":
		c.info.Kind = kindLlama
		c.readProps(ctx)
	case "vllm":
		c.info.Kind = kindVLLM
		c.info.ModelPath = c.text(card.Root)
		c.info.Version = c.version(ctx, "/version")
	case "sglang":
		c.info.Kind = kindSGLang
		c.info.ModelPath = c.text(card.Root)
		c.info.Version = c.version(ctx, "/server_info", "/get_server_info")
	}
	if err := c.choose(card.ID); err != nil {
		return err
	}
	c.compareModel(card)
	return nil
}

// choose picks the protocol.
func (c *Server) choose(model foreign) error {
	switch c.opt.API {
	case "", "auto":
		if c.info.Kind == kindLlama {
			c.proto = llamaProtocol(c.opt.Warm)
		} else {
			c.proto = openaiProtocol(c.info.Kind, model, c.opt.Warm, c.opt.Turns)
		}
	case result.APILlama:
		c.proto = llamaProtocol(c.opt.Warm)
	case result.APIOpenAI:
		c.proto = openaiProtocol(c.info.Kind, model, c.opt.Warm, c.opt.Turns)
	default:
		return fmt.Errorf("api %q is unknown; use auto, %s or %s", c.opt.API, result.APILlama, result.APIOpenAI)
	}
	c.info.API = c.proto.api
	return nil
}

// models asks for the list of models and takes the one to use. It waits for a
// server that answers 503 because it is still loading. A server without the
// list is taken as it is.
func (c *Server) models(ctx context.Context) (modelCard, error) {
	var list struct {
		Data []modelCard `json:"data"`
	}
	limit := time.Now().Add(c.opt.Timeout)
	err := c.get(ctx, "/v1/models", &list)
	for isStatus(err, http.StatusServiceUnavailable) && time.Now().Before(limit) && ctx.Err() == nil {
		select {
		case <-time.After(loadingPause):
		case <-ctx.Done():
		}
		err = c.get(ctx, "/v1/models", &list)
	}
	switch {
	case ctx.Err() != nil:
		return modelCard{}, ctx.Err()
	case isStatus(err, http.StatusUnauthorized), isStatus(err, http.StatusForbidden):
		return modelCard{}, fmt.Errorf("server %s refuses the key: %w; give the right one in CEILING_API_KEY or with --api-key", c.info.URL, err)
	case isStatus(err, http.StatusServiceUnavailable):
		return modelCard{}, fmt.Errorf("server %s is not ready: %w; wait until it has loaded its model", c.info.URL, err)
	case isStatus(err, http.StatusNotFound), isStatus(err, http.StatusMethodNotAllowed):
		return modelCard{ID: foreign(c.opt.Model)}, nil
	case err != nil:
		return modelCard{}, fmt.Errorf("server %s: %w; start it, or correct --url", c.info.URL, err)
	}
	if c.opt.Model == "" {
		if len(list.Data) == 0 {
			return modelCard{}, nil
		}
		return list.Data[0], nil
	}
	const most = 20 // names in an error
	var names []string
	for _, m := range list.Data {
		if m.ID == foreign(c.opt.Model) {
			return m, nil
		}
		names = append(names, c.text(m.ID))
	}
	more := ""
	if n := len(names) - most; n > 0 {
		names, more = names[:most], fmt.Sprintf(" and %d more", n)
	}
	return modelCard{}, fmt.Errorf("server %s has no model %q, it has %q%s; name one of them with --served-model", c.info.URL, c.opt.Model, names, more)
}

// readProps takes what llama-server tells of itself. What it does not tell
// stays unknown.
func (c *Server) readProps(ctx context.Context) {
	var props struct {
		Defaults struct {
			Context *int `json:"n_ctx"`
		} `json:"default_generation_settings"`
		Slots *int    `json:"total_slots"`
		Path  foreign `json:"model_path"`
		Build foreign `json:"build_info"`
	}
	if c.get(ctx, "/props", &props) == nil {
		c.info.Slots, c.info.Context = count(props.Slots), count(props.Defaults.Context)
		c.info.ModelPath, c.info.Version = c.text(props.Path), c.text(props.Build)
	}
	c.noteUntold()
	var slots []struct {
		Speculative *bool `json:"speculative"`
	}
	name := "speculative decoding"
	if c.get(ctx, "/slots", &slots) != nil || len(slots) == 0 || slots[0].Speculative == nil {
		c.note(name, result.OutcomeUnknown, "the server does not tell whether it drafts tokens")
		return
	}
	if *slots[0].Speculative {
		c.note(name, result.OutcomeDiffers, "the server drafts tokens; start it without a draft model")
		return
	}
	c.note(name, result.OutcomeEqual, "off")
}

// noteUntold lists what llama-server sets in ways of its own and does not tell:
// what it does when it is started without these options, and how it is made to
// do as a run.
func (c *Server) noteUntold() {
	for _, v := range []struct{ name, detail string }{
		{"KV layout", "the server does not tell; without --parallel its slots share one KV buffer, those of a run have one each unless it is warm: start it with --parallel N --no-kv-unified"},
		{"checkpoints", "the server does not tell; for models with a sliding window or a recurrent state it copies that while it computes prompts, a run does not: start it with --ctx-checkpoints 0"},
		{"idle slots", "the server does not tell; it saves the prompt of an idle slot to memory when another comes, a run does not: start it with --cache-ram 0"},
		{"batch sizes", "the server does not tell; without other options they are --batch-size 2048 and --ubatch-size 512: start it with those of the run"},
	} {
		c.note(v.name, result.OutcomeUnknown, v.detail)
	}
}

// version asks the first of the paths that answers.
func (c *Server) version(ctx context.Context, paths ...string) string {
	for _, path := range paths {
		var v struct {
			Version foreign `json:"version"`
		}
		if c.get(ctx, path, &v) == nil && v.Version != "" {
			return c.text(v.Version)
		}
	}
	return ""
}

// compareModel compares the weights that the server tells of with the file
// that the prompts were made for.
func (c *Server) compareModel(card modelCard) {
	const weights, vocabulary = "weights", "vocabulary"
	m := card.Meta
	if m == nil {
		c.note(vocabulary, result.OutcomeUnknown, "the server does not tell the size of its vocabulary")
		c.note(weights, result.OutcomeUnknown, fmt.Sprintf("the server names them %q; that they are those of %q can't be seen", c.info.Model, c.opt.ModelFile))
		return
	}
	if m.Vocab == c.opt.Vocab.Size {
		c.note(vocabulary, result.OutcomeEqual, fmt.Sprintf("%d token ids", m.Vocab))
	} else {
		c.note(vocabulary, result.OutcomeDiffers, fmt.Sprintf("%d token ids, %d in %q; give --model the file that the server has loaded", m.Vocab, c.opt.Vocab.Size, c.opt.ModelFile))
	}
	switch name := filepath.Base(c.info.ModelPath); {
	case m.Bytes != c.opt.ModelBytes || m.Params != c.opt.ModelParams:
		c.note(weights, result.OutcomeDiffers, fmt.Sprintf("%q with %d parameters in %d bytes; %q has %d in %d", name, m.Params, m.Bytes, c.opt.ModelFile, c.opt.ModelParams, c.opt.ModelBytes))
	default:
		c.note(weights, result.OutcomeEqual, fmt.Sprintf("%q: %d parameters in %d bytes on both sides; contents were not compared", name, m.Params, m.Bytes))
	}
}

// roundTrips is how many empty exchanges the hop is measured with.
const roundTrips = 10

// roundTrip measures the hop by exchanges that need no model, with a new
// connection for each if the run's requests need one. The list of models is
// what every kind of server has.
func (c *Server) roundTrip(ctx context.Context) {
	var best time.Duration
	for range roundTrips {
		start := time.Now()
		var ignored json.RawMessage
		if c.get(ctx, "/v1/models", &ignored) != nil {
			return
		}
		if took := time.Since(start); best == 0 || took < best {
			best = took
		}
	}
	s := best.Seconds()
	c.info.RoundTripS = &s
}

// note keeps a condition.
func (c *Server) note(name, outcome, detail string) {
	c.info.Conditions = append(c.info.Conditions, result.ServerCondition{Name: name, Outcome: outcome, Detail: detail})
}

// longestDocument bounds what a server tells of itself, in bytes.
const longestDocument = 1 << 20

// get fetches JSON.
func (c *Server) get(ctx context.Context, path string, into any) error {
	text, err := c.fetch(ctx, path)
	if err != nil {
		return err
	}
	if json.Unmarshal(text, into) != nil {
		return &requestError{reason: "its answer to " + path + " is not what a model server sends"}
	}
	return nil
}

// fetch reads a document of the server's.
func (c *Server) fetch(ctx context.Context, path string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, c.opt.Timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base.String()+path, nil)
	if err != nil {
		return nil, err
	}
	c.authorize(req)
	resp, err := c.http.Do(req)
	if errors.Is(err, context.DeadlineExceeded) {
		return nil, &requestError{reason: fmt.Sprintf("no answer for %v (--timeout)", c.opt.Timeout)}
	}
	if err != nil {
		return nil, &requestError{reason: c.plain(err)}
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, c.statusError(resp)
	}
	if err := c.notPacked(resp); err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(resp.Body, longestDocument+1))
	switch {
	case err != nil:
		return nil, &requestError{reason: c.plain(err)}
	case len(text) > longestDocument:
		return nil, &requestError{reason: fmt.Sprintf("its answer to %s has more than %d bytes", path, longestDocument)}
	}
	return text, nil
}

func isStatus(err error, status int) bool {
	var e *requestError
	return errors.As(err, &e) && e.status == status
}
