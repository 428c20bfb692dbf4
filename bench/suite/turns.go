package suite

import (
	"errors"
	"slices"
	"strings"

	"ceiling/bench/result"
)

// exchange is one turn of a conversation in a file.
type exchange struct {
	asked  []ChatMessage // what is said before the answer; the last is the user's
	answer string        // that the file has; "": none
}

// exchanges cuts messages behind each answer to a user. What stands at the end
// without a user's word is left out.
func exchanges(messages []ChatMessage) []exchange {
	var out []exchange
	begin := 0
	for i, m := range messages {
		if m.Role == "assistant" && i > begin && messages[i-1].Role == "user" {
			out = append(out, exchange{messages[begin:i:i], m.Content})
			begin = i + 1
		}
	}
	if rest := messages[begin:]; len(rest) > 0 && rest[len(rest)-1].Role == "user" {
		out = append(out, exchange{asked: rest})
	}
	return out
}

// answered are the exchanges before the first without a question or an answer.
func answered(all []exchange) []exchange {
	for i, x := range all {
		if x.answer == "" || strings.TrimSpace(x.asked[len(x.asked)-1].Content) == "" {
			return all[:i]
		}
	}
	return all
}

// passage says where in a dataset the prompt of a request stands.
type passage struct {
	entry    int
	part     part
	question int // the exchange of the entry, from 0
}

type part uint8

const (
	whole     part = iota // all that the entry has before its answer
	opening               // its first exchange, which begins a conversation
	following             // what a later turn adds to one
)

// order are the places of a scenario's prompts, request by request: a function
// of the seed and the dataset, so that scenarios and passes of a run have the
// same prompts. A conversation that has fewer exchanges than there are turns goes
// on with those of the entries behind it.
func (x *Texts) order(sc result.Scenario, seed uint64) []passage {
	entries := make([]int, sc.Dataset.Entries)
	for i := range entries {
		entries[i] = i
	}
	if sc.Dataset.Sample {
		src := newSource()
		src.seek(seed, streamDataset, uint64(len(entries)))
		entries = src.Perm(len(entries))
	}
	var out []passage
	for i := range sc.Prompts {
		first := entries[i%len(entries)]
		if sc.TurnsEach() == 1 {
			out = append(out, passage{entry: first})
		} else {
			out = x.conversation(out, entries, i%len(entries), sc.Turns)
		}
	}
	return out
}

// conversation appends the places of so many turns, which begin with the first
// exchange of the i-th of the entries.
func (x *Texts) conversation(out []passage, entries []int, i, turns int) []passage {
	out = append(out, passage{entries[i], opening, 0})
	for k, left := 1, turns-1; left > 0; k++ {
		for k >= x.questions[entries[i]] {
			i, k = (i+1)%len(entries), 0
		}
		out = append(out, passage{entries[i], following, k})
		left--
	}
	return out
}

// stand stands for an answer where only what is around it is asked for.
const stand = "what-was-answered"

// errRewritten is a template that says otherwise what was said.
var errRewritten = errors.New("the model's chat template does not go on where an answer ends, but writes what was said anew, so that turns have no prefix in common: leave turns out")

// followingText is what the template puts between an answer and the next one, with
// exchange k in it. The answer itself is not the template's: it stands in a prompt
// as it was generated, token by token.
func (e *entry) followingText(t Tokenizer, k int) (string, error) {
	before, asked := e.exchanges[0].asked, e.exchanges[k].asked
	if k == 0 { // the conversation is another entry's, with a system message of its own
		asked = asked[len(asked)-1:]
	}
	opened, err := t.Chat(before)
	if err != nil {
		return "", err
	}
	all, err := t.Chat(slices.Concat(before, []ChatMessage{{"assistant", stand}}, asked))
	if err != nil {
		return "", err
	}
	rest, same := strings.CutPrefix(all, opened)
	_, behind, found := strings.Cut(rest, stand)
	if !same || !found {
		return "", errRewritten
	}
	return behind, nil
}

// Continue appends the prompt of request i, a later turn, to the tokens that were
// said: the prompt of the turn before and its answer. A token that ended the
// answer is not said again by the template.
func (w *Workload) Continue(said []int32, i int) []int32 {
	n := len(said)
	said = w.Prompt(said, i)
	if n > 0 && len(said) > n+1 && said[n] == said[n-1] && slices.Contains(w.Spec.Vocab.Ends, said[n]) {
		return slices.Delete(said, n, n+1)
	}
	return said
}

// continued counts the conversations that go on with exchanges of other entries.
func (w *Workload) continued() int {
	n, each := 0, w.Spec.Scenario.TurnsEach()
	for i := 0; i < len(w.order); i += each {
		if w.order[i+each-1].entry != w.order[i].entry {
			n++
		}
	}
	return n
}
