package checkpoint

import (
	"context"
	"fmt"
	"sync"

	"ceiling/engine/checkpoint/safetensors"
	"ceiling/engine/gguf"
)

// scanBytes is how many bytes of scales are read at a time.
const scanBytes = 4 << 20

// unit is a span of one target's rows.
type unit struct {
	target *Target
	at     span
}

// scan reads the scales and zero points of all packed tensors and chooses their
// types.
func (p *ConversionPlan) scan(ctx context.Context, files *safetensors.Files, o ConvertOptions) error {
	var (
		units []unit
		total int64
		done  int64
		mu    sync.Mutex // of done, stats and the calls of Progress
		stats = map[*Target]*scaleStats{}
	)
	for i := range p.Targets {
		t := &p.Targets[i]
		if t.Kind != KindPacked {
			continue
		}
		stats[t] = &scaleStats{}
		rows := scanBytes / (t.t.groups * t.t.scales.DType.Size())
		for _, at := range spans(t.t.role.out, max(rows/8*8, 8)) {
			units = append(units, unit{t, at})
			total += unitBytes(t.t, at)
		}
	}
	err := parallel(ctx, o.readers(), units, func(b *rowTile, u unit) error {
		part, why, err := b.scanSpan(files, u.target.t, u.at)
		mu.Lock()
		defer mu.Unlock()
		if why != nil && u.target.Refused == "" {
			u.target.Refused = why.Error()
		}
		stats[u.target].merge(part)
		done += unitBytes(u.target.t, u.at)
		o.progress("scan", done, total)
		return err
	})
	if err != nil {
		return err
	}
	for i := range p.Targets {
		if t := &p.Targets[i]; t.Kind == KindPacked {
			p.SmallScales += stats[t].small
			p.OddScales += stats[t].odd
			if err := t.choose(ctx, files, stats[t], o); err != nil {
				return err
			}
		}
	}
	return nil
}

// unitBytes returns the bytes of scales and zero points of a span.
func unitBytes(t *tensor, at span) int64 {
	n := t.scales.Bytes
	if t.zeros != nil {
		n += t.zeros.Bytes
	}
	return n / t.role.out * at.rows
}

// spans cuts n rows into spans of at most step.
func spans(n, step int64) []span {
	var list []span
	for row := int64(0); row < n; row += step {
		list = append(list, span{row, min(step, n-row)})
	}
	return list
}

// scanSpan counts the scales and zero points of some rows. why is set where
// the zero points can't be understood.
func (b *rowTile) scanSpan(files *safetensors.Files, t *tensor, at span) (stats scaleStats, why, err error) {
	b.stats = scaleStats{}
	if err := b.readScales(files, t, at); err != nil {
		return stats, nil, err
	}
	err = b.readZeros(files, t, at)
	if isZeroError(err) {
		return b.stats, err, nil
	}
	if err != nil || b.zeros == nil {
		return b.stats, nil, err
	}
	b.stats.zeroPoints(b.zeros, b.half, t.middle())
	if b.stats.offMiddle > 0 && t.Bits == 4 {
		err = b.sample(files, t, at)
	}
	return b.stats, nil, err
}

// sample looks for a code that Q4_0 has no room for, where few reads find many:
// in the first row, or, where that is scattered, in the first columns.
func (b *rowTile) sample(files *safetensors.Files, t *tensor, at span) error {
	head := *t
	rows, groups := int64(1), t.groups
	if t.columns() {
		head.role.in, rows, groups = blockSize, at.rows, 1
	}
	b.at = span{at.row, rows}
	if err := b.readCodes(files, &head, b.at); err != nil {
		return err
	}
	var buf []byte
	codes := b.codeRows(&head, 0, rows, &buf)
	row := head.role.in / 2
	dst := make([]byte, head.role.in/blockSize*18)
	blocks := int(head.role.in / groups / blockSize)
	for r := range rows {
		if !encodeQ4_0(dst, codes[r*row:(r+1)*row], b.half[r*t.groups:r*t.groups+groups], b.zeros[r*t.groups:r*t.groups+groups], blocks) {
			b.stats.misfits++
		}
	}
	return nil
}

// choose sets the type of a packed tensor: the first that holds it exactly. The
// scales are the same in all of them, so they decide whether there is one.
func (t *Target) choose(ctx context.Context, files *safetensors.Files, s *scaleStats, o ConvertOptions) error {
	t.Inexact, t.WorstRelative = s.inexact, s.worst
	t.zeros = s.offMiddle > 0
	t.Type = gguf.Q4_0
	if t.Bits == 8 {
		t.Type = gguf.Q8_0
	}
	switch {
	case t.Refused != "":
		return nil
	case s.fatal() != "":
		t.Refused = s.fatal()
	case s.rounding() != "" && !o.AllowRounding:
		t.Refused = s.rounding()
	case t.zeros && t.t.neutral:
		t.Refused = notNeutral(t.t, s.offMiddle)
	case t.zeros && t.Bits == 8:
		t.Refused = fmt.Sprintf("has %d zero points other than 128: 8-bit codes with zero points fit no type of GGUF", s.offMiddle)
	}
	if !t.zeros || t.Refused != "" {
		return nil
	}
	fits := false
	if s.misfits == 0 {
		var err error
		if fits, err = t.fitsQ4_0(ctx, files); err != nil {
			return err
		}
	}
	switch {
	case fits:
	case s.noMinimum == 0 && s.inexact == 0:
		t.Type = gguf.Q4_1
	default:
		t.Type = gguf.Q5_0
	}
	return nil
}

// notNeutral says that weights that are declared symmetric are not.
func notNeutral(t *tensor, n int64) string {
	s := fmt.Sprintf("is declared symmetric but has %d zero points other than %d", n, t.middle())
	if t.zero == zeroCols {
		s += ": the checkpoint may be of the other GPTQ version, correct checkpoint_format (gptq or gptq_v2) in its configuration"
	}
	return s
}

// fitsQ4_0 reads codes until one is more than 8 below or 7 above its zero
// point.
func (t *Target) fitsQ4_0(ctx context.Context, files *safetensors.Files) (bool, error) {
	row, err := gguf.Q4_0.RowBytes(t.t.role.in)
	if err != nil {
		return false, err
	}
	var (
		b    rowTile
		buf  []byte
		dst  = make([]byte, row)
		fits = true
	)
	for _, at := range t.t.rowTiles() {
		if err := ctx.Err(); err != nil {
			return false, context.Cause(ctx)
		}
		if err := b.load(files, t.t, at, true); err != nil {
			return false, err
		}
		b.rows(t.t, at, &buf, func(_ int64, codes []byte, half []uint16, zeros []uint8) {
			fits = fits && encodeQ4_0(dst, codes, half, zeros, int(t.t.group/blockSize))
		})
		if !fits {
			break
		}
	}
	return fits, nil
}

// parallel calls do for every unit on some workers, each with buffers of its
// own, until one fails or ctx ends.
func parallel(ctx context.Context, workers int, units []unit, do func(*rowTile, unit) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	todo := make(chan unit)
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			b := &rowTile{}
			for u := range todo {
				if err := do(b, u); err != nil {
					cancel(err)
				}
			}
		})
	}
	for _, u := range units {
		select {
		case todo <- u:
			continue
		case <-ctx.Done():
		}
		break
	}
	close(todo)
	wg.Wait()
	return context.Cause(ctx)
}
