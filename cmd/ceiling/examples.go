package main

// examples are one or more of each command, for its help and the manual page.
// All are run by the tests, with a small model in the place of each file.
var examples = map[string][]string{
	"ceiling": {"ceiling run model.gguf --suite smoke", "ceiling report results/model"},
	"run": {
		"ceiling run model.gguf --suite smoke --out results/model",
		"ceiling run -m model.gguf --suite smoke -t 1 -fa on --repeat 2 --out results/again",
		"ceiling run model.gguf --suite smoke --sweep kv-type=f16,q8_0 --sweep ubatch=256,512 --dry-run",
		"ceiling run model.gguf --suite smoke --sweep depth=0,64 --out results/depth",
	},
	"suites":  {"ceiling suites smoke > mine.yaml", "ceiling suites smoke --sweep kv-type=f16,q8_0 --only '*c=4*'"},
	"drive":   {"ceiling drive model.gguf --url http://127.0.0.1:8080 --suite smoke --out results/server"},
	"report":  {"ceiling report results/model --out model.html"},
	"synth":   {"ceiling synth --geometry demo --out demo.gguf"},
	"convert": {"ceiling convert checkpoint --out converted.gguf"},
	"inspect": {"ceiling inspect model.gguf --gpus 4 --sequences 32"},
	"devices": {"ceiling devices"},
	"doctor":  {"ceiling doctor model.gguf --sequences 4 --context 2048"},
	"verify": {
		"ceiling verify model.gguf --prompts 4 --tokens 8 --write-expect texts.json",
		"ceiling verify model.gguf --prompts 4 --tokens 8 --expect texts.json",
	},
	"version": {"ceiling version"},
	"compare": {"ceiling compare results/model results/again --fail-if 'tpot_mean > 1000x'"},
	"history": {"ceiling history", "ceiling history results --metric ttft_p99"},
	"capacity": {
		"ceiling capacity model.gguf --slo ttft_p99=2s,tpot_p99=60ms --input 1024 --output 256",
		"ceiling capacity model.gguf --slo ttft_p90=2s --rate --input 512 --output 64 --out results/rate",
		"ceiling capacity --resume results/rate",
	},
	"tune": {
		"ceiling tune model.gguf --for throughput@c=8 --budget 20m --out results/tuned",
		"ceiling run model.gguf --suite smoke --settings results/tuned/tuned.yaml --out results/faster",
	},
	"export":  {"ceiling export results/model --format csv --out -"},
	"summary": {"ceiling summary results/model", "ceiling summary results/model --one-line", "ceiling summary results/model --markdown"},
	"roofline": {
		"ceiling roofline model.gguf --quick --out ceilings.json",
		"ceiling roofline model.gguf --machine mi100x4",
	},
	"completion": {
		"ceiling completion bash > ceiling.bash",
		"ceiling completion zsh > _ceiling",
		"ceiling completion fish > ceiling.fish",
	},
	"bundle": {"ceiling bundle verify bundle"},
	"man":    {"ceiling man > ceiling.1"},
}
