package suite

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"ceiling/bench/result"
)

// Tokenizer turns texts into ids as a model does.
type Tokenizer interface {
	// Tokenize puts BOS in front where the model wants it and addSpecial says
	// so; parseSpecial reads "<s>" as the control token.
	Tokenize(text string, addSpecial, parseSpecial bool) ([]int32, error)
	// Chat formats messages by the model's own template, and opens the
	// assistant's turn behind them.
	Chat(messages []ChatMessage) (string, error)
}

// Texts are the prompts of a dataset, as far as a suite needs them, in a model's
// tokens.
type Texts struct {
	at        map[passage]text
	questions []int // exchanges of each entry
	err       error // why there are none
}

// text is a prompt, or what a later turn adds to one.
type text struct {
	ids    []int32 // BOS included
	output int     // tokens to generate, by the file; 0: it does not say
	traced *traced // of a trace, in the place of ids
}

// Datasets are the texts of a suite's datasets, by SHA-256.
type Datasets map[string]*Texts

// Of are the texts of a scenario; nil: its prompts are drawn, or nobody has read
// its dataset.
func (d Datasets) Of(sc result.Scenario) *Texts {
	if sc.Dataset == nil {
		return nil
	}
	return d[sc.Dataset.SHA256]
}

// Tokenize reads the datasets of a suite once more, and turns the prompts that it
// takes from them into tokens. A dataset that the model can't take is the error
// of each scenario that uses it, when its lengths are drawn. The error here wraps
// the context's, or says that a file is not the one that the suite was read with.
func Tokenize(ctx context.Context, s result.Suite, seed uint64, t Tokenizer) (Datasets, error) {
	out := Datasets{}
	files := map[string]*dataset{}
	var errs []error
	for _, sc := range s.Scenarios {
		if sc.Dataset == nil {
			continue
		}
		sum := sc.Dataset.SHA256
		if files[sum] == nil {
			d, err := reread(sc.Dataset)
			if err != nil {
				errs = append(errs, err)
				d = &dataset{}
			}
			files[sum], out[sum] = d, newTexts(d)
		}
		if len(files[sum].entries) > 0 {
			if err := out[sum].take(ctx, files[sum], out[sum].order(sc, seed), t); err != nil {
				return nil, err
			}
		}
	}
	return out, errors.Join(errs...)
}

// reread reads the file that a suite was read with.
func reread(want *result.Dataset) (*dataset, error) {
	name := cmp.Or(want.Path, want.Name)
	d, _, err := readDataset(name, "", want.Trace)
	if err != nil {
		return nil, fmt.Errorf("dataset %w", err)
	}
	if d.SHA256 != want.SHA256 {
		return nil, fmt.Errorf("dataset %q is not the file that the run was begun with: its SHA-256 was %.8s and is %.8s", name, want.SHA256, d.SHA256)
	}
	return d, nil
}

func newTexts(d *dataset) *Texts {
	x := &Texts{at: map[passage]text{}}
	for i := range d.entries {
		x.questions = append(x.questions, len(d.entries[i].exchanges))
	}
	return x
}

// take turns what stands at those places into tokens.
func (x *Texts) take(ctx context.Context, d *dataset, places []passage, t Tokenizer) error {
	for _, p := range places {
		if _, known := x.at[p]; known || x.err != nil {
			continue
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		e := &d.entries[p.entry]
		if e.traced != nil {
			x.at[p] = text{output: e.output, traced: e.traced}
			continue
		}
		v, err := e.tokens(t, p)
		if err == nil && len(v.ids) == 0 {
			err = errors.New("its prompt has no token")
		}
		if err != nil {
			x.err = fmt.Errorf("dataset %s:%d: %w", d.Name, e.line, err)
			continue
		}
		x.at[p] = v
	}
	return nil
}

// tokens are what stands at a place of the entry, and the number of tokens to
// generate behind it.
func (e *entry) tokens(t Tokenizer, p passage) (out text, err error) {
	answer := e.answer
	if p.part != whole {
		answer = e.exchanges[p.question].answer
	}
	switch p.part {
	case whole:
		out.ids, err = promptTokens(t, e.prompt, e.messages)
	case opening:
		out.ids, err = promptTokens(t, "", e.exchanges[0].asked)
	case following:
		var behind string
		if behind, err = e.followingText(t, p.question); err == nil {
			out.ids, err = t.Tokenize(behind, false, true)
		}
	}
	if err != nil {
		return text{}, err
	}
	if out.output = e.output; out.output == 0 && answer != "" {
		ids, err := t.Tokenize(answer, false, false)
		if err != nil {
			return text{}, err
		}
		out.output = max(1, len(ids))
	}
	return out, nil
}

// promptTokens are those of a prompt, or of a chat where there is one. Marks of
// control tokens in a prompt are such, so that one may be written out by the
// template that the model was trained with.
func promptTokens(t Tokenizer, prompt string, chat []ChatMessage) (ids []int32, err error) {
	if chat != nil {
		if prompt, err = t.Chat(chat); err != nil {
			return nil, fmt.Errorf("%w: write chats out as {\"prompt\": …}, in the form that the model knows", err)
		}
	}
	if ids, err = t.Tokenize(prompt, true, true); err != nil {
		return nil, err
	}
	if len(ids) > 1 {
		// A template, or who wrote the prompt, may have put BOS there too.
		if bare, err := t.Tokenize(prompt, false, true); err == nil && len(bare)+1 == len(ids) && bare[0] == ids[0] {
			ids = bare
		}
	}
	return ids, nil
}

// Measure returns the suite with the lengths of the requests that come from
// datasets and fit into a context of so many tokens; 0: of any. unfit says of a
// scenario, by its index, why it has none.
func (d Datasets) Measure(s result.Suite, vocab Vocab, seed uint64, most int) (sized result.Suite, unfit map[int]error) {
	s.Scenarios, unfit = slices.Clone(s.Scenarios), map[int]error{}
	for i := range s.Scenarios {
		sc := &s.Scenarios[i]
		if sc.Dataset == nil {
			continue
		}
		own := *sc.Dataset
		sc.Dataset, own.Lengths = &own, nil
		w, err := DrawLengths(WorkloadSpec{Scenario: *sc, Vocab: vocab, Seed: seed, Texts: d.Of(*sc), Context: most})
		if err != nil {
			unfit[i] = err
			continue
		}
		own.Lengths = &result.Lengths{}
		own.Lengths.Input, own.Lengths.Output, own.Lengths.Both = w.Longest()
		own.Lengths.Prompt, own.Lengths.Generated = w.Tokens()
		own.Lengths.LastArrival = w.Requests[len(w.Requests)-1].Arrival
		for _, r := range w.Requests {
			if r.Refused != "" {
				own.Lengths.TooLong++
			}
		}
		own.Lengths.Continued = w.continued()
	}
	return s, unfit
}

// takeTexts gives requests their prompts' places, and the lengths that are the
// file's. A request that a context can't hold is refused, unless all are.
func (w *Workload) takeTexts() error {
	sc, texts := w.Spec.Scenario, w.Spec.Texts
	switch {
	case texts == nil:
		return fmt.Errorf("dataset %s has not been read", sc.Dataset.Name)
	case texts.err != nil:
		return texts.err
	}
	w.order = texts.order(sc, w.Spec.Seed)
	refused := ""
	count := 0
	for i := range w.Requests {
		r, t := &w.Requests[i], texts.at[w.order[i]]
		if t.traced != nil {
			r.New, r.Arrival = t.traced.input, t.traced.at/sc.TraceSpeed()
		} else if sc.Input == 0 {
			r.New = len(t.ids)
		}
		if sc.Output == 0 {
			r.Output = t.output
		}
		w.sum(i)
		if most := w.Spec.Context; most > 0 && r.Input+r.Output > most {
			r.Refused = fmt.Sprintf("\"%d\" prompt tokens and %d to generate are more than the model's context of %d", r.Input, r.Output, most)
			refused = r.Refused
			count++
		}
	}
	if count == len(w.Requests) {
		return fmt.Errorf("no request fits; the last: %s", refused)
	}
	return nil
}

// text appends the prompt of request i: as the file has it, or cut and filled to
// the request's length. What is cut is its middle, so that it still begins and ends
// as it was written; what fills are the texts of the requests behind it, put in
// front of it.
func (w *Workload) text(dst []int32, i int) []int32 {
	if w.Spec.Scenario.Dataset.Trace {
		return w.tracedPrompt(dst, i)
	}
	ids, n := w.Spec.Texts.at[w.order[i]].ids, w.Requests[i].New
	if cut := len(ids) - n; cut >= 0 {
		head := (n + 1) / 2
		return append(append(dst, ids[:head]...), ids[head+cut:]...)
	}
	bos := w.leadingBOS(ids)
	dst, ids = append(dst, ids[:bos]...), ids[bos:]
	missing := n - bos - len(ids)
	for k := i + 1; missing > 0; k++ {
		more := w.Spec.Texts.at[w.order[k%len(w.order)]].ids
		more = more[w.leadingBOS(more):]
		more = more[:min(missing, len(more))]
		dst, missing = append(dst, more...), missing-len(more)
	}
	return append(dst, ids...)
}

// leadingBOS is 1 where a prompt has text behind BOS, else 0.
func (w *Workload) leadingBOS(ids []int32) int {
	if w.Spec.Vocab.AddBOS && len(ids) > 1 && ids[0] == w.Spec.Vocab.BOS {
		return 1
	}
	return 0
}
