package main

import (
	"bytes"
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"ceiling/engine/checkpoint/awqtest"
)

// mutate damages a copy of data in one of several ways.
func (b *breaker) mutate(data []byte, head int) []byte {
	out := slices.Clone(data)
	if len(out) == 0 {
		return out
	}
	head = min(head, len(out)) // most of what can be got wrong lies there
	at := b.rng.IntN(head)
	switch b.rng.IntN(7) {
	case 0:
		return out[:at]
	case 1:
		out[at] ^= 1 << b.rng.IntN(8)
	case 2: // a number or a length that is huge
		copy(out[at:], bytes.Repeat([]byte{0xff}, 1+b.rng.IntN(8)))
	case 3:
		copy(out[at:], make([]byte, 1+b.rng.IntN(16)))
	case 4: // a piece twice
		end := min(len(out), at+1+b.rng.IntN(200))
		return slices.Insert(out, at, out[at:end]...)
	case 5: // a piece out
		return slices.Delete(out, at, min(len(out), at+1+b.rng.IntN(200)))
	case 6:
		for range 20 {
			out[b.rng.IntN(head)] = byte(b.rng.UintN(256))
		}
	}
	return out
}

// mutant writes a damaged copy of a file.
func (b *breaker) mutant(from, to string, head int) error {
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, b.mutate(data, head), 0o644)
}

// keep gives the evidence of a failure a name of its own.
func (b *breaker) keep(err error, file, name string, n int) error {
	if err == nil {
		return nil
	}
	kept := b.path(fmt.Sprintf("%s-%d%s", name, n, filepath.Ext(file)))
	if e := os.Rename(file, kept); e != nil {
		return e
	}
	return fmt.Errorf("%w (%s)", err, kept)
}

func (b *breaker) oneRun(model, out string) []string {
	return []string{"run", "--model", model, "--suite", b.path("one.yaml"), "--threads", "1", "--prose", "off", "--out", out}
}

func (b *breaker) soundModel() error {
	return cmp.Or(b.must("inspect", b.model), b.must(b.oneRun(b.model, b.path("sound"))...), os.RemoveAll(b.path("sound")))
}

// mutatedModel looks at a damaged model, and runs every fifth.
func (b *breaker) mutatedModel(n int) error {
	file, out := b.path("mutant.gguf"), b.path("mutant-run")
	if err := b.mutant(b.model, file, 60_000); err != nil {
		return err
	}
	_, err := b.run("inspect", file)
	if n%5 == 0 && err == nil {
		_, err = b.run(b.oneRun(file, out)...)
	}
	return cmp.Or(b.keep(err, file, "model", n), os.RemoveAll(out))
}

// soundCheckpoint makes the checkpoint that is damaged.
func (b *breaker) soundCheckpoint() error {
	dir := b.path("checkpoint")
	if _, err := awqtest.Write(dir, awqtest.VariantOptions{}); err != nil {
		return err
	}
	return b.must("convert", dir, "--out", b.path("converted.gguf"))
}

// mutatedCheckpoint damages one file of a checkpoint, and converts it.
func (b *breaker) mutatedCheckpoint(n int) error {
	dir := b.path("mutant-checkpoint")
	if err := cmp.Or(os.RemoveAll(dir), os.CopyFS(dir, os.DirFS(b.path("checkpoint")))); err != nil {
		return err
	}
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		return err
	}
	file := files[n%len(files)]
	if err := b.mutant(file, file, 20_000); err != nil {
		return err
	}
	out := b.path("converted.gguf")
	_, err = b.run("convert", dir, "--out", out, "--force")
	if err == nil && n%4 == 0 {
		_, err = b.run("inspect", dir)
	}
	if left, _ := filepath.Glob(b.path(".converted.gguf.*")); err == nil && len(left) > 0 {
		err = fmt.Errorf("%q is left", left)
	}
	return b.keep(err, dir, "checkpoint", n)
}

// good is a result file of this program.
func (b *breaker) good() string {
	return filepath.Join(b.data, "cmd/ceiling/testdata/demo/results.json")
}

func (b *breaker) soundResults() error {
	return b.must("report", b.good(), "--out", b.path("good.html"))
}

// mutatedResults renders a damaged result file, and compares it with a good one.
func (b *breaker) mutatedResults(n int) error {
	good := b.good()
	files, err := filepath.Glob(filepath.Join(b.data, "report/importer/testdata/*/*.json*"))
	if err != nil || len(files) == 0 {
		return fmt.Errorf("%d result files, %w", len(files), err)
	}
	from := append(files, good)[n%(len(files)+1)]
	file := b.path("mutant" + filepath.Ext(from))
	if err := b.mutant(from, file, 1<<20); err != nil {
		return err
	}
	_, err = b.run("report", file, "--out", b.path("mutant.html"))
	if err == nil && n%3 == 0 {
		_, err = b.run("compare", good, file)
	}
	return b.keep(err, file, "results", n)
}

// soundSuite checks that a sound suite is read before the model is missed.
func (b *breaker) soundSuite() error {
	if err := os.WriteFile(b.path("sound.yaml"), []byte(richSuite), 0o644); err != nil {
		return err
	}
	r, err := b.run("run", "--model", b.path("none.gguf"), "--suite", b.path("sound.yaml"))
	if err == nil && !strings.Contains(r.text, "none.gguf") {
		err = fmt.Errorf("a sound suite is refused: %s", tail(r.text))
	}
	return err
}

// mutatedSuite reads a damaged suite. There is no model, so none runs.
func (b *breaker) mutatedSuite(n int) error {
	file := b.path("mutant.yaml")
	if err := os.WriteFile(file, b.mutate([]byte(richSuite), 1<<20), 0o644); err != nil {
		return err
	}
	r, err := b.run("run", "--model", b.path("none.gguf"), "--suite", file, "--out", b.path("none"))
	if err == nil && r.code == 0 {
		err = fmt.Errorf("it ran without a model")
	}
	return b.keep(err, file, "suite", n)
}

// oneRequest is the smallest suite.
const oneRequest = `name: one
scenarios:
  - {name: One, category: Latency, purpose: Break, input: 8, output: 2, concurrency: 1, prompts: 2}
`

// richSuite has every field.
const richSuite = `name: chat
scenarios:
  - name: Chat turns
    category: Mixed
    purpose: Short answers over a long history
    input: 3000
    output: 200
    concurrency: 8
    prompts: 64
    range_ratio: 0.5
    request_rate: 2.5
    burstiness: 1
    prefix_len: 500
    slo: {ttft: 2000, tpot: 60}
    repeat: 5
  - {name: "Zwei", category: Latency, purpose: 'x', input: 10, output: 1, concurrency: 1, prompts: 1}
`
