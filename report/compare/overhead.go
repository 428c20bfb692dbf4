package compare

import (
	"fmt"

	"ceiling/bench/result"
	"ceiling/internal/figure"
	"ceiling/report/importer"
	"ceiling/report/metric"
)

// Overhead is what a server costs: the gap between a run in process and one
// through a server, per request and broken down as far as the data carry it.
type Overhead struct {
	Engine string        `json:"engine"` // label of the run in process
	Server string        `json:"server"` // label of the other
	Rows   []OverheadRow `json:"rows"`
	// RoundTripMs is the hop alone: the shortest exchange with the server that
	// cost it nothing. nil: not measured.
	RoundTripMs *float64 `json:"round_trip_ms"`
	// Limits say what the data can't separate.
	Limits []string `json:"limits"`
}

// OverheadRow is one load. Times are means per request in ms, server − engine; a
// negative one is time that the server saves. nil: the records don't tell.
//
//	E2EL = Before + Prefill + Decode + Streaming
type OverheadRow struct {
	Name string       `json:"name"`
	Load ComparedLoad `json:"load"`

	EngineE2EL *float64     `json:"engine_e2el_ms"`
	E2EL       *float64     `json:"e2el_ms"`
	Verdict    Significance `json:"verdict"` // on the ratio of the E2EL
	TTFT       *float64     `json:"ttft_ms"`
	TPOT       *float64     `json:"tpot_ms"` // per token
	// Throughput is the share of the engine's output throughput that the
	// server loses.
	Throughput *float64 `json:"throughput_loss"`

	// Before is the time in TTFT that is not the prompt's computation: the
	// hop, reading the request, the wait for its turn, the first token's way back.
	Before *float64 `json:"before_ms"`
	// Hop and Wait split Before: the measured round trip, and the rest.
	Hop  *float64 `json:"hop_ms"`
	Wait *float64 `json:"wait_ms"`
	// Prefill is the server's own time for the prompt against the engine's.
	Prefill *float64 `json:"prefill_ms"`
	// Decode is the server's own time for the output against the engine's:
	// scheduler, sampling, turning ids into text.
	Decode *float64 `json:"decode_ms"`
	// Streaming is what the client sees of the output's time beyond the
	// server's own.
	Streaming *float64 `json:"streaming_ms"`
}

// requestTimes are the means over the successful requests of one side, in ms.
type requestTimes struct {
	n                             int
	before, prefill, decode, e2el float64
	client                        float64 // decode as the client sees it
	split                         bool    // the server told its own times
}

// newOverhead compares the side in process with the one through a server.
func newOverhead(a, b *importer.ToolRun, p *Pair, matched []pairOf) *Overhead {
	t := &Overhead{Engine: p.A, Server: p.B}
	server := b
	if b.InProcess {
		t.Engine, t.Server, server = p.B, p.A, a
	}
	if server.Server != nil && server.Server.RoundTripS != nil {
		ms := 1000 * *server.Server.RoundTripS
		t.RoundTripMs = &ms
	}
	timed, split := 0, 0
	for i, m := range matched {
		engine, through := m.a, m.b
		if b.InProcess {
			engine, through = m.b, m.a
		}
		row, n, s := t.row(engine, through)
		if f := p.Scenarios[i].figure(metric.E2ELMean); f != nil {
			row.Verdict = f.Verdict()
		}
		timed += n
		split += s
		t.Rows = append(t.Rows, row)
	}
	t.Limits = overheadLimits(t, timed, split)
	return t
}

// row is one load; timed and split are 1 where the records of both sides were
// there, and where the server told its own times.
func (t *Overhead) row(engine, through *group) (row OverheadRow, timed, split int) {
	row = OverheadRow{Name: engine.name(), Load: engine.load()}
	row.TTFT = difference(engine, through, metric.TTFTMean)
	row.TPOT = difference(engine, through, metric.TPOTMean)
	row.E2EL = difference(engine, through, metric.E2ELMean)
	row.EngineE2EL = engine.value(metric.E2ELMean, Nothing)
	if x, y := engine.value(metric.OutputThroughput, Nothing), through.value(metric.OutputThroughput, Nothing); x != nil && y != nil && *x > 0 {
		loss := 1 - *y / *x
		row.Throughput = &loss
	}
	e, s := engine.times(), through.times()
	if e.n == 0 || s.n == 0 {
		return row, 0, 0
	}
	// Of several passes the table's figures are medians; the parts are means
	// over all requests, and so is their sum here.
	set := func(p **float64, v float64) { *p = &v }
	set(&row.E2EL, s.e2el-e.e2el)
	set(&row.EngineE2EL, e.e2el)
	if !s.split {
		return row, 1, 0
	}
	set(&row.Before, s.before-e.before)
	set(&row.Prefill, s.prefill-e.prefill)
	set(&row.Decode, s.decode-e.decode)
	set(&row.Streaming, s.client-s.decode)
	if t.RoundTripMs != nil {
		set(&row.Hop, *t.RoundTripMs)
		set(&row.Wait, *row.Before-*t.RoundTripMs)
	}
	return row, 1, 1
}

func difference(engine, through *group, m metric.Key) *float64 {
	x, y := engine.value(m, Nothing), through.value(m, Nothing)
	if x == nil || y == nil || notSame(m, engine, through) != "" {
		return nil
	}
	d := *y - *x
	return &d
}

// times takes a side's requests apart.
func (g *group) times() requestTimes {
	var t requestTimes
	t.split = true
	for _, l := range g.loads {
		for i := range l.Records {
			if r := &l.Records[i]; r.OK() {
				t.add(r)
			}
		}
	}
	if t.n == 0 {
		return requestTimes{}
	}
	for _, v := range []*float64{&t.before, &t.prefill, &t.decode, &t.e2el, &t.client} {
		*v *= 1000 / float64(t.n)
	}
	return t
}

// add books a request. In process its prompt begins with its first step;
// through a server its own figures say how long prompt and output took.
func (t *requestTimes) add(r *result.Record) {
	t.n++
	t.e2el += r.E2EL()
	t.client += r.E2EL() - r.TTFT()
	switch {
	case r.Server == nil && r.PrefillStart != nil:
		t.before += *r.PrefillStart - r.Admitted
		t.prefill += r.TokenTimes[0] - *r.PrefillStart
		t.decode += r.E2EL() - r.TTFT()
	case r.Server != nil && r.Server.PromptS != nil && r.Server.DecodeS != nil:
		t.before += r.TTFT() - *r.Server.PromptS
		t.prefill += *r.Server.PromptS
		t.decode += *r.Server.DecodeS
	default:
		t.split = false
	}
}

// overheadLimits are the sentences below the table.
func overheadLimits(t *Overhead, timed, split int) []string {
	var out []string
	add := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	switch {
	case len(t.Rows) == 0:
		return []string{"No load is in both runs, so there is no gap to break down."}
	case timed == 0:
		add("One side has only summaries: the gap in TTFT holds HTTP, tokenising, waiting and any difference in prefill speed together; the gap in TPOT holds scheduler, sampling and streaming together. Nothing separates them; `ceiling drive` against the same server would.")
		return out
	case split == 0:
		add("%s told no times of its own: the gap in TTFT holds HTTP, waiting and prefill together, the gap in TPOT scheduler, sampling and streaming. Only the round trip is known apart.", t.Server)
	default:
		if split < timed {
			add("%d of %d loads have no times of the server's own; their gap is not broken down.", timed-split, timed)
		}
		add("Before the prompt: all of TTFT that the server does not count as its own work on the prompt. At concurrency 1 nothing waits for another, so there it is the hop, reading the request and the first token's way back; above that, what it has more is the wait for a turn.")
		add("Prefill and decode: the server's own time against the engine's in process. Both hold their scheduler: prompts that share steps with other requests take longer on either side.")
		add("Scheduler, sampling and turning ids into text can't be separated: the server counts them all as decode, as the in-process time holds the first two.")
	}
	if t.RoundTripMs != nil {
		add("The round trip alone is %s ms: the shortest of several exchanges that cost the server nothing, so the least that a request pays for the hop.", figure.Fixed(*t.RoundTripMs, 3))
	}
	add("A client on the server's machine takes CPU time from it, which then is part of the gap; client_cpu_s in its results.json says how much.")
	return out
}
