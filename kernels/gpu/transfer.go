package gpu

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"ceiling/hip/launch"
	"ceiling/kernels"
)

func linkProbes() []probe {
	files := []string{"memory"}
	return []probe{
		{name: "pcie.up", files: files, on: hostWorks(true, false)},
		{name: "pcie.down", files: files, on: hostWorks(false, true)},
		{name: "pcie.both", files: files, on: hostWorks(true, true)},
		{name: "peer.copy", files: files, itself: func(s *session, p probe) error { return s.pairs(p, peerCopy) }},
		{name: "peer.read", files: files, itself: func(s *session, p probe) error { return s.pairs(p, peerRead) }},
		{name: "peer.write", files: files, itself: func(s *session, p probe) error { return s.pairs(p, peerWrite) }},
		{name: "peer.pingpong", files: []string{"link"}, itself: func(s *session, p probe) error { return s.pairs(p, pingPong) }},
	}
}

// lane is a stream with two events, for work beside that of the card's own stream.
type lane struct {
	stream      *launch.Stream
	start, stop *launch.StreamEvent
}

func (c *card) lane() (l lane, err error) {
	if l.stream, err = c.NewStream(); err != nil {
		return l, err
	}
	if l.start, err = c.NewEvent(); err != nil {
		return l, err
	}
	l.stop, err = c.NewEvent()
	return l, err
}

// queued makes a work of what is queued on a lane, timed by events and the host.
func (l lane) queued(w work, queue func() error) *work {
	w.host = true
	w.queue = func(s size) error {
		if err := l.start.Record(l.stream); err != nil {
			return err
		}
		for range s.rounds * s.launches {
			if err := queue(); err != nil {
				return err
			}
		}
		return l.stop.Record(l.stream)
	}
	w.finish = func(size) (reading, error) {
		seconds, err := l.stop.Since(l.start)
		return reading{events: seconds}, err
	}
	return &w
}

// sizes of transfers, in bytes.
func (s scale) sizes(all ...int) []int {
	switch {
	case s.standin:
		return all[:1]
	case s.quick:
		return all[len(all)-1:]
	}
	return all
}

// hostWorks copy between host and card, from pinned and from pageable memory.
func hostWorks(up, down bool) func(c *card, sc scale) ([]*work, error) {
	return func(c *card, sc scale) ([]*work, error) {
		var out []*work
		all := []int{64, 4 << 10, 256 << 10, 16 << 20, 256 << 20, 1 << 30}
		if sc.several {
			all = all[:len(all)-1]
		}
		sizes := sc.sizes(all...)
		for _, node := range c.nodes() {
			for _, pinned := range []bool{true, false} {
				var ws []*work
				err := node.here(func() (err error) {
					ws, err = hostCopies(c, sizes, pinned, up, down)
					return err
				})
				if err != nil {
					return nil, err
				}
				for _, w := range ws {
					w.variant = fmt.Sprintf("%s, %s%s", bytesText(int(w.bytes)), map[bool]string{true: "pinned", false: "pageable"}[pinned], node.text)
				}
				out = append(out, ws...)
			}
		}
		return out, nil
	}
}

func bytesText(n int) string {
	for _, u := range []struct {
		shift int
		name  string
	}{{30, "GiB"}, {20, "MiB"}, {10, "KiB"}} {
		if n >= 1<<u.shift {
			return fmt.Sprintf("%d %s", n>>u.shift, u.name)
		}
	}
	return fmt.Sprintf("%d B", n)
}

// hostCopies are copies of several sizes between two host buffers and two of the
// card, of which each has the largest size.
func hostCopies(c *card, sizes []int, pinned, up, down bool) ([]*work, error) {
	most := sizes[len(sizes)-1]
	var a, b launch.Buffer // up to, down from
	var from, to launch.Host
	err := func() (err error) {
		if b, err = c.filled("fill", most, 0, ^uint32(0)); err != nil {
			return err
		}
		if a, err = c.Alloc(most, launch.Cached); err != nil {
			return err
		}
		if from, err = c.AllocHost(most, pinned); err != nil {
			return err
		}
		if to, err = c.AllocHost(most, pinned); err != nil {
			return err
		}
		return b.Download(from)
	}()
	if err != nil {
		return nil, err
	}
	l, err := c.lane()
	if err != nil {
		return nil, err
	}
	second := l
	if up && down {
		if second, err = c.lane(); err != nil {
			return nil, err
		}
	}
	var out []*work
	for _, n := range sizes {
		out = append(out, hostCopy(c, l, second, a.Part(0, n), b.Part(0, n), from[:n], to[:n], up, down))
	}
	return out, nil
}

// hostCopy is copies up, down, or both at once in two streams.
func hostCopy(c *card, l, second lane, a, b launch.Buffer, from, to launch.Host, up, down bool) *work {
	w := work{unit: kernels.BytesPerSecond, bytes: int64(a.Bytes), amount: float64(a.Bytes)}
	if up && down {
		w.amount *= 2
	}
	w.reset = func() error {
		clear(to)
		return a.Set(0x5a)
	}
	w.check = func(int) error {
		if up {
			if err := c.counted("check_copy", a, ^uint32(0), 0, 0, 0); err != nil {
				return err
			}
		}
		if down {
			return checkHost(to)
		}
		return nil
	}
	return l.queued(w, func() error {
		if up && down {
			return errors.Join(l.stream.Upload(a, from), second.stream.Wait(l.start), second.stream.Download(to, b),
				second.stop.Record(second.stream), l.stream.Wait(second.stop))
		}
		if up {
			return l.stream.Upload(a, from)
		}
		return l.stream.Download(to, b)
	})
}

// checkHost adds up what came down.
func checkHost(h launch.Host) error {
	got := uint32(0)
	for i := 0; i+4 <= len(h); i += 4 {
		got += binary.LittleEndian.Uint32(h[i:])
	}
	if want := sumWords(uint64(len(h) / 4)); got != want {
		return fmt.Errorf("the sum of what arrived at the host is %#x, it should be %#x", got, want)
	}
	return nil
}

// pairing makes the works of a way from card a to card b: of one card, or of both.
type pairing func(sc scale, a, b *card) ([]*work, error)

// pairs measures each ordered pair of cards, each pair in both directions at once,
// and all pairs at once.
func (s *session) pairs(p probe, make pairing) error {
	if len(s.cards) < 2 {
		s.out = append(s.out, kernels.Measurement{Probe: p.name, Devices: []int{s.cards[0].Index}, Unit: kernels.BytesPerSecond,
			Verdict: kernels.Missing, Reason: "there is one card"})
		return nil
	}
	var all [][2]*card
	for i, a := range s.cards {
		for k, b := range s.cards {
			if a == b {
				continue
			}
			all = append(all, [2]*card{a, b})
			if s.scale.standin && len(all) > 1 {
				continue // they are all the same
			}
			if err := s.ways(p, "one way", make, [2]*card{a, b}); err != nil {
				return err
			}
			if i < k && p.name != "peer.pingpong" {
				if err := s.ways(p, "both ways", make, [2]*card{a, b}, [2]*card{b, a}); err != nil {
					return err
				}
			}
		}
	}
	if p.name != "peer.copy" || len(all) == 2 {
		return nil // kernels of one card would wait for each other
	}
	return s.ways(p, "all to all", make, all...)
}

// ways measures several ways at once.
func (s *session) ways(p probe, variant string, make pairing, ways ...[2]*card) (err error) {
	for _, c := range s.cards {
		mark := c.Mark()
		defer func() { err = errors.Join(err, c.Release(mark)) }()
	}
	var columns [][]*work // by way and size
	var cards []*card
	for _, way := range ways {
		can, err := way[0].CanReach(way[1].OpenDevice)
		if err != nil {
			return err
		}
		if !can {
			s.out = append(s.out, kernels.Measurement{Probe: p.name, Variant: variant, Devices: []int{way[0].Index, way[1].Index},
				Unit: kernels.BytesPerSecond, Verdict: kernels.Missing, Reason: "the cards can't reach each other's memory"})
			return nil
		}
		ws, err := make(s.scale, way[0], way[1])
		if err != nil {
			return err
		}
		columns = append(columns, ws)
		for _, c := range way {
			if !slices.Contains(cards, c) {
				cards = append(cards, c)
			}
		}
	}
	return s.columns(p, variant, cards, columns)
}

// columns measures, size by size, what several ways have of it.
func (s *session) columns(p probe, variant string, cards []*card, columns [][]*work) error {
	if p.name == "peer.pingpong" { // its two works are one thing
		columns[0][0].variant = variant
		return s.one(p.name, cards, columns[0])
	}
	for v := range columns[0] {
		var row []*work
		for _, ws := range columns {
			row = append(row, ws[v])
		}
		row[0].variant = fmt.Sprintf("%s, %s", variant, bytesText(int(row[0].bytes)))
		if err := s.one(p.name, cards, row); err != nil {
			return err
		}
	}
	return nil
}

// peerCopy is copies by the copy engines.
func peerCopy(sc scale, a, b *card) ([]*work, error) {
	l, err := a.lane()
	if err != nil {
		return nil, err
	}
	sizes := sc.sizes(4<<10, 256<<10, 16<<20, 256<<20)
	most := sizes[len(sizes)-1]
	from, err := a.filled("fill", most, 0, ^uint32(0))
	if err != nil {
		return nil, err
	}
	to, err := b.Alloc(most, launch.Cached)
	if err != nil {
		return nil, err
	}
	var out []*work
	for _, n := range sizes {
		from, to := from.Part(0, n), to.Part(0, n)
		w := work{unit: kernels.BytesPerSecond, bytes: int64(n), amount: float64(n)}
		w.reset = func() error { return to.Set(0x5a) }
		w.check = func(int) error { return b.counted("check_copy", to, ^uint32(0), 0, 0, 0) }
		out = append(out, l.queued(w, func() error { return l.stream.Copy(to, from) }))
	}
	return out, nil
}

// peerGrid fills a card for reading or writing another's memory.
func peerGrid(a *card, sc scale) launch.Grid {
	return launch.Grid{Groups: sc.pick(2*a.CUs, 2), Threads: 256}
}

// peerRead is a kernel on card a that reads memory of card b.
func peerRead(sc scale, a, b *card) ([]*work, error) {
	g := peerGrid(a, sc)
	memory, err := b.filled("fill", fitted(sc.pick(256<<20, 64<<10), g), 0, ^uint32(0))
	if err != nil {
		return nil, err
	}
	w, err := reads(a, "read_8", memory, g)
	return []*work{w}, err
}

// peerWrite is a kernel on card a that writes memory of card b.
func peerWrite(sc scale, a, b *card) ([]*work, error) {
	g := peerGrid(a, sc)
	memory, err := b.Alloc(fitted(sc.pick(256<<20, 64<<10), g), launch.Cached)
	if err != nil {
		return nil, err
	}
	w := writes(a, memory, g, ^uint32(0))
	w.check = func(rounds int) error { return b.counted("check_write", memory, ^uint32(0), 0, 0, rounds-1) }
	return []*work{w}, nil
}

// patience is how often a kernel looks at a flag before it gives up.
const patience = 1 << 22

// pingPong is a number that two kernels throw to and fro through uncached memory.
func pingPong(sc scale, a, b *card) ([]*work, error) {
	var flags [2]launch.Buffer
	cards := []*card{a, b}
	for i, c := range cards {
		var err error
		if flags[i], err = c.Alloc(64, launch.Uncached); err != nil {
			return nil, err
		}
		if err := flags[i].Set(0); err != nil {
			return nil, err
		}
	}
	var out []*work
	for i, c := range cards {
		caught, err := c.Alloc(4, launch.Cached)
		if err != nil {
			return nil, err
		}
		next := 1
		w := work{unit: kernels.Seconds, bytes: 4, amount: 2, most: sc.pick(1<<20, 8)}
		w.reset = func() error { return caught.Set(0) }
		w.check = func(rounds int) error {
			got, err := words32(caught)
			if err == nil && int(got[0]) != rounds {
				err = fmt.Errorf("device %d caught the number %d of %d times", c.Index, got[0], rounds)
			}
			return err
		}
		out = append(out, c.timed(w, "pingpong", launch.Grid{Groups: 1, Threads: 64}, func(rounds int) []any {
			first := next
			next += rounds
			return []any{flags[i], flags[1-i], caught, uint32(first), uint32(rounds), uint32(i), uint32(patience)}
		}))
	}
	return out, nil
}
