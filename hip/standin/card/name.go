package card

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"ceiling/hip/standin/cu"
)

// Tags of a code object's dynamic section, and sizes of its parts.
const (
	dynamicSegment = 2
	tagStrings     = 5
	tagSymbols     = 6
	symbolBytes    = 24
)

// kernelName finds the name of a kernel's descriptor in the code object that
// the runtime has loaded around it. Where it can't, the address is the name.
func kernelName(mem cu.Memory, object uint64) string {
	host, base := mem.Region(object)
	name := fmt.Sprintf("%#x", object)
	if len(host) < 64 || !bytes.HasPrefix(host, []byte("\x7fELF")) {
		return name
	}
	symbols, strs := dynamic(host)
	for at := symbols; at+symbolBytes <= strs && strs < uint64(len(host)); at += symbolBytes {
		s := host[at:]
		if base+le.Uint64(s[8:]) != object {
			continue
		}
		if start := strs + uint64(le.Uint32(s)); start < uint64(len(host)) {
			text, _, _ := bytes.Cut(host[start:], []byte{0})
			return strings.TrimSuffix(string(text), ".kd")
		}
	}
	return name
}

// dynamic returns where the symbols and their names lie in a loaded object;
// the names follow the symbols.
func dynamic(host []byte) (symbols, strs uint64) {
	headers, n := le.Uint64(host[32:]), int(le.Uint16(host[56:]))
	for i := range n {
		at := headers + uint64(56*i)
		if at+56 > uint64(len(host)) {
			return 0, 0
		}
		h := host[at:]
		if le.Uint32(h) != dynamicSegment {
			continue
		}
		for at, end := le.Uint64(h[16:]), le.Uint64(h[16:])+le.Uint64(h[40:]); at+16 <= end && end <= uint64(len(host)); at += 16 {
			switch le.Uint64(host[at:]) {
			case tagSymbols:
				symbols = le.Uint64(host[at+8:])
			case tagStrings:
				strs = le.Uint64(host[at+8:])
			}
		}
	}
	return symbols, strs
}

// kernel writes what a kernel counted.
func (l *logger) kernel(card int, d *cu.Dispatch, c *cu.Counts) {
	if l.counters == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	json.NewEncoder(l.counters).Encode(struct {
		Card      int    `json:"card"`
		Kernel    string `json:"kernel"`
		Grid      [3]int `json:"grid"`
		Workgroup [3]int `json:"workgroup"`
		LDS       int    `json:"lds"`
		*cu.Counts
	}{card, d.Name, d.Grid, d.Workgroup, d.LDS, c})
}
