package result

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
)

// mayDiffer are the parts of a manifest in which two parts of one run may
// differ: what belongs to the moment, where things lie, why something was
// chosen, and what another part of the manifest says too. All others are
// compared, also those that are not thought of here.
var mayDiffer = []string{
	"command_line", "start", "suite.scenarios.load", "model.path", "model.converted_from.path", "suite.scenarios.dataset.path", "suite.scenarios.dataset.name",
	"engine.backends", "system.gpus", "engine.load_s", "engine.peak_rss_bytes", "engine.split_reason", "engine.layers", "engine.devices.memory_free_bytes", "engine.devices.memory_total_bytes",
	"engine.model_file", "engine.model_bytes", "engine.model_sha256", "engine.converted_from", "engine.architecture", "engine.description",
	"engine.parameters", "engine.tensor_types", "engine.seed", "engine.environment", "tuning.skipped", "tuning.goals.figure", "tuning.goals.concurrency", "engine.settings_file.notes", "engine.settings_file.file",
	"system.load_average", "system.memory_bytes",
	"server.url", "server.round_trip_s", "server.conditions",
}

// plainly are the names of settings whose key does not say them.
var plainly = map[string]string{
	"model.sha256": "model (SHA-256)", "model.size_bytes": "model (size in bytes)",
	"suite.name": "suite", "suite.scenarios.repeat": "number of passes", "suite.scenarios.dataset.sha256": "dataset (SHA-256)", "suite.scenarios.until_end": "end of text (kept or ignored)", "suite.retry": "number of passes more for what is disturbed (--retry)",
	"engine.kv_type": "KV type", "engine.kv_unified": "KV layout (unified)", "engine.flash_attn": "flash attention",
	"engine.gpu_layers": "number of GPU layers", "engine.tree": "engine tree", "engine.build": "engine build",
	"tuning.budget_s": "budget in seconds", "tuning.pairs": "number of pairs to confirm by", "tuning.goals": "list of goals", "tuning.goals.name": "goal", "tuning.search": "list of settings to search",
	"server.api": "protocol", "server.slots": "number of slots", "server.kind": "kind of server", "server.version": "version of the server",
	"server.model": "served model", "server.context_tokens": "context", "versions.go": "version of Go", "versions.ceiling": "version of ceiling",
}

// Differences compares all that m and another manifest, decoded, record of the
// parts that are named, all for none: a line for each difference.
func (m *Manifest) Differences(recorded map[string]any, parts ...string) ([]string, error) {
	text, err := json.Marshal(m)
	if err != nil {
		return nil, err
	}
	here, err := DecodeManifest(text)
	if err != nil {
		return nil, err
	}
	then := maps.Clone(recorded)
	if loadsDiffer(m.Suite) || m.Tuning.Reaches() {
		dropLoad(then)
		dropLoad(here)
	}
	if len(parts) > 0 {
		for _, m := range []map[string]any{then, here} {
			maps.DeleteFunc(m, func(key string, _ any) bool { return !slices.Contains(parts, key) })
		}
	}
	return differences("", then, here), nil
}

// loadsDiffer tells whether scenarios set how the model is loaded, or a process
// begun.
func loadsDiffer(s Suite) bool {
	return slices.ContainsFunc(s.Scenarios, func(sc Scenario) bool {
		return slices.ContainsFunc(sc.Settings, func(x Setting) bool { return x.Reach() > OfSession })
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

// DecodeManifest decodes a manifest with what this program may not know of;
// numbers stay as they are written.
func DecodeManifest(text []byte) (map[string]any, error) {
	d := json.NewDecoder(strings.NewReader(string(text)))
	d.UseNumber()
	var out map[string]any
	err := d.Decode(&out)
	return out, err
}
