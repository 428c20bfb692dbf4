package prose

import "context"

// Request is one text that a model is asked for.
type Request struct {
	Messages    []Message // formatted by the model's own chat template
	Grammar     string    // GBNF with the rule "root"
	Seed        uint32
	Temperature float32
	MinP        float32 // tokens less likely than this × the likeliest are never drawn
	MaxTokens   int     // of the text
}

// Reply is what a model wrote.
type Reply struct {
	Prompt       string // the exact text that the model continued
	Text         string
	Ended        bool // by the model or the grammar; else a limit cut the text off
	PromptTokens int
	Reused       int // prompt tokens that were not computed for this text alone
	Tokens       int // of the text
}

// Model writes texts. The implementation owns batching and memory.
type Model interface {
	// Write answers all requests, as many side by side as it can. done gets
	// each reply as it comes, with the index of its request, on the calling
	// goroutine; the request that it returns, if any, takes the place of the
	// one that was answered. When ctx ends, done gets what was begun.
	Write(ctx context.Context, requests []Request, done func(i int, r Reply) *Request) error
}
