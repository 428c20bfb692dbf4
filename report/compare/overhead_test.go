package compare

import (
	"math"
	"strings"
	"testing"

	"ceiling/report/importer"
)

func serverPair() (engine, server *importer.ToolRun) {
	four := fakeLoad{name: "Four at a time", input: 512, output: 16, conc: 4, number: 20, cache: "cold", ttft: 150, tpot: 30, noise: 0.02}
	through, fourThrough := single(1, 22, 0.02, 0), four
	through.server, through.ttft = true, 112
	fourThrough.server, fourThrough.ttft, fourThrough.tpot = true, 190, 33
	return fakeRun(1, single(1, 20, 0.02, 0), four), fakeRun(2, through, fourThrough)
}

func TestOverhead(t *testing.T) {
	engine, server := serverPair()
	for _, swapped := range []bool{false, true} {
		a, b := engine, server
		if swapped {
			a, b = server, engine
		}
		overhead := compared(t, ComparisonOptions{}, a, b).Pairs[0].Overhead
		if overhead == nil || len(overhead.Rows) != 2 || math.Abs(*overhead.RoundTripMs-0.4) > 1e-9 {
			t.Fatalf("overhead %+v", overhead)
		}
		if swapped != (overhead.Engine == "B") || swapped != (overhead.Server == "A") {
			t.Errorf("engine %s, server %s", overhead.Engine, overhead.Server)
		}
		for _, r := range overhead.Rows {
			sum := *r.Before + *r.Prefill + *r.Decode + *r.Streaming
			if math.Abs(sum-*r.E2EL) > 1e-9 || math.Abs(*r.Hop+*r.Wait-*r.Before) > 1e-9 {
				t.Errorf("%s: the parts come to %g ms, the gap is %g ms", r.Name, sum, *r.E2EL)
			}
			if math.Abs(*r.Before-2) > 1e-9 || math.Abs(*r.Streaming-1) > 1e-9 { // 3 ms against 1 ms, and 1 ms
				t.Errorf("%s: before %g ms, streaming %g ms", r.Name, *r.Before, *r.Streaming)
			}
		}
		if r := overhead.Rows[0]; math.Abs(*r.TTFT-12) > 3 || math.Abs(*r.TPOT-2) > 0.5 || *r.Throughput < 0.05 || *r.Throughput > 0.2 {
			t.Errorf("TTFT %g ms, TPOT %g ms, throughput %g", *r.TTFT, *r.TPOT, *r.Throughput)
		}
	}
}

func TestOverheadWithoutTheServersOwnTimes(t *testing.T) {
	engine, server := serverPair()
	for i := range server.Loads {
		for k := range server.Loads[i].Records {
			server.Loads[i].Records[k].Server.DecodeS = nil
		}
	}
	overhead := compared(t, ComparisonOptions{}, engine, server).Pairs[0].Overhead
	if r := overhead.Rows[0]; r.Before != nil || r.Decode != nil || r.E2EL == nil || !strings.Contains(overhead.Limits[0], "told no times of its own") {
		t.Errorf("%+v, %q", r, overhead.Limits)
	}
	for i := range server.Loads {
		server.Loads[i].Records = nil
	}
	overhead = compared(t, ComparisonOptions{}, engine, server).Pairs[0].Overhead
	if r := overhead.Rows[0]; r.Before != nil || r.TTFT == nil || !strings.Contains(overhead.Limits[0], "only summaries") {
		t.Errorf("%+v, %q", r, overhead.Limits)
	}
	if c := compared(t, ComparisonOptions{}, engine, engine); c.Pairs[0].Overhead != nil {
		t.Error("an overhead between two runs in process")
	}
}

func TestOverheadMarkdown(t *testing.T) {
	engine, server := serverPair()
	golden(t, "overhead.md", compared(t, ComparisonOptions{}, engine, server))
}

func TestPassesMarkdown(t *testing.T) {
	a := fakeRun(1, single(5, 20, 0.01, 0.01))
	b := fakeRun(2, single(5, 21, 0.01, 0.01))
	c := fakeRun(3, single(2, 20.2, 0.01, 0.01))
	golden(t, "passes.md", compared(t, ComparisonOptions{}, a, b, c))
}
