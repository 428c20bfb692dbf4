package suite

import (
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/token"
)

// maxNesting is how deep a suite file may nest within a line, and how many
// tags, anchors and aliases it may have, which no suite needs.
const maxNesting = 8

// tooDeep returns the line from which on a file is nested too deeply, or 0.
// The parser takes time and memory that grow with the square of the depth, so
// that a small file of brackets could fill the machine; the lexer does not.
// Nesting by indentation needs no check: a depth of n takes n²/2 bytes.
func tooDeep(data []byte) int {
	flow, inLine, named, line := 0, 0, 0, 0
	for _, tk := range lexer.Tokenize(string(data)) {
		if tk.Position.Line != line {
			line, inLine = tk.Position.Line, 0
		}
		switch tk.Type {
		case token.MappingStartType, token.SequenceStartType:
			flow++
		case token.MappingEndType, token.SequenceEndType:
			flow--
		case token.SequenceEntryType, token.MappingKeyType:
			inLine++
		case token.TagType, token.AnchorType, token.AliasType:
			named++
		}
		if max(flow, inLine, named) > maxNesting {
			return line
		}
	}
	return 0
}
