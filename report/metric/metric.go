// Package metric is the one table of what is measured: a name, a title, a unit,
// which way is better, how many decimals are printed, and where it stands in
// the results of this program.
package metric

import (
	"strconv"

	"ceiling/bench/result"
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
	AcceptLength   Key = "accept_length_tokens" // tokens per step of speculative decoding
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
}

// Format prints a value of the metric with its decimals, without the unit.
func (i Info) Format(v float64) string { return strconv.FormatFloat(v, 'f', i.Decimals, 64) }

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

var infos = []Info{
	{TTFTMean, "TTFT mean", unitMs, Lower, 2, of(func(r *result.Summary) *float64 { return r.TTFTMeanMs })},
	{TTFTMedian, "TTFT median", unitMs, Lower, 2, of(func(r *result.Summary) *float64 { return r.TTFTMedianMs })},
	{TTFTP90, "TTFT p90", unitMs, Lower, 2, nil},
	{TTFTP95, "TTFT p95", unitMs, Lower, 2, nil},
	{TTFTP99, "TTFT p99", unitMs, Lower, 2, of(func(r *result.Summary) *float64 { return r.TTFTP99Ms })},
	{TTFTStd, "TTFT std", unitMs, Lower, 2, nil},
	{TPOTMean, "TPOT mean", unitMs, Lower, 2, of(func(r *result.Summary) *float64 { return r.TPOTMeanMs })},
	{TPOTMedian, "TPOT median", unitMs, Lower, 2, of(func(r *result.Summary) *float64 { return r.TPOTMedianMs })},
	{TPOTP90, "TPOT p90", unitMs, Lower, 2, nil},
	{TPOTP95, "TPOT p95", unitMs, Lower, 2, nil},
	{TPOTP99, "TPOT p99", unitMs, Lower, 2, of(func(r *result.Summary) *float64 { return r.TPOTP99Ms })},
	{TPOTStd, "TPOT std", unitMs, Lower, 2, nil},
	{ITLMean, "ITL mean", unitMs, Lower, 2, of(func(r *result.Summary) *float64 { return r.ITLMeanMs })},
	{ITLMedian, "ITL median", unitMs, Lower, 2, of(func(r *result.Summary) *float64 { return r.ITLMedianMs })},
	{ITLP90, "ITL p90", unitMs, Lower, 2, nil},
	{ITLP95, "ITL p95", unitMs, Lower, 2, nil},
	{ITLP99, "ITL p99", unitMs, Lower, 2, of(func(r *result.Summary) *float64 { return r.ITLP99Ms })},
	{ITLStd, "ITL std", unitMs, Lower, 2, nil},
	{E2ELMean, "E2EL mean", unitMs, Lower, 2, inDetail(func(d *result.Detail) *float64 { return milliseconds(d.E2EL) })},
	{E2ELMedian, "E2EL median", unitMs, Lower, 2, nil},
	{E2ELP90, "E2EL p90", unitMs, Lower, 2, nil},
	{E2ELP95, "E2EL p95", unitMs, Lower, 2, nil},
	{E2ELP99, "E2EL p99", unitMs, Lower, 2, nil},
	{E2ELStd, "E2EL std", unitMs, Lower, 2, nil},
	{PerTokenMean, "E2EL per token mean", unitMs, Lower, 2, nil},
	{QueueMean, "Queue mean", unitMs, Lower, 2, nil},
	{QueueP99, "Queue p99", unitMs, Lower, 2, nil},
	{WaitMean, "Wait mean", unitMs, Lower, 2, nil},
	{PrefillMean, "Prefill mean", unitMs, Lower, 2, nil},
	{OutputThroughput, "Output throughput", unitTokS, Higher, 2, of(func(r *result.Summary) *float64 { return r.OutputThroughput })},
	{RequestThroughput, "Request throughput", unitReqS, Higher, 4, of(func(r *result.Summary) *float64 { return r.RequestThroughput })},
	{TotalThroughput, "Total throughput", unitTokS, Higher, 2, of(func(r *result.Summary) *float64 { return r.TotalThroughput })},
	{InputThroughput, "Input throughput", unitTokS, Higher, 2, nil},
	{PeakThroughput, "Peak output throughput", unitTokS, Higher, 2, of(func(r *result.Summary) *float64 { return r.PeakOutputThroughput })},
	{PerUser, "Per-user throughput", unitTokS, Higher, 2, inDetail(func(d *result.Detail) *float64 { return d.PerUser })},
	{Goodput, "Goodput", unitReqS, Higher, 4, inDetail(func(d *result.Detail) *float64 { return d.Goodput })},
	{PP, "PP (input / mean TTFT)", unitTokS, Higher, 1, of(func(r *result.Summary) *float64 { return r.PPSpeed })},
	{PPMedian, "PP (input / median TTFT)", unitTokS, Higher, 1, inDetail(func(d *result.Detail) *float64 { return d.PPMedian })},
	{TG, "TG (1000 / mean TPOT)", unitTokS, Higher, 1, of(func(r *result.Summary) *float64 { return r.TGSpeed })},
	{EnginePrefill, "Engine prefill", unitTokS, Higher, 1, inDetail(func(d *result.Detail) *float64 { return d.EnginePrefill })},
	{DecodeRate, "Decode throughput", unitTokS, Higher, 2, nil},
	{Duration, "Duration", unitS, Lower, 2, of(func(r *result.Summary) *float64 { return r.DurationS })},
	{InputTokens, "Input tokens", unitTokens, Neither, 0, nil},
	{OutputTokens, "Output tokens", unitTokens, Neither, 0, nil},
	{PeakConcurrent, "Peak concurrency", unitReq, Neither, 0, nil},
	{ReusedTokens, "Reused tokens", unitTokens, Neither, 0, nil},
	{AcceptLength, "Accept length", unitTokens, Higher, 2, nil},
	{OverheadRatio, "Overhead ratio", "", Lower, 4, inDetail(func(d *result.Detail) *float64 { return d.OverheadRatio })},
	{DecodeShare, "Decode, share of the limit", "%", Higher, 1, nil},
	{PrefillShare, "Prefill, share of the limit", "%", Higher, 1, nil},
	{FailedShare, "Failed requests", "%", Lower, 2, nil},
	{ServerPromptMean, "Server's prompt time mean", unitMs, Lower, 2, nil},
	{ServerDecodeMean, "Server's decode time mean", unitMs, Lower, 2, nil},
	{ServerWaitMean, "Server's wait mean", unitMs, Lower, 2, nil},
	{MeanPower, "Mean power", "W", Neither, 1, nil},
	{EnergyPerToken, "Energy per output token", "J/tok", Lower, 4, nil},
}

// infoIndex finds a metric in infos.
var infoIndex = func() map[Key]int {
	index := make(map[Key]int, len(infos))
	for i, info := range infos {
		index[info.Key] = i
	}
	return index
}()

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

// milliseconds is the mean of a distribution in seconds.
func milliseconds(d *result.Dist) *float64 {
	if d == nil {
		return nil
	}
	ms := 1000 * d.Mean
	return &ms
}
