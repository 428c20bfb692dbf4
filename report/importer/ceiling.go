package importer

import (
	"ceiling/internal/machine"
	"ceiling/internal/oneline"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"ceiling/bench/result"
	"ceiling/kernels"
	"ceiling/report/metric"
)

// readResults reads this program's results.json or the reference's JSON, in
// either of its forms.
func readResults(f *file) ([]*ToolRun, error) {
	if f.text == nil {
		return nil, errors.New("holds more than one JSON value: give the results.json of one run")
	}
	res, err := result.Parse(f.text)
	if err != nil {
		return nil, err
	}
	if len(res.Results) == 0 {
		return nil, errors.New("no scenario has a result yet: finish the run first")
	}
	if res.Engine == nil && res.Server == nil && len(res.Details) == 0 && len(res.Planned) == 0 {
		return []*ToolRun{referenceRun(res)}, nil
	}
	return []*ToolRun{ceilingRun(res, f.path)}, nil
}

// ceilingRun is a run of this program, in process or through a server, with
// the records of the journal that lies beside path.
func ceilingRun(res *result.Run, path string) *ToolRun {
	r := &ToolRun{
		Tool: ToolCeiling, Model: oneline.Of(res.Model), Hardware: oneline.Of(res.Hardware), Date: oneline.Of(res.Date),
		InProcess: res.Server == nil, Server: res.Server,
	}
	r.engineConditions(res.Engine)
	r.hostConditions(res.System)
	r.serverConditions(res.Server)
	if res.Verdict != nil {
		r.set(CondVerdict, string(res.Verdict.State))
	}
	r.set(CondDisturbance, disturbance(res))
	if res.Partial {
		r.addNotes(strings.TrimRight("partial run: "+oneline.Of(res.PartialReason), ": "))
	}
	records := r.journal(filepath.Join(filepath.Dir(path), result.JournalFile))
	states, drafts := map[string]bool{}, map[string]bool{}
	for i := range res.Results {
		detail := result.Detail{}
		if i < len(res.Details) {
			detail = res.Details[i]
			states[detail.Cache] = true
		}
		passes := detail.Passes
		if len(passes) == 0 {
			passes = []result.Pass{{Pass: detail.Pass, Result: res.Results[i], Detail: detail}}
		}
		for j := range passes {
			r.Loads = append(r.Loads, r.passLoad(&passes[j], i < len(res.Details), records))
			if s := r.Loads[len(r.Loads)-1].Speculation; s != nil && s.Speculates() {
				drafts[s.String()] = true
			}
			r.Loads[len(r.Loads)-1].share(result.Shares(res.Ceilings, &passes[j].Result, &passes[j].Detail))
		}
	}
	if len(states) == 1 {
		r.set(CondCache, sortedKeys(states)[0])
	}
	r.set(CondSpeculative, strings.Join(sortedKeys(drafts), " | "))
	return r
}

// disturbance is the first finding of one in the shown passes, "" where nobody
// looked.
func disturbance(res *result.Run) string {
	text := ""
	for i := range res.Results {
		d := res.Detail(i)
		if d == nil || d.Disturbance == nil || d.Verdict == nil {
			continue
		}
		for _, f := range d.Verdict.Findings {
			if f.State == result.StateDisturbed {
				return oneline.Of(f.Text)
			}
		}
		text = "none found"
	}
	return text
}

// passLoad is one pass over a scenario.
func (r *ToolRun) passLoad(p *result.Pass, detailed bool, records map[place][]result.Record) ToolLoad {
	l := resultLoad(&p.Result, same)
	l.Repeat = p.Pass
	if detailed {
		l.detail(&p.Detail)
		l.Speculation = r.drafted(&p.Detail)
	}
	l.perConcurrency(metric.PP, metric.PPMedian)
	if !r.InProcess {
		l.requalify(ttft, sameServer)
		l.requalify(e2el, sameServer)
		l.serverDetail(p.Detail.Server)
	}
	if own := records[place{l.Name, p.Pass}]; len(own) > 0 {
		l.Records = own
		l.recordSamples()
	}
	return l
}

// drafted is what was drafted in a scenario. In process nothing is where nothing is
// said; of a server only what it tells is known.
func (r *ToolRun) drafted(d *result.Detail) *result.Speculation {
	if d.Speculation != nil || !r.InProcess && !r.plainServer() {
		return d.Speculation
	}
	return &result.Speculation{SpecSettings: result.SpecSettings{Kind: result.SpecNone}}
}

// plainServer tells whether the server was seen not to speculate.
func (r *ToolRun) plainServer() bool {
	return slices.ContainsFunc(r.Server.Conditions, func(c result.ServerCondition) bool {
		return c.Name == CondSpeculative && c.Outcome == result.OutcomeEqual
	})
}

// place is where a record belongs. Names are unique in a suite.
type place struct {
	scenario string
	pass     int
}

// journal reads the records. A journal that is not there, or can't be read,
// leaves the summaries as they are.
func (r *ToolRun) journal(path string) map[place][]result.Record {
	content, err := result.ReadJournalFile(path)
	if err != nil {
		if _, errStat := os.Stat(path); !errors.Is(errStat, fs.ErrNotExist) {
			r.addNotes(oneline.Of(err.Error()) + "; only the summaries are used")
		}
		return nil
	}
	if content.Torn {
		r.addNotes("the journal's last line had been cut short and was left out")
	}
	out := map[place][]result.Record{}
	for _, rec := range content.Records {
		at := place{rec.Name, rec.Pass}
		out[at] = append(out[at], rec)
	}
	return out
}

// resultKeys are the figures of one result with the names of their fields.
var resultKeys = []struct {
	metric metric.Key
	field  string
}{
	{metric.Duration, "duration_s"}, {metric.RequestThroughput, "request_throughput"}, {metric.OutputThroughput, "output_throughput"},
	{metric.TotalThroughput, "total_throughput"}, {metric.PeakThroughput, "peak_output_throughput"},
	{metric.TTFTMean, "ttft_mean_ms"}, {metric.TTFTMedian, "ttft_median_ms"}, {metric.TTFTP99, "ttft_p99_ms"},
	{metric.TPOTMean, "tpot_mean_ms"}, {metric.TPOTMedian, "tpot_median_ms"}, {metric.TPOTP99, "tpot_p99_ms"},
	{metric.ITLMean, "itl_mean_ms"}, {metric.ITLMedian, "itl_median_ms"}, {metric.ITLP99, "itl_p99_ms"},
	{metric.PP, "pp_speed"}, {metric.TG, "tg_speed"},
}

// resultLoad is one of the 26-field results.
func resultLoad(r *result.Summary, q quality) ToolLoad {
	l := ToolLoad{
		Name: r.Name, Input: r.InputLen, Output: r.OutputLen, Lengths: LengthsNominal,
		Concurrency: r.Concurrency, Prompts: r.NumPrompts,
		Successful: wholeNumber(r.SuccessfulRequests), Failed: wholeNumber(r.FailedRequests),
	}
	for _, k := range resultKeys {
		if v := k.metric.Info().Of(r, nil); v != nil {
			l.put(k.metric, *v, k.field, q)
		}
	}
	if r.SuccessfulRequests > 0 {
		l.put(metric.InputTokens, r.TotalInputTokens, "total_input_tokens", q)
		l.put(metric.OutputTokens, r.TotalOutputTokens, "total_output_tokens", q)
	}
	if r.Error != nil {
		l.note("failed: %s", oneline.Of(*r.Error))
	}
	return l
}

func wholeNumber(v float64) *int {
	if v < 0 || v != math.Trunc(v) || v > maxCount {
		return nil
	}
	n := int(v)
	return &n
}

// perConcurrency marks a PP that contains waiting without calling it another
// figure: it is our own.
func (l *ToolLoad) perConcurrency(metrics ...metric.Key) {
	for _, m := range metrics {
		if v, ok := l.Values[m]; ok && l.Concurrency > 1 {
			v.Note = waitingPP(l.Concurrency).note
			l.Values[m] = v
		}
	}
}

// detail adds what only this program knows of a scenario.
func (l *ToolLoad) detail(d *result.Detail) {
	ratio := d.RangeRatio
	l.RangeRatio, l.RequestRate, l.Burstiness, l.Cache = &ratio, d.RequestRate, d.Burstiness, d.Cache
	l.Verdict, l.Process = d.Verdict, d.Process
	if d.Depth != nil {
		l.Depth = *d.Depth
	}
	prefix := d.PrefixLen
	l.Prefix = &prefix
	dataset := ""
	if d.Dataset != nil {
		dataset = oneline.Of(d.Dataset.String())
		if d.Dataset.Trace {
			l.RequestRate, l.Arrivals = nil, fmt.Sprintf("a trace at %g times its speed", d.Dataset.Speedup)
		}
	}
	if l.Dataset, l.Varies = &dataset, d.Varies(); l.Varies {
		l.Lengths = LengthsMean
	}
	l.dist(ttft, d.TTFT, "ttft_s")
	l.dist(tpot, d.TPOT, "tpot_s")
	l.dist(itl, d.ITL, "itl_s")
	l.dist(e2el, d.E2EL, "e2el_s")
	if d.Queue != nil {
		l.put(metric.QueueMean, d.Queue.Mean*1e3, "queue_s.mean (s)", same)
		l.put(metric.QueueP99, d.Queue.P99*1e3, "queue_s.p99 (s)", same)
	}
	if d.Wait != nil {
		l.put(metric.WaitMean, d.Wait.Mean*1e3, "wait_s.mean (s)", same)
	}
	if d.Prefill != nil {
		l.put(metric.PrefillMean, d.Prefill.Mean*1e3, "prefill_s.mean (s)", same)
	}
	for _, k := range []struct {
		metric metric.Key
		field  string
	}{
		{metric.PPMedian, "pp_median"}, {metric.EnginePrefill, "engine_prefill"}, {metric.PerUser, "per_user_throughput"},
		{metric.Goodput, "goodput"}, {metric.OverheadRatio, "overhead_ratio"},
		{metric.AcceptLength, "speculation: 1 + accepted / verifications"}, {metric.AcceptRate, "speculation: accepted / drafted"},
	} {
		if v := k.metric.Info().Of(nil, d); v != nil {
			l.put(k.metric, *v, k.field, same)
		}
	}
	if d.TTFT != nil {
		l.put(metric.PeakConcurrent, float64(d.PeakConcurrent), "peak_concurrent", same)
		l.put(metric.ReusedTokens, float64(d.ReusedTokens), "reused_tokens", same)
	}
	l.energy(d.Energy)
	if d.Status != "" && d.Status != result.StatusComplete {
		l.note("%s scenario", oneline.Of(d.Status))
	}
	for _, f := range d.Failures {
		l.note("%d requests failed: %s", f.Count, oneline.Of(f.Reason))
	}
	for _, w := range d.Warnings {
		l.note("%s", oneline.Of(w))
	}
}

// serverDetail adds the server's own figures. Tokens that arrived several at
// a time have estimated instants.
func (l *ToolLoad) serverDetail(d *result.ServerDetail) {
	if d == nil {
		return
	}
	for _, f := range []struct {
		metric metric.Key
		key    string
		dist   *result.Dist
	}{{metric.ServerPromptMean, "prompt_s", d.Prompt}, {metric.ServerDecodeMean, "decode_s", d.Decode}, {metric.ServerWaitMean, "wait_s", d.Wait}} {
		if f.dist != nil {
			l.put(f.metric, f.dist.Mean*1e3, "server."+f.key+".mean (s)", same)
		}
	}
	if d.PromptRate != nil {
		l.put(metric.EnginePrefill, *d.PromptRate, "server.prompt_rate", quality{same: true, note: "by the server's own clock"})
	}
	if d.SplitTokens > 0 {
		q := differs("%d tokens arrived several at a time and their instants are estimates: compare end-to-end times instead", d.SplitTokens)
		l.requalify(itl, q)
		if v, ok := l.Values[metric.PeakThroughput]; ok {
			v.Same, v.Note = q.same, q.note
			l.Values[metric.PeakThroughput] = v
		}
	}
}

// share adds how close decode and prefill came to the machine's limit.
func (l *ToolLoad) share(decode, prompt *kernels.Share) {
	for key, s := range map[metric.Key]*kernels.Share{metric.DecodeShare: decode, metric.PrefillShare: prompt} {
		if s != nil {
			l.put(key, 100*s.Of(), "step_mix and ceilings", quality{same: true, note: "bound by " + s.Bound()})
		}
	}
}

// energy takes the power of the first kind of devices that the model ran on.
// Kinds are not added up: which can be read differs between machines.
func (l *ToolLoad) energy(e *machine.Energy) {
	if e == nil {
		return
	}
	for _, g := range e.Groups {
		if !g.Used || g.MeanW == nil {
			continue
		}
		q := quality{same: true, note: oneline.Of(g.Name)}
		l.put(metric.MeanPower, *g.MeanW, "energy.mean_w", q)
		if g.JPerToken != nil {
			l.put(metric.EnergyPerToken, *g.JPerToken, "energy.j_per_output_token", q)
		}
		return
	}
}

// dist adds the statistics of one of our distributions that the reference's
// fields do not have.
func (l *ToolLoad) dist(f family, d *result.Dist, key string) {
	if d == nil {
		return
	}
	for i, v := range []float64{d.Mean, d.Median, d.P90, d.P95, d.P99, d.Std} {
		s := f.stats()[i]
		if _, there := l.Values[s.metric]; !there {
			l.put(s.metric, v*1e3, key+"."+s.name+" (s)", same)
		}
	}
}

// recordSamples takes the raw values from the journal's records.
func (l *ToolLoad) recordSamples() {
	var first, perToken, gaps, total []float64
	for i := range l.Records {
		r := &l.Records[i]
		if !r.OK() {
			continue
		}
		first = append(first, r.TTFT()*1e3)
		total = append(total, r.E2EL()*1e3)
		if v, ok := r.TPOT(); ok {
			perToken = append(perToken, v*1e3)
		}
		for _, gap := range r.Gaps(nil) {
			gaps = append(gaps, gap*1e3)
		}
	}
	// The summaries were computed from the same microseconds.
	const tolerance = 1e-6
	l.attach(ttft, first, tolerance)
	l.attach(tpot, perToken, tolerance)
	l.attach(itl, gaps, tolerance)
	l.attach(e2el, total, tolerance)
}
