package prose

// place is how a phrase names scenarios.
type place int

const (
	noPlace       place = iota
	ownPlace            // here, this scenario
	previousPlace       // the scaling point below
	sweetPlace          // the sweet spot
	peakPlace           // the point of the highest output
	alonePlace          // one request at a time
)

// figureWords name metrics. Where a phrase is used for several, all are
// listed, the first being what it stands for without a number.
var figureWords = []struct {
	metrics []Metric
	stat    Stat // that the phrase names too, "" for most
	phrases string
}{
	{[]Metric{TTFT}, "", `ttft|time to first token|time to the first token|first token time|first token latency|
		first token|first token delay|first token wait|wait for the first token|wait for a first token|wait for first token|
		wait for their first token|wait for its first token|initial latency|ttft latency|first token waiting time|time before the first token`},
	{[]Metric{TPOT}, "", `tpot|time per output token|time per token|per token time|per token latency|token time|decode latency|
		per output token latency|per token decode latency|time for each token|each token take|a token take|token take|decode time per token|
		decoding pace|decode pace|pace of decoding|pace of the stream|pace of a stream|tpot latency`},
	{[]Metric{ITL}, "", `itl|inter token latency|inter token gap|gap between token|gap between two token|token gap|
		inter token time|token spacing|time between token|time between two token|gap in the stream|itl gap|inter token interval`},
	{[]Metric{ITL}, Median, `median gap|gap at the median|the usual gap`},
	{[]Metric{ITL}, P99, `one gap in a hundred|every hundredth token|every hundredth gap|one gap of a hundred|longest gap in a hundred`},
	{[]Metric{ITL}, Mean, `mean gap|average gap`},
	{[]Metric{E2EL}, "", `e2el|end to end latency|request duration|duration of a request|request time|
		request mean|request average|request mean duration|request mean time|request average duration|time of a request|a request take|each request take|request latency|whole request|
		a request last|request take|mean request|time of the request|time of each request`},
	{[]Metric{QueueTime}, "", `queue time|queueing time|queuing time|time in the queue|queue wait`},
	{[]Metric{PrefillTime}, "", `prefill time|prefill latency|time of prefill`},
	{[]Metric{DecodeTime}, "", `decode time|decoding time|time spent decoding`},
	{[]Metric{Output}, "", `output throughput|throughput|output|output rate|aggregate throughput|aggregate output|
		aggregate output throughput|system throughput|overall throughput|output token throughput|batch deliver|
		combined output|output speed|user share|user together get|all user get|user get together|throughput of all user`},
	{[]Metric{PerUser}, "", `user get|user has|user have|user receive|user sees|user is left with|user is leave with|lone user get|single user get|
		each of them|for each of them|each user`},
	{[]Metric{PerUser, StreamRate}, "", `stream get|per stream`},
	{[]Metric{PerUser}, "", `per user throughput|per user output|per user output throughput|per user|per user rate|
		throughput per user|output per user|output throughput per user|tok s per user|per user speed|throughput of each user|their throughput|their output|user throughput|user rate|user output|what one user get|what a user get`},
	{[]Metric{PeakOutput, Output}, "", `peak throughput|peak output|peak output throughput|peak rate|peak second|
		fullest second|peak output rate|busiest second|peak|best second`},
	{[]Metric{Total}, "", `total throughput|total token throughput|total rate|total token rate|combined throughput|
		input and output throughput|overall token throughput`},
	{[]Metric{PP}, "", `pp|prefill speed|prefill rate|prefill throughput|derived prefill speed|derived prefill rate|
		prompt processing speed|prompt processing rate|prefill pp|prefill speed pp`},
	{[]Metric{TG}, "", `tg|decode speed|decoding speed|decode rate|decoding rate|derived decode speed|derived decode rate|
		token generation speed|token generation rate|generation speed|generation rate|decode throughput|decode rate tg|decode speed tg`},
	{[]Metric{EnginePrefill}, "", `engine prefill rate|engine prefill speed|engine prefill|prompt go in at|prompt goes in at`},
	{[]Metric{FullDecode}, "", `undisturbed decoding|undisturbed stream|full decode|full decode rate|undisturbed decode rate`},
	{[]Metric{StreamRate}, "", `stream rate|rate of a stream|rate of the stream|speed of a stream|stream still get`},
	{[]Metric{StreamRate}, P99, `slow stream get|slowest stream get|slow stream still get|slow stream run at`},
	{[]Metric{RequestRate}, "", `request throughput|request rate|request per second`},
	{[]Metric{Concurrency}, "", `concurrency|concurrency level|level of concurrency|concurrency setting`},
	{[]Metric{InFlight}, "", `request in flight|in flight|average in flight|slot in use`},
	{[]Metric{RunTime}, "", `duration|run time|duration of the run|duration of the scenario|the scenario take|the run take|measured duration`},
	{[]Metric{ReusedTokens}, "", `reused prompt token|reused token|token reused|cached prompt token|cached token`},
	{[]Metric{PromptTokens}, "", `all prompt token|prompt token`},
	{[]Metric{InputLen}, "", `input token|input length|prompt length of|tokens of input|token in`},
	{[]Metric{InputLen}, Longest, `longest input token|longest prompt|longest input`},
	{[]Metric{OutputLen}, "", `output token|output length|tokens of output|token out`},
	{[]Metric{Overhead}, "", `overhead ratio`},
	{[]Metric{Proportional}, "", `proportional growth|proportional|linear growth|proportional scaling|linear scaling`},
}

// countWords say what the number before them counts.
var countWords = map[string][]Metric{
	"prompt":   {Prompts, Requests},
	"request":  {Requests, Prompts, InFlight},
	"slot":     {Concurrency},
	"user":     {Concurrency},
	"stream":   {Concurrency},
	"client":   {Concurrency},
	"sequence": {Concurrency},
	"token":    {InputLen, OutputLen, TTFT},
	"scenario": {Scenarios},
	"s":        {RunTime},
}

// together are words after "N requests" that make N a concurrency.
const together = `in flight|at once|at a time|in parallel|at the same time|together`

// statWords name statistics.
var statWords = []struct {
	stat    Stat
	wide    bool // it counts for its whole clause: "half of the requests ..."
	phrases string
}{
	{Mean, false, `mean|average|avg|on average|in the mean|at the mean|at mean|mean value|average value|the average request|averages|in average`},
	{Median, false, `median|at the median|50th percentile|p50|median value`},
	{Median, true, `half of the request|half of all request|half the request|half of the user|half of user|typical request|half of request|
		every second request|typical wait`},
	{P99, false, `p99|99th percentile|at p99|at the p99|p99 value|p99 tail|tail at p99|
		at the tail|worst case|slow end`},
	{P99, true, `one in a hundred|one request in a hundred|every hundredth|slowest request|slowest of a hundred|
		the slowest one in a hundred|nearly all request|slowest request of a hundred|slowest request in a hundred|one request of a hundred|every hundredth request|almost all request`},
	{Failed, false, `failed|fail`},
	{Longest, false, `longest prompt`},
	{Limit, false, `limit of twice the lowest|twice the curve lowest`},
}

// sceneWords name scenarios by what they are.
var sceneWords = []struct {
	place   place
	phrases string
}{
	{ownPlace, `here|this scenario|this point|this setting|this load|this concurrency|this level|this concurrency level|this configuration|the scenario|this test|this workload`},
	{previousPlace, `previous point|point before|point below|scaling point below|previous concurrency|previous level|step before|
		previous step|level below|scenario before|previous scenario|previous setting|half the concurrency|previous scaling point|concurrency before|previous one`},
	{sweetPlace, `sweet spot|interactive sweet spot|interactive optimum|sweet spot of the curve|sweet spot of the run|curve sweet spot`},
	{peakPlace, `peak point|peak setting|point of the highest output|throughput optimum|peak of the curve|curve peak`},
	{alonePlace, `one request at a time|single request|single stream|lone user|single user|request alone|one request alone|
		lone request|alone|one user|one stream|a single request at a time|one at a time|a request on its own`},
}

func (l *lexicon) addMetrics() {
	for _, w := range figureWords {
		l.add(entry{class: aMetric, metrics: w.metrics, stat: w.stat}, w.phrases)
	}
	for _, w := range statWords {
		l.add(entry{class: aStat, stat: w.stat, wide: w.wide}, w.phrases)
	}
	for _, w := range sceneWords {
		l.add(entry{class: aScene, place: w.place}, w.phrases)
	}
	l.add(entry{class: aGlue}, together)
}
