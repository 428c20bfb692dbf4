package importer

import (
	"fmt"
	"strings"

	"ceiling/bench/result"
	"ceiling/internal/oneline"
	"ceiling/report/metric"
)

// isInferenceX tells whether an object is one line of InferenceX's aggregate
// (InferenceMAX before): vLLM's figures per GPU, and in seconds.
func isInferenceX(o object) bool {
	return o.has("conc") && (o.has("hw") || o.has("device")) && inferenceXMetrics(o).has("tput_per_gpu")
}

// inferenceXMetrics is where the figures stand: beside the configuration, or in
// an object of their own where a database has been in between.
func inferenceXMetrics(o object) object {
	if o.has("tput_per_gpu") {
		return o
	}
	return o.object("metrics")
}

// isOffline tells a row of InferenceX's offline benchmark, which has the keys of
// a served load: one fixed batch without a server, timed by its decode rounds.
func isOffline(o object) bool { return inferenceXMetrics(o).has("decode_round_tpot_ms") }

// The qualities of an offline row. Its throughput per GPU, for output and total
// alike, is batch × tokens of a round / time of a round.
var (
	offlineBatch  = quality{same: true, note: "one fixed batch, all of whose prompts are there at the start"}
	offlineRounds = differs("of decode rounds with a full batch, the slowest left out, by the tokens that a round yields on average")
	offlineRate   = differs("of decode rounds with a full batch, the slowest left out; an output throughput has the prefill in its time")
)

// inferenceXDrafts says what is drafted; nil: the file does not.
func inferenceXDrafts(o object) *result.SpecSettings {
	switch kind := o.scalar("spec_decoding"); kind {
	case "":
		return nil
	case "false":
		return &result.SpecSettings{Kind: result.SpecNone}
	default:
		return &result.SpecSettings{Kind: oneline.Of(kind)}
	}
}

// readInferenceX reads agg_*.json, one configuration, or a list of them.
func readInferenceX(f *file) ([]*ToolRun, error) {
	var parts []part
	for _, o := range f.items {
		r := ToolRun{Tool: ToolInferenceX, Model: o.text("model"), Hardware: first(o.text("hw"), o.text("device")), Date: o.text("date"), Notes: f.notes}
		r.set(CondDevice, r.Hardware)
		r.set(CondEngine, o.text("framework"))
		r.set(CondVersion, o.text("image"))
		r.set(CondQuant, o.text("precision"))
		drafts := inferenceXDrafts(o)
		if drafts.Speculates() {
			r.set(CondSpeculative, drafts.Kind)
		}
		r.set(CondSplit, inferenceXSplit(o))
		client := "HTTP"
		if r.InProcess = isOffline(o); r.InProcess {
			client = clientInProcess
		}
		r.set(CondClient, client)
		l := inferenceXLoad(o)
		if drafts != nil {
			l.Speculation = &result.Speculation{SpecSettings: *drafts}
		}
		l.Notes = append(l.Notes, *o.bad...)
		parts = append(parts, part{r, l})
	}
	return gather(parts), nil
}

// inferenceXSplit says how the model lay on the GPUs.
func inferenceXSplit(o object) string {
	side := func(prefix string) string {
		var out []string
		for _, p := range []struct{ key, name string }{{"tp", "tensor parallel "}, {"ep", "expert parallel "}} {
			if n := o.scalar(prefix + p.key); n != "" && n != "0" && (p.key == "tp" || n != "1") {
				out = append(out, p.name+n)
			}
		}
		if o.onOff(prefix+"dp_attention") == "on" {
			out = append(out, "data parallel attention")
		}
		return strings.Join(out, ", ")
	}
	prefill, decode := side("prefill_"), side("decode_")
	switch {
	case prefill == "" && decode == "":
		return side("")
	case !isApart(o):
		return decode
	}
	return fmt.Sprintf("prefill: %s on %s GPUs; decode: %s on %s GPUs", prefill, o.scalar("num_prefill_gpu"), decode, o.scalar("num_decode_gpu"))
}

// isApart says whether prefill and decode ran on GPUs of their own.
func isApart(o object) bool { return o.onOff("disagg") == "on" }

func inferenceXLoad(o object) ToolLoad {
	l := ToolLoad{}
	m := inferenceXMetrics(o)
	l.Concurrency, _ = o.count("conc")
	in, okIn := o.count("isl")
	out, okOut := o.count("osl")
	if okIn && okOut {
		l.Input, l.Output, l.Lengths = in, out, LengthsNominal
	}
	for _, f := range []struct {
		family
		key string
		q   quality
	}{{ttft, "ttft", sameServer}, {tpot, "tpot", same}, {itl, "itl", same}, {e2el, "e2el", sameServer}} {
		var stats []stat
		for _, s := range f.stats() {
			if v, ok := m.number(s.name + "_" + f.key); ok {
				stats = append(stats, stat{s.metric, v * 1e3, s.name + "_" + f.key + " (s)", f.q})
			}
		}
		l.putFamily(stats)
	}
	if v, ok := l.Values[metric.TPOTMean]; ok {
		l.putField(metric.TG, m, "mean_intvty", 1, quality{same: true, note: fmt.Sprintf("called interactivity there: 1000 / mean TPOT, of %s ms", metric.TPOTMean.Info().Format(v.V))})
	}
	l.inferenceXRates(o, m)
	l.judgeITL(0, 0)
	if isOffline(o) {
		l.judgeOffline()
	}
	return l
}

// inferenceXRates turns rates per GPU into those of the whole. Where prefill and
// decode had GPUs of their own, each rate is over its own.
func (l *ToolLoad) inferenceXRates(o, m object) {
	all, _ := firstCount(o, "tp", "num_decode_gpu", "num_gpus")
	decode, prefill := all, all
	if isApart(o) {
		prefill, _ = o.count("num_prefill_gpu")
		decode, _ = o.count("num_decode_gpu")
		all = prefill + decode
	}
	if prefill == 0 || decode == 0 {
		l.note("rates are per GPU, and the file does not say of how many: left out")
		return
	}
	for _, r := range []struct {
		m    metric.Key
		key  string
		gpus int
	}{{metric.TotalThroughput, "tput_per_gpu", all}, {metric.OutputThroughput, "output_tput_per_gpu", decode}, {metric.InputThroughput, "input_tput_per_gpu", prefill}} {
		if v, ok := m.number(r.key); ok && v > 0 {
			l.put(r.m, v*float64(r.gpus), fmt.Sprintf("%s × %d GPUs", r.key, r.gpus), same)
		}
	}
}

// judgeOffline gives the figures of an offline row their own meaning.
func (l *ToolLoad) judgeOffline() {
	l.requalify(ttft, offlineBatch)
	l.requalify(e2el, offlineBatch)
	l.requalify(tpot, offlineRounds)
	if v, ok := l.Values[metric.TG]; ok {
		v.Same, v.Note = offlineRounds.same, offlineRounds.note
		l.Values[metric.TG] = v
	}
	if v, ok := l.Values[metric.OutputThroughput]; ok {
		l.put(metric.DecodeRate, v.V, v.Origin, offlineRate)
	}
	for _, m := range []metric.Key{metric.OutputThroughput, metric.TotalThroughput, metric.InputThroughput} {
		delete(l.Values, m)
	}
	l.note("an offline row: its throughput per GPU, the total's too, is that of decode rounds")
}
