package importer

import "ceiling/bench/result"

// formats are the kinds of JSON files that are known. The first that fits an
// object wins, so kinds whose keys include another's stand before it.
var formats = []format{
	{
		tool: ToolCeiling + " or " + ToolReference, marks: []string{"pp_speed", "planned"},
		is: func(o object) bool {
			return o.has("name", "pp_speed") || o.has("domain_acceptance") || isOurs(o)
		},
		read: readResults,
	},
	{
		tool: ToolVLLMBench, marks: []string{"turns_per_conversation", "max_model_len"},
		is:   func(o object) bool { return o.has("num_conversations", "turns_per_conversation", "completed") },
		read: readConversations,
	},
	{
		tool: ToolVLLM, marks: []string{"tokenizer_id", "endpoint_type"},
		is: func(o object) bool {
			return o.has("tokenizer_id", "num_prompts") && o.has("completed")
		},
		read: readVLLM,
	},
	{
		tool: ToolInferenceX, marks: []string{"tput_per_gpu", "input_tput_per_gpu", "infmax_model_prefix", "is_multinode"},
		is:   isInferenceX,
		read: readInferenceX,
	},
	{
		tool: ToolSGLang, marks: []string{"sharegpt_output_len", "random_input_len"},
		is:   func(o object) bool { return o.has("total_output_tokens_retokenized") },
		read: readSGLang,
	},
	{
		tool: ToolLlamaBench, marks: []string{"build_commit"},
		is:   func(o object) bool { return o.has("build_commit", "avg_ts") },
		read: readLlamaBench,
	},
	{
		tool: ToolBatchedBench, marks: []string{"n_kv_max"},
		is:   func(o object) bool { return o.has("n_kv_max", "pl") },
		read: readBatchedBench,
	},
	{
		tool: ToolLlamaBenchy, marks: []string{"latency_mode"},
		is:   func(o object) bool { return o.has("latency_mode", "benchmarks") },
		read: readBenchy,
	},
	{
		tool: ToolGuideLLM, marks: []string{"first_token_set", "decode_times"},
		is:   isFirstGuideLLM,
		read: readFirstGuideLLM,
	},
	{
		tool: ToolGuideLLM, marks: []string{"guidellm_version", "request_loader", "scheduler_state"},
		is:   isGuideLLM,
		read: readGuideLLM,
	},
	{
		tool: ToolAIPerf, marks: []string{"per_combination_metrics"},
		is:   isAIPerfSweep,
		read: readAIPerfSweep,
	},
	{
		tool: "AIPerf (an aggregate of runs)", marks: []string{"aggregation_type"},
		is:     func(o object) bool { return o.object("metadata").has("aggregation_type") },
		refuse: "give the profile_export_aiperf.json of each run",
	},
	{
		tool: ToolAIPerf + " or " + ToolGenAIPerf, marks: []string{"aiperf_version", "time_to_first_token", "request_latency"},
		is:   isAIPerf,
		read: readAIPerf,
	},
	{
		tool: ToolVLLMThrough, marks: []string{"elapsed_time"},
		is:   func(o object) bool { return o.has("elapsed_time", "num_requests", "tokens_per_second") },
		read: readVLLMThroughput,
	},
	{
		tool: ToolVLLMLatency, marks: []string{"avg_latency"},
		is:   func(o object) bool { return o.has("avg_latency", "latencies") },
		read: readVLLMLatency,
	},

	// Files that lie beside those above and hold no results themselves.
	{
		tool: "vLLM for PyTorch's benchmark database",
		is: func(o object) bool {
			return o.has("benchmark", "metric") && o.object("metric").has("benchmark_values")
		},
		refuse: "give the .json file beside it",
	},
	{
		tool: "ceiling (its manifest)", marks: []string{"command_line"},
		is:     func(o object) bool { return o.has("command_line", "suite") },
		refuse: "give the results.json beside it, or the folder",
	},
	{
		tool: "ceiling (its journal)", marks: []string{"token_times"},
		is:     func(o object) bool { return o.has("scenario", "token_times") },
		refuse: "give the results.json beside it, or the folder",
	},
	{
		tool: "AIPerf (one record per request)", marks: []string{"request_start_ns"},
		is:     func(o object) bool { return o.object("metadata").has("request_start_ns") },
		refuse: "give the profile_export_aiperf.json beside it",
	},
	{
		tool:   "perf_analyzer",
		is:     func(o object) bool { return o.has("experiments") },
		refuse: "give the profile_export_genai_perf.json beside it",
	},
}

// isOurs tells whether an object is this program's or the reference's: its
// list of results holds some of theirs, or none yet.
func isOurs(o object) bool {
	results := o.list("results")
	if len(results) == 0 {
		return o.has("planned") || results != nil
	}
	return result.IsResult(results[0])
}
