package gguf

import (
	"fmt"
	"slices"
	"strings"

	"ceiling/internal/oneline"
)

// maxProblems bounds the list of a CheckError: one damaged count can make
// every tensor wrong.
const maxProblems = 40

// CheckError lists what makes a model unfit to be loaded.
type CheckError struct {
	Path     string
	Problems []string // one line each
	Omitted  int      // further problems, not listed
}

// Error gives one line for the file and one for each problem.
func (e *CheckError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%q can't be loaded:", e.Path)
	for _, p := range e.Problems {
		b.WriteString("\n  " + p)
	}
	if e.Omitted > 0 {
		fmt.Fprintf(&b, "\n  and %d more", e.Omitted)
	}
	return b.String()
}

// Check opens the model at path and applies File.Check. The error is that of
// Open, or a *CheckError.
func Check(path string) error {
	f, err := Open(path)
	if err != nil {
		return err
	}
	return f.Check()
}

// Check finds what llama.cpp v0.5.0 would refuse, or abort the process on,
// when it loads the model and computes with it, as far as the header shows it.
// It returns nil or a *CheckError.
//
// Every architecture gets the general checks: known names, value types, counts
// and the vocabulary. The dense llama family (architectures llama and mistral3)
// also gets its hyperparameters compared with each other and with the name,
// shape and type of every tensor.
func (f *File) Check() error {
	c := &checker{f: f, arch: f.Architecture()}
	if part := f.part(); part != "" {
		return &CheckError{Path: f.Paths[0], Problems: []string{part}}
	}
	c.general()
	c.placement()
	if c.architecture() {
		c.types(baseKeys, c.arch+".")
		c.base()
		tokens := c.vocabulary()
		if len(f.Tensors) > 0 && (c.arch == "llama" || c.arch == "mistral3") {
			c.types(denseKeys, c.arch+".")
			c.dense(tokens)
		}
	}
	if len(c.problems) == 0 {
		return nil
	}
	n := min(len(c.problems), maxProblems)
	return &CheckError{Path: f.Paths[0], Problems: c.problems[:n], Omitted: len(c.problems) - n}
}

// part says what a file is that belongs to a model and is none; "" for models.
func (f *File) part() string {
	kind, _, _ := Get[string](f, "general.type") // another type is one of general's problems
	switch arch := f.Architecture(); {
	case kind == "adapter":
		return "it is an adapter (LoRA; general.type), which changes a model and is none: name the model's own file"
	case kind == "imatrix":
		return "it is an importance matrix (general.type), which quantising uses: name the model's own file"
	case kind == "mmproj", arch == "clip":
		return "it is the vision or audio part of a model, not a language model: name the main file"
	case arch == "controlvector":
		return "it is a control vector (general.architecture), which changes a model and is none: name the model's own file"
	}
	return ""
}

// checker collects problems.
type checker struct {
	f        *File
	arch     string
	problems []string
}

// addf adds a problem, once.
func (c *checker) addf(format string, args ...any) {
	if p := fmt.Sprintf(format, args...); !slices.Contains(c.problems, p) {
		c.problems = append(c.problems, p)
	}
}

// value returns the metadata value of key, or the zero value and false where
// it is absent or, which is a problem, of another type.
func value[T Scalar | []string | []int32 | []uint32 | []float32](c *checker, key string) (T, bool) {
	v, ok, err := Get[T](c.f, key)
	if err != nil {
		c.addf("%v", err)
		return v, false
	}
	return v, ok
}

// general checks the keys that belong to no architecture.
func (c *checker) general() {
	c.types(generalKeys, "")
	if len(c.f.Tensors) == 0 {
		c.addf("it holds no tensors: a vocabulary alone can't be run")
	}
	if no, ok := value[uint16](c, keySplitNo); ok && no != 0 && len(c.f.Paths) == 1 {
		c.addf("%s is %d but %s does not say that there are more files", keySplitNo, no, keySplitCount)
	}
}

// mapAlign is the alignment of tensors in memory that ggml asserts. Files are
// mapped, so it applies to offsets in the file.
const mapAlign = 32

func (c *checker) placement() {
	for i := range c.f.Tensors {
		if t := &c.f.Tensors[i]; t.Start%mapAlign != 0 {
			c.addf("tensor %s starts at byte %d of the file, not a multiple of %d as mapping it into memory needs",
				oneline.Quote(t.Name), t.Start, mapAlign)
			return
		}
	}
}

// architecture reports whether the model's architecture is known, and so its
// keys can be looked at.
func (c *checker) architecture() bool {
	arch, ok := value[string](c, keyArchitecture)
	switch {
	case !ok:
		c.addf("the key %s is missing", keyArchitecture)
		return false
	case !slices.Contains(architectures, cString(arch)):
		c.addf("llama.cpp v0.5.0 does not know the architecture %s", oneline.Quote(arch))
		return false
	}
	c.arch = cString(arch)
	return true
}

// cString is how C code sees s: up to the first NUL byte.
func cString(s string) string {
	if i := strings.IndexByte(s, 0); i >= 0 {
		return s[:i]
	}
	return s
}

// types checks the value types of the keys that a table lists.
func (c *checker) types(table map[string]string, prefix string) {
	for _, kv := range c.f.KVs {
		suffix, ok := strings.CutPrefix(kv.Key, prefix)
		if !ok {
			continue
		}
		want, ok := table[suffix]
		if !ok {
			continue
		}
		got := KindName(kv.Value)
		if !slices.Contains(strings.Split(want, "|"), got) {
			c.addf("metadata key %s is of type %s, must be %s", oneline.Quote(kv.Key), got, strings.ReplaceAll(want, "|", " or "))
		}
	}
}

// Bounds that real models keep far from. What lies beyond them is damage, and
// would cost memory or overflow somewhere.
const (
	maxContext   = 1 << 28
	maxLength    = 1 << 22 // of an embedding or a feed-forward layer
	maxHeads     = 1 << 14
	maxHeadDim   = 1 << 14
	maxLayers    = 512  // llama.cpp's own, asserted
	maxExperts   = 1024 // llama.cpp's own, asserted
	maxVocab     = 1 << 24
	maxRopeBase  = 1e15
	maxRopeScale = 1e6
)

// between returns the uint32 of key where it is present and in range.
func (c *checker) between(key string, lo, hi uint32) (uint32, bool) {
	v, ok := value[uint32](c, c.arch+"."+key)
	if ok && (v < lo || v > hi) {
		c.addf("%s.%s is %d, must be %d to %d", c.arch, key, v, lo, hi)
		return v, false
	}
	return v, ok
}

// required is between for a key that must be there.
func (c *checker) required(key string, lo, hi uint32) (uint32, bool) {
	if _, ok := c.f.Value(c.arch + "." + key); !ok {
		c.addf("the key %s.%s is missing", c.arch, key)
		return 0, false
	}
	return c.between(key, lo, hi)
}

// base checks the hyperparameters that llama.cpp reads for every architecture,
// most of which it asserts on.
func (c *checker) base() {
	c.required("context_length", 1, maxContext)
	c.required("embedding_length", 1, maxLength)
	layers, ok := c.required("block_count", 1, maxLayers)
	if ok {
		c.between("nextn_predict_layers", 0, layers-1)
		for _, key := range []string{"feed_forward_length", "attention.head_count", "attention.head_count_kv", "expert_used_count"} {
			c.perLayer(key, layers)
		}
	}
	c.between("embedding_length_out", 0, maxLength)
	if scaling, ok := value[string](c, c.arch+".rope.scaling.type"); ok && !slices.Contains(ropeScalings, cString(scaling)) {
		c.addf("%s.rope.scaling.type is %s, must be one of %s", c.arch, oneline.Quote(scaling), strings.Join(ropeScalings, ", "))
	}
	if pooling, ok := value[uint32](c, c.arch+".pooling_type"); ok && pooling > 4 && pooling != 1<<32-1 {
		c.addf("%s.pooling_type is %d, must be 0 to 4", c.arch, pooling)
	}
	if ok {
		c.experts(layers)
	}
}

var ropeScalings = []string{"none", "linear", "yarn", "longrope"}

// perLayer returns a hyperparameter that may be one number or one per layer.
// It is nil where the key is absent or wrong.
func (c *checker) perLayer(key string, layers uint32) []uint32 {
	v, ok := c.f.Value(c.arch + "." + key)
	if !ok {
		return nil
	}
	var list []uint32
	switch x := v.(type) {
	case uint32:
		return slices.Repeat([]uint32{x}, int(layers))
	case []uint32:
		list = x
	case []int32:
		for _, n := range x {
			list = append(list, uint32(n))
		}
	case []bool:
		for _, b := range x {
			n := uint32(0)
			if b {
				n = 1
			}
			list = append(list, n)
		}
	default:
		return nil // the table of types reports it
	}
	if len(list) != int(layers) {
		c.addf("%s.%s has %d elements for %d layers", c.arch, key, len(list), layers)
		return nil
	}
	return list
}

// experts checks the mixture-of-experts numbers that llama.cpp asserts on.
func (c *checker) experts(layers uint32) {
	count, _ := value[uint32](c, c.arch+".expert_count")
	groups, _ := value[uint32](c, c.arch+".expert_group_count")
	inUse, _ := value[uint32](c, c.arch+".expert_group_used_count")
	var used uint32
	if list := c.perLayer("expert_used_count", layers); list != nil {
		used = slices.Max(list)
	}
	if strings.HasPrefix(c.arch, "hunyuan") && count <= 1 {
		count, used = 0, 0
	}
	switch {
	case count > maxExperts || used > count || count > 0 && used == 0:
		c.addf("%s uses %d of %d experts, must be 1 to %d of at most %d", c.arch, used, count, count, maxExperts)
	case count > 0 && groups >= count, count == 0 && groups > 0:
		c.addf("%s has %d groups of %d experts", c.arch, groups, count)
	case groups > 1 && (count%groups != 0 || inUse == 0 || inUse >= groups):
		c.addf("%s uses %d of %d groups of %d experts", c.arch, inUse, groups, count)
	}
}
