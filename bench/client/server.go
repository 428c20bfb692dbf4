// Package client sends a run's requests to a model behind a server: one that
// speaks OpenAI's completions protocol (vLLM, SGLang, llama-server and
// others), or llama-server's own. Prompts go as token ids, answers come as a
// stream of server-sent events, and every piece of it is stamped on the run's
// clock when it arrives.
//
// What a server may do differently from an engine in process is looked for
// before the run, by a few small requests, and set or told: see Connect.
package client

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"ceiling/bench/result"
	"ceiling/bench/suite"
)

// ServerOptions say which server to use and what is asked of it.
type ServerOptions struct {
	URL   string // http://host:port, with or without /v1 behind it
	API   string // result.APILlama, result.APIOpenAI; "" or "auto": llama-server's own where it is one
	Key   string // sent as a bearer token; "": none
	Model string // the name in requests; "": the first that the server lists
	// Timeout is how long a request may go without a new token, Limit how long
	// it may take in all; 0: no limit.
	Timeout, Limit time.Duration
	Warm           bool // let the server reuse the KV of earlier prompts

	Vocab suite.Vocab
	EOS   int32 // id of the token that ends a text; < 0: not known

	// What the model file is like, to compare with what the server tells.
	// Zero values are not compared.
	ModelFile   string // its name
	ModelBytes  int64  // of all tensors
	ModelParams int64

	Concurrency int // most requests in flight
	Longest     int // most tokens of a request, prompt and output
	// Again says that prompts come again in the run: they are a dataset's.
	Again bool
	// Turns says that there are conversations, so that answers are needed token by
	// token. Tokenize does that to the text of answers that come without ids; the
	// calls come one at a time.
	Turns    bool
	Tokenize func(text string) ([]int32, error)

	closing time.Duration // in the place of closingPause, for tests
	pace    pacing        // nil but in tests
}

// pacing says for tests what comes in one read, and when.
type pacing func(now func() time.Duration) (paced func() time.Duration, body func(io.Reader) io.Reader)

// Server is a server that has been found fit for a run. It implements
// Sender.
type Server struct {
	opt     ServerOptions
	base    *url.URL
	http    *http.Client
	proto   protocol
	ending  protocol // of requests whose text the model may end
	info    result.ServerInfo
	nonce   string // of this run
	secrets secrets
	sent    atomic.Int64 // requests, for a salt of their own
	texts   sync.Mutex   // of Tokenize
}

// Connection limits. A connection is given up before a server would: that of
// llama-server and of uvicorn is 5 s, and a request sent on a connection that
// is just being closed fails.
const (
	dialTimeout = 10 * time.Second
	idleTimeout = 3 * time.Second
)

// Connect looks at the server: what it is, how it takes requests, and in what
// a run through it will differ from one in process. It sends a few requests of
// its own, with prompts that no run has. A server that is still loading its
// model is waited for as long as ServerOptions.Timeout.
//
// The error is one line: the server can't be reached, refuses the key, or
// does not take prompts as token ids.
func Connect(ctx context.Context, o ServerOptions) (*Server, error) {
	base, err := parseURL(o.URL)
	if err != nil {
		return nil, err
	}
	nonce := make([]byte, 8)
	rand.Read(nonce) // never fails, by its contract
	c := &Server{opt: o, base: base, http: newHTTP(o.Concurrency, true), nonce: hex.EncodeToString(nonce),
		secrets: findSecrets(o.Key, base)}
	shown := *base
	shown.User = nil
	c.info.URL = shown.String()
	if err := c.identify(ctx); err != nil {
		c.Close()
		return nil, err
	}
	if err := c.probe(ctx); err != nil {
		c.Close()
		return nil, err
	}
	if c.ending = c.proto; c.proto.fields["ignore_eos"] != nil {
		c.ending = c.proto.with(map[string]any{"ignore_eos": false})
	}
	c.roundTrip(ctx)
	return c, nil
}

// parseURL reads the server's address; a /v1 at its end is part of the paths.
func parseURL(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("server %q is no address; use http://HOST:PORT", Redact(text))
	}
	u.Path = strings.TrimSuffix(strings.TrimRight(u.Path, "/"), "/v1")
	u.RawPath = ""
	return u, nil
}

// Check tells what is wrong with the options before anything is sent.
func (o *ServerOptions) Check() error {
	_, err := parseURL(o.URL)
	return err
}

// IsLocal tells whether the address is this machine's own loopback.
func IsLocal(address string) bool {
	u, err := url.Parse(address)
	if err != nil {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
}

// Redact hides a password in what may be an address.
func Redact(text string) string {
	if u, err := url.Parse(text); err == nil {
		return u.Redacted()
	}
	if strings.Contains(text, "@") {
		return "…"
	}
	return text
}

// newHTTP makes the HTTP side: one connection per request in flight, kept for
// the next one where keep says so. Proxies of the environment are left aside, because they would
// be one more hop in the figures; redirects, because each request would pay
// for them.
func newHTTP(concurrency int, keep bool) *http.Client {
	return &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DialContext:         (&net.Dialer{Timeout: dialTimeout}).DialContext,
			TLSHandshakeTimeout: dialTimeout,
			MaxIdleConnsPerHost: concurrency + 1,
			// More than any server or proxy sends.
			MaxResponseHeaderBytes: 64 << 10,
			IdleConnTimeout:        idleTimeout,
			DisableKeepAlives:      !keep,
			DisableCompression:     true,
			// A prompt of 16,384 ids is 100 KB: few writes, and reads as they come.
			WriteBufferSize: 64 << 10,
			ReadBufferSize:  16 << 10,
		},
	}
}

// Info tells what was found out about the server.
func (c *Server) Info() result.ServerInfo { return c.info }

// Close gives the connections up.
func (c *Server) Close() { c.http.CloseIdleConnections() }

// Prepare implements Sender.
func (c *Server) Prepare(ids []int32, output int, untilEnd bool) Send {
	p := c.proto
	if untilEnd {
		p = c.ending
	}
	body := p.body(ids, output, c.salt())
	return func(ctx context.Context, clock *result.Clock, seen func(int)) Reply {
		if !c.opt.Turns {
			return c.exchange(ctx, p, body, output, clock.Now, seen, nil).reply
		}
		var said words
		reply := c.exchange(ctx, p, body, output, clock.Now, seen, said.take).reply
		if reply.Err == nil {
			reply.Said, reply.Server.FromText, reply.Err = said.tokens(c.tokenize)
		}
		return reply
	}
}

// tokenize makes tokens of the text of an answer.
func (c *Server) tokenize(text string) ([]int32, error) {
	c.texts.Lock()
	defer c.texts.Unlock()
	ids, err := c.opt.Tokenize(text)
	if err != nil {
		return nil, &requestError{reason: fmt.Sprintf("the answer's text can't be tokenised for the next turn: %v", err)}
	}
	return ids, nil
}

// salt is a text that no other request has.
func (c *Server) salt() string {
	return fmt.Sprintf("ceiling-%s-%d", c.nonce, c.sent.Add(1))
}
