package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v3"

	"ceiling/bench/result"
	"ceiling/bench/suite"
	"ceiling/engine"
	"ceiling/hip/host"
)

// auto leaves a setting to the program or the environment.
const auto = "auto"

// jsonFlag asks for JSON on stdout.
func jsonFlag() cli.Flag {
	return &cli.BoolFlag{Name: "json", Usage: "print JSON on stdout"}
}

func sysrootFlag() cli.Flag {
	return &cli.StringFlag{Name: "sysroot", Value: "/", Usage: "read procfs and sysfs under `FOLDER`", Validator: func(dir string) error {
		if info, err := os.Stat(dir); err != nil || !info.IsDir() {
			return fmt.Errorf("%q is no folder; name the root of a machine's or of a copied tree", dir)
		}
		return nil
	}}
}

// rpcFlags name servers, and bound how long one may be silent.
func rpcFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringSliceFlag{Name: "rpc", Usage: "use the devices of these ggml-rpc-servers, `HOST:PORT,…`"},
		&cli.DurationFlag{Name: "rpc-timeout", Value: 2 * time.Minute, Validator: aTime,
			Usage: "give up when a server of --rpc does not answer for `TIME`; what is finished is saved"},
	}
}

// modelFlag names the model, which may also stand without it.
func modelFlag(usage string) cli.Flag {
	return &cli.StringFlag{Name: "model", Aliases: []string{"m"}, Usage: usage}
}

// takeModel lets the model stand without its flag. Other arguments are refused.
func takeModel(c *cli.Command) error {
	if !c.Args().Present() || c.IsSet("model") {
		return noArgs(c)
	}
	if c.Args().Len() > 1 {
		return usagef("unexpected argument %q: there is one model; `%s --help` lists the flags", c.Args().Get(1), c.FullName())
	}
	return c.Set("model", c.Args().First())
}

// atLeast makes a flag refuse numbers below low.
func atLeast(low int) func(int) error {
	return func(n int) error {
		if n < low {
			return fmt.Errorf("%d is too small; use %d or more", n, low)
		}
		return nil
	}
}

// repeatFlag takes the number of passes over a suite.
func repeatFlag() cli.Flag {
	return &cli.IntFlag{Name: "repeat", Usage: "make `N` passes over the whole suite, one after the other (default: what the suite says, or 1)", HideDefault: true,
		Validator: func(n int) error {
			if n < 1 || n > result.MaxRepeat {
				return fmt.Errorf("%d passes; use 1 to %d", n, result.MaxRepeat)
			}
			return nil
		}}
}

// retryFlag takes the number of passes more over what was disturbed.
func retryFlag() cli.Flag {
	return &cli.IntFlag{Name: "retry", Usage: "run a scenario that was disturbed again when all have run, at most `N` times, and keep the quietest pass",
		Validator: func(n int) error {
			if n < 0 || n > result.MaxRetry {
				return fmt.Errorf("%d passes more; use 0 to %d", n, result.MaxRetry)
			}
			return nil
		}}
}

// repeatProcessFlag takes the number of processes that a run is made in.
func repeatProcessFlag() cli.Flag {
	return &cli.IntFlag{Name: "repeat-process", Usage: "start the program anew for each of `N` passes; with --repeat M each process makes M", Validator: func(n int) error {
		if n < 1 || n > result.MaxRepeat {
			return fmt.Errorf("%d processes; use 1 to %d", n, result.MaxRepeat)
		}
		return nil
	}, HideDefault: true}
}

// nextProcessFlag is how a process of a run of several tells the next one how many
// are behind it.
func nextProcessFlag() cli.Flag { return &cli.IntFlag{Name: nextProcess, Hidden: true} }

const nextProcess = "next-process"

// engineFlags say where the model goes and how the engine is set.
func engineFlags() []cli.Flag {
	return append(group("Engine",
		&cli.StringSliceFlag{Name: "devices", Usage: "load onto these devices, `NAME,…` as in `ceiling devices`; none: the CPU alone (default: every GPU)"},
		choice("split-mode", "how several GPUs share the model", engine.SplitModes(), "sm"),
		tensorSplitFlag(),
		&cli.IntFlag{Name: "main-gpu", Aliases: []string{"mg"}, Usage: "the device that takes all with --split-mode none, by its index", Validator: atLeast(0)},
		&cli.IntFlag{Name: "gpu-layers", Aliases: []string{"ngl"}, Value: -1, Usage: "layers on the GPUs; -1: all", Validator: atLeast(-1)},
		choice("load-mode", "how the file is read", engine.LoadModes()),
		&cli.IntFlag{Name: "step-tokens", Aliases: []string{"batch", "b"}, Value: 2048, Usage: "tokens per step at most, prompts and decode together: the scheduler's budget and the context's logical batch", Validator: atLeast(1)},
		ubatchFlag(),
		choice("flash-attn", "flash attention", engine.FlashModes(), "fa"),
		kvTypeFlag(),
		choice("kv-unified", "one KV buffer for all sequences; auto: only with --prefix-cache or --spec", []string{auto, "on", "off"}),
		choice("sampling", "where the greedy argmax runs; auto: in the back end when the model is on a GPU", engine.SamplingWords),
		threadsFlag(),
	), group("Engine", rpcFlags()...)...)
}

// readEngine reads engineFlags. The sizes of a session are not among them.
func readEngine(c *cli.Command) (engine.LoadOptions, engine.SessionOptions) {
	load := engine.LoadOptions{
		Devices: c.StringSlice("devices"), SplitMode: c.String("split-mode"), TensorSplit: tensorSplit(c),
		MainGPU: c.Int("main-gpu"), GPULayers: c.Int("gpu-layers"), LoadMode: c.String("load-mode"),
	}
	session := engine.SessionOptions{Threads: readThreads(c), FlashAttn: c.String("flash-attn"), KVType: c.String("kv-type")}
	session.Batch, session.UBatch = readBatches(c)
	return load, session
}

// threadsFlag takes how many threads compute on the CPU.
func threadsFlag() cli.Flag {
	return &cli.IntFlag{Name: "threads", Aliases: []string{"t"}, HideDefault: true, Validator: atLeast(1),
		Usage: "CPU threads (default: physical cores among the CPUs that this process may use, at most its quota)"}
}

// readThreads reads threadsFlag. The threads run on this machine, whatever
// --sysroot describes.
func readThreads(c *cli.Command) int {
	if n := c.Int("threads"); n > 0 {
		return n
	}
	return cmp.Or(host.PhysicalCores("/"), runtime.NumCPU())
}

// ubatchFlag takes the physical batch.
func ubatchFlag() cli.Flag {
	return &cli.IntFlag{Name: "ubatch", Aliases: []string{"ub"}, Value: 512, Usage: "physical batch: a step of more tokens is computed in several parts", Validator: atLeast(1)}
}

// readBatches reads the tokens of a step and of the physical batch. Without
// --step-tokens a larger --ubatch fills a step; no ubatch is larger than a step.
func readBatches(c *cli.Command) (step, ubatch int) {
	step, ubatch = c.Int("step-tokens"), c.Int("ubatch")
	if !c.IsSet("step-tokens") {
		step = max(step, ubatch)
	}
	return step, min(ubatch, step)
}

// gpuFlags are engine.GPUSwitches.
func gpuFlags() []cli.Flag {
	return group("Between GPUs",
		choice("p2p", "copies between GPUs without the host; auto: as GGML_CUDA_P2P says", engine.P2PWords),
		choice("graphs", "replay captured graphs of kernels; auto: as GGML_CUDA_DISABLE_GRAPHS says", engine.GraphWords),
		choice("allreduce", "how a tensor split adds up between GPUs; auto: as GGML_CUDA_ALLREDUCE says, else RCCL or NCCL where the build has it", engine.AllReduceWords),
		choice("nccl-algo", "way of RCCL's or NCCL's sums; auto: as NCCL_ALGO says", engine.NCCLAlgoWords),
		choice("nccl-proto", "protocol of RCCL's or NCCL's sums; auto: as NCCL_PROTO says", engine.NCCLProtoWords),
	)
}

// setGPUSwitches does what gpuFlags say, before the engine looks at it. The
// manifest records it from the environment.
func setGPUSwitches(c *cli.Command) error { return readGPUSwitches(c).Set() }

// readGPUSwitches reads gpuFlags.
func readGPUSwitches(c *cli.Command) engine.GPUSwitches {
	return engine.GPUSwitches{P2P: c.String("p2p"), Graphs: c.String("graphs"), AllReduce: c.String("allreduce"),
		NCCLAlgo: c.String("nccl-algo"), NCCLProto: c.String("nccl-proto")}
}

// sequencesFlag takes how many requests have their KV at a time.
func sequencesFlag() cli.Flag {
	return &cli.IntFlag{Name: "sequences", Value: 1, Usage: "`N` sequences, one for each request in flight", Validator: atLeast(1)}
}

func kvTypeFlag() cli.Flag {
	return choice("kv-type", "type of the KV cache", engine.KVTypes(), "ctk")
}

// runOutFlag names the folder of a run. There is no --force: measurements are not
// replaced.
func runOutFlag() cli.Flag {
	return &cli.StringFlag{Name: "out", Usage: "`FOLDER` of the run, a new or an empty one (default: results/<model>-<UTC time>)"}
}

// suiteFlag names what is run, or computed for.
func suiteFlag() cli.Flag { return nameOrFile("suite", ", or a YAML file", suite.Builtins()) }

// suiteFlags are those of a run, in process or through a server.
func suiteFlags() []cli.Flag {
	return []cli.Flag{
		suiteFlag(), sweepFlag(), onlyFlag(),
		maxTimeFlag(),
		runOutFlag(),
		&cli.StringFlag{Name: "resume", Usage: "go on with the run in `FOLDER`; model, suite and options, or server, are those it began with"},
		&cli.Uint64Flag{Name: "seed", Usage: "seed `N` of prompts, lengths and arrivals"},
		repeatFlag(), retryFlag(),
		&cli.BoolFlag{Name: "strict", Usage: "exit with 3 unless the run's verdict is valid (through a server: unless something speaks against it)"},
		&cli.BoolFlag{Name: "prefix-cache", Usage: "reuse the KV of finished prompts, and repeat prompts across scenarios (warm)"},
		proseFlag(), sloFlag(),
		&cli.BoolFlag{Name: "no-hash", Usage: "do not compute the model's SHA-256"},
		sysrootFlag(),
		jsonFlag(),
	}
}

// sweepFlag takes lists for every scenario of a suite.
func sweepFlag() cli.Flag {
	return &cli.StringSliceFlag{Name: "sweep", Usage: "`KEY=V1,V2,…`: every scenario with each value of a field, or of an engine's flag; given again: with every combination, while zip:KEY=… go together"}
}

func maxTimeFlag() cli.Flag {
	return &cli.DurationFlag{Name: "max-time", Usage: "stop after `TIME` and keep what is finished, as Ctrl-C does", Validator: aTime}
}

func onlyFlag() cli.Flag {
	return &cli.StringSliceFlag{Name: "only", Usage: "`NAME|GLOB,…`: these scenarios of the suite alone; * stands for any text"}
}

// findSuite is the suite of that name, with the lists of --sweep and as far as
// --only wants it.
func findSuite(c *cli.Command, name string) (result.Suite, error) {
	sweeps, err := suite.ParseSweeps(c.StringSlice("sweep"))
	if err != nil {
		return result.Suite{}, usagef("--sweep: %w", err)
	}
	s, err := suite.Find(name, sweeps...)
	if err != nil {
		return s, codedError{exitUsage, err}
	}
	if only := c.StringSlice("only"); len(only) > 0 {
		if s, err = suite.Only(s, only); err != nil {
			return s, usagef("--only: %w", err)
		}
	}
	return s, nil
}

// sloFlag sets what the report takes for interactive.
func sloFlag() cli.Flag {
	return &cli.StringFlag{Name: "slo", Usage: "`ttft=MS,tpot=MS`: p99 limits that decide the sweet spot and the recommendations (default: twice the run's lowest)", Validator: func(text string) error {
		_, err := suite.ParseSLO(text)
		return err
	}}
}

// slo are the limits of --slo, nil for none.
func slo(c *cli.Command) *result.SLO {
	limits, _ := suite.ParseSLO(c.String("slo")) // the flag's validator has seen them
	return limits
}

func roundingFlag() cli.Flag {
	return &cli.BoolFlag{Name: "allow-rounding", Usage: "round scales of a checkpoint that float16 can't hold, and report the largest error"}
}

func tensorSplitFlag() cli.Flag {
	return &cli.StringFlag{Name: "tensor-split", Aliases: []string{"ts"}, Usage: "share of each device, `1,1,…`", Validator: func(text string) error {
		_, err := parseShares(text)
		return err
	}}
}

// tensorSplit are the shares of --tensor-split, nil for none.
func tensorSplit(c *cli.Command) []float32 {
	shares, _ := parseShares(c.String("tensor-split")) // the flag's validator has seen them
	return shares
}

// parseShares reads shares that stand with commas. llama-bench takes slashes,
// where a comma separates the values of a sweep.
func parseShares(text string) ([]float32, error) {
	if text == "" {
		return nil, nil
	}
	var out []float32
	for part := range strings.SplitSeq(text, ",") {
		share, err := strconv.ParseFloat(strings.TrimSpace(part), 32)
		if err != nil {
			return nil, fmt.Errorf("%q is no list of shares: they stand with commas, one for each device, as in 3,1", text)
		}
		out = append(out, float32(share))
	}
	return out, nil
}

// required are flags that only a resumed run has from elsewhere.
func required(c *cli.Command, names ...string) error {
	for _, name := range names {
		if c.String(name) == "" {
			return usagef("--%s is missing; `%s --help` lists the flags", name, c.FullName())
		}
	}
	return nil
}

func writeJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}
