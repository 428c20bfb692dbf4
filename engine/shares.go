package engine

import (
	"fmt"

	"ceiling/engine/gguf"
)

// A tensor split gives each device whole attention heads and whole blocks of
// the feed-forward layer. A device that gets none of them in some layer still
// takes part in the sum of that layer, with memory that nothing was written
// to: the result can be NaN or garbage (seen on three KV heads over four
// devices). So the library's own rule is computed here before it is used.

// piece is one dimension that is cut: size values in grains that stay whole.
type piece struct {
	what        string // "attention heads"
	tensor      string
	size, grain int64
}

// maxLayers is the library's own limit.
const maxLayers = 512

// emptyShard says which device a tensor split over these devices would leave
// without work in some layer; "" is none.
func emptyShard(file *gguf.File, shares []float32, devices []Device) string {
	n := len(devices)
	layers, _, err := gguf.Get[uint32](file, file.Architecture()+".block_count")
	if err != nil {
		return "" // the library's to refuse
	}
	for il := range int(min(layers, maxLayers)) {
		for _, p := range layerPieces(file, il, n) {
			// The library turns the order of the devices from layer to layer,
			// by a count that depends on the kinds of layers: try every turn.
			for turn := range n {
				if d := firstEmpty(cut(p.size, p.grain, shares, n, turn)); d >= 0 {
					return fmt.Sprintf("it would leave %s without %s in layer %d: %s has %d parts for %d devices; use fewer devices or more equal shares",
						devices[d].Name, p.what, il, p.tensor, max(1, p.size/p.grain), n)
				}
			}
		}
	}
	return ""
}

// layerPieces are the cuts of one layer, as far as the file has the tensors.
// Grains follow llama.cpp's get_split_granularity for dense attention and
// feed-forward layers.
func layerPieces(file *gguf.File, il, devices int) []piece {
	var out []piece
	name := fmt.Sprintf("blk.%d.attn_output.weight", il)
	if t := file.Tensor(name); t != nil {
		heads, kvHeads := perLayer(file, "attention.head_count", il), perLayer(file, "attention.head_count_kv", il)
		if heads > 0 && kvHeads > 0 && heads%kvHeads == 0 && t.Dims[0]%heads == 0 {
			group := heads / kvHeads * (t.Dims[0] / heads) // values of the heads that share one KV head
			block := blockSize(t)
			for block < 128 && block*int64(devices) < group {
				block *= 2
			}
			out = append(out, piece{"attention heads", name, t.Dims[0], lcm(group, block)})
		}
	}
	for _, suffix := range []string{"ffn_down.weight", "ffn_down_exps.weight"} {
		name := fmt.Sprintf("blk.%d.%s", il, suffix)
		if t := file.Tensor(name); t != nil {
			out = append(out, piece{"feed-forward work", name, t.Dims[0], lcm(blockSize(t), 128)})
		}
	}
	return out
}

// cut is the library's rule (llama_meta_device_get_split_state): the
// boundaries are rounded down to whole grains, and device (i+turn) mod n takes
// the i-th part. Its arithmetic is in 32-bit floats, as there.
func cut(size, grain int64, shares []float32, n, turn int) []int64 {
	sums := make([]float32, n)
	for i := range sums {
		if len(shares) == n {
			sums[i] = shares[(i+turn)%n]
		}
		if i > 0 {
			sums[i] += sums[i-1]
		}
	}
	parts := make([]int64, n)
	var low int64
	for i := range n {
		high := size
		if i < n-1 {
			if total := sums[n-1]; total == 0 {
				high = size * int64(i+1) / int64(n)
			} else {
				high = int64(float32(size) * sums[i] / total)
			}
			high -= high % grain
		}
		parts[(i+turn)%n] = high - low
		low = high
	}
	return parts
}

// firstEmpty is the first device without a part, −1 if each has one.
func firstEmpty(parts []int64) int {
	for i, n := range parts {
		if n <= 0 {
			return i
		}
	}
	return -1
}

// perLayer is a metadata value that is one number for all layers or one for
// each; 0 where it is missing.
func perLayer(file *gguf.File, key string, il int) int64 {
	key = file.Architecture() + "." + key
	if v, ok, err := gguf.Get[uint32](file, key); ok && err == nil {
		return int64(v)
	}
	if v, ok, err := gguf.Get[[]uint32](file, key); ok && err == nil && il < len(v) {
		return int64(v[il])
	}
	if v, ok, err := gguf.Get[[]int32](file, key); ok && err == nil && il < len(v) {
		return int64(v[il])
	}
	return 0
}

// blockSize is the number of values that the tensor's type stores together.
func blockSize(t *gguf.Tensor) int64 {
	info, ok := t.Type.Info()
	if !ok {
		return 1
	}
	return info.Block
}

func lcm(a, b int64) int64 {
	x, y := a, b
	for y != 0 {
		x, y = y, x%y
	}
	return a / x * b
}
