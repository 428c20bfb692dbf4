// Package safetensors reads the safetensors files of a checkpoint: one
// model.safetensors, or the shards that model.safetensors.index.json names.
//
// A file is a length N in 8 bytes, a JSON header of N bytes that gives every
// tensor's type, shape and place, and the tensors' bytes:
//
//	Open       reads all headers strictly: what the format forbids, what JSON
//	           readers would let pass in silence (equal keys, broken text) and
//	           what does not add up is refused. It allocates for what it has
//	           read, never for what a header promises.
//	Set.Files  opens the files for reading by offset. Nothing is mapped: a file
//	           that shrinks gives an error, not a signal.
//
// All numbers in a file are little-endian, tensors are in row-major order.
package safetensors
