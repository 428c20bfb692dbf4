package export

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"ceiling/report/metric"
)

// benchUnits are the figures of a benchmark line. Units are base units, seconds
// and not milliseconds, because benchstat scales them itself.
var benchUnits = []struct {
	unit   string
	metric metric.Key
}{
	{"ttft-sec", metric.TTFTMean},
	{"ttft-p99-sec", metric.TTFTP99},
	{"tpot-sec", metric.TPOTMean},
	{"tpot-p99-sec", metric.TPOTP99},
	{"itl-sec", metric.ITLMean},
	{"e2el-sec", metric.E2ELMean},
	{"out-tok/s", metric.OutputThroughput},
	{"total-tok/s", metric.TotalThroughput},
	{"req/s", metric.RequestThroughput},
	{"prefill-tok/s", metric.EnginePrefill},
}

// base is a metric of a pass in base units, nil for none.
func base(u *unit, key metric.Key) *float64 {
	info := key.Info()
	v := info.Of(&u.Result, &u.Detail)
	if v != nil && info.Unit == "ms" {
		s := *v / 1000
		v = &s
	}
	return v
}

// benchLines writes Go's benchmark format: one line per scenario and pass, so
// that benchstat takes passes as its samples. The count in front of the
// figures is the number of requests that succeeded. Figures of single
// requests are not given as samples: requests of one pass are no repeats.
func benchLines(s *ExportSource) (files []ExportedFile, notes []string, err error) {
	var b bytes.Buffer
	for _, c := range s.config() {
		fmt.Fprintf(&b, "%s: %s\n", c.key, c.value)
	}
	for _, u := range benchUnits {
		better := "lower"
		if u.metric.Info().Better == metric.Higher {
			better = "higher"
		}
		fmt.Fprintf(&b, "Unit %s better=%s\n", u.unit, better)
	}
	lines := 0
	for _, u := range s.units() {
		var figures strings.Builder
		for _, f := range benchUnits {
			if v := base(&u, f.metric); v != nil {
				fmt.Fprintf(&figures, " %s %s", strconv.FormatFloat(*v, 'g', -1, 64), f.unit)
			}
		}
		if !u.measured() || figures.Len() == 0 {
			notes = append(notes, u.label()+": no request succeeded, left out")
			continue
		}
		fmt.Fprintf(&b, "%s %.0f%s\n", benchName(&u), u.Result.SuccessfulRequests, figures.String())
		lines++
	}
	if lines == 0 {
		return nil, notes, nil
	}
	return []ExportedFile{{Place("benchfmt"), b.Bytes()}}, notes, nil
}

type setting struct{ key, value string }

// config are the conditions above the lines; benchstat keeps results apart
// that differ in them. Keys begin with a lower case letter.
func (s *ExportSource) config() []setting {
	out := []setting{{"model", s.Results.Model}, {"hardware", s.Results.Hardware}}
	if e := s.Results.Engine; e != nil {
		out = append(out, setting{"engine", strings.TrimSpace(e.Name + " " + e.Release)},
			setting{"split-mode", e.SplitMode}, setting{"kv-type", e.KVType}, setting{"flash-attn", e.FlashAttn},
			setting{"step-tokens", strconv.Itoa(e.StepBudget())}, setting{"ubatch", strconv.Itoa(e.UBatch)}, setting{"threads", strconv.Itoa(e.Threads)})
	}
	client := "in process"
	if s.Results.Server != nil {
		client = "through a server"
	}
	out = append(out, setting{"client", client})
	var told []setting
	for _, c := range out {
		if c.value = strings.Join(strings.Fields(c.value), " "); c.value != "" {
			told = append(told, c)
		}
	}
	return told
}

// benchName is "BenchmarkName/in=2048/out=512/c=1/n=20/cache=cold".
func benchName(u *unit) string {
	name := strings.Map(func(r rune) rune {
		if r == '/' {
			return '_'
		}
		return r
	}, strings.Join(strings.Fields(u.Result.Name), "_"))
	s := fmt.Sprintf("Benchmark%s/in=%d/out=%d/c=%d/n=%d", upper(name), u.Result.InputLen, u.Result.OutputLen, u.Result.Concurrency, u.Result.NumPrompts)
	if u.Detail.RequestRate != nil {
		s += fmt.Sprintf("/rate=%g", *u.Detail.RequestRate)
	}
	if u.Detail.Cache != "" {
		s += "/cache=" + u.Detail.Cache
	}
	return s
}

// upper makes the first letter a capital: a lower case one behind "Benchmark"
// is no benchmark's name. Names that begin with anything else get a capital
// in front.
func upper(name string) string {
	if name != "" && name[0] >= 'a' && name[0] <= 'z' {
		return strings.ToUpper(name[:1]) + name[1:]
	}
	if name == "" || name[0] < 'A' || name[0] > 'Z' {
		return "X" + name
	}
	return name
}
