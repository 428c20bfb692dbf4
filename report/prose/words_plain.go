package prose

// glueWords bind others and claim nothing.
const glueWords = `a|an|the|of|at|in|on|for|with|to|from|by|and|or|but|while|whereas|where|when|which|that|who|whose|this|these|those|it|its|they|their|them|
	it's|that's|itself|themselves|such|same|own|each|both|one|ones|each other|one another|
	is|are|was|were|be|been|being|has|have|had|having|does|do|did|than|then|there|as|so|yet|though|although|even though|however|also|only|not only|only just|
	now|once|again|still|already|about|roughly|approximately|around|nearly|almost|practically|virtually|essentially|exactly|precisely|directly|
	against|versus|vs|compared|compared to|compared with|relative to|in comparison|in comparison to|in comparison with|between|among|across|over all|within|up to|until|
	before|after|during|through|throughout|into|onto|out|up|down|off|upon|along|along with|beside|besides|despite|in spite of|next to|together with|apart|apart from|away|back|
	toward|towards|via|plus|minus|even|very|quite|rather|instead|instead of|rather than|here|either|because|what|how|why|whether|just as|
	as long|as far as|as soon as|in turn|respectively|namely|sometimes|often|usually|generally|in general|relatively|comparatively|mostly|remarkably|fairly|pretty|simply|merely|
	no more than|no longer than|at least|at most|meanwhile|moreover|furthermore|further|in addition|additionally|similarly|likewise|otherwise|else|first|at first|second|
	finally|last|former|latter|for example|e g|i e|under load|under this load|under concurrency|in practice|in short|in fact|of course|with respect to|in terms of|in contrast|
	by contrast|on the other hand|correspondingly|accordingly|almost all|nearly all|whole|entire|total|fully|completely|entirely|per second|per token|than that|that of|those of|
	in which|of which|by which|at which|on which|for which|from which|to which|with which|one of|over time|over the run|over the whole run|over the curve|over all user|over that|
	on top|at all|at the end|in the end|or more|or longer|or less|between them|as many|as fast|he|she`

// plainNouns and plainWords are of the field and claim nothing by themselves.
const plainNouns = `request|prompt|token|user|stream|run|test|scenario|point|setting|level|slot|batch|load|step|decode step|curve|scaling|scaling curve|scaling test|
	concurrency scaling|concurrency range|engine|model|system|device|time|value|figure|number|result|measurement|sample|second|minute|
	moment|rate|speed|pace|latency|input|length|size|text|percentile|statistic|metric|measure|per cent|percent|share|fraction|ratio|rest|remainder|side|end|start|phase|
	stage|case|way|order|pair|set|count|data|report|benchmark|condition|behaviour|behavior|performance|profile|pattern|picture|work|workload|traffic|service|capacity|demand|
	experience|session|distribution|range|cost|costs|price|trade|trade off|exchange|choice|operating point|candidate|option|place|position|mark|line|bar|scale|extent|degree|
	direction|half|third|part|portion|percentage|response|reply|answer|word|chunk|content|capacity planning|planning|people|person|end user|deployment|production|node|pool|
	basis|base|baseline|reference|configuration|suite|standard|file|table|row|column|list|summary|conclusion|finding|interval|thing|something|someone|fact|kind|sort|type|
	form|example|comparison|sum|long context scenario|luck|hand|difference to|number of|amount of|a number of|a lot of|lot of|mean duration|time spent|sustained rate|
	point of view|own prompt|own mix|own length|your own prompt|your own prompt length|your own mix|your own load|interactive range|same time|same figure|same value|same pace|s|ms|tok s`

const plainWords = `different|respective|single|individual|concurrent|parallel|simultaneous|present|available|actual|nominal|derived|raw|absolute|full|empty|long|short|early|late|new|old|
	typical|usual|common|general|central|initial|final|subsequent|preceding|previous|following|several|many|few|pure|real|true|sheer|main|user facing|visible|meaningful|
	relevant|inside|outside|server side|fullest|busiest|counted|two|on both count|both count|in both|seen from|going from|moving from|step from|stepping from|
	at this point|in this scenario|in this run|for this run|in the run|in this test|of this run|beyond that|past|spread over|before relying|still only|in sight|
	token by token|one by one|side by side|more time|each time|it takes`

// plainVerbs are there in all their forms where the bare form is advice:
// "use c=4" is, "c=4 uses" is not.
const plainVerbs = `is|show|takes|took|taking|get|got|gives|gave|given|giving|make|made|deliver|reach|stay|remain|remains|stand|stood|sit|lie|lay|lain|keeps|kept|keeping|holds|held|
	wait|arrive|come|came|bring|brought|go|goes|went|gone|become|became|measured|measuring|reported|report|record|recorded|observe|see|saw|seen|begin|began|begun|start|end|finish|
	last|lasts|pass|spend|spent|need|require|serves|served|serving|handle|process|runs|ran|running|generate|produce|produces|decode|decodes|decoded|receive|provide|offer|achieve|
	yield|sustain|maintain|cover|belong|belong to|apply|amount|amount to|correspond|correspond to|translate|compares|compared|comparing|read|look|add|puts|putting|leave|left|
	find|found|know|known|seem|appear|feel|felt|turn|turn out|sets|setting|follow|flow|exist|share|divide|split|describe|average|averaging|fill|fit|call|called|ask|asked|
	used|using|uses|pay|paid|buy|bought|worth|win|plans|planned|plan with|moves|moved|moving|stepping|stepping up|step up|going|expects|expected|want|benchmarked|tested|testing|
	stop|stops|stopped|spent in|notice|hear|say|said|treats|treated|treating|depend|depend on|depend on it|act|react|count|count on|tell apart|range from|ranging|sized|remain at|
	note|noted|show up|carry|carried|watched|repeated|chosen|chose|picked|preferred|considered|given to`

func (l *lexicon) addPlain() {
	for _, words := range []string{plainNouns, plainWords, plainVerbs} {
		l.add(entry{class: aPlain}, words)
	}
	l.add(entry{class: aGlue}, glueWords)
	l.add(entry{class: unknownWord}, looseWords)
}

// looseWords change what a claim covers, or make one by pointing at another.
// No check reads them, so they count as not understood.
const looseWords = `respectively|likewise|similarly|correspondingly|accordingly|else|otherwise|often|usually|generally|in general|former|latter|at first|rest is|
	finally|remainder|rest of|followed by|follow by|hold for|holds for|go for|goes for|hold true|the same is true|same is true|also hold|also holds|apply to|applies to|true of|
	almost all|as well|too|most point|most scenario|most setting|most request|most user|vice versa|the other way|in turn|before and|then|afterwards`
