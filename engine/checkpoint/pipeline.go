package checkpoint

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"ceiling/engine/checkpoint/safetensors"
	"ceiling/engine/gguf"
)

const (
	// memoryBudget bounds the bytes of all row tiles and tiles in flight together,
	// but for two of each.
	memoryBudget = 384 << 20
	// sharedTiles is how many row tiles of matrices that are stored by columns are
	// in memory: one is read while tiles of the other are converted.
	sharedTiles = 2
)

// tile is a part of a target that one worker converts.
type tile struct {
	target *Target
	first  bool // of its target
	at     span
	shared *sharedTile // where it lies in, nil: to be read by the worker
	buf    *scratch
	worst  float64 // absolute error of converted embeddings
	err    error
	done   chan struct{}
}

// scratch holds a worker's buffers for one tile.
type scratch struct {
	rowTile rowTile
	stripe  []byte // codes of some rows
	out     []byte // blocks of the tile
}

// sharedTile is a row tile that several tiles lie in. It goes back to its pool
// after the last.
type sharedTile struct {
	rowTile
	left atomic.Int64
	pool chan *sharedTile
}

func (b *sharedTile) release() {
	if b != nil && b.left.Add(-1) == 0 {
		b.pool <- b
	}
}

// converter writes the targets of a plan.
type converter struct {
	plan     *ConversionPlan
	files    *safetensors.Files
	rounding bool
	free     chan *scratch
	rowTiles chan *sharedTile
	todo     chan *tile // to the workers
	ordered  chan *tile // to the writer
}

// write converts all targets tile by tile and writes them in file order:
// workers read and repack several tiles while one is written.
func (p *ConversionPlan) write(ctx context.Context, w *gguf.Writer, files *safetensors.Files, r *Report, o ConvertOptions) error {
	ctx, cancel := context.WithCancel(ctx)
	slots := p.slots(o.workers())
	c := &converter{
		plan: p, files: files, rounding: o.AllowRounding,
		free: make(chan *scratch, slots), rowTiles: make(chan *sharedTile, sharedTiles),
		todo: make(chan *tile, slots), ordered: make(chan *tile, slots),
	}
	// The producer hands out buffers in the order of the tiles. If workers took
	// them themselves, later tiles could hold all while the writer waits for an
	// earlier one.
	for range slots {
		c.free <- &scratch{}
	}
	for range sharedTiles {
		c.rowTiles <- &sharedTile{pool: c.rowTiles}
	}
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	wg.Go(func() {
		defer close(c.todo)
		defer close(c.ordered)
		c.produce(ctx)
	})
	for range o.workers() {
		wg.Go(func() {
			for t := range c.todo {
				t.err = c.convert(t)
				t.shared.release()
				close(t.done)
			}
		})
	}
	return c.consume(ctx, w, r, o)
}

// slots returns how many tiles may be in flight.
func (p *ConversionPlan) slots(workers int) int {
	tileBytes, rowTileBytes := int64(1), int64(0)
	for i := range p.Targets {
		tile, rowTile := p.Targets[i].memory()
		tileBytes, rowTileBytes = max(tileBytes, tile), max(rowTileBytes, rowTile)
	}
	return int(max(min(int64(workers)+2, (memoryBudget-sharedTiles*rowTileBytes)/tileBytes), 2))
}

// memory returns about how many bytes a tile and a shared row tile of the target
// need.
func (t *Target) memory() (tile, rowTile int64) {
	at := t.t.rowTiles()[0]
	perRow := t.SourceTensor.Bytes / t.t.role.out
	if t.Kind == KindPacked {
		perRow += 5 * t.t.groups // scales and zero points, unpacked
	}
	rowTile = at.rows * perRow
	at = t.t.tiles(at)[0]
	tile = at.rows * (t.Bytes / t.t.role.out)
	if t.Kind == KindFloat || !t.t.columns() {
		return tile + rowTile, 0
	}
	return tile + t.t.wholeHeads(stripeRows)*t.t.role.in*int64(t.Bits)/8, rowTile
}

// produce cuts the targets into tiles. It reads the row tiles that tiles share.
func (c *converter) produce(ctx context.Context) {
	for i := range c.plan.Targets {
		target := &c.plan.Targets[i]
		first := true
		for _, b := range target.t.rowTiles() {
			tiles := target.t.tiles(b)
			shared, err := c.share(ctx, target, b, len(tiles))
			for _, at := range tiles {
				t := &tile{target: target, first: first, at: at, shared: shared, err: err, done: make(chan struct{})}
				first = false
				if shared == nil {
					c.readAhead(target.t, at)
				}
				select {
				case t.buf = <-c.free:
				case <-ctx.Done():
					return
				}
				// Neither blocks: both have room for every buffer there is.
				c.ordered <- t
				if err != nil {
					close(t.done)
					return
				}
				c.todo <- t
			}
		}
	}
}

// readAhead asks the system to fetch what a worker will read soon. Several
// workers that read in turns look like random access, for which the system
// would not do that by itself. Where it can't, reading is merely slower.
func (c *converter) readAhead(t *tensor, at span) {
	for _, p := range []*safetensors.StoredTensor{t.float, t.codes, t.scales} {
		if p == nil {
			continue
		}
		row := p.Bytes / t.role.out
		_ = unix.Fadvise(int(c.files.File(p).Fd()), p.Start+at.row*row, at.rows*row, unix.FADV_WILLNEED)
	}
}

// share reads a row tile for n tiles, or returns nil where each tile is read by
// itself.
func (c *converter) share(ctx context.Context, t *Target, at span, n int) (*sharedTile, error) {
	if t.Kind == KindFloat || !t.t.columns() {
		return nil, nil
	}
	select {
	case b := <-c.rowTiles:
		b.left.Store(int64(n))
		return b, c.read(&b.rowTile, t, at)
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// read reads a row tile. The scan has seen the same scales and zero points, so
// what it found no fault with has none now.
func (c *converter) read(b *rowTile, t *Target, at span) error {
	b.stats = scaleStats{}
	if err := b.load(c.files, t.t, at, t.zeros); err != nil {
		return err
	}
	if b.stats.fatal() != "" || b.stats.inexact > 0 && !c.rounding {
		return errChanged
	}
	return nil
}

var errChanged = errors.New("the checkpoint was changed while it was read")

// consume writes the tiles as they come, which is in file order.
func (c *converter) consume(ctx context.Context, w *gguf.Writer, r *Report, o ConvertOptions) error {
	l, err := w.Layout()
	if err != nil {
		return err
	}
	r.Bytes = l.Size
	var (
		out  io.Writer
		done int64
	)
	for t := range c.ordered {
		select {
		case <-t.done:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		if t.err != nil {
			return fmt.Errorf("tensor %q: %w", t.target.Name, t.err)
		}
		if t.first {
			info, next, err := w.Next()
			if err != nil {
				return err
			}
			out, done = next, info.Start
		}
		if _, err := out.Write(t.buf.out); err != nil {
			return err
		}
		r.EmbeddingError = max(r.EmbeddingError, t.worst)
		done += int64(len(t.buf.out))
		o.progress("convert", done, l.Size)
		c.free <- t.buf
	}
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	o.progress("convert", l.Size, l.Size)
	return nil
}

// convert fills the tile's output.
func (c *converter) convert(t *tile) error {
	s, target := t.buf, t.target
	row := target.Bytes / target.t.role.out
	out := sized(&s.out, t.at.rows*row)
	if target.Kind == KindFloat {
		var err error
		t.worst, err = s.floatRows(c.files, target.t, t.at, out, row, target.Type)
		return err
	}
	b := &s.rowTile
	if t.shared != nil {
		b = &t.shared.rowTile
	} else if err := c.read(b, target, t.at); err != nil {
		return err
	}
	ok, encode, blocks := true, encoders[target.Type], int(target.t.group/blockSize)
	b.rows(target.t, t.at, &s.stripe, func(n int64, codes []byte, half []uint16, zeros []uint8) {
		ok = encode(out[n*row:(n+1)*row], codes, half, zeros, blocks) && ok
	})
	if !ok {
		return errChanged
	}
	return nil
}

// floatRows reads and converts rows that are not quantised.
func (s *scratch) floatRows(files *safetensors.Files, t *tensor, at span, out []byte, row int64, to gguf.Type) (worst float64, err error) {
	dtype := safetensors.DType(t.DType)
	size := t.role.in * dtype.Size()
	src := sized(&s.rowTile.codes, at.rows*size)
	if err := t.readFloats(files, src, at.row*size); err != nil {
		return 0, err
	}
	if t.role.heads == 0 {
		return convertFloats(out, src, dtype, to)
	}
	for n := range at.rows {
		from := t.role.sourceRow(at.row+n) - at.row
		e, err := convertFloats(out[n*row:(n+1)*row], src[from*size:(from+1)*size], dtype, to)
		if err != nil {
			return 0, err
		}
		worst = max(worst, e)
	}
	return worst, nil
}
