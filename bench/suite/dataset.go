package suite

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"ceiling/bench/result"
	"ceiling/internal/oneline"
)

// maxDatasetBytes is more than any public set of prompts has.
const maxDatasetBytes = 1 << 30

// ChatMessage is one turn of a chat; Role is "system", "user" or "assistant".
type ChatMessage struct {
	Role    string `json:"role"`
	Content string `json:"content"`
}

// entry is one prompt of a dataset.
type entry struct {
	line      int
	prompt    string        // as it is, or
	messages  []ChatMessage // a chat up to the answer
	answer    string        // that the file has behind a chat; "": none
	exchanges []exchange    // the turns of a conversation; at least one, but for a trace
	output    int           // tokens to generate, by the file; 0: it does not say
	traced    *traced       // of a trace, in the place of a text
}

// sizes says whether the file tells how many tokens to generate, in each of so
// many turns.
func (e *entry) sizes(turns int) bool {
	if turns < 2 || e.output > 0 {
		return e.output > 0 || e.answer != ""
	}
	own := e.exchanges[:min(turns, len(e.exchanges))]
	return !slices.ContainsFunc(own, func(x exchange) bool { return x.answer == "" })
}

// dataset is a file of prompts as it was read.
type dataset struct {
	result.Dataset
	entries []entry
	firstMs float64 // timestamp of a trace's first request
}

// readDataset reads a dataset by its name in a suite of that folder. Its
// problems are those of the file's lines, all of them; the error is that it can't
// be read.
func readDataset(name, folder string, trace bool) (*dataset, []Problem, error) {
	if !trace && strings.HasPrefix(name, ownPrefix) {
		data, err := builtinDataset(name)
		if err != nil {
			return nil, nil, err
		}
		d := &dataset{Dataset: result.Dataset{Name: name}}
		return d, d.parse(data), nil
	}
	path := name
	if !filepath.IsAbs(path) {
		path = filepath.Join(folder, name)
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, nil, err
	}
	data, err := readRegular(path)
	if err != nil {
		return nil, nil, fmt.Errorf("%q: %w: give a file of JSON lines that can be read", name, oneline.Cause(err))
	}
	d := &dataset{Dataset: result.Dataset{Name: name, Path: path, Trace: trace}}
	if trace {
		return d, d.parseTrace(data), nil
	}
	return d, d.parse(data), nil
}

// readRegular reads a file that has an end.
func readRegular(path string) ([]byte, error) {
	switch info, err := os.Stat(path); {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, errors.New("no regular file")
	case info.Size() > maxDatasetBytes:
		return nil, fmt.Errorf("\"%d\" bytes are more than %d", info.Size(), maxDatasetBytes)
	}
	return os.ReadFile(path)
}

// parse reads JSON lines, or one JSON list as ShareGPT's file is.
func (d *dataset) parse(data []byte) []Problem {
	d.hash(data)
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	p := datasetParser{d: d}
	if list := bytes.TrimLeft(data, " \t\r\n"); len(list) > 0 && list[0] == '[' {
		p.list(data)
	} else {
		line := 0
		for text := range bytes.Lines(data) {
			if line++; len(bytes.TrimSpace(text)) > 0 {
				p.take(text, line)
			}
		}
	}
	d.Entries = len(d.entries)
	if d.Entries == 0 && len(p.problems) == 0 {
		p.problem(1, "no prompt in it: give a line {\"prompt\": …} or {\"messages\": […]} for each")
	}
	return p.problems
}

func (d *dataset) hash(data []byte) {
	sum := sha256.Sum256(data)
	d.Bytes, d.SHA256 = int64(len(data)), hex.EncodeToString(sum[:])
}

type datasetParser struct {
	d        *dataset
	problems []Problem
}

func (p *datasetParser) problem(line int, format string, args ...any) {
	p.problems = append(p.problems, Problem{File: p.d.Name, Line: line, Text: fmt.Sprintf(format, args...)})
}

// list reads the elements of a JSON list. What follows an element that is no
// JSON can't be told from it.
func (p *datasetParser) list(data []byte) {
	dec := json.NewDecoder(bytes.NewReader(data))
	line, counted := 1, 0
	here := func() int { // the line of what comes next
		at := int(dec.InputOffset())
		at += len(data[at:]) - len(bytes.TrimLeft(data[at:], ", \t\r\n"))
		line, counted = line+bytes.Count(data[counted:at], []byte("\n")), at
		return line
	}
	_, err := dec.Token()
	for err == nil && dec.More() {
		at := here()
		var element json.RawMessage
		if err = dec.Decode(&element); err == nil {
			p.take(element, at)
		}
	}
	if err == nil {
		_, err = dec.Token()
	}
	if err != nil {
		p.problem(here(), "not JSON: %v", oneline.Err(err))
	}
}

// rawEntry is what is read of an object; its other fields are nobody's here.
type rawEntry struct {
	Prompt        *string       `json:"prompt"`
	Messages      []ChatMessage `json:"messages"`
	Conversations []struct {
		From  string `json:"from"`
		Value string `json:"value"`
	} `json:"conversations"`
	OutputTokens *int `json:"output_tokens"`
}

func (p *datasetParser) take(text []byte, line int) {
	var raw rawEntry
	if err := json.Unmarshal(text, &raw); err != nil {
		p.problem(line, "%s", jsonProblem(err))
		return
	}
	e := entry{line: line}
	if n := raw.OutputTokens; n != nil {
		if bad := checkInt(*n, 1, maxTokens); bad != "" {
			p.problem(line, "output_tokens: %s", bad)
		}
		e.output = *n
	}
	kinds := 0
	for _, given := range []bool{raw.Prompt != nil, raw.Messages != nil, raw.Conversations != nil} {
		if given {
			kinds++
		}
	}
	bad := ""
	switch {
	case kinds != 1:
		bad = fmt.Sprintf("\"%d\" of prompt, messages and conversations: give one of them", kinds)
	case raw.Prompt != nil:
		if e.prompt = *raw.Prompt; strings.TrimSpace(e.prompt) == "" {
			bad = fmt.Sprintf("prompt: %q is blank: write one, or leave the line out", e.prompt)
		}
		e.exchanges = []exchange{{asked: []ChatMessage{{"user", e.prompt}}}}
	case raw.Messages != nil:
		e.messages, e.answer, bad = chat(raw.Messages)
		e.exchanges = exchanges(raw.Messages)
	default:
		var messages []ChatMessage
		for _, c := range raw.Conversations {
			messages = append(messages, ChatMessage{speaker(c.From), c.Value})
		}
		if e.messages, e.answer = firstExchange(messages); e.messages == nil {
			p.d.LeftOut++
			return
		}
		e.exchanges = answered(exchanges(messages))
	}
	if bad != "" {
		p.problem(line, "%s", bad)
		return
	}
	p.d.entries = append(p.d.entries, e)
}

// jsonProblem says what is wrong with a line.
func jsonProblem(err error) string {
	var kind *json.UnmarshalTypeError
	if errors.As(err, &kind) {
		where := kind.Field
		if where == "" {
			where = "the line"
		}
		return fmt.Sprintf("%s: %s where %s belongs", where, kind.Value, jsonName(kind))
	}
	return "not JSON: " + oneline.Err(err)
}

// jsonName is what JSON calls the kind of value that was wanted.
func jsonName(e *json.UnmarshalTypeError) string {
	switch e.Type.Kind().String() {
	case "string":
		return "text"
	case "int":
		return "a whole number"
	case "slice":
		return "a list"
	}
	return "an object"
}

// chat cuts the messages of a chat where the model is asked: before the answer
// that ends it, where it has one.
func chat(messages []ChatMessage) (asked []ChatMessage, answer, bad string) {
	for i, m := range messages {
		switch m.Role {
		case "system", "user", "assistant":
		default:
			return nil, "", fmt.Sprintf("messages: role %q of message %d is unknown: use system, user or assistant", m.Role, i+1)
		}
	}
	if last := len(messages) - 1; last >= 0 && messages[last].Role == "assistant" {
		messages, answer = messages[:last], messages[last].Content
	}
	if last := len(messages) - 1; last < 0 || messages[last].Role != "user" {
		return nil, "", "messages: nothing that a user says at the end, before the answer: the model has nothing to answer"
	}
	return messages, answer, ""
}

// speaker is the role of who speaks in a conversation of ShareGPT's form, where
// answers are by models of many names.
func speaker(from string) string {
	switch from {
	case "human", "user":
		return "user"
	case "system":
		return "system"
	}
	return "assistant"
}

// firstExchange is the question that begins a conversation, with what the system
// says before it, and its answer; nil where it does not begin so.
func firstExchange(messages []ChatMessage) (asked []ChatMessage, answer string) {
	n := 0
	for n < len(messages) && messages[n].Role == "system" {
		n++
	}
	if n+1 >= len(messages) || messages[n].Role != "user" || messages[n+1].Role != "assistant" ||
		strings.TrimSpace(messages[n].Content) == "" || messages[n+1].Content == "" {
		return nil, ""
	}
	return messages[:n+1], messages[n+1].Content
}
