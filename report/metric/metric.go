// Package metric is the one table of what is measured: a name, a title, a unit,
// which way is better, how many decimals are printed, and where it stands in
// the results of this program.
package metric

import (
	"math"
	"slices"
	"strconv"

	"ceiling/bench/result"
	"ceiling/internal/figure"
)

// Key names a figure, its unit at the end.
type Key string

// Metrics that a load can have.
const (
	TTFTMean   Key = "ttft_mean_ms"
	TTFTMedian Key = "ttft_median_ms"
	TTFTP90    Key = "ttft_p90_ms"
	TTFTP95    Key = "ttft_p95_ms"
	TTFTP99    Key = "ttft_p99_ms"
	TTFTStd    Key = "ttft_std_ms"
	TPOTMean   Key = "tpot_mean_ms"
	TPOTMedian Key = "tpot_median_ms"
	TPOTP90    Key = "tpot_p90_ms"
	TPOTP95    Key = "tpot_p95_ms"
	TPOTP99    Key = "tpot_p99_ms"
	TPOTStd    Key = "tpot_std_ms"
	ITLMean    Key = "itl_mean_ms"
	ITLMedian  Key = "itl_median_ms"
	ITLP90     Key = "itl_p90_ms"
	ITLP95     Key = "itl_p95_ms"
	ITLP99     Key = "itl_p99_ms"
	ITLStd     Key = "itl_std_ms"
	E2ELMean   Key = "e2el_mean_ms"
	E2ELMedian Key = "e2el_median_ms"
	E2ELP90    Key = "e2el_p90_ms"
	E2ELP95    Key = "e2el_p95_ms"
	E2ELP99    Key = "e2el_p99_ms"
	E2ELStd    Key = "e2el_std_ms"

	// PerTokenMean is (last token − start)/n, TTFT included: GuideLLM's "time
	// per output token", which is no TPOT. Ours has none.
	PerTokenMean Key = "time_per_output_token_mean_ms"

	QueueMean   Key = "queue_mean_ms" // start − intended start
	QueueP99    Key = "queue_p99_ms"
	WaitMean    Key = "wait_mean_ms"    // first engine call − start
	PrefillMean Key = "prefill_mean_ms" // first token − first engine call

	RequestThroughput Key = "request_throughput_req_s"
	OutputThroughput  Key = "output_throughput_tok_s"
	TotalThroughput   Key = "total_throughput_tok_s"
	InputThroughput   Key = "input_throughput_tok_s"
	PeakThroughput    Key = "peak_output_throughput_tok_s"
	PerUser           Key = "per_user_throughput_tok_s" // output throughput / concurrency
	Goodput           Key = "goodput_req_s"

	PP            Key = "pp_tok_s"        // input / mean TTFT
	PPMedian      Key = "pp_median_tok_s" // input / median TTFT
	TG            Key = "tg_tok_s"        // 1000 / mean TPOT
	EnginePrefill Key = "engine_prefill_tok_s"
	DecodeRate    Key = "decode_throughput_tok_s" // of all streams, prefill left out

	Duration       Key = "duration_s"
	InputTokens    Key = "total_input_tokens"
	OutputTokens   Key = "total_output_tokens"
	PeakConcurrent Key = "peak_concurrent_requests"
	ReusedTokens   Key = "reused_tokens"
	AcceptLength   Key = "accept_length_tokens" // tokens per verification of drafts, the step's own among them
	AcceptRate     Key = "acceptance_percent"   // accepted drafts / drafts
	OverheadRatio  Key = "overhead_ratio"

	// DecodeShare and PrefillShare are the percentage of the machine's limit that
	// was reached.
	DecodeShare  Key = "decode_limit_share_percent"
	PrefillShare Key = "prefill_limit_share_percent"

	// FailedShare is the percentage of requests that failed. No load has it as
	// a value: it follows from the counts.
	FailedShare Key = "failed_percent"

	// The server's own figures of a run of ours through it.
	ServerPromptMean Key = "server_prompt_mean_ms" // its time for the prompt
	ServerDecodeMean Key = "server_decode_mean_ms" // its time for the output
	ServerWaitMean   Key = "server_wait_mean_ms"   // TTFT − its time for the prompt

	MeanPower      Key = "mean_power_w"
	EnergyPerToken Key = "energy_j_per_output_token"
)

// Better is the direction in which a metric improves.
type Better int

// Directions.
const (
	Lower   Better = -1
	Neither Better = 0
	Higher  Better = 1
)

// Info describes a metric.
type Info struct {
	Key      Key
	Title    string // "TTFT mean"
	Unit     string // "ms"; "" for a ratio
	Better   Better
	Decimals int // printed
	// Of is the metric in a result of this program, nil for none there. The
	// detail may be nil. It gives nil for what was not measured.
	Of func(*result.Summary, *result.Detail) *float64
	// InDetail: it stands in the detail, not among the results' own fields.
	InDetail bool
}

// Format prints a value of the metric with its decimals, without the unit: the
// float64's exact value, correctly rounded, ties to even.
func (i Info) Format(v float64) string { return strconv.FormatFloat(v, 'f', i.Decimals, 64) }

// Text is Format, and figure.Missing for what was not measured: nil, NaN or
// infinite.
func (i Info) Text(v *float64) string {
	if v == nil || math.IsNaN(*v) || math.IsInf(*v, 0) {
		return figure.Missing
	}
	return i.Format(*v)
}

// Heading heads a column: the title with the unit, in the reference's words where
// its tables have the column.
func (i Info) Heading() string {
	if words := referenceHeadings[i.Key]; words != "" {
		return words
	}
	if i.Unit == "" {
		return i.Title
	}
	return i.Title + " (" + i.Unit + ")"
}

var referenceHeadings = map[Key]string{
	OutputThroughput: "Output Throughput (tok/s)", PerUser: "Per-user Throughput (tok/s)",
	PP: "Prefill (PP) tok/s", TG: "Token Generation (TG) tok/s",
}

// All lists every metric, in the order in which tables show them.
func All() []Info { return append([]Info(nil), infos...) }

// Info describes m; for a metric that is not in the table only its name is
// set.
func (m Key) Info() Info {
	if i, ok := infoIndex[m]; ok {
		return infos[i]
	}
	return Info{Key: m, Title: string(m), Decimals: 2}
}

const (
	unitMs     = "ms"
	unitTokS   = "tok/s"
	unitReqS   = "req/s"
	unitS      = "s"
	unitTokens = "tokens"
	unitReq    = "requests"
)

var infos = slices.Concat(
	times("ttft", "TTFT", func(d *result.Detail) *result.Dist { return d.TTFT }, func(r *result.Summary) (mean, median, p99 *float64) {
		return r.TTFTMeanMs, r.TTFTMedianMs, r.TTFTP99Ms
	}),
	times("tpot", "TPOT", func(d *result.Detail) *result.Dist { return d.TPOT }, func(r *result.Summary) (mean, median, p99 *float64) {
		return r.TPOTMeanMs, r.TPOTMedianMs, r.TPOTP99Ms
	}),
	times("itl", "ITL", func(d *result.Detail) *result.Dist { return d.ITL }, func(r *result.Summary) (mean, median, p99 *float64) {
		return r.ITLMeanMs, r.ITLMedianMs, r.ITLP99Ms
	}),
	times("e2el", "E2EL", func(d *result.Detail) *result.Dist { return d.E2EL }, nil),
	[]Info{{PerTokenMean, "E2EL per token mean", unitMs, Lower, 2, nil, false}},
	times("queue", "Queue", func(d *result.Detail) *result.Dist { return d.Queue }, nil),
	times("wait", "Wait", func(d *result.Detail) *result.Dist { return d.Wait }, nil),
	times("prefill", "Prefill", func(d *result.Detail) *result.Dist { return d.Prefill }, nil),
	times("decode", "Decode", func(d *result.Detail) *result.Dist { return d.Decode }, nil),
	others,
)

// times are the six figures of a time: from its distribution, three of them among
// the results' own fields where summary is not nil.
func times(key, title string, dist func(*result.Detail) *result.Dist, summary func(*result.Summary) (mean, median, p99 *float64)) []Info {
	var out []Info
	for _, stat := range []struct {
		name string
		of   func(*result.Dist) float64
		own  func(*result.Summary) *float64
	}{
		{"mean", func(d *result.Dist) float64 { return d.Mean }, func(r *result.Summary) *float64 { v, _, _ := summary(r); return v }},
		{"median", func(d *result.Dist) float64 { return d.Median }, func(r *result.Summary) *float64 { _, v, _ := summary(r); return v }},
		{"p90", func(d *result.Dist) float64 { return d.P90 }, nil},
		{"p95", func(d *result.Dist) float64 { return d.P95 }, nil},
		{"p99", func(d *result.Dist) float64 { return d.P99 }, func(r *result.Summary) *float64 { _, _, v := summary(r); return v }},
		{"std", func(d *result.Dist) float64 { return d.Std }, nil},
	} {
		info := Info{Key: Key(key + "_" + stat.name + "_ms"), Title: title + " " + stat.name, Unit: unitMs, Better: Lower, Decimals: 2}
		if summary != nil && stat.own != nil {
			info.Of = of(stat.own)
		} else {
			info.InDetail = true
			info.Of = inDetail(func(d *result.Detail) *float64 { return milliseconds(dist(d), stat.of) })
		}
		out = append(out, info)
	}
	return out
}

// others are those that are no times.
var others = []Info{
	{OutputThroughput, "Output throughput", unitTokS, Higher, 2, of(func(r *result.Summary) *float64 { return r.OutputThroughput }), false},
	{RequestThroughput, "Request throughput", unitReqS, Higher, 4, of(func(r *result.Summary) *float64 { return r.RequestThroughput }), false},
	{TotalThroughput, "Total throughput", unitTokS, Higher, 2, of(func(r *result.Summary) *float64 { return r.TotalThroughput }), false},
	{InputThroughput, "Input throughput", unitTokS, Higher, 2, nil, false},
	{PeakThroughput, "Peak output throughput", unitTokS, Higher, 2, of(func(r *result.Summary) *float64 { return r.PeakOutputThroughput }), false},
	{PerUser, "Per-user throughput", unitTokS, Higher, 2, perUser, true},
	{Goodput, "Goodput", unitReqS, Higher, 4, inDetail(func(d *result.Detail) *float64 { return d.Goodput }), true},
	{PP, "PP (input / mean TTFT)", unitTokS, Higher, 1, of(func(r *result.Summary) *float64 { return r.PPSpeed }), false},
	{PPMedian, "PP (input / median TTFT)", unitTokS, Higher, 1, inDetail(func(d *result.Detail) *float64 { return d.PPMedian }), true},
	{TG, "TG (1000 / mean TPOT)", unitTokS, Higher, 1, of(func(r *result.Summary) *float64 { return r.TGSpeed }), false},
	{EnginePrefill, "Engine prefill", unitTokS, Higher, 1, inDetail(func(d *result.Detail) *float64 { return d.EnginePrefill }), true},
	{DecodeRate, "Decode throughput", unitTokS, Higher, 2, nil, false},
	{Duration, "Duration", unitS, Lower, 2, of(func(r *result.Summary) *float64 { return r.DurationS }), false},
	{InputTokens, "Input tokens", unitTokens, Neither, 0, nil, false},
	{OutputTokens, "Output tokens", unitTokens, Neither, 0, nil, false},
	{PeakConcurrent, "Peak concurrency", unitReq, Neither, 0, nil, false},
	{ReusedTokens, "Reused tokens", unitTokens, Neither, 0, nil, false},
	{AcceptLength, "Accept length", unitTokens, Higher, 2, inDetail(func(d *result.Detail) *float64 { return d.Speculation.MeanLength() }), true},
	{AcceptRate, "Drafts accepted", "%", Higher, 1, inDetail(func(d *result.Detail) *float64 { return percent(d.Speculation.Acceptance()) }), true},
	{OverheadRatio, "Overhead ratio", "", Lower, 4, inDetail(func(d *result.Detail) *float64 { return d.OverheadRatio }), true},
	{DecodeShare, "Decode, share of the limit", "%", Higher, 1, nil, false},
	{PrefillShare, "Prefill, share of the limit", "%", Higher, 1, nil, false},
	{FailedShare, "Failed requests", "%", Lower, 2, nil, false},
	{ServerPromptMean, "Server's prompt time mean", unitMs, Lower, 2, nil, false},
	{ServerDecodeMean, "Server's decode time mean", unitMs, Lower, 2, nil, false},
	{ServerWaitMean, "Server's wait mean", unitMs, Lower, 2, nil, false},
	{MeanPower, "Mean power", "W", Neither, 1, nil, false},
	{EnergyPerToken, "Energy per output token", "J/tok", Lower, 4, nil, false},
}

// infoIndex finds a metric in infos.
var infoIndex = func() map[Key]int {
	index := make(map[Key]int, len(infos))
	for i, info := range infos {
		index[info.Key] = i
	}
	return index
}()

// percent is a share in percent; nil for nil.
func percent(share *float64) *float64 {
	if share == nil {
		return nil
	}
	v := 100 * *share
	return &v
}

// of takes a metric out of a result's fields.
func of(field func(*result.Summary) *float64) func(*result.Summary, *result.Detail) *float64 {
	return func(r *result.Summary, _ *result.Detail) *float64 { return field(r) }
}

// inDetail takes a metric out of what stands beside a result.
func inDetail(field func(*result.Detail) *float64) func(*result.Summary, *result.Detail) *float64 {
	return func(_ *result.Summary, d *result.Detail) *float64 {
		if d == nil {
			return nil
		}
		return field(d)
	}
}

// milliseconds is a figure of a distribution in seconds.
func milliseconds(d *result.Dist, figure func(*result.Dist) float64) *float64 {
	if d == nil || d.Count == 0 {
		return nil
	}
	ms := 1000 * figure(d)
	return &ms
}

// perUser is output throughput / concurrency; the reference's files have no field
// for it.
func perUser(r *result.Summary, d *result.Detail) *float64 {
	if r != nil && r.OutputThroughput != nil && r.Concurrency > 0 {
		v := *r.OutputThroughput / float64(r.Concurrency)
		return &v
	}
	if d != nil {
		return d.PerUser
	}
	return nil
}
