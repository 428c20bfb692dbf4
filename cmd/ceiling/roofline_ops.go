package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"math"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v3"

	"ceiling/engine"
	"ceiling/internal/figure"
	"ceiling/internal/oneline"
	"ceiling/kernels"
)

// opsRounds is how often each node is timed; the fastest time counts.
const opsRounds = 7

// opTimes are the nodes of one decode step of a model, computed one by one.
type opTimes struct {
	Users   int      `json:"users"`
	Context int      `json:"context"`
	Kinds   []opKind `json:"operations"`
	Sum     float64  `json:"sum_s"`
	Step    float64  `json:"step_s"` // the whole step, as a run has it
}

// opKind sums up the nodes of one kind: those of all layers that have one name.
type opKind struct {
	Op         string  `json:"op"`
	Name       string  `json:"name"`
	Type       string  `json:"type"`
	Device     string  `json:"device"`
	Count      int     `json:"count"`
	Seconds    float64 `json:"s"`
	Bytes      float64 `json:"bytes"`
	Operations float64 `json:"operations"`
}

// timeOps loads the model on the devices that are named and times its nodes there.
func (r *roofline) timeOps(ctx context.Context, c *cli.Command) error {
	// The OpenMP pool of the CPU back end belongs to the thread that calls it.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	model, err := engine.Load(ctx, c.String("model"), engine.LoadOptions{Devices: c.StringSlice("devices"), GPULayers: -1})
	if err != nil {
		return err
	}
	defer model.Close()
	o := engine.SessionOptions{Sequences: c.Int("users"), TokensPerSequence: c.Int("context") + 1, Threads: readThreads(c), KVType: c.String("kv-type")}
	t := &opTimes{Users: o.Sequences, Context: c.Int("context")}
	r.alive()
	if t.Step, _, err = decodeStep(ctx, model, o); err != nil {
		return err
	}
	r.alive()
	o.TimeOps = true
	_, ops, err := decodeStep(ctx, model, o)
	if err != nil {
		return err
	}
	t.Kinds = kindsOf(ops)
	for _, k := range t.Kinds {
		t.Sum += k.Seconds
	}
	r.Ops = t
	return nil
}

// decodeStep computes the same decode step of all sequences again and again, each
// with its context. It returns the fastest time, and of each node its own.
func decodeStep(ctx context.Context, model *engine.Model, o engine.SessionOptions) (fastest float64, ops []engine.Op, err error) {
	s, err := model.Open(ctx, o)
	if err != nil {
		return 0, nil, err
	}
	defer s.Close()
	context := int32(o.TokensPerSequence - 1)
	for seq := range int32(o.Sequences) {
		for from := int32(0); from < context; from += int32(s.BatchLimit()) {
			b := promptBatch(seq, from, min(context, from+int32(s.BatchLimit())))
			if err := s.Step(ctx, &b); err != nil {
				return 0, nil, err
			}
		}
	}
	fastest = math.Inf(1)
	for range opsRounds {
		var b engine.Batch
		for seq := range int32(o.Sequences) {
			add(&b, seq, context, 1)
		}
		begin := time.Now()
		if err := s.Step(ctx, &b); err != nil {
			return 0, nil, err
		}
		fastest = min(fastest, time.Since(begin).Seconds())
		ops = fasterOps(ops, s.Ops())
		for seq := range int32(o.Sequences) {
			if err := s.RemoveSeq(seq, context); err != nil {
				return 0, nil, err
			}
		}
	}
	return fastest, ops, nil
}

// promptBatch holds a sequence's tokens from one position to another.
func promptBatch(seq, from, to int32) engine.Batch {
	var b engine.Batch
	for pos := from; pos < to; pos++ {
		add(&b, seq, pos, 0)
	}
	return b
}

func add(b *engine.Batch, seq, pos int32, want int8) {
	b.Tokens, b.Pos = append(b.Tokens, 0), append(b.Pos, pos)
	b.Seqs, b.Want = append(b.Seqs, seq), append(b.Want, want)
}

// fasterOps keeps each node's shortest time. The graph is the same every time;
// where it is not, the last one counts.
func fasterOps(a, b []engine.Op) []engine.Op {
	if len(a) != len(b) {
		return b
	}
	for i := range a {
		b[i].Seconds = min(a[i].Seconds, b[i].Seconds)
	}
	return b
}

// kindsOf sums up nodes by what they do, the longest first.
func kindsOf(ops []engine.Op) []opKind {
	type key struct{ op, name, kind, device string }
	at := map[key]int{}
	var out []opKind
	for _, o := range ops {
		name, _, _ := strings.Cut(o.Name, "-")
		name, _, _ = strings.Cut(name, " ")
		if strings.HasPrefix(name, "node_") { // it has none but its number
			name = ""
		}
		k := key{o.Op, name, o.Type, o.Device}
		i, ok := at[k]
		if !ok {
			i = len(out)
			at[k] = i
			out = append(out, opKind{Op: o.Op, Name: name, Type: o.Type, Device: o.Device})
		}
		out[i].Count++
		out[i].Seconds += o.Seconds
		out[i].Bytes += float64(o.Bytes)
		out[i].Operations += float64(o.Operations)
	}
	slices.SortStableFunc(out, func(a, b opKind) int { return cmp.Compare(b.Seconds, a.Seconds) })
	return out
}

// print writes the table, with the roofs of the machine that was measured.
func (t *opTimes) print(w io.Writer, roofs []kernels.Roofs) {
	fmt.Fprintf(w, "\nOPERATION\tOF\tTYPE\tDEVICE\tNODES\tTIME\tSHARE\tGB/S\tGOP/S\tOF THE ROOF\n")
	for _, k := range t.Kinds {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%d\t%s\t%.1f %%\t%.2f\t%.2f\t%s\n", k.Op, oneline.Of(figure.OrMissing(k.Name)), k.Type, figure.OrMissing(k.Device), k.Count, kernels.Seconds.Format(k.Seconds),
			100*k.Seconds/t.Sum, k.Bytes/k.Seconds/1e9, k.Operations/k.Seconds/1e9, k.ofRoof(roofs, t.Users))
	}
	fmt.Fprintf(w, "sum\t\t\t\t\t%s\t\t\t\t\n", kernels.Seconds.Format(t.Sum))
	fmt.Fprintf(w, "\nA decode step of %d users with %d tokens of context takes %s; its operations one by one %s.\n", t.Users, t.Context,
		kernels.Seconds.Format(t.Step), kernels.Seconds.Format(t.Sum))
	fmt.Fprintln(w, "Each was begun and waited for by itself, which a step does not do; the fastest of several counts.")
}

// ofRoof is the larger of the shares of the memory's and of the units' limit, of the
// kind of device that computed the node.
func (k opKind) ofRoof(roofs []kernels.Roofs, users int) string {
	i := slices.IndexFunc(roofs, func(r kernels.Roofs) bool { return r.Name == k.machine() })
	if i < 0 {
		return figure.Missing
	}
	return fmt.Sprintf("%.0f %%", 100*roofs[i].Least(k.Type, k.Bytes, k.Operations, float64(users))/k.Seconds)
}

// machine is the name of the roofs that hold for the device; "" where it is
// another machine's, or of a kind that no probe is for.
func (k opKind) machine() string {
	switch {
	case k.Device == "CPU":
		return kernels.CPUName
	case strings.HasPrefix(k.Device, "ROCm"):
		return kernels.CardsName
	}
	return ""
}
