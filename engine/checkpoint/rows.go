package checkpoint

// Sizes of what is read at a time, in bytes of the checkpoint. Only tests
// change them.
var (
	// tileBytes suits matrices that are stored by rows.
	tileBytes int64 = 4 << 20
	// rowTileBytes suits those that are stored by columns: all of most, so that
	// reading them is not cut into pieces.
	rowTileBytes int64 = 96 << 20
)

// rowTiles cuts the rows of a tensor into what is read at a time: whole heads
// where rows change places, and whole words of codes and zero points.
func (t *tensor) rowTiles() []span {
	target, step, row := tileBytes, int64(8), t.role.in*int64(t.Bits)/8
	if t.Kind == KindFloat {
		step = 1
	} else if t.columns() {
		target, step = rowTileBytes, stripeRows
	}
	step = t.wholeHeads(step)
	return spans(t.role.out, max(target/row/step*step, step))
}

// tiles cuts a row tile into what is converted at a time.
func (t *tensor) tiles(b span) []span {
	if t.Kind == KindFloat || !t.columns() {
		return []span{b}
	}
	step := t.wholeHeads(stripeRows)
	list := spans(b.rows, max(tileBytes/(t.role.in*int64(t.Bits)/8)/step*step, step))
	for i := range list {
		list[i].row += b.row
	}
	return list
}

// wholeHeads returns the smallest multiple of n rows that is whole heads.
func (t *tensor) wholeHeads(n int64) int64 {
	if t.role.heads == 0 {
		return n
	}
	dim := t.role.out / t.role.heads
	return n / gcd(n, dim) * dim
}

func gcd(a, b int64) int64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// rowFunc takes one row of the file: its number in the tile, and its codes,
// scales and zero points (nil where all are in the middle), valid during the
// call.
type rowFunc func(n int64, codes []byte, half []uint16, zeros []uint8)

// rows calls do for each row of the file that a tile of the row tile has, in any
// order. buf is for codes.
func (b *rowTile) rows(t *tensor, at span, buf *[]byte, do rowFunc) {
	bytes := t.role.in * int64(t.Bits) / 8
	for _, stripe := range spans(at.rows, t.wholeHeads(stripeRows)) {
		first := at.row + stripe.row - b.at.row
		codes := b.codeRows(t, first, stripe.rows, buf)
		for k := range stripe.rows {
			from := t.role.sourceRow(at.row+stripe.row+k) - b.at.row
			var z []uint8
			if b.zeros != nil {
				z = b.zeros[from*t.groups : (from+1)*t.groups]
			}
			c := codes[(from-first)*bytes : (from-first+1)*bytes]
			do(stripe.row+k, c, b.half[from*t.groups:(from+1)*t.groups], z)
		}
	}
}
