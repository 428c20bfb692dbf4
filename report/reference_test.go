package report

import (
	"bytes"
	"io"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ceiling/bench/result"
	"ceiling/report/doc"
)

// render is the report as Markdown.
func render(t *testing.T, r *result.Run, opt DocumentOptions) string {
	t.Helper()
	d, err := Document(r, opt)
	if err != nil {
		t.Fatal(err)
	}
	return markdown(t, d)
}

func markdown(t *testing.T, d *doc.Document) string {
	t.Helper()
	var b bytes.Buffer
	if err := d.Markdown(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// text is what blocks are as Markdown.
func text(t *testing.T, blocks ...doc.Block) string {
	t.Helper()
	d := &doc.Document{}
	d.Add("", blocks...)
	_, body, _ := strings.Cut(markdown(t, d), "## \n\n")
	return strings.TrimSuffix(body, "\n")
}

// mustLoad is Load of a file under testdata.
func mustLoad(t *testing.T, name string) *result.Run {
	t.Helper()
	r, err := result.Load(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// blocks are the parts of a report that the results alone determine.
type blocks struct {
	Performance, Speed, Scaling string // tables
	SweetSpot, Peak             string // lines
	Chart                       string // mermaid, "" for none
	KeyMetrics                  map[string]string
}

var keyMetricsBlock = regexp.MustCompile(`(?m)^### (.+)\n(\*\*Purpose:\*\* .*\n\*\*Key metrics:\*\*\n(?:- .*\n)+)`)

// extract cuts the blocks out of a report, ours or the reference's.
func extract(t *testing.T, md string) blocks {
	t.Helper()
	section := func(heading string) string {
		_, rest, ok := strings.Cut(md, "\n## "+heading+"\n")
		if !ok {
			t.Fatalf("no section %q", heading)
		}
		body, _, _ := strings.Cut(rest, "\n## ")
		return body
	}
	lines := func(body, prefix string) string {
		var out []string
		for line := range strings.Lines(body) {
			if strings.HasPrefix(line, prefix) {
				out = append(out, line)
			}
		}
		return strings.Join(out, "")
	}
	scaling := section("Concurrency Scaling")
	b := blocks{
		Performance: lines(section("Performance Summary"), "|"),
		Speed:       lines(section("Prefill (PP) and Decode (TG)"), "|"),
		Scaling:     lines(scaling, "|"),
		SweetSpot:   lines(scaling, "**Interactive sweet spot:**"),
		Peak:        lines(scaling, "**Peak throughput"),
		KeyMetrics:  map[string]string{},
	}
	if i := strings.Index(scaling, "```mermaid"); i >= 0 {
		b.Chart = scaling[i : i+strings.LastIndex(scaling[i:], "```")+3]
	}
	for _, m := range keyMetricsBlock.FindAllStringSubmatch(md, -1) {
		b.KeyMetrics[m[1]] = m[2]
	}
	return b
}

// Every block of a reference report is ours to the character.
func TestReferenceBlocks(t *testing.T) {
	tests := []struct {
		json, md  string
		scenarios int
		sweetSpot string
		peak      string
		chart     bool // the reference has one
	}{
		{"december2025.json", "benchmark_Devstral-Small-2-24B-AWQ-4bit.md", 10,
			"c=4 (interactive-optimal by TTFT/TPOT p99; per-user 44.7 tok/s)", "c=32 (595.4 tok/s)", true},
		// 60.9475 per user: 60.95 in the table, 60.9 in the line.
		{"reference/benchmark_Devstral-Small-2-24B-Instruct-INT4-INT8-Mixed-GPTQ.json", "benchmark_Devstral-Small-2-24B-Instruct-INT4-INT8-Mixed-GPTQ.md", 12,
			"c=4 (interactive-optimal by TTFT/TPOT p99; per-user 60.9 tok/s)", "c=16 (468.9 tok/s)", false},
		// 39.525 per user: 39.52 in the table, 39.5 in the line.
		{"reference/benchmark_Qwen3.6-27B-GPTQ-8bit.json", "benchmark_Qwen3.6-27B-GPTQ-8bit.md", 12,
			"c=2 (interactive-optimal by TTFT/TPOT p99; per-user 39.5 tok/s)", "c=128 (237.6 tok/s)", false},
		{"reference/benchmark_Qwen3.8-27B-GPTQ-4bit_mtp3.json", "benchmark_Qwen3.8-27B-GPTQ-4bit_mtp3.md", 12,
			"c=2 (interactive-optimal by TTFT/TPOT p99; per-user 38.8 tok/s)", "c=128 (210.3 tok/s)", false},
	}
	for _, tt := range tests {
		t.Run(tt.md, func(t *testing.T) {
			want := extract(t, readFile(t, filepath.Join("testdata", "reference", tt.md)))
			got := extract(t, render(t, mustLoad(t, tt.json), DocumentOptions{}))
			if !tt.chart {
				got.Chart = ""
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("blocks (-reference +ours):\n%s", d)
			}
			// The comparison above must have had something to compare.
			if n := len(got.KeyMetrics); n != tt.scenarios {
				t.Errorf("%d key-metrics blocks, want %d", n, tt.scenarios)
			}
			for name, table := range map[string]string{"performance": got.Performance, "speed": got.Speed} {
				if n := strings.Count(table, "\n"); n != tt.scenarios+2 {
					t.Errorf("%s table has %d lines, want %d", name, n, tt.scenarios+2)
				}
			}
			if want := "**Interactive sweet spot:** " + tt.sweetSpot + "\n"; got.SweetSpot != want {
				t.Errorf("sweet spot line %q, want %q", got.SweetSpot, want)
			}
			if want := "**Peak throughput (scaling):** " + tt.peak + "\n"; got.Peak != want {
				t.Errorf("peak line %q, want %q", got.Peak, want)
			}
			if tt.chart && !strings.Contains(got.Chart, "line [109.30, 178.90, 288.85, 459.05, 595.37]") {
				t.Errorf("chart %q", got.Chart)
			}
		})
	}
}

// masks blanks what a report may say in its own words, and what stands only
// in the reference's system table.
var masks = []struct {
	pattern *regexp.Regexp
	with    string
}{
	{regexp.MustCompile(`(?m)^(Generated by|Note): .*$`), "$1: MASKED"},
	{regexp.MustCompile(`(?s)(## Executive Summary\n\n).*?(\n\n\n\n## )`), "${1}MASKED$2"},
	{regexp.MustCompile(`(?m)^\| (OS|Kernel|CPU|System RAM|ROCk Module Version|ROCm|xGMI) \| .*\n`), ""},
	{regexp.MustCompile(`(\*\*Interpretation:\*\*\n\n)(?:- .*\n)+`), "${1}MASKED\n"},
	{regexp.MustCompile(`(## Recommendations\n\n- .*\n)(?:- .*\n)+`), "${1}MASKED\n"},
	{regexp.MustCompile(`(?s)## Validity\n.*?\n(## )`), "$1"},
	{regexp.MustCompile(`(?m)^(\*Report generated .* at .* by ).*\*$`), "${1}MASKED*"},
}

// The December 2025 report is the master for form: with the prose masked and
// our own section cut out, ours is the same file, blank lines included.
func TestDecember2025Form(t *testing.T) {
	mask := func(md string) string {
		for _, m := range masks {
			if !m.pattern.MatchString(md) && !strings.Contains(m.pattern.String(), "Validity") && !strings.Contains(m.pattern.String(), "Kernel") {
				t.Fatalf("nothing matches %s", m.pattern)
			}
			md = m.pattern.ReplaceAllString(md, m.with)
		}
		return md
	}
	want := mask(readFile(t, "testdata/reference/benchmark_Devstral-Small-2-24B-AWQ-4bit.md"))
	got := mask(render(t, mustLoad(t, "december2025.json"), DocumentOptions{Version: "test"}))
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("form (-reference +ours):\n%s", d)
	}
	if !strings.Contains(got, "\n- Use c=4 (interactive-optimal by TTFT/TPOT p99; per-user 44.7 tok/s) for interactive UX.\n") {
		t.Error("the first recommendation is not the reference's")
	}
}

// The comparison of blocks must notice one changed digit in any of them.
func TestReferenceBlocksFindDefects(t *testing.T) {
	md := render(t, mustLoad(t, "december2025.json"), DocumentOptions{})
	want := extract(t, md)
	for _, defect := range []struct{ old, new string }{
		{"| 56.02 |", "| 56.03 |"},
		{"| 4862.8 |", "| 4862.9 |"},
		{"| 44.73 |", "| 44.72 |"},
		{"per-user 44.7 ", "per-user 44.8 "},
		{"(595.4 tok/s)", "(595.3 tok/s)"},
		{"line [109.30", "line [109.31"},
		{"(peak 630.00)", "(peak 630.01)"},
		{"**Purpose:** Extended", "**Purpose:** extended"},
	} {
		broken := strings.Replace(md, defect.old, defect.new, 1)
		if broken == md {
			t.Errorf("%q does not occur", defect.old)
		}
		if cmp.Equal(want, extract(t, broken)) {
			t.Errorf("%q for %q goes unnoticed", defect.new, defect.old)
		}
	}
}

// Whatever can be read can be rendered.
func FuzzDocument(f *testing.F) {
	f.Add([]byte(`{"results": [{"name": "Concurrency Scaling (c=2)", "pp_speed": null, "concurrency": 0, "output_throughput": -1e300}], "details": [{"status": "failed"}]}`))
	f.Add([]byte(`[{"name": "Single User Latency", "pp_speed": 1635.2, "tpot_mean_ms": NaN}]`))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := result.Parse(b)
		if err != nil {
			return
		}
		d, err := Document(r, DocumentOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if err := d.HTML(io.Discard); err != nil {
			t.Error(err)
		}
		markdown(t, d)
	})
}
