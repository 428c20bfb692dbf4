package synth

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"sync"
	"time"

	"ceiling/engine/gguf"
)

// FileOptions say what Write writes.
type FileOptions struct {
	Geometry  NamedGeometry
	Type      string // storage of the matrices, one of Types()
	Out       string // path of the file
	Seed      uint64 // files of different seeds share nothing but their shape
	Overwrite bool   // replace Out where it exists
	// Progress, if not nil, is called every megabyte or so with the bytes
	// written and the bytes of the whole file, from one goroutine.
	Progress func(done, total int64)
	// Free is gguf.Writer.Free.
	Free func(dir string) (int64, error)
}

// Stats describe a file that was written.
type Stats struct {
	Path       string
	Bytes      int64 // of the file
	Tensors    int
	Parameters int64
	WriteTime  time.Duration // until the last byte was handed to the system
	TotalTime  time.Duration // until all was on the disk
}

// MBPerSecond returns the megabytes, of 10^6 bytes, per second of TotalTime.
func (s Stats) MBPerSecond() float64 { return float64(s.Bytes) / 1e6 / s.TotalTime.Seconds() }

// Write generates a model and writes it to o.Out. It needs a few dozen
// megabytes of memory for a file of any size, beside the vocabulary. The file
// appears when it is complete and on disk; after an error, or when ctx is
// cancelled, nothing is left.
//
// Errors are those of the options, *gguf.SpaceError where the file would not
// fit, and those of the disk.
func Write(ctx context.Context, o FileOptions) (Stats, error) {
	start := time.Now()
	w, list, err := prepare(o)
	if err != nil {
		return Stats{}, err
	}
	w.Overwrite, w.Free = o.Overwrite, o.Free
	defer w.Abort()
	if err := ctx.Err(); err != nil {
		return Stats{}, err
	}
	if err := w.Begin(); err != nil {
		return Stats{}, err
	}
	l, err := w.Layout()
	if err != nil {
		return Stats{}, err
	}
	st := Stats{Path: o.Out, Bytes: l.Size, Tensors: len(list)}
	for i := range l.Tensors {
		st.Parameters += l.Tensors[i].Elements()
	}
	if err := writeTensors(ctx, w, list, o, l.Size); err != nil {
		return Stats{}, fmt.Errorf("write %q: %w", o.Out, err)
	}
	st.WriteTime = time.Since(start)
	if err := w.Commit(); err != nil {
		return Stats{}, fmt.Errorf("write %q: %w", o.Out, err)
	}
	st.TotalTime = time.Since(start)
	return st, nil
}

// chunkBlocks is how many blocks of a type one chunk has. Chunks fix where the
// random numbers start afresh, so this is part of what a seed means.
func chunkBlocks(t gguf.Type) int64 {
	info, _ := t.Info()
	return chunkElements / info.Block
}

const chunkElements = 1 << 21

// chunk is a part of a tensor that one worker fills.
type chunk struct {
	tensor int    // index into the list
	index  int64  // among the tensor's chunks
	buf    []byte // what to fill
	done   chan struct{}
}

// writeTensors fills the tensors chunk by chunk, on all processors, and writes
// the chunks in order.
func writeTensors(ctx context.Context, w *gguf.Writer, list []tensor, o FileOptions, total int64) error {
	ctx, cancel := context.WithCancel(ctx)
	workers := runtime.GOMAXPROCS(0)
	// The producer hands out buffers in the order of the chunks. If workers
	// took them themselves, later chunks could hold all while the writer waits
	// for an earlier one.
	free := make(chan []byte, workers+2)
	for range cap(free) {
		free <- nil
	}
	todo, ordered := make(chan *chunk, cap(free)), make(chan *chunk, cap(free))
	l, err := w.Layout()
	if err != nil {
		cancel()
		return err
	}
	fillers := make([]filler, len(list))
	for i, t := range list {
		fillers[i] = newFiller(t)
	}
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	wg.Go(func() {
		defer close(todo)
		defer close(ordered)
		produce(ctx, l.Tensors, free, todo, ordered)
	})
	for range workers {
		wg.Go(func() {
			for c := range todo {
				s := chunkStream(o.Seed, list[c.tensor].name, c.index)
				fillers[c.tensor](c.buf, &s)
				close(c.done)
			}
		})
	}
	return consume(ctx, w, ordered, free, o.Progress, total)
}

// produce cuts the tensors into chunks.
func produce(ctx context.Context, tensors []gguf.Tensor, free <-chan []byte, todo, ordered chan<- *chunk) {
	for i := range tensors {
		t := &tensors[i]
		info, _ := t.Type.Info()
		size := chunkBlocks(t.Type) * info.Bytes
		for k := int64(0); k*size < t.Bytes; k++ {
			var buf []byte
			select {
			case buf = <-free:
			case <-ctx.Done():
				return
			}
			n := min(size, t.Bytes-k*size)
			if int64(cap(buf)) < n {
				buf = make([]byte, max(n, size))
			}
			c := &chunk{i, k, buf[:n], make(chan struct{})}
			// Neither blocks: both have room for every buffer there is.
			ordered <- c
			todo <- c
		}
	}
}

// consume writes the chunks as they come, which is in file order.
func consume(ctx context.Context, w *gguf.Writer, ordered <-chan *chunk, free chan<- []byte, progress func(done, total int64), total int64) error {
	var (
		out     io.Writer
		done    int64
		current = -1
	)
	for c := range ordered {
		select {
		case <-c.done:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		if c.tensor != current {
			t, next, err := w.Next()
			if err != nil {
				return err
			}
			out, done, current = next, t.Start, c.tensor
		}
		if _, err := out.Write(c.buf); err != nil {
			return err
		}
		if done += int64(len(c.buf)); progress != nil {
			progress(done, total)
		}
		free <- c.buf
	}
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	if progress != nil {
		progress(total, total)
	}
	return nil
}
