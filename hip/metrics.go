package hip

import (
	"encoding/binary"
	"slices"
)

// Throttle is why a card lowered its clocks: bits of gpu_metrics'
// indep_throttle_status, which mean the same on every chip.
type Throttle uint64

// The lowest bit of each group of reasons. hardwareBit is none of AMD's.
const (
	powerBit       = 0
	currentBit     = 16
	temperatureBit = 32
	voltageBit     = 56
	hardwareBit    = 60
)

// throttleReasons groups the bits by what the user can do about them.
var throttleReasons = []struct {
	reason   string
	from, to int // bits, both included
}{
	{"power", powerBit, 7},
	{"current", currentBit, 23},
	{"temperature", temperatureBit, 47},
	{"voltage or fit", voltageBit, 57},
	{"hardware slowdown", hardwareBit, hardwareBit},
}

// Reasons are the groups whose bits are set: "power", "current",
// "temperature", "voltage or fit", "hardware slowdown". nil for none.
func (s Throttle) Reasons() []string {
	var out []string
	for _, r := range throttleReasons {
		mask := (Throttle(1)<<(r.to-r.from+1) - 1) << r.from
		if s&mask != 0 && !slices.Contains(out, r.reason) {
			out = append(out, r.reason)
		}
	}
	return out
}

// parseThrottle reads the throttle status out of a gpu_metrics table. Only
// format 1.3 has the status in bits that are the same on all chips, and it
// alone is read: of format 1.1 there were two layouts. ok is false for other
// formats and for a card that does not support the field (all ones).
func parseThrottle(table []byte) (status Throttle, ok bool) {
	const indepStatus = 112
	v, ok := field13(table, indepStatus)
	return Throttle(v), ok
}

// parseAccumulator reads the energy that the card has counted, in joules, out of
// a gpu_metrics table of format 1.3; ok is false for a card that counts none.
func parseAccumulator(table []byte) (joules float64, ok bool) {
	const accumulator, unit = 24, 15.259e-6 // J
	v, ok := field13(table, accumulator)
	return float64(v) * unit, ok && v > 0
}

// field13 is a field of eight bytes of a table of format 1.3; all ones stand for
// one that the card does not support.
func field13(table []byte, at int) (v uint64, ok bool) {
	const size = 120
	if len(table) < size || binary.LittleEndian.Uint16(table) != size || table[2] != 1 || table[3] != 3 {
		return 0, false
	}
	v = binary.LittleEndian.Uint64(table[at:])
	return v, v != 1<<64-1
}
