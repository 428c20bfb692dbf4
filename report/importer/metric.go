package importer

import "strconv"

// Metric names a figure, its unit at the end.
type Metric string

// Metrics that a load can have.
const (
	TTFTMean   Metric = "ttft_mean_ms"
	TTFTMedian Metric = "ttft_median_ms"
	TTFTP90    Metric = "ttft_p90_ms"
	TTFTP95    Metric = "ttft_p95_ms"
	TTFTP99    Metric = "ttft_p99_ms"
	TTFTStd    Metric = "ttft_std_ms"
	TPOTMean   Metric = "tpot_mean_ms"
	TPOTMedian Metric = "tpot_median_ms"
	TPOTP90    Metric = "tpot_p90_ms"
	TPOTP95    Metric = "tpot_p95_ms"
	TPOTP99    Metric = "tpot_p99_ms"
	TPOTStd    Metric = "tpot_std_ms"
	ITLMean    Metric = "itl_mean_ms"
	ITLMedian  Metric = "itl_median_ms"
	ITLP90     Metric = "itl_p90_ms"
	ITLP95     Metric = "itl_p95_ms"
	ITLP99     Metric = "itl_p99_ms"
	ITLStd     Metric = "itl_std_ms"
	E2ELMean   Metric = "e2el_mean_ms"
	E2ELMedian Metric = "e2el_median_ms"
	E2ELP90    Metric = "e2el_p90_ms"
	E2ELP95    Metric = "e2el_p95_ms"
	E2ELP99    Metric = "e2el_p99_ms"
	E2ELStd    Metric = "e2el_std_ms"

	// PerTokenMean is (last token − start)/n, TTFT included: GuideLLM's "time
	// per output token", which is no TPOT. Ours has none.
	PerTokenMean Metric = "time_per_output_token_mean_ms"

	QueueMean   Metric = "queue_mean_ms" // start − intended start
	QueueP99    Metric = "queue_p99_ms"
	WaitMean    Metric = "wait_mean_ms"    // first engine call − start
	PrefillMean Metric = "prefill_mean_ms" // first token − first engine call

	RequestThroughput Metric = "request_throughput_req_s"
	OutputThroughput  Metric = "output_throughput_tok_s"
	TotalThroughput   Metric = "total_throughput_tok_s"
	InputThroughput   Metric = "input_throughput_tok_s"
	PeakThroughput    Metric = "peak_output_throughput_tok_s"
	PerUser           Metric = "per_user_throughput_tok_s" // output throughput / concurrency
	Goodput           Metric = "goodput_req_s"

	PP            Metric = "pp_tok_s"        // input / mean TTFT
	PPMedian      Metric = "pp_median_tok_s" // input / median TTFT
	TG            Metric = "tg_tok_s"        // 1000 / mean TPOT
	EnginePrefill Metric = "engine_prefill_tok_s"
	DecodeRate    Metric = "decode_throughput_tok_s" // of all streams, prefill left out

	Duration       Metric = "duration_s"
	InputTokens    Metric = "total_input_tokens"
	OutputTokens   Metric = "total_output_tokens"
	PeakConcurrent Metric = "peak_concurrent_requests"
	ReusedTokens   Metric = "reused_tokens"
	AcceptLength   Metric = "accept_length_tokens" // tokens per step of speculative decoding
	OverheadRatio  Metric = "overhead_ratio"

	// DecodeShare and PrefillShare are the percentage of the machine's limit that
	// was reached.
	DecodeShare  Metric = "decode_limit_share_percent"
	PrefillShare Metric = "prefill_limit_share_percent"

	// FailedShare is the percentage of requests that failed. No load has it as
	// a value: it follows from the counts.
	FailedShare Metric = "failed_percent"

	// The server's own figures of a run of ours through it.
	ServerPromptMean Metric = "server_prompt_mean_ms" // its time for the prompt
	ServerDecodeMean Metric = "server_decode_mean_ms" // its time for the output
	ServerWaitMean   Metric = "server_wait_mean_ms"   // TTFT − its time for the prompt

	MeanPower      Metric = "mean_power_w"
	EnergyPerToken Metric = "energy_j_per_output_token"
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
	Metric   Metric
	Title    string // "TTFT mean"
	Unit     string // "ms"; "" for a ratio
	Better   Better
	Decimals int // printed
}

// Format prints a value of the metric with its decimals, without the unit.
func (i Info) Format(v float64) string { return strconv.FormatFloat(v, 'f', i.Decimals, 64) }

// Metrics lists every metric, in the order in which tables show them.
func Metrics() []Info { return append([]Info(nil), infos...) }

// Info describes m; for a metric that is not in the table only its name is
// set.
func (m Metric) Info() Info {
	if i, ok := infoIndex[m]; ok {
		return infos[i]
	}
	return Info{Metric: m, Title: string(m), Decimals: 2}
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
	{TTFTMean, "TTFT mean", unitMs, Lower, 2},
	{TTFTMedian, "TTFT median", unitMs, Lower, 2},
	{TTFTP90, "TTFT p90", unitMs, Lower, 2},
	{TTFTP95, "TTFT p95", unitMs, Lower, 2},
	{TTFTP99, "TTFT p99", unitMs, Lower, 2},
	{TTFTStd, "TTFT std", unitMs, Lower, 2},
	{TPOTMean, "TPOT mean", unitMs, Lower, 2},
	{TPOTMedian, "TPOT median", unitMs, Lower, 2},
	{TPOTP90, "TPOT p90", unitMs, Lower, 2},
	{TPOTP95, "TPOT p95", unitMs, Lower, 2},
	{TPOTP99, "TPOT p99", unitMs, Lower, 2},
	{TPOTStd, "TPOT std", unitMs, Lower, 2},
	{ITLMean, "ITL mean", unitMs, Lower, 2},
	{ITLMedian, "ITL median", unitMs, Lower, 2},
	{ITLP90, "ITL p90", unitMs, Lower, 2},
	{ITLP95, "ITL p95", unitMs, Lower, 2},
	{ITLP99, "ITL p99", unitMs, Lower, 2},
	{ITLStd, "ITL std", unitMs, Lower, 2},
	{E2ELMean, "E2EL mean", unitMs, Lower, 2},
	{E2ELMedian, "E2EL median", unitMs, Lower, 2},
	{E2ELP90, "E2EL p90", unitMs, Lower, 2},
	{E2ELP95, "E2EL p95", unitMs, Lower, 2},
	{E2ELP99, "E2EL p99", unitMs, Lower, 2},
	{E2ELStd, "E2EL std", unitMs, Lower, 2},
	{PerTokenMean, "E2EL per token mean", unitMs, Lower, 2},
	{QueueMean, "Queue mean", unitMs, Lower, 2},
	{QueueP99, "Queue p99", unitMs, Lower, 2},
	{WaitMean, "Wait mean", unitMs, Lower, 2},
	{PrefillMean, "Prefill mean", unitMs, Lower, 2},
	{OutputThroughput, "Output throughput", unitTokS, Higher, 2},
	{RequestThroughput, "Request throughput", unitReqS, Higher, 4},
	{TotalThroughput, "Total throughput", unitTokS, Higher, 2},
	{InputThroughput, "Input throughput", unitTokS, Higher, 2},
	{PeakThroughput, "Peak output throughput", unitTokS, Higher, 2},
	{PerUser, "Per-user throughput", unitTokS, Higher, 2},
	{Goodput, "Goodput", unitReqS, Higher, 4},
	{PP, "PP (input / mean TTFT)", unitTokS, Higher, 1},
	{PPMedian, "PP (input / median TTFT)", unitTokS, Higher, 1},
	{TG, "TG (1000 / mean TPOT)", unitTokS, Higher, 1},
	{EnginePrefill, "Engine prefill", unitTokS, Higher, 1},
	{DecodeRate, "Decode throughput", unitTokS, Higher, 2},
	{Duration, "Duration", unitS, Lower, 2},
	{InputTokens, "Input tokens", unitTokens, Neither, 0},
	{OutputTokens, "Output tokens", unitTokens, Neither, 0},
	{PeakConcurrent, "Peak concurrency", unitReq, Neither, 0},
	{ReusedTokens, "Reused tokens", unitTokens, Neither, 0},
	{AcceptLength, "Accept length", unitTokens, Higher, 2},
	{OverheadRatio, "Overhead ratio", "", Lower, 4},
	{DecodeShare, "Decode, share of the limit", "%", Higher, 1},
	{PrefillShare, "Prefill, share of the limit", "%", Higher, 1},
	{FailedShare, "Failed requests", "%", Lower, 2},
	{ServerPromptMean, "Server's prompt time mean", unitMs, Lower, 2},
	{ServerDecodeMean, "Server's decode time mean", unitMs, Lower, 2},
	{ServerWaitMean, "Server's wait mean", unitMs, Lower, 2},
	{MeanPower, "Mean power", "W", Neither, 1},
	{EnergyPerToken, "Energy per output token", "J/tok", Lower, 4},
}

// infoIndex finds a metric in infos.
var infoIndex = func() map[Metric]int {
	index := make(map[Metric]int, len(infos))
	for i, info := range infos {
		index[info.Metric] = i
	}
	return index
}()
