package checkpoint

import (
	"regexp"
	"strings"
)

// crossCheck compares the configuration's list of modules that are not
// quantised with the tensors. The tensors decide; a difference is worth a
// warning, since one of the two is not what its maker thought.
func (b *builder) crossCheck() {
	if b.scheme.format != formatCT {
		return // the other formats leave modules out of their lists
	}
	match := matcher(b.scheme.ignore)
	if match == nil {
		return
	}
	var plain, packed []string
	for _, m := range b.plain {
		if !match(m) {
			plain = append(plain, m)
		}
	}
	for _, m := range b.packedModules {
		if match(m) {
			packed = append(packed, m)
		}
	}
	if len(plain) > 0 {
		b.c.warnf("%d matrices are not quantised though the configuration does not list them under ignore, the first is %q", len(plain), plain[0])
	}
	if len(packed) > 0 {
		b.c.warnf("%d matrices are quantised though the configuration lists them under ignore, the first is %q", len(packed), packed[0])
	}
}

// matcher returns a function that tells whether a list of module names and
// "re:" patterns names a module by its normalised name. It is nil where a
// pattern can't be read: Python's are richer than Go's.
func matcher(list []string) func(string) bool {
	names := map[string]bool{}
	var patterns []*regexp.Regexp
	for _, entry := range list {
		expr, ok := strings.CutPrefix(entry, "re:")
		if !ok {
			plain, _ := normalize(entry)
			names[plain] = true
			continue
		}
		re, err := regexp.Compile("^(?:" + expr + ")")
		if err != nil {
			return nil
		}
		patterns = append(patterns, re)
	}
	return func(module string) bool {
		if names[module] {
			return true
		}
		for _, re := range patterns {
			for _, prefix := range []string{"", "language_model.", "model.language_"} {
				if re.MatchString(prefix + module) {
					return true
				}
			}
		}
		return false
	}
}
