package client

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"time"

	"ceiling/bench/result"
)

// Sizes of the probing requests, in tokens: a prompt that spans a few blocks
// of a paged cache, and enough output to see how it is cut into pieces.
const (
	probeInput  = 64
	probeOutput = 16
)

// trial is the answer to a probing request.
type trial struct {
	Reply
	text   string
	ids    []int32
	reused bool // sent on a connection that had served a request
}

// try sends a request and keeps its output.
func (c *Server) try(ctx context.Context, p protocol, ids []int32, output int) trial {
	start := time.Now()
	var t trial
	var text strings.Builder
	a := c.exchange(ctx, p, p.body(ids, output, c.salt()), output, func() time.Duration { return time.Since(start) },
		func(int) {}, func(piece *chunk) {
			text.WriteString(string(piece.text))
			t.ids = append(t.ids, piece.ids...)
		})
	t.Reply, t.reused, t.text = a.reply, a.reused, text.String()
	return t
}

// probe sends a few requests and notes in what the server differs. It fixes
// the form of the run's requests.
func (c *Server) probe(ctx context.Context) error {
	input, output := probeInput, probeOutput
	if c.info.Context != nil && input+output > *c.info.Context {
		input, output = max(*c.info.Context/2, 2), max(*c.info.Context/4, 1)
	}
	ids := c.randomPrompt(input)
	first, err := c.accept(ctx, ids, output)
	if err != nil {
		return err
	}
	c.notePrompt(len(ids), first)
	c.noteStream(first)
	select {
	case <-time.After(cmp.Or(c.opt.closing, closingPause)):
	case <-ctx.Done():
	}
	second := c.try(ctx, c.proto, ids, output)
	if second.Err != nil {
		return c.refused(ctx, second.Err)
	}
	c.noteConnections(second)
	c.noteSampling(first, second)
	c.noteCache(second)
	c.noteAnswers(first)
	if err := c.probeEnd(ctx, ids); err != nil {
		return err
	}
	c.noteSlots()
	c.noteContext()
	c.noteTimings(first)
	return ctx.Err()
}

// randomPrompt is a prompt that no run and no earlier probe has: it must not
// be in any cache.
func (c *Server) randomPrompt(n int) []int32 {
	v := c.opt.Vocab
	ids := make([]int32, 0, n)
	if v.AddBOS {
		ids = append(ids, v.BOS)
	}
	for len(ids) < n {
		ids = append(ids, v.Allowed[rand.IntN(len(v.Allowed))])
	}
	return ids
}

// concession is a part of the requests that a server may refuse.
type concession struct {
	name, detail string
	give         func(protocol) protocol
}

var concessions = []concession{
	{"answers", "the server refuses " + askIDs, func(p protocol) protocol { return p.with(map[string]any{askIDs: nil}) }},
	{"prefix cache", "the server refuses cache_salt", func(p protocol) protocol { p.salted = false; return p }},
	{"streaming", "the server refuses continuous_usage_stats", func(p protocol) protocol {
		return p.with(map[string]any{"stream_options": map[string]any{"include_usage": true}})
	}},
	{"token counts", "the server refuses stream_options", func(p protocol) protocol {
		return p.with(map[string]any{"stream_options": nil})
	}},
	{"end of text", "the server refuses ignore_eos", func(p protocol) protocol {
		return p.with(map[string]any{"ignore_eos": nil})
	}},
}

// accept finds the fullest form of a request that the server takes.
func (c *Server) accept(ctx context.Context, ids []int32, output int) (trial, error) {
	t := c.try(ctx, c.proto, ids, output)
	for _, give := range concessions {
		if !refusal(t.Err) || c.proto.api != result.APIOpenAI {
			break
		}
		before := t.Err
		less := give.give(c.proto)
		if less.salted == c.proto.salted && bytes.Equal(less.tail, c.proto.tail) {
			continue // it is not in the requests
		}
		if t = c.try(ctx, less, ids, output); t.Err == nil || t.Err.Error() != before.Error() {
			c.note(give.name, result.OutcomeDiffers, give.detail+": "+before.Error())
		}
		c.proto = less
	}
	if t.Err != nil {
		return t, c.refused(ctx, t.Err)
	}
	return t, nil
}

// refusal tells that the server does not like the form of a request.
func refusal(err error) bool {
	return isStatus(err, http.StatusBadRequest) || isStatus(err, http.StatusUnprocessableEntity)
}

// refused is the error of a server that no run can go through.
func (c *Server) refused(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	hint := "look at the server's log"
	switch {
	case refusal(err):
		hint = "it must take a prompt of token ids; try another --api or --served-model"
	case isStatus(err, http.StatusNotFound), isStatus(err, http.StatusMethodNotAllowed):
		hint = "try another --api, --url or --served-model"
	case isStatus(err, http.StatusUnauthorized), isStatus(err, http.StatusForbidden):
		hint = "give the right key in CEILING_API_KEY or with --api-key"
	}
	return fmt.Errorf("server %s: a request to %s failed: %w; %s", c.info.URL, c.proto.path, err, hint)
}

func (c *Server) notePrompt(sent int, t trial) {
	const name = "prompt"
	switch n := t.Server.PromptTokens; {
	case n == nil:
		c.note(name, result.OutcomeSet, fmt.Sprintf("%d token ids sent; the server does not tell how many it computed", sent))
	case *n == sent:
		c.note(name, result.OutcomeEqual, fmt.Sprintf("%d token ids sent, %d counted by the server: nothing added", sent, *n))
	default:
		c.note(name, result.OutcomeDiffers, fmt.Sprintf("%d token ids sent, %d counted by the server: it adds or drops tokens", sent, *n))
	}
}

func (c *Server) noteStream(t trial) {
	const name = "streaming"
	n, pieces := len(t.Tokens), t.Server.Chunks
	switch {
	case t.Server.SplitTokens == 0 && n == pieces:
		c.note(name, result.OutcomeEqual, fmt.Sprintf("%d tokens at %d instants", n, pieces))
	case n > 1 && pieces == 1:
		c.note(name, result.OutcomeDiffers, fmt.Sprintf("all %d tokens came at once: the server, or a proxy before it, holds its answers back; TTFT is the time of a whole answer, and TPOT and ITL can't be seen; turn its buffering off", n))
	default:
		c.note(name, result.OutcomeDiffers, fmt.Sprintf("%d tokens came at %d instants: those in between are estimates", n, pieces))
	}
}

// closingPause is enough for a server that closes the connection behind an
// answer to do so.
const closingPause = 200 * time.Millisecond

// noteConnections looks whether the connection of the first request served the
// second. llama-server promises to keep connections and closes them behind
// every stream; a request that is written just then is lost, and sent again on
// a new one. With such a server every request gets a connection of its own.
func (c *Server) noteConnections(second trial) {
	const name = "connections"
	if second.reused {
		c.note(name, result.OutcomeEqual, "kept: a request does not pay for a new one")
		return
	}
	c.Close()
	c.http = newHTTP(c.opt.Concurrency, false)
	c.note(name, result.OutcomeDiffers, "closed behind every answer: each request pays for a new one")
}

// noteSampling compares two answers to one prompt.
func (c *Server) noteSampling(a, b trial) {
	const name = "sampling"
	same := a.text == b.text && slices.Equal(a.ids, b.ids)
	switch {
	case same && (a.text != "" || len(a.ids) > 0):
		c.note(name, result.OutcomeEqual, "greedy asked for; two answers to one prompt were the same")
	case same:
		c.note(name, result.OutcomeSet, "greedy asked for; the answers hold no text to compare")
	default:
		c.note(name, result.OutcomeDiffers, "greedy asked for, but two answers to one prompt were not the same")
	}
}

// noteCache looks at what the second of two equal prompts took from a cache.
func (c *Server) noteCache(t trial) {
	const name = "prefix cache"
	n := t.Server.CachedTokens
	if c.opt.Warm {
		switch {
		case n == nil:
			c.note(name, result.OutcomeUnknown, "reuse is allowed; the server does not tell how many tokens it reuses")
		case *n > 0:
			c.note(name, result.OutcomeEqual, fmt.Sprintf("on: %d tokens of an equal prompt were reused", *n))
		default:
			c.note(name, result.OutcomeDiffers, "reuse is allowed, but none of an equal prompt was reused; start the server with its prefix cache on")
		}
		return
	}
	switch {
	case n != nil && *n == 0:
		c.note(name, result.OutcomeEqual, "off: nothing of an equal prompt was reused")
	case n != nil:
		c.note(name, result.OutcomeDiffers, fmt.Sprintf("on: %d tokens of an equal prompt were reused; %s would be served from it", *n, c.servedAgain()))
	case c.proto.salted:
		c.note(name, result.OutcomeSet, "every request has a cache_salt of its own; the server does not tell how many tokens it reuses")
	default:
		c.note(name, result.OutcomeUnknown, fmt.Sprintf("the server does not tell; %s may be served from it", c.servedAgain()))
	}
}

// noteAnswers looks whether an answer can stand in the next turn's prompt as it was
// generated.
func (c *Server) noteAnswers(t trial) {
	const name = "answers"
	switch n := len(t.ids); {
	case !c.opt.Turns:
	case n > 0 && n == len(t.Tokens):
		c.note(name, result.OutcomeEqual, "come with their token ids: later turns have them token by token")
	case n > 0:
		c.note(name, result.OutcomeDiffers, fmt.Sprintf("come with %d ids for %d tokens: of a character that takes several tokens later turns have what its text is tokenised into", n, len(t.Tokens)))
	default:
		c.note(name, result.OutcomeDiffers, "come as text, without token ids: later turns have what it is tokenised into, and are served from the prefix cache only as far as that is the same")
	}
}

// servedAgain says what of a cold run a cache would find.
func (c *Server) servedAgain() string {
	if c.opt.Again {
		return "the prompts of a dataset that come again in another scenario or pass"
	}
	return "no two prompts of this run begin alike, but a second run with this seed"
}

// probeEnd makes the token that ends a text the most likely one, and looks
// whether the server goes on behind it.
func (c *Server) probeEnd(ctx context.Context, ids []int32) error {
	const name, wanted = "end of text", 4
	if _, asked := c.proto.fields["ignore_eos"]; !asked {
		return nil // noted when the server refused it
	}
	if c.opt.EOS < 0 {
		c.note(name, result.OutcomeSet, "ignore_eos asked for; the model has no such token to try it with")
		return nil
	}
	var bias any = map[string]float64{fmt.Sprint(c.opt.EOS): 100}
	if c.info.Kind == kindLlama {
		bias = [][2]float64{{float64(c.opt.EOS), 100}}
	}
	t := c.try(ctx, c.proto.with(map[string]any{"logit_bias": bias}), ids, wanted)
	switch {
	case refusal(t.Err):
		c.note(name, result.OutcomeSet, "ignore_eos asked for; the server takes no logit_bias to try it with")
	case errors.Is(t.Err, result.ErrEngineLost):
		return t.Err
	case ctx.Err() != nil:
		return ctx.Err()
	case t.Err != nil:
		c.note(name, result.OutcomeUnknown, "ignore_eos asked for; the request that tries it failed: "+t.Err.Error())
	case len(t.Tokens) >= wanted:
		c.note(name, result.OutcomeEqual, fmt.Sprintf("ignored: with its token forced the answer still has all %d tokens", wanted))
	default:
		c.note(name, result.OutcomeDiffers, fmt.Sprintf("not ignored: with its token forced the answer has %d of %d tokens; answers will be shorter than asked", len(t.Tokens), wanted))
	}
	return nil
}

func (c *Server) noteSlots() {
	const name = "slots"
	switch n := c.info.Slots; {
	case n == nil:
		c.note(name, result.OutcomeUnknown, "the server does not tell how many requests it computes at a time")
	case *n >= c.opt.Concurrency:
		c.note(name, result.OutcomeEqual, fmt.Sprintf("%d, for at most %d requests in flight", *n, c.opt.Concurrency))
	default:
		c.note(name, result.OutcomeDiffers, fmt.Sprintf("%d, for up to %d requests in flight: the others wait in the server", *n, c.opt.Concurrency))
	}
}

func (c *Server) noteContext() {
	const name = "context"
	switch n := c.info.Context; {
	case n == nil:
		c.note(name, result.OutcomeUnknown, "the server does not tell how long a request may be")
	case *n >= c.opt.Longest:
		c.note(name, result.OutcomeEqual, fmt.Sprintf("%d tokens a request, %d needed", *n, c.opt.Longest))
	default:
		c.note(name, result.OutcomeDiffers, fmt.Sprintf("%d tokens a request, %d needed: requests that do not fit will fail or be cut", *n, c.opt.Longest))
	}
}

func (c *Server) noteTimings(t trial) {
	const name = "server's own timings"
	if t.Server.PromptS == nil {
		c.note(name, result.OutcomeUnknown, "not reported")
		return
	}
	c.note(name, result.OutcomeEqual, "reported with every answer")
}
