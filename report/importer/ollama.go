package importer

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"ceiling/bench/result"
	"ceiling/internal/oneline"
	"ceiling/report/metric"
)

// ollamaHead begins the table that ollama's benchmark writes with -format csv.
const ollamaHead = "NAME,STEP,COUNT,NS_PER_COUNT,TOKEN_PER_SEC"

// ollamaLine begins the lines that it writes in Go's benchmark format.
const ollamaLine = "BenchmarkModel/name="

// isOllama tells whether b is the output of ollama's benchmark (cmd/bench), in
// Go's benchmark format or as CSV. Other programs' lines may stand around it.
func isOllama(b []byte) bool {
	return hasLine(b, ollamaHead) || hasLine(b, ollamaLine)
}

// hasLine tells whether a line of b begins with the text.
func hasLine(b []byte, text string) bool {
	return bytes.HasPrefix(b, []byte(text)) || bytes.Contains(b, []byte("\n"+text))
}

// ollamaModel is what was measured of one model: one value per epoch.
type ollamaModel struct {
	name, about   string
	prefill, tg   []float64 // tok/s
	first, total  []float64 // ms
	load          []float64 // ms
	input, output []float64 // tokens
	cached        float64   // prompt tokens of all epochs that came from a cache
}

// readOllama reads either form, a run per model.
func readOllama(b []byte) ([]*ToolRun, error) {
	var models []*ollamaModel
	at := func(name string) *ollamaModel {
		for _, m := range models {
			if m.name == name {
				return m
			}
		}
		models = append(models, &ollamaModel{name: name})
		return models[len(models)-1]
	}
	about := map[string]string{}
	number := 0
	for line := range bytes.Lines(b) {
		number++
		text := oneline.Of(string(line))
		rest, isAbout := strings.CutPrefix(text, "# Model: ")
		if isAbout {
			name, details, _ := strings.Cut(rest, " | ")
			about[name] = details
		}
		step, ok, err := ollamaStep(text)
		if ends := line[len(line)-1] == '\n'; !ends && (err != nil || isAbout || ok && !ollamaEnds(text)) {
			return nil, fmt.Errorf("%w in line %d: it begins as the output of %s; take a whole copy", errCut, number, ToolOllama)
		}
		if err != nil {
			return nil, fmt.Errorf("written by %s: line %d: %w", ToolOllama, number, err)
		}
		if ok {
			at(step.model).add(step)
		}
	}
	var parts []part
	for _, m := range models {
		m.about = about[m.name]
		parts = append(parts, m.part())
	}
	if len(parts) == 0 && b[len(b)-1] != '\n' {
		return nil, fmt.Errorf("%w before the first result of %s; take a whole copy", errCut, ToolOllama)
	}
	if len(parts) == 0 {
		return nil, fmt.Errorf("written by %s, but there is no result in it", ToolOllama)
	}
	return gather(parts), nil
}

// ollamaStepValue is one line: a step of one epoch.
type ollamaStepValue struct {
	model, step string
	count       float64 // tokens, or 1
	ns          float64 // per token or in all
	rate        float64 // tok/s, 0 where there is none
	cached      float64 // tokens of the count that came from a cache
}

// ollamaStep reads a line; ok is false for a line of something else.
func ollamaStep(line string) (s ollamaStepValue, ok bool, err error) {
	if rest, found := strings.CutPrefix(line, ollamaLine); found {
		return ollamaGoLine(rest)
	}
	cells, errCSV := csv.NewReader(strings.NewReader(line)).Read()
	if errCSV != nil || len(cells) != 5 || line == ollamaHead {
		return s, false, nil
	}
	numbers := make([]float64, 3)
	for i, cell := range cells[2:] {
		v, err := strconv.ParseFloat(cell, 64)
		if err != nil {
			return s, false, nil // another program's line with four commas
		}
		numbers[i] = v
	}
	return ollamaStepValue{model: cells[0], step: cells[1], count: numbers[0], ns: numbers[1], rate: numbers[2]}, true, nil
}

// ollamaGoLine reads what follows the name's key in
// "BenchmarkModel/name=gemma3/step=prefill 1 78125.00 ns/token 12800.00 token/sec".
func ollamaGoLine(rest string) (s ollamaStepValue, ok bool, err error) {
	fields := strings.Fields(rest)
	if len(fields) < 4 || len(fields)%2 != 0 || !strings.Contains(fields[0], "/step=") {
		return s, false, errors.New("not name, step, count and values with their units")
	}
	at := strings.LastIndex(fields[0], "/step=")
	s.model, s.step = fields[0][:at], fields[0][at+len("/step="):]
	if s.count, err = strconv.ParseFloat(fields[1], 64); err != nil {
		return s, false, fmt.Errorf("%s is no count", shorten(fields[1]))
	}
	for i := 2; i < len(fields); i += 2 {
		v, err := strconv.ParseFloat(fields[i], 64)
		if err != nil {
			return s, false, fmt.Errorf("%s is no number", shorten(fields[i]))
		}
		switch fields[i+1] {
		case "token/sec":
			s.rate = v
		case "ns/token", "ns/op", "ns/request":
			s.ns = v
		case "prompt-token":
			s.count = v
		case "cached-prompt-token":
			s.cached = v
		}
	}
	return s, true, nil
}

// ollamaEnds tells whether a line may end as it does: with a unit, or with the
// number of a table.
func ollamaEnds(line string) bool {
	if !strings.HasPrefix(line, ollamaLine) {
		return true
	}
	for _, unit := range []string{" token/sec", " ns/op", " ns/request", "prompt-token"} {
		if strings.HasSuffix(line, unit) {
			return true
		}
	}
	return false
}

// add takes one step. Counts are tokens in some versions, and 1 in others.
func (m *ollamaModel) add(s ollamaStepValue) {
	const ms = 1e-6
	keep := func(to *[]float64, v float64) {
		if v > 0 {
			*to = append(*to, v)
		}
	}
	switch s.step {
	case "prefill":
		keep(&m.prefill, s.rate)
		keep(&m.input, s.count)
		m.cached += s.cached
	case "generate":
		keep(&m.tg, s.rate)
		keep(&m.output, s.count)
	case "ttft":
		keep(&m.first, s.ns*ms)
	case "total":
		keep(&m.total, s.ns*ms)
	case "load":
		keep(&m.load, s.ns*ms)
	}
}

// part is the model's run.
func (m *ollamaModel) part() part {
	r := ToolRun{Tool: ToolOllama, Model: m.name}
	r.set(CondEngine, "ollama")
	r.set(CondClient, "HTTP, ollama API")
	for _, detail := range strings.Split(m.about, " | ") {
		if key, value, ok := strings.Cut(detail, ": "); ok && key == "Quant" {
			r.set(CondQuant, value)
		}
	}
	l := ToolLoad{Concurrency: 1}
	in, _ := result.Mean(m.input)
	out, _ := result.Mean(m.output)
	if in > 1 {
		l.Input, l.Lengths = round(in), LengthsMean
	}
	if out > 1 {
		l.Output, l.Lengths = round(out), LengthsMean
	}
	if m.cached > 0 {
		l.note("%.0f prompt tokens of all epochs came from a cache", m.cached)
	}
	const clock = "by the server's own clock, mean over the epochs"
	l.epochs(metric.EnginePrefill, m.prefill, "prefill (token/sec)", quality{same: true, note: clock})
	l.epochs(metric.TG, m.tg, "generate (token/sec)", differs("tokens / time of the generation, %s; ours is 1000 / mean TPOT", clock))
	l.epochs(metric.TTFTMean, m.first, "ttft (ns/op)", sameServer)
	l.epochs(metric.E2ELMean, m.total, "total (ns/op)", sameServer)
	if load, ok := result.Mean(m.load); ok {
		l.note("loading the model took %.2f ms on average", load)
	}
	return part{r, l}
}

// epochs adds a figure that was measured once per epoch.
func (l *ToolLoad) epochs(m metric.Key, samples []float64, origin string, q quality) {
	mean, ok := result.Mean(samples)
	if !ok {
		return
	}
	l.put(m, mean, origin, q)
	v := l.Values[m]
	v.Samples = samples
	l.Values[m] = v
}
