package client

import "strings"

// words collects what an answer says, for the prompt of the next turn.
type words struct {
	total  int // tokens so far, by the server
	pieces []saying
}

// saying is a piece of an answer: its tokens, or where the server does not give
// each of them its text.
type saying struct {
	ids  []int32
	text string
}

// take is told of every event.
func (w *words) take(c *chunk) {
	n := len(c.ids)
	if c.total >= 0 {
		n, w.total = max(c.total-w.total, 0), max(c.total, w.total)
	}
	switch {
	case !c.holds:
	case n > 0 && n == len(c.ids):
		w.pieces = append(w.pieces, saying{ids: append([]int32(nil), c.ids...)})
	case c.text != "":
		w.pieces = append(w.pieces, saying{text: string(c.text)})
	}
}

// tokens are the answer's. Text without ids that stands together is tokenised
// together; fromText counts what comes of that.
func (w *words) tokens(tokenize func(string) ([]int32, error)) (ids []int32, fromText int, err error) {
	var text strings.Builder
	flush := func() error {
		if text.Len() == 0 {
			return nil
		}
		more, err := tokenize(text.String())
		text.Reset()
		fromText += len(more)
		ids = append(ids, more...)
		return err
	}
	for _, p := range w.pieces {
		if p.ids == nil {
			text.WriteString(p.text)
			continue
		}
		if err := flush(); err != nil {
			return nil, 0, err
		}
		ids = append(ids, p.ids...)
	}
	if err := flush(); err != nil {
		return nil, 0, err
	}
	return ids, fromText, nil
}
