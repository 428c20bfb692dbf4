package importer

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// FuzzImport: whatever the bytes are, Open gives runs whose figures are
// measured numbers, or one line that names the path, and never both.
func FuzzImport(f *testing.F) {
	seeds := 0
	for _, pattern := range []string{"testdata/*/*", "../testdata/reference/*"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			f.Fatal(err)
		}
		for _, name := range files {
			b, err := os.ReadFile(name)
			if err != nil {
				f.Fatal(err)
			}
			// Of each tool there is a small file, and large ones are slow to
			// mutate.
			const most = 40_000
			if len(b) > most {
				continue
			}
			f.Add(b)
			f.Add(b[:len(b)/2])
			seeds++
		}
	}
	if seeds < 18 {
		f.Fatalf("only %d seeds", seeds)
	}
	for _, text := range []string{"", "[]", "{}", `{"results":[{"name":"a","pp_speed":1}]}`, "log\n{\"n_kv_max\":1,\"pl\":0}\n", reportTitle,
		`{"metadata":{"guidellm_version":""},"benchmarks":[{}]}`, `{"latency_mode":1,"benchmarks":[{"ttfr":{"mean":1}}]}`,
		ollamaHead + "\na,prefill,1,2,3\n", ollamaLine + "a/step=ttft 1 2 ns/op", `{"hw":1,"conc":2,"metrics":{"tput_per_gpu":3}}`,
		`{"benchmarks":[{"mode":"throughput","results":[{"start_time":1,"end_time":2}],"errors":[]}]}`,
		",tokenizer_id,num_prompts,completed,run_number\n0,a,1,1,0\n", "log\n[{\"build_commit\":1,\"avg_ts\":2}] x\n",
		`{"input_config":{"phases":[{}]},"time_to_first_token":{"unit":"s","avg":1e300}}`, `{"elapsed_time":1,"num_requests":-1,"tokens_per_second":NaN}`} {
		f.Add([]byte(text))
	}
	path := filepath.Join(f.TempDir(), "file")
	f.Fuzz(func(t *testing.T, b []byte) {
		if err := os.WriteFile(path, b, 0o644); err != nil {
			t.Fatal(err)
		}
		runs, err := Open(path)
		if err != nil {
			if runs != nil || !strings.Contains(err.Error(), path) || strings.Contains(err.Error(), "\n") {
				t.Fatalf("error %q with %d runs", err, len(runs))
			}
			return
		}
		if len(runs) == 0 {
			t.Fatal("neither runs nor an error")
		}
		for _, r := range runs {
			checkRun(t, r)
		}
	})
}

func checkRun(t *testing.T, r *ToolRun) {
	t.Helper()
	if r.Tool == "" || r.Path == "" || len(r.Loads) == 0 {
		t.Fatalf("run %+v", r)
	}
	for _, c := range r.Conditions {
		if c.Value == "" || strings.Contains(c.Value, "\n") {
			t.Fatalf("condition %+v", c)
		}
	}
	for _, l := range r.Loads {
		if l.Name == "" || l.Input < 0 || l.Output < 0 || l.Concurrency < 0 || l.Prompts < 0 || l.Depth < 0 {
			t.Fatalf("load %+v", l)
		}
		for m, v := range l.Values {
			info := m.Info()
			if math.IsNaN(v.V) || math.IsInf(v.V, 0) || v.V < 0 || v.Unit != info.Unit || v.Origin == "" || info.Title == string(m) {
				t.Fatalf("%s: %+v", m, v)
			}
			if !v.Same && v.Note == "" {
				t.Fatalf("%s is not ours and no note says why: %+v", m, v)
			}
			for _, s := range v.Samples {
				if math.IsNaN(s) || math.IsInf(s, 0) {
					t.Fatalf("%s: sample %v", m, s)
				}
			}
		}
	}
}
