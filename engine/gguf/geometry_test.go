package gguf

import (
	"math"
	"testing"
)

// The factors of Llama 3.1 (heads of 128, base 500000), computed from Hugging
// Face's formula, which divides by the length of a wave.
func TestFreqFactors(t *testing.T) {
	r := Rope{FreqBase: 500000, Llama3: &Llama3{Factor: 8, LowFreq: 1, HighFreq: 4, OriginalContext: 8192}}
	got := r.FreqFactors(128)
	if len(got) != 64 {
		t.Fatalf("%d factors", len(got))
	}
	between := []float64{1.2074839, 1.5534146, 2.0263132, 2.6945297, 3.6842525, 5.2573266}
	for i, f := range got {
		want := 1.0
		switch {
		case i >= 35:
			want = 8
		case i >= 29:
			want = between[i-29]
		}
		if math.Abs(float64(f)-want) > 2e-7*want {
			t.Errorf("factor %d is %v, want %v", i, f, want)
		}
	}
	if got := (Rope{FreqBase: 500000}).FreqFactors(128); got != nil {
		t.Errorf("without scaling: %v", got)
	}
}
