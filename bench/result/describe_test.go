package result

import "testing"

func TestDescribe(t *testing.T) {
	for want, e := range map[string]EngineInfo{
		"mistral3 23.6B Q4_K - Medium": {Description: "mistral3 ?B Q4_K - Medium", Parameters: 23_572_403_200},
		"mistral3 Q4_K - Medium":       {Description: "mistral3 ?B Q4_K - Medium"},
		"mistral3 28M Q4_0":            {Description: "mistral3 ?B Q4_0", Parameters: 27_712_000},
		"llama 256M Q4_1":              {Description: "llama 256M Q4_1", Parameters: 134_515_008},
		"":                             {},
	} {
		if got := e.Describe(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
