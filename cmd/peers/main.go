// Command peers measures ceiling beside llama.cpp's own tools: the same model
// file, threads, batch sizes and shapes, in turns, and prints ratios.
//
// scripts/peers.sh builds and runs it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Exit codes, ceiling's own.
const (
	exitFailed      = 1
	exitUsage       = 2
	exitBound       = 3
	exitInterrupted = 130
)

// errUsage marks mistakes in the arguments.
var errUsage = errors.New("wrong arguments")

// settings are what every tool is given alike.
type settings struct {
	Models    []string `json:"models"`
	Sequences []int    `json:"sequences"`
	Prompt    int      `json:"prompt_tokens"`
	Output    int      `json:"output_tokens"`
	Depth     int      `json:"depth_tokens,omitempty"` // in the KV cache beforehand
	Threads   int      `json:"threads"`
	UBatch    int      `json:"ubatch"`
	Batch     int      `json:"batch"`
	FlashAttn string   `json:"flash_attn"`
	Devices   string   `json:"devices,omitempty"`
	Rounds    int      `json:"rounds"`
	Waves     int      `json:"waves"` // repetitions inside one process
	SliceS    float64  `json:"slice_s,omitempty"`
	Spec      drafts   `json:"speculation,omitzero"`

	ceiling    string // the program under test
	peers      string // folder of the peers
	llamaBench bool
	jsonFile   string
	check      bool
	slice      time.Duration // 0: one tool after the other
	quiet      quietRule
	timeout    time.Duration // of one process
}

// perSequence is the context of one sequence: llama.cpp rounds up to 256.
func (s *settings) perSequence() int { return (s.Prompt + s.Output + 255) / 256 * 256 }

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	interrupted := ctx.Err() != nil
	stop()
	var bound *boundError
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return
	case errors.As(err, &bound):
		fmt.Fprintln(os.Stderr, err)
		os.Exit(exitBound)
	case interrupted:
		fmt.Fprintln(os.Stderr, "peers: interrupted")
		os.Exit(exitInterrupted)
	case errors.Is(err, errUsage):
		fmt.Fprintln(os.Stderr, "peers:", err)
		os.Exit(exitUsage)
	}
	fmt.Fprintln(os.Stderr, "peers:", err)
	os.Exit(exitFailed)
}

// run measures and prints. A bound that is not met is a *boundError, returned
// after everything was printed.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	s, err := parse(args, stderr)
	if err != nil {
		return err
	}
	samples, err := measure(ctx, s, stderr)
	if err != nil {
		return err
	}
	rows := summarise(s, samples)
	if err := writeTable(stdout, s, rows, samples); err != nil {
		return err
	}
	if s.jsonFile != "" {
		if err := writeJSON(s.jsonFile, s, rows, samples); err != nil {
			return err
		}
	}
	if s.check {
		return checkBounds(rows)
	}
	return nil
}

// parse reads the arguments. Errors are errUsage or flag.ErrHelp.
func parse(args []string, stderr io.Writer) (*settings, error) {
	s := &settings{}
	f := flag.NewFlagSet("peers", flag.ContinueOnError)
	f.SetOutput(stderr)
	var sequences, bin string
	f.Func("model", "a GGUF `file`; may be given more than once", func(v string) error {
		s.Models = append(s.Models, v)
		return nil
	})
	f.StringVar(&sequences, "sequences", "1,8,32", "sequences in flight, one table row each")
	f.IntVar(&s.Prompt, "prompt", 128, "prompt tokens per sequence")
	f.IntVar(&s.Output, "output", 64, "tokens generated per sequence")
	f.IntVar(&s.Depth, "depth", 0, "tokens in the KV cache before both measurements: llama-bench's -d, which is then the only peer, with one sequence")
	f.IntVar(&s.Threads, "threads", runtime.NumCPU(), "CPU threads of every tool")
	f.IntVar(&s.UBatch, "ubatch", 512, "physical batch of every tool")
	f.IntVar(&s.Batch, "batch", 2048, "logical batch of every tool")
	f.StringVar(&s.FlashAttn, "flash-attn", "auto", "flash attention of every tool: auto, on, off")
	f.StringVar(&s.Devices, "devices", "", "devices of every tool, `NAME,…`; none: the CPU alone (default: every GPU)")
	f.IntVar(&s.Rounds, "rounds", 5, "turns of every tool; the table shows medians")
	f.IntVar(&s.Waves, "waves", 2, "measurements inside one process, averaged")
	f.StringVar(&s.Spec.Kind, "spec", "", "drafts of ceiling and llama-server, which are then the only tools: `KIND` as ceiling's --spec has it;\nfor equal texts on both sides --spec-synth-rates")
	f.StringVar(&s.Spec.Model, "draft-model", "", "`file` of the draft model")
	f.IntVar(&s.Spec.Max, "draft-max", 0, "most drafts at a time (default: llama.cpp's)")
	f.StringVar(&s.Spec.Rates, "spec-synth-rates", "", "draw acceptance, with these `rates` by position")
	f.DurationVar(&s.slice, "slice", 0, "run the tools at once, all but one of them stopped at any moment, each for this `time` in turn, and leave\nthe stops out: for differences smaller than the machine's own changes of speed. CPU only; try 250ms with --waves 10")
	f.BoolVar(&s.llamaBench, "llama-bench", false, "run llama-bench too, for the rows of one sequence")
	f.StringVar(&bin, "bin", "build/bin", "`folder` of ceiling")
	f.StringVar(&s.peers, "peers", "", "`folder` of the peers (default: that of --bin)")
	f.StringVar(&s.jsonFile, "json", "", "write every sample and row to this `file` too")
	f.BoolVar(&s.check, "check", false, fmt.Sprintf("exit with %d where a bound is not met", exitBound))
	f.Float64Var(&s.quiet.cores, "quiet", 0.1, "cores that other programs may use during a measurement")
	f.DurationVar(&s.quiet.wait, "quiet-wait", 30*time.Second, "longest wait for the machine to be quiet, before each measurement")
	f.IntVar(&s.quiet.retries, "retries", 2, "times that a disturbed measurement is repeated")
	f.DurationVar(&s.timeout, "timeout", 10*time.Minute, "longest run of one process")
	if err := f.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return nil, err
		}
		return nil, fmt.Errorf("%w: %w", errUsage, err)
	}
	if f.NArg() > 0 {
		return nil, fmt.Errorf("%w: unexpected %q", errUsage, f.Arg(0))
	}
	s.ceiling = filepath.Join(bin, "ceiling")
	if s.peers == "" {
		s.peers = bin
	}
	return s, s.validate(sequences)
}

// validate reads the list of sequences and refuses what no tool could run.
func (s *settings) validate(sequences string) error {
	for text := range strings.SplitSeq(sequences, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(text))
		if err != nil || n < 1 || n > 1024 {
			return fmt.Errorf("%w: --sequences %q: %q is no number from 1 to 1024", errUsage, sequences, text)
		}
		s.Sequences = append(s.Sequences, n)
	}
	if len(s.Models) == 0 {
		return fmt.Errorf("%w: no --model", errUsage)
	}
	for name, n := range map[string]int{"prompt": s.Prompt - 1, "output": s.Output - 1, "threads": s.Threads,
		"ubatch": s.UBatch, "batch": s.Batch, "rounds": s.Rounds, "waves": s.Waves} {
		if n < 1 {
			return fmt.Errorf("%w: --%s is too small", errUsage, name)
		}
	}
	if !slices.Contains([]string{"auto", "on", "off"}, s.FlashAttn) {
		return fmt.Errorf("%w: --flash-attn %q; use auto, on or off", errUsage, s.FlashAttn)
	}
	if err := s.Spec.validate(); err != nil {
		return err
	}
	if s.Depth > 0 {
		s.llamaBench = true
	}
	switch {
	case s.Depth < 0 || s.Depth > 0 && !slices.Equal(s.Sequences, []int{1}):
		return fmt.Errorf("%w: --depth %d with --sequences %v: a depth of 0 or more, above 0 with --sequences 1", errUsage, s.Depth, s.Sequences)
	case s.slice < 0 || s.slice > 0 && s.slice < 5*settle:
		return fmt.Errorf("%w: --slice %v; at least %v", errUsage, s.slice, 5*settle)
	case s.slice > 0 && s.llamaBench:
		return fmt.Errorf("%w: --slice with --llama-bench, which does not tell when it measured", errUsage)
	}
	s.SliceS = s.slice.Seconds()
	files := append([]string{s.ceiling}, s.Models...)
	for _, t := range s.tools(1) {
		if t.name != toolCeiling {
			files = append(files, s.peer(t.name))
		}
	}
	for _, path := range files {
		if _, err := os.Stat(path); err != nil {
			return fmt.Errorf("%w; `make build peers` makes the programs", err)
		}
	}
	return nil
}

func (s *settings) peer(name string) string { return filepath.Join(s.peers, name) }

// deviceArgs is a tool's way to choose devices.
func (s *settings) deviceArgs(option string) []string {
	if s.Devices == "" {
		return nil
	}
	return []string{option, s.Devices}
}
