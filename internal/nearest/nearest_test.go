package nearest

import (
	"strings"
	"testing"
)

func TestTo(t *testing.T) {
	known := []string{"name", "category", "purpose", "input", "output", "concurrency", "prompts", "range_ratio", "request_rate", "burstiness", "prefix_len", "slo", "repeat"}
	for word, want := range map[string]string{
		"promts": "prompts", "Input": "input", "range-ratio": "range_ratio", "rate": "range_ratio",
		"prefix": "prefix_len", "input_len": "input", "": "", "temperature": "",
		strings.Repeat("x", 500): "",
	} {
		got := To(word, known)
		if word == "rate" || word == "prefix" { // either suggestion helps
			continue
		}
		if got != want {
			t.Errorf("To(%.20q) = %q, want %q", word, got, want)
		}
	}
}
