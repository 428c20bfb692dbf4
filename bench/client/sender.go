package client

import (
	"context"
	"time"

	"ceiling/bench/result"
)

// Sender sends requests to a model behind a server, which schedules, batches and
// samples. Server is one.
type Sender interface {
	// Prepare makes a request for output tokens after the prompt ids ready to
	// be sent, so that building it takes nothing from the time measured. With
	// untilEnd the text may end before. The calls come one at a time; ids may be
	// changed after the call.
	Prepare(ids []int32, output int, untilEnd bool) Send
}

// CacheCounter is a Sender whose server may count what it takes from its
// prefix cache, for all its clients.
type CacheCounter interface {
	// PrefixCache returns the prompt tokens looked up and those found since
	// the server's start; ok is false where it does not tell.
	PrefixCache(ctx context.Context) (queried, hit int64, ok bool)
}

// DraftCounter is a Sender whose server may count what it drafts, for all its clients.
type DraftCounter interface {
	// Drafts returns verifications, drafted and accepted tokens, these by place too,
	// since the server's start; nil where it does not tell.
	Drafts(ctx context.Context) *result.Speculation
}

// Send sends a prepared request, once, and returns when its answer has ended,
// successfully or not, and soon after ctx ends. Timestamps are the clock's. seen is
// told how many tokens each piece of the answer brings; it must not block.
// Requests are sent from many goroutines.
type Send func(ctx context.Context, clock *result.Clock, seen func(tokens int)) Reply

// Reply is what came of one request.
type Reply struct {
	Tokens []time.Duration // the instant of each output token, ascending
	End    time.Duration   // the answer's end, when its connection is free again
	// Said are the answer's tokens, where a next turn has them in its prompt; as
	// the server gave them, or as its text is tokenised: ServerRecord.FromText.
	Said   []int32
	Server result.ServerRecord
	// Drafted are the tokens that the server says it drafted for the answer, Accepted
	// those of them that are in it; 0, 0 where it says nothing.
	Drafted, Accepted int
	// Err is why the request failed; nil: the answer is whole. It wraps
	// result.ErrEngineLost where no later request can do better.
	Err error
}
