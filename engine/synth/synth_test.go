package synth

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"ceiling/engine/gguf"
)

// tiny is a geometry whose files have some hundred kilobytes.
func tiny(t testing.TB) NamedGeometry {
	t.Helper()
	g, ok := Builtin("demo")
	if !ok {
		t.Fatal("no geometry demo")
	}
	g.Name, g.Title, g.SizeLabel = "tiny", "", ""
	g.Layers, g.Hidden, g.Heads, g.KVHeads, g.HeadDim, g.FFN, g.Vocab = 2, 256, 4, 2, 64, 512, 400
	return g
}

// write writes a model and returns its path.
func write(t testing.TB, o FileOptions) string {
	t.Helper()
	if o.Out == "" {
		o.Out = filepath.Join(t.TempDir(), "m.gguf")
	}
	if _, err := Write(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	return o.Out
}

func TestPlanDevstral(t *testing.T) {
	g, ok := Builtin("devstral-small-2-24b")
	if !ok {
		t.Fatal("no such geometry")
	}
	const (
		embeddings = 2 * 131072 * 5120 * 2
		norms      = 81 * 5120 * 4
		linear     = 22_229_811_200
	)
	for _, c := range []struct {
		name     string
		data     int64
		matrices gguf.Type
		tables   gguf.Type
	}{
		{"q4_0", 12_504_268_800 + embeddings + norms, gguf.Q4_0, gguf.BF16},
		{"q4_1", 13_893_632_000 + embeddings + norms, gguf.Q4_1, gguf.BF16},
		{"q8_0", 23_619_174_400 + embeddings + norms, gguf.Q8_0, gguf.BF16},
		{"f16", 2*linear + embeddings + norms, gguf.F16, gguf.F16},
	} {
		p, err := NewPlan(g, c.name)
		if err != nil {
			t.Fatal(err)
		}
		if len(p.Tensors) != 363 || p.Parameters != 23_572_403_200 {
			t.Errorf("%s: %d tensors, %d parameters", c.name, len(p.Tensors), p.Parameters)
		}
		if data := p.Size - p.Tensors[0].Start; data != c.data {
			t.Errorf("%s: %d bytes of data, want %d", c.name, data, c.data)
		}
		count := map[gguf.Type]int{}
		for _, tensor := range p.Tensors {
			count[tensor.Type]++
		}
		want := map[gguf.Type]int{gguf.F32: 81}
		want[c.matrices] += 280
		want[c.tables] += 2
		for kind, n := range want {
			if count[kind] != n {
				t.Errorf("%s: %d tensors of %s, want %d", c.name, count[kind], kind, n)
			}
		}
	}
	p, _ := NewPlan(g, "q4_0")
	if p.Tensors[0].Start+15_190_282_240 != p.Size {
		t.Errorf("q4_0 has %d bytes of data", p.Size-p.Tensors[0].Start)
	}
	shapes := map[string]string{}
	for _, tensor := range p.Tensors {
		shapes[tensor.Name] = tensor.Shape()
	}
	for name, want := range map[string]string{
		"token_embd.weight": "5120x131072", "output.weight": "5120x131072", "output_norm.weight": "5120",
		"blk.39.attn_q.weight": "5120x4096", "blk.39.attn_k.weight": "5120x1024", "blk.39.attn_v.weight": "5120x1024",
		"blk.39.attn_output.weight": "4096x5120", "blk.0.ffn_gate.weight": "5120x32768", "blk.0.ffn_up.weight": "5120x32768",
		"blk.0.ffn_down.weight": "32768x5120", "blk.0.attn_norm.weight": "5120", "blk.0.ffn_norm.weight": "5120",
	} {
		if shapes[name] != want {
			t.Errorf("%s has shape %q, want %s", name, shapes[name], want)
		}
	}
}

func TestBuiltins(t *testing.T) {
	for _, name := range Names() {
		g, ok := Builtin(name)
		if !ok {
			t.Fatalf("%s is named but not there", name)
		}
		if err := g.Validate(); err != nil {
			t.Error(err)
		}
		p, err := NewPlan(g, "q4_0")
		if err != nil {
			t.Fatal(err)
		}
		if got := gguf.SizeLabel(p.Parameters); got != g.SizeLabel {
			t.Errorf("%s: the size is %s, its label says %s", name, got, g.SizeLabel)
		}
		for _, n := range []int{g.Hidden, g.FFN, g.Heads * g.HeadDim} {
			if n%256 != 0 {
				t.Errorf("%s: rows of %d elements are not whole blocks of 256", name, n)
			}
		}
		if g.Context < 16384+1024 {
			t.Errorf("%s: a context of %d can't hold the longest scenario", name, g.Context)
		}
		g.Rope.Yarn.Factor = 1
		if again, _ := Builtin(name); again.Rope.Yarn.Factor == 1 {
			t.Errorf("%s: changing a copy changes the original", name)
		}
	}
}

// TestBytes pins the files that seeds give. A change here makes every model
// that was ever synthesised irreproducible.
func TestBytes(t *testing.T) {
	for _, c := range []struct{ kind, want string }{
		{"q4_0", "e5ef2a939c932f3b9ec8d1922543eb757ef060323589aa4a92fa5f240d898884"},
		{"q4_1", "83ebc3fe22ff8b458a5e1eeb1ff5b1d27833f894677c1de7e0a99e64cfdb3dcd"},
		{"q8_0", "f01485f60d39a224e39ab57c82621c1b8d36f7faaa89bdf96669fda26a2982b8"},
		{"f16", "598898fcc44b856f7c4939289f26d89202169b9805fec4e72b28617eef847e54"},
	} {
		sum := func(seed uint64, procs int) string {
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
			data, err := os.ReadFile(write(t, FileOptions{Geometry: tiny(t), Type: c.kind, Seed: seed}))
			if err != nil {
				t.Fatal(err)
			}
			h := sha256.Sum256(data)
			return hex.EncodeToString(h[:])
		}
		one := sum(7, 1)
		if one != c.want {
			t.Errorf("%s: %s, want %s", c.kind, one, c.want)
		}
		if many := sum(7, 5); many != one {
			t.Errorf("%s: five threads give other bytes than one", c.kind)
		}
		if other := sum(8, 2); other == one {
			t.Errorf("%s: another seed gives the same bytes", c.kind)
		}
	}
}

func TestWrite(t *testing.T) {
	for _, kind := range Types() {
		g := tiny(t)
		out := filepath.Join(t.TempDir(), "m.gguf")
		var last, calls int64
		st, err := Write(t.Context(), FileOptions{Geometry: g, Type: kind, Out: out, Progress: func(done, total int64) {
			if done < last || done > total {
				t.Errorf("%s: progress goes from %d to %d of %d", kind, last, done, total)
			}
			last, calls = done, calls+1
		}})
		if err != nil {
			t.Fatal(err)
		}
		if err := gguf.Check(out); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
		f, err := gguf.Open(out)
		if err != nil {
			t.Fatal(err)
		}
		p, err := NewPlan(g, kind)
		if err != nil {
			t.Fatal(err)
		}
		if st.Bytes != f.Size || st.Bytes != p.Size || last != f.Size || calls < 10 {
			t.Errorf("%s: %d bytes in the stats, %d in the file, %d planned, %d in %d calls of progress",
				kind, st.Bytes, f.Size, p.Size, last, calls)
		}
		if st.Parameters != f.Parameters() || st.Parameters != p.Parameters || st.Tensors != len(f.Tensors) || st.Path != out {
			t.Errorf("%s: stats %+v", kind, st)
		}
		if st.WriteTime <= 0 || st.TotalTime < st.WriteTime || st.MBPerSecond() <= 0 {
			t.Errorf("%s: stats %+v", kind, st)
		}
		checkValues(t, f)
	}
}

// checkValues decodes every tensor and compares mean and root mean square with
// what the network needs.
func checkValues(t *testing.T, f *gguf.File) {
	t.Helper()
	data, err := os.ReadFile(f.Paths[0])
	if err != nil {
		t.Fatal(err)
	}
	g := tiny(t)
	branch := 16 / math.Sqrt(2*float64(g.Layers))
	rms := map[string]float64{
		"token_embd": 16, "output": 3 / math.Sqrt(256),
		"attn_q": math.Sqrt(2. / 256), "attn_k": math.Sqrt(2. / 256), "attn_v": 1 / math.Sqrt(256),
		"attn_output": branch / math.Sqrt(256), "ffn_gate": 1 / math.Sqrt(256), "ffn_up": 1 / math.Sqrt(256),
		"ffn_down": branch / 0.6 / math.Sqrt(512),
	}
	for _, tensor := range f.Tensors {
		values := make([]float32, tensor.Elements())
		if err := gguf.Dequantize(tensor.Type, data[tensor.Start:tensor.Start+tensor.Bytes], values); err != nil {
			t.Fatal(err)
		}
		var sum, square float64
		lowest, highest := values[0], values[0]
		for _, v := range values {
			sum += float64(v)
			square += float64(v) * float64(v)
			lowest, highest = min(lowest, v), max(highest, v)
		}
		n := float64(len(values))
		mean, size := sum/n, math.Sqrt(square/n)
		if strings.HasSuffix(tensor.Name, "_norm.weight") {
			if lowest < 0.9 || highest > 1.1 || highest-lowest < 0.15 {
				t.Errorf("%s is from %v to %v", tensor.Name, lowest, highest)
			}
			continue
		}
		want := rms[strings.TrimSuffix(tensor.Name[strings.LastIndex(strings.TrimSuffix(tensor.Name, ".weight"), ".")+1:], ".weight")]
		// The blocks' scales differ, so the estimate of the size has an error
		// of some 4% for the smallest tensor, with 512 blocks.
		if want == 0 || math.Abs(size/want-1) > 0.06 {
			t.Errorf("%s %s has root mean square %v, want %v", tensor.Name, tensor.Type, size, want)
		}
		if math.Abs(mean) > 5*size/math.Sqrt(n) {
			t.Errorf("%s %s has mean %v", tensor.Name, tensor.Type, mean)
		}
	}
}

// Scales must stay in the normal range of 16-bit floats in the largest
// geometry: some devices take smaller ones for zero.
func TestScalesAreNormal(t *testing.T) {
	g, _ := Builtin("devstral-small-2-24b")
	for _, s := range storages {
		for _, tensor := range g.tensors(s) {
			size := map[gguf.Type]float64{gguf.Q4_0: rmsQ4_0, gguf.Q4_1: rmsQ4_1, gguf.Q8_0: rmsQ8_0}[tensor.kind]
			if size == 0 || tensor.rms == 0 {
				continue
			}
			for _, d := range scales(tensor.rms / size) {
				if e := d >> 10 & 31; e == 0 || e == 31 {
					t.Fatalf("%s in %s has the scale %v", tensor.name, s.name, gguf.HalfToFloat32(d))
				}
			}
		}
	}
}

func TestMetadata(t *testing.T) {
	g, _ := Builtin("devstral-small-2-24b")
	g.Vocab, g.Layers, g.FFN, g.Hidden = 400, 1, 32, 32 // small file, other keys as they are
	f, err := gguf.Open(write(t, FileOptions{Geometry: g, Type: "q4_0", Seed: 5}))
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]any{
		"general.architecture":                          "mistral3",
		"general.type":                                  "model",
		"general.name":                                  "Devstral Small 2 24B Instruct 2512 (synthetic weights)",
		"general.size_label":                            "24B",
		"general.file_type":                             uint32(2),
		"general.quantization_version":                  uint32(2),
		"mistral3.vocab_size":                           uint32(400),
		"mistral3.context_length":                       uint32(393216),
		"mistral3.embedding_length":                     uint32(32),
		"mistral3.block_count":                          uint32(1),
		"mistral3.feed_forward_length":                  uint32(32),
		"mistral3.attention.head_count":                 uint32(32),
		"mistral3.attention.head_count_kv":              uint32(8),
		"mistral3.attention.key_length":                 uint32(128),
		"mistral3.attention.value_length":               uint32(128),
		"mistral3.attention.layer_norm_rms_epsilon":     float32(1e-5),
		"mistral3.attention.temperature_scale":          float32(0.1),
		"mistral3.rope.dimension_count":                 uint32(128),
		"mistral3.rope.freq_base":                       float32(1e8),
		"mistral3.rope.scaling.type":                    "yarn",
		"mistral3.rope.scaling.factor":                  float32(48),
		"mistral3.rope.scaling.original_context_length": uint32(8192),
		"mistral3.rope.scaling.yarn_beta_fast":          float32(32),
		"mistral3.rope.scaling.yarn_beta_slow":          float32(1),
		"mistral3.rope.scaling.yarn_log_multiplier":     float32(1),
		"tokenizer.ggml.model":                          "gpt2",
		"tokenizer.ggml.pre":                            "tekken",
		"tokenizer.ggml.bos_token_id":                   uint32(1),
		"tokenizer.ggml.eos_token_id":                   uint32(2),
		"tokenizer.ggml.unknown_token_id":               uint32(0),
		"tokenizer.ggml.padding_token_id":               uint32(11),
		"tokenizer.ggml.add_bos_token":                  true,
		"tokenizer.ggml.add_eos_token":                  false,
		"tokenizer.chat_template":                       chatTemplate,
	} {
		if got, _ := f.Value(key); got != want {
			t.Errorf("%s is %v (%T), want %v (%T)", key, got, got, want, want)
		}
	}
	if d, _, _ := gguf.Get[string](f, "general.description"); !strings.Contains(d, "seed 5") {
		t.Errorf("the description %q does not name the seed", d)
	}
}

// Without YaRN and temperature their keys are absent, not 0.
func TestMetadataWithoutYarn(t *testing.T) {
	g := tiny(t)
	g.Rope.Yarn, g.TemperatureScale = nil, 0
	out := write(t, FileOptions{Geometry: g, Type: "f16"})
	if err := gguf.Check(out); err != nil {
		t.Error(err)
	}
	f, err := gguf.Open(out)
	if err != nil {
		t.Fatal(err)
	}
	for _, kv := range f.KVs {
		key := kv.Key
		if strings.Contains(key, "scaling") || strings.Contains(key, "temperature") {
			t.Errorf("key %s", key)
		}
	}
	if size, _, _ := gguf.Get[string](f, "general.size_label"); size != "1.4M" {
		t.Errorf("size label %q", size)
	}
}

func TestWriteRefuses(t *testing.T) {
	for _, c := range []struct {
		want string
		edit func(o *FileOptions)
	}{
		{"layers is 0", func(o *FileOptions) { o.Geometry.Layers = 0 }},
		{`no weight type "q5_0": name one of q4_0, q4_1, q8_0, f16`, func(o *FileOptions) { o.Type = "q5_0" }},
		{"parameters, at most 1e+14", func(o *FileOptions) {
			o.Geometry.Layers, o.Geometry.Hidden, o.Geometry.FFN = 512, 1<<20, 1<<20
		}},
		{"no such file", func(o *FileOptions) { o.Out = filepath.Join(o.Out, "deeper.gguf") }},
	} {
		dir := t.TempDir()
		o := FileOptions{Geometry: tiny(t), Type: "q4_0", Out: filepath.Join(dir, "m.gguf")}
		c.edit(&o)
		if _, err := Write(t.Context(), o); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, want %q", err, c.want)
		}
		empty(t, dir)
	}
}

func TestOverwrite(t *testing.T) {
	out := write(t, FileOptions{Geometry: tiny(t), Type: "q4_0"})
	before, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	o := FileOptions{Geometry: tiny(t), Type: "q4_0", Out: out, Seed: 9}
	if _, err := Write(t.Context(), o); !errors.Is(err, fs.ErrExist) {
		t.Errorf("existing file: %v", err)
	}
	if after, _ := os.ReadFile(out); !bytes.Equal(before, after) {
		t.Error("the existing file changed")
	}
	o.Overwrite = true
	if _, err := Write(t.Context(), o); err != nil {
		t.Error(err)
	}
	if after, _ := os.ReadFile(out); bytes.Equal(before, after) {
		t.Error("the file was not overwritten")
	}
}

func TestCancel(t *testing.T) {
	for _, after := range []int64{0, 1, 7} {
		dir := t.TempDir()
		ctx, cancel := context.WithCancel(t.Context())
		calls := int64(0)
		o := FileOptions{Geometry: tiny(t), Type: "q8_0", Out: filepath.Join(dir, "m.gguf"), Progress: func(done, total int64) {
			if calls++; calls == after {
				cancel()
			}
		}}
		if after == 0 {
			cancel()
		}
		if _, err := Write(ctx, o); !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled after %d calls: %v", after, err)
		}
		empty(t, dir)
		cancel()
	}
}

func TestNoSpace(t *testing.T) {
	dir := t.TempDir()
	o := FileOptions{Geometry: tiny(t), Type: "q8_0", Out: filepath.Join(dir, "m.gguf")}
	p, err := NewPlan(o.Geometry, o.Type)
	if err != nil {
		t.Fatal(err)
	}
	o.Free = func(string) (int64, error) { return 1000, nil }
	var space *gguf.SpaceError
	if _, err := Write(t.Context(), o); !errors.As(err, &space) || space.Need != p.Size || space.Avail != 1000 {
		t.Errorf("%v", err)
	}
	empty(t, dir)
	small, mounted := tmpfs(t, "size=256k")
	if !mounted {
		t.Log("no tmpfs can be mounted here: the disk that fills up while writing was not tried")
		return
	}
	o.Out = filepath.Join(small, "m.gguf")
	o.Free = nil
	if _, err := Write(t.Context(), o); !errors.As(err, &space) || space.Avail != 256<<10 {
		t.Errorf("%v", err)
	}
	// Another program may take the space while ours writes.
	o.Free = func(string) (int64, error) { return 1 << 40, nil }
	if _, err := Write(t.Context(), o); !errors.Is(err, unix.ENOSPC) || !strings.Contains(err.Error(), o.Out) {
		t.Errorf("%v", err)
	}
	empty(t, small)
}

func TestReadOnlyDirectory(t *testing.T) {
	dir, mounted := tmpfs(t, "size=16m")
	if mounted {
		if err := unix.Mount("", dir, "", unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
			t.Fatal(err)
		}
	} else if err := os.Chmod(dir, 0o555); err != nil {
		t.Fatal(err)
	}
	o := FileOptions{Geometry: tiny(t), Type: "q4_0", Out: filepath.Join(dir, "m.gguf")}
	_, err := Write(t.Context(), o)
	if !errors.Is(err, unix.EROFS) && !errors.Is(err, fs.ErrPermission) || !strings.Contains(fmt.Sprint(err), dir) {
		t.Errorf("%v", err)
	}
	empty(t, dir)
}

// tmpfs returns a new directory and whether a file system of its own, with
// the given options, could be mounted there.
func tmpfs(t *testing.T, options string) (string, bool) {
	t.Helper()
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, options); err != nil {
		return dir, false
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir, true
}

func empty(t *testing.T, dir string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		t.Errorf("%s is left", e.Name())
	}
}

// Memory does not grow with the file: what is allocated, in total, is a
// handful of chunks and the vocabulary.
func TestMemory(t *testing.T) {
	g, _ := Builtin("demo")
	allocated := func(layers int) uint64 {
		g.Layers = layers
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		write(t, FileOptions{Geometry: g, Type: "q8_0"})
		runtime.ReadMemStats(&after)
		return after.TotalAlloc - before.TotalAlloc
	}
	allocated(1)
	few, many := allocated(1), allocated(8) // 48 MB more
	if many > few+8<<20 {
		t.Errorf("seven more layers allocate %d bytes more", many-few)
	}
}
