package client

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"strings"
	"time"
)

// exchange sends one request for output tokens and reads its answer to the
// end. watch, which may be nil, sees every event.
func (c *Server) exchange(ctx context.Context, p protocol, request []byte, output int, now func() time.Duration, seen func(int), watch func(*chunk)) *answer {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	idle := time.AfterFunc(c.opt.Timeout, func() { cancel(errSilent) })
	defer idle.Stop()
	if c.opt.Limit > 0 {
		defer time.AfterFunc(c.opt.Limit, func() { cancel(errEndless) }).Stop()
	}

	body := func(r io.Reader) io.Reader { return r }
	if c.opt.pace != nil {
		now, body = c.opt.pace(now)
	}
	a := &answer{now: now, body: body, seen: seen, watch: watch, decode: p.decode, text: c.text, asked: output,
		alive: func() { idle.Reset(c.opt.Timeout) }}
	err := c.ask(ctx, p, request, a)
	a.reply.End = now()
	if err != nil {
		a.reply.Err = c.reason(ctx, err)
	}
	a.finish()
	return a
}

// ask posts the body and feeds the answer's events to a.
func (c *Server) ask(ctx context.Context, p protocol, body []byte, a *answer) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base.String()+p.path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "text/event-stream")
	// A server may close a kept connection just as a request is written to it.
	// With this entry, which is not sent, net/http sends the request again on
	// a new one, where not a byte of an answer had come.
	req.Header["Idempotency-Key"] = nil
	c.authorize(req)
	req = req.WithContext(httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(i httptrace.GotConnInfo) { a.reused = i.Reused },
	}))
	resp, err := c.http.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	at := a.now().Round(time.Microsecond).Seconds()
	a.reply.Server.Header = &at
	if resp.StatusCode != http.StatusOK {
		return c.statusError(resp)
	}
	if kind := resp.Header.Get("Content-Type"); !strings.HasPrefix(kind, "text/event-stream") {
		return &requestError{reason: fmt.Sprintf("the server did not stream: its answer is %.60q", c.text(foreign(kind)))}
	}
	if err := c.notPacked(resp); err != nil {
		return err
	}
	return a.read(&bounded{in: a.body(resp.Body), left: longestEvent + int64(a.asked)*bytesPerToken})
}

// notPacked refuses a compressed answer. None is asked for: unpacking takes
// time that would be in the figures, and a small answer may hold a huge one.
func (c *Server) notPacked(resp *http.Response) error {
	if packing := resp.Header.Get("Content-Encoding"); packing != "" && packing != "identity" {
		return &requestError{reason: "its answer is compressed, which was not asked for: Content-Encoding " + c.text(foreign(packing))}
	}
	return nil
}

// bytesPerToken is how much of a stream a token may take, far more than any
// server needs: with longestEvent it bounds an answer that never ends.
const bytesPerToken = 64 << 10

// bounded reads at most left bytes.
type bounded struct {
	in   io.Reader
	left int64
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, &requestError{reason: "the answer does not end: far more bytes than its tokens need"}
	}
	n, err := b.in.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, err
}

func (c *Server) authorize(req *http.Request) {
	if c.opt.Key != "" {
		req.Header.Set("Authorization", "Bearer "+c.opt.Key)
	}
}

// answer is one answer as it arrives.
type answer struct {
	now    func() time.Duration
	seen   func(int)
	watch  func(*chunk)
	alive  func() // puts the time-out off
	decode func([]byte, *chunk) error
	text   func(foreign) string
	body   func(io.Reader) io.Reader
	asked  int // output tokens

	reply  Reply
	reused bool // the connection had served a request before
	pieces []piece
	total  int // output tokens by the server's last count
	held   int // those that pieces have brought, a piece of unknown number being one
	counts bool
	ended  bool
}

// read takes events until the stream ends. The connection can only be used
// again when it was read to its end.
func (a *answer) read(body io.Reader) error {
	in := newEvents(body, a.now)
	var c chunk
	for {
		data, at, err := in.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if bytes.Equal(data, []byte("[DONE]")) {
			a.ended = true
			continue
		}
		if err := a.decode(data, &c); err != nil {
			return &requestError{reason: a.text(foreign(err.Error()))}
		}
		if c.failure != "" {
			return &requestError{reason: "the server stopped: " + a.text(c.failure)}
		}
		if err := a.take(&c, at); err != nil {
			return err
		}
	}
	switch {
	case !a.ended:
		return &requestError{reason: "the stream ended before the answer did"}
	case len(a.pieces) == 0:
		return &requestError{reason: "the answer holds no token"}
	}
	return nil
}

// tokensBeyond is how many tokens more than asked an answer may bring: servers
// count in different ways.
const tokensBeyond = 8

// take books one event.
func (a *answer) take(c *chunk, at time.Duration) error {
	if a.watch != nil {
		a.watch(c)
	}
	v := &a.reply.Server
	if c.prompt != nil {
		v.PromptTokens = c.prompt
	}
	if c.cached != nil {
		v.CachedTokens = c.cached
	}
	if c.promptS != nil {
		v.PromptS, v.DecodeS = c.promptS, c.decodeS
	}
	if c.drafted != nil && c.accepted != nil {
		a.reply.Drafted, a.reply.Accepted = *c.drafted, *c.accepted
	}
	if c.closing {
		a.ended, v.Finish = true, a.text(c.finish)
	}
	p := piece{at: at, tokens: -1, empty: c.text == ""}
	before := a.total
	if c.total >= 0 {
		a.counts = true
		a.total = max(a.total, c.total)
		p.tokens = a.total - before
	} else if len(c.ids) > 0 {
		p.tokens = len(c.ids)
	} else if a.counts && c.closing && p.empty {
		p.tokens = 0 // should it hold one all the same, the final count tells
	}
	holds := c.holds && (p.tokens > 0 || p.tokens < 0 && !p.empty)
	if holds {
		a.held += max(p.tokens, 1)
	}
	if most := a.asked + tokensBeyond; max(a.total, a.held) > most || len(a.pieces) >= 2*most {
		return &requestError{reason: fmt.Sprintf("the answer has more than the %d tokens asked for", a.asked)}
	}
	if c.holds {
		a.pieces = append(a.pieces, p)
	}
	if holds {
		a.alive()
		a.seen(max(p.tokens, 1))
	}
	return nil
}

// finish turns pieces into tokens. What came before a failure is kept.
func (a *answer) finish() {
	total := -1
	if a.counts {
		total = a.total
	}
	v := &a.reply.Server
	a.reply.Tokens, v.Chunks, v.SplitTokens = spread(a.pieces, total)
	if a.reply.Err == nil && len(a.reply.Tokens) == 0 {
		a.reply.Err = &requestError{reason: "the answer holds no token"}
	}
}
