package prose

// phase is a part of a request's time, as the time split has them.
type phase int

const (
	noPhase phase = iota
	queuePhase
	prefillPhase
	decodePhase
	overheadPhase
	firstPhase // all before the first token: queue and prefill
)

// use is what a setting is recommended for.
type use int

const (
	noUse use = iota
	interactive
	batch
)

// claimWords are the words that compare, judge and weigh.
var claimWords = []struct {
	entry
	phrases string
}{
	// Comparatives. With bySpeed, up is fast; with byQuality, up is good.
	{entry{class: aMore, up: 1}, `>|higher|greater|larger|bigger|more|above|over|exceed|surpass|beyond|higher than|more than|in excess of|larger than|greater than|outweigh`},
	{entry{class: aMore, up: -1}, `<|lower|less|smaller|below|under|fewer|lower than|less than|fewer than|short of|behind`},
	{entry{class: aMore, up: 1, sense: bySpeed}, `faster|quicker|sooner|earlier`},
	{entry{class: aMore, up: -1, sense: bySpeed}, `slower|later|more slowly`},
	{entry{class: aMore, up: 1, sense: byQuality}, `better|superior|outperform`},
	{entry{class: aMore, up: -1, sense: byQuality}, `worse|poorer|inferior`},
	{entry{class: aMore, up: 1, sense: byTime}, `longer|more time`},
	{entry{class: aMore, up: -1, sense: byTime}, `shorter|less time`},
	{entry{class: aMore, up: 1, sense: byEvenness}, `steadier|more stable|tighter|more consistent|more predictable|more even|smoother|narrower|more uniform|more steady|less variable|calmer|flatter`},
	{entry{class: aMore, up: -1, sense: byEvenness}, `more variable|less stable|less predictable|wider|more uneven|less steady|less even|less consistent|more erratic|more volatile|rougher|noisier`},

	// Verbs of change.
	{entry{class: aMove, up: 1}, `rise|rises|rose|risen|increase|grow|grew|grown|raise|climb|go up|goes up|went up|gain|jump|scale|expand|up from|add|rising to|raising|boost|lift`},
	{entry{class: aMove, up: -1}, `fall|fell|fallen|drop|decrease|decline|reduce|lower|lowers|lowered|shrink|shrank|go down|goes down|went down|lose|lost|sink|sank|down from|cut|dip|diminish`},
	{entry{class: aMove, up: 1, sense: byQuality}, `improve|improvement`},
	{entry{class: aMove, up: -1, sense: byQuality}, `degrade|degradation|worsen|deteriorate|suffer|hurt|degrades|deterioration`},
	{entry{class: aMove, up: 1, sense: byTime}, `lengthen`},
	{entry{class: aMove, up: -1, sense: byTime}, `shorten`},
	{entry{class: aMove, up: 1, sense: bySpeed}, `speed up|accelerate`},
	{entry{class: aMove, up: -1, sense: bySpeed}, `slow down|slow|slowed`},
	{entry{class: aMove, up: 1, lo: 1.8, hi: 2.2}, `double|doubles|doubled|doubling`},
	{entry{class: aMove, up: 1, lo: 2.7, hi: 3.3}, `triple|triples|tripled`},
	{entry{class: aMove, up: 1, lo: 3.6, hi: 4.4}, `quadruple`},
	{entry{class: aMove, up: -1, lo: 1 / 2.2, hi: 1 / 1.8}, `halve|halves|halved`},

	// Equality.
	{entry{class: aSame}, `close to|close|similar|similar to|equal|equal to|the same|same as|identical|match|matches|align|aligned|track|mirror|
		in line with|on par with|near|nearly the same as|comparable|comparable to|about the same|lie together|lie close|close together|
		as fast as|as high as|as low as|as long as|equals|lies close to|unchanged|coincide|as large as|as much as|agree|alike|the same as`},

	// Factors.
	{entry{class: aFactor, lo: 1.8, hi: 2.2}, `twice|double the|twice as|two time|twofold|double that|double`},
	{entry{class: aFactor, lo: 2.7, hi: 3.3}, `three time|triple the|threefold|thrice`},
	{entry{class: aFactor, lo: 3.6, hi: 4.4}, `four time|fourfold|quadruple the`},
	{entry{class: aFactor, lo: 4.5, hi: 5.5}, `five time|fivefold`},
	{entry{class: aFactor, lo: 5.4, hi: 6.6}, `six time`},
	{entry{class: aFactor, lo: 6.3, hi: 7.7}, `seven time`},
	{entry{class: aFactor, lo: 7.2, hi: 8.8}, `eight time`},
	{entry{class: aFactor, lo: 8.1, hi: 9.9}, `nine time`},
	{entry{class: aFactor, lo: 9, hi: 11}, `ten time|tenfold|an order of magnitude|order of magnitude`},
	{entry{class: aFactor, lo: 90, hi: 110}, `hundred time|a hundred time|hundredfold`},
	{entry{class: aFactor, lo: 1 / 2.2, hi: 1 / 1.8}, `half|half of|half as`},
	{entry{class: aFactor, lo: 1 / 3.3, hi: 1 / 2.7}, `a third|a third of|one third|a third as`},
	{entry{class: aFactor, lo: 1 / 4.4, hi: 1 / 3.6}, `a quarter|a quarter of|one quarter`},
	{entry{class: aFactor, lo: 1 / 11.0, hi: 1 / 9.0}, `a tenth|a tenth of|one tenth`},

	// Superlatives.
	{entry{class: aTop, up: 1}, `highest|largest|greatest|maximum|most|biggest|peaks|peaks at|max|peaked|peaking`},
	{entry{class: aTop, up: -1}, `lowest|smallest|minimum|least|fewest|min`},
	{entry{class: aTop, up: 1, sense: bySpeed}, `fastest|quickest`},
	{entry{class: aTop, up: -1, sense: bySpeed}, `slowest`},
	{entry{class: aTop, up: 1, sense: byQuality}, `best`},
	{entry{class: aTop, up: -1, sense: byQuality}, `worst`},
	{entry{class: aTop, up: 1, sense: byTime}, `longest`},
	{entry{class: aTop, up: -1, sense: byTime}, `shortest`},

	// What a change goes along with.
	{entry{class: aTrend, up: 1}, `with concurrency|as concurrency increase|as concurrency grow|as concurrency rise|higher concurrency|more concurrency|
		increasing concurrency|raising concurrency|with load|as load increase|as load grow|as the load grow|with more user|with more request|with each step|
		along the curve|as more request run|more request in flight|more request at once|more concurrent request|more user|with rising concurrency|
		with the load|as the batch grow|with more stream|larger batch|a larger batch|with each doubling|rising concurrency|growing concurrency|
		more request|with every step|at higher level|at higher concurrency|greater concurrency|with the number of request|as the number of request grow|higher load|more load`},
	{entry{class: aTrend, up: -1}, `lower concurrency|less concurrency|fewer user|with fewer user|fewer concurrent request|at lower concurrency|fewer request in flight|lower load`},

	// Adverbs of a comparison.
	{entry{class: aDegree, lo: 1, hi: slightly}, `slightly|a little|marginally|somewhat|a bit|modestly|just|closely|just above|just below|moderately`},
	{entry{class: aDegree, lo: markedly}, `far|much|well|significantly|considerably|substantially|markedly|notably|noticeably|clearly|sharply|greatly|
		dramatically|strongly|vastly|a lot|many time|by far|distinctly|steeply|heavily`},

	// Evenness.
	{entry{class: aSteady}, `stable|steady|constant|constantly|steadily|consistent|consistently|predictable|predictably|tight|tightly|uniform|even|evenly|flat|regular|regularly|smooth|smoothly|
		stability|consistency|predictability|clustered|narrow|sustained|nearly flat|rhythm hold|keep its pace|at the same pace|reliable|the same pace|
		equally long|the same for all request|tightly clustered|homogeneous|within a tenth`},
	{entry{class: aVaried}, `variable|erratic|unstable|unsteady|inconsistent|unpredictable|uneven|unevenly|irregular|volatile|wide|widely|varies|vary|
		varied|fluctuate|fluctuation|bursty|jittery|scattered|unequal|pause|pauses|stall|stalls|stutter|hiccup|tail|tail latency|latency tail|tails|interruption|instability|
		interrupted|spike|spikes|spiky|swing|outlier|long wait|differ|depends on luck|broken rhythm|long pause|wander|inconsistency|unevenness|burst|bursts`},
	{entry{class: aSpread}, `variation|variability|variance|spread|gap|difference|jitter|dispersion|deviation|divergence|distance|differences|scatter|skewness|volatility`},
	{entry{class: aLittle}, `small|low|little|minimal|negligible|tiny|minor|no real|short|limited|modest|slight|light|thin`},
	{entry{class: aMuch}, `large|high|big|significant|heavy|severe|pronounced|considerable|substantial|strong|long|notable|great|extreme|major|huge|sharp|clear|vast|marked|steep|massive`},
	{entry{class: aMiddling}, `moderate|some|noticeable|mild|visible|certain|medium|measurable|of some`},
	{entry{class: aSkew}, `slow minority|minority|slow minority of request|minority of request|few slow request|a few request|some slow request|subset of request|skewed|skew|
		a few slow request|some request wait|a minority of request|small number of slow request|minority of slow request|handful of slow request|several slow request|slow request|
		a few long wait|few very slow request`},

	// The time split.
	{entry{class: aBound}, `bottleneck|limiting factor|dominate|dominates|dominant|dominated|dominated by|limited by|bound by|most of the time|
		the bulk of|majority of the time|largest part|larger part|biggest part|main part|mostly|mainly|most of a request|largest share|most of|
		make up most|primary bottleneck|main bottleneck|account for most|the larger part|the most time|determined by|constrained by|predominantly`},
	{entry{class: aPart, phase: queuePhase}, `queue|queueing|queuing|waiting for a slot|waiting for a turn|waiting in the queue|wait in the queue|the queue|queueing delay|queuing delay|is waiting|spent waiting|was waiting|
		waiting before the first step|waiting before the first step of a prompt|waiting for their turn|waiting before a prompt first step|their turn|its turn|a turn|queueing overhead|backlog`},
	{entry{class: aPart, phase: prefillPhase}, `prefill|prompt processing|prefilling|prefill phase|prefill stage|own prefill|processing the prompt|prefill of the prompt`},
	{entry{class: aPart, phase: decodePhase}, `decode|decoding|token generation|generation|decode phase|decoding phase|decode stage|generating token|generation phase|generating`},
	{entry{class: aPart, phase: overheadPhase}, `overhead|scheduling overhead|time outside the engine`},

	// Recommendations.
	{entry{class: aPurpose, use: interactive}, `interactive|interactive use|interactive ux|interactive traffic|interactive user|interactive work|interactive setting|chat|interactivity|
		interactive request|interactive session|latency sensitive|interactive load|interactive application|interactive workload|interactive service|real time use`},
	{entry{class: aPurpose, use: batch}, `batch work|batch job|offline work|batch and offline work|batch processing|offline job|batch traffic|batch use|offline|bulk work|
		batch request|batch workload|offline processing|throughput oriented work|batch load|batch user|offline use|throughput work`},
	{entry{class: anAdvice}, `use|run|cap|plan|repeat|avoid|monitor|watch|expect|keep|prefer|reserve|route|measure|set|choose|give|alert|consider|
		should|recommend|recommended|pick|take|budget|treat|separate|serve|stay at|stay with|compare|increase concurrency|reduce concurrency|lower the concurrency|raise concurrency|
		raise the concurrency|reduce the concurrency|decrease concurrency|must|need to|stop at|put|move|hold|do not promise|promise|check|test|rely on|relying on|
		increase the concurrency|lower concurrency if|add more prompt|more prompt|complete the run|go beyond|size|sizing|schedule|allocate|assign|dedicate|send`},

	{entry{class: aQuantifier}, `every|all|any|everyone|anyone|everything|anything|whichever|whatever|always|whoever`},
	{entry{class: aModal}, `would|will|could|might|may|can|if|unless|next|probably|perhaps|possibly|likely|expected to|tomorrow|soon`},
	{entry{class: aTotal}, `together|in total|in all|altogether|combined|jointly|in sum|overall|taken together|all told|for the batch|as a whole|for all user|of the whole batch`},

	{entry{class: aNegation}, `not|no|without|never|nor|neither|none|cannot|can't|don't|doesn't|isn't|aren't|free of|absent|nothing|hardly a|lack|absence of|nobody|won't|wasn't|free from|hardly|hardly any|scarcely|barely|rules out|rule out|rules it out`},
	{entry{class: aChat}, `i|we|you|your|our|my|me|us|sure|please|sorry|as an ai|language model|certainly|okay|ok|hello|thanks|thank|here is the|here are the|let's|let us|note that i|assistant|user asked|i'm|dear|hope|feel free|happy to|question|answer`},
}

// judgeWords praise or blame without a measure.
const judgeWords = `excellent|good|poor|bad|acceptable|unacceptable|efficient|efficiency|efficiently|optimal|optimum|ideal|impressive|great|robust|healthy|reasonable|
	fast|slow|quick|quickly|slowly|responsive|responsiveness|sluggish|theoretical|underutilized|underutilised|utilization|utilisation|inefficient|inefficiency|
	inefficiencies|effective|effectively|suitable|well suited|suited|adequate|satisfactory|strong|weak|decent|solid|remarkable|exceptional|exceptionally|extremely|perfect|
	problem|problematic|issue|concern|concerning|success|successful|successfully|competitive|superb|outstanding|terrible|fine|nice|well optimised|well optimized|optimised|optimized|
	saturated|saturation|overloaded|unusable|usable|prohibitive|elevated|normal|expected|unexpected|typical for|healthy|balanced|cheap|expensive|powerful|
	underutilised hardware|disappointing|promising|desirable|undesirable|tolerable|intolerable|worrying|critical|favorable|favourable|unfavorable|comfortable|ample|scalable|scalability|
	rapid|rapidly|swift|brisk|lackluster|mediocre|superlative|wasteful|waste|wasted|headroom|capacity is left|inherent|inherently|user friendly|feasible|viable|appropriate|beneficial|benefit|
	advantage|drawback|degraded|penalty|perform well|performs well|high performance|performant|capable|state of the art|congested|throttled|instantaneous|instant|immediate|noticeable delay|delay|delays|lag|laggy`

func (l *lexicon) addClaims() {
	l.add(entry{class: aJudge}, judgeWords)
	for _, w := range claimWords {
		l.add(w.entry, w.phrases)
	}
}
