package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strconv"
	"time"
)

const (
	serverStartup = 2 * time.Minute
	serverGrace   = 10 * time.Second
	// The warm-up of a run of ceiling's: three requests, 128 in, 32 out.
	warmRequests, warmPrompt, warmOutput = 3, 128, 32
)

// server is a running llama-server and its client.
type server struct {
	url    string
	client http.Client
	rng    *rand.Rand
	vocab  int
}

// runServer measures what a streaming client gets from llama-server.
func runServer(ctx context.Context, s *settings, model string, sequences int, l *lane) (sample, error) {
	port, err := freePort()
	if err != nil {
		return sample{}, err
	}
	args := append([]string{"--model", model, "--host", "127.0.0.1", "--port", port, "--offline",
		"--parallel", strconv.Itoa(sequences), "--cache-ram", "0", "--no-cache-prompt"}, s.contextArgs(sequences)...)
	c, err := l.start(ctx, s, s.peer(toolServer), append(args, s.Spec.server()...)...)
	if err != nil {
		return sample{}, err
	}
	v := &server{url: "http://127.0.0.1:" + port, rng: rand.New(rand.NewPCG(1, uint64(sequences)))}
	// The server may close a connection that it has kept just as the next
	// request is sent on it.
	v.client.Transport = &http.Transport{DisableCompression: true, DisableKeepAlives: true}
	got := sample{Tool: toolServer}
	if err = v.warmUp(c, s); err == nil {
		err = v.measure(c.ctx, s, sequences, l, &got)
	}
	end, stopErr := c.terminate(serverGrace)
	if err != nil {
		return sample{}, c.failure(err)
	}
	out := end.sample(toolServer)
	out.prefills, out.decodes = got.prefills, got.decodes
	return out, stopErr
}

// warmUp waits for the server and sends it what ceiling warms up with.
func (v *server) warmUp(c *child, s *settings) error {
	if err := v.ready(c); err != nil {
		return err
	}
	if err := v.readVocab(c.ctx); err != nil {
		return err
	}
	for range warmRequests {
		if _, err := v.wave(c.ctx, 1, min(warmPrompt, s.Prompt), min(warmOutput, s.Output)); err != nil {
			return err
		}
	}
	return nil
}

// measure sends waves that end with their first token, and waves that decode.
func (v *server) measure(ctx context.Context, s *settings, sequences int, l *lane, out *sample) error {
	for range s.Waves {
		got, err := v.wave(ctx, sequences, s.Prompt, 1)
		if err != nil {
			return err
		}
		w, err := got.prefill(l, sequences*s.Prompt)
		if err != nil {
			return err
		}
		out.prefills = append(out.prefills, w)
	}
	for range s.Waves {
		got, err := v.wave(ctx, sequences, s.Prompt, s.Output)
		if err != nil {
			return err
		}
		w, err := got.decode(l)
		if err != nil {
			return err
		}
		out.decodes = append(out.decodes, w)
	}
	return nil
}

// ready returns when the server has loaded its model.
func (v *server) ready(c *child) error {
	deadline := time.Now().Add(serverStartup)
	for time.Now().Before(deadline) {
		if _, err := v.get(c.ctx, "/health"); err == nil {
			return nil
		}
		select {
		case <-c.exited:
			return errors.New("it ended before it was ready")
		case <-c.ctx.Done():
			return c.ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
	return fmt.Errorf("it was not ready after %v", serverStartup)
}

// readVocab asks for the size of the vocabulary.
func (v *server) readVocab(ctx context.Context) error {
	text, err := v.get(ctx, "/v1/models")
	if err != nil {
		return err
	}
	var models struct {
		Data []struct {
			Meta struct {
				Vocab int `json:"n_vocab"`
			} `json:"meta"`
		} `json:"data"`
	}
	if err := json.Unmarshal(text, &models); err != nil {
		return err
	}
	if len(models.Data) == 0 || models.Data[0].Meta.Vocab < 2 {
		return fmt.Errorf("it does not tell its vocabulary: %s", text)
	}
	v.vocab = models.Data[0].Meta.Vocab
	return nil
}

func (v *server) get(ctx context.Context, path string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, v.url+path, nil)
	if err != nil {
		return nil, err
	}
	reply, err := v.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer reply.Body.Close()
	text, err := io.ReadAll(reply.Body)
	if err == nil && reply.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: status %s", path, reply.Status)
	}
	return text, err
}

// wave sends n requests at once.
func (v *server) wave(ctx context.Context, n, prompt, output int) (out replies, err error) {
	bodies := make([][]byte, n)
	for i := range bodies {
		if bodies[i], err = v.body(prompt, output); err != nil {
			return replies{}, err
		}
	}
	streams := make([]stream, n)
	errs, sent := make([]error, n), make([]float64, n)
	done := make(chan struct{})
	zero := time.Now()
	for i := range n {
		go func() {
			sent[i] = time.Since(zero).Seconds()
			streams[i], errs[i] = v.stream(ctx, bodies[i], zero, output)
			done <- struct{}{}
		}()
	}
	for range n {
		<-done
	}
	return replies{zero, slices.Min(sent), streams}, errors.Join(errs...)
}

// body asks for greedy tokens after a prompt of random ids, to the end.
func (v *server) body(prompt, output int) ([]byte, error) {
	ids := make([]int, prompt)
	for i := range ids {
		// The control tokens lie at the low end of most vocabularies.
		ids[i] = v.vocab/4 + v.rng.IntN(v.vocab-v.vocab/4)
	}
	return json.Marshal(map[string]any{"prompt": ids, "n_predict": output, "temperature": 0,
		"ignore_eos": true, "cache_prompt": false, "stream": true})
}

// stream sends one request and notes when its tokens arrive.
func (v *server) stream(ctx context.Context, body []byte, zero time.Time, output int) (stream, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, v.url+"/completion", bytes.NewReader(body))
	if err != nil {
		return stream{}, err
	}
	request.Header.Set("Content-Type", "application/json")
	reply, err := v.client.Do(request)
	if err != nil {
		return stream{}, err
	}
	defer reply.Body.Close()
	if reply.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(reply.Body, 1000))
		return stream{}, fmt.Errorf("status %s: %s", reply.Status, text)
	}
	return readStream(reply.Body, output, func() float64 { return time.Since(zero).Seconds() })
}

// readStream reads server-sent events to their end. An event normally brings
// one token; tokens that leave a UTF-8 character unfinished come with the one
// that ends it.
func readStream(r io.Reader, output int, now func() float64) (stream, error) {
	out := stream{At: make([]float64, 0, output), Tokens: make([]int, 0, output)}
	in := bufio.NewReaderSize(r, 1<<16)
	got := 0
	for {
		line, err := in.ReadSlice('\n')
		at := now()
		if n, ok := predicted(line); ok && n > got {
			got = n
			out.At, out.Tokens = append(out.At, at), append(out.Tokens, n)
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull): // of the last event, which repeats the prompt
		case errors.Is(err, io.EOF):
			if got != output {
				return stream{}, fmt.Errorf("%d tokens came, asked for %d", got, output)
			}
			return out, nil
		case err != nil:
			return stream{}, err
		}
	}
}

// predicted finds the number of tokens generated so far in an event. The
// client shares the CPU with the server, so it decodes no JSON.
func predicted(line []byte) (int, bool) {
	const key = `"tokens_predicted":`
	i := bytes.Index(line, []byte(key))
	if i < 0 || !bytes.HasPrefix(line, []byte("data: ")) {
		return 0, false
	}
	digits := line[i+len(key):]
	end := bytes.IndexFunc(digits, func(r rune) bool { return r < '0' || r > '9' })
	if end < 0 {
		return 0, false
	}
	n, err := strconv.Atoi(string(digits[:end]))
	return n, err == nil
}

// freePort returns a TCP port that nothing listens on.
func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	return port, err
}
