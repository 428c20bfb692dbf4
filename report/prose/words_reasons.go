package prose

// reason is a cause that evidence may carry.
type reason int

const (
	noReason      reason = iota
	queueReason          // waiting for a turn
	prefillReason        // the prompt's own prefill
	decodeReason
	othersReason   // other requests' prompts between decode steps
	sharingReason  // several requests share the device, each step
	cacheReason    // prompts served from a cache
	waveReason     // all requests start together and none follows
	fewReason      // too few requests for the statistic
	lengthReason   // longer or shorter prompts than elsewhere
	countsReason   // what the metric counts by definition
	failureReason  // requests that failed
	mixReason      // prompts of different lengths
	aloneReason    // one request at a time: nothing queues
	minorityReason // slow requests pull the mean
)

// reasonWords are the causes that measurements can carry. Each is held
// against the evidence wherever it stands.
var reasonWords = []struct {
	reason  reason
	phrases string
}{
	{othersReason, `other request prompt|other request's prompt|prompt of other request|prefill of other prompt|prefill of other request|other prompt prefill|
		other prompt|other request prefill|prompt of others|interrupted by the prefill of other prompt|carry other request prompt|also carry other request prompt|
		interleaved prefill|prefill work of other request|prefill of another request|prefill step of other request|prefill of new request|
		decode step that also carry other request prompt|prefill and decode sharing step|mixed prefill and decode step|prompt of new request`},
	{sharingReason, `batching|sharing the device|shared step|more sequence per step|more request share each step|more sequence share each step|more request share each decode step|
		more sequence in each step|sharing|larger batch per step|more stream share each step|more stream share the device|the batch|batching more sequence per step|request share the device|
		more token per step|more request share the engine|each step serve more request|each step carries more sequence|each step carry more sequence|request share each step`},
	{cacheReason, `cache|prefix cache|warm cache|cached prompt|prompt cache|caching|kv cache reuse|came from a warm cache|cache hit|cached prefix|reuse|prefix caching`},
	{waveReason, `one burst|single burst|all request start together|all prompt start together|single wave|one wave|start together|all start together|none follow|burst of request`},
	{fewReason, `few request|too few request|only few request|small sample|few prompt|small number of request|tiny sample|limited sample|few sample|so few request|sample is small`},
	{lengthReason, `longer prompt|long prompt|prompt length|prompts are longer|prompts are much longer|shorter prompt|short prompt|its prompt are longer|length of the prompt|
		prompts are shorter|more input token|long input|longer input|long context|longer context`},
	{countsReason, `counts the prompt token|counts the prompt token too|counts prompt token too|includes the prompt token too|count the prompt token|count prompt token|includes the prompt token|include the prompt|include input token|includes the input|
		counts input token|counts the input token|input and output|contains the prompt|include prompt|prompt token too|counts both|includes both`},
	{failureReason, `failed request|request that failed|failure`},
	{mixReason, `prompt of different length|different prompt length|variable prompt length|varying prompt length|mixed length|length vary|mixed prompt length|
		varying length|different length|variable request size|prompt size vary|variable prompt size`},
	{aloneReason, `no other request|no batching|nothing to wait for|nothing queues|nothing else runs`},
	{minorityReason, `slow request pull the mean|slow request lift the mean|pull the average up|pulls the mean up|pull up the mean|lift the mean|pulls the average up|dominate the average|
		pull up the average|lift the average|drag the mean up|drag up the mean|push up the mean|raise the mean|raise the average|pull the mean|pull the average|push the mean|push the average|make the mean|make the average|drag the average up|weigh on the mean|weigh on the average|inflate the mean|inflate the average|distort the mean`},
}

// alienWords are causes outside everything that a run measures. With the
// words below them they only serve a clearer message: any word that is not in
// the vocabulary is refused.
const alienWords = `with or without|thermal throttling|throttling|thermal|temperature|memory bandwidth|bandwidth|memory|network|network congestion|cache miss|pcie|numa|kernel|kernel launch|
	scheduler|scheduling|garbage collection|gc|xgmi|nvlink|interconnect|quantisation|quantization|contention|memory contention|gpu memory|shared gpu memory contention|
	driver|firmware|compiler|power limit|clock|power|interference|noise|operating system|context switch|disk|storage|swap|paging|fragmentation|allocation|memory allocation|
	lock contention|lock|thread|threading|synchronization|synchronisation|communication|tensor parallel|parallelism|compute bound|memory bound|gpu|cpu|gpus|cores|hardware|
	device limit|backend|framework|vllm|rocm|cuda|tokenizer|tokenization|sampling|attention|load imbalance|imbalance|bug|warmup|warm up|cold start|initialization|
	startup|background|oversubscription|resource|resources|resource contention|pressure|thrashing|latency hiding|speculative decoding|flash attention|weights|model size|
	model architecture|architecture|arithmetic intensity|compute|utilization limit|load balancing|load balancer|server|client|connection|io|i o|bus|transfer|transfers|
	pcie transfer|numa effect|effects|congestion`

const (
	becauseWords = `because|because of|due to|caused by|cause by|as a result of|thanks to|driven by|owing to|since|as|result from|stem from|come from|comes from|
		attributed to|attributable to|explained by|on account of|arises from|arise from|result of|consequence of|brought by|tied to|linked to|for the reason that|by virtue of|likely due to|the reason is|reason|reasons|the cause is|created by|from the fact`
	henceWords = `consistent with|hint at|hints at|point to|points to|suggest|so|so that|therefore|thus|hence|indicating|indicate|suggesting|implying|imply|reflect|reflecting|mean that|means that|which mean|which means|show|showing|shows|
		which show|confirming|confirm|reveal|revealing|demonstrate|demonstrating|reinforcing|meaning|signal|signaling|highlight|highlighting|this means|as a result|consequently|
		exhibit|display|indicates|means|proving|prove|proof|which is why|making|evidence of|sign of|a sign of|evident|say that|tell|tells`
	drivesWords = `cause|causes|lead to|leads to|result in|results in|drive|drives|produce|trigger|contribute to|responsible for|create|creates|force|forces|bring about|introduce|
		is behind|explain|explains|induce|make for|give rise to|account for the`
)

func (l *lexicon) addReasons() {
	l.add(entry{class: anAlien}, alienWords)
	for _, w := range reasonWords {
		l.add(entry{class: aCause, reason: w.reason}, w.phrases)
	}
	l.add(entry{class: aBecause}, becauseWords)
	l.add(entry{class: aHence}, henceWords)
	l.add(entry{class: aDrives}, drivesWords)
}
