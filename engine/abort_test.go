package engine

import "testing"

func TestAbortReason(t *testing.T) {
	const lost = "/build/llama.cpp/ggml/src/ggml-rpc/ggml-rpc.cpp:560: Remote RPC server crashed or returned malformed response"
	for _, c := range []struct {
		message string
		silent  []string
		want    string
	}{
		{lost, nil, "Remote RPC server crashed or returned malformed response (ggml-rpc.cpp:560)"},
		{lost, []string{"a:1", "b:2"}, "rpc server a:1, b:2 does not answer: Remote RPC server crashed or returned malformed response (ggml-rpc.cpp:560)"},
		{"ggml-cuda.cu:97: ROCm error\n", nil, "ROCm error (ggml-cuda.cu:97)"},
		{"no place", nil, "no place"},
		{"", nil, ""},
	} {
		if got := abortReason(c.message, c.silent); got != c.want {
			t.Errorf("%q: %q, want %q", c.message, got, c.want)
		}
	}
}
