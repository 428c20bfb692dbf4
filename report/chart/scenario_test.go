package chart

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ceiling/bench/result"
)

// request is a record: when it was to start, when the engine took it up (NaN:
// never), and its tokens' times.
func request(name string, n int, intended, taken float64, tokens ...float64) result.Record {
	r := result.Record{Name: name, Request: n, Intended: intended, Admitted: intended, TokenTimes: tokens, OutputTokens: len(tokens), End: intended + 1}
	if !math.IsNaN(taken) {
		r.PrefillStart = &taken
	}
	if len(tokens) > 0 {
		r.FirstToken, r.End = &tokens[0], tokens[len(tokens)-1]
	}
	return r
}

func admitted(at float64, r result.Record) result.Record {
	r.Admitted = at
	return r
}

func broken(r result.Record) result.Record {
	r.Error = "broken off"
	return r
}

// chat is a scenario of five requests, the last three of which failed: one
// after two tokens, one before the engine took it up, one in its prefill.
func chat() Input {
	const name = `Chat <b>&"quoted"`
	return Input{
		Results: &result.Run{Results: []result.Summary{{Name: "First"}, {Name: name}}, Details: []result.Detail{{}, {StartS: 10, EndS: 14}}},
		Records: []result.Record{
			admitted(10.75, request(name, 1, 10.5, 11, 11.5, 11.52, 11.58)),
			request(name, 0, 10, 10, 10.25, 10.27, 10.30, 10.31),
			broken(request(name, 2, 12, 12.5, 13, 13.5)),
			broken(request(name, 3, 12.5, nan)),
			broken(request(name, 4, 12.6, 13)),
		},
	}
}

func TestTimeline(t *testing.T) {
	fs := figures(t, chat())
	f := fs["timeline-02"]
	if f == nil || len(fs) != 2 {
		t.Fatalf("%d figures", len(fs))
	}
	want := [][]string{
		{"0", "0.00", "0.00", "0.00", "250.00", "60.00", "4", "done"},
		{"1", "0.50", "250.00", "250.00", "500.00", "80.00", "3", "done"},
		{"2", "2.00", "0.00", "500.00", "500.00", "500.00", "2", "failed"},
		{"3", "2.50", "0.00", "1000.00", "—", "—", "0", "failed"},
		{"4", "2.60", "0.00", "400.00", "600.00", "—", "0", "failed"},
	}
	header := []string{"Request", "Start (s)", "Queue (ms)", "Wait (ms)", "Prefill (ms)", "Decode (ms)", "Output tokens", "Outcome"}
	if d := cmp.Diff(header, f.Header) + cmp.Diff(want, f.Rows); d != "" {
		t.Error(d)
	}
	// Of 1.39 s of the first two requests: 0.25 s queue, 0.25 s wait, 0.75 s
	// prefill, 0.14 s decode.
	if want := "5 requests in 3.60 s. Of the time of those that succeeded, 18.0 % queue, 18.0 % wait, 54.0 % prefill and 10.1 % decode. 3 failed."; f.Alt != want {
		t.Errorf("alt %q", f.Alt)
	}
	if f.Place != InScenario || f.Scenario != 1 || f.Title != `Requests over time: Chat <b>&"quoted"` {
		t.Errorf("%q about %d: %q", f.Place, f.Scenario, f.Title)
	}
	es := parseSVG(t, f.SVG)
	if got := texts(es); !slices.Contains(got, "queue") || !slices.Contains(got, "wait") || !slices.Contains(got, "prefill") || !slices.Contains(got, "decode") || !slices.Contains(got, "failed") {
		t.Errorf("texts %q", got)
	}
	// Two strokes for each of three failures and for the key.
	if n := count(es, "path", "stroke:"+toneFail.light); n != 8 {
		t.Errorf("%d strokes of crosses", n)
	}
	for tone, rows := range map[tone]int{series[5]: 1, series[3]: 4, series[1]: 4, series[0]: 3} {
		n := 0
		for _, e := range es {
			if strings.Contains(strings.ToLower(e.attr["style"]), "fill:"+tone.light) {
				n += strings.Count(e.attr["d"], "Z")
			}
		}
		if n != rows+1 { // one is in the key
			t.Errorf("series %s: %d bars, want %d and the key", tone.name, n, rows)
		}
	}
}

// TestTimelineThroughServer: what a server does before the first token can't
// be told apart.
func TestTimelineThroughServer(t *testing.T) {
	r := request("S", 0, 1, nan, 3, 3.5)
	r.Admitted, r.Server = 1.25, &result.ServerRecord{}
	f := figures(t, Input{Results: &result.Run{Results: []result.Summary{{Name: "S"}}}, Records: []result.Record{r}})["timeline-01"]
	if want := []string{"Request", "Start (s)", "Queue (ms)", "Wait and prefill (ms)", "Decode (ms)", "Output tokens", "Outcome"}; !slices.Equal(f.Header, want) {
		t.Errorf("header %q", f.Header)
	}
	if want := []string{"0", "0.00", "250.00", "1750.00", "500.00", "2", "done"}; !slices.Equal(f.Rows[0], want) {
		t.Errorf("row %q", f.Rows[0])
	}
	if want := "1 request in 2.50 s. Of the time of all of them, 10.0 % queue, 70.0 % wait and prefill (not separable) and 20.0 % decode."; f.Alt != want {
		t.Errorf("alt %q", f.Alt)
	}
}

// TestTimelineOfMany: hundreds of requests stay readable and the file small.
func TestTimelineOfMany(t *testing.T) {
	in := Input{Results: &result.Run{Results: []result.Summary{{Name: "M"}}}}
	for n := range 1000 {
		at := float64(n) / 10
		in.Records = append(in.Records, request("M", n, at, at+0.1, at+0.2, at+0.3))
	}
	f := figures(t, in)["timeline-01"]
	if want := "Of 1000 requests every 3rd is drawn. The table has the first 200 of 1000 requests."; f.Note != want {
		t.Errorf("note %q", f.Note)
	}
	if len(f.Rows) != 200 || len(f.Inline) > 120<<10 {
		t.Errorf("%d rows, %d bytes", len(f.Rows), len(f.Inline))
	}
	var height int
	if _, err := fmt.Sscanf(parseSVG(t, f.Inline)[0].attr["viewBox"], "0 0 800 %d", &height); err != nil || height < 400 || height > 700 {
		t.Errorf("height %d, %v", height, err)
	}
}

// TestPassShown: of a scenario with several passes the records of the one
// that its figures are of are drawn.
func TestPassShown(t *testing.T) {
	in := Input{Results: &result.Run{Results: []result.Summary{{Name: "R"}}, Details: []result.Detail{{Pass: 1, Repeat: 2}}}}
	first, second := request("R", 0, 1, 1, 2, 3), request("R", 0, 5, 5, 6, 6.5, 7)
	second.Pass = 1
	in.Records = []result.Record{first, second}
	f := figures(t, in)["timeline-01"]
	if len(f.Rows) != 1 || f.Rows[0][6] != "3" {
		t.Errorf("rows %q", f.Rows)
	}
}

func TestITL(t *testing.T) {
	f := figures(t, chat())["itl-02"]
	// Gaps in ms: 20 30 10 of request 0, 20 60 of request 1.
	want := [][]string{{"Mean", "28.00"}, {"Shortest", "10.00"}, {"Median", "20.00"}, {"p90", "48.00"}, {"p95", "54.00"}, {"p99", "58.80"}, {"Longest", "60.00"}, {"Gaps (count)", "5"}}
	if d := cmp.Diff(want, f.Rows); d != "" {
		t.Error(d)
	}
	if want := "5 gaps between tokens: median 20.00 ms, p99 58.80 ms, longest 60.00 ms."; f.Alt != want {
		t.Errorf("alt %q", f.Alt)
	}
	es := parseSVG(t, f.SVG)
	// Bars stand on the axis: the lowest edge of all is one and the same, and
	// it is where the label 0 is.
	bottoms := map[string]bool{}
	for _, e := range es {
		if strings.Contains(strings.ToLower(e.attr["style"]), "fill:"+series[0].light) {
			bottoms[lowest(t, e.attr["d"])] = true
		}
	}
	if len(bottoms) != 1 {
		t.Errorf("bars begin at %v", bottoms)
	}
	if got := texts(es); !slices.Contains(got, "0") || !slices.Contains(got, "ITL (ms)") || !slices.Contains(got, "median 20.00") {
		t.Errorf("texts %q", got)
	}
}

// lowest is the least y of a path of straight lines.
func lowest(t *testing.T, d string) string {
	t.Helper()
	best, text := math.Inf(1), ""
	for _, p := range strings.FieldsFunc(d, func(r rune) bool { return r == 'M' || r == 'L' || r == 'Z' }) {
		_, y, _ := strings.Cut(p, ",")
		v, err := strconv.ParseFloat(y, 64)
		if err != nil {
			t.Fatalf("path %q: %v", d, err)
		}
		if v < best {
			best, text = v, y
		}
	}
	return text
}

func TestHistogram(t *testing.T) {
	h := newHistogram([]float64{10, 11, 11.25, 12, 19.999, 20})
	if h.log || len(h.counts) != 8 || h.edges[0] != 10 || h.edges[8] != 20 {
		t.Fatalf("log %v, edges %v", h.log, h.edges)
	}
	// 1.25 wide: 10 to 11.25, to 12.5, … , the last with its upper edge.
	if want := []int{2, 2, 0, 0, 0, 0, 0, 2}; !slices.Equal(h.counts, want) {
		t.Errorf("counts %v, want %v", h.counts, want)
	}

	h = newHistogram([]float64{0, 0, 1, 10, 100, 1000})
	if !h.log || h.zeros != 2 || h.edges[0] != 1 || h.edges[len(h.edges)-1] != 1000 {
		t.Fatalf("log %v, %d zeros, edges %v", h.log, h.zeros, h.edges)
	}
	sum := 0
	for i, n := range h.counts {
		sum += n
		if i > 0 {
			a, b := h.edges[i]/h.edges[i-1], h.edges[i+1]/h.edges[i]
			if math.Abs(a-b) > 1e-9 {
				t.Errorf("bars %d and %d are not equally wide on a log axis", i-1, i)
			}
		}
	}
	if sum != 4 {
		t.Errorf("%d of 4 positive values are in a bar", sum)
	}

	h = newHistogram([]float64{0, 0, 0})
	if h.log || h.zeros != 0 || h.counts[0] != 3 {
		t.Errorf("zeros alone: %+v", h)
	}
	h = newHistogram([]float64{30, 30, 30.001})
	if labels := labels(h.axis()); strings.Count(labels, " ") > 8 || h.edges[len(h.edges)-1]-h.edges[0] < 0.5 {
		t.Errorf("values all but equal: %q", labels)
	}
}

// TestLongTail: a long tail gets a logarithmic axis that is marked, and what
// has no place on it is counted.
func TestLongTail(t *testing.T) {
	in := Input{Results: &result.Run{Results: []result.Summary{{Name: "T"}}},
		Records: []result.Record{request("T", 0, 0, 0, 1, 1, 1.01, 1.02, 3.02)}}
	f := figures(t, in)["itl-01"]
	if !slices.Contains(texts(parseSVG(t, f.SVG)), "ITL (ms), log scale") {
		t.Error("the log axis is not marked")
	}
	if want := "The horizontal axis is logarithmic and the bars are equally wide on it. Gaps of 0 ms (tokens that came together) have no place on it and are not drawn: 1."; f.Note != want {
		t.Errorf("note %q", f.Note)
	}
}

func TestWholeMicroseconds(t *testing.T) {
	late, early := 10.03, 7.03 // variables: constants are subtracted exactly
	if got, want := wholeMicroseconds([]float64{late - 10, 0.001, early - 7}), []float64{1, 30, 30}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// TestNoGaps: requests of one token have no ITL.
func TestNoGaps(t *testing.T) {
	in := Input{Results: &result.Run{Results: []result.Summary{{Name: "T"}}}, Records: []result.Record{request("T", 0, 0, 0, 1)}}
	if fs := figures(t, in); fs["itl-01"] != nil || fs["timeline-01"] == nil {
		t.Errorf("figures %v", fs)
	}
}
