package report

import (
	"ceiling/internal/figure"
	"ceiling/internal/machine"
	"ceiling/internal/oneline"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"ceiling/bench/result"
	"ceiling/report/doc"
)

// engineTable says what computed the numbers and under which conditions.
// The reference has no such section.
func engineTable(r *result.Run, all []scenario) *doc.Table {
	e := r.Engine
	t := newConditions()
	t.add("Engine", engineName(e))
	t.add("Source tree", treeText(e))
	t.add("Build", e.Build)
	t.add("Backends", strings.Join(e.Backends, ", "))
	t.add("Devices used", devicesText(e.Devices))
	t.add("Split mode / GPU layers", pair(splitText(e), layersText(e)))
	if len(e.Layers) > 0 {
		t.add("Layers on devices", placementText(e.Layers))
	}
	if len(e.Weights) > 0 {
		t.add("Weights in buffers", weightsText(e.Weights))
	}
	if e.AllReduce != "" { // only a tensor split has one
		t.add("All-reduce", allReduceText(e))
	}
	if text := linksText(r); text != "" {
		t.add("Links to RPC servers", text)
	}
	t.add("Model file", modelFileText(e))
	t.add("Model SHA-256", e.ModelSHA256)
	if e.ConvertedFrom != nil {
		t.add("Converted from", convertedText(e.ConvertedFrom))
	}
	t.add("Model", modelText(e))
	t.add("Bits per weight", bitsPerWeight(e))
	t.add("Tensor types", tensorTypesText(e.TensorTypes))
	if e.Settings != nil {
		t.add("Settings from a file", settingsFileText(e.Settings))
	}
	t.add("Load mode", loadText(e))
	t.add("Threads", countText(e.Threads))
	t.add("Step tokens / ubatch", pair(countText(e.StepBudget()), countText(e.UBatch)))
	t.add("Flash attention", e.FlashAttn)
	if len(e.Choices) > 0 {
		t.add("Chosen by the engine", strings.Join(e.Choices, "; "))
	}
	t.add("KV cache", kvText(e))
	if e.SWAWindow > 0 {
		t.add("Sliding-window layers", windowText(e))
	}
	t.add("Prompt cache", cacheText(r))
	t.add("Sampling", e.Sampling)
	if text := specCondition(all); text != "none" {
		t.add("Speculation", text)
	}
	if e.LogitsCopy != nil {
		t.add("Logits copied for it", copyText(e.LogitsCopy))
	}
	if e.Check != "" {
		t.add("Output check", e.Check)
	}
	t.add("Seed", strconv.FormatUint(e.Seed, 10))
	t.add("Peak resident memory", mebibytes(e.PeakRSSBytes))
	if len(e.Environment) > 0 {
		t.add("Environment switches", environmentText(e.Environment))
	}
	hostConditions(t, r.System)
	return t.table
}

// hostConditions are what of the machine bears on speed and has no row in
// the reference's system table. What is not known is left out.
func hostConditions(t *conditions, s *machine.System) {
	if s == nil {
		return
	}
	limit := ""
	if s.MemoryLimit > 0 {
		limit = gibibytes(s.MemoryLimit) + " (control group)"
	}
	for _, row := range []struct{ name, value string }{
		{"CPU cores usable", countText(s.Cores)},
		{"Memory limit", limit},
		{"CPU governor", s.Governor},
		{"Load average before the run", s.LoadAverage},
		{"Hypervisor", s.Hypervisor},
		{"GPU links", s.GPULinks},
		{"GPU host link (PCIe)", cardsText(s.Cards, func(c machine.Card) string { return c.PCIe })},
		{"GPU power cap (default)", cardsText(s.Cards, capText)},
		{"CPU backend built for", s.Instructions},
	} {
		if row.value != "" {
			t.add(row.name, row.value)
		}
	}
}

// cardsText is a property of the cards, equal ones once: "16 GT/s ×16", or
// each with the cards that have it. "" where no card tells.
func cardsText(cards []machine.Card, of func(machine.Card) string) string {
	var values []string
	have := map[string][]string{}
	for _, c := range cards {
		v := figure.OrMissing(of(c))
		if have[v] == nil {
			values = append(values, v)
		}
		have[v] = append(have[v], c.PCI)
	}
	if len(values) == 1 {
		if values[0] == figure.Missing {
			return ""
		}
		return values[0]
	}
	for i, v := range values {
		values[i] = v + " (" + strings.Join(have[v], ", ") + ")"
	}
	return strings.Join(values, "; ")
}

// capText is a card's power cap with its default.
func capText(c machine.Card) string {
	if c.PowerCapW == nil {
		return ""
	}
	text := figure.Decimals(c.PowerCapW, 0) + " W"
	if c.PowerCapDefaultW != nil {
		text += " (" + figure.Decimals(c.PowerCapDefaultW, 0) + " W)"
	}
	return text
}

// conditions is a table of two columns.
type conditions struct{ table *doc.Table }

func newConditions() *conditions {
	return &conditions{&doc.Table{Columns: doc.Words("Condition", "Value")}}
}

func (c *conditions) add(name, value string) { c.table.Add(name, figure.OrMissing(oneline.Of(value))) }

func engineName(e *result.EngineInfo) string {
	return strings.TrimSpace(e.Name + " " + e.Release)
}

func treeText(e *result.EngineInfo) string {
	if e.TreeState == "" || e.Tree == "" {
		return e.Tree
	}
	return e.Tree + " (" + e.TreeState + ")"
}

func devicesText(devices []machine.DeviceInfo) string {
	texts := make([]string, len(devices))
	for i, d := range devices {
		texts[i] = d.Name
		if d.Description != "" && d.Description != d.Name {
			texts[i] += ": " + d.Description
		}
		if d.MemoryTotal > 0 {
			texts[i] += ", " + gibibytes(d.MemoryTotal)
		}
	}
	return strings.Join(texts, "; ")
}

func layersText(e *result.EngineInfo) string {
	if e.GPULayers < 0 {
		return "all"
	}
	return strconv.Itoa(e.GPULayers)
}

func modelFileText(e *result.EngineInfo) string {
	if e.ModelBytes <= 0 {
		return e.ModelFile
	}
	return fmt.Sprintf("%s, %s (%s bytes)", e.ModelFile, mebibytes(e.ModelBytes), figure.Grouped(e.ModelBytes))
}

// convertedText names the checkpoint and says whether the file holds its own
// numbers.
func convertedText(c *result.CheckpointInfo) string {
	exact := "exact"
	if !c.Exact {
		exact = "rounded"
	}
	return fmt.Sprintf("%s (%s), %s", c.Path, c.Format, exact)
}

func modelText(e *result.EngineInfo) string {
	parts := []string{}
	if text := e.Describe(); text != "" {
		parts = append(parts, text)
	}
	if e.Architecture != "" {
		parts = append(parts, "architecture "+e.Architecture)
	}
	if e.Parameters > 0 {
		parts = append(parts, figure.Grouped(e.Parameters)+" parameters")
	}
	return strings.Join(parts, ", ")
}

// bitsPerWeight is the file's size over its parameters: what a weight costs
// on disk and in memory, scales and unquantised tensors included.
func bitsPerWeight(e *result.EngineInfo) string {
	if e.Parameters <= 0 || e.ModelBytes <= 0 {
		return ""
	}
	return strconv.FormatFloat(8*float64(e.ModelBytes)/float64(e.Parameters), 'f', 2, 64)
}

// tensorTypesText is each type with its tensors and its share of the bytes.
func tensorTypesText(types []result.TensorTypeCount) string {
	var total int64
	for _, t := range types {
		total += t.Bytes
	}
	texts := make([]string, len(types))
	for i, t := range types {
		texts[i] = fmt.Sprintf("%s: %d tensors", t.Type, t.Tensors)
		if total > 0 {
			texts[i] += ", " + figure.Share(t.Bytes, total) + " of bytes"
		}
	}
	return strings.Join(texts, "; ")
}

// settingsFileText names a file of settings with what it holds and what it is not
// made for.
func settingsFileText(f *result.SettingsFile) string {
	text := f.File + ": "
	if len(f.Settings) == 0 {
		text += "the defaults"
	}
	text += result.SettingsText(f.Settings)
	if f.TunedFor != "" {
		text += "; tuned for " + f.TunedFor
	}
	if f.Outcome != "" {
		text += "; " + f.Outcome
	}
	return strings.Join(append([]string{text}, f.Notes...), "; ")
}

// splitText is the split mode with the reason for it and the shares.
func splitText(e *result.EngineInfo) string {
	text := e.SplitMode
	if e.SplitReason != "" {
		text += " (" + e.SplitReason + ")"
	}
	if len(e.TensorSplit) > 0 {
		shares := make([]string, len(e.TensorSplit))
		for i, s := range e.TensorSplit {
			shares[i] = strconv.FormatFloat(float64(s), 'g', -1, 32)
		}
		text += ", shares " + strings.Join(shares, ":")
	}
	return text
}

// allReduceText says how a tensor split adds up; the fallback is what a reader
// must not miss.
func allReduceText(e *result.EngineInfo) string {
	switch {
	case e.AllReduce == "butterfly":
		return "butterfly: driven by the host, without RCCL or NCCL"
	case e.BF16From == 1:
		return e.AllReduce + ", in bf16"
	case e.BF16From > 0 && e.UBatch > 0 && e.BF16From > e.UBatch:
		return fmt.Sprintf("%s, in f32 (bf16 from %s tokens on, a batch has at most %s)", e.AllReduce, countText(e.BF16From), countText(e.UBatch))
	case e.BF16From > 0:
		return fmt.Sprintf("%s, in bf16 where a batch has %s tokens or more, else in f32", e.AllReduce, countText(e.BF16From))
	}
	return e.AllReduce
}

func loadText(e *result.EngineInfo) string {
	if e.LoadMode == "" || e.LoadSeconds <= 0 {
		return e.LoadMode
	}
	return fmt.Sprintf("%s, %.2f s", e.LoadMode, e.LoadSeconds)
}

func kvText(e *result.EngineInfo) string {
	if e.KVType == "" {
		return ""
	}
	if e.KVUnified {
		return e.KVType + ", one buffer for all sequences (unified)"
	}
	return e.KVType + ", a buffer of its own for each sequence (not unified)"
}

func windowText(e *result.EngineInfo) string {
	if e.SWAFull {
		return "all positions in the KV cache (full), of which each token sees " + figure.Grouped(int64(e.SWAWindow))
	}
	return fmt.Sprintf("the window of %s tokens and a batch in the KV cache", figure.Grouped(int64(e.SWAWindow)))
}

func copyText(c *result.LogitsCopy) string {
	return fmt.Sprintf("%s rows, %s, in %.2f s with the argmax: %.1f %% of the steps' time", figure.Grouped(c.Rows), mebibytes(c.Bytes), c.Seconds, 100*c.OfStepTime)
}

// cacheText says whether prompts could be served from earlier ones, and how
// many tokens were.
func cacheText(r *result.Run) string {
	var reused int64
	states := map[string]bool{}
	for i := range r.Details {
		reused += r.Details[i].ReusedTokens
		if c := r.Details[i].Cache; c != "" {
			states[c] = true
		}
	}
	state := strings.Join(slices.Sorted(maps.Keys(states)), " and ")
	if state == "" {
		state = result.CacheCold
		if r.Engine.PrefixCache {
			state = result.CacheWarm
		}
	}
	return fmt.Sprintf("%s, %s prompt tokens reused", state, figure.Grouped(reused))
}

func environmentText(env map[string]string) string {
	texts := make([]string, 0, len(env))
	for _, key := range slices.Sorted(maps.Keys(env)) {
		texts = append(texts, key+"="+env[key])
	}
	return strings.Join(texts, ", ")
}

// pair is "a / b", "" where both are unknown.
func pair(a, b string) string {
	if a == "" && b == "" {
		return ""
	}
	return figure.OrMissing(a) + " / " + figure.OrMissing(b)
}

// modelTitle is the model's name, marked where its weights are synthetic.
func modelTitle(r *result.Run) string {
	name := figure.OrMissing(oneline.Of(r.Model))
	if syntheticWeights(r) {
		name += " (synthetic weights)"
	}
	return name
}

func syntheticWeights(r *result.Run) bool { return r.Engine != nil && r.Engine.Synthetic }

// countText is n, "" for a count that is not known.
func countText(n int) string {
	if n <= 0 {
		return ""
	}
	return strconv.Itoa(n)
}
