// Command break tries to break ceiling, and counts.
package main

import (
	"cmp"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"
)

// kind is one way to break the program.
type kind struct {
	name  string
	times int // by default
	// prepare makes what all attempts share, and sees that what is not broken
	// works: else they would show nothing. try is one attempt: an error says
	// what broke.
	prepare func(b *breaker) error
	try     func(b *breaker, n int) error
}

var kinds = []kind{
	{"kills", 40, nil, (*breaker).kill},
	{"signals", 20, nil, (*breaker).signal},
	{"pairs of runs", 20, nil, (*breaker).pairOfRuns},
	{"pairs of resumes", 20, (*breaker).interrupted, (*breaker).pairOfResumes},
	{"mutated GGUF", 500, (*breaker).soundModel, (*breaker).mutatedModel},
	{"mutated checkpoints", 200, (*breaker).soundCheckpoint, (*breaker).mutatedCheckpoint},
	{"mutated result files", 300, (*breaker).soundResults, (*breaker).mutatedResults},
	{"mutated suites", 100, (*breaker).soundSuite, (*breaker).mutatedSuite},
	{"server modes", 65, (*breaker).soundServer, (*breaker).serverMode},
	{"RPC faults", 15, (*breaker).soundRPC, (*breaker).rpcFault},
}

// breaker holds what the attempts share.
type breaker struct {
	program string // ceiling
	bin     string // folder of it and of ggml-rpc-server
	data    string // root of the repository
	dir     string // scratch
	model   string // small and valid
	rng     *rand.Rand
}

func main() {
	share := flag.Float64("share", 1, "of the attempts to make, above 0")
	only := flag.String("only", "", "the kinds whose name holds this")
	bin := flag.String("bin", "build/bin", "folder of ceiling and ggml-rpc-server")
	data := flag.String("data", ".", "root of the repository")
	seed := flag.Uint64("seed", 1, "of the mutations and the instants")
	flag.Parse()
	if flag.NArg() > 0 || *share <= 0 {
		flag.Usage()
		os.Exit(2)
	}
	failed, err := attempt(os.Stdout, os.Stderr, *bin, *data, *only, *share, *seed)
	if err != nil {
		fmt.Fprintln(os.Stderr, "break:", err)
		os.Exit(2)
	}
	if failed > 0 {
		os.Exit(1)
	}
}

// attempt makes a share of the attempts of each kind that is asked for, one at
// least, and prints the table.
func attempt(out, log io.Writer, bin, data, only string, share float64, seed uint64) (failed int, err error) {
	for _, path := range []*string{&bin, &data} { // attempts run in a folder of their own
		if *path, err = filepath.Abs(*path); err != nil {
			return 0, err
		}
	}
	dir, err := os.MkdirTemp("", "break")
	if err != nil {
		return 0, err
	}
	b := &breaker{program: filepath.Join(bin, "ceiling"), bin: bin, data: data, dir: dir, rng: rand.New(rand.NewPCG(seed, 0))}
	if err := b.setUp(); err != nil {
		return 0, err
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "kind\ttried\tfailed\tseconds\tlargest process")
	for _, k := range kinds {
		if !strings.Contains(k.name, only) {
			continue
		}
		largest = 0
		start := time.Now()
		n, bad := max(1, int(share*float64(k.times))), 0
		if k.prepare != nil {
			if err := k.prepare(b); err != nil {
				return 0, fmt.Errorf("%s: %w", k.name, err)
			}
		}
		for i := range n {
			if err := k.try(b, i); err != nil {
				bad++
				fmt.Fprintf(log, "%s %d: %v\n", k.name, i+1, err)
			}
		}
		fmt.Fprintf(table, "%s\t%d\t%d\t%.0f\t%d MB\n", k.name, n, bad, time.Since(start).Seconds(), largest>>20)
		failed += bad
	}
	if failed > 0 {
		fmt.Fprintln(log, "evidence in", dir)
		return failed, table.Flush()
	}
	return 0, cmp.Or(table.Flush(), os.RemoveAll(dir))
}

// tiny is a model of a few hundred kilobytes.
const tiny = `{"name": "tiny", "layers": 1, "hidden": 256, "heads": 4, "kv_heads": 2, "head_dim": 64, "ffn": 256, "vocab": 2048, "context": 2048, "rope_freq_base": 10000}`

// waves is a suite in which requests end four at a time.
const waves = `name: waves
scenarios:
  - {name: First, category: Latency, purpose: Break, input: 16, output: 12, concurrency: 4, prompts: 40}
  - {name: Second, category: Latency, purpose: Break, input: 16, output: 24, concurrency: 4, prompts: 80}
  - {name: Third, category: Latency, purpose: Break, input: 16, output: 6, concurrency: 2, prompts: 8}
`

// setUp makes the model and the suite.
func (b *breaker) setUp() error {
	for name, text := range map[string]string{"tiny.json": tiny, "waves.yaml": waves, "one.yaml": oneRequest} {
		if err := os.WriteFile(b.path(name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	b.model = b.path("tiny.gguf")
	if r, _ := b.run("synth", "--geometry", b.path("tiny.json"), "--out", b.model); r.code != 0 {
		return fmt.Errorf("no model: %s", r.text)
	}
	return nil
}

// path is a file of the scratch folder.
func (b *breaker) path(name string) string { return filepath.Join(b.dir, name) }
