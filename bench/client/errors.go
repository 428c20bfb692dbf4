package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"ceiling/bench/result"
)

// Causes of a request that was given up.
var (
	errSilent  = errors.New("silent")
	errEndless = errors.New("endless")
)

// requestError is why one request failed. Its text has nothing in it that
// differs from request to request, so that equal failures can be counted.
type requestError struct {
	reason string
	status int  // HTTP status; 0: none
	lost   bool // the server is gone
}

func (e *requestError) Error() string { return e.reason }

// Is makes the loss of the server the loss of the engine.
func (e *requestError) Is(target error) bool { return e.lost && target == result.ErrEngineLost }

// reason turns an error of the HTTP side into why the request failed.
func (c *Server) reason(ctx context.Context, err error) error {
	var known *requestError
	switch {
	case errors.As(err, &known):
		return known
	case errors.Is(context.Cause(ctx), errSilent):
		return &requestError{reason: fmt.Sprintf("no token for %v: given up (--timeout)", c.opt.Timeout)}
	case errors.Is(context.Cause(ctx), errEndless):
		return &requestError{reason: fmt.Sprintf("not at its end after %v: given up (--request-timeout)", c.opt.Limit)}
	case ctx.Err() != nil:
		return ctx.Err()
	}
	e := &requestError{reason: "the connection broke: " + c.plain(err)}
	if c.gone(ctx) {
		e.reason += "; the server at " + c.info.URL + " does not answer any more"
		e.lost = true
	}
	return e
}

// goneRetry is the pause before the second look for a server that refused a
// connection.
const goneRetry = 300 * time.Millisecond

// gone tells that nobody listens at the server's address any more.
func (c *Server) gone(ctx context.Context) bool {
	if c.dial(ctx) == nil {
		return false
	}
	select {
	case <-time.After(goneRetry):
	case <-ctx.Done():
		return false
	}
	return c.dial(ctx) != nil && ctx.Err() == nil
}

func (c *Server) dial(ctx context.Context) error {
	host, port := c.base.Hostname(), c.base.Port()
	if port == "" {
		port = c.base.Scheme // net knows the service's port
	}
	conn, err := (&net.Dialer{Timeout: dialTimeout}).DialContext(ctx, "tcp", net.JoinHostPort(host, port))
	if err != nil {
		return err
	}
	return conn.Close()
}

// plain is a network error without the addresses in it: the client's own port
// is another one each time.
func (c *Server) plain(err error) string {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	var op *net.OpError
	if errors.As(err, &op) {
		err = op.Err
	}
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return "it ended early"
	}
	text := err.Error()
	// "connect: connection refused", "read: connection reset by peer".
	for _, call := range []string{"connect: ", "read: ", "write: "} {
		text = strings.TrimPrefix(text, call)
	}
	return c.text(foreign(text))
}

// statusError is an answer that is not 200 OK.
func (c *Server) statusError(resp *http.Response) error {
	text, _ := io.ReadAll(io.LimitReader(resp.Body, 64<<10)) // half a message is better than none
	e := &requestError{status: resp.StatusCode, reason: fmt.Sprintf("HTTP %d", resp.StatusCode)}
	if to := resp.Header.Get("Location"); to != "" {
		e.reason += ": moved to " + c.text(foreign(to))
	} else if m := c.text(message(text)); m != "" {
		e.reason += ": " + m
	}
	return e
}

// message finds the server's words in the body of a refusal.
func message(body []byte) foreign {
	var v struct {
		Error   *serverError `json:"error"`
		Message foreign      `json:"message"`
		Detail  any          `json:"detail"` // FastAPI's
	}
	if json.Unmarshal(body, &v) != nil {
		return foreign(body)
	}
	switch {
	case v.Error != nil:
		return v.Error.Message
	case v.Message != "":
		return v.Message
	case v.Detail != nil:
		return foreign(fmt.Sprint(v.Detail))
	}
	return ""
}
