package card

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// Kinds of faults that can be planted.
const (
	Vanish = "vanish" // the card is lost: its queues stop, its calls fail, the process is told as after a reset
	Stray  = "stray"  // the next kernel finds no memory where its arguments should be
	Hang   = "hang"   // the next kernel never ends
	Short  = "short"  // the card gives fewer bytes than it says it has
)

// Planted is a fault of a card that a test asks for.
type Planted struct {
	Kind  string
	Card  int    // from 0
	Bytes uint64 // that a card of kind Short gives
}

// ParsePlanted reads "vanish:2", "stray:0", "hang:1" or "short:3:BYTES".
func ParsePlanted(text string) (Planted, error) {
	parts := strings.Split(text, ":")
	p := Planted{Kind: parts[0]}
	want := 2
	switch p.Kind {
	case Vanish, Stray, Hang:
	case Short:
		want = 3
	default:
		return p, fmt.Errorf("fault %q: there are vanish:CARD, stray:CARD, hang:CARD and short:CARD:BYTES", text)
	}
	err := fmt.Errorf("%d parts, want %d", len(parts), want)
	if len(parts) == want {
		p.Card, err = strconv.Atoi(parts[1])
	}
	if err == nil && want == 3 {
		p.Bytes, err = strconv.ParseUint(parts[2], 10, 64)
	}
	if err != nil || p.Card < 0 {
		return p, fmt.Errorf("fault %q: want vanish:CARD, stray:CARD, hang:CARD or short:CARD:BYTES, cards from 0", text)
	}
	return p, nil
}

// planted are a driver's faults. All but Short come once there is a file with
// the name when; at once where that is "".
type planted struct {
	list []Planted
	when string
	due  atomic.Bool
	lost atomic.Uint64 // the cards that have vanished
}

// kind is the fault that a card's next packet meets; "": none.
func (p *planted) kind(card int) string {
	for _, f := range p.list {
		if f.Card == card && f.Kind != Short && p.come() {
			return f.Kind
		}
	}
	return ""
}

func (p *planted) come() bool {
	if p.due.Load() {
		return true
	}
	if _, err := os.Stat(p.when); p.when != "" && err != nil {
		return false
	}
	p.due.Store(true)
	return true
}

// limit is how much of its memory a card gives.
func (p *planted) limit(card int, vram uint64) uint64 {
	for _, f := range p.list {
		if f.Card == card && f.Kind == Short {
			vram = min(vram, f.Bytes)
		}
	}
	return vram
}

// vanish loses a card. As after a reset, the process hears of it by an event,
// once.
func (d *Driver) vanish(card int) {
	if bit := uint64(1) << card; d.planted.lost.Or(bit)&bit == 0 {
		d.log.printf("card %d has vanished, as was asked for", card)
		d.events.raiseAll(ResetEvent, d.ids[card])
	}
}

// present is the index of a card by KFD's number, where it has not vanished.
func (d *Driver) present(id uint32) (int, error) {
	card, err := d.card(id)
	if err == nil && d.planted.lost.Load()>>card&1 == 1 {
		err = unix.ENODEV
	}
	return card, err
}
