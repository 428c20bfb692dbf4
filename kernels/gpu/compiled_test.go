//go:build hiprtc

package gpu

import (
	"bytes"
	"fmt"
	"maps"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"ceiling/hip/codeobject"
	"ceiling/hip/launch"
	"ceiling/hip/standin/gcn"
)

// object is a source, compiled for gfx908 by hipRTC, for which no card is needed.
type object struct {
	kernels []codeobject.Kernel
	waves   map[string]int // that a SIMD holds, by the compiler's own account
}

func compileAll(t *testing.T) map[string]object {
	t.Helper()
	c, err := launch.OpenCompiler("")
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]object{}
	for _, p := range all() {
		for _, name := range p.files {
			if _, ok := out[name]; !ok {
				out[name] = compile(t, c, name)
			}
		}
	}
	return out
}

func compile(t *testing.T, c *launch.Compiler, name string) object {
	t.Helper()
	text, err := source(sources(), name)
	if err != nil {
		t.Fatal(err)
	}
	code, log, err := c.Compile(name+".hip", text, "gfx908", "-Rpass-analysis=kernel-resource-usage")
	if err != nil {
		t.Fatal(err)
	}
	o := object{waves: remarks(t, log)}
	if o.kernels, err = codeobject.Kernels(bytes.NewReader(code)); err != nil {
		t.Fatal(err)
	}
	return o
}

var remark = regexp.MustCompile(`(Function Name|Occupancy \[waves/SIMD\]): (\w+)`)

// remarks are the occupancies in the compiler's log.
func remarks(t *testing.T, log string) map[string]int {
	t.Helper()
	out, name := map[string]int{}, ""
	for _, m := range remark.FindAllStringSubmatch(log, -1) {
		if m[1] == "Function Name" {
			name = m[2]
			continue
		}
		n, err := strconv.Atoi(m[2])
		if err != nil {
			t.Fatalf("%s: occupancy %q", name, m[2])
		}
		out[name] = n
	}
	return out
}

// placed is an instruction, and its offset in the kernel.
type placed struct {
	gcn.Inst
	offset int
}

func decode(t *testing.T, k codeobject.Kernel) []placed {
	t.Helper()
	var out []placed
	for n := 0; n < len(k.Code); {
		in, err := gcn.Decode(k.Code[n:])
		if err != nil {
			t.Fatalf("%s+%#x: %v", k.Name, n, err)
		}
		out = append(out, placed{in, n})
		n += in.Size
	}
	return out
}

// innermost are the kernel's loops that have no loop in them: from where a branch
// goes back to, up to the branch.
func innermost(code []placed) [][]placed {
	var out [][]placed
	back := -1 // the last branch that goes back
	for i, in := range code {
		target := in.offset + 4 + 4*int(int16(in.Imm))
		if !in.Has("rel") || target > in.offset {
			continue
		}
		first := i
		for first > 0 && code[first-1].offset >= target {
			first--
		}
		if first > back {
			out = append(out, code[first:i+1])
		}
		back = i
	}
	return out
}

// claim is what a probe says about the machine code of its kernel: in one innermost
// loop exactly these instructions that move data or compute, by the beginning of
// their names.
type claim struct {
	loop map[string]int
	// only: there is nothing else in the loop but scalar instructions.
	only bool
	// ahead is how many loads are on their way before the first is waited for.
	ahead int
}

const (
	load16 = "global_load_dwordx4"
	load8  = "global_load_dwordx2"
	load4  = "global_load_dword "
	load2  = "global_load_ushort"
	store  = "global_store_dwordx4"
)

func claims() map[string]claim {
	out := map[string]claim{
		"write_4":   {loop: map[string]int{store: 4}},
		"copy_4":    {loop: map[string]int{load16: 4, store: 4}, ahead: 4},
		"triad_2":   {loop: map[string]int{load16: 4, store: 2, "v_fma": 8}, ahead: 4},
		"l2":        {loop: map[string]int{load16: 8}, ahead: 8},
		"l1":        {loop: map[string]int{load16: 12}, ahead: 12},
		"lds_1":     {loop: map[string]int{"ds_read_b128": 8}},
		"lds_2":     {loop: map[string]int{"ds_read_b128": 8}},
		"chase":     {loop: map[string]int{load8: 8}, only: true, ahead: 1},
		"gemv_q4_0": {loop: map[string]int{load16: 4 + 2, load8: 1, load2: 4, "v_dot4": 32}, ahead: 11},
		"gemv_q4_1": {loop: map[string]int{load16: 4 + 2, load8: 1, load4: 4, "v_dot4": 32}, ahead: 11},
		"gemv_q8_0": {loop: map[string]int{load16: 8 + 2, load8: 1, load2: 4, "v_dot4": 32}, ahead: 15},
		"gemv_f16s": {loop: map[string]int{load16: 8 + 2, load8: 1, "v_dot2": 32}, ahead: 11},
	}
	for _, n := range []int{1, 2, 4, 8} {
		out[fmt.Sprintf("read_%d", n)] = claim{loop: map[string]int{load16: n}, ahead: n}
	}
	for _, f := range forms {
		for _, n := range []int{1, 2, 4} {
			out[fmt.Sprintf("mfma_%s_%d", f.name, n)] = claim{loop: map[string]int{f.text: 2 * n}, only: true}
		}
	}
	for kernel, instruction := range map[string]string{
		"valu_f32": "v_fma_f32", "valu_pk_f16": "v_pk_fma_f16", "valu_dot2": "v_dot2", "valu_dot4": "v_dot4", "valu_dot8": "v_dot8",
	} {
		out[kernel] = claim{loop: map[string]int{instruction: chains * stepsEach}, only: true}
	}
	return out
}

// counts are the instructions of a loop that claims are about.
func (c claim) counts(loop []placed) (found map[string]int, other []string, ahead int) {
	found = map[string]int{}
	waited := false
	for _, in := range loop {
		text := in.String() + " "
		known := false
		for prefix := range c.loop {
			if strings.HasPrefix(text, prefix) {
				found[prefix]++
				known = true
			}
		}
		switch {
		case in.Name == "s_waitcnt" && uint16(in.Imm) != 0xc07f: // but for those of scalar loads
			waited = waited || ahead > 0
		case strings.Contains(text, "_load_") && !waited:
			ahead++
		}
		memory := in.Format == gcn.Flat || in.Format == gcn.Global || in.Format == gcn.Scratch || in.Format == gcn.MUBUF || in.Format == gcn.DS
		vector := !strings.HasPrefix(text, "s_")
		if !known && (memory || in.MFMA() || strings.HasPrefix(text, "v_accvgpr") || c.only && vector) {
			other = append(other, in.String())
		}
	}
	return found, other, ahead
}

// holds says what keeps a kernel's code from being as claimed; "": nothing.
func (c claim) holds(loops [][]placed) string {
	var all []string
	for _, loop := range loops {
		found, other, ahead := c.counts(loop)
		if maps.Equal(found, c.loop) && len(other) == 0 && (c.ahead == 0 || ahead == c.ahead) {
			return ""
		}
		if len(found) > 0 {
			all = append(all, fmt.Sprintf("a loop with %v, %d loads ahead, and %q", found, ahead, other))
		}
	}
	return fmt.Sprintf("claims a loop with %v, %d loads ahead; has %s", c.loop, c.ahead, strings.Join(all, "; "))
}

// TestCompiled: the machine code is what each probe claims to measure.
func TestCompiled(t *testing.T) {
	want := claims()
	count := 0
	for file, o := range compileAll(t) {
		for _, k := range o.kernels {
			count++
			if k.VGPRSpills != 0 || k.SGPRSpills != 0 || k.Scratch != 0 {
				t.Errorf("%s.hip: %s spills %d and %d registers, and has %d bytes of scratch", file, k.Name, k.VGPRSpills, k.SGPRSpills, k.Scratch)
			}
			if waves, ok := o.waves[k.Name]; !ok || k.LDS == 0 && waves != k.RegisterWaves() || k.LDS > 0 && waves > k.RegisterWaves() {
				t.Errorf("%s.hip: %s: a SIMD holds %d waves by the compiler, we say %d", file, k.Name, waves, k.RegisterWaves())
			}
			c, ok := want[k.Name]
			if !ok {
				continue
			}
			delete(want, k.Name)
			if problem := c.holds(innermost(decode(t, k))); problem != "" {
				t.Errorf("%s.hip: %s %s", file, k.Name, problem)
			} else {
				t.Logf("%s: %v, %d loads ahead, %d waves a SIMD", k.Name, c.loop, c.ahead, k.RegisterWaves())
			}
		}
	}
	for name := range want {
		t.Errorf("there is no kernel %s", name)
	}
	t.Logf("%d kernels", count)
}

// TestClaims: a claim is not met by code that is nearly as claimed.
func TestClaims(t *testing.T) {
	c, err := launch.OpenCompiler("")
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range compile(t, c, "memory").kernels {
		if k.Name != "read_4" {
			continue
		}
		loops := innermost(decode(t, k))
		for name, c := range map[string]claim{
			"fewer loads":      {loop: map[string]int{load16: 3}},
			"other loads":      {loop: map[string]int{load8: 4}},
			"loads one by one": {loop: map[string]int{load16: 4}, ahead: 1},
			"nothing else":     {loop: map[string]int{load16: 4}, only: true},
		} {
			if c.holds(loops) == "" {
				t.Errorf("%s: held", name)
			}
		}
	}
}
