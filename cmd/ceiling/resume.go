package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v3"

	"ceiling/bench"
	"ceiling/bench/result"
	"ceiling/internal/files"
	"ceiling/internal/outfile"
)

// earlierRun is what the run that --resume names has left.
type earlierRun struct {
	path     string
	manifest result.Manifest
	// processes are attempted, where the run's own process goes on with the next.
	processes int
	recorded  map[string]any // the manifest, with what this program may not know of
}

// takeOver reads the run that --resume names, and gives each flag that does
// not stand on the command line the value it had there. nil: a new run.
func takeOver(ctx context.Context, c *cli.Command, same func() *cli.Command) (*earlierRun, error) {
	if c.String("resume") == "" {
		return nil, nil
	}
	e, err := readEarlier(c.String("resume"))
	if err != nil {
		return nil, err
	}
	then, err := e.parse(ctx, same())
	if err != nil {
		return nil, err
	}
	// The suite is in the manifest as it was run, and may lie nowhere else.
	own := []string{"resume", "out", "json", "model", "api-key"}
	if !slices.ContainsFunc([]string{"suite", "sweep", "only", "repeat", "repeat-process"}, c.IsSet) {
		own = append(own, "suite", "sweep", "only", "repeat", "repeat-process", "retry")
	}
	for _, f := range then.Flags {
		name := f.Names()[0]
		if !then.IsSet(name) || c.IsSet(name) || slices.Contains(own, name) {
			continue
		}
		value := flagText(f)
		if name == "url" && strings.Contains(value, ":xxxxx@") {
			continue // its password was not recorded
		}
		if err := c.Set(name, value); err != nil {
			return nil, usagef("--resume %q: --%s %s of its command line: %w; start a new run", e.path, name, value, err)
		}
	}
	if c.IsSet("model") {
		return e, nil
	}
	path := e.manifest.Model.Path
	if from := e.manifest.Model.ConvertedFrom; from != nil {
		path = from.Path
	}
	return e, c.Set("model", path)
}

func readEarlier(dir string) (*earlierRun, error) {
	if !files.IsDir(dir) {
		return nil, usagef("--resume %q: no such folder; name the folder of a run", dir)
	}
	text, err := os.ReadFile(filepath.Join(dir, result.ManifestFile))
	if err != nil {
		return nil, usagef("--resume %q: %w; name the folder of a run that has its %s", dir, outfile.Cause(err), result.ManifestFile)
	}
	e := &earlierRun{path: dir}
	if err = json.Unmarshal(text, &e.manifest); err == nil {
		e.recorded, err = decode(text)
	}
	if err != nil {
		return nil, usagef("--resume %q: %s does not parse: %w; start a new run", dir, result.ManifestFile, err)
	}
	return e, nil
}

// parse reads the command line that began the run, without doing what it says.
func (e *earlierRun) parse(ctx context.Context, same *cli.Command) (*cli.Command, error) {
	args := e.manifest.CommandLine
	if len(args) < 2 || args[1] != same.Name {
		return nil, usagef("--resume %q: the run was not begun by `ceiling %s`, but by %q; go on with it by that, or start a new one", e.path, same.Name, args[:min(len(args), 2)])
	}
	var then *cli.Command
	same.Action = func(_ context.Context, c *cli.Command) error { then = c; return nil }
	same.Writer, same.ErrWriter = io.Discard, io.Discard
	same.OnUsageError = func(_ context.Context, _ *cli.Command, err error, _ bool) error { return err }
	err := same.Run(ctx, args[1:])
	if err == nil && then == nil {
		err = errors.New("it runs nothing")
	}
	if err != nil {
		return nil, usagef("--resume %q: the command line in its %s: %w; start a new run", e.path, result.ManifestFile, err)
	}
	return then, nil
}

// state is what of the suite is finished.
func (e *earlierRun) state(suite result.Suite) (*bench.ResumeState, error) {
	saved, err := result.Load(filepath.Join(e.path, result.ResultsFile))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return bench.ResumeAfter(filepath.Join(e.path, result.JournalFile), saved, suite, e.processes)
}

// finished says whether nothing of the run is left to do.
func (e *earlierRun) finished(suite result.Suite) (bool, error) {
	for _, name := range []string{result.JournalFile, result.ReportFile, result.PageFile} {
		if _, err := os.Stat(filepath.Join(e.path, name)); err != nil {
			return false, nil
		}
	}
	state, err := e.state(suite)
	if err != nil {
		return false, err
	}
	return state.Finished(suite), nil
}

// nothingLeft says so where the run that --resume names is finished. Nothing
// of it is touched.
func (s *settings) nothingLeft(c *cli.Command) (bool, error) {
	if s.earlier == nil {
		return false, nil
	}
	done, err := s.earlier.finished(s.suite)
	if done {
		fmt.Fprintf(c.Root().ErrWriter, "the run in %s is finished: nothing to do\n", s.out)
	}
	return done, err
}

// readState reads what is finished, now that nobody else is at work in the
// folder.
func (r *runner) readState() error {
	if r.earlier == nil {
		return nil
	}
	var err error
	if r.resumed, err = r.earlier.state(r.suite); err != nil {
		return err
	}
	return r.findDeath()
}

// mayDiffer are the parts of a manifest in which two parts of one run may
// differ: what belongs to the moment, where things lie, why something was
// chosen, and what another part of the manifest says too. All others are
// compared, also those that are not thought of here.
var mayDiffer = []string{
	"command_line", "start", "suite.scenarios.load", "model.path", "model.converted_from.path", "suite.scenarios.dataset.path", "suite.scenarios.dataset.name",
	"engine.backends", "system.gpus", "engine.load_s", "engine.peak_rss_bytes", "engine.split_reason", "engine.devices.memory_free_bytes", "engine.devices.memory_total_bytes",
	"engine.model_file", "engine.model_bytes", "engine.model_sha256", "engine.converted_from", "engine.architecture", "engine.description",
	"engine.parameters", "engine.tensor_types", "engine.seed", "engine.environment",
	"system.load_average", "system.memory_bytes",
	"server.url", "server.round_trip_s", "server.conditions",
}

// plainly are the names of settings whose key does not say them.
var plainly = map[string]string{
	"model.sha256": "model (SHA-256)", "model.size_bytes": "model (size in bytes)",
	"suite.name": "suite", "suite.scenarios.repeat": "number of passes", "suite.scenarios.dataset.sha256": "dataset (SHA-256)", "suite.scenarios.until_end": "end of text (ignore_eos)", "suite.retry": "number of passes more for what is disturbed (--retry)",
	"engine.kv_type": "KV type", "engine.kv_unified": "KV layout (unified)", "engine.flash_attn": "flash attention",
	"engine.gpu_layers": "number of GPU layers", "engine.tree": "engine tree", "engine.build": "engine build",
	"server.api": "protocol", "server.slots": "number of slots", "server.kind": "kind of server", "server.version": "version of the server",
	"server.model": "served model", "server.context_tokens": "context", "versions.go": "version of Go", "versions.ceiling": "version of ceiling",
}

// mostDifferences is how many lines of differences are printed.
const mostDifferences = 20

// sameRun compares all that two manifests record of the parts that are named,
// all for none. Its error has a line for each difference.
func (e *earlierRun) sameRun(now *result.Manifest, parts ...string) error {
	text, err := json.Marshal(now)
	if err != nil {
		return err
	}
	here, err := decode(text)
	if err != nil {
		return err
	}
	then := maps.Clone(e.recorded)
	if loadsDiffer(now.Suite) {
		dropLoad(then)
		dropLoad(here)
	}
	if len(parts) > 0 {
		for _, m := range []map[string]any{then, here} {
			maps.DeleteFunc(m, func(key string, _ any) bool { return !slices.Contains(parts, key) })
		}
	}
	lines := differences("", then, here)
	if len(lines) == 0 {
		return nil
	}
	if n := len(lines) - mostDifferences; n > 0 {
		lines = append(lines[:mostDifferences], fmt.Sprintf("%d differences more", n))
	}
	for i, line := range lines {
		lines[i] = fmt.Sprintf("--resume: %s", line)
	}
	return usagef("%s\nuse the same, or start a new run", strings.Join(lines, "\n"))
}

// loadsDiffer tells whether scenarios set how the model is loaded, or a process
// begun.
func loadsDiffer(s result.Suite) bool {
	return slices.ContainsFunc(s.Scenarios, func(sc result.Scenario) bool {
		return slices.ContainsFunc(sc.Settings, func(x result.Setting) bool { return x.Reach() > result.OfSession })
	})
}

// dropLoad takes out of a manifest what then is another in each part of a run:
// it is in the suite.
func dropLoad(manifest map[string]any) {
	delete(manifest, "environment")
	if engine, ok := manifest["engine"].(map[string]any); ok {
		for _, key := range []string{"split_mode", "devices", "tensor_split", "gpu_layers", "allreduce", "allreduce_bf16_from", "sampling"} {
			delete(engine, key)
		}
	}
}

// differences are what differs between two decoded values at a path, a line
// each.
func differences(path string, then, here any) []string {
	if slices.Contains(mayDiffer, path) {
		return nil
	}
	a, were := then.(map[string]any)
	b, are := here.(map[string]any)
	if (were || then == nil) && (are || here == nil) {
		return differentKeys(path, a, b)
	}
	x, were := then.([]any)
	y, are := here.([]any)
	if were && are && len(x) == len(y) {
		var out []string
		for i := range x {
			out = append(out, of(x[i], differences(path, x[i], y[i]))...)
		}
		return out
	}
	if value(then) == value(here) || path == "engine.devices.description" && isAddress(then) && isAddress(here) {
		return nil
	}
	return []string{fmt.Sprintf("another %s: %s then, %s now", named(path), value(then), value(here))}
}

// isAddress tells whether a device is described by where its RPC server listens,
// which may have come back elsewhere.
func isAddress(v any) bool {
	text, _ := v.(string)
	u, err := url.Parse("//" + text)
	return err == nil && u.Host == text && u.Port() != ""
}

// of says in lines about a thing in a list which one it is.
func of(thing any, lines []string) []string {
	m, _ := thing.(map[string]any)
	name, ok := m["name"].(string)
	for i := range lines {
		if ok {
			lines[i] = fmt.Sprintf("%s in %q", lines[i], name)
		}
	}
	return lines
}

func differentKeys(path string, a, b map[string]any) []string {
	var out []string
	both := map[string]any{}
	maps.Copy(both, a)
	maps.Copy(both, b)
	keys := slices.Sorted(maps.Keys(both))
	if path == "model" && value(a["sha256"]) != value(b["sha256"]) {
		keys = []string{"sha256"} // which says it all
	}
	for _, k := range keys {
		out = append(out, differences(strings.TrimPrefix(path+"."+k, "."), a[k], b[k])...)
	}
	return out
}

// named is a path in words: without the part of the manifest that it lies in.
func named(path string) string {
	if words := plainly[path]; words != "" {
		return words
	}
	if _, inside, ok := strings.Cut(strings.TrimPrefix(path, "suite."), "."); ok {
		path = inside
	}
	return strings.NewReplacer(".", " ", "_", " ").Replace(path)
}

// value prints a decoded value; what is empty or missing reads alike.
func value(v any) string {
	switch v := v.(type) {
	case nil:
		return "none"
	case string:
		return cmp.Or(v, "none")
	case []any:
		if len(v) == 0 {
			return "none"
		}
	case map[string]any:
		if len(v) == 0 {
			return "none"
		}
	}
	text, _ := json.Marshal(v) // it was decoded from JSON
	if list, ok := v.([]any); ok && len(text) > 80 {
		return fmt.Sprintf("%d of them", len(list))
	}
	return string(text)
}

// decode keeps numbers as they are written.
func decode(text []byte) (map[string]any, error) {
	d := json.NewDecoder(strings.NewReader(string(text)))
	d.UseNumber()
	var out map[string]any
	err := d.Decode(&out)
	return out, err
}
