package suite

import (
	"embed"
	"fmt"
	"strings"

	"ceiling/internal/nearest"
)

// ownPrefix begins the names of the built-in datasets.
const ownPrefix = "builtin/"

// allOfThem is the built-in dataset that has the prompts of all others.
const allOfThem = ownPrefix + "all"

// BuiltinDatasets are the names of the built-in datasets: chats of ten prompts
// each, written for this project, with their output lengths; the last has the
// prompts of all others.
func BuiltinDatasets() []string {
	return []string{ownPrefix + "code", ownPrefix + "summaries", ownPrefix + "chat", ownPrefix + "json", allOfThem}
}

//go:embed prompts
var prompts embed.FS

// builtinDataset is the text of a built-in dataset.
func builtinDataset(name string) ([]byte, error) {
	known := BuiltinDatasets()
	if name == allOfThem {
		var all []byte
		for _, one := range known[:len(known)-1] {
			text, err := builtinDataset(one)
			if err != nil {
				return nil, err
			}
			all = append(all, text...)
		}
		return all, nil
	}
	for _, one := range known {
		if one == name {
			return prompts.ReadFile("prompts/" + strings.TrimPrefix(name, ownPrefix) + ".jsonl")
		}
	}
	var words []string
	for _, one := range known {
		words = append(words, strings.TrimPrefix(one, ownPrefix))
	}
	if near := nearest.To(strings.TrimPrefix(name, ownPrefix), words); near != "" {
		return nil, fmt.Errorf("unknown dataset %q: did you mean %q?", name, ownPrefix+near)
	}
	return nil, fmt.Errorf("unknown dataset %q: use %s or the path of a file", name, strings.Join(known, ", "))
}
